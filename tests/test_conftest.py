"""What --quick and --long leave out, and what a skip means with CI=true."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest

def test_everyday(): pass

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.long
def test_long(): pass
"""
SKIPS = """
import pytest

def test_without_data(shared_data): pass

@pytest.mark.skip(reason="no PostgreSQL here")
def test_without_server(): pass

@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""
MODULE_SKIPS = """
import pytest

pytest.skip("no Chromium here", allow_module_level=True)
"""


def run(folder: Path, text: str, *options: str, ci: str = "") -> tuple[int, str]:
    """Run pytest on one made-up file beside this project's conftest, far from any data."""
    tests = folder / "project" / "tests"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"))
    shutil.copytree(CONFTEST.parent.parent / "scripts", folder / "project" / "scripts")
    (tests / "test_made_up.py").write_text(text)
    (folder / "project" / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: s\n    long: l\n")
    command = [sys.executable, "-m", "pytest", "tests", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=folder / "project", env=os.environ | {"CI": ci}, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


#: In one process, and as scripts/test runs everything.
SPREAD = pytest.mark.parametrize("spread", [(), ("-n", "2", "--dist", "worksteal")], ids=["one", "two"])


@pytest.mark.slow
@SPREAD
@pytest.mark.parametrize(
    ("options", "closing"),
    [([], "2 passed, 1 deselected"), (["--quick"], "1 passed, 2 deselected"), (["--long"], "3 passed in")],
)
def test_options_choose_what_runs(
    options: list[str], closing: str, spread: tuple[str, ...], tmp_path: Path
) -> None:
    status, output = run(tmp_path, TESTS, *options, *spread)
    assert (status, closing in output) == (0, True), output


@pytest.mark.slow
def test_quick_and_long_together_are_refused(tmp_path: Path) -> None:
    status, output = run(tmp_path, TESTS, "--quick", "--long")
    assert (status, "give one of them" in output) == (pytest.ExitCode.USAGE_ERROR, True), output


@pytest.mark.slow
@SPREAD
def test_a_skip_is_said_loudly(spread: tuple[str, ...], tmp_path: Path) -> None:
    status, output = run(tmp_path, SKIPS, *spread)
    assert status == 0, output
    assert "NOT PROVEN BY THIS RUN" in output
    assert "1 skipped: the cities' data is not at ../shared/data" in output
    assert "1 skipped: no PostgreSQL here" in output


@pytest.mark.slow
@SPREAD
def test_in_ci_a_skip_is_a_failure_and_an_expected_failure_is_none(
    spread: tuple[str, ...], tmp_path: Path
) -> None:
    status, output = run(tmp_path, SKIPS, *spread, ci="true")
    assert status == 1, output
    assert "nothing may be skipped, and this was: Skipped: no PostgreSQL here" in output
    assert "1 xfailed, 2 errors" in output


@pytest.mark.slow
@SPREAD
def test_in_ci_a_skipped_module_is_a_failure(spread: tuple[str, ...], tmp_path: Path) -> None:
    status, output = run(tmp_path, MODULE_SKIPS, *spread, ci="true")
    assert status in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED}, output
    assert "nothing may be skipped, and this was: Skipped: no Chromium here" in output


EXAMPLES = """
from hypothesis import given, strategies as st

tried = []

@given(st.integers())
def test_law(n): tried.append(n)

def test_count(): assert len(tried) == {}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "count"), [([], 100), (["--quick"], 25)])
def test_quick_tries_fewer_examples(options: list[str], count: int, tmp_path: Path) -> None:
    status, output = run(tmp_path, EXAMPLES.format(count), *options)
    assert status == 0, output
