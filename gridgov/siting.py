"""Where something lies: the grid of a point, its neighbours, the units that answer for it, and the
specialised grids that matter there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dispatch.entries import Place
from dispatch.routing import Units
from geodata.datum import Datum, to_wgs84
from geodata.errors import UnknownGrid
from geodata.locate import Located, Outside
from gridgov.in_force import Atlas, InForce

#: A phone that does not know its place better than this says nothing about which grid it is in.
FARTHEST_M: Final = 500.0
#: More neighbours than somebody can choose among.
MOST_NEIGHBOURS: Final = 8


@dataclass(frozen=True, slots=True)
class SentPosition:
    """A point as a program sent it: degrees in ``datum``, accuracy in metres where it is known.

    ``datum`` None is the city's, as it is when the point is located.
    """

    lon: float
    lat: float
    datum: Datum | None
    accuracy_m: float | None = None


def locate(in_force: InForce, sent: SentPosition | None) -> Place:
    """Where a point lies in the edition in force; the tray, with the distance to the nearest grid, where it
    lies in none. Raises UnnamedDatum where neither the point nor the city names a datum.
    """
    if sent is None:
        return Place()
    atlas, datum = in_force.atlas, in_force.city.datum_of(sent.datum)
    lon, lat = to_wgs84(sent.lon, sent.lat, datum)
    found = atlas.locator.locate(lon, lat)
    inside = isinstance(found, Located)
    return Place(
        raw_lon=sent.lon,
        raw_lat=sent.lat,
        datum=str(datum),
        accuracy_m=sent.accuracy_m,
        lon=lon,
        lat=lat,
        path=found.path if isinstance(found, Located) else (),
        edition=atlas.edition,
        border_m=found.border_m if isinstance(found, Located) else None,
        nearest=() if isinstance(found, Located) else found.nearest,
        outside_m=None if inside or isinstance(found, Located) else found.distance_m,
        near_border=_near_border(atlas, found, lon, lat, sent.accuracy_m),
    )


def _near_border(
    atlas: Atlas, found: Located | Outside, lon: float, lat: float, accuracy_m: float | None
) -> tuple[str, ...]:
    """The other micro-grids that a point may lie in, if its stated accuracy reaches over the border."""
    if accuracy_m is None:
        return ()
    reach = min(accuracy_m, FARTHEST_M)
    border_m = found.border_m if isinstance(found, Located) else found.distance_m
    if border_m is None or border_m > reach:
        return ()
    near = atlas.locator.near(lon, lat, reach)
    return tuple("/".join(other.path) for other in near[:MOST_NEIGHBOURS])


def units(atlas: Atlas, path: tuple[str, ...]) -> Units:
    """The units that answer for a place (属地): (level's key, unit) of its grid and of those around it,
    widest first, where they name one. An incident located in an older edition may lie in a grid that is
    there no more: those around it answer then.
    """
    found = []
    for depth, level in enumerate(atlas.hierarchy.levels[: len(path)], 1):
        try:
            unit = atlas.hierarchy.grid(path[:depth]).responsible_unit
        except UnknownGrid:
            continue
        if unit:
            found.append((level.key, unit))
    return tuple(found)


def specialised(in_force: InForce, place: Place, category: str) -> tuple[str, ...]:
    """The specialised grids (专业网格) of a place that matter for a category, as ``field/code``."""
    if in_force.fields is None:
        return ()
    return in_force.fields.of(place, category, in_force.rules.categories)
