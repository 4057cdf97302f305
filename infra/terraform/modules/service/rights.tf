# Two roles: the task's own, and the one under which ECS fetches image, secrets and log stream.

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.region
  arn     = "arn:${data.aws_partition.current.partition}"

  secret_arns    = [for arn in values(var.secrets) : arn if strcontains(arn, ":secretsmanager:")]
  parameter_arns = [for arn in values(var.secrets) : arn if strcontains(arn, ":ssm:")]
  # An ECR image's name starts with its account and region; other images need no rights here.
  repository = try(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z.]+/([^:@]+)", var.image)[0], null)

  assume = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })

  task_statements = concat(module.pipeline.storage_statements, module.pipeline.kafka_statements)

  execution_statements = concat(
    [{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.arn}:logs:${local.region}:${local.account}:log-group:${local.log}:log-stream:*"]
    }],
    local.repository == null ? [] : [
      {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = ["${local.arn}:ecr:${local.region}:${local.account}:repository/${coalesce(local.repository, "-")}"]
      },
      {
        # IAM defines no resource type for this action.
        Sid      = "Registry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
    ],
    length(local.secret_arns) == 0 ? [] : [{
      Sid      = "Secrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = local.secret_arns
    }],
    length(local.parameter_arns) == 0 ? [] : [{
      Sid      = "Parameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameters"]
      Resource = local.parameter_arns
    }],
    var.kms_key_arn == null || length(var.secrets) == 0 ? [] : [{
      Sid      = "Key"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.kms_key_arn]
    }],
  )
}

resource "aws_iam_role" "task" {
  for_each = local.once

  name               = "${var.name}-task"
  assume_role_policy = local.assume
  tags               = var.tags
}

resource "aws_iam_role_policy" "task" {
  for_each = local.once

  name   = "pipeline"
  role   = aws_iam_role.task["this"].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.task_statements })
}

resource "aws_iam_role" "execution" {
  for_each = local.once

  name               = "${var.name}-execution"
  assume_role_policy = local.assume
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  for_each = local.once

  name   = "start"
  role   = aws_iam_role.execution["this"].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.execution_statements })
}
