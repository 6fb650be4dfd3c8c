"""Polygon files to a drawing: one file a level, or one file of the lowest level with its parents as columns.

The table `[grids]` of a city's file says which. One file of the lowest level:

    [grids]
    file = "tract2020.geojson.gz"          # beside the city's file, or below its folder
    # layer = "tracts"                     # a GeoPackage has several
    # crs = "EPSG:2249"                    # only where the file's own statement is wrong or missing
    # encoding = "GBK"                     # a Shapefile's text, where no .cpg says it
    # swap_axes = true                     # latitude (northing) stands first in it
    # near = [-73.9, 40.7]                 # longitude, latitude in the city: files 100 km off are refused
    # published_codes_from = "borough"     # codes follow the published list's rules from this level down

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

One file a level: `file`, and where needed `layer`, `crs`, `encoding` and `swap_axes`, stand in each
`[[grids.levels]]`, and every level but the widest names the column of its parent's code: `parent = "ward"`.

With `published_codes_from`, the check also finds codes that do not follow the published list's rules: six
digits for a district (nine, where that level is the streets), three more a level below, a child's code
beginning with its parent's, at most 999 grids in a parent. Without it, a code is any text.

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geodata.columns import Rule, needed_rule, rule_in, texts_of
from geodata.dissolve import claims, dissolved
from geodata.drawing import Drawing, Drawn, Source
from geodata.errors import GeodataError, SeveralFaults
from geodata.faults import as_finding
from geodata.features import Features, examine
from geodata.grids_table import ORIGIN, LevelColumns, LevelSource, LowestSource, plan, validate

__all__ = [
    "ORIGIN",
    "LevelColumns",
    "LevelSource",
    "LowestSource",
    "Rule",
    "needed_rule",
    "read",
    "read_levels",
    "read_lowest",
    "rule_in",
    "survey",
    "texts_of",
    "validate",
]


@dataclass(slots=True)
class _Faults:
    """What goes wrong while levels are read, each with the number of its level; nothing stops the rest."""

    found: list[tuple[int, GeodataError]] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    unplaced: set[int] = field(default_factory=set)

    def features(self, level: int, source: LevelSource | LowestSource) -> Features | None:
        """The features of a source, where it can be read."""
        try:
            features = examine(
                source.path,
                source.layer,
                source.crs,
                source.encoding,
                near=source.near,
                swap_axes=source.swap_axes,
            )
        except GeodataError as error:
            self._unread(level, error)
            return None
        if features.fault is not None:
            self.found.append((level, features.fault))
            if all(geometry is None for geometry in features.geometries):
                self.unplaced.add(level)
        return features

    def texts(self, level: int, features: Features, wanted: str | Rule | None) -> list[str | None]:
        """A column's texts; all None where it cannot be read."""
        try:
            return texts_of(features, wanted)
        except GeodataError as error:
            self._unread(level, error)
            return [None] * len(features.geometries)

    def _unread(self, level: int, error: GeodataError) -> None:
        # A column that several levels are made of is told once.
        if str(error) not in {str(one) for _, one in self.found}:
            self.found.append((level, error))
        self.unread.add(level)

    def strict(self, drawing: Drawing) -> Drawing:
        """The drawing, where nothing went wrong; else raises what did."""
        errors = [error for _, error in self.found]
        if len(errors) > 1:
            raise SeveralFaults(errors)
        if errors:
            raise errors[0]
        return drawing

    def told(self, drawing: Drawing) -> Drawing:
        """The drawing with what went wrong as findings."""
        return replace(
            drawing,
            faults=tuple(as_finding(error, drawing.levels[level].key) for level, error in self.found),
            unread=frozenset(self.unread),
            unplaced=frozenset(self.unplaced),
        )


def read(section: Mapping[str, object], folder: Path) -> Drawing:
    """Read what the table `[grids]` of a city's file names (see the top of this module), from `folder`.

    Raises BadGridsTable where the table itself is wrong, and as read_levels and read_lowest do.
    """
    drawing, faults = _read(section, folder)
    return faults.strict(drawing)


def survey(section: Mapping[str, object], folder: Path) -> Drawing:
    """As read, but for a check: what cannot be read is in the drawing as `faults`, beside all that can.

    Raises BadGridsTable where the table itself is wrong.
    """
    drawing, faults = _read(section, folder)
    return faults.told(drawing)


def _read(section: Mapping[str, object], folder: Path) -> tuple[Drawing, _Faults]:
    faults, wanted = _Faults(), plan(section, folder)
    match wanted.sources:
        case LowestSource() as one:
            drawing = _lowest(one, faults)
        case levels:
            drawing = _levels(levels, faults)
    return replace(drawing, published_codes_from=wanted.published_codes_from), faults


def read_levels(sources: Sequence[LevelSource]) -> Drawing:
    """Read one file a level, widest first.

    Raises UnreadableFile, UnreadableTable, MissingExtra, MissingColumn, BadGridsTable, MislabelledCrs (or a
    kind of these), or SeveralFaults.
    """
    faults = _Faults()
    return faults.strict(_levels(sources, faults))


def read_lowest(source: LowestSource) -> Drawing:
    """Read the lowest level; make the others by merging, a grid under the parent most of its features name.

    A grid whose features name several parents keeps them all as claims, for the check to report.
    Raises as read_levels does.
    """
    faults = _Faults()
    return faults.strict(_lowest(source, faults))


def _levels(sources: Sequence[LevelSource], faults: _Faults) -> Drawing:
    drawn: list[Drawn] = []
    read: list[Source] = []
    for number, source in enumerate(sources):
        features = faults.features(number, source)
        if features is None:
            continue
        codes, names, parents, units = (
            faults.texts(number, features, wanted)
            for wanted in (source.code, source.name, source.parent, source.responsible_unit)
        )
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


def _lowest(source: LowestSource, faults: _Faults) -> Drawing:
    levels = tuple(columns.level for columns in source.columns)
    bottom = len(levels) - 1
    features = faults.features(bottom, source)
    if features is None:
        return Drawing(levels, ())
    if bottom in faults.unplaced:
        faults.unplaced |= set(range(bottom))
    codes = [faults.texts(at, features, columns.code) for at, columns in enumerate(source.columns)]
    names = [faults.texts(at, features, columns.name) for at, columns in enumerate(source.columns)]
    units = [
        faults.texts(at, features, columns.responsible_unit) for at, columns in enumerate(source.columns)
    ]
    drawn = [
        Drawn(
            code=code or "",
            name=names[bottom][row] or code or "",
            level=bottom,
            claims=claims([codes[bottom - 1][row]] if bottom else [], code, source.columns[bottom]),
            geometry=features.geometries[row],
            responsible_unit=units[bottom][row],
            source=_place(features, row),
        )
        for row, code in enumerate(codes[bottom])
    ]
    below, all_drawn = drawn, drawn
    for at in range(bottom - 1, -1, -1):
        above = codes[at - 1] if at else None
        below = dissolved(
            below, at, source.columns[at], codes[at], above, names[at], units[at], features.source.file
        )
        all_drawn = [*below, *all_drawn]
    return Drawing(levels, tuple(all_drawn), (features.source,), frozenset(range(bottom)))


def _place(features: Features, row: int) -> str:
    return f"{features.source.file}, feature {row + 1}"
