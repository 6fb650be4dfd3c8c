"""Incidents that were recorded in another edition of the grids than the one asked for, carried over by
locating the points that were kept with them again, never by area.

The tables of facts get a column for each edition that anybody asks for, ``in_`` and its number: the grid of
that edition, 0 where the point lies in none, NULL where there is no point or the incident was recorded in
that very edition. It is filled in pieces, so that the ledger is followed meanwhile; what comes after is
located as it comes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from geodata.locate import Locator
from gridgov.editions import atlas_of
from gridgov.statistics.copy import FACTS, Copy, Locate, carried_columns, drawings, fill
from gridgov.statistics.errors import NotCarriedYet
from gridgov.storage.engine import snapshot
from gridgov.storage.tables import GridRow, path_text, text_path

_grid = GridRow.__table__  # type: ignore[attr-defined]

#: Points located in one transaction: a tenth of a second.
CHUNK: Final = 200_000
#: So many editions have a column at a time; each costs four bytes an incident, and its atlas in memory. The
#: one that was asked for first goes.
MOST: Final = 4


class Carrier:
    """Carries incidents over into the editions that are asked for. There is one for each open copy."""

    def __init__(self, engine: Engine, copy: Copy) -> None:
        self._engine, self._copy = engine, copy
        with copy.asking() as db:
            for table in FACTS:
                copy.drawings |= drawings(db, table)
            for edition in carried_columns(db):
                copy.located[edition] = self._locate(edition)

    def ready(self, db: duckdb.DuckDBPyConnection, edition: int) -> bool:
        """Is all that ``db`` sees carried over into an edition?"""
        if not self._elsewhere(edition):
            return True
        done = db.execute("SELECT 1 FROM carried WHERE edition = ?", [edition]).fetchone()
        return done is not None and edition in carried_columns(db)

    def column_of(self, db: duckdb.DuckDBPyConnection, edition: int) -> str:
        """The SQL expression for the number of the grid of an edition that a row of the tables of facts
        counts in; NULL or 0 is none. Raises NotCarriedYet, upon which whoever asks carries over and asks
        again with a connection that sees it.
        """
        if not self._elsewhere(edition):
            return "grid"
        if not self.ready(db, edition):
            raise NotCarriedYet(edition=edition)
        return f"(CASE WHEN edition = {edition:d} THEN grid ELSE in_{edition:d} END)"

    def _elsewhere(self, edition: int) -> bool:
        """Was anything recorded in another edition than this one?"""
        return bool(self._copy.drawings - {edition})

    def ensure(self, edition: int) -> None:
        """Carry everything over into an edition, if it is not yet. Raises UnknownEdition."""
        with self._copy.asking() as db:
            if self.ready(db, edition):
                return
        self._begin(edition)
        for table in FACTS:
            while self._piece(table, edition):
                pass
        with self._copy.writing() as db:
            db.execute("DELETE FROM carried WHERE edition = ?", [edition])
            if edition in carried_columns(db):
                db.execute("INSERT INTO carried VALUES (?)", [edition])

    def _begin(self, edition: int) -> None:
        locate = self._locate(edition)
        with snapshot(self._engine) as connection:
            atlas_of(connection, edition)
            draw(self._copy, connection, [edition])
        with self._copy.writing() as db:
            there = carried_columns(db)
            if edition in there:
                return
            self._copy.located[edition] = locate
            gone = there[: max(0, len(there) - MOST + 1)]
            for table in FACTS:
                for other in gone:
                    db.execute(f"ALTER TABLE {table} DROP COLUMN in_{other:d}")
                db.execute(f"ALTER TABLE {table} ADD COLUMN in_{edition:d} INTEGER")
            db.execute("DELETE FROM carried WHERE list_contains(?, edition)", [gone])

    def _piece(self, table: str, edition: int) -> int:
        with self._copy.writing() as db:
            if edition not in carried_columns(db):
                # Others were asked for meanwhile, and it had to go.
                return 0
            return fill(db, table, edition, self._copy.located[edition], CHUNK)

    def _locate(self, edition: int) -> Locate:
        """Locates with the atlas of an edition, which is read when it is needed first."""
        known: list[tuple[Locator, NDArray[np.int32]]] = []

        def locate(lons: NDArray[np.float64], lats: NDArray[np.float64]) -> NDArray[np.int32]:
            if not known:
                with snapshot(self._engine) as connection:
                    locator = atlas_of(connection, edition).locator
                known.append((locator, self._numbers(edition, locator)))
            locator, numbers = known[0]
            return numbers[locator.index_many(lons, lats)]

        return locate

    def _numbers(self, edition: int, locator: Locator) -> NDArray[np.int32]:
        """The numbers of the grids by a locator's index, of which -1, no grid, is the last."""
        with self._copy.asking() as db:
            found = db.execute("SELECT path_text, id FROM grid WHERE drawing = ?", [edition]).fetchall()
        ids: dict[str, int] = dict(found)
        return np.array([*(ids[path_text(path)] for path in locator.paths), 0], dtype=np.int32)


def draw(copy: Copy, connection: Connection, editions: Collection[int]) -> None:
    """See that the copy knows the grids of these editions."""
    with copy.asking() as db:
        there = {row[0] for row in db.execute("SELECT DISTINCT drawing FROM grid").fetchall()}
    query = select(_grid.c.edition, _grid.c.path).where(_grid.c.edition.in_(set(editions) - there))
    new = [(edition, text_path(path)) for edition, path in connection.execute(query)]
    if new:
        copy.add_grids(new)
