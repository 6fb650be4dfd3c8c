"""GeoParquet files, versions 0.4 to 1.1, read with pyarrow (the extra `geoparquet`).

The specification is format-specs/geoparquet.md of opengeospatial/geoparquet. Its `crs` is PROJJSON; a file
without one is in OGC:CRS84, one that says null does not know; x comes first whatever the axes of the CRS say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow
import pyarrow.parquet
import shapely
from numpy.typing import NDArray

from geodata.errors import UnreadableFile
from geodata.raw import Raw

_CANNOT = (ValueError, TypeError, KeyError, NotImplementedError)
"""What pyarrow's and GeoPandas' own errors are kinds of."""


def read(path: Path) -> Raw:
    """Read the primary geometry column and every plain column. Raises UnreadableFile."""
    table = _open(path)
    geo = _geo(path, table.schema.metadata or {})
    primary, column = _primary(path, geo, table.column_names)
    if column.get("edges", "planar") != "planar":
        raise UnreadableFile(
            path,
            f"its borders are {column['edges']} between their vertices, and only planar ones (straight in "
            "the coordinates) can be read; write it again with planar edges",
        )
    try:
        if column.get("encoding") == "WKB":
            blobs = np.array(table.column(primary).to_pylist(), dtype=object)
            geometries = shapely.from_wkb(blobs, on_invalid="ignore")
        else:  # one of GeoArrow's encodings, which GeoPandas knows
            geometries = geopandas.read_parquet(path, columns=[primary])[primary].to_numpy()
    except (shapely.errors.ShapelyError, *_CANNOT) as error:
        raise UnreadableFile(
            path, f"its geometries in encoding {column.get('encoding')!r}: {error}"
        ) from error
    return Raw(geometries, _plain_columns(table, set(geo["columns"])), _crs(column))


def _open(path: Path) -> pyarrow.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (*_CANNOT, OSError) as error:
        raise UnreadableFile(path, f"it is no sound Parquet file: {error}") from error


def _geo(path: Path, metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    """What the file says of its geometry columns."""
    told = metadata.get(b"geo")
    if told is None:
        raise UnreadableFile(
            path,
            "it is Parquet, but has no `geo` metadata; write it as GeoParquet (QGIS, GDAL, GeoPandas do)",
        )
    try:
        geo = json.loads(told)
    except ValueError as error:
        raise UnreadableFile(path, f"its `geo` metadata is no JSON: {error}") from error
    if not isinstance(geo, dict) or not isinstance(geo.get("columns"), dict):
        raise UnreadableFile(path, "its `geo` metadata names no geometry columns")
    return geo


def _primary(path: Path, geo: Mapping[str, Any], names: list[str]) -> tuple[str, Mapping[str, Any]]:
    """The primary geometry column, and what is said of it."""
    primary = geo.get("primary_column")
    column = geo["columns"].get(primary)
    if not isinstance(primary, str) or not isinstance(column, dict) or primary not in names:
        raise UnreadableFile(
            path, f"its `geo` metadata names {primary!r} as primary column, which it does not have"
        )
    return primary, column


def _crs(column: Mapping[str, Any]) -> str | None:
    """The CRS as text; a `crs` that is null says that nobody knows it, none at all says OGC:CRS84."""
    told = column.get("crs", "OGC:CRS84")
    return told if told is None or isinstance(told, str) else json.dumps(told)


def _plain_columns(table: pyarrow.Table, geometry: set[str]) -> dict[str, NDArray[np.generic]]:
    """The columns of single values; lists and structs, such as the boxes of `covering`, name no grid."""
    columns: dict[str, NDArray[np.generic]] = {}
    for field in table.schema:
        if field.name not in geometry and not field.type.num_fields:
            cells = np.empty(table.num_rows, dtype=object)
            cells[:] = table.column(field.name).to_pylist()
            columns[field.name] = cells
    return columns
