"""Step 3: what the examples would make, against AWS's API model, IAM's data and what the product asks for."""

import json

import pytest

import api
import examples
import inputs
import mocked
import rights
from test_configurations import EXAMPLES, MODULES


@pytest.mark.parametrize("example", EXAMPLES)
def test_values_are_what_the_api_takes(states, example):
    assert [why for resource in states[example] for why in api.complaints(resource)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_rights_fit_their_resources(states, example):
    assert any(rights.statements(resource) for resource in states[example])
    assert [why for resource in states[example] for why in rights.complaints(resource)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_right_is_missing(states, example):
    assert rights.missing(example, states[example]) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_pipeline_is_what_was_asked_for(states, example):
    document = pipeline(states[example])
    asked = examples.INPUTS[example]
    assert document["name"] == "orders"
    assert document["source"]["kafka"]["topics"] == ["orders"]
    assert document["transform"]["artifact"] == asked.get("transform", "orders@prod")
    assert document["tables"]["orders"]["path"].startswith("s3://orders-tables-123456789012/")


def test_maps_of_text_become_numbers_and_booleans(workspace):
    folder = workspace.copy("typed").root / "modules" / "service"
    sections = {"flush": {"rows_max": "5", "interval": "5s"}, "breaker": {"rejected_share_max": "0.25"},
                "lambda": {"partial_responses": "false"}, "dead_letters": {"path": "s3://lake/dead", "topic": "dead"}}
    given = inputs.RIGHT["service"] | {"pipeline": inputs.PIPELINE | sections}
    complaints, resources = mocked.made(folder, given)
    assert complaints == []
    document = pipeline(resources)
    assert {section: document[section] for section in sections} == {
        "flush": {"rows_max": 5, "interval": "5s"}, "breaker": {"rejected_share_max": 0.25},
        "lambda": {"partial_responses": False}, "dead_letters": {"path": "s3://lake/dead", "topic": "dead"}}
    # The producer of dead letters is idempotent, which is a right on the cluster.
    assert [why for resource in resources for why in rights.complaints(resource)] == []
    assert "kafka-cluster:WriteDataIdempotently" in json.dumps([rights.statements(resource) for resource in resources])


@pytest.mark.parametrize("module", MODULES)
def test_modules_with_all_their_parts_are_what_the_api_takes(workspace, module):
    folder = workspace.copy(f"whole-{module}").root / "modules" / module
    complaints, resources = mocked.made(folder, inputs.changed(module, inputs.WHOLE.get(module, {}), None))
    assert complaints == []
    assert [why for resource in resources for why in api.complaints(resource) + rights.complaints(resource)] == []


def pipeline(resources):
    """The pipeline document in the environment of the function or of the first container."""
    for resource in resources:
        if resource["type"] == "aws_lambda_function":
            return json.loads(resource["values"]["environment"][0]["variables"]["SLUICEBOX_PIPELINE"])
        if resource["type"] == "aws_ecs_task_definition":
            writer = json.loads(resource["values"]["container_definitions"])[0]
            return json.loads(writer["environment"][0]["value"])
    raise AssertionError("there is neither a function nor a task")
