"""What the configurations say in their own language, read with python-hcl2: variables, outputs, validations, pipelines."""

import functools
import re

import hcl2


def text(value):
    """A string of the parser's without its quotes."""
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


@functools.lru_cache(maxsize=None)
def parsed(path, _stamp):
    with open(path) as file:
        return hcl2.load(file)


def blocks(folder, kind):
    """The blocks of a kind in a folder: labels and body, by file."""
    for path in sorted(folder.glob("*.tf")):
        for block in parsed(path, path.stat().st_mtime_ns).get(kind, []):
            labels, body = [], block
            while len([key for key in body if not key.startswith("__")]) == 1 and kind in LABELS and len(labels) < LABELS[kind]:
                label = next(key for key in body if not key.startswith("__"))
                labels.append(text(label))
                body = body[label]
            yield path.name, labels, body


LABELS = {"variable": 1, "output": 1, "resource": 2, "data": 2, "module": 1}


def variables(folder):
    return {labels[0]: body for _, labels, body in blocks(folder, "variable")}


def outputs(folder):
    return {labels[0]: body for _, labels, body in blocks(folder, "output")}


def messages(folder):
    """Each validation's sentence with its variable."""
    return [(name, text(validation["error_message"])) for name, body in variables(folder).items()
            for validation in body.get("validation", [])]


def block_text(folder, kind, name):
    """The source of one block, for what has to be compared or shown as it is written."""
    for path in sorted(folder.glob("*.tf")):
        found = re.search(rf'^{kind} "{name}" \{{\n(.*?)^\}}', path.read_text(), re.S | re.M)
        if found:
            return found.group(1)
    return ""


def argument(block, name):
    """The source of one argument in the source of a block."""
    found = re.search(rf"^  {name} += (.*?)(?=^  \w|^\n|\Z)", block, re.S | re.M)
    return found.group(1).strip() if found else None
