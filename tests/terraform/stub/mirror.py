"""Puts the stub into a folder that Terraform takes for a mirror of its provider registry, unless what it is made of is what
made the one that is there.

usage: mirror.py <wheel of cdktn-provider-aws> <folder of configurations> <mirror>
"""

import hashlib
import json
import pathlib
import re
import shutil
import sys

import schema

LAUNCHER = """#!{python}
import sys
sys.path.insert(0, {stub!r})
import provider
provider.serve({folder!r}, {home!r})
"""


def used(configurations):
    """The resource types and data sources that the configurations name."""
    names = set()
    for path in pathlib.Path(configurations).rglob("*.tf"):
        for kind, name in re.findall(r'^(resource|data) "(\w+)"', path.read_text(), re.M):
            names.add(name if kind == "resource" else "data." + name)
    return sorted(name for name in names if "aws_" in name)


def ingredients(wheel, names, mirror):
    """A digest of all that the mirror is made of."""
    here = pathlib.Path(__file__).absolute().parent
    sources = [path.read_text() for path in sorted(here.glob("*.py"))]
    return hashlib.sha256(json.dumps([sys.executable, str(here), str(mirror), str(wheel), names, sources]).encode()).hexdigest()


def install(wheel, configurations, mirror):
    names = used(configurations)
    mirror = pathlib.Path(mirror).absolute()
    made_of, version = mirror / "made-of", mirror / "version"
    digest = ingredients(wheel, names, mirror)
    if not made_of.exists() or made_of.read_text() != digest:
        shutil.rmtree(mirror, ignore_errors=True)
        version.write_text(make(wheel, names, mirror))
        made_of.write_text(digest)
    return version.read_text()


def make(wheel, names, mirror):
    extracted = schema.extract(wheel, names)
    version = extracted["version"]
    folder = mirror / extracted["address"] / version / "linux_amd64"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.json").write_text(json.dumps(extracted))
    launcher = folder / f"terraform-provider-aws_v{version}"
    home = mirror / "home"
    home.mkdir(exist_ok=True)
    stub = str(pathlib.Path(__file__).absolute().parent)
    launcher.write_text(LAUNCHER.format(python=sys.executable, stub=stub, folder=str(folder), home=str(home)))
    launcher.chmod(0o755)
    rc = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    (mirror / "terraform.rc").write_text(rc)
    return version


if __name__ == "__main__":
    print(install(*sys.argv[1:]))
