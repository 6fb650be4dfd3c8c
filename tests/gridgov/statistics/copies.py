"""Copies of small ledgers, made in every way, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

from gridgov import city
from gridgov.statistics import facts
from gridgov.statistics.building import build
from gridgov.statistics.carrying import Carrier
from gridgov.statistics.copy import FACTS, Copy
from gridgov.statistics.following import Follower
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import read_head
from tests.gridgov import scene
from tests.gridgov.histories import LiveTown

COLUMNS = [name for name, _, _ in facts.COLUMNS]
Interval = tuple[Any, ...]
Content = dict[int, list[Interval]]


@contextmanager
def drawn_town(folder: Path) -> Iterator[LiveTown]:
    """The town, with its grids in the store too."""
    town = LiveTown(f"sqlite:///{folder / 'town.db'}")
    town.writer.run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="test"))
    yield town
    town.close_down()


def store_of(town: LiveTown) -> Path:
    """Its file."""
    return Path(town.url.removeprefix("sqlite:///"))


class Following:
    """A copy that follows a town from the start of its ledger."""

    def __init__(self, town: LiveTown, file: Path) -> None:
        self.copy = Copy(file)
        with snapshot(town.reader) as connection:
            self.copy.begin(read_head(connection).epoch)
        self.carrier = Carrier(town.reader, self.copy)
        self.follower = Follower(town.reader, self.copy)

    def catch_up(self) -> Copy:
        while self.follower.step():
            pass
        return self.copy


def made(town: LiveTown, file: Path) -> Copy:
    """A copy made from the rows as they stand, with the past of all of them."""
    lacks = build(store_of(town), file, "main")
    copy = Copy(file)
    follower = Follower(town.reader, copy)
    follower.complete(lacks)
    while follower.step():
        pass
    while follower.past():
        pass
    return copy


def content(copy: Copy) -> Content:
    """What each incident was from when until when (None: still), in tables of what stands and what ended; grids
    by their paths, whatever their numbers. Times that follow each other and say the same are one: a copy made
    of rows knows the last entry of each, not which entry last changed anything.
    """
    found: Content = {}
    columns = ", ".join(f"f.{name}" for name in COLUMNS if name not in ("seq", "since"))
    with copy.asking() as db:
        for table in FACTS:
            until = "f.until" if table == "superseded" else "NULL"
            rows = db.execute(
                f"SELECT f.seq, f.since, {until}, {columns}, g.drawing, g.path_text FROM {table} AS f"
                " LEFT JOIN grid AS g ON g.id = f.grid"
            ).fetchall()
            for row in rows:
                found.setdefault(row[0], []).append((*row[1:], "" if table == "superseded" else table))
    return {seq: _joined(sorted(rows, key=itemgetter(0))) for seq, rows in found.items()}


def _joined(rows: list[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for since, until, *row, table in rows:
        if joined and joined[-1][1] == since and joined[-1][2:-1] == tuple(row):
            joined[-1] = (joined[-1][0], until, *row, table)
        else:
            joined.append((since, until, *row, table))
    return joined
