# The IAM statements of the process's role: the actions that docs/lambda.md and docs/s3.md list.

locals {
  locations = [for path in distinct(local.paths) : regex("^s3://(?P<bucket>[^/]+)/(?P<prefix>.+)$", path)]
  registry  = regex("^s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)$", var.pipeline.transform.registry)
  artifact  = trimprefix("${local.registry.prefix}/${local.artifact_name}", "/")
  s3        = "arn:${data.aws_partition.current.partition}:s3:::"

  prefixes = { for bucket in distinct(concat(local.locations[*].bucket, [local.registry.bucket])) : bucket => distinct(concat(
    [for location in local.locations : location.prefix if location.bucket == bucket],
    local.registry.bucket == bucket ? [local.artifact] : [],
  )) }

  storage_statements = concat(
    [
      {
        Sid      = "Tables"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = [for location in local.locations : "${local.s3}${location.bucket}/${location.prefix}/*"]
      },
      {
        Sid      = "Transform"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.s3}${local.registry.bucket}/${local.artifact}/*"]
      },
    ],
    # A GET of a missing object carries no prefix, and S3 answers it with 404 only where ListBucket holds: hence IfExists.
    [for index, bucket in keys(local.prefixes) : {
      Sid       = "List${index}"
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = ["${local.s3}${bucket}"]
      Condition = { StringLikeIfExists = { "s3:prefix" = flatten([for prefix in local.prefixes[bucket] : [prefix, "${prefix}/*"]]) } }
    }],
    !var.withdraw_canaries ? [] : [{
      Sid      = "Channels"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.s3}${local.registry.bucket}/${local.artifact}/channels/*"]
    }],
    length(var.kms_key_arns) == 0 ? [] : [{
      Sid      = "Keys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arns
    }],
  )

  is_by_iam = var.msk_cluster_arn != null && local.kafka.authentication == "msk_iam"
  cluster   = coalesce(var.msk_cluster_arn, "-")
  topics    = local.kafka.topics_regex == null ? local.kafka.topics : ["*"]

  kafka_statements = !local.is_by_iam ? [] : concat(
    [
      {
        Sid      = "Cluster"
        Effect   = "Allow"
        Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:DescribeClusterDynamicConfiguration"]
        Resource = [local.cluster]
      },
      {
        Sid      = "Topics"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in local.topics : "${replace(local.cluster, ":cluster/", ":topic/")}/${topic}"]
      },
    ],
    [{
      Sid      = "Group"
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]
      Resource = ["${replace(local.cluster, ":cluster/", ":group/")}/${local.group}"]
    }],
    var.pipeline.dead_letters.topic == null ? [] : [
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = ["${replace(local.cluster, ":cluster/", ":topic/")}/${var.pipeline.dead_letters.topic}"]
      },
      {
        # IAM defines this action on the cluster, although the producer writes to a topic.
        Sid      = "Idempotence"
        Effect   = "Allow"
        Action   = ["kafka-cluster:WriteDataIdempotently"]
        Resource = [local.cluster]
      },
    ],
  )
}
