"""checkov over modules and examples."""

import functools
import json
import os
import subprocess

from workspace import TARGET

# Mistakes that the scan has to catch, both in one copy: file, text, the text with the mistake, the check.
PLANTED = {
    "a public bucket": (
        "modules/storage/main.tf", "  block_public_policy     = true", "  block_public_policy     = false", "CKV_AWS_54"),
    "an unencrypted log group": (
        "modules/lambda/main.tf", "  kms_key_id        = var.kms_key_arn\n", "", "CKV_AWS_158"),
}

# The modules that they are in, and the one that these use.
CHANGED = {path.split("/")[1] for path, *_ in PLANTED.values()} | {"pipeline"}

COMMAND = TARGET / "checkov" / "bin" / "checkov"


def is_there():
    return COMMAND.exists()


def begin(root):
    """Begins a scan, which takes seconds and one core, beside other tests."""
    return subprocess.Popen(
        [COMMAND, "-d", root, "--framework", "terraform", "--skip-download", "--compact", "--output", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "LOG_LEVEL": "ERROR"})


@functools.cache
def answer(begun):
    said = json.loads(begun.communicate()[0])
    said = said[0] if isinstance(said, list) else said
    assert said["summary"]["resource_count"] > 30 and not said["summary"]["parsing_errors"], said["summary"]
    return said["results"]


def complaints(begun, part):
    """The checks that fail in a part of what is scanned, with the resource."""
    results, place = answer(begun), f"/{part}/"
    assert any(check["file_path"].startswith(place) for check in results["passed_checks"]), f"nothing of {part} was scanned"
    return sorted({f'{check["check_id"]} {check["check_name"]}: {check["resource"]} in {check["file_path"]}'
                   for check in results["failed_checks"] if check["file_path"].startswith(place)})
