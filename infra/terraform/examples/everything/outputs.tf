output "registry" {
  description = "Where to push the transform: `sluicebox push … --to <this>/<name>`."
  value       = module.storage.registry_location
}

output "tables" {
  description = "Location of the tables."
  value       = module.storage.tables_location
}

output "dead_letters" {
  description = "Location of the dead letters."
  value       = module.storage.dead_letters_location
}

output "pipeline" {
  description = "The pipeline document: a file for `sluicebox check`, `status`, `audit` and `dlq`."
  value       = module.function.pipeline_json
}

output "transform" {
  description = "Which transform judges; known in `plan`."
  value       = module.function.transform
}

output "function_version" {
  description = "The version that Lambda published last, for `rollback_to_version`."
  value       = module.function.version
}

output "cluster_arn" {
  description = "ARN of the MSK cluster."
  value       = module.msk.cluster_arn
}
