# The role of the function, all in one place. The mapping's poller uses it, too.

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.region
  arn     = "arn:${data.aws_partition.current.partition}"
  ec2     = "${local.arn}:ec2:${local.region}:${local.account}"

  access      = try(var.event_source.access, [])
  secrets     = [for access in local.access : access.uri if startswith(access.uri, "arn:")]
  is_in_vpc   = var.vpc != null || local.is_msk || anytrue([for access in local.access : access.type == "VPC_SUBNET"])
  polls_msk   = local.is_msk && var.pipeline.source.kafka.authentication == "msk_iam"
  msk_cluster = try(coalesce(var.event_source.msk_cluster_arn), "-")
  # Where the function itself reads the same cluster, the pipeline's statements repeat most of these.
  poller_topics = [for topic in local.mapped_topics : "${replace(local.msk_cluster, ":cluster/", ":topic/")}/${topic}"]
  poller_groups = [for group in values(local.groups) : "${replace(local.msk_cluster, ":cluster/", ":group/")}/${group}"]

  statements = concat(
    [{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.arn}:logs:${local.region}:${local.account}:log-group:${local.log}:log-stream:*"]
    }],
    module.pipeline.storage_statements,
    module.pipeline.kafka_statements,
    var.pipeline_bucket == null ? [] : [{
      Sid      = "Pipeline"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.arn}:s3:::${coalesce(var.pipeline_bucket, "-")}/${local.key}"]
    }],
    !local.is_in_vpc ? [] : [
      {
        Sid      = "Interfaces"
        Effect   = "Allow"
        Action   = ["ec2:CreateNetworkInterface"]
        Resource = ["${local.ec2}:network-interface/*", "${local.ec2}:subnet/*", "${local.ec2}:security-group/*"]
      },
      {
        # Lambda chooses the interfaces' ids, so that the policy cannot name them.
        Sid      = "EndInterfaces"
        Effect   = "Allow"
        Action   = ["ec2:DeleteNetworkInterface"]
        Resource = ["${local.ec2}:network-interface/*"]
      },
      {
        # IAM defines no resource type for these actions.
        Sid    = "LookAtNetwork"
        Effect = "Allow"
        Action = [
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      },
    ],
    !local.is_msk ? [] : [
      {
        Sid      = "DescribeCluster"
        Effect   = "Allow"
        Action   = ["kafka:DescribeCluster", "kafka:DescribeClusterV2"]
        Resource = [local.msk_cluster]
      },
      {
        # IAM defines no resource type for this action.
        Sid      = "FindBrokers"
        Effect   = "Allow"
        Action   = ["kafka:GetBootstrapBrokers"]
        Resource = ["*"]
      },
    ],
    !local.polls_msk ? [] : [
      {
        Sid      = "PollCluster"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = [local.msk_cluster]
      },
      {
        Sid      = "PollTopics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = local.poller_topics
      },
      {
        Sid      = "PollGroups"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]
        Resource = local.poller_groups
      },
    ],
    length(local.secrets) == 0 ? [] : [{
      Sid      = "Secrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = local.secrets
    }],
  )
}

resource "aws_iam_role" "this" {
  for_each = local.once

  name = var.name
  tags = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.once

  name   = "pipeline"
  role   = aws_iam_role.this["this"].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
