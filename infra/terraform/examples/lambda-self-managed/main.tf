# A function behind brokers of your own, reachable from the internet, with SASL/SCRAM: provisioned pollers, no VPC.

provider "aws" {
  region = split(":", var.secret_arn)[3]

  default_tags {
    tags = { application = "sluicebox", pipeline = var.name }
  }
}

module "storage" {
  source = "../../modules/storage"

  name = var.name
}

module "function" {
  source = "../../modules/lambda"

  name                 = "sluicebox-${var.name}"
  packages             = { x86_64 = var.package }
  kms_key_arn          = module.storage.kms_key_arn
  reserved_concurrency = 50

  event_source = {
    access  = [{ type = "SASL_SCRAM_512_AUTH", uri = var.secret_arn }]
    pollers = { minimum = 1, maximum = 2, group = var.name }
  }

  pipeline = {
    name = var.name
    source = {
      kafka = {
        brokers = var.brokers
        topics  = [var.topic]
      }
    }
    transform = {
      artifact = "${var.name}@prod"
      registry = module.storage.registry_location
    }
    # One entry for each table that the transform describes.
    tables       = { orders = { path = "${module.storage.tables_location}/orders" } }
    dead_letters = { path = "${module.storage.dead_letters_location}/${var.name}" }
    # The function itself cannot reach the brokers: the tables' logs record each gap as accepted.
    lambda = { gaps = "accept" }
  }
}

module "observability" {
  source = "../../modules/observability"

  name             = var.name
  alarm_topic_arns = []
  lambda = {
    function_name   = module.function.function_name
    timeout_seconds = module.function.timeout_seconds
    has_mapping     = true
  }
}
