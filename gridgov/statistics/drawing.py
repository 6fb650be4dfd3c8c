"""By which drawing of the grids figures are counted: incidents as they were recorded, or all in one edition.

Incidents are carried into an edition by locating the points that were kept with them again, never by area.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal, Protocol

import shapely
from sqlalchemy import ColumnElement, Connection, Row, and_, or_

from dispatch.closure import Period
from geodata.errors import UnknownGrid
from gridgov.city import atlas_of
from gridgov.editions import in_force_at
from gridgov.in_force import Atlas, InForce, grid_name
from gridgov.storage import grids
from gridgov.storage.incidents import under as lies_under
from gridgov.storage.tables import IncidentRow, path_text, text_path

_c = IncidentRow.__table__.c  # type: ignore[attr-defined]

#: What is asked for instead of an edition's number: every incident counts where it was recorded.
AS_RECORDED: Final = "as_recorded"
#: What can be asked for; None is the edition in force at the end of the period.
Edition = int | Literal["as_recorded"] | None

_ELSEWHERE: Final = f"ask for the edition that has it, or for {AS_RECORDED}"
#: The columns that a drawing looks at.
COLUMNS: Final = ("path", "edition", "lon", "lat")

#: Where an incident counts: the text of its path, and whether its point was located again to know.
Placed = tuple[str, bool]
Depths = Callable[[Row[Any]], int | None]


class Drawing(Protocol):
    """Which grid each incident counts in, and what that grid is called."""

    @property
    def edition(self) -> int | None:
        """The edition's number, None for what is as recorded."""

    @property
    def name(self) -> str | None:
        """The edition's name."""

    @property
    def levels(self) -> Sequence[str]:
        """Keys of the levels that figures can be grouped by."""

    def condition(self, under: tuple[str, ...]) -> ColumnElement[bool]:
        """A condition on rows that holds for all that count under a path, and perhaps for some others;
        raises UnknownGrid where there is no such grid.
        """

    def placed(self, rows: Sequence[Row[Any]]) -> list[Placed]:
        """Where each of these rows counts."""

    def depths(self, level: str) -> Depths:
        """How many codes of a row's path name the grid of that level it lies in; None: of no such level."""

    def names(self, paths: Collection[str]) -> dict[str, str]:
        """What grids are called, by the text of their paths."""


def drawing(
    connection: Connection, in_force: InForce, edition: Edition, period: Period, now: datetime
) -> Drawing:
    """The drawing asked for; None is the edition in force at the last moment of the period, or now while it
    still runs. Raises UnknownEdition.
    """
    if edition == AS_RECORDED:
        return AsRecorded(connection)
    if edition is None:
        edition = in_force_at(connection, _last_moment(period, now))
    current = in_force.atlas
    return InEdition(current if edition == current.edition else atlas_of(connection, edition))


def _last_moment(period: Period, now: datetime) -> datetime:
    """The end of a period is not in it: an edition that takes effect then is not yet the period's."""
    return now if period.end is None else min(now, period.end - timedelta(microseconds=1))


class AsRecorded:
    """Every incident in the grid that its path names, whichever edition that was located in."""

    edition = None
    name = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._levels = grids.levels(connection)
        self.levels = tuple(dict.fromkeys(key for keys in self._levels.values() for key in keys))

    def condition(self, under: tuple[str, ...]) -> ColumnElement[bool]:
        """What was recorded under that path."""
        grids.require_ever(self._connection, under)
        return lies_under(under)

    def placed(self, rows: Sequence[Row[Any]]) -> list[Placed]:
        """Where they were recorded."""
        return [(row.path, False) for row in rows]

    def depths(self, level: str) -> Depths:
        """By the levels of the edition that a row was located in: another may have more of them."""
        known = {edition: keys.index(level) + 1 for edition, keys in self._levels.items() if level in keys}
        return lambda row: known.get(row.edition)

    def names(self, paths: Collection[str]) -> dict[str, str]:
        """As the last edition that has each calls it."""
        return grids.names(self._connection, paths)


class InEdition:
    """Every incident in the grid of one edition that its point lies in."""

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self.edition, self.name = atlas.edition, atlas.name
        self.levels = tuple(level.key for level in atlas.hierarchy.levels)

    def condition(self, under: tuple[str, ...]) -> ColumnElement[bool]:
        """What this edition recorded there, and what another recorded near enough to lie there."""
        hierarchy = self._atlas.hierarchy
        try:
            lowest = hierarchy.under(under, len(hierarchy.levels) - 1)
        except UnknownGrid as error:
            raise UnknownGrid(under, f"edition {self.edition} has none; {_ELSEWHERE}") from error
        west, south, east, north = map(float, shapely.total_bounds([grid.geometry for grid in lowest]))
        near = and_(_c.lon.between(west, east), _c.lat.between(south, north))
        recorded = _c.edition == self.edition
        return or_(and_(recorded, lies_under(under)), and_(_c.edition.is_distinct_from(self.edition), near))

    def placed(self, rows: Sequence[Row[Any]]) -> list[Placed]:
        """The path recorded where that is of this edition; else the point is located again."""
        placed = [(row.path, False) if row.edition == self.edition else ("", False) for row in rows]
        again = [n for n, row in enumerate(rows) if row.edition != self.edition and row.lon is not None]
        lons, lats = [rows[n].lon for n in again], [rows[n].lat for n in again]
        for n, index in zip(again, self._atlas.locator.index_many(lons, lats).tolist(), strict=True):
            placed[n] = (self._paths[index] if index >= 0 else "", True)
        return placed

    @cached_property
    def _paths(self) -> list[str]:
        return [path_text(path) for path in self._atlas.locator.paths]

    def depths(self, level: str) -> Depths:
        """The same for every row."""
        depth = self.levels.index(level) + 1
        return lambda _: depth

    def names(self, paths: Collection[str]) -> dict[str, str]:
        """As this edition calls them."""
        return {path: grid_name(self._atlas.hierarchy, text_path(path)) for path in paths}
