# A function that a schedule invokes every five minutes: it reads from MSK by itself, without a mapping.

provider "aws" {
  region = split(":", var.cluster_arn)[3]

  default_tags {
    tags = { application = "sluicebox", pipeline = var.name }
  }
}

locals {
  brokers    = data.aws_msk_cluster.this.broker_node_group_info[0]
  subnet_ids = sort(local.brokers.client_subnets)
}

# The existing cluster: its brokers, its subnets, its security group.
data "aws_msk_cluster" "this" {
  cluster_name = split("/", var.cluster_arn)[1]
}

data "aws_subnet" "first" {
  id = local.subnet_ids[0]
}

data "aws_route_tables" "this" {
  vpc_id = data.aws_subnet.first.vpc_id

  filter {
    name   = "association.subnet-id"
    values = local.subnet_ids
  }
}

# Subnets without an association of their own use the main route table. Without it they would have no way to S3.
data "aws_route_tables" "main" {
  vpc_id = data.aws_subnet.first.vpc_id

  filter {
    name   = "association.main"
    values = ["true"]
  }
}

module "storage" {
  source = "../../modules/storage"

  name = var.name
}

module "network" {
  source = "../../modules/network"

  name                      = var.name
  vpc_id                    = data.aws_subnet.first.vpc_id
  subnet_ids                = local.subnet_ids
  route_table_ids           = coalescelist(data.aws_route_tables.this.ids, data.aws_route_tables.main.ids)
  cluster_security_group_id = sort(local.brokers.security_groups)[0]
  endpoints                 = []
}

module "function" {
  source = "../../modules/lambda"

  name                 = "sluicebox-${var.name}"
  packages             = { x86_64 = var.package }
  kms_key_arn          = module.storage.kms_key_arn
  is_drained           = true
  reserved_concurrency = 1
  timeout_seconds      = 240
  msk_cluster_arn      = var.cluster_arn

  vpc = {
    subnet_ids         = local.subnet_ids
    security_group_ids = [module.network.client_security_group_id]
  }

  pipeline = {
    name = var.name
    source = {
      kafka = {
        brokers        = split(",", data.aws_msk_cluster.this.bootstrap_brokers_sasl_iam)
        topics         = [var.topic]
        authentication = "msk_iam"
      }
    }
    transform = {
      artifact = var.transform
      registry = module.storage.registry_location
    }
    # One entry for each table that the transform describes.
    tables       = { orders = { path = "${module.storage.tables_location}/orders" } }
    dead_letters = { path = "${module.storage.dead_letters_location}/${var.name}" }
  }
}

module "schedule" {
  source = "../../modules/schedule"

  name         = "sluicebox-${var.name}"
  function_arn = module.function.alias_arn
  expression   = "rate(5 minutes)"
  kms_key_arn  = module.storage.kms_key_arn
}

module "observability" {
  source = "../../modules/observability"

  name             = var.name
  alarm_topic_arns = []
  lambda = {
    function_name   = module.function.function_name
    timeout_seconds = module.function.timeout_seconds
  }
  msk = {
    cluster_name = split("/", var.cluster_arn)[1]
    broker_count = data.aws_msk_cluster.this.number_of_broker_nodes
    groups       = { (var.topic) = "sluicebox-${var.name}" }
  }
}
