"""The last lines: what was skipped, what was not checked, and how many tests passed."""

import pytest

import chart

NOT_CHECKED = "anything that a cluster decides: admission, KEDA's and the operators' own controllers, the network plug-in"


def pytest_addoption(parser):
    parser.addoption("--write-table", action="store_true", help="write the README's table before it is checked")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2]}")
    counts = {kind: len(terminalreporter.stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped")}
    pytest.said = f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed, {counts['skipped']} skipped"


def pytest_unconfigure():
    if hasattr(pytest, "said"):
        print(f"{len(chart.VALUES)} sets of values, Kubernetes {', '.join(chart.KUBERNETES)}; not checked: {NOT_CHECKED}")
        print(pytest.said)
