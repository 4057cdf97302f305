"""Runs of `terraform test` over modules and examples, with the provider mocked, made from tables of inputs."""

import json

import language
import terraform
from workspace import TESTS

# Providers that the examples configure are mocked as a whole.
HEAD = 'mock_provider "aws" {\n  source = "./mocks"\n}\n'


def hcl(value):
    """A value as HCL, which takes JSON but for its templates."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")


def one_run(name, inputs, command, refused=()):
    lines = [f'run "{name}" {{', f"  command = {command}", "  variables {"]
    lines += [f"    {key} = {hcl(value)}" for key, value in inputs.items()]
    lines.append("  }")
    if refused:
        lines.append("  expect_failures = [" + ", ".join(f"var.{variable}" for variable in refused) + "]")
    return "\n".join(lines + ["}", ""])


def run(folder, runs, overrides=()):
    """Runs them in one file: results, complaints, plans and states."""
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "mocks").mkdir(exist_ok=True)
    (folder / "mocks" / "aws.tfmock.hcl").write_text((TESTS / "mocks.tfmock.hcl").read_text())
    (folder / "bootstrap.zip").write_bytes(b"not a zip")
    (folder / "tests" / "table.tftest.hcl").write_text(HEAD + "\n".join([*overrides, *runs]))
    return terraform.test(folder, "table.tftest.hcl")


def owner(folder, piece):
    """The variable whose validation says this piece; it has to be exactly one."""
    owners = {variable for variable, message in language.messages(folder) if piece in message}
    assert len(owners) == 1, f"`{piece}` is in the sentences of {sorted(owners) or 'no variable'} of {folder.name}"
    return owners.pop()


def override(target, **values):
    """One resource, or one source of data, whose answers differ from those of its kind."""
    kind = "data" if target.startswith("data.") else "resource"
    return f"override_{kind} {{\n  target = {target}\n  values = {hcl(values)}\n}}\n"


def planned(folder, inputs, overrides=()):
    """What would be planned of the inputs, all modules' resources: complaints, and each resource with `planned`, what the
    configuration itself says, before AWS answers."""
    results, complaints, said = run(folder, [one_run("planned", inputs, "plan")], overrides)
    if complaints or len(said) != 1:
        return complaints or [f"{folder.name}: {results}"], []
    return [], list(changes(said[0]))


def made(folder, inputs, overrides=()):
    """The same, and each resource also with `values`: all of them, AWS's answers mocked."""
    runs = [one_run("planned", inputs, "plan"), one_run("made", inputs, "apply")]
    results, complaints, said = run(folder, runs, overrides)
    if complaints or len(said) != 2:
        return complaints or [f"{folder.name}: {results}"], []
    plan = {resource["address"]: resource["planned"] for resource in changes(said[0])}
    return [], [resource | {"planned": plan[resource["address"]]} for resource in resources(said[1].get("root_module", {}))]


def changes(plan):
    return ({"address": change["address"], "type": change["type"], "planned": change["change"]["after"]}
            for change in plan.get("resource_changes", []) if change["mode"] == "managed")


def resources(module):
    yield from (resource for resource in module.get("resources", []) if resource["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from resources(child)
