# The function, its alias and its log. Mappings and schedules invoke the alias: a rollback of the binary moves it back.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  once     = var.create ? toset(["this"]) : toset([])
  zip      = var.packages[var.architecture]
  document = module.pipeline.json
  log      = "/aws/lambda/${var.name}"
  key      = "pipelines/${var.name}.json"
  place    = var.pipeline_bucket == null ? local.document : "s3://${var.pipeline_bucket}/${local.key}"
}

resource "aws_s3_object" "pipeline" {
  for_each = var.pipeline_bucket == null ? toset([]) : local.once

  bucket       = var.pipeline_bucket
  key          = local.key
  content      = local.document
  content_type = "application/json"
  source_hash  = sha256(local.document)
  kms_key_id   = var.kms_key_arn
  tags         = var.tags
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.once

  name              = local.log
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_50:The function sends no X-Ray segments; its log lines carry the request id
  # checkov:skip=CKV_AWS_116:Kafka mappings do not use a function's dead-letter queue; records that fail become dead letters in a table
  # checkov:skip=CKV_AWS_117:The function needs a VPC only where it reaches the brokers itself; validations of `vpc` enforce it
  # checkov:skip=CKV_AWS_272:The operator builds the zip; a signing profile belongs to the operator's account
  for_each = local.once

  function_name                  = var.name
  description                    = substr("Sluicebox: transform ${var.pipeline.transform.artifact}, pipeline ${var.pipeline.name}", 0, 256)
  role                           = aws_iam_role.this["this"].arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = local.zip
  source_code_hash               = filebase64sha256(local.zip)
  publish                        = true
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  environment {
    variables = merge(
      var.environment,
      { SLUICEBOX_PIPELINE = local.place },
      # The function does not read the digest: it changes with the document, so that Lambda publishes a new version.
      var.pipeline_bucket == null ? {} : { SLUICEBOX_PIPELINE_SHA256 = sha256(local.document) },
    )
  }

  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.this["this"].name
    application_log_level = var.log_level
    system_log_level      = "INFO"
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.place) + length(join("", flatten([for name, value in var.environment : [name, value]]))) <= 3800
      error_message = "The pipeline's document has ${length(local.document)} bytes, and Lambda allows 4 KB for all variables: set pipeline_bucket, which keeps it in S3."
    }
  }

  # Lambda checks the role's rights on network interfaces when it creates the function.
  depends_on = [aws_iam_role_policy.this, aws_s3_object.pipeline]
}

resource "aws_lambda_alias" "this" {
  for_each = local.once

  name             = var.alias
  description      = var.rollback_to_version == null ? "The newest version" : "Rolled back"
  function_name    = aws_lambda_function.this["this"].function_name
  function_version = coalesce(var.rollback_to_version, aws_lambda_function.this["this"].version)
}
