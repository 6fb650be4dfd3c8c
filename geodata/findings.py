"""What a check finds in a drawing: each finding has a code, a severity, a measure and a place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

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

    def to_dict(self) -> dict[str, object]:
        """The finding as plain values, for JSON."""
        plain = asdict(self)
        return {**plain, "severity": str(self.severity), "grids": list(self.grids)}


def place_in(geometry: BaseGeometry | None) -> tuple[float, float] | None:
    """A (longitude, latitude) that lies in the geometry, to look at; None where it has no point."""
    if geometry is None or geometry.is_empty:
        return None
    point = shapely.point_on_surface(geometry)
    return (float(point.x), float(point.y))
