"""Coordinate systems: what a file claims, tried against its coordinates, and the way to EPSG:4326.

A wrong claim is common: metres called degrees, the zone next door, northing before easting. Most can be told
from where the coordinates would put the city; what cannot is told once the city's file says where it is
(`near`).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.aoi import AreaOfInterest
from pyproj.transformer import TransformerGroup

from geodata.errors import MislabelledCrs, SwappedAxes
from geodata.straight import LONGEST_M, with_points_between

LONLAT: Final = pyproj.CRS.from_epsg(4326)
NEIGHBOURHOOD: Final = 10.0
"""Degrees: cities do use the next zone's system; a wrong label throws a city further."""
SLACK: Final = 1e-6
"""Degrees: a reprojected border at longitude 180 may come out beyond it by rounding."""
NEAR_KM: Final = 100.0
"""How far the grids may lie from the point that the city's file says they are near: no city's middle is
further from all its grids, and the next 3-degree zone is 200 km off or more up to latitude 53."""
SOUTHERNMOST, NORTHERNMOST = -56.0, 72.0
"""Between these latitudes lies every city: Ushuaia at 54.8° S, Hammerfest at 70.7° N. A file whose system is
for the whole earth is doubted only beyond them."""
WORLD: Final = 350.0
"""Degrees of longitude: a system used so widely says nothing about where a file lies."""

POLE_M: Final = 10_000_000
"""From the equator to a pole: no northing is larger."""
NOT_BROUGHT: Final = "not brought to longitude and latitude"

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of a source's coordinates: by itself (`stated`) and by the city's file (the rest).

    `name` is what messages call the source, `near` a (longitude, latitude) in the city, `swap_axes` that each
    pair stands the other way round.
    """

    name: str
    stated: str | None = None
    told: str | None = None
    near: tuple[float, float] | None = None
    swap_axes: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """From a coordinate system to EPSG:4326: its name, and how many m it may be off (None: nobody knows).

    `inserted` are the points given to long edges, so that they come out as straight as they are drawn.
    """

    crs: str
    transformation: str
    accuracy_m: float | None
    inserted: int = 0


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the earth that a system is for, in degrees."""

    name: str
    west: float
    south: float
    east: float
    north: float


def to_lonlat(claim: Claim, drawn: NDArray[np.object_]) -> tuple[NDArray[np.object_], Way]:
    """The geometries in longitude and latitude, and the way they came.

    Raises MislabelledCrs, or its kind SwappedAxes, where the coordinates cannot be what is claimed.
    """
    crs = _crs(claim)
    geometries = _turned(drawn) if claim.swap_axes else drawn
    bounds = _bounds(geometries)
    if not np.isfinite(bounds).all():
        raise MislabelledCrs(f"{claim.name}: some of its coordinates are not finite numbers", path=claim.name)
    _try_range(claim, crs, bounds)
    transformer = _transformer(crs, bounds)
    _try_place(claim, crs, bounds)
    if crs.equals(LONLAT, ignore_axis_order=True):
        way = Way(crs.to_string(), "none", 0.0)
    else:
        inserted = 0
        if crs.is_projected:
            longest = LONGEST_M / crs.axis_info[0].unit_conversion_factor
            geometries, inserted = with_points_between(geometries, longest)
        geometries = shapely.transform(geometries, lambda points: _moved(transformer, points))
        way = replace(_way(crs, transformer), inserted=inserted)
    if claim.swap_axes:
        way = replace(way, transformation=f"axes swapped, as the city's file says; {way.transformation}")
    return geometries, way


def _crs(claim: Claim) -> pyproj.CRS:
    said = claim.told or claim.stated
    if not said:
        raise MislabelledCrs(
            f"{claim.name} does not say which coordinate system its coordinates are in (a Shapefile says so "
            f"in its .prj). {_remedy()}",
            path=claim.name,
        )
    try:
        crs = pyproj.CRS.from_user_input(said)
    except pyproj.exceptions.CRSError as error:
        raise MislabelledCrs(
            f"{claim.name}: {said!r} is no known coordinate system. {_remedy()}", path=claim.name
        ) from error
    if not (crs.is_geographic or crs.is_projected):
        raise MislabelledCrs(
            f"{claim.name} is in {crs.name!r}, which is neither geographic nor projected. {_remedy()}",
            path=claim.name,
        )
    return crs


def _remedy() -> str:
    return (
        'State the true one in the city\'s file, e.g. crs = "EPSG:4547" (Shenzhen, metres) or '
        'crs = "EPSG:2249" (Boston, US survey feet), or export the file again in EPSG:4326'
    )


def _turned(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    turned: NDArray[np.object_] = shapely.transform(geometries, lambda points: points[:, ::-1])
    return turned


def _bounds(geometries: NDArray[np.object_]) -> Bounds:
    west, south, east, north = shapely.total_bounds(geometries).tolist()
    return west, south, east, north


def _in_degrees(bounds: Bounds) -> bool:
    west, south, east, north = bounds
    return abs(west) <= 180 and abs(east) <= 180 and abs(south) <= 90 and abs(north) <= 90


def _turned_bounds(bounds: Bounds) -> Bounds:
    west, south, east, north = bounds
    return south, west, north, east


def _try_range(claim: Claim, crs: pyproj.CRS, bounds: Bounds) -> None:
    """Raise where metres are called degrees, or degrees metres, or no latitude can be a latitude."""
    west, south, east, north = bounds
    degrees = _in_degrees(bounds)
    if crs.is_geographic == degrees:
        return
    says = "is, by the city's file," if claim.told else "says that it is"
    found = (
        f"{claim.name} {says} in {crs.to_string()} ({crs.name}), but its coordinates run from {west:,.6g} to "
        f"{east:,.6g} and from {south:,.6g} to {north:,.6g}"
    )
    about = {"path": claim.name, "crs": crs.to_string(), "bounds": list(bounds)}
    if not degrees and _in_degrees(_turned_bounds(bounds)):
        raise SwappedAxes(
            f"{found}; that looks like longitude and latitude swapped: no latitude is beyond 90. "
            f"{_turn(claim)}",
            **about,
        )
    if degrees:
        unit = crs.axis_info[0].unit_name
        looks = (
            f"that looks like degrees, not {unit.replace('foot', 'feet') if 'foot' in unit else unit + 's'}"
        )
    else:
        looks = (
            "that looks projected, in metres or feet and not in degrees: "
            f"{(east - west) / 1000:,.3g} by {(north - south) / 1000:,.3g} km if metres, "
            f"{(east - west) * 0.3048 / 1000:,.3g} by {(north - south) * 0.3048 / 1000:,.3g} km if feet"
        )
    raise MislabelledCrs(f"{found}; {looks}.{_zone(crs, bounds)} {_remedy()}", **about)


def _turn(claim: Claim) -> str:
    """What to do about swapped axes."""
    if claim.swap_axes:
        return "Leave `swap_axes = true` out of the city's file: the polygon file is right as it stands"
    return (
        "Say `swap_axes = true` in the city's file, or have longitude (easting) put first in the polygon file"
    )


def _transformer(crs: pyproj.CRS, bounds: Bounds) -> pyproj.Transformer:
    """The best way there is where the file lies; one for all points, so that shared borders stay shared."""
    rough = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    west, south, east, north = _lonlat(rough, bounds)
    here = None
    if np.isfinite([west, south, east, north]).all() and _in_degrees((west, south, east, north)):
        here = AreaOfInterest(west, south, east, north)
    with warnings.catch_warnings():
        # PROJ warns where a better way needs a grid that is not installed; the accuracy of this one is told.
        warnings.filterwarnings("ignore", message="Best transformation is not available")
        ways = TransformerGroup(crs, LONLAT, always_xy=True, area_of_interest=here).transformers  # type: ignore[arg-type]
    return ways[0] if ways else rough


def _moved(transformer: pyproj.Transformer, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))


def _lonlat(transformer: pyproj.Transformer, bounds: Bounds) -> Bounds:
    """The box around a box's corners and the middles of its sides, in longitude and latitude."""
    west, south, east, north = bounds
    x, y = (west + east) / 2, (south + north) / 2
    xs = np.array([west, east, west, east, x, x, west, east])
    ys = np.array([south, south, north, north, south, north, y, y])
    lons, lats = transformer.transform(xs, ys)
    return float(lons.min()), float(lats.min()), float(lons.max()), float(lats.max())


def _way(crs: pyproj.CRS, transformer: pyproj.Transformer) -> Way:
    """The way's name and accuracy. CGCS2000 is taken as WGS 84, from which it differs by centimetres.

    PROJ calls that step "ballpark", for the register has no transformation between the two. It also names
    changes of axis order, of which nobody outside ever hears.
    """
    steps = [
        step for step in transformer.description.split(" + ") if not step.startswith("axis order change")
    ]
    name = " + ".join(steps) or "none"
    ballpark = "Ballpark geographic offset from China Geodetic Coordinate System 2000 to WGS 84"
    if ballpark in name:
        return Way(crs.to_string(), name.replace(ballpark, "CGCS2000 taken as WGS 84"), 0.1)
    known = transformer.accuracy >= 0 and "Ballpark" not in name
    return Way(crs.to_string(), name, transformer.accuracy if known else None)


def _try_place(claim: Claim, crs: pyproj.CRS, bounds: Bounds) -> None:
    """Raise where the file, read as claimed, lies where it cannot: off the earth, or far from its city."""
    transformer = pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True)
    area = _area(crs)
    here, turned = _lonlat(transformer, bounds), _turned_bounds(bounds)
    wrong = _misplaced(claim, area, here)
    if wrong is None and (claim.near is not None or _inside(area, here)):
        return
    about = {"path": claim.name, "crs": crs.to_string(), "bounds": list(bounds), "lies": list(here)}
    said = f"{claim.name}: read as {crs.to_string()} ({crs.name}), it {wrong or _lies(here)}"
    if crs.is_projected or _in_degrees(turned):
        there = _lonlat(transformer, turned)
        if _misplaced(claim, area, there) is None and _inside(area, there):
            axes = "longitude and latitude" if crs.is_geographic else "easting and northing"
            raise SwappedAxes(f"{said}. With {axes} swapped it {_lies(there)}. {_turn(claim)}", **about)
    if wrong is not None:
        raise MislabelledCrs(f"{said}.{_zone(crs, bounds)} {_remedy()}", **about)


def _area(crs: pyproj.CRS) -> Area | None:
    """The area that a system is for; None where that is the whole earth, or not known.

    A .prj says less than the register does, in which the area stands.
    """
    known = crs.to_epsg(min_confidence=70) if crs.area_of_use is None else None
    area = crs.area_of_use if known is None else pyproj.CRS.from_epsg(known).area_of_use
    if area is None or area.west > area.east or area.east - area.west > WORLD:
        return None
    return Area(area.name, area.west, area.south, area.east, area.north)


def _lies(here: Bounds) -> str:
    west, south, east, north = here
    return f"lies at longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}"


def _misplaced(claim: Claim, area: Area | None, here: Bounds) -> str | None:
    """What is wrong with where a file lies, or None; the city's word counts before the system's."""
    west, south, east, north = here
    if not (np.isfinite(here).all() and np.all(np.abs(here) <= np.array([180, 90, 180, 90]) + SLACK)):
        return "does not lie on the earth"
    if claim.near is not None:
        away = _away_km(here, claim.near)
        if away <= NEAR_KM:
            return None
        return (
            f"{_lies(here)}, {away:,.0f} km from `near` ({claim.near[0]:g}, {claim.near[1]:g}) in the city's "
            f"file; expected at most {NEAR_KM:g} km"
        )
    if area is None:
        if SOUTHERNMOST <= (south + north) / 2 <= NORTHERNMOST:
            return None
        return f"{_lies(here)}, where no city is; if yours is, say so by near = [longitude, latitude]"
    beside = west > area.east + NEIGHBOURHOOD or east < area.west - NEIGHBOURHOOD
    if beside or south > area.north + NEIGHBOURHOOD or north < area.south - NEIGHBOURHOOD:
        return f"{_lies(here)}, far from the area that system is for ({area.name})"
    return None


def _inside(area: Area | None, here: Bounds) -> bool:
    """Whether the middle of a box lies in an area."""
    lon, lat = (here[0] + here[2]) / 2, (here[1] + here[3]) / 2
    return area is None or (area.west <= lon <= area.east and area.south <= lat <= area.north)


def _away_km(here: Bounds, near: tuple[float, float]) -> float:
    """From a point to the nearest point of a box, in km."""
    lon = min(max(near[0], here[0]), here[2])
    lat = min(max(near[1], here[1]), here[3])
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(near[0], near[1], lon, lat)
    return float(metres) / 1000


def _zone(crs: pyproj.CRS, bounds: Bounds) -> str:
    """A hint where eastings begin with the number of a Gauss-Kruger zone, as Chinese surveys write them.

    EPSG:4513 to 4533 are CGCS2000's zones 25 to 45 of 3 degrees with that number, 4534 to 4554 without;
    zones 13 to 23 of 6 degrees are EPSG:4491 to 4501.
    """
    x, y = (bounds[0], bounds[2]), (bounds[1], bounds[3])
    for name, (low, high), northings in (("x", x, y), ("y", y, x)):
        zone = int(low // 1_000_000)
        if zone != int(high // 1_000_000) or not (13 <= zone <= 23 or 25 <= zone <= 45):
            continue
        if not 0 <= northings[0] <= northings[1] <= POLE_M:
            continue
        epsg = 4513 + zone - 25 if zone >= 25 else 4491 + zone - 13
        swapped = " with `swap_axes = true`" if name == "y" else ""
        if crs.to_epsg() != epsg:
            return (
                f" Its {name} coordinates begin with {zone}, as the eastings of zone {zone} do: perhaps it "
                f"is EPSG:{epsg} ({pyproj.CRS.from_epsg(epsg).name}){swapped}."
            )
    return ""
