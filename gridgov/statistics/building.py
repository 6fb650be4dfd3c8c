"""Making the copy anew from the rows of all incidents, in a process of its own.

DuckDB reads the store's file itself there, some 300,000 incidents a second. It brings its own SQLite, and two
of them in one process let go of each other's locks: hence the process, which ends when the copy is made. The
past of incidents that have one is read from the ledger afterwards, while questions are answered already.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb

from gridgov.statistics import facts
from gridgov.statistics.copy import Copy
from gridgov.statistics.errors import CopyUnusable

#: How often progress is told.
_TOLD_EVERY_S: Final = 0.5
_SCANNER: Final = "sqlite_scanner.duckdb_extension"

Progress = Callable[[int, int], None]


def build(store: Path, file: Path, stream: str, progress: Progress | None = None) -> list[int]:
    """Make a copy of a store's file anew, in ``file``, which is replaced.

    ``progress`` is told (incidents done, incidents in all). Returns the first positions of the incidents that
    were changed while they were read and that the copy therefore lacks: see `Follower.complete`. Raises
    CopyUnusable where it cannot be made, with what was said.
    """
    for old in (file, file.with_name(file.name + ".wal")):
        old.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "gridgov.statistics.building", str(store), str(file), stream]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603
        try:
            last = _heard(child, progress)
        except BaseException:
            # Whoever waited for it was told to stop.
            child.kill()
            raise
        assert child.stderr is not None
        said = child.stderr.read().strip()
    if child.returncode != 0 or "lacks" not in last:
        lines = said.splitlines() or ["it ended early"]
        told = last.get("failed") or next((line for line in reversed(lines) if "Error" in line), lines[-1])
        raise CopyUnusable(f"the copy could not be made: {told}", file=str(file))
    lacks: list[int] = last["lacks"]
    return lacks


def _heard(child: subprocess.Popen[str], progress: Progress | None) -> dict[str, Any]:
    """The last that the child said."""
    assert child.stdout is not None
    last: dict[str, Any] = {}
    for line in child.stdout:
        last = json.loads(line)
        if progress is not None and "done" in last:
            progress(last["done"], last["of"])
    return last


def _main(store: str, file: str, stream: str) -> None:
    try:
        with Copy(Path(file), confined=False) as copy:
            lacks = _copied(copy, store, stream)
    except (CopyUnusable, duckdb.Error) as error:
        _say(failed=str(error).splitlines()[0])
        sys.exit(1)
    _say(lacks=lacks)


def _copied(copy: Copy, store: str, stream: str) -> list[int]:
    with copy.asking() as db:
        db.execute(f"LOAD '{_scanner()}'")
    with copy.attached(store) as db:
        head = db.execute(
            "SELECT epoch, position, recorded_at FROM st.stream WHERE stream = ?", [stream]
        ).fetchone()
        if head is None:
            raise CopyUnusable(f"the store has no stream {stream!r}")
        grids = db.execute("SELECT edition, path FROM st.grid ORDER BY edition, path").fetchall()
        (total,) = db.execute("SELECT count(*) FROM st.incident WHERE stream = ?", [stream]).fetchone() or (
            0,
        )
    epoch, position, recorded_at = head
    copy.begin(epoch)
    copy.add_grids([(edition, tuple(path.split("/")[:-1])) for edition, path in grids])
    done = threading.Event()
    telling = threading.Thread(target=_tell, args=(copy, total, done), daemon=True)
    with copy.attached(store) as db:
        db.execute("CREATE OR REPLACE SEQUENCE scanned")
        telling.start()
        columns = ", ".join(f'"{name}"' for name in facts.SOURCE)
        # The sequence tells how far it has come: it moves at once, whatever becomes of the rows.
        rows = f"(SELECT {columns} FROM st.incident WHERE stream = '{stream}' AND nextval('scanned') > 0)"
        db.execute(f"INSERT INTO ended BY NAME {facts.read(rows)}")
    done.set()
    telling.join()
    _say(done=total, of=total)
    return copy.part(position, recorded_at)


def _tell(copy: Copy, total: int, done: threading.Event) -> None:
    while not done.wait(_TOLD_EVERY_S):
        with copy.asking() as db:
            (scanned,) = db.execute("SELECT last_value FROM duckdb_sequences()").fetchone() or (None,)
        try:
            _say(done=min(scanned or 0, total), of=total)
        except BrokenPipeError:
            # Whoever wanted the copy is gone.
            os._exit(1)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _scanner() -> Path:
    """The extension with which DuckDB reads SQLite files, from the package that carries it; DuckDB looks
    whether it is signed by its own makers before it loads it.
    """
    found = importlib.resources.files("duckdb_extension_sqlite_scanner") / "extensions"
    return Path(str(found / f"v{duckdb.__version__}" / _SCANNER))


if __name__ == "__main__":
    _main(*sys.argv[1:])
