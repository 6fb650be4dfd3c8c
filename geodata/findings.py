"""What a check finds in a drawing: each finding has a code, a severity, a measure and a place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import orjson
import shapely
from shapely.geometry.base import BaseGeometry


class Severity(StrEnum):
    """How much a finding matters: an error refuses the import unless the city's file accepts it."""

    error = "error"
    warning = "warning"
    info = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `measure` in `unit` (m2, m or count), `place` a (longitude, latitude) to look at.

    `level` is a level's key, `grids` the codes concerned, `accepted` the reason given in the city's file.
    `geometry` is what it is about (the ground that two grids both cover, say), for a map.
    """

    code: str
    severity: Severity
    level: str
    grids: tuple[str, ...]
    measure: float
    unit: str
    place: tuple[float, float] | None
    message: str
    accepted: str | None = None
    geometry: BaseGeometry | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, object]:
        """The finding as plain values, for JSON; without its geometry."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "level": self.level,
            "grids": list(self.grids),
            "measure": self.measure,
            "unit": self.unit,
            "place": self.place,
            "message": self.message,
            "accepted": self.accepted,
        }


def feature_collection(findings: Iterable[Finding]) -> bytes:
    """The findings as GeoJSON (RFC 7946), to be laid over a map: each with the geometry it is about.

    Where a finding has none its place stands for it; what has no place either is listed without a geometry.
    Coordinates are not rounded: a sliver of a hundredth of a millimetre would be gone.
    """
    features = []
    for found in findings:
        properties = {key: value for key, value in found.to_dict().items() if key != "place"}
        shape = found.geometry
        if shape is None and found.place is not None:
            shape = shapely.Point(found.place)
        geometry = None
        if shape is not None and not shape.is_empty:
            geometry = orjson.Fragment(shapely.to_geojson(shapely.orient_polygons(shape)))
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return orjson.dumps({"type": "FeatureCollection", "name": "findings", "features": features})


def place_in(geometry: BaseGeometry | None) -> tuple[float, float] | None:
    """A (longitude, latitude) that lies in the geometry, to look at; None where it has no point."""
    if geometry is None or geometry.is_empty:
        return None
    point = shapely.point_on_surface(geometry)
    return (float(point.x), float(point.y))


def size(m2: float) -> str:
    """An area for people, to three figures or the whole square metre.

    >>> size(797_383.1), size(12.345), size(0.000234), size(12_345_678)
    ('797,383 m²', '12.3 m²', '0.000234 m²', '12.35 km²')
    """
    if m2 >= 10_000_000:
        return f"{m2 / 1e6:,.2f} km²"
    return f"{m2:,.0f} m²" if m2 >= 1000 else f"{m2:.3g} m²"
