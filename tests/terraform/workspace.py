"""Where things are, and copies of them: the checkout itself is never initialised or written to."""

import os
import pathlib
import shutil

TESTS = pathlib.Path(__file__).resolve().parent
SOURCE = TESTS.parent.parent / "infra" / "terraform"
TARGET = pathlib.Path(os.environ["SLUICEBOX_TERRAFORM_TARGET"])


class Workspace:
    """A copy of infra/terraform that a test may initialise, change and throw away."""

    def __init__(self, name, origin=SOURCE):
        self.root = TARGET / "work" / name
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(origin, self.root, symlinks=True)
        if origin == SOURCE:
            # What `packages` names has to exist; nothing looks into it.
            for example in self.examples():
                (example / "bootstrap.zip").write_bytes(b"not a zip")

    def copy(self, name):
        return Workspace(name, self.root)

    def modules(self):
        return sorted(path for path in (self.root / "modules").iterdir() if path.is_dir())

    def examples(self):
        return sorted(path for path in (self.root / "examples").iterdir() if path.is_dir())

    def configurations(self):
        return self.modules() + self.examples()

    def keep_modules(self, names):
        """Throws away all else, which would only take time."""
        shutil.rmtree(self.root / "examples")
        for module in self.modules():
            if module.name not in names:
                shutil.rmtree(module)

    def edit(self, path, old, new):
        """Replaces a text that has to be there, once."""
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has `{old}` {text.count(old)} times"
        file.write_text(text.replace(old, new))

    def name(self, path):
        return str(path.relative_to(self.root))
