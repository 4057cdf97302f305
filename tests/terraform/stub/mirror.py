"""Puts the stub into a folder that Terraform takes for a mirror of its provider registry.

usage: mirror.py <wheel of cdktn-provider-aws> <folder of configurations> <mirror>
"""

import json
import pathlib
import re
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


def install(wheel, configurations, mirror):
    extracted = schema.extract(wheel, used(configurations))
    version = extracted["version"]
    mirror = pathlib.Path(mirror).absolute()
    folder = mirror / extracted["address"] / version / "linux_amd64"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.json").write_text(json.dumps(extracted))
    launcher = folder / f"terraform-provider-aws_v{version}"
    home = mirror / "home"
    home.mkdir(exist_ok=True)
    stub = str(pathlib.Path(__file__).absolute().parent)
    launcher.write_text(LAUNCHER.format(python=sys.executable, stub=stub, folder=str(folder), home=str(home)))
    launcher.chmod(0o755)
    (mirror / "version").write_text(version)
    rc = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    (mirror / "terraform.rc").write_text(rc)
    return version


if __name__ == "__main__":
    print(install(*sys.argv[1:]))
