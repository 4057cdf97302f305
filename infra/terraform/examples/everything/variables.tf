variable "name" {
  description = "Base of all names: lower case letters, digits and `-`."
  type        = string
  default     = "orders"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1 to 30 lower case letters, digits or `-`."
  }
}

variable "region" {
  description = "AWS region of all resources."
  type        = string
  default     = "eu-central-1"
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

variable "alarm_email" {
  description = "Mail address for alarms; AWS sends a confirmation request to it first."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+$", var.alarm_email))
    error_message = "alarm_email must be an address such as oncall@example.org."
  }
}
