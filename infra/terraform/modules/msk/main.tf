# Three brokers or a multiple, replication 3, two replicas in sync, no unclean election, IAM and TLS only.

locals {
  once        = var.create ? toset(["this"]) : toset([])
  is_standard = var.broker_type == "standard"
  # Express brokers set the last three themselves and refuse them in a configuration.
  properties = merge(
    { "auto.create.topics.enable" = "false" },
    local.is_standard ? {
      "default.replication.factor"     = "3"
      "min.insync.replicas"            = "2"
      "unclean.leader.election.enable" = "false"
    } : {},
  )
}

resource "aws_cloudwatch_log_group" "brokers" {
  for_each = local.once

  name              = "/aws/msk/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_security_group" "brokers" {
  # checkov:skip=CKV2_AWS_5:The brokers of the cluster below use it
  for_each = local.once

  name        = "${var.name}-brokers"
  description = "Brokers of ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-brokers" })
}

resource "aws_msk_configuration" "this" {
  for_each = local.once

  name              = var.name
  kafka_versions    = [var.kafka_version]
  server_properties = join("\n", [for key, value in local.properties : "${key}=${value}"])

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_msk_cluster" "this" {
  for_each = local.once

  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = 3 * var.brokers_per_zone
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"
  tags                   = var.tags

  broker_node_group_info {
    client_subnets  = var.subnet_ids
    instance_type   = var.instance_type
    security_groups = [aws_security_group.brokers["this"].id]

    dynamic "storage_info" {
      for_each = local.is_standard ? [var.storage_gb] : []

      content {
        ebs_storage_info {
          volume_size = storage_info.value
        }
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this["this"].arn
    revision = aws_msk_configuration.this["this"].latest_revision
  }

  client_authentication {
    sasl {
      iam = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = var.kms_key_arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.brokers["this"].name
      }
    }
  }
}

resource "aws_msk_topic" "this" {
  for_each = var.create ? var.topics : {}

  cluster_arn        = aws_msk_cluster.this["this"].arn
  name               = each.key
  partition_count    = each.value.partitions
  replication_factor = 3
  configs            = length(each.value.configs) > 0 ? base64encode(join("\n", [for key, value in each.value.configs : "${key}=${value}"])) : null
}
