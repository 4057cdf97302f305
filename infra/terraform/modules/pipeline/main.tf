# Turns the pipeline object into the document that the process reads and the IAM statements that its role needs. Creates no resource.

data "aws_partition" "current" {}

locals {
  properties_of_sluicebox = [
    "auto.offset.reset", "bootstrap.servers", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof",
    "group.id", "isolation.level", "metadata.broker.list", "partition.assignment.strategy",
  ]
  properties_with_secrets = [
    "sasl.oauthbearer.assertion.private.key.passphrase", "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config",
    "sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
  ]
  properties_of_identity = [
    "sasl.mechanism", "sasl.mechanisms", "sasl.oauthbearer.config", "sasl.password", "sasl.username", "security.protocol",
  ]
  keys = {
    flush   = ["rows_max", "bytes_max", "interval"]
    batch   = ["records_max", "bytes_max"]
    breaker = ["off", "window_records", "rejected_share_max"]
    lambda  = ["gaps", "partial_responses", "flush_reserve", "timeout"]
    s3      = ["endpoint", "region", "path_style"]
    http    = ["listen"]
    limits = [
      "record_fuel_max", "call_duration_max", "memory_bytes_max", "stack_bytes_max", "record_output_bytes_max",
      "batch_output_bytes_max", "record_rows_max", "batch_log_lines_max", "log_line_bytes_max", "module_bytes_max",
    ]
  }
  s3_prefix = "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/]+)+/?$"
  paths     = [for path in concat(values(var.pipeline.tables)[*].path, [var.pipeline.dead_letters.path]) : trimsuffix(path, "/")]

  kafka   = var.pipeline.source.kafka
  group   = coalesce(local.kafka.group, "sluicebox-${var.pipeline.name}")
  breaker = lookup(var.pipeline.breaker, "off", "false") == "true" ? null : { for key, value in var.pipeline.breaker : key => value if key != "off" }

  # Maps hold strings: a string that reads as a number or a boolean becomes one in the document.
  typed = { for section, settings in {
    flush   = var.pipeline.flush
    batch   = var.pipeline.batch
    breaker = coalesce(local.breaker, {})
    lambda  = var.pipeline.lambda
    s3      = var.pipeline.s3
    http    = var.pipeline.http
    limits  = var.pipeline.transform.limits
    } : section => {
    for key, value in settings : key => try(tonumber(value), tobool(value), value)
    }
  }

  source = { kafka = { for key, value in {
    brokers        = local.kafka.brokers
    topics         = length(local.kafka.topics) > 0 ? local.kafka.topics : null
    topics_regex   = local.kafka.topics_regex
    group          = local.group
    start          = local.kafka.start
    authentication = local.kafka.authentication
    properties = merge(
      local.kafka.properties,
      { for property, name in local.kafka.secret_properties : property => { env = name } },
    )
  } : key => value if value != null } }

  transform = { for key, value in {
    artifact      = var.pipeline.transform.artifact
    registry      = var.pipeline.transform.registry
    keys          = var.pipeline.transform.keys
    poll_interval = var.pipeline.transform.poll_interval
    configuration = jsondecode(var.pipeline.transform.configuration)
    limits        = local.typed.limits
  } : key => value if value != null }

  document = merge(
    {
      name         = var.pipeline.name
      source       = local.source
      transform    = local.transform
      tables       = var.pipeline.tables
      dead_letters = { for key, value in var.pipeline.dead_letters : key => value if value != null }
      provenance   = var.pipeline.provenance
    },
    { for section in ["flush", "batch", "lambda", "s3", "http"] : section => local.typed[section] if length(local.typed[section]) > 0 },
    local.breaker == null ? { breaker = "off" } : {},
    length(coalesce(local.breaker, {})) > 0 ? { breaker = local.typed.breaker } : {},
  )

  artifact_name = split("@", var.pipeline.transform.artifact)[0]
  artifact_pick = split("@", var.pipeline.transform.artifact)[1]
  is_digest     = startswith(local.artifact_pick, "sha256:")
}
