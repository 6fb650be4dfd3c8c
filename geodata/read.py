"""Polygon files to a drawing: one file a level, or one file of the lowest level with its parents as columns.

The table `[grids]` of a city's file says which. One file of the lowest level:

    [grids]
    file = "tract2020.geojson.gz"          # beside the city's file, or below its folder
    # layer = "tracts"                     # a GeoPackage has several
    # crs = "EPSG:2249"                    # only where the file's own statement is wrong or missing
    # encoding = "GBK"                     # a Shapefile's text, where no .cpg says it

    [[grids.levels]]                       # widest first, as many as the city has
    key = "borough"                        # its name in programs and addresses
    zh = "行政区"
    en = "borough"
    code = { from = "cdta2020", take = 2 } # part of a column's text: `skip` characters, then `take`
    name = { from = "cdta2020", take = 2, values = { BX = "Bronx", BK = "Brooklyn" } }

    [[grids.levels]]
    key = "tract"
    zh = "普查区"
    en = "tract"
    code = "boroct2020"                    # a column
    # name = "..."                         # a column; without it, the code is the name
    # unit = "..."                         # a column: the responsible unit
    # parents = { QN01 = "QN" }            # settles a grid whose features name two parents

One file a level: `file`, and where needed `layer`, `crs` and `encoding`, stand in each `[[grids.levels]]`,
and every level but the widest names the column of its parent's code: `parent = "ward"`.

GeoParquet is a `file` whose name ends in .parquet or .geoparquet. Instead of a `file`, a PostGIS database:

    postgis = "service=survey"             # as libpq knows it: a service, or host, port, dbname and user
    table = "survey.tract"                 # or a query = "SELECT ... FROM ... WHERE ..."
    # geometry = "geom"                    # its column, where there are several

A password never stands in the city's file: it comes from ~/.pgpass, the service file or PGPASSWORD. Both need
an optional library: pip install 'gridgov[geoparquet]', pip install 'gridgov[postgis]'.

Findings of the check that the city knows of are accepted by name and reason (see geodata.check):

    [[grids.accept]]
    finding = "OVERLAP"
    reason = "precincts drawn from street centrelines of different years"
    up_to_m2 = 1000                        # larger ones stay errors
    # level = "precinct"
    # grids = ["0101", "0102"]             # only between these
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.drawing import Drawing, Drawn, Source
from geodata.errors import BadGridsTable
from geodata.features import Features, read_features
from geodata.grids import Level, merged
from geodata.sources import Postgis, postgis_of
from geodata.table import Table

ORIGIN = ("file", "layer", "crs", "encoding", "postgis", "table", "query", "geometry")
"""What says where polygons are, and how to read them there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How text comes out of a column: skip some characters, take some, look the rest up in `values`."""

    column: str
    skip: int = 0
    take: int | None = None
    values: Mapping[str, str] | None = None

    def apply(self, text: str | None) -> str | None:
        """The text for one cell; raises BadGridsTable for text that `values` does not have.

        >>> Rule("cdta2020", take=2, values={"BX": "Bronx"}).apply("BX01")
        'Bronx'
        """
        if text is None:
            return None
        part = text[self.skip : None if self.take is None else self.skip + self.take]
        if self.values is None:
            return part or None
        if part not in self.values:
            raise BadGridsTable(
                f"column {self.column!r} has {part!r}, which `values` does not have; it has: "
                + ", ".join(self.values),
                column=self.column,
                value=part,
            )
        return self.values[part]


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


def read_levels(sources: Sequence[LevelSource]) -> Drawing:
    """Read one file a level, widest first. Raises UnreadableFile, MissingColumn, MislabelledCrs."""
    drawn: list[Drawn] = []
    read: list[Source] = []
    for number, source in enumerate(sources):
        features = read_features(source.path, source.layer, source.crs, source.encoding)
        codes = texts_of(features, source.code)
        names = texts_of(features, source.name)
        parents = texts_of(features, source.parent)
        units = texts_of(features, source.responsible_unit)
        read.append(features.source)
        for row, geometry in enumerate(features.geometries):
            parent, code = parents[row], codes[row] or ""
            drawn.append(
                Drawn(
                    code=code,
                    name=names[row] or code,
                    level=number,
                    claims=() if parent is None else ((parent, 1),),
                    geometry=geometry,
                    responsible_unit=units[row],
                    source=_place(features, row),
                )
            )
    return Drawing(tuple(source.level for source in sources), tuple(drawn), tuple(read))


def read_lowest(source: LowestSource) -> Drawing:
    """Read the lowest level; make the others by merging, a grid under the parent most of its features name.

    A grid whose features name several parents keeps them all as claims, for the check to report.
    Raises UnreadableFile, MissingColumn, MislabelledCrs.
    """
    features = read_features(source.path, source.layer, source.crs, source.encoding)
    codes = [texts_of(features, columns.code) for columns in source.columns]
    bottom = len(source.columns) - 1
    names = texts_of(features, source.columns[bottom].name)
    units = texts_of(features, source.columns[bottom].responsible_unit)
    drawn = [
        Drawn(
            code=code or "",
            name=names[row] or code or "",
            level=bottom,
            claims=_claims([codes[bottom - 1][row]] if bottom else [], code, source.columns[bottom]),
            geometry=features.geometries[row],
            responsible_unit=units[row],
            source=_place(features, row),
        )
        for row, code in enumerate(codes[bottom])
    ]
    below = drawn
    for number in range(bottom - 1, -1, -1):
        below = _dissolve(features, source.columns[number], number, codes, below)
        drawn = [*below, *drawn]
    levels = tuple(columns.level for columns in source.columns)
    return Drawing(levels, tuple(drawn), (features.source,), frozenset(range(bottom)))


def _dissolve(
    features: Features,
    columns: LevelColumns,
    number: int,
    codes: Sequence[Sequence[str | None]],
    below: Sequence[Drawn],
) -> list[Drawn]:
    """The grids of a level out of those one level below, in order of their codes."""
    children: dict[str, list[Drawn]] = {}
    for child in below:
        if child.parent is not None:
            children.setdefault(child.parent, []).append(child)
    rows: dict[str, list[int]] = {}
    for row, code in enumerate(codes[number]):
        if code is not None:
            rows.setdefault(code, []).append(row)
    names, units = texts_of(features, columns.name), texts_of(features, columns.responsible_unit)
    level = []
    for code in sorted(children):
        mine = rows.get(code, [])
        above = [codes[number - 1][row] for row in mine] if number else []
        level.append(
            Drawn(
                code=code,
                name=_most(names[row] for row in mine) or code,
                level=number,
                claims=_claims(above, code, columns),
                geometry=_merge(child.geometry for child in children[code]),
                responsible_unit=_most(units[row] for row in mine),
                source=f"{features.path.name}, merged from {len(children[code])}",
            )
        )
    return level


def _claims(
    above: Iterable[str | None], code: str | None, columns: LevelColumns
) -> tuple[tuple[str, int], ...]:
    """The parents named, the one named most first (of equals the smallest); a parent by rule stands alone."""
    named = Counter(parent for parent in above if parent is not None)
    if code is not None and code in columns.parents:
        return ((columns.parents[code], named.total()),)
    return tuple(sorted(named.items(), key=lambda claim: (-claim[1], claim[0])))


def _most(texts: Iterable[str | None]) -> str | None:
    """The text found most often, of equals the smallest; None where there is none."""
    found = Counter(text for text in texts if text is not None)
    return min(found, key=lambda text: (-found[text], text), default=None)


def _merge(geometries: Iterable[BaseGeometry | None]) -> BaseGeometry | None:
    """The polygons merged; broken ones as GEOS mends them (the check reports them where they stand)."""
    given = [one for one in geometries if one is not None and one.geom_type in ("Polygon", "MultiPolygon")]
    sound = [one if one.is_valid else shapely.make_valid(one, method="structure") for one in given]
    sound = [one for one in sound if not one.is_empty]
    return merged(np.array(sound, dtype=object)) if sound else None


def texts_of(features: Features, wanted: str | Rule | None) -> list[str | None]:
    """The text of a column, or by a rule, for each feature; all None where nothing is wanted.

    Raises MissingColumn, and BadGridsTable as `Rule.apply` does.
    """
    if wanted is None:
        return [None] * len(features.geometries)
    rule = wanted if isinstance(wanted, Rule) else Rule(wanted)
    return [rule.apply(text) for text in features.column(rule.column)]


def _place(features: Features, row: int) -> str:
    return f"{features.path.name}, feature {row + 1}"


def read(section: Mapping[str, object], folder: Path) -> Drawing:
    """Read what the table `[grids]` of a city's file names (see the top of this module), from `folder`.

    Raises BadGridsTable where the table itself is wrong, and as read_levels and read_lowest do.
    """
    grids = Table(section, "[grids]")
    levels = [
        Table(entry, f"[[grids.levels]] number {at}") for at, entry in enumerate(grids.tables("levels"), 1)
    ]
    if not levels:
        raise BadGridsTable("[grids] has no [[grids.levels]]; name at least one, widest first")
    grids.only(*ORIGIN, "levels", "accept")
    one = _origin(grids, folder)
    if one is None:
        return read_levels([_level_source(level, folder, widest=not at) for at, level in enumerate(levels)])
    return read_lowest(
        LowestSource(
            one,
            [_level_columns(level) for level in levels],
            grids.text("layer", default=None),
            grids.text("crs", default=None),
            grids.text("encoding", default=None),
        )
    )


def _origin(table: Table, folder: Path) -> Path | Postgis | None:
    """Where a table of the city's file says that its polygons are; None where it does not say."""
    database = postgis_of(table)
    file = table.text("file", default=None)
    return database or (None if file is None else folder / file)


def _level(table: Table) -> Level:
    key = table.text("key")
    return Level(key, table.text("zh", default=None) or key, table.text("en", default=None) or key)


def _level_source(table: Table, folder: Path, *, widest: bool) -> LevelSource:
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
        layer=table.text("layer", default=None),
        crs=table.text("crs", default=None),
        encoding=table.text("encoding", default=None),
        responsible_unit=rule_in(table, "unit"),
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


def needed_rule(table: Table, key: str) -> Rule:
    """The rule that stands in a table under `key`; raises BadGridsTable where there is none."""
    rule = rule_in(table, key)
    if rule is None:
        raise BadGridsTable(
            f"{table.name} needs `{key}`: a column, or a rule such as {{ from = ..., take = 2 }}"
        )
    return rule


def rule_in(table: Table, key: str) -> Rule | None:
    """The rule that stands in a table under `key`: a column's name, or a table `{ from = ..., take = 2 }`."""
    given = table.get(key)
    if given is None or isinstance(given, str):
        return None if given is None else Rule(table.text(key))
    rule = Table(given, f"`{key}` of {table.name}")
    rule.only("from", "skip", "take", "values")
    values = rule.texts("values") if rule.get("values") is not None else None
    return Rule(
        rule.text("from"), rule.whole("skip", default=0) or 0, rule.whole("take", default=None), values
    )
