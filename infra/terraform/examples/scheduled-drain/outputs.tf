output "registry" {
  description = "Where to push the transform: `sluicebox push … --to <this>/<name>`."
  value       = module.storage.registry_location
}

output "tables" {
  description = "Where the tables lie."
  value       = module.storage.tables_location
}

output "dead_letters" {
  description = "Where the dead letters lie."
  value       = module.storage.dead_letters_location
}

output "transform" {
  description = "Which transform judges; known in `plan`."
  value       = module.function.transform
}

output "function_version" {
  description = "The version that was published last: what a rollback names."
  value       = module.function.version
}
