"""Hierarchy -> polygon files, one level at a time, in the formats that survey offices and QGIS take."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import geopandas
from pyogrio.errors import DataLayerError, DataSourceError

from geodata.errors import UnwritableFile
from geodata.grids import Grid, GridPath, Hierarchy
from geodata.publish import feature_collection


class Format(StrEnum):
    """A kind of polygon file; a Shapefile named .shp.zip or .shz is zipped."""

    geojson = "geojson"
    gpkg = "gpkg"
    flatgeobuf = "flatgeobuf"
    shapefile = "shapefile"
    geoparquet = "geoparquet"


SUFFIXES = {
    ".geojson": Format.geojson,
    ".json": Format.geojson,
    ".gpkg": Format.gpkg,
    ".fgb": Format.flatgeobuf,
    ".shp": Format.shapefile,
    ".shp.zip": Format.shapefile,
    ".shz": Format.shapefile,
    ".parquet": Format.geoparquet,
}
DRIVERS = {Format.gpkg: "GPKG", Format.flatgeobuf: "FlatGeobuf", Format.shapefile: "ESRI Shapefile"}
SHORT_NAMES = {"responsible_unit": "resp_unit"}
"""A Shapefile's columns have names of ten letters at most (dBase III)."""


def format_of(file: Path) -> Format:
    """The format that a file's name stands for; raises UnwritableFile.

    >>> format_of(Path("streets.shp.zip"))
    <Format.shapefile: 'shapefile'>
    """
    name = file.name.lower()
    for suffix, known in SUFFIXES.items():
        if name.endswith(suffix):
            return known
    raise UnwritableFile(file, f"no format is known by its name, which should end in {', '.join(SUFFIXES)}")


def write(
    file: Path,
    hierarchy: Hierarchy,
    level: int | str,
    under: GridPath = (),
    format: Format | None = None,  # noqa: A002  the word users have for it
) -> int:
    """Write the grids of a level (number or key) within `under`; how many they were.

    `format` is the one that the file's name stands for unless given. Columns: code, name, level, parent,
    path (codes joined by "/"), area_m2, responsible_unit; GeoJSON as `geodata.publish` has it. A file that is
    there is replaced, but for a GeoPackage, in which the level becomes a layer beside those of other names.
    Raises UnknownLevel, UnknownGrid; UnwritableFile, also where `under` leaves nothing to write.
    """
    wanted = format or format_of(file)
    grids = hierarchy.under(under, level)
    if not grids:
        raise UnwritableFile(file, f"level {level} has no grid within {'/'.join(under)}")
    try:
        if wanted is Format.geojson:
            file.write_bytes(feature_collection(hierarchy, level, under) + b"\n")
        elif wanted is Format.geoparquet:
            _write_geoparquet(file, _table(hierarchy, grids))
        else:
            _write_with_gdal(file, _table(hierarchy, grids), wanted, hierarchy.levels[grids[0].level].key)
    except (DataSourceError, DataLayerError) as error:
        raise UnwritableFile(file, str(error)) from error
    return len(grids)


def _table(hierarchy: Hierarchy, grids: Sequence[Grid]) -> geopandas.GeoDataFrame:
    columns = {
        "code": [grid.code for grid in grids],
        "name": [grid.name for grid in grids],
        "level": [hierarchy.levels[grid.level].key for grid in grids],
        "parent": [grid.parent for grid in grids],
        "path": ["/".join(hierarchy.path(grid)) for grid in grids],
        "area_m2": [round(grid.area_m2, 3) for grid in grids],
        "responsible_unit": [grid.responsible_unit for grid in grids],
    }
    return geopandas.GeoDataFrame(columns, geometry=[grid.geometry for grid in grids], crs="EPSG:4326")


def _write_with_gdal(file: Path, table: geopandas.GeoDataFrame, wanted: Format, layer: str) -> None:
    if wanted is Format.shapefile:
        if not file.name.lower().endswith((".shp", ".shp.zip", ".shz")):
            raise UnwritableFile(file, "the name of a Shapefile ends in .shp, or .shp.zip for a zipped one")
        table = table.rename(columns=SHORT_NAMES)
        # Without a layer's name GDAL takes the file's, which is what a Shapefile's parts are called.
        table.to_file(file, driver=DRIVERS[wanted], engine="pyogrio", encoding="utf-8")
    else:
        table.to_file(file, driver=DRIVERS[wanted], engine="pyogrio", layer=layer)


def _write_geoparquet(file: Path, table: geopandas.GeoDataFrame) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        why = "GeoParquet needs pyarrow, which is not installed: pip install 'gridgov[geoparquet]'"
        raise UnwritableFile(file, why)
    table.to_parquet(file)
