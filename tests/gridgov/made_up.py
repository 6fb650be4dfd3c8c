"""The demo made once a run, copies of it for tests to play with, and processes that serve them."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gridgov.accounts import Passwords
from gridgov.demo import Cast, prepare
from gridgov.settings import Settings
from tests.live.server import STOP_S, gridgov

#: Hashes of the least cost: the demo has some sixty people.
QUICK = Passwords(PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))


def quiet(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@cache
def _prepared() -> tuple[Path, tuple[Cast, ...]]:
    """A demo that nobody has used yet; made anew takes seconds, so all tests copy this one."""
    folder = Path(tempfile.mkdtemp(prefix="gridgov-demo-"))
    atexit.register(shutil.rmtree, folder)
    return folder, prepare(Settings(data=folder), quiet, passwords=QUICK)


def demo_in(folder: Path) -> tuple[Cast, ...]:
    """Put an unused demo into a new folder; who is in it."""
    made, cast = _prepared()
    shutil.copytree(made, folder)
    return cast


@contextmanager
def demo_command(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`gridgov demo` over a folder, on a free port; what it prints is to be read from ``stdout``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
    process = subprocess.Popen(
        gridgov("--data", str(folder), "demo", "--port", "0", *options),
        env=kept | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
            process.terminate()
            process.wait(STOP_S)
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What a process prints up to the first line that holds the text; AssertionError where it ends before."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if wanted in line:
            return "".join(said)
    raise AssertionError(f"ended without saying {wanted!r}:\n{''.join(said)}")
