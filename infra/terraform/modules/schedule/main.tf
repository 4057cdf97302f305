# A drain on a schedule: EventBridge Scheduler invokes the function's alias with `{"mode": "drain"}`.

data "aws_caller_identity" "current" {}

locals {
  once = var.create ? toset(["this"]) : toset([])
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.once

  name                         = var.name
  description                  = "Drains what ${var.function_arn} reads"
  schedule_expression          = var.expression
  schedule_expression_timezone = var.time_zone
  state                        = var.is_enabled ? "ENABLED" : "DISABLED"
  kms_key_arn                  = var.kms_key_arn

  flexible_time_window {
    mode                      = var.window_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = var.window_minutes == 0 ? null : var.window_minutes
  }

  target {
    arn      = var.function_arn
    role_arn = aws_iam_role.this["this"].arn
    input    = jsonencode({ mode = "drain" })

    # The next drain takes in what this one left: a retry gains nothing.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.once

  name = "${var.name}-schedule"
  tags = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.once

  name = "drain"
  role = aws_iam_role.this["this"].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "Invoke"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [var.function_arn]
      }],
      var.kms_key_arn == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.kms_key_arn]
      }],
    )
  })
}
