output "schedule_arn" {
  description = "ARN of the schedule."
  value       = try(aws_scheduler_schedule.this["this"].arn, null)
}

output "role_arn" {
  description = "ARN of the role under which the schedule invokes the function."
  value       = try(aws_iam_role.this["this"].arn, null)
}
