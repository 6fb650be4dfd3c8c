"""`gridgov grids locate`: where points lie, one or a whole table of them. Needs grids, no rules."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from geodata.datum import Datum, to_wgs84, to_wgs84_many
from geodata.errors import BadPoint, check_point
from geodata.locate import Located
from gridgov import city
from gridgov.cli.grids import grids
from gridgov.cli.output import AsJson, print_json, say, tell
from gridgov.cli.publishing import Edition
from gridgov.cli.reading import atlas_in, reader_of, settings_of
from gridgov.errors import BadInput
from gridgov.in_force import Atlas

#: Rows of a table located at a time: some megabytes of text.
PART: Final = 50_000


def register(_: typer.Typer) -> None:
    """The command stands in the group `grids`: importing this module put it there."""


@grids.command()
def locate(
    context: typer.Context,
    lon: Annotated[float | None, typer.Argument(help="Longitude in degrees.", show_default=False)] = None,
    lat: Annotated[float | None, typer.Argument(help="Latitude in degrees.", show_default=False)] = None,
    datum: Annotated[
        Datum | None, typer.Option(help="What the degrees are counted from.", show_default="the city's")
    ] = None,
    accuracy: Annotated[
        float | None, typer.Option(min=0, help="Metres: name the neighbours that it may lie in as well.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="A table of points instead; it is written to standard output with columns grid, edition.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    columns: Annotated[str, typer.Option(help="Its columns of longitude and latitude.")] = "lon,lat",
    edition: Edition = None,
    as_json: AsJson = False,
) -> None:
    """Tell which grids a point lies in, widest first, and how far the border is; or of a table of points.

    A latitude or longitude below zero follows a `--`: gridgov grids locate --datum wgs84 -- -71.06 42.36
    """
    if table is None and (lon is None or lat is None):
        raise BadInput("name a longitude and a latitude, or a table of points with --csv")
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        atlas = atlas_in(connection, edition)
        ours = city.current(connection)
    named = datum or (None if ours is None else ours.facts.datum)
    if named is None:
        kinds = ", ".join(Datum)
        raise BadInput(
            f"say with --datum what the degrees are counted from, one of {kinds}: no city's file says"
        )
    if table is not None:
        _locate_table(atlas, table, columns, named)
    elif lon is not None and lat is not None:
        found = _located(atlas, lon, lat, named, accuracy)
        if as_json:
            print_json(found)
        else:
            _show(found)


def _located(atlas: Atlas, lon: float, lat: float, datum: Datum, accuracy: float | None) -> dict[str, Any]:
    check_point(lon, lat)
    x, y = to_wgs84(lon, lat, datum)
    found = atlas.locator.locate(x, y)
    near = () if accuracy is None else atlas.locator.near(x, y, accuracy)
    told: dict[str, Any] = {
        "edition": atlas.edition,
        "lon": x,
        "lat": y,
        "near_border": [{"path": list(one.path), "metres": one.metres} for one in near],
    }
    if not isinstance(found, Located):
        return told | {"path": None, "nearest": list(found.nearest), "outside_m": found.distance_m}
    names = [atlas.hierarchy.grid(found.path[: depth + 1]).name for depth in range(len(found.path))]
    return told | {"path": list(found.path), "names": names, "border_m": found.border_m}


def _show(found: dict[str, Any]) -> None:
    if found["path"] is None:
        tell(f"in no grid; the nearest is {'/'.join(found['nearest'])}, {found['outside_m']:,.1f} m away")
    else:
        names = " > ".join(found["names"])
        tell(f"{'/'.join(found['path'])} ({names}), {found['border_m']:,.1f} m from its border")
    for one in found["near_border"]:
        tell(f"or {'/'.join(one['path'])}, {one['metres']:,.1f} m away")


def _locate_table(atlas: Atlas, file: Path, columns: str, datum: Datum) -> None:
    names = columns.split(",")
    if len(names) != 2:
        raise BadInput(f"--columns is {columns!r}: expected two names with a comma between, as lon,lat")
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(_utf8(lines, file))
        head = next(rows, [])
        missing = [name for name in names if name not in head]
        if missing:
            has = ", ".join(head) or "none"
            lacks = f"{file} has no column {' and '.join(map(repr, missing))}"
            raise BadInput(f"{lacks}; it has: {has}. Name the two with --columns")
        at = head.index(names[0]), head.index(names[1])
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow([*head, "grid", "edition"])
        many, inside = 0, 0
        for part in _parts(rows):
            paths = _paths(atlas, part, at, datum, file, many)
            out.writerows([*row, path, atlas.edition] for row, path in zip(part, paths, strict=True))
            many, inside = many + len(part), inside + sum(map(bool, paths))
    say(f"{many:,} points: {inside:,} in a grid, {many - inside:,} in none or without a position")


def _utf8(lines: Iterator[str], file: Path) -> Iterator[str]:
    """The lines of a table; raises BadInput where they are no UTF-8."""
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{file} is no UTF-8 text, GBK perhaps, as spreadsheets in China write: save it as "
            f"`CSV UTF-8`, or convert it: iconv -f GB18030 -t UTF-8 {file.name} > utf8.csv"
        ) from error


def _parts(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    part: list[list[str]] = []
    try:
        for row in rows:
            part.append(row)
            if len(part) == PART:
                yield part
                part = []
    except csv.Error as error:
        raise BadInput(f"the table is no sound CSV: {error}; is a quotation mark left open?") from error
    if part:
        yield part


def _paths(
    atlas: Atlas, part: Sequence[Sequence[str]], at: tuple[int, int], datum: Datum, file: Path, before: int
) -> list[str]:
    """The path of each row's point, empty for one in no grid or without a position."""
    points = np.full((2, len(part)), np.nan)
    for number, row in enumerate(part):
        try:
            texts = row[at[0]].strip(), row[at[1]].strip()
            if all(texts):
                lon, lat = map(float, texts)
                check_point(lon, lat)
                points[:, number] = lon, lat
        except (IndexError, ValueError, BadPoint) as error:
            raise BadInput(f"{file}, row {before + number + 2}: no position in degrees: {error}") from error
    there = np.flatnonzero(~np.isnan(points[0]))
    found = atlas.locator.index_many(*to_wgs84_many(points[0, there], points[1, there], datum))
    paths = [""] * len(part)
    for number, grid in zip(there.tolist(), found.tolist(), strict=True):
        if grid >= 0:
            paths[number] = "/".join(atlas.locator.paths[grid])
    return paths
