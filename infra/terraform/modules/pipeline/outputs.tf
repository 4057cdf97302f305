output "json" {
  description = "The pipeline document as JSON, the value of SLUICEBOX_PIPELINE."
  value       = jsonencode(local.document)
}

output "group" {
  description = "The pipeline's consumer group."
  value       = local.group
}

output "transform" {
  description = "Which transform judges: its name, and either the channel that is followed or the digest that never changes."
  value = {
    name     = local.artifact_name
    registry = var.pipeline.transform.registry
    channel  = local.is_digest ? null : local.artifact_pick
    digest   = local.is_digest ? local.artifact_pick : null
  }
}

output "verifies_gaps" {
  description = "Whether the function asks Kafka about gaps, and so has to reach the brokers."
  value       = lookup(var.pipeline.lambda, "gaps", "verify") == "verify"
}

output "answers_partially" {
  description = "Whether the function answers with the partitions that failed (`ReportBatchItemFailures`)."
  value       = lookup(var.pipeline.lambda, "partial_responses", "true") == "true"
}

output "storage_statements" {
  description = "IAM statements for the tables, the dead letters, the registry and their keys."
  value       = local.storage_statements
}

output "kafka_statements" {
  description = "IAM statements for the brokers of MSK; none without IAM authentication."
  value       = local.kafka_statements
}
