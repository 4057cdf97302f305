"""The kinds of KEDA and of the Prometheus operator that the chart uses, as closed JSON schemas: unknown keys are refused,
which the packages' own validators do not do. Run it to write crds.json again from two packages of npm:

    npm pack @kubernetes-models/keda@2.0.0 @kubernetes-models/prometheus-operator@6.0.0
    python tests/helm/crds.py FOLDER…     where each of them is unpacked
"""

import json
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).with_name("crds.json")
KINDS = ["keda.sh/v1alpha1/ScaledObject", "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule"]
PLAIN = {"string": {"type": "string"}, "number": {"type": "number"}, "boolean": {"type": "boolean"}}


class Declarations:
    """The TypeScript declarations of one API version: a class for each type, a line for each key."""

    def __init__(self, folder):
        self.folder = folder
        self.definitions = {}

    def reference(self, name):
        """A type of the same folder. What is Kubernetes' own stays open: other tests look at it."""
        short = re.sub(r"^I?Com.*V\d+(alpha\d+|beta\d+)?(?=[A-Z])", "", name)
        file = self.folder / f"{short}.d.ts"
        if short == name or not file.exists():
            return {}
        if short not in self.definitions:
            self.definitions[short] = {}
            self.definitions[short].update(self.of_class(file.read_text(), short))
        return {"$ref": f"#/definitions/{short}"}

    def of_class(self, text, name):
        found = re.search(rf"declare class {name} .*?\{{\n(.*?)\n    (?:static|constructor)", text, re.S)
        if not found:
            alias = re.search(rf"type I?{name} = (.*?);", text, re.S)
            return self.of_type(alias[1]) if alias else {}
        body = re.sub(r"/\*\*.*?\*/", "", found[1], flags=re.S)
        keys = re.findall(r'^    "([^"]+)"(\??): (\{.*?^    \}|.*?);$', body, re.M | re.S)
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [key for key, optional, _ in keys if not optional],
            "properties": {key: self.of_type(declared) for key, _, declared in keys},
        }

    def of_type(self, declared):
        declared = declared.strip()
        if declared in PLAIN:
            return dict(PLAIN[declared])
        if item := re.fullmatch(r"Array<(.*)>", declared, re.S):
            return {"type": "array", "items": self.of_type(item[1])}
        if re.fullmatch(r'("[^"]*"( \| )?)+', declared):
            return {"enum": re.findall(r'"([^"]*)"', declared)}
        if value := re.fullmatch(r"\{\s*\[key: string\]: (\w+);\s*\}", declared):
            return {"type": "object", "additionalProperties": self.of_type(value[1])}
        if re.fullmatch(r"\w+", declared):
            return self.reference(declared)
        return {}


def write(folders):
    schemas = {}
    for kind in KINDS:
        version, name = kind.rsplit("/", 1)
        folder = next(found for folder in folders for found in pathlib.Path(folder).rglob(version) if (found / f"{name}.d.ts").exists())
        declarations = Declarations(folder)
        root = declarations.of_class((folder / f"{name}.d.ts").read_text(), name)
        schemas[kind] = {**root, "definitions": declarations.definitions}
    FILE.write_text(json.dumps(schemas, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write(sys.argv[1:])
