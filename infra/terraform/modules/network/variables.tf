variable "create" {
  description = "Whether the module creates its resources."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of the security groups' names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", var.name)) && !startswith(var.name, "sg-")
    error_message = "name must be 1 to 100 letters, digits, `.`, `-` or `_`, and not begin with `sg-`."
  }
}

variable "tags" {
  description = "Tags of all resources that support tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "vpc_id" {
  description = "Id of the VPC of the brokers."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Ids of the subnets for the endpoints' interfaces, one in each availability zone."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "subnet_ids must be ids of subnets, such as subnet-0123456789abcdef0, at least one."
  }
}

variable "route_table_ids" {
  description = "Ids of the route tables of those subnets, for the S3 gateway endpoint. Empty creates none."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for id in var.route_table_ids : can(regex("^rtb-[0-9a-f]+$", id))])
    error_message = "route_table_ids must be ids of route tables, such as rtb-0123456789abcdef0."
  }
}

variable "endpoints" {
  description = "AWS services that get an interface endpoint. An on-demand mapping needs lambda and sts (and secretsmanager with SCRAM); provisioned mode needs none. Tasks without NAT need ecr.api, ecr.dkr and logs."
  type        = set(string)
  default     = ["lambda", "sts"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.endpoints, ["lambda", "sts", "secretsmanager", "logs", "kms", "ecr.api", "ecr.dkr", "monitoring"])) == 0
    error_message = "endpoints must be out of lambda, sts, secretsmanager, logs, kms, ecr.api, ecr.dkr and monitoring; S3 has its own, by route_table_ids."
  }
}

variable "cluster_security_group_id" {
  description = "Security group of the brokers. The mapping's network interfaces use it, so that it has to allow itself. Null: the module adds no rules to it."
  type        = string
  default     = null

  validation {
    condition     = var.cluster_security_group_id == null || can(regex("^sg-[0-9a-f]+$", coalesce(var.cluster_security_group_id, "-")))
    error_message = "cluster_security_group_id must be the id of a security group, such as sg-0123456789abcdef0, or null."
  }
}

variable "has_cluster_security_group" {
  description = "Whether `cluster_security_group_id` is set. Terraform has to know this in `plan`, before it knows the id."
  type        = bool
  default     = true
  nullable    = false
}

variable "broker_ports" {
  description = "Ports of the brokers: 9098 is MSK with IAM, 9096 with SCRAM, 9094 with TLS."
  type        = set(number)
  default     = [9098]
  nullable    = false

  validation {
    condition     = length(var.broker_ports) > 0 && alltrue([for port in var.broker_ports : port >= 1 && port <= 65535])
    error_message = "broker_ports must be ports from 1 to 65535, at least one."
  }
}
