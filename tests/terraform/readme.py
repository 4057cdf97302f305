"""The tables of each README, made of the configuration: requirements, resources, inputs, outputs.

usage: tests/terraform/run --write-tables
"""

import re

import language

BEGIN, END = "<!-- tables: made by tests/terraform/run -->", "<!-- end of tables -->"


def stale(folder):
    """Whether a README's tables are not those of its configuration."""
    return current(folder) != (folder / "README.md").read_text()


def write(folder):
    (folder / "README.md").write_text(current(folder))


def current(folder):
    """The README with its tables as they should be."""
    text = (folder / "README.md").read_text()
    assert BEGIN in text and END in text, f"{folder.name}/README.md has no place for tables: {BEGIN}, {END}"
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return before + BEGIN + "\n" + tables(folder) + END + after


def tables(folder):
    parts = [requirements(folder), resources(folder), inputs(folder), outputs(folder)]
    return "\n".join(part for part in parts if part)


def requirements(folder):
    text = (folder / "versions.tf").read_text()
    terraform = re.search(r'required_version = "([^"]+)"', text).group(1)
    providers = re.findall(r'(\w+) = \{\n\s+source  = "[^"]+"\n\s+version = "([^"]+)"', text)
    rows = [f"| terraform | {terraform} |"] + [f"| {name} | {version} |" for name, version in providers]
    return "\n".join(["### Requirements", "| what | version |", "|---|---|", *rows, ""])


def resources(folder):
    made = [f"`{name}`" for name in sorted({labels[0] for _, labels, _ in language.blocks(folder, "resource")})]
    used = sorted({f"`{language.text(body['source'])}`" for _, _, body in language.blocks(folder, "module")})
    lines = ["### What it creates"]
    lines += ["Modules: " + ", ".join(used) + ".", ""] if used else []
    lines += ["Resources: " + (", ".join(made) or "none") + ".", ""]
    return "\n".join(lines)


def inputs(folder):
    rows = []
    for name in sorted(language.variables(folder)):
        block = language.block_text(folder, "variable", name)
        default = language.argument(block, "default")
        kind = language.argument(block, "type")
        if "\n" in kind:
            kind = kind.split("(")[0] + ": see " + where(folder, name)
        shown = "required" if default is None else f"`{default}`" if "\n" not in default else "see the file"
        rows.append(f"| `{name}` | {cell(folder, 'variable', name)} | {code(kind)} | {shown} |")
    if not rows:
        return ""
    return "\n".join(["### Inputs", "| name | meaning | type | default |", "|---|---|---|---|", *rows, ""])


def outputs(folder):
    names = sorted(language.outputs(folder))
    rows = [f"| `{name}` | {cell(folder, 'output', name)} |" for name in names]
    return "\n".join(["### Outputs", "| name | meaning |", "|---|---|", *rows, ""]) if rows else ""


def cell(folder, kind, name):
    found = language.variables(folder) if kind == "variable" else language.outputs(folder)
    return language.text(found[name]["description"]).replace("|", "\\|")


def code(kind):
    return kind if ": see" in kind else f"`{kind}`".replace("|", "\\|")


def where(folder, name):
    """The file that a variable stands in."""
    return next(file for file, labels, _ in language.blocks(folder, "variable") if labels == [name])
