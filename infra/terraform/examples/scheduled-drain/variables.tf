variable "name" {
  description = "Base of all names: lower case letters, digits and `-`."
  type        = string
  default     = "orders"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1 to 30 lower case letters, digits or `-`."
  }
}

variable "cluster_arn" {
  description = "ARN of the MSK cluster, with IAM authentication."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an MSK cluster, such as `arn:aws:kafka:eu-central-1:123456789012:cluster/orders/<uuid>`."
  }
}

variable "topic" {
  description = "Topic to read. It has to exist."
  type        = string
  default     = "orders"
}

variable "transform" {
  description = "Transform to run: `orders@prod` follows a channel, `orders@sha256:…` never changes."
  type        = string
  default     = "orders@prod"
}

variable "package" {
  description = "The function's zip, as `make lambda-zip` makes it for x86-64."
  type        = string
  default     = "../../../../target/lambda/bootstrap.zip"
}
