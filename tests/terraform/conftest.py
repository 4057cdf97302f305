"""What the tests share: one initialised copy of the configurations, and the last lines, which say what was not checked."""

import concurrent.futures
import os

import pytest

import deployment
import examples
import scan
import terraform
from test_plans import SLUICEBOX
from workspace import Workspace

NOT_CHECKED = "ConflictsWith and ExactlyOneOf, plan-time differences, forced replacement, anything AWS says"


def pytest_addoption(parser):
    parser.addoption("--write-tables", action="store_true", help="write the tables of the READMEs before they are checked")


@pytest.fixture(scope="session")
def workspace():
    """Initialised once; tests that change something take a copy of it."""
    made = Workspace("right")
    # Before there are threads: each of these is made once.
    terraform.binary()
    terraform.provider_version()
    terraform.environment()
    terraform.attached()
    # The real provider's cache is no place for two at once.
    with concurrent.futures.ThreadPoolExecutor(2 if terraform.IS_STUB else 1) as pool:
        complaints = list(pool.map(terraform.init, made.configurations()))
    assert not any(complaints), complaints
    return made


@pytest.fixture(scope="session", autouse=True)
def scans():
    """One scan beside everything else: of what is right, and of a copy with mistakes."""
    if not scan.is_there():
        return None
    planted = Workspace("scanned/planted")
    for path, old, new, _ in scan.PLANTED.values():
        planted.edit(path, old, new)
    planted.keep_modules(scan.CHANGED)
    return scan.begin(Workspace("scanned/right").root.parent)


@pytest.fixture(scope="session", autouse=True)
def deployed(workspace, tmp_path_factory):
    """The commands of docs/deploy.md, beside everything else, too."""
    if SLUICEBOX.exists():
        return deployment.begin(tmp_path_factory.mktemp("deployment"), deployment.SECTIONS, SLUICEBOX)
    return None


@pytest.fixture(scope="session")
def beforehand():
    """Does the work of all cases of a test two at a time, while the cases are reported one after the other."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield lambda work, cases: Beforehand({case: pool.submit(work, case) for case in cases})
        pool.shutdown(cancel_futures=True)


class Beforehand:
    """Results by case; what went wrong is raised where its case is looked at."""

    def __init__(self, futures):
        self.futures = futures

    def __getitem__(self, case):
        return self.futures[case].result()


@pytest.fixture(scope="session")
def states(workspace, beforehand):
    """What each example would make, by its name."""
    return beforehand(lambda example: examples.made(workspace.root / "examples" / example), examples.INPUTS)


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2]}")
    if deployment.newcomer:
        steps = ", ".join(f"{command} {seconds} s" for command, seconds in deployment.newcomer)
        total = sum(seconds for _, seconds in deployment.newcomer)
        terminalreporter.write_line(f"docs/deploy.md to the plan of lambda-msk in {total} s beside the other tests, `make` left out: {steps}")
    counts = {kind: len(terminalreporter.stats.get(kind, [])) for kind in ("passed", "failed", "error", "skipped")}
    pytest.said = "{} passed, {} failed, {} skipped".format(
        counts["passed"], counts["failed"] + counts["error"], counts["skipped"])


def pytest_sessionfinish(session, exitstatus):
    skipped = session.config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    if os.environ.get("CI") == "true" and terraform.IS_STUB and skipped and exitstatus == 0:
        session.exitstatus = 1


def pytest_unconfigure():
    if hasattr(pytest, "said"):
        what = f"provider schema {terraform.provider_version()} (stub): not checked: {NOT_CHECKED}"
        if not terraform.IS_STUB:
            what = "provider from its registry: not checked: anything AWS says"
        print(f"terraform {terraform.binary()[1]}, {what}")
        print(pytest.said)
