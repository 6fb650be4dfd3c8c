"""Positions that cannot be meant: longitude and latitude the wrong way round."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import shapely

from geodata.datum import Datum, to_wgs84
from geodata.errors import BadPoint
from gridgov.errors import BadInput
from gridgov.in_force import Atlas


class Pointed(Protocol):
    """A longitude and a latitude in degrees of a datum."""

    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...
    @property
    def datum(self) -> Datum | None: ...


Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Drawn:
    """An atlas compared by identity: editions are replaced as a whole, and hashing one would take seconds."""

    atlas: Atlas

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Drawn) and self.atlas is other.atlas

    def __hash__(self) -> int:
        return id(self.atlas)


@lru_cache(maxsize=2)
def _bounds(drawn: _Drawn) -> Bounds:
    west, south, east, north = shapely.total_bounds([grid.geometry for grid in drawn.atlas.hierarchy.at(0)])
    return float(west), float(south), float(east), float(north)


def require_not_swapped(atlas: Atlas, position: Pointed | None, default: Datum | None = None) -> None:
    """Raise BadInput where a point lies nowhere near, and would lie here with longitude and latitude
    exchanged.

    ``default`` is the datum of a point that names none; without either it cannot be told, and whoever
    locates the point refuses it. A point that is only far away is kept: it goes to the unlocated tray.
    """
    datum = None if position is None else position.datum or default
    if position is None or datum is None:
        return
    bounds = _bounds(_Drawn(atlas))
    if _within(bounds, position.lon, position.lat) or not _within(bounds, position.lat, position.lon):
        return
    try:
        lon, lat = to_wgs84(position.lat, position.lon, datum)
    except BadPoint:
        return
    if _within(bounds, lon, lat):
        raise BadInput(
            f"longitude {position.lon} and latitude {position.lat} look swapped:"
            " exchanged, they lie in this city",
            lon=position.lon,
            lat=position.lat,
        )


def _within(bounds: Bounds, lon: float, lat: float) -> bool:
    west, south, east, north = bounds
    # Datums differ by up to 0.015 degrees: the margin keeps a shifted point of the city from looking foreign.
    return west - 0.02 <= lon <= east + 0.02 and south - 0.02 <= lat <= north + 0.02
