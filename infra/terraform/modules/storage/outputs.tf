output "bucket_names" {
  description = "The buckets' names, by `tables`, `dead-letters` and `registry`. Known in `plan`."
  value       = { for kind, bucket in local.buckets : kind => bucket.name }
}

output "bucket_arns" {
  description = "The buckets' ARNs, by kind."
  value       = { for kind, bucket in aws_s3_bucket.this : kind => bucket.arn }
}

output "tables_location" {
  description = "Location of tables: `s3://bucket/tables`; append a name for each table."
  value       = try("s3://${local.buckets["tables"].name}/tables", null)
}

output "dead_letters_location" {
  description = "Location of dead letters: `s3://bucket/dead-letters`; append the pipeline's name."
  value       = try("s3://${local.buckets["dead-letters"].name}/dead-letters", null)
}

output "registry_location" {
  description = "Location of transforms: `s3://bucket/transforms`, for `pipeline.transform.registry` and `sluicebox push`."
  value       = try("s3://${local.buckets["registry"].name}/transforms", null)
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts the buckets and the logs."
  value       = local.key_arn
}
