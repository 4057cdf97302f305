"""Inputs that are right, and inputs that are wrong: one line for each, with a piece of the sentence that refuses it.

A wrong input is a module, what it changes in the right input (a path of keys and the new value, or several of them), the
piece, and other variables that refuse the same. The variable that has to refuse is the one whose validation has the piece.
"""

import copy

CLUSTER = "arn:aws:kafka:eu-central-1:123456789012:cluster/orders/0b1c2d3e-0000-4000-8000-000000000002-2"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b1c2d3e-0000-4000-8000-000000000000"
ALIAS = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-AbCdEf"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:oncall"
DIGEST = "sha256:" + 64 * "a"

PIPELINE = {
    "name": "orders",
    "source": {"kafka": {"brokers": ["b-1.orders.example.org:9098"], "topics": ["orders"], "authentication": "msk_iam"}},
    "transform": {"artifact": "orders@prod", "registry": "s3://lake/transforms"},
    "tables": {"orders": {"path": "s3://lake/tables/orders"}},
    "dead_letters": {"path": "s3://lake/dead-letters/orders"},
    "lambda": {"partial_responses": "false"},
}
# Each key that there is.
FULL_PIPELINE = {
    "name": "orders",
    "source": {"kafka": {
        "brokers": ["kafka-1.example.org:9096"], "topics_regex": "^orders", "group": "orders", "start": "latest",
        "properties": {"fetch.min.bytes": "5"}, "secret_properties": {"sasl.password": "PASSWORD"}}},
    "transform": {
        "artifact": "orders@prod", "registry": "s3://lake/transforms", "poll_interval": "5s", "configuration": '{"a": [1]}',
        "keys": ["MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
        "limits": {"memory_bytes_max": "64MiB", "record_rows_max": "10"}},
    "tables": {"orders": {"path": "s3://lake/tables/orders"}},
    "dead_letters": {"path": "s3://lake/dead-letters", "topic": "dead"},
    "flush": {"rows_max": "5", "interval": "5s", "bytes_max": "1MiB"},
    "batch": {"records_max": "100"},
    "breaker": {"rejected_share_max": "0.25"},
    "lambda": {"partial_responses": "false", "gaps": "accept", "timeout": "30s"},
    "s3": {"path_style": "false", "region": "eu-central-1"},
    "http": {"listen": "0.0.0.0:9090"},
    "provenance": False,
}
VPC = {"subnet_ids": ["subnet-0a"], "security_group_ids": ["sg-0a"]}

RIGHT = {
    "pipeline": {"pipeline": PIPELINE, "msk_cluster_arn": CLUSTER, "kms_key_arns": [KEY]},
    "lambda": {
        "name": "orders", "packages": {"x86_64": "bootstrap.zip"}, "pipeline": PIPELINE, "vpc": VPC, "kms_key_arn": KEY,
        "msk_cluster_arn": CLUSTER, "event_source": {"msk_cluster_arn": CLUSTER},
    },
    "schedule": {"name": "orders", "function_arn": ALIAS, "kms_key_arn": KEY},
    "service": {
        "name": "orders", "image": "example.org/sluicebox:1.2.3", "pipeline": PIPELINE, "vpc": VPC, "kms_key_arn": KEY,
        "msk_cluster_arn": CLUSTER, "partitions": 12,
    },
    "storage": {"name": "orders"},
    "network": {"name": "orders", "vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a"], "route_table_ids": ["rtb-0a"],
                "cluster_security_group_id": "sg-0a"},
    "msk": {"name": "orders", "vpc_id": "vpc-0a", "subnet_ids": ["subnet-0a", "subnet-0b", "subnet-0c"],
            "kms_key_arn": KEY, "topics": {"orders": {"partitions": 12}}},
    "observability": {"name": "orders", "alarm_topic_arns": [TOPIC],
                      "lambda": {"function_name": "orders", "timeout_seconds": 60, "has_mapping": True},
                      "msk": {"cluster_name": "orders", "broker_count": 3, "groups": {"orders": "sluicebox-orders"}},
                      "service": {"cluster_name": "orders", "service_name": "orders"}},
}

ACCEPT = {"gaps": "accept", "partial_responses": "false"}
POLLED = {"msk_cluster_arn": CLUSTER, "pollers": {}}

# What the right inputs leave out: optional parts, so that they are made and checked as well.
WHOLE = {
    "lambda": {
        "event_source": POLLED | {"pollers": {"minimum": 1, "maximum": 2, "group": "orders"}, "bisects_batches": True},
        "pipeline.lambda": {}, "pipeline.dead_letters.topic": "orders-dead", "pipeline_bucket": "lake",
        "withdraw_canaries": True, "rollback_to_version": "6",
    },
    "schedule": {"expression": "cron(0 3 * * ? *)", "time_zone": "Europe/Berlin", "window_minutes": 15},
    "service": {
        "secrets": {"PASSWORD": SECRET, "USER": "arn:aws:ssm:eu-central-1:123456789012:parameter/kafka/user"},
        "health_command": ["CMD", "/usr/bin/sluicebox", "health", "--ready"], "architecture": "arm64",
        "tasks": {"minimum": 2, "maximum": 12},
    },
    "msk": {"broker_type": "express", "instance_type": "express.m7g.large"},
    "network": {"endpoints": ["lambda", "sts", "secretsmanager", "logs", "kms", "ecr.api", "ecr.dkr", "monitoring"]},
}

# module, path of keys, value, piece of the sentence, other variables that refuse it
WRONG = [
    ("pipeline", "pipeline.name", "orders/eu", "begin with a letter or digit"),
    ("pipeline", "pipeline.source.kafka.brokers", ["kafka"], "a list of addresses"),
    ("pipeline", "pipeline.source.kafka.brokers", ["a:1,b:2"], "a list of addresses"),
    ("pipeline", "pipeline.source.kafka.topics", [], "exactly one of the two is allowed"),
    ("pipeline", "pipeline.source.kafka.topics", ["a b"], "use topics_regex for a pattern"),
    ("pipeline", "pipeline.source.kafka", {"brokers": ["a:1"], "topics_regex": "orders.*"}, "must begin with `^`"),
    ("pipeline", "pipeline.source.kafka.start", "EARLIEST", "must be earliest or latest"),
    ("pipeline", "pipeline.source.kafka.authentication", "iam", "must be msk_iam"),
    ("pipeline", "pipeline.source.kafka.properties", {"group.id": "x"}, "what Sluicebox sets itself"),
    ("pipeline", "pipeline.source.kafka.properties", {"sasl.password": "x"}, "must not hold a secret"),
    ("pipeline", "pipeline.source.kafka.properties", {"security.protocol": "ssl"}, "beside authentication"),
    ("pipeline", "pipeline.transform.artifact", "orders", "64 hexadecimal digits"),
    ("pipeline", "pipeline.transform.artifact", "orders@sha256:12", "64 hexadecimal digits"),
    ("pipeline", "pipeline.transform.registry", "/var/transforms", "must be an S3 location such as"),
    ("pipeline", "pipeline.transform.keys", [], "must name a public key"),
    ("pipeline", "pipeline.transform.poll_interval", "30", "must be a duration such as 30s"),
    ("pipeline", "pipeline.transform", {"artifact": "orders@" + DIGEST, "registry": "s3://lake/t", "poll_interval": "30s"},
     "must be left out beside a digest"),
    ("pipeline", "pipeline.transform.configuration", "[1]", "the text of a JSON object"),
    ("pipeline", "pipeline.transform.limits", {"memory": "1"}, "transform.limits takes only"),
    ("pipeline", "pipeline.tables", {"Orders": {"path": "s3://lake/tables/orders"}}, "do not begin with `_`"),
    ("pipeline", "pipeline.tables", {"orders": {"path": "/tables/orders"}}, "only S3 outlives the process"),
    ("pipeline", "pipeline.dead_letters.path", "s3://lake", "an S3 location with a prefix"),
    ("pipeline", "pipeline.dead_letters.path", "s3://lake/tables/orders/", "must have paths that differ"),
    ("pipeline", "pipeline.dead_letters.topic", "orders", "does not read"),
    ("pipeline", "pipeline.flush", {"intervall": "5s"}, "flush takes only"),
    ("pipeline", "pipeline.flush", {"interval": "31m"}, "at most 30 minutes"),
    ("pipeline", "pipeline.batch", {"records": "5"}, "batch takes only"),
    ("pipeline", "pipeline.breaker", {"share": "0.5"}, "breaker takes only"),
    ("pipeline", "pipeline.breaker", {"rejected_share_max": "1"}, "at least 0 and less than 1"),
    ("pipeline", "pipeline.lambda", {"gap": "accept"}, "lambda takes only"),
    ("pipeline", "pipeline.lambda", {"gaps": "ignore"}, "must be verify"),
    ("pipeline", "pipeline.lambda", {"partial_responses": "yes"}, "must be true or false"),
    ("pipeline", "pipeline.s3", {"access_key": "x"}, "s3 takes only"),
    ("pipeline", "pipeline.http", {"listen": "9090"}, "an address and a port"),
    ("pipeline", "msk_cluster_arn", "orders", "must be the ARN of an MSK cluster"),
    ("pipeline", "kms_key_arns", ["alias/orders"], "must be ARNs of KMS keys"),

    ("lambda", "name", "orders.eu", "1 to 48 letters"),
    ("lambda", "architecture", "amd64", "must be x86_64 or arm64"),
    ("lambda", "architecture", "arm64", "an entry for the architecture"),
    ("lambda", "packages", {"x86_64": "bootstrap.zip", "amd64": "bootstrap.zip"}, "must be keyed by"),
    ("lambda", "packages", {"x86_64": "missing.zip"}, "must name files that exist"),
    ("lambda", "memory_mb", 128, "a whole number from 256 to 10240"),
    ("lambda", "timeout_seconds", 900, "from 30 to 840"),
    ("lambda", "reserved_concurrency", 0, "0 would stop the function"),
    ("lambda", {"is_drained": True, "event_source": None}, None, "must be 1 where is_drained is true"),
    ("lambda", {"is_drained": True, "reserved_concurrency": 1}, None, "must be false beside an event_source"),
    ("lambda", "vpc", {"subnet_ids": [], "security_group_ids": ["sg-0a"]}, "at least one of subnet_ids"),
    ("lambda", "vpc", None, "must be set where the function reaches the brokers itself"),
    ("lambda", "pipeline.lambda", ACCEPT, "must be null where the function never reaches the brokers"),
    ("lambda", "environment", {"SASL_PASSWORD": "x"}, "takes only SLUICEBOX_LOG"),
    ("lambda", "log_level", "WARN", "anything above would drop them"),
    ("lambda", "log_retention_days", 100, "must be one of"),
    ("lambda", "alias", "7th", "not begin with a digit"),
    ("lambda", "rollback_to_version", "$LATEST", "the number of a published version"),
    ("lambda", "event_source.msk_cluster_arn", "orders", "must be the ARN of an MSK cluster"),
    ("lambda", "event_source.access", [{"type": "SASL_PLAIN", "uri": SECRET}], "must have types out of"),
    ("lambda", "event_source.starting_position", "EARLIEST", "TRIM_HORIZON, LATEST or AT_TIMESTAMP"),
    ("lambda", "event_source.starting_position", "AT_TIMESTAMP", "and only with it"),
    ("lambda", "event_source.batch_size", 20000, "from 1 to 10000"),
    ("lambda", "event_source.window_seconds", 301, "from 1 to 300"),
    ("lambda", "event_source.consumer_group_id", "a b", "1 to 200 letters"),
    ("lambda", {"pipeline.source.kafka.topics": ["a", "b"], "event_source.consumer_group_id": "x"}, None,
     "each mapping needs a group of its own"),
    ("lambda", "event_source.pollers", {"minimum": 300, "maximum": 400}, "a minimum from 1 to 200"),
    ("lambda", "event_source.pollers", {"minimum": 2, "maximum": 1}, "a minimum from 1 to 200"),
    ("lambda", "event_source.pollers", {"group": "a b"}, "share their units"),
    ("lambda", "event_source", POLLED | {"metrics": ["OffsetLag"]}, "out of EventCount"),
    ("lambda", "event_source.metrics", ["EventCount"], "must be left out without pollers"),
    ("lambda", "pipeline.lambda", {"gaps": "verify"}, "AWS documents partial responses for provisioned mode only"),
    ("lambda", {"pipeline.source.kafka": {"brokers": ["a:1"], "topics_regex": "^orders"}}, None, "must be null with"),
    ("lambda", "filter_patterns", ["{}"], "would count as taken in"),
    ("lambda", "on_failure_destination_arn", "arn:aws:sqs:eu-central-1:123456789012:failed", "caps the retries at ten"),
    ("lambda", "maximum_retry_attempts", 3, "(without end): anything else drops records"),
    ("lambda", "maximum_record_age_seconds", 3600, "(never): anything else drops records"),
    ("lambda", "capacity_provider_arn", "arn:aws:lambda:eu-central-1:123456789012:capacity-provider:x", "share a process"),

    ("lambda", "pipeline.source.kafka.secret_properties", {"sasl.password": "P"}, "shows its values to all"),

    ("schedule", "name", "a/b", "1 to 55 letters"),
    ("schedule", "function_arn", ALIAS.removesuffix(":live"), "must be the ARN of a function's alias"),
    ("schedule", "expression", "every 5 minutes", "must be `rate(5 minutes)`"),
    ("schedule", "expression", "rate(1 minutes)", "must be `rate(5 minutes)`"),
    ("schedule", "time_zone", "Central European", "must be a name such as UTC"),
    ("schedule", "window_minutes", 1441, "from 0 to 1440"),

    ("service", "name", "a/b", "1 to 48 letters"),
    ("service", "image", "example.org/sluicebox:latest", "the tag latest is not allowed: a task"),
    ("service", "architecture", "X86_64", "must be x86_64 or arm64"),
    ("service", "cpu", 1000, "256, 512, 1024"),
    ("service", "memory_mb", 1024, "from 2 to 8 times cpu"),
    ("service", "partitions", 0, "a whole number from 1"),
    ("service", "tasks", {"minimum": 1, "maximum": 13}, "a task without a partition does nothing"),
    ("service", "cpu_target_percent", 100, "must be from 20 to 90"),
    ("service", "stop_timeout_seconds", 300, "must be from 30 to 120"),
    ("service", "vpc", {"subnet_ids": [], "security_group_ids": []}, "at least one of subnet_ids"),
    ("service", "secrets", {"PASSWORD": "hunter2"}, "values are not allowed"),
    ("service", "pipeline.source.kafka", {"brokers": ["a:1"], "topics": ["x"], "secret_properties": {"sasl.password": "P"}},
     "an entry for each environment variable"),
    ("service", "environment", {"SASL_PASSWORD": "x"}, "takes only SLUICEBOX_LOG"),
    ("service", "health_command", ["CMD-SHELL", "true"], "must begin with CMD"),
    ("service", "log_retention_days", 100, "must be one of"),

    ("storage", "name", "Orders", "1 to 30 lower case letters"),
    ("storage", "kms_key_arn", "alias/orders", "must be the ARN of a KMS key"),
    ("storage", "upload_days_max", 0, "from 1 to 30"),
    ("storage", "registry_version_days", 7, "a whole number from 30"),

    ("network", "name", "sg-orders", "not begin with `sg-`"),
    ("network", "vpc_id", "orders", "must be the id of a VPC"),
    ("network", "subnet_ids", [], "must be ids of subnets"),
    ("network", "route_table_ids", ["orders"], "must be ids of route tables"),
    ("network", "endpoints", ["s3"], "must be out of lambda, sts"),
    ("network", "cluster_security_group_id", "default", "must be the id of a security group"),
    ("network", "broker_ports", [70000], "ports from 1 to 65535"),

    ("msk", "name", "orders_eu", "1 to 64 letters"),
    ("msk", "kafka_version", "2.8.1", "from 3 on"),
    ("msk", "subnet_ids", ["subnet-0a", "subnet-0b"], "must be three different subnets"),
    ("msk", "broker_type", "serverless", "must be standard or express"),
    ("msk", "instance_type", "m7g.large", "must begin with `express.`"),
    ("msk", "broker_type", "express", "must begin with `express.`"),
    ("msk", "brokers_per_zone", 0, "from 1 to 10"),
    ("msk", "storage_gb", 0, "from 1 to 16384"),
    ("msk", "log_retention_days", 1, "must be one of 7"),
    ("msk", "topics", {"a b": {"partitions": 1}}, "must have names"),
    ("msk", "topics", {"a": {"partitions": 0}}, "from 1 to 4000"),
    ("msk", "topics", {"a": {"partitions": 1, "configs": {"min.insync.replicas": "1"}}}, "can lose acknowledged records"),

    ("observability", "name", "a b", "1 to 100 letters"),
    ("observability", "alarm_topic_arns", ["oncall"], "must be ARNs of SNS topics"),
    ("observability", "lambda", {"function_name": "x", "timeout_seconds": 0}, "must be from 1 to 900"),
    ("observability", "msk", {"cluster_name": "x", "broker_count": 0}, "a whole number from 1"),
    ("observability", "lag_seconds_max", 10, "must be 60 or more"),
    ("observability", "lag_records_max", 0, "must be 1 or more"),
    ("observability", "disk_percent_max", 100, "must be from 50 to 95"),
]


def changed(module, path, value):
    """The right input with one thing wrong."""
    inputs = copy.deepcopy(RIGHT[module])
    for keys, new in path.items() if isinstance(path, dict) else [(path, value)]:
        *parents, last = keys.split(".")
        level = inputs
        for key in parents:
            level = level.setdefault(key, {})
        level[last] = new
    return inputs
