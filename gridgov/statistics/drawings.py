"""What figures need to know of the store beside the copy: editions of the grids, when entries were recorded,
and what people, grids and specialised grids are called.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb
from sqlalchemy import Connection, Select, select

from dispatch.closure import Period
from dispatch.entries import from_micros, to_micros
from geodata.errors import UnknownGrid
from gridgov.editions import in_force_at
from gridgov.errors import BadInput, UnknownEdition
from gridgov.statistics.errors import NotReadyYet
from gridgov.statistics.question import AS_RECORDED, Question, whole_second
from gridgov.storage import grids
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import (
    EditionRow,
    EntryRow,
    FieldLayerRow,
    GridRow,
    PersonRow,
    SpecialisedGridRow,
    path_text,
)

_edition = EditionRow.__table__  # type: ignore[attr-defined]
_entry = EntryRow.__table__.c  # type: ignore[attr-defined]
_grid = GridRow.__table__.c  # type: ignore[attr-defined]
_layer = FieldLayerRow.__table__.c  # type: ignore[attr-defined]
_special = SpecialisedGridRow.__table__.c  # type: ignore[attr-defined]
_person = PersonRow.__table__.c  # type: ignore[attr-defined]

#: Values that one statement holds; SQLite takes 32,766.
_MOST: Final = 5000
#: Of more, all grids of a drawing are read: that is faster than to ask for so many by name.
_MANY: Final = 500
#: The SQL expression for the number of the grid of an edition: `carrying.Carrier.column_of`.
ColumnOf = Callable[[duckdb.DuckDBPyConnection, int], str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Whose grids figures are counted in: those of an edition, or, where that is None, each incident's own.

    ``levels`` can be grouped by; ``depths`` say for each edition how many codes name a grid of a level.
    """

    edition: int | None
    name: str | None
    levels: tuple[str, ...]
    depths: Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class AsOf:
    """As of which position things are told, and the moment that goes with it, in whole seconds."""

    position: int
    time: datetime


class Drawings:
    """The store as one of its connections sees it. ``column_of`` is how the copy counts in an edition."""

    def __init__(self, connection: Connection, column_of: ColumnOf, stream: str = MAIN) -> None:
        self._connection, self.column_of, self._stream = connection, column_of, stream

    # -- as of when

    def as_of(self, question: Question, known: int) -> AsOf:
        """As of when a question is asked of a copy that knows the ledger up to a position.

        Raises BadInput for a position that is not there yet, and a time to come; NotReadyYet for a position
        of the ledger that the copy has not come to.
        """
        if question.position is not None and question.position > known:
            end = read_head(self._connection, self._stream).position
            if question.position <= end:
                raise NotReadyYet()
            raise BadInput(
                f"position {question.position} is not there yet: the ledger ends at {end}", end=end
            )
        if question.at is not None and whole_second(question.at) > question.now:
            raise BadInput(f"how things stand at {question.at.isoformat()} is not known yet: it is to come")
        if question.position is None and question.at is None:
            return AsOf(known, question.now)
        position = question.position
        if position is None:
            assert question.at is not None
            position = self.position_at(question.at, known)
        time = question.at or self.recorded_at(position) or question.now
        return AsOf(position, min(question.now, whole_second(time)))

    def position_at(self, moment: datetime, end: int) -> int:
        """The last position, up to ``end``, that was recorded at or before a moment; 0 where none was.

        No entry was recorded before the one it follows: it is found by halving.
        """
        at, low, high = to_micros(moment), 0, end
        while low < high:
            middle = (low + high + 1) // 2
            if self._recorded(middle) <= at:
                low = middle
            else:
                high = middle - 1
        return low

    def recorded_at(self, position: int) -> datetime | None:
        """When the entry at a position was recorded; None for 0, before all."""
        return from_micros(self._recorded(position)) if position else None

    def _recorded(self, position: int) -> int:
        query = select(_entry.recorded_at).where(_entry.stream == self._stream, _entry.position == position)
        found: int = self._connection.execute(query).scalar_one()
        return found

    # -- whose grids

    def edition(self, asked: int | str | None, period: Period, now: datetime) -> int | None:
        """The edition asked for, by default the one in force at the last moment of the period, or ``now``
        while it still runs; None for as recorded. Raises UnknownEdition.
        """
        if asked == AS_RECORDED:
            return None
        if asked is None:
            # The end of a period is not in it: an edition that takes effect then is not yet the period's.
            last = now if period.end is None else min(now, period.end - timedelta(microseconds=1))
            return in_force_at(self._connection, last)
        return int(asked)

    def drawn(self, edition: int | None) -> Drawn:
        """The drawing of an edition, or of none in particular. Raises UnknownEdition."""
        levels = grids.levels(self._connection)
        depths = {
            number: {key: depth for depth, key in enumerate(keys, 1)} for number, keys in levels.items()
        }
        if edition is None:
            ever = tuple(dict.fromkeys(key for keys in levels.values() for key in keys))
            return Drawn(None, None, ever, depths)
        if edition not in levels:
            raise UnknownEdition(edition=edition)
        query = select(_edition.c.name).where(_edition.c.id == edition)
        name = self._connection.execute(query).scalar_one()
        return Drawn(edition, name, levels[edition], {edition: depths[edition]})

    def require(self, drawn: Drawn, path: tuple[str, ...]) -> None:
        """Raises UnknownGrid unless the drawing has a grid of this path."""
        if drawn.edition is None:
            grids.require_ever(self._connection, path)
            return
        query = select(_grid.path).where(_grid.edition == drawn.edition, _grid.path == path_text(path))
        if self._connection.execute(query).first() is None:
            why = f"edition {drawn.edition} has none; ask for the edition that has it, or for {AS_RECORDED}"
            raise UnknownGrid(path, why)

    # -- what things are called

    def grid_names(self, drawn: Drawn, paths: Collection[str]) -> dict[str, str]:
        """Grids by the text of their paths: as the drawing calls them, or the last edition that has them."""
        if drawn.edition is None:
            return grids.names(self._connection, paths)
        query = select(_grid.path, _grid.name).where(_grid.edition == drawn.edition)
        if len(paths) > _MANY:
            wanted = set(paths)
            return {path: name for path, name in self._pairs(query).items() if path in wanted}
        return self._pairs(query.where(_grid.path.in_(paths)))

    def people(self, ids: Sequence[str]) -> dict[str, str]:
        """What people are called, by what the ledger calls them."""
        found: dict[str, str] = {}
        for some in (ids[start : start + _MOST] for start in range(0, len(ids), _MOST)):
            query = select(_person.id, _person.display_name).where(_person.id.in_(some))
            found.update((id_, name) for id_, name in self._connection.execute(query))
        return found

    def layers(self) -> frozenset[str]:
        """The keys of all layers of specialised grids that there ever were."""
        return frozenset(self._connection.execute(select(_layer.key).distinct()).scalars())

    def specialised_names(self, layer: str) -> dict[str, str]:
        """What the specialised grids of a layer are called, by their codes: in the newest version that has
        each.
        """
        query = (
            select(_special.code, _special.name)
            .join_from(SpecialisedGridRow, FieldLayerRow, _special.version == _layer.version)
            .where(_layer.key == layer)
            .order_by(_special.version)
        )
        return self._pairs(query)

    def _pairs(self, query: Select[str, str]) -> dict[str, str]:
        return dict(self._connection.execute(query).all())
