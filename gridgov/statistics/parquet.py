"""A snapshot of the copy as Parquet files, from which another start is quick where the copy's own file is
gone or cannot be used: seconds, and the past of incidents need not be read again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from gridgov.statistics import facts
from gridgov.statistics.copy import FACTS, VERSION, Copy, Known, known
from gridgov.statistics.errors import CopyUnusable

#: Columns of each table that are kept; what was carried over into other editions is carried over again.
_FACTS: Final = ", ".join([*(name for name, _, _ in facts.COLUMNS), "grid"])
_KEPT: Final = {
    "meta": "key, value",
    "grid": "id, drawing, path_text, depth",
    "ancestor": "id, depth, path_text",
    **{name: _FACTS for name in FACTS if name != "superseded"},
    "superseded": f"{_FACTS}, until",
}
_ABOUT: Final = "meta.json"


def snapshot_of(file: Path) -> Path:
    """The folder of the snapshot of a copy's file."""
    return file.with_name(f"{file.stem}.snapshot")


def write(copy: Copy) -> Known:
    """Write the snapshot, all of it or nothing; the one before is replaced. Returns as of when it is. Raises
    OSError, and duckdb.Error where the copy cannot be read.
    """
    folder = snapshot_of(copy.file)
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    with copy.asking() as db:
        at = known(db)
        rows = {}
        for table, columns in _KEPT.items():
            target = str(new / f"{table}.parquet").replace("'", "''")
            db.execute(
                f"COPY (SELECT {columns} FROM {table}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
            )
            rows[table] = (db.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0]
    about = {"version": VERSION, "epoch": at.epoch, "position": at.position, "rows": rows}
    (new / _ABOUT).write_bytes(orjson.dumps(about))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return at


def about(folder: Path) -> dict[str, Any] | None:
    """What a snapshot says of itself: version, epoch, position, rows; None where there is
    none that can be read.
    """
    try:
        said = orjson.loads((folder / _ABOUT).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return dict(said) if isinstance(said, dict) else None


def read(file: Path, folder: Path, epoch: str, position: int) -> None:
    """Make a copy's file from a snapshot, to follow the ledger from there. Raises CopyUnusable where there is
    none, or it is of another ledger than the one with this epoch, which is at this position, or of another
    version, or damaged.
    """
    said = about(folder)
    if said is None or (said.get("version"), said.get("epoch")) != (VERSION, epoch):
        raise CopyUnusable("there is no snapshot of this ledger and this version")
    if not isinstance(said.get("position"), int) or said["position"] > position:
        raise CopyUnusable("the snapshot is of a ledger that went on further")
    try:
        with Copy(file) as copy:
            copy.begin(epoch)
            with copy.writing() as db:
                db.execute("DELETE FROM meta")
                for table, columns in _KEPT.items():
                    source = str(folder / f"{table}.parquet")
                    db.execute(
                        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM read_parquet(?)", [source]
                    )
                    (rows,) = db.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
                    if rows != said["rows"][table]:
                        raise CopyUnusable(f"the snapshot lacks rows of {table}")
                if known(db, epoch).position != said["position"]:
                    raise CopyUnusable("the snapshot's tables are of another moment than it says")
    except (duckdb.Error, KeyError, TypeError, ValueError) as error:
        raise CopyUnusable(f"the snapshot cannot be read: {error}") from error
