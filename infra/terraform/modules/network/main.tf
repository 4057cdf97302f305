# Network paths inside the VPC: from the mapping and the clients to the brokers, and to AWS's services without internet access.

data "aws_region" "current" {}

locals {
  once      = var.create ? toset(["this"]) : toset([])
  endpoints = var.create ? var.endpoints : toset([])
  ports     = var.create && var.has_cluster_security_group ? { for port in var.broker_ports : tostring(port) => port } : {}
  cluster   = var.create && var.has_cluster_security_group ? toset(["this"]) : toset([])
}

# Security group of the function or the tasks.
resource "aws_security_group" "client" {
  # checkov:skip=CKV2_AWS_5:The function or the tasks use it, through `vpc` of the other modules
  for_each = local.once

  name        = "${var.name}-client"
  description = "Sluicebox: reads from the brokers, writes to S3"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-client" })
}

resource "aws_vpc_security_group_egress_rule" "client_https" {
  for_each = local.once

  security_group_id = aws_security_group.client["this"].id
  description       = "S3 and other AWS services"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "client_brokers" {
  for_each = local.ports

  security_group_id            = aws_security_group.client["this"].id
  description                  = "Brokers"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "cluster_client" {
  for_each = local.ports

  security_group_id            = var.cluster_security_group_id
  description                  = "Sluicebox clients"
  referenced_security_group_id = aws_security_group.client["this"].id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = var.tags
}

# The mapping's network interfaces use the cluster's own security group, which therefore has to allow itself.
resource "aws_vpc_security_group_ingress_rule" "cluster_self" {
  for_each = local.ports

  security_group_id            = var.cluster_security_group_id
  description                  = "The event source mapping"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "cluster_self" {
  for_each = local.ports

  security_group_id            = var.cluster_security_group_id
  description                  = "The event source mapping"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "cluster_endpoints" {
  for_each = local.cluster

  security_group_id            = var.cluster_security_group_id
  description                  = "The event source mapping, to the endpoints of Lambda and STS"
  referenced_security_group_id = aws_security_group.endpoints["this"].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_security_group" "endpoints" {
  for_each = local.once

  name        = "${var.name}-endpoints"
  description = "Sluicebox: interface endpoints of AWS services"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_client" {
  for_each = local.once

  security_group_id            = aws_security_group.endpoints["this"].id
  description                  = "Sluicebox clients"
  referenced_security_group_id = aws_security_group.client["this"].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_cluster" {
  for_each = local.cluster

  security_group_id            = aws_security_group.endpoints["this"].id
  description                  = "The event source mapping"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoints

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints["this"].id]
  tags                = merge(var.tags, { Name = "${var.name}-${each.value}" })
}

resource "aws_vpc_endpoint" "s3" {
  for_each = length(var.route_table_ids) > 0 ? local.once : toset([])

  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
  tags              = merge(var.tags, { Name = "${var.name}-s3" })
}
