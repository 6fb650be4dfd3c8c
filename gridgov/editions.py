"""Editions of the grids in the store: a hierarchy goes in as a new one, comes out as the atlas in force."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select, update
from sqlmodel import col

from dispatch.entries import to_micros
from geodata.grids import GridRow as Row
from geodata.grids import Hierarchy, Level
from geodata.locate import Locator
from gridgov.errors import UnknownEdition
from gridgov.in_force import Atlas
from gridgov.storage.tables import EditionRow, GridRow, StreamHead, path_text
from gridgov.storage.writer import Chore

_edition = EditionRow.__table__  # type: ignore[attr-defined]
_grid = GridRow.__table__  # type: ignore[attr-defined]
#: So many atlases stay in memory: the one in force, and the one before it while commands still hold it.
_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import led to: the edition in force, and whether it is new or was in force already."""

    edition: int
    new: bool


def import_edition(
    hierarchy: Hierarchy, name: str, *, made_up: bool, findings: Sequence[Mapping[str, Any]], by: str
) -> Chore:
    """Put a hierarchy in force as a new edition; the chore's result is :class:`Imported`.

    ``findings`` are those of its check, accepted ones with their reasons, kept with it; ``by`` a person's id.
    The edition in force, imported again with the same name, changes nothing. Incidents keep their paths.
    """
    rows, levels = hierarchy.to_rows(), _levels_text(hierarchy.levels)
    paths = [hierarchy.path(grid) for grid in hierarchy.grids]
    same = (name, made_up, digest(levels, rows))

    def run(connection: Connection, now: datetime) -> Imported:
        current = connection.execute(select(func.max(col(StreamHead.edition)))).scalar()
        if current is not None and _described(connection, current) == same:
            return Imported(current, new=False)
        number = (connection.execute(select(func.max(_edition.c.id))).scalar() or 0) + 1
        connection.execute(
            _edition.insert().values(
                id=number,
                name=name,
                made_up=made_up,
                imported_at=to_micros(now),
                by=by,
                levels=levels,
                effective_at=to_micros(now),
                findings=orjson.dumps(list(findings)).decode(),
            )
        )
        connection.execute(
            _grid.insert(),
            [
                {**row, "edition": number, "path": path_text(path)}
                for row, path in zip(rows, paths, strict=True)
            ],
        )
        connection.execute(update(StreamHead).values(edition=number))
        return Imported(number, new=True)

    return Chore(run)


def digest(levels: str, rows: Iterable[Row]) -> bytes:
    """SHA-256 over levels and grids, whatever order they come in: the same drawing has the same digest."""
    total = hashlib.sha256(levels.encode())
    for row in sorted(rows, key=lambda row: (row["level"], row["code"])):
        named = (row["level"], row["code"], row["name"], row["parent"], row["responsible_unit"])
        total.update(repr((*named, len(row["geometry"]))).encode())
        total.update(row["geometry"])
    return total.digest()


class Atlases:
    """Atlases by the content of their edition: building one takes a second, comparing two milliseconds."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._made: dict[bytes, tuple[Hierarchy, Locator]] = {}
        self._lock = threading.Lock()

    def atlas(self, connection: Connection, edition: int) -> Atlas | None:
        """The atlas of an edition; None where the store has no such edition."""
        about = connection.execute(select(_edition).where(_edition.c.id == edition)).mappings().first()
        if about is None:
            return None
        rows = _rows(connection, edition)
        key = digest(about["levels"], rows)
        with self._lock:
            made = self._made.pop(key, None)
            if made is None:
                hierarchy = Hierarchy.from_rows(_text_levels(about["levels"]), rows)
                made = hierarchy, Locator(hierarchy)
            self._made[key] = made
            for oldest in list(self._made)[: -self._kept]:
                del self._made[oldest]
        return Atlas(edition, about["name"], about["made_up"], *made)


def findings_of(connection: Connection, edition: int) -> list[dict[str, Any]]:
    """What an edition's check found when it came in, accepted or not; raises UnknownEdition."""
    text = connection.execute(select(_edition.c.findings).where(_edition.c.id == edition)).scalar()
    if text is None:
        raise UnknownEdition(edition=edition)
    found: list[dict[str, Any]] = orjson.loads(text)
    return found


def _described(connection: Connection, edition: int) -> tuple[str, bool, bytes]:
    about = connection.execute(select(_edition).where(_edition.c.id == edition)).mappings().one()
    return about["name"], about["made_up"], digest(about["levels"], _rows(connection, edition))


def _rows(connection: Connection, edition: int) -> list[Row]:
    columns = [_grid.c[name] for name in Row.__annotations__]
    found = connection.execute(select(*columns).where(_grid.c.edition == edition)).mappings()
    return [Row(**row) for row in found]  # type: ignore[typeddict-item]


def _levels_text(levels: Iterable[Level]) -> str:
    plain = [{"key": level.key, "name_zh": level.name_zh, "name_en": level.name_en} for level in levels]
    return orjson.dumps(plain).decode()


def _text_levels(text: str) -> tuple[Level, ...]:
    return tuple(Level(**level) for level in orjson.loads(text))
