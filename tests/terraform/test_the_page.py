"""Step 6: docs/deploy.md, from nothing to a row in a table: every command for Lambda and Fargate."""

import pytest

import deployment
from test_plans import SLUICEBOX


@pytest.mark.skipif(not SLUICEBOX.exists(), reason="the command is not built: make build")
def test_every_command_of_the_page_works(deployed):
    output = deployment.end(deployed)
    deployment.take_down(output)
    assert [command for command, _ in deployment.newcomer][-2:] == ["terraform init", "terraform plan"]
    assert output.count("5 written to tables") == 2, output[-3000:]
    # Lambda and Fargate, each with its rows and its dead letters.
    assert output.count("every offset is accounted for") == 2, output[-3000:]
    assert output.count("negative_amount") >= 2


def test_a_command_that_fails_is_seen(tmp_path):
    with pytest.raises(AssertionError, match="a command of docs/deploy.md failed"):
        deployment.end(deployment.begin(tmp_path, ["Before"], "false"))
