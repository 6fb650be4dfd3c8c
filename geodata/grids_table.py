"""The table [grids] of a city's file, taken apart before any polygon file is opened (see geodata.read)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from geodata.acceptance import acceptances
from geodata.columns import Rule, needed_rule, rule_in
from geodata.errors import BadGridsTable, did_you_mean
from geodata.grids import Level
from geodata.sources import Postgis, postgis_of
from geodata.table import Table

ORIGIN = ("file", "layer", "crs", "encoding", "swap_axes", "postgis", "table", "query", "geometry")
"""What says where polygons are, and how to read them there."""


@dataclass(frozen=True, slots=True)
class LevelSource:
    """One level in a file of its own; `code`, `name`, `parent`, `responsible_unit`: columns or rules."""

    level: Level
    path: Path | Postgis
    code: str | Rule
    name: str | Rule | None = None
    parent: str | Rule | None = None
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    responsible_unit: str | Rule | None = None
    near: tuple[float, float] | None = None
    swap_axes: bool = False


@dataclass(frozen=True, slots=True)
class LevelColumns:
    """One level as columns of the lowest level's file; `parents` (code -> its parent's) settles conflicts."""

    level: Level
    code: str | Rule
    name: str | Rule | None = None
    responsible_unit: str | Rule | None = None
    parents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LowestSource:
    """One file of the lowest level that names all its parents; `columns` are widest first."""

    path: Path | Postgis
    columns: Sequence[LevelColumns]
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    near: tuple[float, float] | None = None
    swap_axes: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be read: one file of the lowest level, or one a level; and whose codes follow the list."""

    sources: LowestSource | tuple[LevelSource, ...]
    published_codes_from: int | None = None


class _Reading(TypedDict):
    """How a source is to be read."""

    layer: str | None
    crs: str | None
    encoding: str | None
    near: tuple[float, float] | None
    swap_axes: bool


def validate(section: Mapping[str, object]) -> None:
    """Raise BadGridsTable where the table [grids] itself is wrong; no file is opened for it."""
    plan(section, Path())
    acceptances(section)


def plan(section: Mapping[str, object], folder: Path) -> Plan:
    """What the table asks for, with files in `folder`. Raises BadGridsTable where the table is wrong."""
    grids = Table(section, "[grids]")
    levels = [
        Table(entry, f"[[grids.levels]] number {at}") for at, entry in enumerate(grids.tables("levels"), 1)
    ]
    if not levels:
        raise BadGridsTable("[grids] has no [[grids.levels]]; name at least one, widest first")
    grids.only(*ORIGIN, "near", "published_codes_from", "levels", "accept")
    origin, near = _origin(grids, folder), grids.point("near")
    sources: LowestSource | tuple[LevelSource, ...]
    if origin is None:
        sources = tuple(_level_source(level, folder, near, widest=not at) for at, level in enumerate(levels))
        keys = [source.level.key for source in sources]
    else:
        columns = [_level_columns(level) for level in levels]
        sources = LowestSource(origin, columns, **_reading(grids, near))
        keys = [one.level.key for one in columns]
    for key in keys:
        if keys.count(key) > 1:
            raise BadGridsTable(f"two [[grids.levels]] have the key {key!r}; give each its own")
    return Plan(sources, _first_of_the_list(grids, keys))


def _first_of_the_list(grids: Table, keys: Sequence[str]) -> int | None:
    first = grids.text("published_codes_from", default=None)
    if first is None or first in keys:
        return None if first is None else keys.index(first)
    raise BadGridsTable(
        f"[grids] has published_codes_from = {first!r}, which is no level; the levels are {', '.join(keys)}."
        + did_you_mean(first, keys)
    )


def _origin(table: Table, folder: Path) -> Path | Postgis | None:
    """Where a table of the city's file says that its polygons are; None where it does not say."""
    database = postgis_of(table)
    file = table.text("file", default=None)
    return database or (None if file is None else folder / file)


def _reading(table: Table, near: tuple[float, float] | None) -> _Reading:
    return _Reading(
        layer=table.text("layer", default=None),
        crs=table.text("crs", default=None),
        encoding=table.text("encoding", default=None),
        near=near,
        swap_axes=table.truth("swap_axes"),
    )


def _level(table: Table) -> Level:
    key = table.text("key")
    return Level(key, table.text("zh", default=None) or key, table.text("en", default=None) or key)


def _level_source(
    table: Table, folder: Path, near: tuple[float, float] | None, *, widest: bool
) -> LevelSource:
    table.only("key", "zh", "en", *ORIGIN, "code", "name", "parent", "unit")
    origin = _origin(table, folder)
    if origin is None:
        raise BadGridsTable(f"{table.name} needs a `file` (or `postgis`), as [grids] itself has none")
    parent = rule_in(table, "parent")
    if (parent is None) != widest:
        raise BadGridsTable(
            f"{table.name} "
            + ("is the widest and has no `parent`" if widest else "needs the column of its `parent`")
        )
    return LevelSource(
        level=_level(table),
        path=origin,
        code=needed_rule(table, "code"),
        name=rule_in(table, "name"),
        parent=parent,
        responsible_unit=rule_in(table, "unit"),
        **_reading(table, near),
    )


def _level_columns(table: Table) -> LevelColumns:
    table.only("key", "zh", "en", "code", "name", "unit", "parents")
    return LevelColumns(
        _level(table),
        needed_rule(table, "code"),
        rule_in(table, "name"),
        rule_in(table, "unit"),
        table.texts("parents"),
    )
