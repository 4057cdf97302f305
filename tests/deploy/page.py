"""docs/deploy.md as a script: its fenced blocks in order, run in a stand-in for a checkout, with stand-ins for the programs
that would reach a network (`commands/`). Everything else is real: bash, sluicebox, cargo, and what a stand-in calls.

Must not know Terraform or Helm: its callers say what the stand-ins need, as variables of the environment.
"""

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "deploy.md"
# Terraform settings are edited into main.tf, as the page says.
HCL = "edit-main <<'HCL'\n{}HCL\n"


def blocks(sections):
    """The commands and settings of the sections, in their order."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(), flags=re.M)
    by_title = dict(zip(parts[1::2], parts[2::2]))
    assert set(sections) <= set(by_title), f"docs/deploy.md has the sections {sorted(by_title)}"
    return [block for title in sections for block in re.findall(r"^```(\w+)\n(.*?)^```$", by_title[title], re.M | re.S)]


def script(sections):
    texts = [HCL.format(text) if language == "hcl" else text for language, text in blocks(sections)]
    # Each command is printed with the second at which it begins.
    return "PS4='+ $SECONDS s '\nset -xeuo pipefail\n" + "\n".join(texts) + "\n:\n"


def steps(output, last):
    """The commands of the script up to the one named `last`, each with the seconds that it took."""
    marks = [(int(begun), command) for begun, command in re.findall(r"^\+ (\d+) s (.+)$", output, re.M)]
    taken = [(command, following - begun) for (begun, command), (following, _) in zip(marks, marks[1:])]
    ends = [command for command, _ in taken].index(last)
    return taken[:ends + 1]


def stage(folder, sluicebox):
    """A checkout that has what the page's commands read, and a target folder of its own."""
    checkout = folder / "checkout"
    (checkout / "target" / "release").mkdir(parents=True)
    for name in ("infra", "Makefile"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / "target" / "release" / "sluicebox").symlink_to(HERE / "commands" / "sluicebox")
    (folder / "bin").mkdir()
    for command in (HERE / "commands").iterdir():
        if command.name not in ("sluicebox", "staged.py"):
            (folder / "bin" / command.name).symlink_to(command)
    # The stand-ins run in the interpreter of the tests; by a link it would not find their packages.
    interpreter = folder / "bin" / "python3"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    return checkout, {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "STAGE": str(folder), "SLUICEBOX_BINARY": str(sluicebox),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def begin(folder, sections, sluicebox, variables):
    """Starts the script; its output is in `folder`."""
    checkout, own = stage(folder, sluicebox)
    (folder / "script").write_text(script(sections))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "SLUICEBOX"))}
    with (folder / "output").open("w") as output:
        return subprocess.Popen(["bash", folder / "script"], cwd=checkout, env=kept | own | variables, stdin=subprocess.DEVNULL,
                                stdout=output, stderr=subprocess.STDOUT)


def wait(process, folder):
    """What it has printed; a fault if a command has failed."""
    code = process.wait(timeout=300)
    output = (folder / "output").read_text()
    assert code == 0, f"a command of docs/deploy.md failed ({code}):\n{output[-3000:]}"
    return output
