"""What all tests share: the options --quick and --long, the cities' data, and what a skip means."""

import os
import re
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase, settings

from scripts import postgres

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A shared machine makes one example slow now and then; that is no fault of the law it tests.
# In CI the examples are always the same ones, so that a red run can be repeated.
# Explaining a failure traces every line run: that takes minutes here, and has ended whole runs (CPython 3.11).
PHASES = tuple(phase for phase in Phase if phase is not Phase.explain)
settings.register_profile("gridgov", deadline=None, derandomize=IN_CI, print_blob=True, phases=PHASES)
settings.register_profile("quick", settings.get_profile("gridgov"), max_examples=25)
settings.load_profile("gridgov")

# Every test of these files opens a whole installation, and there are hundreds: --quick keeps two files of them,
# test_api_incidents.py and test_api_basic.py, and test_cli.py.
WHOLE_SERVICE = re.compile(
    r"test_(api_(?!(incidents|basic)\.py)\w+|cli_\w+|overdue|closure_editions|sweeping_api|looking_after|webhooks"
    r"|duplicates_suggested|returns|joined|building|carrying|parquet|process|following|rows|frames"
    r"|automatic_share|sweeping|ogc_\w+)\.py"
)
#: Folders of such tests.
WHOLE_FOLDERS = frozenset({"duty", "casefile", "desk_day"})

DESELECTED = "gridgov_deselected"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick and --long."""
    group = parser.getgroup("gridgov")
    group.addoption("--quick", action="store_true", help="leave out the slow and the long tests")
    group.addoption("--long", action="store_true", help="run the long proofs too")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that contradict each other; try fewer examples with --quick."""
    if config.getoption("--quick") and config.getoption("--long"):
        raise pytest.UsageError("--quick leaves out what --long adds: give one of them")
    if config.getoption("--quick"):
        settings.load_profile("quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what opens a whole installation as slow; deselect what this run leaves out, which pytest counts."""
    for item in items:
        if WHOLE_SERVICE.fullmatch(item.path.name) or item.path.parent.name in WHOLE_FOLDERS:
            item.add_marker(pytest.mark.slow)
    left_out = {"slow", "long"} if config.getoption("--quick") else {"long"}
    if config.getoption("--long"):
        return
    deselected = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        left = set(deselected)
        items[:] = [item for item in items if item not in left]
    if hasattr(config, "workeroutput"):  # one of several processes; its starter writes the closing line
        config.workeroutput[DESELECTED] = [item.nodeid for item in deselected]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count what was left out once; every process of a run left out the same."""
    stats = node.config.pluginmanager.get_plugin("terminalreporter").stats
    if "deselected" not in stats and (left_out := getattr(node, "workeroutput", {}).get(DESELECTED)):
        stats["deselected"] = [SimpleNamespace(nodeid=nodeid) for nodeid in left_out]


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where CI=true: skipped there is proven nowhere. An xfail is no skip."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}\nwith CI=true nothing may be skipped, and this was: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse the skip of a test."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse the skip of a whole module."""
    report = yield
    refuse_skip(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what this run did not prove, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("NOT PROVEN BY THIS RUN", sep="!", yellow=True, bold=True)
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count} skipped: {reason}", yellow=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the cities' published data, `../shared/data`; skips where it is missing."""
    if not (SHARED_DATA / "README.md").is_file():
        pytest.skip("the cities' data is not at ../shared/data beside the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a database in a PostgreSQL server of this run's own; skips where none is installed."""
    try:
        postgres.programs()
    except postgres.MissingPostgres as error:
        pytest.skip(str(error))
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def postgis_url(postgres_url: str) -> str:
    """The same database, with PostGIS; skips where that is not installed."""
    if postgres.postgis_version(postgres_url) is None:
        pytest.skip(postgres.missing() or "this PostgreSQL has PostGIS, but cannot switch it on")
    return postgres_url
