# Alarms on AWS's own metrics, one composite alarm that notifies, and a dashboard of the same metrics.

data "aws_region" "current" {}

locals {
  once = var.create ? toset(["this"]) : toset([])

  function_alarms = var.lambda == null ? {} : {
    function-errors = {
      about     = "Invocations fail: the batch comes again. The log says why."
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", period = 60, periods = 5, points = 3, threshold = 1
      missing   = "notBreaching", dimensions = tomap({ FunctionName = var.lambda.function_name })
    }
    function-throttles = {
      about     = "Invocations are throttled: raise reserved_concurrency, or the account's limit."
      namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", period = 60, periods = 5, points = 5, threshold = 1
      missing   = "notBreaching", dimensions = tomap({ FunctionName = var.lambda.function_name })
    }
    function-duration = {
      about     = "Invocations come near the time-out: smaller batches, or more time or memory."
      namespace = "AWS/Lambda", metric = "Duration", statistic = "Maximum", period = 60, periods = 5, points = 3
      threshold = 800 * var.lambda.timeout_seconds, missing = "notBreaching"
      # Milliseconds: four fifths of the time-out.
      dimensions = tomap({ FunctionName = var.lambda.function_name })
    }
  }

  # Lambda reports OffsetLag by function: the largest of its mappings. A mapping that polls reports it every minute, so that
  # missing data breaches.
  offset_alarms = !try(var.lambda.has_mapping, false) ? {} : {
    function-lag = {
      about      = "A mapping of the function is behind, or reports no lag."
      namespace  = "AWS/Lambda", metric = "OffsetLag", statistic = "Maximum", period = 60, periods = 15, points = 15
      threshold  = var.lag_records_max, missing = "breaching"
      dimensions = tomap({ FunctionName = var.lambda.function_name })
    }
  }

  time_alarms = var.msk == null ? {} : { for topic, group in var.msk.groups : "lag-${topic}" => {
    about      = "The group ${group} is behind on ${topic} by more than ${var.lag_seconds_max} s, as MSK estimates."
    namespace  = "AWS/Kafka", metric = "EstimatedMaxTimeLag", statistic = "Maximum", period = 60, periods = 5, points = 5
    threshold  = var.lag_seconds_max, missing = "missing"
    dimensions = tomap({ "Cluster Name" = var.msk.cluster_name, "Consumer Group" = group, Topic = topic })
  } }

  cluster_alarms = var.msk == null ? {} : {
    msk-offline-partitions = {
      about      = "Partitions without a leader: nothing can be read from or written to them."
      namespace  = "AWS/Kafka", metric = "OfflinePartitionsCount", statistic = "Maximum", period = 60, periods = 3, points = 3
      threshold  = 1, missing = "missing"
      dimensions = tomap({ "Cluster Name" = var.msk.cluster_name })
    }
  }

  broker_alarms = var.msk == null ? {} : merge([for broker in range(1, try(var.msk.broker_count, 0) + 1) : {
    "msk-under-min-isr-${broker}" = {
      about      = "Broker ${broker} leads partitions with too few replicas in sync: producers are refused."
      namespace  = "AWS/Kafka", metric = "UnderMinIsrPartitionCount", statistic = "Maximum", period = 60, periods = 5, points = 5
      threshold  = 1, missing = "missing"
      dimensions = tomap({ "Cluster Name" = var.msk.cluster_name, "Broker ID" = tostring(broker) })
    }
    "msk-disk-${broker}" = {
      about      = "The disk of broker ${broker} fills up."
      namespace  = "AWS/Kafka", metric = "KafkaDataLogsDiskUsed", statistic = "Maximum", period = 300, periods = 3, points = 3
      threshold  = var.disk_percent_max, missing = "missing"
      dimensions = tomap({ "Cluster Name" = var.msk.cluster_name, "Broker ID" = tostring(broker) })
    }
  }]...)

  service_alarms = var.service == null ? {} : {
    service-cpu = {
      about      = "The tasks have no processor left, although autoscaling had time: raise tasks.maximum, or cpu."
      namespace  = "AWS/ECS", metric = "CPUUtilization", statistic = "Average", period = 300, periods = 6, points = 6
      threshold  = 90, missing = "breaching"
      dimensions = tomap({ ClusterName = var.service.cluster_name, ServiceName = var.service.service_name })
    }
    service-memory = {
      about      = "The tasks come near their memory: raise memory_mb."
      namespace  = "AWS/ECS", metric = "MemoryUtilization", statistic = "Maximum", period = 300, periods = 3, points = 3
      threshold  = 90, missing = "breaching"
      dimensions = tomap({ ClusterName = var.service.cluster_name, ServiceName = var.service.service_name })
    }
  }

  alarms = merge(
    local.function_alarms, local.offset_alarms, local.time_alarms, local.cluster_alarms, local.broker_alarms, local.service_alarms,
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  # checkov:skip=CKV_AWS_319:The composite alarm below has the actions, so that one cause notifies once
  for_each = var.create ? local.alarms : {}

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.about} Runbook: ${var.runbook_url}#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.points
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = each.value.missing
  dimensions          = each.value.dimensions
  tags                = var.tags
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = length(local.alarms) > 0 ? local.once : toset([])

  alarm_name        = var.name
  alarm_description = "At least one alarm of ${var.name} is active: the rule lists them. Runbook: ${var.runbook_url}"
  alarm_rule        = join(" OR ", [for key in sort(keys(local.alarms)) : "ALARM(\"${aws_cloudwatch_metric_alarm.this[key].alarm_name}\")"])
  alarm_actions     = var.alarm_topic_arns
  ok_actions        = var.alarm_topic_arns
  tags              = var.tags
}

resource "aws_cloudwatch_dashboard" "this" {
  for_each = local.once

  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [for index, key in sort(keys(local.alarms)) : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title       = key
        region      = data.aws_region.current.region
        stat        = local.alarms[key].statistic
        period      = local.alarms[key].period
        annotations = { horizontal = [{ label = "alarm", value = local.alarms[key].threshold }] }
        metrics     = [concat([local.alarms[key].namespace, local.alarms[key].metric], flatten([for name, value in local.alarms[key].dimensions : [name, value]]))]
      }
    }]
  })
}
