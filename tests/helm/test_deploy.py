"""docs/deploy.md, from nothing to a row in a table: every command for Kubernetes."""

import os
import sys

import pytest

import chart

sys.path.insert(0, str(chart.ROOT / "tests/deploy"))
import page  # noqa: E402: found by the line above

SLUICEBOX = chart.TARGET.parent / "release/sluicebox"


@pytest.mark.skipif(not SLUICEBOX.exists(), reason="the command is not built: make build")
def test_every_command_of_the_page_works(tmp_path):
    process = page.begin(tmp_path, ["Before", "Kubernetes"], SLUICEBOX, {
        "HELM": str(chart.binary()), "HOME": os.environ["HOME"], "CRATE_TARGET": str(chart.TARGET / "crate")})
    output = page.wait(process, tmp_path)
    assert "5 written to tables" in output and "every offset is accounted for" in output, output[-3000:]
    assert "negative_amount" in output
