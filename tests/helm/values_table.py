"""The README's table of values, from the schema's descriptions and the defaults of values.yaml."""

import json

import yaml

import chart

README = chart.CHART / "README.md"
BEGIN, END = "<!-- values: written by tests/helm/run --write-table -->\n", "<!-- /values -->\n"


def rows(schema, defaults, prefix=""):
    for name, part in schema["properties"].items():
        path, default = prefix + name, defaults.get(name) if isinstance(defaults, dict) else None
        if "properties" in part:
            yield from rows(part, default, path + ".")
        else:
            shown = "" if default in ("", None) else f"`{json.dumps(default)}`"
            yield f"| `{path}` | {part['description'].replace('|', '/')} | {shown} |"


def table():
    defaults = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    return "\n".join(["| value | meaning | default |", "|---|---|---|", *rows(chart.schema(), defaults)]) + "\n"


def written():
    return README.read_text().split(BEGIN)[1].split(END)[0]


def write():
    before, rest = README.read_text().split(BEGIN)
    README.write_text(before + BEGIN + table() + END + rest.split(END)[1])
