# The whole stack: VPC, MSK with a topic, buckets, the function, and alarms by mail.

provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "sluicebox", pipeline = var.name }
  }
}

locals {
  topic = "orders"
  zones = slice(data.aws_availability_zones.here.names, 0, 3)
}

# The filter names the zones, so that a zone that AWS adds later changes nothing.
data "aws_availability_zones" "here" {
  state = "available"

  filter {
    name   = "zone-name"
    values = [for letter in ["a", "b", "c", "d"] : "${var.region}${letter}"]
  }
}

module "storage" {
  source = "../../modules/storage"

  name = var.name
}

module "msk" {
  source = "../../modules/msk"

  name        = var.name
  vpc_id      = aws_vpc.this.id
  subnet_ids  = [for zone in local.zones : aws_subnet.this[zone].id]
  kms_key_arn = module.storage.kms_key_arn
  topics      = { (local.topic) = { partitions = 12, configs = { "retention.ms" = "604800000" } } }
}

module "network" {
  source = "../../modules/network"

  name                      = var.name
  vpc_id                    = aws_vpc.this.id
  subnet_ids                = [for zone in local.zones : aws_subnet.this[zone].id]
  route_table_ids           = [aws_route_table.this.id]
  cluster_security_group_id = module.msk.security_group_id
}

module "function" {
  source = "../../modules/lambda"

  name                 = "sluicebox-${var.name}"
  packages             = { x86_64 = var.package }
  kms_key_arn          = module.storage.kms_key_arn
  reserved_concurrency = 50
  msk_cluster_arn      = module.msk.cluster_arn
  event_source         = { msk_cluster_arn = module.msk.cluster_arn }

  vpc = {
    subnet_ids         = [for zone in local.zones : aws_subnet.this[zone].id]
    security_group_ids = [module.network.client_security_group_id]
  }

  pipeline = {
    name = var.name
    source = {
      kafka = {
        brokers        = module.msk.brokers
        topics         = [local.topic]
        authentication = "msk_iam"
      }
    }
    transform = {
      artifact = var.transform
      registry = module.storage.registry_location
    }
    # One entry for each table that the transform describes.
    tables       = { orders = { path = "${module.storage.tables_location}/orders" } }
    dead_letters = { path = "${module.storage.dead_letters_location}/${var.name}" }
    # On-demand polling: a partition that fails fails the invocation.
    lambda = { gaps = "verify", partial_responses = false }
  }
}

module "observability" {
  source = "../../modules/observability"

  name             = var.name
  alarm_topic_arns = [aws_sns_topic.alarms.arn]
  lambda = {
    function_name   = module.function.function_name
    timeout_seconds = module.function.timeout_seconds
    has_mapping     = true
  }
  msk = {
    cluster_name = module.msk.cluster_name
    broker_count = module.msk.broker_count
    groups       = module.function.groups
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = module.storage.kms_key_arn
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
