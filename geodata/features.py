"""Polygons as they come from a source: read, tried against what they claim to be, brought to EPSG:4326."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.crs import NOT_BROUGHT, Claim, Way, to_lonlat
from geodata.drawing import Source
from geodata.errors import BadText, MislabelledCrs, MissingColumn, SwappedAxes, UnreadableFile
from geodata.raw import Column, Raw
from geodata.sources import GEOPARQUET, Postgis, read_geoparquet, read_postgis
from geodata.straight import LONGEST_M
from geodata.vector_files import read_file


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one source: geometries in EPSG:4326 (or None), and the columns as they stand there.

    `fault` says why the geometries are not where the source puts them: all None, or with their axes swapped.
    """

    path: Path | Postgis
    geometries: NDArray[np.object_]
    columns: Mapping[str, Column]
    source: Source
    fault: MislabelledCrs | None = None

    def column(self, name: str) -> list[str | None]:
        """A column as text: whole numbers without a decimal point, empty cells as None.

        Raises MissingColumn, and BadText where the column's text does not decode.
        """
        if name not in self.columns:
            unreadable = [one for one in self.columns.values() if isinstance(one, BadText)]
            if unreadable and not name.isascii():
                raise unreadable[0]
            raise MissingColumn(self.path, name, list(self.columns))
        cells = self.columns[name]
        if isinstance(cells, BadText):
            raise cells
        return [_text(value) for value in cells.tolist()]


def _text(value: object) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) or None


def read_features(
    path: Path | Postgis,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    *,
    near: tuple[float, float] | None = None,
    swap_axes: bool = False,
) -> Features:
    """Read a GeoPackage, GeoJSON, Shapefile, FlatGeobuf or GeoParquet (.gz and .zip too), or from PostGIS.

    `layer` is needed where a file has several; `crs` is the coordinate system it is really in, where what it
    says itself is wrong or missing; `encoding` that of a Shapefile's text; `near` a (longitude, latitude) in
    the city; `swap_axes` says that each pair stands the other way round. Z values are dropped.
    Raises UnreadableFile (and its kinds), UnreadableTable, MissingExtra, MislabelledCrs (and SwappedAxes).
    """
    found = examine(path, layer, crs, encoding, near=near, swap_axes=swap_axes)
    if found.fault is not None:
        raise found.fault
    return found


def examine(
    path: Path | Postgis,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    *,
    near: tuple[float, float] | None = None,
    swap_axes: bool = False,
) -> Features:
    """As read_features, but for a check: a wrong coordinate system is told as `fault`, the columns are there.

    Where the axes are swapped, they are put right for whatever else is to be found. Raises UnreadableFile
    (and its kinds), UnreadableTable, MissingExtra.
    """
    raw = _raw(path, layer, encoding)
    geometries = shapely.force_2d(raw.geometries)
    if not len(geometries) or np.isnan(shapely.total_bounds(geometries)).all():
        raise UnreadableFile(path, "it has no features with a geometry")
    claim = Claim(str(path), raw.crs, crs, near, swap_axes)
    fault: MislabelledCrs | None = None
    try:
        placed, way = to_lonlat(claim, geometries)
    except SwappedAxes as error:
        fault = error
        placed, way = to_lonlat(replace(claim, swap_axes=not swap_axes), geometries)
        way = replace(way, transformation=NOT_BROUGHT)
    except MislabelledCrs as error:
        fault = error
        placed, way = (
            np.full(len(geometries), None),
            Way(crs or raw.crs or "no stated system", NOT_BROUGHT, None),
        )
    remarks = raw.remarks if not way.inserted else (*raw.remarks, _told(way))
    source = Source(path.name, way.crs, way.transformation, len(placed), way.accuracy_m, remarks)
    return Features(path, placed, raw.columns, source, fault)


def _told(way: Way) -> str:
    return (
        f"edges longer than {LONGEST_M:g} m have {way.inserted:,} points more, to stay as straight as they "
        f"are drawn in {way.crs}"
    )


def _raw(path: Path | Postgis, layer: str | None, encoding: str | None) -> Raw:
    """The features as they stand in their source."""
    if isinstance(path, Postgis):
        return read_postgis(path)
    if path.suffix.lower() in GEOPARQUET and path.is_file():
        if layer is not None or encoding is not None:
            raise UnreadableFile(path, "GeoParquet has neither layers nor encodings: leave those out")
        return read_geoparquet(path)
    return read_file(path, layer, encoding)
