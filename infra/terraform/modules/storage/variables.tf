variable "create" {
  description = "Whether to make anything at all."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "What the buckets' names begin with; kind and account follow."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1 to 30 lower case letters, digits or `-`, and begin with a letter or digit: a bucket's name has at most 63, and more follows."
  }
}

variable "tags" {
  description = "Tags for everything that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that is there already. Null makes one, for the buckets and the logs."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", coalesce(var.kms_key_arn, "-")))
    error_message = "kms_key_arn must be the ARN of a KMS key (an alias is not allowed), or null to make one."
  }
}

variable "upload_days_max" {
  description = "After how many days an unfinished upload is aborted. What a killed process left behind is paid for until then."
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
