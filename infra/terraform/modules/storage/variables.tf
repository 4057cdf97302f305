variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of the buckets' names; kind and account follow."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1 to 30 lower case letters, digits or `-`, and begin with a letter or digit: a bucket's name has at most 63, and the module appends to it."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of an existing KMS key. Null creates one, for the buckets and the logs."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", coalesce(var.kms_key_arn, "-")))
    error_message = "kms_key_arn must be the ARN of a KMS key (an alias is not allowed), or null to make one."
  }
}

variable "upload_days_max" {
  description = "Days until S3 aborts an unfinished upload. Until then the parts that a killed process left cost storage."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.upload_days_max >= 1 && var.upload_days_max <= 30 && floor(var.upload_days_max) == var.upload_days_max
    error_message = "upload_days_max must be a whole number from 1 to 30."
  }
}

variable "registry_version_days" {
  description = "How long the registry's bucket keeps older versions of its objects."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.registry_version_days >= 30 && floor(var.registry_version_days) == var.registry_version_days
    error_message = "registry_version_days must be a whole number from 30: a rollback reads what was there before."
  }
}

variable "may_be_emptied" {
  description = "Whether `destroy` may delete buckets that still hold objects. Leave it false outside experiments."
  type        = bool
  default     = false
  nullable    = false
}
