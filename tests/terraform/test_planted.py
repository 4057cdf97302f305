"""Twelve mistakes, each planted into a copy, and the step that has to catch it. A step that lets one pass is blind."""

import pytest

import api
import examples
import inputs
import mocked
import product
import rights
import scan
import style
import terraform
from test_style import pipeline_type

MAPPING = "modules/lambda/event_source.tf"
BATCH = "  batch_size                         = var.event_source.batch_size\n"


def run(folder, how):
    return how(folder, examples.INPUTS[folder.name], examples.OVERRIDES.get(folder.name, ()))


def over(check, how):
    def step(folder):
        complaints, resources = run(folder, how)
        assert complaints == [], "an earlier step has caught it"
        return [why for resource in resources for why in check(resource)]
    return step


STEPS = {
    "validate": terraform.validate,
    "plan": lambda folder: run(folder, mocked.planned)[0],
    "AWS's API model": over(api.complaints, mocked.planned),
    "IAM's data": over(rights.complaints, mocked.made),
    "rights that the product needs": lambda folder: rights.missing(folder.name, run(folder, mocked.made)[1]),
    "rules of the product": over(product.complaints, mocked.made),
    "keys of the pipeline": lambda folder: list(style.misspelt(folder, pipeline_type("pipeline"))),
}

# mistake: file, text, the text with the mistake, the example that shows it, the step that catches it, what it says
MISTAKES = {
    "an unknown argument": (
        MAPPING, BATCH, BATCH.replace("batch_size ", "batch_sizes "), "lambda-msk", "validate", "Unsupported argument"),
    "EARLIEST as a starting position": (
        MAPPING, "= var.event_source.starting_position\n", '= "EARLIEST"\n', "lambda-msk", "AWS's API model",
        "starting_position is EARLIEST: allowed are TRIM_HORIZON"),
    "an action on topics granted on the cluster": (
        "modules/pipeline/rights.tf", '"kafka-cluster:DescribeClusterDynamicConfiguration"]',
        '"kafka-cluster:ReadData"]', "scheduled-drain", "IAM's data", "kafka-cluster:ReadData does not act on arn:aws:kafka"),
    "a value for a computed attribute": (
        MAPPING, BATCH, BATCH + '  state                              = "Enabled"\n', "lambda-msk", "validate",
        'Can\'t configure a value for "state"'),
    "a destination on the mapping": (
        MAPPING, '  dynamic "provisioned_poller_config"',
        '  destination_config {\n    on_failure {\n      destination_arn = "arn:aws:sqs:eu-central-1:123456789012:failed"\n'
        '    }\n  }\n\n  dynamic "provisioned_poller_config"', "lambda-msk", "rules of the product", "caps the retries at ten"),
    "a typo in the pipeline object": (
        "examples/fargate/main.tf", "    http         =", "    htttp        =", "fargate", "keys of the pipeline",
        "pipeline has no key `htttp`"),
    "a batch size of 20,000": (
        MAPPING, "= var.event_source.batch_size\n", "= 20000\n", "lambda-msk", "AWS's API model",
        "batch_size is 20000: allowed are 1 to 10000"),
    "a right that a drain needs": (
        "modules/pipeline/rights.tf", '["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"]',
        '["kafka-cluster:DescribeGroup"]', "scheduled-drain", "rights that the product needs", "kafka-cluster:AlterGroup"),
    "an architecture without its zip": (
        "examples/lambda-msk/main.tf", "  packages             = {", '  architecture         = "arm64"\n  packages             = {',
        "lambda-msk", "plan", "packages must have an entry for the architecture"),
    "300 pollers": (
        "examples/lambda-self-managed/main.tf", "minimum = 1,", "minimum = 300,", "lambda-self-managed", "plan",
        "event_source.pollers must have a minimum from 1 to 200"),
}


def test_there_are_twelve_mistakes():
    assert len(MISTAKES) + len(scan.PLANTED) == 12


@pytest.fixture(scope="module")
def caught(workspace, beforehand):
    def step(mistake):
        path, old, new, example, step, _ = MISTAKES[mistake]
        copy = workspace.copy("planted-" + mistake.replace(" ", "-"))
        copy.edit(path, old, new)
        return STEPS[step](copy.root / "examples" / example)
    return beforehand(step, MISTAKES)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught(caught, mistake):
    *_, step, said = MISTAKES[mistake]
    complaints = caught[mistake]
    assert any(said in complaint for complaint in complaints), f"the step `{step}` says {complaints}"


@pytest.mark.skipif(not scan.is_there(), reason="checkov could not be fetched")
def test_what_checkov_has_to_catch_is_caught(scans):
    complaints = scan.complaints(scans, "planted")
    for mistake, (*_, check) in scan.PLANTED.items():
        assert any(complaint.startswith(check) for complaint in complaints), f"{mistake}: {complaints}"


@pytest.mark.parametrize("example", sorted(examples.INPUTS))
def test_no_step_complains_of_what_is_right(states, example):
    assert [why for resource in states[example] for why in product.complaints(resource)] == []


def test_wrong_policies_are_told_from_right_ones():
    assert list(rights.about("s3:PutObject", ["arn:aws:s3:::lake/tables/*"])) == []
    assert list(rights.about("s3:PutObject", ["arn:aws:s3:::lake"])) != []
    assert list(rights.about("s3:*", ["arn:aws:s3:::lake/*"])) != []
    assert list(rights.about("s3:PutObjekt", ["arn:aws:s3:::lake/*"])) != []
    assert list(rights.about("s3:PutObject", ["*"])) != []
    assert list(rights.about("ec2:DescribeVpcs", ["*"])) == []
    assert list(rights.about("ec2:DescribeVpcs", ["arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-0a"])) != []
    cluster = inputs.CLUSTER
    assert list(rights.about("kafka-cluster:WriteDataIdempotently", [cluster])) == []
    assert list(rights.about("kafka-cluster:WriteDataIdempotently", [cluster.replace(":cluster/", ":topic/") + "/x"])) != []


def test_values_that_the_api_refuses_are_told_from_those_that_it_takes():
    def refused(kind, **values):
        return api.complaints({"type": kind, "address": kind, "planned": values})

    assert refused("aws_lambda_event_source_mapping", batch_size=10000, starting_position="LATEST") == []
    assert refused("aws_lambda_event_source_mapping", batch_size=10001) != []
    assert refused("aws_lambda_event_source_mapping", provisioned_poller_config=[{"minimum_pollers": 300}]) != []
    assert refused("aws_lambda_function", architectures=["amd64"]) != []
    assert refused("aws_lambda_function", description="x" * 257) != []
    assert refused("aws_cloudwatch_metric_alarm", statistic="Median") != []
    assert refused("aws_security_group", description="the brokers' own") != []
