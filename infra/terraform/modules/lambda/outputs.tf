output "function_name" {
  description = "Name of the function."
  value       = try(aws_lambda_function.this["this"].function_name, null)
}

output "function_arn" {
  description = "ARN of the function, without a version."
  value       = try(aws_lambda_function.this["this"].arn, null)
}

output "version" {
  description = "The version that Lambda published last, for `rollback_to_version`."
  value       = try(aws_lambda_function.this["this"].version, null)
}

output "alias_arn" {
  description = "ARN of the alias, which is what a schedule invokes."
  value       = try(aws_lambda_alias.this["this"].arn, null)
}

output "mapping_ids" {
  description = "The ids of the event source mappings, by topic."
  value       = { for topic, mapping in aws_lambda_event_source_mapping.this : topic => mapping.uuid }
}

output "groups" {
  description = "The consumer group of each topic's mapping; for lag tools and alarms."
  value       = local.groups
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = try(aws_iam_role.this["this"].arn, null)
}

output "policy" {
  description = "The role's policy as JSON, for review."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

output "log_group_name" {
  description = "Name of the log group."
  value       = try(aws_cloudwatch_log_group.this["this"].name, null)
}

output "pipeline_json" {
  description = "The pipeline document that the function reads; `sluicebox check` takes it as a file."
  value       = local.document
}

output "transform" {
  description = "Which transform judges: its name and registry, and its channel or digest. Known in `plan`."
  value       = module.pipeline.transform
}

output "timeout_seconds" {
  description = "Time-out of an invocation in seconds; for the alarm on durations near it."
  value       = var.timeout_seconds
}
