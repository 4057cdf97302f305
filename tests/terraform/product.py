"""What the product asks of a plan, beyond what AWS allows: settings that AWS takes and that would lose records."""


def complaints(resource):
    """What of a resource the product does not stand."""
    values = resource["values"]
    check = CHECKS.get(resource["type"])
    return [f'{resource["address"]}: {why}' for why in check(values)] if check else []


def mapping(values):
    if values.get("destination_config"):
        yield "a destination caps the retries at ten, and what the mapping passes over then is E0205"
    if values.get("filter_criteria"):
        yield "records that the mapping filters out inside a batch would count as taken in"
    for name in ("maximum_retry_attempts", "maximum_record_age_in_seconds"):
        # 0 is the mocked answer for what is not set.
        if values.get(name) not in (None, 0, -1):
            yield f"{name} drops records in silence"
    if not values["function_name"].rsplit(":", 1)[-1].isidentifier():
        yield "the mapping invokes no alias, so that a rollback would not reach it"


def function(values):
    if values["logging_config"][0]["application_log_level"] not in ("TRACE", "DEBUG", "INFO"):
        yield "a log level above INFO drops the metrics"
    if values["runtime"] != "provided.al2023" or values["handler"] != "bootstrap":
        yield "the zip holds a bootstrap for provided.al2023"


def cluster_configuration(values):
    properties = dict(line.split("=", 1) for line in values["server_properties"].splitlines())
    wanted = {"default.replication.factor": "3", "min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
    for name, value in wanted.items():
        if properties.get(name) != value:
            yield f"{name} is {properties.get(name)}: acknowledged records can be lost"


CHECKS = {
    "aws_lambda_event_source_mapping": mapping,
    "aws_lambda_function": function,
    "aws_msk_configuration": cluster_configuration,
}
