"""A made-up district as a polygon file to try an import with, every feature of it labelled synthetic."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import orjson
from pyogrio.errors import DataLayerError, DataSourceError

from geodata.errors import UnwritableFile
from geodata.grids import Hierarchy
from geodata.publish import feature

KINDS = (".gpkg", ".geojson")
LAYER = "made_up"
"""The layer's name in a GeoPackage."""


def write(file: Path, hierarchy: Hierarchy, about: str) -> None:
    """Write the lowest grids to a new GeoPackage or GeoJSON file, EPSG:4326, one feature each.

    Columns: `<key>_code` and `<key>_name` of every level, which is how upper levels are told; `synthetic`,
    which is true; `about`, which says how they were made. Raises UnwritableFile, also where the file is there
    already.
    """
    if file.suffix.lower() not in KINDS:
        raise UnwritableFile(file, f"a made-up district is written as {' or '.join(KINDS)}")
    if file.exists():
        raise UnwritableFile(file, "it is there already; name another, or delete it")
    rows = _rows(hierarchy, about)
    if file.suffix.lower() == ".geojson":
        _write_geojson(file, hierarchy, rows, about)
        return
    geometry = [grid.geometry for grid in hierarchy.lowest]
    try:
        table = geopandas.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326")
        table.to_file(file, driver="GPKG", engine="pyogrio", layer=LAYER)
    except (DataSourceError, DataLayerError) as error:
        raise UnwritableFile(file, str(error)) from error


def grids_table(file: Path, hierarchy: Hierarchy, about: str) -> str:
    """The table [grids] of a city's file that reads what :func:`write` wrote, as TOML."""
    lines = [f"# synthetic 虚构: {about}", "[grids]", f"file = {_quoted(file.name)}"]
    for level in hierarchy.levels:
        lines += [
            "",
            "[[grids.levels]]",
            f"key = {_quoted(level.key)}",
            f"zh = {_quoted(level.name_zh)}",
            f"en = {_quoted(level.name_en)}",
            f"code = {_quoted(f'{level.key}_code')}",
            f"name = {_quoted(f'{level.key}_name')}",
        ]
    return "\n".join(lines) + "\n"


def _rows(hierarchy: Hierarchy, about: str) -> list[dict[str, object]]:
    names = [{grid.code: grid.name for grid in hierarchy.at(n)} for n in range(len(hierarchy.levels))]
    rows: list[dict[str, object]] = []
    for path in hierarchy.paths:
        row: dict[str, object] = {}
        for level, code, known in zip(hierarchy.levels, path, names, strict=True):
            row |= {f"{level.key}_code": code, f"{level.key}_name": known[code]}
        rows.append(row | {"synthetic": True, "about": about})
    return rows


def _write_geojson(file: Path, hierarchy: Hierarchy, rows: list[dict[str, object]], about: str) -> None:
    features = [
        {"type": "Feature", "properties": row, "geometry": feature(hierarchy, grid)["geometry"]}
        for grid, row in zip(hierarchy.lowest, rows, strict=True)
    ]
    whole = {"type": "FeatureCollection", "synthetic": True, "about": about, "features": features}
    try:
        file.write_bytes(orjson.dumps(whole, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    except OSError as error:
        raise UnwritableFile(file, error.strerror or str(error)) from error


def _quoted(text: str) -> str:
    """A text for TOML, whose quoted texts are JSON's."""
    return json.dumps(text, ensure_ascii=False)
