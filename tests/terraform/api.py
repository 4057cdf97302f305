"""Values against AWS's own API model: enums, ranges, lengths and patterns, where the stub has no validators.

A resource's arguments are the members of an operation's input, by CamelCase and a few exceptions.
"""

import functools
import re

import botocore.session

# Resource: service, operation, and what the arguments are called there (None: nothing of the API).
OPERATIONS = {
    "aws_lambda_event_source_mapping": ("lambda", "CreateEventSourceMapping", {
        "source_access_configuration": "SourceAccessConfigurations", "uri": "URI", "tags": "Tags",
        "endpoints": "Endpoints"}),
    "aws_lambda_function": ("lambda", "CreateFunction", {
        "environment": "Environment", "logging_config": "LoggingConfig", "filename": None, "source_code_hash": None,
        "reserved_concurrent_executions": None, "kms_key_arn": "KMSKeyArn"}),
    "aws_lambda_alias": ("lambda", "CreateAlias", {}),
    "aws_cloudwatch_log_group": ("logs", "CreateLogGroup", {"name": "logGroupName", "kms_key_id": "kmsKeyId",
                                                            "retention_in_days": None, "log_group_class": None}),
    "aws_cloudwatch_metric_alarm": ("cloudwatch", "PutMetricAlarm", {"actions_enabled": "ActionsEnabled"}),
    "aws_cloudwatch_composite_alarm": ("cloudwatch", "PutCompositeAlarm", {"ok_actions": "OKActions"}),
    "aws_cloudwatch_dashboard": ("cloudwatch", "PutDashboard", {}),
    "aws_scheduler_schedule": ("scheduler", "CreateSchedule", {}),
    "aws_ecs_service": ("ecs", "CreateService", {
        "name": "serviceName", "deployment_circuit_breaker": None, "deployment_controller": None,
        "network_configuration": None}),
    "aws_ecs_task_definition": ("ecs", "RegisterTaskDefinition", {"volume": "volumes", "container_definitions": None}),
    "aws_appautoscaling_target": ("application-autoscaling", "RegisterScalableTarget", {}),
    "aws_appautoscaling_policy": ("application-autoscaling", "PutScalingPolicy", {"name": "PolicyName"}),
    "aws_iam_role": ("iam", "CreateRole", {"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument"}),
    "aws_msk_cluster": ("kafka", "CreateCluster", {"sasl": "sasl"}),
    "aws_msk_configuration": ("kafka", "CreateConfiguration", {}),
    "aws_msk_topic": ("kafka", "CreateTopic", {"name": "TopicName"}),
    "aws_kms_key": ("kms", "CreateKey", {}),
    "aws_s3_bucket": ("s3", "CreateBucket", {}),
    "aws_vpc_endpoint": ("ec2", "CreateVpcEndpoint", {}),
    "aws_security_group": ("ec2", "CreateSecurityGroup", {"name": "GroupName"}),
    "aws_sns_topic": ("sns", "CreateTopic", {}),
}


# What the model does not have: EC2 takes these characters only, in a description.
DESCRIPTION = re.compile(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{0,255}")
DESCRIBED = ("aws_security_group", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")


@functools.cache
def shape(service, operation):
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


def complaints(resource):
    """What of a resource's configured values AWS's model would refuse. Mocked answers are none."""
    if resource["type"] in DESCRIBED and not DESCRIPTION.fullmatch(resource["planned"].get("description") or ""):
        return [f'{resource["address"]}: description has characters that EC2 refuses']
    if resource["type"] not in OPERATIONS:
        return []
    service, operation, names = OPERATIONS[resource["type"]]
    return [f'{resource["address"]}: {path} {why}'
            for path, why in structure(shape(service, operation), resource["planned"], names, ())]


def structure(shape_of, values, names, path):
    members = {plain(name): member for name, member in shape_of.members.items()}
    for argument, value in values.items():
        member = members.get(plain(names[argument] or "-") if argument in names else plain(argument))
        if member is not None and value is not None:
            yield from checked(member, value, names, path + (argument,))


def plain(name):
    """A name as both sides would write it."""
    return name.replace("_", "").lower()


def checked(shape_of, value, names, path):
    kind = shape_of.type_name
    if kind == "structure":
        # A block that there may be once is a list with one element.
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from structure(shape_of, item, names, path)
    elif kind == "list" and isinstance(value, list):
        for item in value:
            yield from checked(shape_of.member, item, names, path)
    elif kind == "map" and isinstance(value, dict):
        for item in value.values():
            yield from checked(shape_of.value, item, names, path)
        for key in value:
            yield from scalar(shape_of.key, key, path)
    elif not isinstance(value, (list, dict)):
        yield from scalar(shape_of, value, path)


def scalar(shape_of, value, path):
    name, rules = ".".join(path), shape_of.metadata
    if shape_of.type_name in ("integer", "long", "float", "double") and isinstance(value, (int, float)):
        if value < rules.get("min", value) or value > rules.get("max", value):
            yield name, f'is {value}: allowed are {rules.get("min")} to {rules.get("max")}'
    elif shape_of.type_name == "string" and isinstance(value, str) and value:
        if getattr(shape_of, "enum", None) and value not in shape_of.enum:
            yield name, f"is {value}: allowed are {', '.join(shape_of.enum)}"
        if len(value) < rules.get("min", 0) or len(value) > rules.get("max", len(value)):
            yield name, f"has {len(value)} characters: {rules.get('min')} to {rules.get('max')} are allowed"
        if "pattern" in rules and not matches(rules["pattern"], value):
            yield name, f"is {value}: it does not match {rules['pattern']}"


def matches(pattern, value):
    try:
        return re.fullmatch(pattern, value, re.S) is not None
    except re.error:
        # The model's patterns are Java's; what Python cannot read is not checked.
        return True
