"""Prints what the chart makes of values, for the whole runs: its objects, as JSON.

usage: rendered.py <values.json
"""

import json
import sys

import yaml

import chart

is_rendered, said = chart.helm("template", chart.RELEASE, str(chart.CHART), "--namespace", chart.NAMESPACE, "--values", "-")
if not is_rendered:
    sys.exit(said)
json.dump([document for document in yaml.safe_load_all(said) if document], sys.stdout)
