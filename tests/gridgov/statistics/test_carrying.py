"""Carried over into another edition, every incident counts where looking at its point again puts it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import shapely

from geodata.grids import Hierarchy
from gridgov import city, commands
from gridgov.city import atlas_of
from gridgov.errors import UnknownEdition
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.statistics import carrying
from gridgov.statistics.carrying import Carrier
from gridgov.statistics.copy import FACTS, Copy, carried_columns
from gridgov.statistics.errors import NotCarriedYet
from gridgov.statistics.following import Follower
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import read_head
from gridgov.storage.tables import path_text
from tests.gridgov import scene
from tests.gridgov.test_closure_editions import SECOND, THIRD, TUESDAY, WEDNESDAY, row


class Redrawn:
    """A service whose town is drawn anew as often as one likes, and a copy that follows it."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service, self.file = service, file
        self.chance, self.number = random.Random(5), 0
        self.copy = Copy(file)
        with snapshot(service.reader) as connection:
            self.copy.begin(read_head(connection).epoch)
        self.open()

    def open(self) -> None:
        self.carrier = Carrier(self.service.reader, self.copy)
        self.follower = Follower(self.service.reader, self.copy)

    def reopen(self) -> None:
        self.copy.close()
        self.copy = Copy(self.file)
        self.open()

    def incidents(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            chore = commands.import_row("test", row(self.chance, str(self.number)))
            self.service.writer.run(chore)
        self.follow()

    def redraw(self, hierarchy: Any, relocate: bool = False) -> None:
        assert isinstance(self.service.clock, scene.Clock)
        self.service.clock.now = {2: TUESDAY, 3: WEDNESDAY}.get(self.edition + 1, WEDNESDAY)
        self.service.writer.run(city.import_edition(hierarchy, "next", made_up=True, findings=[], by="t"))
        if relocate:
            self.service.relocator.sweep()

    @property
    def edition(self) -> int:
        return self.service.in_force.atlas.edition

    def follow(self) -> None:
        while self.follower.step():
            pass

    def paths(self, edition: int) -> dict[tuple[int, int], str]:
        """Where each version of each incident counts, by (first position, position since)."""
        while True:
            try:
                with self.copy.asking() as db:
                    column = self.carrier.column_of(db, edition)
                    everything = " UNION ALL ".join(
                        f"SELECT seq, since, {column} AS number FROM {table}" for table in FACTS
                    )
                    rows = db.execute(
                        "SELECT seq, since, coalesce(path_text, ''), drawing"
                        f" FROM ({everything}) LEFT JOIN grid ON grid.id = number"
                    ).fetchall()
                    assert {one[3] for one in rows} <= {edition, None}
                    return {(seq, since): path for seq, since, path, _ in rows}
            except NotCarriedYet as why:
                missing = why.about
            assert missing == {"edition": edition}
            self.carrier.ensure(edition)

    def plainly(self, edition: int) -> dict[tuple[int, int], str]:
        """The same by looking at one polygon after another for every row."""
        with snapshot(self.service.reader) as connection:
            hierarchy = atlas_of(connection, edition).hierarchy
        with self.copy.asking() as db:
            found = {}
            for table in FACTS:
                for seq, since, recorded, lon, lat, path in db.execute(
                    f"SELECT seq, since, f.edition, lon, lat, coalesce(path_text, '') FROM {table} AS f"
                    " LEFT JOIN grid ON grid.id = f.grid"
                ).fetchall():
                    found[seq, since] = path if recorded == edition else lies_in(hierarchy, lon, lat)
        return found


def lies_in(hierarchy: Hierarchy, lon: float | None, lat: float | None) -> str:
    if lon is None:
        return ""
    around = (grid for grid in hierarchy.lowest if shapely.intersects_xy(grid.geometry, lon, lat))
    return next((path_text(hierarchy.path(grid)) for grid in around), "")


@pytest.fixture
def redrawn(settings: Settings, filled: Path, tmp_path: Path) -> Iterator[Redrawn]:
    shutil.copytree(filled, settings.data)
    with Service.open(settings, scene.Clock()) as service:
        made = Redrawn(service, tmp_path / "copy" / "main.duckdb")
        yield made
        made.copy.close()


def columns(redrawn: Redrawn) -> list[int]:
    with redrawn.copy.asking() as db:
        return carried_columns(db)


def test_where_all_were_recorded_in_the_edition_it_costs_nothing(redrawn: Redrawn) -> None:
    redrawn.incidents(30)
    assert redrawn.paths(1) == redrawn.plainly(1)
    with redrawn.copy.asking() as db:
        assert redrawn.carrier.column_of(db, 1) == "grid"
    assert columns(redrawn) == []


def test_each_counts_where_its_point_lies(redrawn: Redrawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """In three editions, what was there before, what came after and what was located again in between; in
    pieces, and in a copy that was opened again.
    """
    monkeypatch.setattr(carrying, "CHUNK", 7)
    redrawn.incidents(60)
    redrawn.redraw(SECOND, relocate=True)
    redrawn.incidents(60)
    for edition in (1, 2):
        assert redrawn.paths(edition) == redrawn.plainly(edition)
    assert columns(redrawn) == [1, 2]
    redrawn.incidents(30)
    redrawn.redraw(THIRD, relocate=True)
    redrawn.reopen()
    redrawn.incidents(30)
    for edition in (3, 1, 2):
        found = redrawn.paths(edition)
        assert found == redrawn.plainly(edition)
        assert len(set(found.values())) > 2
    assert any(since > seq for seq, since in redrawn.paths(1))


def test_what_was_begun_and_cut_off_is_not_taken_for_done(redrawn: Redrawn) -> None:
    redrawn.incidents(40)
    redrawn.redraw(SECOND)
    redrawn.incidents(10)
    redrawn.carrier._begin(2)
    redrawn.reopen()
    with redrawn.copy.asking() as db, pytest.raises(NotCarriedYet):
        redrawn.carrier.column_of(db, 2)
    redrawn.incidents(10)
    assert redrawn.paths(2) == redrawn.plainly(2)


def test_only_so_many_editions_keep_a_column(redrawn: Redrawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "MOST", 2)
    redrawn.incidents(20)
    redrawn.redraw(SECOND)
    redrawn.incidents(20)
    redrawn.redraw(THIRD)
    for edition in (1, 2, 3, 1):
        assert redrawn.paths(edition) == redrawn.plainly(edition)
    assert columns(redrawn) == [3, 1]
    redrawn.incidents(10)
    assert redrawn.paths(1) == redrawn.plainly(1)


def test_whoever_asks_already_is_not_disturbed(redrawn: Redrawn) -> None:
    """A column that comes, or goes, while a question is under way is not there, or still there, for it."""
    redrawn.incidents(20)
    redrawn.redraw(SECOND)
    redrawn.incidents(20)
    with redrawn.copy.asking() as db:
        before = db.execute("SELECT count(*) FROM standing").fetchone()
        redrawn.carrier.ensure(2)
        assert not redrawn.carrier.ready(db, 2)
        with pytest.raises(duckdb.BinderException):
            db.execute("SELECT in_2 FROM standing")
        assert before is not None
    assert redrawn.paths(2) == redrawn.plainly(2)


def test_an_edition_that_is_none_is_refused(redrawn: Redrawn) -> None:
    redrawn.incidents(5)
    with pytest.raises(UnknownEdition):
        redrawn.carrier.ensure(9)
    assert columns(redrawn) == []
