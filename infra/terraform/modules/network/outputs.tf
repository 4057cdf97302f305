output "client_security_group_id" {
  description = "Id of the security group for the function or the tasks."
  value       = try(aws_security_group.client["this"].id, null)
}

output "endpoints_security_group_id" {
  description = "Id of the security group of the interface endpoints."
  value       = try(aws_security_group.endpoints["this"].id, null)
}

output "endpoint_ids" {
  description = "Ids of the interface endpoints, by service."
  value       = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.id }
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint, for conditions in bucket policies."
  value       = try(aws_vpc_endpoint.s3["this"].id, null)
}
