output "alarm_names" {
  description = "Names of the single alarms, by what they watch. Known in `plan`."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.alarm_name }
}

output "composite_alarm_arn" {
  description = "ARN of the composite alarm, which notifies; also for a suppressor during maintenance."
  value       = try(aws_cloudwatch_composite_alarm.this["this"].arn, null)
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = try(aws_cloudwatch_dashboard.this["this"].dashboard_name, null)
}
