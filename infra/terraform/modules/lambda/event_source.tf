variable "event_source" {
  description = "The mapping that invokes the function: MSK by `msk_cluster_arn`, other brokers without it, one mapping for each topic. `pollers` sets provisioned mode. Null creates none."
  type = object({
    msk_cluster_arn             = optional(string)
    access                      = optional(list(object({ type = string, uri = string })), [])
    starting_position           = optional(string, "TRIM_HORIZON")
    starting_position_timestamp = optional(string)
    batch_size                  = optional(number, 1000)
    window_seconds              = optional(number, 5)
    consumer_group_id           = optional(string)
    pollers                     = optional(object({ minimum = optional(number, 1), maximum = optional(number, 2), group = optional(string) }))
    metrics                     = optional(list(string))
    bisects_batches             = optional(bool, false)
    is_enabled                  = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.event_source == null || can(regex("^arn:[a-z-]+:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", coalesce(try(var.event_source.msk_cluster_arn, null), "arn:aws:kafka:eu-central-1:123456789012:cluster/none/none")))
    error_message = "event_source.msk_cluster_arn must be the ARN of an MSK cluster, or be left out for other brokers."
  }

  validation {
    condition     = var.event_source == null || length(setsubtract(try(var.event_source.access[*].type, []), local.access_types)) == 0
    error_message = "event_source.access must have types out of ${join(", ", local.access_types)}."
  }

  validation {
    condition     = var.event_source == null || contains(["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"], try(var.event_source.starting_position, "-"))
    error_message = "event_source.starting_position must be TRIM_HORIZON, LATEST or AT_TIMESTAMP."
  }

  validation {
    condition     = var.event_source == null || (try(var.event_source.starting_position, "-") == "AT_TIMESTAMP") == (try(var.event_source.starting_position_timestamp, null) != null)
    error_message = "event_source.starting_position_timestamp must be set with starting_position = AT_TIMESTAMP, and only with it."
  }

  validation {
    condition     = var.event_source == null || try(var.event_source.batch_size >= 1 && var.event_source.batch_size <= 10000 && floor(var.event_source.batch_size) == var.event_source.batch_size, false)
    error_message = "event_source.batch_size must be a whole number from 1 to 10000."
  }

  validation {
    condition     = var.event_source == null || try(var.event_source.window_seconds >= 1 && var.event_source.window_seconds <= 300 && floor(var.event_source.window_seconds) == var.event_source.window_seconds, false)
    error_message = "event_source.window_seconds must be a whole number from 1 to 300."
  }

  validation {
    condition     = var.event_source == null || try(can(regex("^[A-Za-z0-9._/*:-]{1,200}$", coalesce(var.event_source.consumer_group_id, "unset"))), false)
    error_message = "event_source.consumer_group_id must be 1 to 200 letters, digits or `-/*:_.`, or be left out for the pipeline's group."
  }

  validation {
    condition     = var.event_source == null || try(var.event_source.consumer_group_id, null) == null || length(var.pipeline.source.kafka.topics) == 1
    error_message = "event_source.consumer_group_id must be left out where pipeline.source.kafka.topics has several: each mapping needs a group of its own. With one topic it is allowed."
  }

  validation {
    condition     = try(var.event_source.pollers, null) == null || try(var.event_source.pollers.minimum >= 1 && var.event_source.pollers.minimum <= 200 && var.event_source.pollers.maximum >= var.event_source.pollers.minimum && var.event_source.pollers.maximum <= 2000, false)
    error_message = "event_source.pollers must have a minimum from 1 to 200, and a maximum from the minimum to 2000."
  }

  validation {
    condition     = try(var.event_source.pollers.group, null) == null || can(regex("^[A-Za-z0-9_-]{1,128}$", try(var.event_source.pollers.group, "")))
    error_message = "event_source.pollers.group must be 1 to 128 letters, digits, `-` or `_`: mappings of one VPC with the same group share their units."
  }

  validation {
    condition     = length(setsubtract(coalesce(try(var.event_source.metrics, null), []), ["EventCount", "ErrorCount", "KafkaMetrics"])) == 0
    error_message = "event_source.metrics must be out of EventCount, ErrorCount and KafkaMetrics."
  }

  validation {
    condition     = try(length(var.event_source.metrics), 0) == 0 || try(var.event_source.pollers, null) != null
    error_message = "event_source.metrics must be left out without pollers: they are allowed in provisioned mode; OffsetLag needs none of them."
  }

  validation {
    condition     = var.event_source == null || try(var.event_source.pollers, null) != null || lookup(var.pipeline.lambda, "partial_responses", "true") == "false"
    error_message = "event_source.pollers must be set where pipeline.lambda.partial_responses is true, the default: AWS documents partial responses for provisioned mode only. Set pollers, or partial_responses = false."
  }

  validation {
    condition     = var.event_source == null || var.pipeline.source.kafka.topics_regex == null
    error_message = "event_source must be null with pipeline.source.kafka.topics_regex: a mapping reads topics by name, so that topics is allowed and a pattern is not."
  }
}

variable "filter_patterns" {
  description = "Must keep its default: the validation says why."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.filter_patterns) == 0
    error_message = "filter_patterns must stay empty: records that a mapping filters out inside a batch would count as taken in. Filter in the transform."
  }
}

variable "on_failure_destination_arn" {
  description = "Must keep its default: the validation says why."
  type        = string
  default     = null

  validation {
    condition     = var.on_failure_destination_arn == null
    error_message = "on_failure_destination_arn must stay null: a destination caps the retries at ten, and what the mapping passes over then is E0205. Records that fail become dead letters without it."
  }
}

variable "maximum_retry_attempts" {
  description = "How often the mapping retries a batch: -1, without end."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.maximum_retry_attempts == -1
    error_message = "maximum_retry_attempts must be -1 (without end): anything else drops records in silence."
  }
}

variable "maximum_record_age_seconds" {
  description = "Age in seconds at which the mapping drops a record: -1, never."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.maximum_record_age_seconds == -1
    error_message = "maximum_record_age_seconds must be -1 (never): anything else drops records in silence."
  }
}

variable "capacity_provider_arn" {
  description = "Must keep its default: the validation says why."
  type        = string
  default     = null

  validation {
    condition     = var.capacity_provider_arn == null
    error_message = "capacity_provider_arn must stay null: in Lambda Managed Instances several invocations share a process, which the function does not support."
  }
}

locals {
  access_types = [
    "BASIC_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH", "SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH", "SERVER_ROOT_CA_CERTIFICATE",
    "VPC_SECURITY_GROUP", "VPC_SUBNET",
  ]
  mapped_topics  = var.create && var.event_source != null ? var.pipeline.source.kafka.topics : []
  is_msk         = try(var.event_source.msk_cluster_arn, null) != null
  is_provisioned = try(var.event_source.pollers, null) != null

  # A consumer group belongs to one mapping. With one topic the mapping uses the pipeline's group and continues where a container stopped.
  groups = { for topic in local.mapped_topics : topic =>
    length(local.mapped_topics) > 1 ? "${module.pipeline.group}-${topic}" : coalesce(var.event_source.consumer_group_id, module.pipeline.group)
  }
}

# No filter_criteria, no destination_config, infinite retries: the validations above say why.
resource "aws_lambda_event_source_mapping" "this" {
  for_each = toset(local.mapped_topics)

  function_name                      = aws_lambda_alias.this["this"].arn
  enabled                            = var.event_source.is_enabled
  event_source_arn                   = var.event_source.msk_cluster_arn
  topics                             = [each.key]
  starting_position                  = var.event_source.starting_position
  starting_position_timestamp        = var.event_source.starting_position_timestamp
  batch_size                         = var.event_source.batch_size
  maximum_batching_window_in_seconds = var.event_source.window_seconds
  bisect_batch_on_function_error     = var.event_source.bisects_batches ? true : null
  function_response_types            = module.pipeline.answers_partially ? ["ReportBatchItemFailures"] : null
  tags                               = var.tags

  dynamic "amazon_managed_kafka_event_source_config" {
    for_each = local.is_msk ? [local.groups[each.key]] : []

    content {
      consumer_group_id = amazon_managed_kafka_event_source_config.value
    }
  }

  dynamic "self_managed_kafka_event_source_config" {
    for_each = local.is_msk ? [] : [local.groups[each.key]]

    content {
      consumer_group_id = self_managed_kafka_event_source_config.value
    }
  }

  dynamic "self_managed_event_source" {
    for_each = local.is_msk ? [] : [join(",", var.pipeline.source.kafka.brokers)]

    content {
      endpoints = { KAFKA_BOOTSTRAP_SERVERS = self_managed_event_source.value }
    }
  }

  dynamic "source_access_configuration" {
    for_each = var.event_source.access

    content {
      type = source_access_configuration.value.type
      uri  = source_access_configuration.value.uri
    }
  }

  dynamic "provisioned_poller_config" {
    for_each = local.is_provisioned ? [var.event_source.pollers] : []

    content {
      minimum_pollers   = provisioned_poller_config.value.minimum
      maximum_pollers   = provisioned_poller_config.value.maximum
      poller_group_name = provisioned_poller_config.value.group
    }
  }

  dynamic "metrics_config" {
    for_each = local.is_provisioned ? [coalesce(var.event_source.metrics, ["EventCount", "KafkaMetrics"])] : []

    content {
      metrics = metrics_config.value
    }
  }

  # Lambda checks the role's rights when it creates the mapping.
  depends_on = [aws_iam_role_policy.this]
}
