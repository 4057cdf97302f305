"""The chart, and helm, which renders it."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent.parent
CHART = ROOT / "infra" / "helm" / "sluicebox"
TARGET = pathlib.Path(os.environ["SLUICEBOX_HELM_TARGET"])
VALUES = sorted(path.stem for path in (TESTS / "values").glob("*.yaml"))
KUBERNETES = ["1.35", "1.36", "1.37"]
RELEASE, NAMESPACE = "orders", "data"


def binary():
    """Where helm is."""
    fetched = TARGET / "tools" / "helm"
    found = fetched if fetched.exists() else shutil.which("helm")
    return found or pytest.skip("needs helm")


def helm(*arguments):
    """What helm answers: whether it is content, and what it says."""
    # Not the user's own repositories and plug-ins.
    variables = {"PATH": os.environ["PATH"], "HOME": str(TARGET)}
    variables |= {f"HELM_{kind}_HOME": str(TARGET / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=60, env=variables)
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr


def values_file(name):
    return str(TESTS / "values" / f"{name}.yaml")


def template(name, *arguments, version=KUBERNETES[-1]):
    return helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "-f", values_file(name), "--kube-version", version, *arguments)


def changed(changes, file):
    """Renders the minimal set of values with some of them changed; a value of None takes the key away."""
    values = yaml.safe_load(pathlib.Path(values_file("minimal")).read_text())
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place.pop(last, None)
        if value is not None:
            place[last] = value
    file.write_text(yaml.safe_dump(values))
    return helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "-f", str(file))


def documents(name, version=KUBERNETES[-1], **changes):
    """What the chart makes of a set of values, each object by its kind."""
    changed = []
    for path, value in changes.items():
        changed += ["--set-json", f"{path.replace('__', '.')}={json.dumps(value)}"]
    is_rendered, text = template(name, *changed, version=version)
    assert is_rendered, text
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(rendered, kind):
    found = [document for document in rendered if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def container(rendered):
    return of_kind(rendered, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def pipeline(rendered):
    """The file that the process reads. JSON is YAML, and the chart writes JSON."""
    return json.loads(of_kind(rendered, "ConfigMap")["data"]["pipeline.yaml"])


def schema():
    return json.loads((CHART / "values.schema.json").read_text())
