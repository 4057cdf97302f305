variable "name" {
  description = "Base of all names: lower case letters, digits and `-`."
  type        = string
  default     = "orders"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1 to 30 lower case letters, digits or `-`."
  }
}

variable "brokers" {
  description = "Addresses of the brokers, such as `kafka-1.example.org:9096`."
  type        = list(string)
}

variable "topic" {
  description = "Topic to read. It has to exist."
  type        = string
  default     = "orders"
}

variable "secret_arn" {
  description = "ARN of the secret in Secrets Manager with `username` and `password` for SASL/SCRAM-SHA-512."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.secret_arn))
    error_message = "secret_arn must be the ARN of a secret in Secrets Manager."
  }
}

variable "package" {
  description = "The function's zip, as `make lambda-zip` makes it for x86-64."
  type        = string
  default     = "../../../../target/lambda/bootstrap.zip"
}
