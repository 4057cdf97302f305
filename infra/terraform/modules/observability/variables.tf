variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of the alarms' names, and the dashboard's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,100}$", var.name))
    error_message = "name must be 1 to 100 letters, digits, `-` or `_`, which is what a dashboard's name allows."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics that the composite alarm notifies. The single alarms have no actions, so that one cause notifies once."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "alarm_topic_arns must be ARNs of SNS topics, such as `arn:aws:sns:eu-central-1:123456789012:oncall`."
  }
}

variable "runbook_url" {
  description = "Base URL of the runbooks; the alarms' descriptions append `#` and the alarm's key."
  type        = string
  default     = "docs/runbooks"
  nullable    = false
}

variable "lambda" {
  description = "The function to watch, its time-out, and whether an event source mapping invokes it."
  type = object({
    function_name   = string
    timeout_seconds = number
    has_mapping     = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.lambda == null || try(var.lambda.timeout_seconds > 0 && var.lambda.timeout_seconds <= 900, false)
    error_message = "lambda.timeout_seconds must be from 1 to 900."
  }
}

variable "service" {
  description = "The ECS service to watch."
  type = object({
    cluster_name = string
    service_name = string
  })
  default = null
}

variable "msk" {
  description = "The MSK cluster to watch: its name, how many brokers, and the consumer group of each topic."
  type = object({
    cluster_name = string
    broker_count = number
    groups       = optional(map(string), {})
  })
  default = null

  validation {
    condition     = var.msk == null || try(var.msk.broker_count >= 1 && floor(var.msk.broker_count) == var.msk.broker_count, false)
    error_message = "msk.broker_count must be a whole number from 1."
  }
}

variable "lag_seconds_max" {
  description = "Estimated lag in seconds from which an alarm fires."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.lag_seconds_max >= 60
    error_message = "lag_seconds_max must be 60 or more: the estimate is a minute old."
  }
}

variable "lag_records_max" {
  description = "Lag in records from which the alarm on a mapping's OffsetLag fires."
  type        = number
  default     = 100000
  nullable    = false

  validation {
    condition     = var.lag_records_max >= 1
    error_message = "lag_records_max must be 1 or more."
  }
}

variable "disk_percent_max" {
  description = "Disk use of a broker in percent from which an alarm fires."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.disk_percent_max >= 50 && var.disk_percent_max <= 95
    error_message = "disk_percent_max must be from 50 to 95."
  }
}
