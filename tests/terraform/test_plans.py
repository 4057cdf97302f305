"""Step 3: what the examples would make, against AWS's API model, IAM's data and what the product asks for."""

import json
import re
import subprocess

import pytest

import api
import examples
import inputs
import mocked
import rights
from test_configurations import EXAMPLES, MODULES, taken  # noqa: F401: a fixture
from workspace import TARGET, TESTS

SLUICEBOX = TARGET.parent / "release" / "sluicebox"


@pytest.mark.parametrize("example", EXAMPLES)
def test_values_are_what_the_api_takes(states, example):
    assert [why for resource in states[example] for why in api.complaints(resource)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_rights_fit_their_resources(states, example):
    assert any(rights.statements(resource) for resource in states[example])
    assert [why for resource in states[example] for why in rights.complaints(resource)] == []


def test_the_policies_of_the_documentation_fit_their_resources():
    text = (TESTS.parent.parent / "docs" / "s3.md").read_text()
    policies = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)]
    assert len(policies) == 2
    for statement in [statement for policy in policies for statement in policy["Statement"]]:
        for action in rights.listed(statement["Action"]):
            assert list(rights.about(action, rights.listed(statement["Resource"]))) == []


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


@pytest.fixture(scope="module")
def full(workspace):
    """The document of a pipeline that has each key, and the resources of its service."""
    folder = workspace.copy("full").root / "modules" / "service"
    given = inputs.RIGHT["service"] | {"pipeline": inputs.FULL_PIPELINE, "secrets": {"PASSWORD": inputs.SECRET}}
    complaints, resources = mocked.made(folder, given)
    assert complaints == []
    return pipeline(resources), resources


def test_text_becomes_numbers_booleans_and_references(full):
    document, _ = full
    assert document["flush"] == {"rows_max": 5, "interval": "5s", "bytes_max": "1MiB"}
    assert document["breaker"] == {"rejected_share_max": 0.25}
    assert document["lambda"] == {"partial_responses": False, "gaps": "accept", "timeout": "30s"}
    assert document["transform"]["configuration"] == {"a": [1]}
    assert document["source"]["kafka"]["properties"] == {"fetch.min.bytes": "5", "sasl.password": {"env": "PASSWORD"}}
    assert set(document) == set(inputs.FULL_PIPELINE)


def test_a_task_is_one_container_that_is_asked_for_its_health(taken):
    _, (_, _, states) = taken["service"]
    made = list(mocked.resources(states[0]["root_module"]))
    task = container(next(resource for resource in made if resource["type"] == "aws_ecs_task_definition"))
    assert task["command"] == ["run"] and "mountPoints" not in task
    assert task["healthCheck"]["command"] == ["CMD", "/usr/bin/sluicebox", "health"]
    # Where `health` asks; inputs.RIGHT says nothing of it.
    assert pipeline(made)["http"] == {"listen": "127.0.0.1:9090"}


def test_a_dead_letter_topic_needs_a_right_on_the_cluster(workspace):
    folder = workspace.copy("dead-letters").root / "modules" / "service"
    complaints, resources = mocked.made(folder, inputs.changed("service", "pipeline.dead_letters.topic", "dead"))
    assert complaints == []
    # The producer of dead letters is idempotent.
    granted = [statement for resource in resources for statement in rights.statements(resource)
               if "kafka-cluster:WriteDataIdempotently" in statement["Action"]]
    assert [statement["Resource"] for statement in granted] == [[inputs.CLUSTER]]


@pytest.mark.skipif(not SLUICEBOX.exists(), reason="the command is not built: make build")
def test_the_product_takes_the_documents(states, full, beforehand, tmp_path):
    documents = {example: pipeline(states[example]) for example in EXAMPLES} | {"full": full[0]}
    documents["wrong"] = full[0] | {"flush": {"intervall": "5s"}}
    refused = beforehand(lambda name: refused_by_the_product(documents[name], tmp_path / name), documents)
    assert {name: refused[name] for name in documents if name != "wrong"} == dict.fromkeys([*EXAMPLES, "full"])
    assert "E0103" in refused["wrong"]


def refused_by_the_product(document, folder):
    """What `sluicebox check` says of the settings. Where they are right it comes as far as the registry, where no store answers."""
    folder.mkdir()
    (folder / "pipeline.json").write_text(json.dumps(document))
    env = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
           "AWS_REGION": "eu-central-1", "PASSWORD": "x"}
    said = subprocess.run([SLUICEBOX, "check", folder / "pipeline.json"], env=env, capture_output=True, text=True, timeout=60)
    return None if said.returncode == 3 and "error: registry s3://" in said.stderr else said.stderr


@pytest.fixture(scope="module")
def whole(workspace, beforehand):
    def made(module):
        folder = workspace.copy(f"whole-{module}").root / "modules" / module
        return mocked.made(folder, inputs.changed(module, inputs.WHOLE.get(module, {}), None))
    return beforehand(made, MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_modules_with_all_their_parts_are_what_the_api_takes(whole, module):
    complaints, resources = whole[module]
    assert complaints == []
    assert [why for resource in resources for why in api.complaints(resource) + rights.complaints(resource)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_plan_shows_the_transform_before_anything_is_applied(states, example):
    planned = [resource["planned"] for resource in states[example]]
    reference = examples.INPUTS[example].get("transform", "orders@prod")
    shown = [values.get("description") or values.get("container_definitions") or "" for values in planned]
    assert any(reference in text for text in shown)


def test_subnets_without_a_route_table_of_their_own_reach_s3_by_the_main_one(workspace):
    folder = workspace.copy("main-route-table").root / "examples" / "lambda-msk"
    answers = [mocked.override("data.aws_route_tables.this", ids=[]),
               mocked.override("data.aws_route_tables.main", ids=["rtb-0fedcba9876543210"])]
    complaints, resources = mocked.planned(folder, examples.INPUTS["lambda-msk"], answers)
    assert complaints == []
    tables = [resource["planned"].get("route_table_ids") for resource in resources if resource["type"] == "aws_vpc_endpoint"]
    assert ["rtb-0fedcba9876543210"] in tables


def test_a_rollback_moves_the_alias_only(whole, taken):
    def alias(resources):
        return next(resource["values"]["function_version"] for resource in resources if resource["type"] == "aws_lambda_alias")

    assert alias(whole["lambda"][1]) == "6"
    _, (_, _, states) = taken["lambda"]
    assert alias(mocked.resources(states[0]["root_module"])) == "7"


def container(task):
    """The one container of a task."""
    container, = json.loads(task["values"]["container_definitions"])
    return container


def pipeline(resources):
    """The pipeline document in the environment of the function or of the container."""
    for resource in resources:
        if resource["type"] == "aws_lambda_function":
            return json.loads(resource["values"]["environment"][0]["variables"]["SLUICEBOX_PIPELINE"])
        if resource["type"] == "aws_ecs_task_definition":
            variables = container(resource)["environment"]
            return json.loads(next(variable["value"] for variable in variables if variable["name"] == "SLUICEBOX_PIPELINE"))
    raise AssertionError("there is neither a function nor a task")
