"""Polygon files as they come: read, their coordinates tried against what they claim, brought to EPSG:4326."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from geodata.drawing import Source
from geodata.errors import BadText, MislabelledCrs, MissingColumn, UnreadableFile
from geodata.raw import Column, Raw
from geodata.sources import GEOPARQUET, Postgis, read_geoparquet, read_postgis

LONLAT = pyproj.CRS.from_epsg(4326)
NEIGHBOURHOOD = 10.0
"""Degrees: cities do use the next zone's system; a wrong label throws a city further."""
SLACK = 1e-6
"""Degrees: a reprojected border at longitude 180 may come out beyond it by rounding."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one file: geometries in EPSG:4326 (or None), and the columns as they stand there."""

    path: Path | Postgis
    geometries: NDArray[np.object_]
    columns: Mapping[str, Column]
    source: Source

    def column(self, name: str) -> list[str | None]:
        """A column as text: whole numbers without a decimal point, empty cells as None.

        Raises MissingColumn.
        """
        if name not in self.columns:
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
    path: Path | Postgis, layer: str | None = None, crs: str | None = None, encoding: str | None = None
) -> Features:
    """Read a GeoJSON, GeoPackage, Shapefile or other vector file, also gzipped (.gz) or zipped (.zip).

    `crs` is the coordinate system the file is really in, where what it says itself is wrong or missing;
    `encoding` that of a Shapefile's text. Z values are dropped. Raises UnreadableFile, MislabelledCrs.
    """
    raw = _raw(path, layer, encoding)
    if not len(raw.geometries):
        raise UnreadableFile(path, "it has no features with a geometry")
    geometries = shapely.force_2d(raw.geometries)
    true = _crs(path, crs, raw.crs)
    _try_coordinates(path, true, stated=crs is None, bounds=shapely.total_bounds(geometries))
    geometries, way = _to_lonlat(path, true, geometries)
    source = Source(path.name, true.to_string(), way, len(geometries))
    return Features(path, geometries, raw.columns, source)


def _raw(path: Path | Postgis, layer: str | None, encoding: str | None) -> Raw:
    """The features as they stand in their source."""
    if isinstance(path, Postgis):
        return read_postgis(path)
    if not path.is_file():
        raise UnreadableFile(path, "there is no such file")
    if path.suffix.lower() in GEOPARQUET:
        if layer is not None or encoding is not None:
            raise UnreadableFile(path, "GeoParquet has neither layers nor encodings: leave those out")
        return read_geoparquet(path)
    try:
        meta, _, blobs, values = pyogrio.raw.read(_address(path), layer=layer, encoding=encoding)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        UnicodeDecodeError,
        ValueError,
    ) as error:
        raise UnreadableFile(path, str(error)) from error
    if blobs is None:
        raise UnreadableFile(path, "it has no features with a geometry")
    columns = dict(zip(meta["fields"].tolist(), values, strict=True))
    return Raw(shapely.from_wkb(blobs, on_invalid="ignore"), columns, meta["crs"])


def _address(path: Path) -> str:
    """What GDAL calls the file; it looks into .gz and .zip by itself when told so."""
    if path.suffix == ".gz":
        return f"/vsigzip/{path.resolve()}"
    return f"/vsizip/{path.resolve()}" if path.suffix == ".zip" else str(path.resolve())


def _crs(path: Path | Postgis, told: str | None, stated: str | None) -> pyproj.CRS:
    if not (told or stated):
        raise MislabelledCrs(
            f"{path} does not say which coordinate system its coordinates are in (a Shapefile says so in its "
            f".prj). {_remedy()}",
            path=str(path),
        )
    try:
        return pyproj.CRS.from_user_input(told or stated)
    except pyproj.exceptions.CRSError as error:
        raise MislabelledCrs(
            f"{path}: {told or stated!r} is no known coordinate system. {_remedy()}", path=str(path)
        ) from error


def _remedy() -> str:
    return (
        'State the true one in the city\'s file, e.g. crs = "EPSG:4547" (Shenzhen, metres) or '
        'crs = "EPSG:2249" (Boston, US survey feet), or export the file again in EPSG:4326'
    )


def _try_coordinates(
    path: Path | Postgis, crs: pyproj.CRS, stated: bool, bounds: NDArray[np.float64]
) -> None:
    """Raise MislabelledCrs where the coordinates cannot be what the coordinate system says they are."""
    west, south, east, north = (float(bound) for bound in bounds)
    if not np.isfinite(bounds).all():
        raise UnreadableFile(path, "none of its geometries has coordinates, or some are not finite")
    degrees = abs(west) <= 180 and abs(east) <= 180 and abs(south) <= 90 and abs(north) <= 90
    if crs.is_geographic == degrees:
        return
    said = (
        f"{path} {'says that it is' if stated else 'is, by the city file,'} in {crs.to_string()} ({crs.name})"
    )
    found = f"but its coordinates run from {west:,.6g} to {east:,.6g} and from {south:,.6g} to {north:,.6g}"
    if degrees:
        looks = f"that looks like degrees, not {crs.axis_info[0].unit_name}s"
    elif max(abs(west), abs(east)) <= 90 and max(abs(south), abs(north)) <= 180:
        looks = "that looks like longitude and latitude swapped: no latitude is beyond 90"
    else:
        looks = (
            "that looks projected, in metres or feet and not in degrees: "
            f"{(east - west) / 1000:,.3g} by {(north - south) / 1000:,.3g} km if metres, "
            f"{(east - west) * 0.3048 / 1000:,.3g} by {(north - south) * 0.3048 / 1000:,.3g} km if feet"
        )
    raise MislabelledCrs(
        f"{said}, {found}; {looks}. {_remedy()}", path=str(path), crs=crs.to_string(), bounds=bounds.tolist()
    )


def _to_lonlat(
    path: Path | Postgis, crs: pyproj.CRS, geometries: NDArray[np.object_]
) -> tuple[NDArray[np.object_], str]:
    """The geometries in longitude and latitude, and the name of the transformation."""
    if crs.equals(LONLAT, ignore_axis_order=True):
        return geometries, "none"
    transformer = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    moved = shapely.transform(geometries, move)
    bounds = shapely.total_bounds(moved)
    if not (np.isfinite(bounds).all() and np.all(np.abs(bounds) <= np.array([180, 90, 180, 90]) + SLACK)):
        raise MislabelledCrs(
            f"{path}: read as {crs.to_string()} ({crs.name}), it does not lie on the earth. {_remedy()}",
            path=str(path),
            crs=crs.to_string(),
        )
    _try_area_of_use(path, crs, bounds)
    return moved, transformer.description


def _try_area_of_use(path: Path | Postgis, crs: pyproj.CRS, bounds: NDArray[np.float64]) -> None:
    """Raise MislabelledCrs where all polygons lie far from the part of the earth that their system is for."""
    area = crs.area_of_use
    if area is None or area.west > area.east:
        return
    west, south, east, north = (float(bound) for bound in bounds)
    beside = west > area.east + NEIGHBOURHOOD or east < area.west - NEIGHBOURHOOD
    if beside or south > area.north + NEIGHBOURHOOD or north < area.south - NEIGHBOURHOOD:
        raise MislabelledCrs(
            f"{path}: read as {crs.to_string()} ({crs.name}), it lies at longitude {west:.3f} to {east:.3f}, "
            f"latitude {south:.3f} to {north:.3f}, far from the area that system is for ({area.name}). "
            f"{_remedy()}",
            path=str(path),
            crs=crs.to_string(),
        )
