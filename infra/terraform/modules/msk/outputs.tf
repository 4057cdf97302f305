output "cluster_arn" {
  description = "ARN of the cluster."
  value       = try(aws_msk_cluster.this["this"].arn, null)
}

output "cluster_name" {
  description = "Name of the cluster, for alarms. Known in `plan`."
  value       = var.create ? var.name : null
}

output "brokers" {
  description = "Addresses of the brokers for clients with IAM."
  value       = try(split(",", aws_msk_cluster.this["this"].bootstrap_brokers_sasl_iam), [])
}

output "security_group_id" {
  description = "Id of the brokers' security group, for `modules/network`."
  value       = try(aws_security_group.brokers["this"].id, null)
}

output "partitions" {
  description = "Partitions of each topic: as many tasks or invocations can work at the same time."
  value       = { for name, topic in var.topics : name => topic.partitions }
}

output "broker_count" {
  description = "Number of brokers, for alarms by broker. Known in `plan`."
  value       = var.create ? 3 * var.brokers_per_zone : 0
}
