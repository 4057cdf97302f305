variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,48}$", var.name))
    error_message = "name must be 1 to 48 letters, digits, `-` or `_`: roles are named after it, too."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "architecture" {
  description = "Processor architecture of the function; it chooses one of `packages`."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "packages" {
  description = "The function's zip by architecture: paths that `make lambda-zip` has written."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.packages), ["x86_64", "arm64"])) == 0
    error_message = "packages must be keyed by x86_64 or arm64."
  }

  validation {
    condition     = contains(keys(var.packages), var.architecture)
    error_message = "packages must have an entry for the architecture that is chosen (${var.architecture}): `make lambda-zip ARCH=…` makes it."
  }

  validation {
    condition     = alltrue([for path in values(var.packages) : fileexists(path)])
    error_message = "packages must name files that exist, such as `target/lambda/bootstrap.zip`: `make lambda-zip` makes them."
  }
}

variable "memory_mb" {
  description = "Memory of the function in MB. Lambda allots processor time by memory: 1,769 MB is one core."
  type        = number
  default     = 1769
  nullable    = false

  validation {
    condition     = var.memory_mb >= 256 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 256 to 10240."
  }
}

variable "timeout_seconds" {
  description = "Time-out of an invocation in seconds. A part of it, `pipeline.lambda.flush_reserve`, is kept for the flush."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 30 && var.timeout_seconds <= (var.is_drained ? 900 : 840) && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 30 to 840 (AWS allows 14 minutes behind a Kafka mapping), or to 900 where is_drained is true."
  }
}

variable "reserved_concurrency" {
  description = "How many invocations may run at the same time; -1 for no limit of its own. Drained functions take 1."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || (var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency)
    error_message = "reserved_concurrency must be -1 (no limit) or a whole number from 1: 0 would stop the function."
  }

  validation {
    condition     = !var.is_drained || var.reserved_concurrency == 1
    error_message = "reserved_concurrency must be 1 where is_drained is true: several members would share the partitions, which is safe but slower."
  }
}

variable "is_drained" {
  description = "Whether a schedule invokes the function, which then reads from Kafka itself (`modules/schedule`)."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.is_drained && var.event_source != null)
    error_message = "is_drained must be false beside an event_source: a drain takes partitions away from the poller's group. Make a second function for it."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the function itself, for drains and for `gaps: verify`. The mapping does not need them: its network interfaces are in the cluster's subnets."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || (length(try(var.vpc.subnet_ids, [])) > 0 && length(try(var.vpc.security_group_ids, [])) > 0)
    error_message = "vpc must have at least one of subnet_ids and one of security_group_ids."
  }

  validation {
    condition     = var.vpc != null || !(var.is_drained || lookup(var.pipeline.lambda, "gaps", "verify") == "verify")
    error_message = "vpc must be set where the function reaches the brokers itself: is_drained, or pipeline.lambda.gaps = verify, which is the default. Set vpc, or gaps = accept."
  }

  validation {
    condition     = var.vpc == null || var.is_drained || lookup(var.pipeline.lambda, "gaps", "verify") == "verify"
    error_message = "vpc must be null where the function never reaches the brokers (pipeline.lambda.gaps = accept, not drained): it is allowed for gaps = verify and for is_drained."
  }
}

variable "msk_cluster_arn" {
  description = "ARN of the MSK cluster that the function itself reaches with IAM, for drains and for `gaps: verify`. Null for other brokers."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for environment and log; null takes AWS's own keys. The key's policy has to allow CloudWatch Logs."
  type        = string
}

variable "storage_kms_key_arns" {
  description = "ARNs of the KMS keys of the buckets, as far as they differ from `kms_key_arn`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "withdraw_canaries" {
  description = "Whether the function may send a canary back, which writes an entry to the transform's channel."
  type        = bool
  default     = false
  nullable    = false
}

variable "environment" {
  description = "Additional environment variables: `SLUICEBOX_LOG`, `SLUICEBOX__…` overrides, `RUST_BACKTRACE`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^(SLUICEBOX_LOG|SLUICEBOX__[A-Z0-9_]+|RUST_BACKTRACE)$", name))])
    error_message = "environment takes only SLUICEBOX_LOG, SLUICEBOX__… and RUST_BACKTRACE; the pipeline belongs in the variable pipeline, secrets in event_source.access."
  }
}

variable "log_level" {
  description = "Level of Lambda's own filter on the log. `SLUICEBOX_LOG` in `environment` sets the function's."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO"], var.log_level)
    error_message = "log_level must be TRACE, DEBUG or INFO: metrics travel in the log at the level INFO, and anything above would drop them."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the log."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "alias" {
  description = "Name of the alias that mappings and schedules invoke."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z_-][A-Za-z0-9_-]{0,127}$", var.alias))
    error_message = "alias must be 1 to 128 letters, digits, `-` or `_`, and not begin with a digit."
  }
}

variable "rollback_to_version" {
  description = "Version that the alias points to instead of the newest: a rollback of the binary, in one apply."
  type        = string
  default     = null

  validation {
    condition     = var.rollback_to_version == null || can(regex("^[1-9][0-9]*$", coalesce(var.rollback_to_version, "-")))
    error_message = "rollback_to_version must be the number of a published version, such as \"7\", or null for the newest; $LATEST is not allowed."
  }
}

variable "pipeline_bucket" {
  description = "Bucket for the pipeline document, where it does not fit into the environment. Null keeps it in the environment."
  type        = string
  default     = null
}
