variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the service, its task family, its roles and its log group."
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

variable "image" {
  description = "Image made from `infra/container`, by digest or by an immutable tag."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[^ @]+(@sha256:[0-9a-f]{64}|:[A-Za-z0-9_][A-Za-z0-9_.-]*)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must end with a digest (`@sha256:…`) or a tag; the tag latest is not allowed: a task that starts later would run another binary."
  }
}

variable "architecture" {
  description = "Processor architecture of the image."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "cpu" {
  description = "Processor of a task in units: 1024 is one core."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory_mb" {
  description = "Memory of a task in MB."
  type        = number
  default     = 2048
  nullable    = false

  validation {
    condition     = var.memory_mb >= 2 * var.cpu && var.memory_mb <= 8 * var.cpu && var.memory_mb % 1024 == 0
    error_message = "memory_mb must be a multiple of 1024, from 2 to 8 times cpu (${var.cpu}): Fargate allows nothing else."
  }
}

variable "partitions" {
  description = "Partitions of the pipeline's topics together. More tasks than that would have nothing to do."
  type        = number
  nullable    = false

  validation {
    condition     = var.partitions >= 1 && floor(var.partitions) == var.partitions
    error_message = "partitions must be a whole number from 1."
  }
}

variable "tasks" {
  description = "Minimum and maximum number of tasks."
  type        = object({ minimum = optional(number, 1), maximum = optional(number, 1) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.tasks.minimum >= 1 && var.tasks.maximum >= var.tasks.minimum && var.tasks.maximum <= var.partitions
    error_message = "tasks must have a minimum from 1, and a maximum from the minimum to the number of partitions (${var.partitions}): a task without a partition does nothing."
  }
}

variable "cpu_target_percent" {
  description = "CPU use in percent that autoscaling aims at."
  type        = number
  default     = 70
  nullable    = false

  validation {
    condition     = var.cpu_target_percent >= 20 && var.cpu_target_percent <= 90
    error_message = "cpu_target_percent must be from 20 to 90."
  }
}

variable "stop_timeout_seconds" {
  description = "Seconds between ECS's stop signal and its kill signal: the time for the last flush."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.stop_timeout_seconds >= 30 && var.stop_timeout_seconds <= 120
    error_message = "stop_timeout_seconds must be from 30 to 120, which is the most that Fargate allows."
  }
}

variable "ecs_cluster_arn" {
  description = "ARN of an existing ECS cluster. Null creates one."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups of the tasks, which have to reach the brokers, S3, ECR and CloudWatch."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  nullable = false

  validation {
    condition     = length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0
    error_message = "vpc must have at least one of subnet_ids and one of security_group_ids."
  }
}

variable "secrets" {
  description = "Secrets by reference: environment variable to ARN in Secrets Manager or Parameter Store. `pipeline.source.kafka.secret_properties` names the variables."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.secrets) : can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:|ssm:[a-z0-9-]+:[0-9]{12}:parameter/)", arn))])
    error_message = "secrets must be ARNs of Secrets Manager or Parameter Store: values are not allowed, because the state would hold them."
  }

  validation {
    condition     = length(setsubtract(values(var.pipeline.source.kafka.secret_properties), keys(var.secrets))) == 0
    error_message = "secrets must have an entry for each environment variable that pipeline.source.kafka.secret_properties names."
  }
}

variable "environment" {
  description = "Additional environment variables: `SLUICEBOX_LOG`, `SLUICEBOX__…` overrides, `RUST_BACKTRACE`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^(SLUICEBOX_LOG|SLUICEBOX__[A-Z0-9_]+|RUST_BACKTRACE)$", name))])
    error_message = "environment takes only SLUICEBOX_LOG, SLUICEBOX__… and RUST_BACKTRACE; secrets belong in the variable secrets."
  }
}

variable "health_command" {
  description = "Health check command of ECS, a list that begins with CMD. Empty: a task is healthy while its process runs. A task that waits for a store or for brokers is healthy."
  type        = list(string)
  default     = ["CMD", "/usr/bin/sluicebox", "health"]
  nullable    = false

  validation {
    condition     = length(var.health_command) == 0 || try(var.health_command[0] == "CMD", false)
    error_message = "health_command must begin with CMD or be empty: the image has no shell, so that CMD-SHELL is not allowed."
  }
}

variable "msk_cluster_arn" {
  description = "ARN of the MSK cluster that the tasks reach with IAM. Null for other brokers."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for the log; null takes AWS's own. The key's policy has to allow CloudWatch Logs."
  type        = string
}

variable "storage_kms_key_arns" {
  description = "ARNs of the KMS keys of the buckets, as far as they differ from `kms_key_arn`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "withdraw_canaries" {
  description = "Whether a task may send a canary back, which writes an entry to the transform's channel."
  type        = bool
  default     = false
  nullable    = false
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
