"""Prints what an example makes of inputs, for the whole runs: the resources of all its modules, as JSON, with what AWS would
answer mocked.

usage: rendered.py EXAMPLE <inputs.json     {"variables": {…}, "answers": {"data.aws_msk_cluster.this": {…}}}
"""

import json
import sys

import mocked
import terraform
from workspace import Workspace

example, given = sys.argv[1], json.load(sys.stdin)
folder = Workspace(f"rendered-{example}").root / "examples" / example
complaints = terraform.init(folder)
if not complaints:
    answers = [mocked.override(target, **values) for target, values in given["answers"].items()]
    complaints, resources = mocked.made(folder, given["variables"], answers)
if complaints:
    sys.exit("\n".join(complaints))
json.dump(resources, sys.stdout)
