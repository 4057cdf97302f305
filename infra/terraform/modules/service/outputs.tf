output "service_name" {
  description = "Name of the service. Known in `plan`."
  value       = var.create ? var.name : null
}

output "cluster_name" {
  description = "Name of the ECS cluster, for alarms."
  value       = local.cluster_name
}

output "task_definition_arn" {
  description = "ARN of the task definition with its revision, for a rollback."
  value       = try(aws_ecs_task_definition.this["this"].arn, null)
}

output "task_role_arn" {
  description = "ARN of the tasks' own role."
  value       = try(aws_iam_role.task["this"].arn, null)
}

output "policy" {
  description = "The task role's policy as JSON, for review."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.task_statements })
}

output "log_group_name" {
  description = "Name of the log group."
  value       = try(aws_cloudwatch_log_group.this["this"].name, null)
}

output "group" {
  description = "The pipeline's consumer group; for lag tools and alarms."
  value       = module.pipeline.group
}

output "pipeline_json" {
  description = "The pipeline document that the tasks read; `sluicebox check` takes it as a file."
  value       = local.document
}

output "transform" {
  description = "Which transform judges: its name and registry, and its channel or digest. Known in `plan`."
  value       = module.pipeline.transform
}
