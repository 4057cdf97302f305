"""The rules of terraform-aws-modules and of this project that Terraform itself does not enforce. Each gives complaints."""

import re

import language


def complaints(folder, is_module):
    """What a configuration does against the rules."""
    found = list(declarations(folder)) + list(unused(folder)) + list(forbidden(folder)) + list(skips(folder))
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        if not (folder / name).exists():
            found.append(f"{folder.name} has no {name}")
    if is_module and any(language.blocks(folder, "provider")):
        found.append(f"{folder.name} has a provider block, which belongs to its user")
    return found


def declarations(folder):
    for name, body in language.variables(folder).items():
        kind = language.argument(language.block_text(folder, "variable", name), "type")
        if not kind or not body.get("description"):
            yield f"{folder.name}: variable {name} has no type or no description"
        elif re.search(r"\bany\b", kind):
            yield f"{folder.name}: variable {name} takes anything: write object({{… optional()}})"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"{folder.name}: variable {name} is not in snake_case"
    for name, body in language.outputs(folder).items():
        if not body.get("description"):
            yield f"{folder.name}: output {name} has no description"


def unused(folder):
    text = "\n".join(path.read_text() for path in folder.glob("*.tf"))
    names = [("var", name) for name in language.variables(folder)]
    for _, _, body in language.blocks(folder, "locals"):
        names += [("local", name) for name in body if not name.startswith("__")]
    names += [(f"data.{labels[0]}", labels[1]) for _, labels, _ in language.blocks(folder, "data")]
    for kind, name in names:
        uses = len(re.findall(rf"(?<![\w.]){re.escape(kind)}\.{name}\b", text))
        within = language.block_text(folder, "variable", name) if kind == "var" else ""
        if uses - len(re.findall(rf"\bvar\.{name}\b", within)) < 1 and not is_refused(folder, name):
            yield f"{folder.name}: {kind}.{name} is used nowhere"


def is_refused(folder, name):
    """A variable that takes only its default is there for its sentence."""
    return any(variable == name and re.search(r"must (stay|be -1)", message) for variable, message in language.messages(folder))


def forbidden(folder):
    for path in sorted(folder.glob("*.tf")):
        text = path.read_text()
        if re.search(r"^\s+count\s+=", text, re.M):
            yield f"{folder.name}/{path.name} uses count: write for_each, whose keys stay what they are"
        if "aws_iam_policy_document" in text:
            yield f"{folder.name}/{path.name} uses aws_iam_policy_document: write jsonencode, which a mocked plan shows"
        if len(text.splitlines()) > 250:
            yield f"{folder.name}/{path.name} has more than 250 lines"


def skips(folder):
    for path in sorted(folder.glob("*.tf")):
        for line in path.read_text().splitlines():
            if "checkov:skip" in line and not re.search(r"checkov:skip=CKV2?_AWS_\d+:.{20,}", line):
                yield f"{folder.name}/{path.name} skips a check without a reason: {line.strip()}"


def pipeline_keys(source):
    """The keys that an object type of the source names, and the sections that are maps, whose keys are checked elsewhere."""
    return set(re.findall(r"\b(\w+) +=", source))


def misspelt(folder, pipeline_type):
    """Keys of `pipeline = {…}` that the type does not have: Terraform drops them in silence."""
    known = pipeline_keys(pipeline_type)
    for path in sorted(folder.glob("*.tf")):
        found = re.search(r"^  pipeline = \{\n(.*?)^  \}", path.read_text(), re.S | re.M)
        if not found:
            continue
        body = re.sub(r"#.*", "", found.group(1))
        # Maps hold names of the user's or settings that validations check.
        body = re.sub(r"\b(tables|flush|batch|breaker|lambda|s3|http|limits|properties|secret_properties) += \{.*?\}( \})?\n", r"\1 = 0\n", body)
        for key in re.findall(r"\b([a-z_]+) +=(?!=)", body):
            if key not in known:
                yield f"{folder.name}/{path.name}: pipeline has no key `{key}`"
