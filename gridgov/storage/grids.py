"""Grids of all editions by their paths: whether there ever was such a one, and what it was called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson
from sqlalchemy import Connection, select

from geodata.errors import UnknownGrid
from geodata.grids import Hierarchy
from gridgov.storage.tables import EditionRow, GridRow, path_text

_edition = EditionRow.__table__  # type: ignore[attr-defined]
_grid = GridRow.__table__  # type: ignore[attr-defined]
#: Values that one statement holds; SQLite takes 32,766.
_MOST: Final = 5000


def require_ever(connection: Connection, path: Sequence[str], known: Hierarchy | None = None) -> None:
    """Raise UnknownGrid unless some edition has, or had, a grid of this path; ``known``, if given, is a
    hierarchy at hand that may have it.
    """
    if known is not None and _has(known, path):
        return
    # Editions are few and lead the key: each is one look into it.
    there = select(_grid.c.path).where(
        _grid.c.edition.in_(select(_edition.c.id)), _grid.c.path == path_text(tuple(path))
    )
    if connection.execute(there.limit(1)).first() is None:
        raise UnknownGrid(path, "no edition of the grids has it")


def _has(known: Hierarchy, path: Sequence[str]) -> bool:
    try:
        known.grid(path)
    except UnknownGrid:
        return False
    return True


def levels(connection: Connection) -> dict[int, tuple[str, ...]]:
    """The keys of the levels of every edition, widest first."""
    found = connection.execute(select(_edition.c.id, _edition.c.levels))
    return {number: tuple(level["key"] for level in orjson.loads(text)) for number, text in found}


def names(connection: Connection, paths: Iterable[str]) -> dict[str, str]:
    """What grids are called, by the text of their paths: each in the newest edition that has it and that was
    not withdrawn before its date.
    """
    found: dict[str, str] = {}
    real = select(_edition.c.id).where(_edition.c.withdrawn_at.is_(None))
    wanted = sorted(paths)
    for some in (wanted[start : start + _MOST] for start in range(0, len(wanted), _MOST)):
        query = select(_grid.c.path, _grid.c.name).where(_grid.c.edition.in_(real), _grid.c.path.in_(some))
        found.update((path, name) for path, name in connection.execute(query.order_by(_grid.c.edition)))
    return found
