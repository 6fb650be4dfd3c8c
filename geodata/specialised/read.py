"""Files to the layers of fields: a table of micro-grids, or polygons.

Each `[[specialised]]` of a city's file, beside its `[grids]`, is the layer of one field.

Polygons, one a feature:

    [[specialised]]
    key = "police"                         # the field's name in programs: incidents are in police/72
    zh = "警务网格"
    en = "police precincts"
    classes = ["gridgov:event:80"]         # the classes of categories that it matters for
    categories = ["cn2026:event:09001"]    # and single categories; with neither, it matters for all
    file = "police_precinct.geojson.gz"    # beside the city's file, or below its folder
    # layer = "precincts"                  # as in [grids]: crs and encoding too
    as = "sets"                            # each micro-grid to the grid that it overlaps most, or "polygons"
    code = "precinct"                      # a column, or a rule as in [grids]
    # name = "..."                         # a column or rule; without it, the code is the name
    # team = "..."                         # a column or rule: who answers for it

A table, one row a micro-grid, makes sets: a CSV file (also .csv.gz), or the attributes of a polygon file:

    [[specialised]]
    key = "fire"
    file = "fire_grids.csv"
    # delimiter = ";"                      # of a CSV file; "," unless told
    # encoding = "GBK"
    micro_grid = "grid_code"               # the column of the micro-grid's code
    code = "fire_grid"                     # that of the specialised grid; an empty cell: in none
    team = "squad"

What sets lose of the polygons' borders is measured and said (see geodata.specialised.check). Where it is
too much, `as = "polygons"` keeps the borders. Findings that the city knows of are accepted by name:

    [[specialised.accept]]
    finding = "OVERLAP"
    reason = "stations share the harbour"
    # up_to_m2 = 1000                      # larger ones stay errors
    # grids = ["1", "2"]                   # only between these
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodata.check import Acceptance
from geodata.drawing import Source
from geodata.errors import BadGridsTable, MissingColumn, UnreadableFile
from geodata.features import Features, read_features
from geodata.read import Rule, needed_rule, rule_in, texts_of
from geodata.specialised.check import ACCEPTABLE
from geodata.specialised.drawing import DrawnGrid, LayerDrawing, Member
from geodata.specialised.layers import Form
from geodata.table import Table

TABLES = (".csv", ".csv.gz", ".tsv", ".txt")
"""What is read as a table of text; everything else as a polygon file."""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """One `[[specialised]]` of a city's file.

    `micro_grid` is the column that makes it a table of micro-grids. `classes` and `categories` are keys of
    those that the field matters for; with neither, all.
    """

    key: str
    name_zh: str
    name_en: str
    form: Form
    path: Path
    code: Rule
    name: Rule | None = None
    team: Rule | None = None
    micro_grid: Rule | None = None
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    delimiter: str = ","
    classes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    accepted: tuple[Acceptance, ...] = ()


def sources(sections: object, folder: Path) -> tuple[LayerSource, ...]:
    """What the `[[specialised]]` of a city's file say (see the top of this module), files in `folder`.

    Raises BadGridsTable where a table is wrong, or two are of one field.
    """
    if not isinstance(sections, list):
        raise BadGridsTable(f"`specialised` is {sections!r}; expected tables: write [[specialised]]")
    found = tuple(_source(one, number, folder) for number, one in enumerate(sections, 1))
    keys = [one.key for one in found]
    for key in keys:
        if keys.count(key) > 1:
            raise BadGridsTable(f"two [[specialised]] have the key {key!r}; a field has one layer")
    return found


def read_layer(source: LayerSource) -> LayerDrawing:
    """Read one layer. Raises UnreadableFile, MissingColumn, MislabelledCrs."""
    if source.micro_grid is not None:
        return _read_table(source, source.micro_grid)
    features = read_features(source.path, source.layer, source.crs, source.encoding)
    codes, names, teams = (texts_of(features, rule) for rule in (source.code, source.name, source.team))
    drawn = tuple(
        DrawnGrid(
            codes[row] or "",
            names[row] or codes[row] or "",
            teams[row],
            geometry,
            f"{source.path.name}, feature {row + 1}",
        )
        for row, geometry in enumerate(features.geometries)
    )
    return LayerDrawing(source.key, source.name_zh, source.name_en, source.form, drawn, None, features.source)


def _read_table(source: LayerSource, micro_grid: Rule) -> LayerDrawing:
    if source.path.name.lower().endswith(TABLES):
        features, places = _csv(source)
    else:
        features = read_features(source.path, source.layer, source.crs, source.encoding)
        places = [f"feature {row}" for row in range(1, len(features.geometries) + 1)]
    micro, codes, names, teams = (
        texts_of(features, rule) for rule in (micro_grid, source.code, source.name, source.team)
    )
    members = tuple(
        Member(micro[row] or "", codes[row] or "", names[row], teams[row], f"{source.path.name}, {place}")
        for row, place in enumerate(places)
    )
    return LayerDrawing(source.key, source.name_zh, source.name_en, Form.sets, (), members, features.source)


def _csv(source: LayerSource) -> tuple[Features, list[str]]:
    """A table of text as features without geometry, and the line each ends in; cells without outer spaces."""
    (_, header), *rows = _lines(source)
    for wanted in (source.micro_grid, source.code, source.name, source.team):
        if wanted is not None and wanted.column not in header:
            raise MissingColumn(source.path, wanted.column, header)
    ragged = next((line for line, row in rows if len(row) != len(header)), None)
    if ragged is not None:
        raise UnreadableFile(source.path, f"line {ragged} has not {len(header)} cells as its header has")
    cells = np.array([row for _, row in rows], dtype=object).reshape(len(rows), len(header))
    nothing = np.full(len(rows), None, dtype=object)
    found = Source(source.path.name, "none", "none", len(rows))
    columns = {name: cells[:, at] for at, name in enumerate(header)}
    return Features(source.path, nothing, columns, found), [f"line {line}" for line, _ in rows]


def _lines(source: LayerSource) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with its line in the file."""
    try:
        raw = source.path.read_bytes()
        plain = gzip.decompress(raw) if source.path.suffix == ".gz" else raw
        reader = csv.reader(
            io.StringIO(plain.decode(source.encoding or "utf-8-sig"), newline=""), delimiter=source.delimiter
        )
        found = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (OSError, EOFError, zlib.error, UnicodeError, LookupError, csv.Error) as error:
        raise UnreadableFile(source.path, str(error)) from error
    if not found:
        raise UnreadableFile(source.path, "it has no header")
    return found


def _source(entry: object, number: int, folder: Path) -> LayerSource:
    table = Table(entry, f"[[specialised]] number {number}")
    table.only(
        *("key", "zh", "en", "classes", "categories", "file", "layer", "crs", "encoding", "delimiter"),
        *("as", "micro_grid", "code", "name", "team", "accept"),
    )
    key, micro_grid = table.text("key"), rule_in(table, "micro_grid")
    delimiter = table.text("delimiter", default=None)
    if delimiter is not None and (len(delimiter) != 1 or micro_grid is None):
        raise BadGridsTable(f"{table.name} needs one character for `delimiter`, and only beside `micro_grid`")
    return LayerSource(
        key=key,
        name_zh=table.text("zh", default=None) or key,
        name_en=table.text("en", default=None) or key,
        form=_form(table, micro_grid),
        path=folder / table.text("file"),
        code=needed_rule(table, "code"),
        name=rule_in(table, "name"),
        team=rule_in(table, "team"),
        micro_grid=micro_grid,
        layer=table.text("layer", default=None),
        crs=table.text("crs", default=None),
        encoding=table.text("encoding", default=None),
        delimiter=delimiter or ",",
        classes=table.list_of_texts("classes") or (),
        categories=table.list_of_texts("categories") or (),
        accepted=_acceptances(table),
    )


def _form(table: Table, micro_grid: Rule | None) -> Form:
    told = table.text("as", default=None)
    if micro_grid is not None:
        if told not in (None, Form.sets):
            raise BadGridsTable(f"{table.name} is a table of micro-grids, which makes sets, not {told!r}")
        return Form.sets
    if told not in tuple(Form):
        raise BadGridsTable(
            f'{table.name} needs as = "sets" or as = "polygons", not {told!r}; '
            "or `micro_grid`, where its file is a table of micro-grids"
        )
    return Form(told)


def _acceptances(table: Table) -> tuple[Acceptance, ...]:
    given = table.get("accept")
    if given is not None and not isinstance(given, list):
        raise BadGridsTable(f"`accept` of {table.name} is {given!r}: write [[specialised.accept]]")
    rules: list[Acceptance] = []
    for at, entry in enumerate(given or (), 1):
        one = Table(entry, f"[[specialised.accept]] number {at} of {table.name}")
        one.only("finding", "reason", "up_to_m2", "grids")
        rules.append(_acceptance(one))
    return tuple(rules)


def _acceptance(table: Table) -> Acceptance:
    finding, grids = table.text("finding"), table.list_of_texts("grids")
    if finding not in ACCEPTABLE:
        raise BadGridsTable(
            f"{table.name}: {finding!r} is nothing that can be accepted; that is: {', '.join(ACCEPTABLE)}"
        )
    among = None if grids is None else frozenset(grids)
    return Acceptance(finding, table.text("reason"), table.number("up_to_m2"), None, among)
