# A service on Fargate that reads from MSK with IAM; its tasks share the partitions.

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
  # Tasks without NAT fetch their image and write their log through these.
  endpoints = ["sts", "logs", "ecr.api", "ecr.dkr"]
}

module "service" {
  source = "../../modules/service"

  name            = "sluicebox-${var.name}"
  image           = var.image
  kms_key_arn     = module.storage.kms_key_arn
  msk_cluster_arn = var.cluster_arn
  partitions      = var.partitions
  tasks           = { minimum = 1, maximum = var.partitions }

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
      artifact = "${var.name}@prod"
      registry = module.storage.registry_location
    }
    # One entry for each table that the transform describes.
    tables       = { orders = { path = "${module.storage.tables_location}/orders" } }
    dead_letters = { path = "${module.storage.dead_letters_location}/${var.name}" }
    http         = { listen = "0.0.0.0:9090" }
  }
}

module "observability" {
  source = "../../modules/observability"

  name             = var.name
  alarm_topic_arns = []
  service = {
    cluster_name = module.service.cluster_name
    service_name = module.service.service_name
  }
  msk = {
    cluster_name = split("/", var.cluster_arn)[1]
    broker_count = data.aws_msk_cluster.this.number_of_broker_nodes
    groups       = { (var.topic) = module.service.group }
  }
}
