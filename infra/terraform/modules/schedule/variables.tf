variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the schedule and its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,55}$", var.name))
    error_message = "name must be 1 to 55 letters, digits, `.`, `-` or `_`: a role is named after it, too."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "function_arn" {
  description = "ARN of the function's alias (`alias_arn` of `modules/lambda`)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+$", var.function_arn))
    error_message = "function_arn must be the ARN of a function's alias, such as `arn:aws:lambda:eu-central-1:123456789012:function:orders:live`: without the alias a rollback would not reach the schedule."
  }
}

variable "expression" {
  description = "How often the function drains: `rate(…)` or `cron(…)`."
  type        = string
  default     = "rate(5 minutes)"
  nullable    = false

  validation {
    condition     = can(regex("^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$", var.expression)) || can(regex("^cron\\([^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+\\)$", var.expression))
    error_message = "expression must be `rate(5 minutes)` (a number with minute, hour or day, plural from 2) or `cron(…)` with six fields."
  }
}

variable "time_zone" {
  description = "Time zone of a `cron(…)` expression."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", var.time_zone))
    error_message = "time_zone must be a name such as UTC or Europe/Berlin."
  }
}

variable "window_minutes" {
  description = "Minutes within which the scheduler may delay a drain; 0 for no delay."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.window_minutes >= 0 && var.window_minutes <= 1440 && floor(var.window_minutes) == var.window_minutes
    error_message = "window_minutes must be a whole number from 0 to 1440."
  }
}

variable "is_enabled" {
  description = "Whether the schedule runs."
  type        = bool
  default     = true
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for the schedule; null takes AWS's own."
  type        = string
}
