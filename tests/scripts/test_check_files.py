"""What must not be published is found, and what merely looks like it is left alone."""

import subprocess
from pathlib import Path

import pytest

from scripts.check_files import check, look_through

# Put together here, so that this file passes the check it tests.
HOME, HOST = "/" + "home/someone", "pypi" + ".org"


@pytest.mark.parametrize(
    "text",
    [
        f"cd {HOME}/project",
        f'path = "{"/" + "root"}/x"',
        f"see {HOST}",
        "index-" + "url = https://example.org/simple",
    ],
)
def test_a_forbidden_line_is_found(text: str) -> None:
    (finding,) = look_through("docs.md", f"first\n{text}\n")
    assert (finding.path, finding.line) == ("docs.md", 2)


@pytest.mark.parametrize(
    "text",
    ["https://example.org/home/page", "./work/main", "api/work/1", "/workers", "see https://example.org"],
)
def test_an_innocent_line_is_left_alone(text: str) -> None:
    assert not list(look_through("docs.md", text))


def test_an_address_is_refused_in_a_lock_only() -> None:
    line = "six @ https://example.org/six.whl"
    assert [finding.what for finding in look_through("requirements.lock", line)] == [
        "an address in a lock file"
    ]
    assert not list(look_through("notes.md", line))


def test_tracked_and_new_files_are_looked_through_and_ignored_ones_are_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("private.txt\n")
    for name in ("new.txt", "private.txt", "tracked.txt"):
        (tmp_path / name).write_text(HOME)
    (tmp_path / "picture.bin").write_bytes(b"\0" + HOME.encode())
    subprocess.run(["git", "-C", str(tmp_path), "add", "tracked.txt"], check=True)
    assert [finding.path for finding in check(tmp_path)] == ["new.txt", "tracked.txt"]
