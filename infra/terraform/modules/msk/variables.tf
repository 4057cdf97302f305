variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,63}$", var.name))
    error_message = "name must be 1 to 64 letters, digits or `-`, and begin with a letter or digit."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "kafka_version" {
  description = "Version of Apache Kafka, as MSK names it."
  type        = string
  default     = "3.9.x"
  nullable    = false

  validation {
    condition     = can(regex("^[34]\\.[0-9]+\\.(x|[0-9]+)(\\.kraft)?$", var.kafka_version))
    error_message = "kafka_version must be a version of MSK from 3 on, such as 3.9.x or 4.0.x.kraft."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Ids of three subnets, one in each availability zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(distinct(var.subnet_ids)) == 3
    error_message = "subnet_ids must be three different subnets, one in each availability zone: three brokers with replication factor 3 survive one of them."
  }
}

variable "broker_type" {
  description = "`standard` or `express` brokers. Express brokers manage storage and replication themselves."
  type        = string
  default     = "standard"
  nullable    = false

  validation {
    condition     = contains(["standard", "express"], var.broker_type)
    error_message = "broker_type must be standard or express."
  }
}

variable "instance_type" {
  description = "Instance type of the brokers."
  type        = string
  default     = "kafka.m7g.large"
  nullable    = false

  validation {
    condition     = can(regex("^(express|kafka)\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_type)) && startswith(var.instance_type, "express.") == (var.broker_type == "express")
    error_message = "instance_type must begin with `express.` where broker_type is express, and with `kafka.` where it is standard, such as kafka.m7g.large."
  }
}

variable "brokers_per_zone" {
  description = "Brokers in each of the three zones."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.brokers_per_zone >= 1 && var.brokers_per_zone <= 10 && floor(var.brokers_per_zone) == var.brokers_per_zone
    error_message = "brokers_per_zone must be a whole number from 1 to 10."
  }
}

variable "storage_gb" {
  description = "Disk of each standard broker in GB."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.storage_gb >= 1 && var.storage_gb <= 16384 && floor(var.storage_gb) == var.storage_gb
    error_message = "storage_gb must be a whole number from 1 to 16384."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for data at rest and broker logs; null takes AWS's own. The key's policy has to allow CloudWatch Logs."
  type        = string
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the brokers' logs."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be one of 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "topics" {
  description = "Topics by name. Replication is always 3."
  type = map(object({
    partitions = number
    configs    = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.topics) : can(regex("^[A-Za-z0-9._-]{1,249}$", name))])
    error_message = "topics must have names of 1 to 249 letters, digits, `.`, `_` or `-`."
  }

  validation {
    condition     = alltrue([for topic in values(var.topics) : topic.partitions >= 1 && topic.partitions <= 4000 && floor(topic.partitions) == topic.partitions])
    error_message = "topics must have partitions as a whole number from 1 to 4000 each."
  }

  validation {
    condition     = alltrue([for topic in values(var.topics) : lookup(topic.configs, "min.insync.replicas", "2") == "2" && lookup(topic.configs, "unclean.leader.election.enable", "false") == "false"])
    error_message = "topics must keep min.insync.replicas at 2 and unclean.leader.election.enable at false: anything else can lose acknowledged records, which stops the pipeline (E0202)."
  }
}
