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
  value       = module.service.pipeline_json
}

output "transform" {
  description = "Which transform judges; known in `plan`."
  value       = module.service.transform
}

output "task_definition" {
  description = "The task definition with its revision, for a rollback."
  value       = module.service.task_definition_arn
}
