# A pipeline as a service of ECS on Fargate. Tasks are members of one consumer group and share its partitions.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  once          = var.create ? toset(["this"]) : toset([])
  makes_cluster = var.create && var.ecs_cluster_arn == null
  cluster_arn   = local.makes_cluster ? aws_ecs_cluster.this["this"].arn : var.ecs_cluster_arn
  cluster_name  = local.makes_cluster ? var.name : try(regex("[^/]+$", var.ecs_cluster_arn), "")
  log           = "/sluicebox/${var.name}"
  document      = module.pipeline.json
  variables     = merge(var.environment, { SLUICEBOX_PIPELINE = local.document })

  log_configuration = { logDriver = "awslogs", options = {
    awslogs-group         = local.log
    awslogs-region        = data.aws_region.current.region
    awslogs-stream-prefix = "task"
  } }

  sluicebox = {
    name                   = "sluicebox"
    image                  = var.image
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    command                = ["run"]
    stopTimeout            = var.stop_timeout_seconds
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = false }
    environment            = [for name, value in local.variables : { name = name, value = value }]
    secrets                = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    logConfiguration       = local.log_configuration
  }

  health = length(var.health_command) == 0 ? {} : { healthCheck = {
    command = var.health_command, interval = 30, timeout = 5, retries = 3, startPeriod = 120
  } }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.once

  name              = local.log
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  for_each = local.makes_cluster ? local.once : toset([])

  name = var.name
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.once

  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory_mb)
  task_role_arn            = aws_iam_role.task["this"].arn
  execution_role_arn       = aws_iam_role.execution["this"].arn
  tags                     = var.tags
  container_definitions    = jsonencode([merge(local.sluicebox, local.health)])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }
}

resource "aws_ecs_service" "this" {
  for_each = local.once

  name                               = var.name
  cluster                            = local.cluster_arn
  task_definition                    = aws_ecs_task_definition.this["this"].arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = var.tasks.minimum
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  propagate_tags                     = "SERVICE"
  tags                               = var.tags

  network_configuration {
    subnets          = var.vpc.subnet_ids
    security_groups  = var.vpc.security_group_ids
    assign_public_ip = false
  }

  # ECS rolls back a task definition whose tasks do not stay up.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    # Autoscaling changes it after the first apply.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_iam_role_policy.task, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.once

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster_name}/${aws_ecs_service.this["this"].name}"
  min_capacity       = var.tasks.minimum
  max_capacity       = var.tasks.maximum
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "cpu" {
  for_each = local.once

  name               = "${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this["this"].service_namespace
  scalable_dimension = aws_appautoscaling_target.this["this"].scalable_dimension
  resource_id        = aws_appautoscaling_target.this["this"].resource_id

  target_tracking_scaling_policy_configuration {
    target_value = var.cpu_target_percent
    # Each change causes a rebalance: scale out fast, scale in slowly.
    scale_out_cooldown = 120
    scale_in_cooldown  = 900

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
