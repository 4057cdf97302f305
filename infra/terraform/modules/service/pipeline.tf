variable "pipeline" {
  description = "The pipeline file as an HCL object; `modules/pipeline` describes and validates it."
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
}

module "pipeline" {
  source = "../pipeline"

  # The health check asks the process on this port, also where nothing else does.
  pipeline          = merge(var.pipeline, { http = merge({ listen = "127.0.0.1:9090" }, var.pipeline.http) })
  msk_cluster_arn   = var.msk_cluster_arn
  kms_key_arns      = distinct(concat(var.kms_key_arn == null ? [] : [var.kms_key_arn], var.storage_kms_key_arns))
  withdraw_canaries = var.withdraw_canaries
}
