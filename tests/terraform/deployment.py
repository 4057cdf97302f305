"""The part of docs/deploy.md that is for Terraform, run as a script beside the other tests."""

import json
import sys

import terraform
from workspace import TARGET, TESTS

sys.path.insert(0, str(TESTS.parent / "deploy"))
import page  # noqa: E402: found by the line above

# What a newcomer waits for before the first plan; filled by the test that has run the page.
newcomer = []

SECTIONS = ["Before", "Lambda", "Fargate", "Upgrade and roll back", "Tear down"]


def begin(folder, sections, sluicebox):
    prepared = {"binary": terraform.binary()[0], "environment": terraform.environment(), "attached": terraform.attached()}
    return folder, page.begin(folder, sections, sluicebox, {
        "TERRAFORM_TESTS": str(TESTS), "TERRAFORM_PREPARED": json.dumps(prepared), "CRATE_TARGET": str(TARGET / "crate"),
        "SLUICEBOX_TERRAFORM_TARGET": str(TARGET)})


def take_down(output):
    """Keeps what the last lines say: how long it takes to the first plan, of the commands that are not stand-ins."""
    newcomer[:] = [step for step in page.steps(output, "terraform plan") if step[0].split()[0] in ("sluicebox", "terraform", "cp")]


def end(begun):
    """What it printed."""
    folder, process = begun
    return page.wait(process, folder)
