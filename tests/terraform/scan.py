"""checkov over modules and examples."""

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

COMMAND = TARGET / "checkov" / "bin" / "checkov"


def is_there():
    return COMMAND.exists()


def begin(root):
    """Begins a scan, which takes seconds and one core, beside other tests."""
    return subprocess.Popen(
        [COMMAND, "-d", root, "--framework", "terraform", "--skip-download", "--compact", "--quiet", "--output", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "LOG_LEVEL": "ERROR"})


def complaints(begun):
    """The checks that fail, with the resource."""
    answer = json.loads(begun.communicate()[0])
    answer = answer[0] if isinstance(answer, list) else answer
    assert answer["summary"]["resource_count"] > 30 and not answer["summary"]["parsing_errors"], answer["summary"]
    return sorted({f'{check["check_id"]} {check["check_name"]}: {check["resource"]} in {check["file_path"]}'
                   for check in answer["results"]["failed_checks"]})
