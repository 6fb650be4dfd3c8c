"""The copy, come by in the quickest way: its file as it was left, else its snapshot, else made anew."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import duckdb
import structlog
from sqlalchemy import Engine

from gridgov.statistics import parquet
from gridgov.statistics.building import Progress, build
from gridgov.statistics.copy import Copy
from gridgov.statistics.errors import CopyHeld, CopyOfAnother, CopyUnusable
from gridgov.statistics.following import Follower
from gridgov.storage.engine import WriterLock, snapshot
from gridgov.storage.errors import StoreHeld
from gridgov.storage.ledger import Head, read_head

#: A ledger of at most so many entries is simply followed from its start: that takes seconds, and the past of
#: all incidents is in the copy at once.
SMALL: Final = 5000

log = structlog.get_logger(__name__)


def file_of(folder: Path, stream: str) -> Path:
    """The copy of a stream, in the folder for copies."""
    return folder / f"{stream}.duckdb"


def hold(file: Path) -> WriterLock:
    """The right to use a copy's file, for one process at a time; its holder may leave word in the lock file
    beside it. Raises CopyHeld with what the holder says.
    """
    # What is in it is for whoever may read the store.
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return WriterLock(file).acquire()
    except StoreHeld as held:
        who = held.about.get("pid", "unknown")
        raise CopyHeld(f"process {who} has the copy that figures are asked of", **held.about) from None


def opened(engine: Engine, store: Path, file: Path, stream: str, progress: Progress) -> Copy:
    """The copy of a store's ledger, open; the caller holds its file. ``progress`` is told (incidents done, in
    all) where it has to be made anew. Raises CopyUnusable where it cannot be made.
    """
    with snapshot(engine) as connection:
        head = read_head(connection, stream)
    found = _as_left(file, head) if file.exists() else None
    if found is None:
        new = file.with_name(file.name + ".new")
        _make(engine, store, new, file, head, progress)
        discard(file)
        new.replace(file)
        found = Copy(file)
    return found


def discard(file: Path) -> None:
    """Do away with a copy's file and all that goes with it but its snapshot."""
    for name in (file.name, file.name + ".wal"):
        file.with_name(name).unlink(missing_ok=True)
    shutil.rmtree(file.with_suffix(".spill"), ignore_errors=True)


def _as_left(file: Path, head: Head) -> Copy | None:
    """The copy as it was left, None where it is of no use."""
    try:
        copy = Copy(file)
    except CopyUnusable as why:
        log.warning("the copy for figures cannot be opened, and is made again", why=str(why))
        return None
    try:
        if copy.known(head.epoch).position > head.position:
            raise CopyOfAnother("the copy went on further than the ledger")
        _look_over(copy)
    except (CopyUnusable, duckdb.Error, ValueError) as why:
        copy.close()
        log.warning("the copy for figures cannot be used, and is made again", why=str(why))
        return None
    return copy


def _look_over(copy: Copy) -> None:
    """Read one column of every table: a file that was cut off shows it."""
    with copy.asking() as db:
        for table in ("standing", "ended", "superseded"):
            db.execute(f"SELECT max(hash(flags, grid)) FROM {table}").fetchone()


def _make(engine: Engine, store: Path, new: Path, file: Path, head: Head, progress: Progress) -> None:
    discard(new)
    if _from_snapshot(new, file, head):
        return
    discard(new)
    if head.position <= SMALL:
        with Copy(new) as copy:
            copy.begin(head.epoch)
        return
    lacks = build(store, new, head.stream, progress)
    with Copy(new) as copy:
        Follower(engine, copy, head.stream).complete(lacks)


def _from_snapshot(new: Path, file: Path, head: Head) -> bool:
    folder = parquet.snapshot_of(file)
    if not folder.exists():
        return False
    try:
        parquet.read(new, folder, head.epoch, head.position)
    except CopyUnusable as why:
        log.warning("the snapshot of the copy for figures cannot be used", why=str(why))
        return False
    return True
