variable "pipeline" {
  description = "The pipeline file as an HCL object: the same keys as in YAML. Sections that hold only settings (`flush`, `batch`, `breaker`, `lambda`, `s3`, `http`, `transform.limits`) are maps, so that a misspelt key is refused."
  type = object({
    name = string
    source = object({
      kafka = object({
        brokers           = list(string)
        topics            = optional(list(string), [])
        topics_regex      = optional(string)
        group             = optional(string)
        start             = optional(string, "earliest")
        authentication    = optional(string)
        properties        = optional(map(string), {})
        secret_properties = optional(map(string), {})
      })
    })
    transform = object({
      artifact      = string
      registry      = string
      keys          = optional(list(string))
      poll_interval = optional(string)
      configuration = optional(string, "{}")
      limits        = optional(map(string), {})
    })
    tables       = map(object({ path = string }))
    dead_letters = object({ path = string, topic = optional(string) })
    flush        = optional(map(string), {})
    batch        = optional(map(string), {})
    breaker      = optional(map(string), {})
    lambda       = optional(map(string), {})
    s3           = optional(map(string), {})
    http         = optional(map(string), {})
    provenance   = optional(bool, true)
  })
  nullable = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", var.pipeline.name))
    error_message = "pipeline.name must be 1 to 100 letters, digits, `.`, `_` or `-`, and begin with a letter or digit."
  }

  validation {
    condition     = length(var.pipeline.source.kafka.brokers) > 0 && alltrue([for broker in var.pipeline.source.kafka.brokers : can(regex("^[^:,/ ]+:[0-9]{1,5}$", broker))])
    error_message = "pipeline.source.kafka.brokers must be a list of addresses such as `b-1.orders.example.org:9098`, one a broker."
  }

  validation {
    condition     = (length(var.pipeline.source.kafka.topics) > 0) != (var.pipeline.source.kafka.topics_regex != null)
    error_message = "pipeline.source.kafka.topics must name one topic or more, unless topics_regex is set: exactly one of the two is allowed."
  }

  validation {
    condition     = alltrue([for topic in var.pipeline.source.kafka.topics : can(regex("^[A-Za-z0-9._-]{1,249}$", topic)) && !contains([".", ".."], topic)])
    error_message = "pipeline.source.kafka.topics must consist of names with 1 to 249 letters, digits, `.`, `_` or `-`; use topics_regex for a pattern."
  }

  validation {
    condition     = var.pipeline.source.kafka.topics_regex == null || can(regex("^\\^.", coalesce(var.pipeline.source.kafka.topics_regex, "-")))
    error_message = "pipeline.source.kafka.topics_regex must begin with `^`: librdkafka takes it for a plain name otherwise."
  }

  validation {
    condition     = contains(["earliest", "latest"], var.pipeline.source.kafka.start)
    error_message = "pipeline.source.kafka.start must be earliest or latest."
  }

  validation {
    condition     = var.pipeline.source.kafka.authentication == null || var.pipeline.source.kafka.authentication == "msk_iam"
    error_message = "pipeline.source.kafka.authentication must be msk_iam, or null where the brokers use other means."
  }

  validation {
    condition     = length(setintersection(keys(var.pipeline.source.kafka.properties), local.properties_of_sluicebox)) == 0
    error_message = "pipeline.source.kafka.properties must not hold what Sluicebox sets itself: ${join(", ", local.properties_of_sluicebox)}. Use brokers, group and start instead."
  }

  validation {
    condition     = length(setintersection(keys(var.pipeline.source.kafka.properties), local.properties_with_secrets)) == 0
    error_message = "pipeline.source.kafka.properties must not hold a secret (${join(", ", local.properties_with_secrets)}): name an environment variable for it in secret_properties."
  }

  validation {
    condition     = var.pipeline.source.kafka.authentication == null || length(setintersection(keys(merge(var.pipeline.source.kafka.properties, var.pipeline.source.kafka.secret_properties)), local.properties_of_identity)) == 0
    error_message = "pipeline.source.kafka.properties must not hold ${join(", ", local.properties_of_identity)} beside authentication, which sets them: only one of the two is allowed."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}@(sha256:[0-9a-f]{64}|[A-Za-z0-9][A-Za-z0-9._-]{0,99})$", var.pipeline.transform.artifact))
    error_message = "pipeline.transform.artifact must be `orders@prod` (a channel) or `orders@sha256:` with 64 hexadecimal digits (a digest)."
  }

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)*$", var.pipeline.transform.registry))
    error_message = "pipeline.transform.registry must be an S3 location such as `s3://bucket/transforms`, without `/` at its end."
  }

  validation {
    condition     = var.pipeline.transform.keys == null || length(coalesce(var.pipeline.transform.keys, [])) > 0
    error_message = "pipeline.transform.keys must name a public key, or be left out to take what is not signed: no signature satisfies an empty list."
  }

  validation {
    condition     = var.pipeline.transform.poll_interval == null || can(regex("^[1-9][0-9]*(ms|s|m|h)$", coalesce(var.pipeline.transform.poll_interval, "-")))
    error_message = "pipeline.transform.poll_interval must be a duration such as 30s, 5m or 1h."
  }

  validation {
    condition     = var.pipeline.transform.poll_interval == null || !strcontains(var.pipeline.transform.artifact, "@sha256:")
    error_message = "pipeline.transform.poll_interval must be left out beside a digest, which never changes: it is allowed with a channel."
  }

  validation {
    condition     = can(keys(jsondecode(var.pipeline.transform.configuration)))
    error_message = "pipeline.transform.configuration must be the text of a JSON object: write `jsonencode({…})`."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.transform.limits), local.keys.limits)) == 0
    error_message = "pipeline.transform.limits takes only ${join(", ", local.keys.limits)}."
  }

  validation {
    condition     = length(var.pipeline.tables) > 0 && alltrue([for name in keys(var.pipeline.tables) : can(regex("^[a-z0-9][a-z0-9_]*$", name))])
    error_message = "pipeline.tables must have an entry for each table of the transform, by names of lower case letters, digits and `_` that do not begin with `_`."
  }

  validation {
    condition     = alltrue([for table in values(var.pipeline.tables) : can(regex(local.s3_prefix, table.path))])
    error_message = "pipeline.tables must have paths such as `s3://bucket/tables/orders`: in AWS only S3 outlives the process, and each table needs a prefix."
  }

  validation {
    condition     = can(regex(local.s3_prefix, var.pipeline.dead_letters.path))
    error_message = "pipeline.dead_letters.path must be an S3 location with a prefix, such as `s3://bucket/dead-letters/orders`."
  }

  validation {
    condition     = length(toset([for path in concat(values(var.pipeline.tables)[*].path, [var.pipeline.dead_letters.path]) : trimsuffix(path, "/")])) == length(var.pipeline.tables) + 1
    error_message = "pipeline.tables and pipeline.dead_letters must have paths that differ: each table needs a prefix to itself."
  }

  validation {
    condition     = var.pipeline.dead_letters.topic == null || (can(regex("^[A-Za-z0-9._-]{1,249}$", coalesce(var.pipeline.dead_letters.topic, " "))) && !contains(var.pipeline.source.kafka.topics, coalesce(var.pipeline.dead_letters.topic, " ")))
    error_message = "pipeline.dead_letters.topic must be a topic's name (letters, digits, `.`, `_`, `-`) that pipeline.source.kafka.topics does not read."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.flush), local.keys.flush)) == 0
    error_message = "pipeline.flush takes only ${join(", ", local.keys.flush)}."
  }

  validation {
    condition     = can(regex("^(([1-9][0-9]*)ms|([1-9]|[1-9][0-9]|[1-9][0-9]{2}|1[0-7][0-9]{2}|1800)s|([1-9]|[12][0-9]|30)m)$", lookup(var.pipeline.flush, "interval", "10s")))
    error_message = "pipeline.flush.interval must be a duration of at most 30 minutes, such as 10s or 5m."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.batch), local.keys.batch)) == 0
    error_message = "pipeline.batch takes only ${join(", ", local.keys.batch)}."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.breaker), local.keys.breaker)) == 0
    error_message = "pipeline.breaker takes only ${join(", ", local.keys.breaker)}; `off = true` turns it off."
  }

  validation {
    condition     = try(tonumber(lookup(var.pipeline.breaker, "rejected_share_max", "0.5")) >= 0 && tonumber(lookup(var.pipeline.breaker, "rejected_share_max", "0.5")) < 1, false)
    error_message = "pipeline.breaker.rejected_share_max must be at least 0 and less than 1: 0.5 is half of the last records."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.lambda), local.keys.lambda)) == 0
    error_message = "pipeline.lambda takes only ${join(", ", local.keys.lambda)}."
  }

  validation {
    condition     = contains(["verify", "accept"], lookup(var.pipeline.lambda, "gaps", "verify"))
    error_message = "pipeline.lambda.gaps must be verify (Kafka is asked what lies between) or accept."
  }

  validation {
    condition     = contains(["true", "false"], lookup(var.pipeline.lambda, "partial_responses", "true"))
    error_message = "pipeline.lambda.partial_responses must be true or false."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.s3), local.keys.s3)) == 0
    error_message = "pipeline.s3 takes only ${join(", ", local.keys.s3)}."
  }

  validation {
    condition     = length(setsubtract(keys(var.pipeline.http), local.keys.http)) == 0 && can(regex("^[0-9.]+:[0-9]{1,5}$", lookup(var.pipeline.http, "listen", "0.0.0.0:9090")))
    error_message = "pipeline.http takes only ${join(", ", local.keys.http)}: an address and a port, such as `0.0.0.0:9090`."
  }
}

variable "msk_cluster_arn" {
  description = "ARN of the MSK cluster whose topics and groups the process reads by itself, with IAM. Null grants nothing on Kafka."
  type        = string
  default     = null

  validation {
    condition     = var.msk_cluster_arn == null || can(regex("^arn:[a-z-]+:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", coalesce(var.msk_cluster_arn, "-")))
    error_message = "msk_cluster_arn must be the ARN of an MSK cluster, such as `arn:aws:kafka:eu-central-1:123456789012:cluster/orders/<uuid>`, or null."
  }
}

variable "kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt the buckets of the tables, the dead letters and the registry."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "kms_key_arns must be ARNs of KMS keys, such as `arn:aws:kms:eu-central-1:123456789012:key/<id>`; an alias is not allowed."
  }
}

variable "withdraw_canaries" {
  description = "Whether the process may send a canary back, which writes an entry to the transform's channel."
  type        = bool
  default     = false
  nullable    = false
}
