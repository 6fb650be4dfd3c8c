"""How the polygons of one level lie beside each other: overlaps, holes between them, and slits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.drawing import Drawn
from geodata.findings import Finding, Severity, place_in, size
from geodata.grids import merged
from geodata.ground import grounds_m2

Polygons = NDArray[np.object_]

SLIT_M = 1.0
"""A slit is found up to this width: narrower than any lane or ditch that somebody could mean, wider than what
rounding, or the same border drawn twice along the same points, leaves behind. Wider ones that are open to the
outside of the level may be meant; where they are not, their parent is not covered (UNCOVERED)."""
HELD = 2 / 3
"""A slit has polygons along both of its sides. What runs along the outer border of two polygons that overlap
there is as near to both, and has them along one side only."""
TOUCH = 1e-9
"""Degrees, 0.1 mm: cutting a slit out moves its corners by less."""
FLOOR_M2 = 0.01
"""Smaller slits are not told: cutting them out leaves as much by its own rounding."""
DEGREE_M = 111_195.0
"""A degree of latitude, 6,371,007 m times pi over 180: for widths, where a percent does not matter."""


def polygons_of(drawn: Sequence[Drawn]) -> Polygons:
    """The geometries, as an array for shapely."""
    return np.array([one.geometry for one in drawn], dtype=object)


def overlaps(level: str, drawn: Sequence[Drawn], tolerance_m2: float) -> Iterator[Finding]:
    """Every pair that shares area; below the tolerance as information only."""
    polygons = polygons_of(drawn)
    # In every overlapping pair one polygon has an edge that fits no neighbour; only those are paired.
    suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(polygons)))
    first, second = shapely.STRtree(polygons).query(polygons[suspect], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([suspect[first], second]), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    shared = shapely.intersection(polygons[pairs[:, 0]], polygons[pairs[:, 1]])
    measures = grounds_m2(shared)
    for at in np.flatnonzero(shapely.area(shared)).tolist():
        codes = tuple(sorted(drawn[one].code for one in pairs[at].tolist()))
        large = measures[at] > tolerance_m2
        yield Finding(
            "OVERLAP",
            Severity.error if large else Severity.info,
            level,
            codes,
            float(measures[at]),
            "m2",
            place_in(shared[at]),
            f"{codes[0]} and {codes[1]} of level {level} both cover {size(measures[at])}"
            + (
                ": give that ground to one of them"
                if large
                else f", less than the tolerance of {size(tolerance_m2)}"
            ),
            geometry=areas_in(shared[at]),
        )


def gaps(level: str, drawn: Sequence[Drawn], tolerance_m2: float) -> Iterator[Finding]:
    """Every hole in the union of the level, and every slit; a lake may be meant: a warning at most."""
    polygons = polygons_of(drawn)
    parts = shapely.get_parts(merged(polygons)).tolist()
    holes = [Polygon(ring) for part in parts for ring in part.interiors]
    tree = shapely.STRtree(polygons)
    found = [*holes, *_slits(polygons, holes)]
    measures = grounds_m2(np.array(found, dtype=object)).tolist()
    for hole, measure in zip(found, measures, strict=True):
        near = tree.query(hole, predicate="dwithin", distance=TOUCH)
        around = tuple(sorted({drawn[at].code for at in near.tolist()}))
        large = measure > tolerance_m2
        yield Finding(
            "GAP",
            Severity.warning if large else Severity.info,
            level,
            around,
            measure,
            "m2",
            place_in(hole),
            f"no grid of level {level} covers {size(measure)} {_between(around)}"
            + (
                ": close the gap, or accept it where it is meant, a lake perhaps"
                if large
                else f", less than the tolerance of {size(tolerance_m2)}"
            ),
            geometry=hole,
        )


def _slits(polygons: Polygons, holes: Sequence[Polygon]) -> list[BaseGeometry]:
    """What no polygon covers within SLIT_M of two of them, and is in no hole: in degrees, as the polygons."""
    _, south, _, north = shapely.total_bounds(polygons).tolist()
    shrink, width = math.cos(math.radians((south + north) / 2)), SLIT_M / DEGREE_M
    plane = _stretched(polygons, shrink)
    edges = shapely.coverage_invalid_edges(plane, gap_width=width)
    edges = edges[~shapely.is_empty(edges)]
    if not len(edges):
        return []
    # Edges come that overlap a neighbour too: what lies between those is covered, and drops out below.
    strips = shapely.buffer(edges, width, quad_segs=2, cap_style="flat")
    first, second = shapely.STRtree(strips).query(strips, predicate="intersects")
    pairs = first < second
    between = shapely.get_parts(shapely.intersection(strips[first[pairs]], strips[second[pairs]]))
    known = np.array([*plane, *_stretched(np.array(holes, dtype=object), shrink)], dtype=object)
    bare = shapely.get_parts(shapely.union_all(_without(between[shapely.area(between) > 0], known)))
    slits = bare[grounds_m2(_stretched(bare, 1 / shrink)) > FLOOR_M2]
    held = slits[_held(slits, known) >= HELD]
    kept: list[BaseGeometry] = _stretched(held, 1 / shrink).tolist()
    return kept


def _held(slits: Polygons, known: Polygons) -> NDArray[np.float64]:
    """The share of each slit's border that polygons run along."""
    border = shapely.boundary(slits)
    near = np.unique(shapely.STRtree(known).query(slits, predicate="dwithin", distance=TOUCH)[1])
    apart = _without(border, shapely.buffer(known[near], TOUCH))
    share: NDArray[np.float64] = 1 - shapely.length(apart) / shapely.length(border)
    return share


def _without(parts: Polygons, known: Polygons) -> Polygons:
    """The parts less all that is known to cover them; one neighbour of each is cut off in every round."""
    of_part, of_known = shapely.STRtree(known).query(parts, predicate="intersects")
    order = np.argsort(of_part, kind="stable")
    of_part, of_known = of_part[order], of_known[order]
    turn = np.arange(len(of_part)) - np.searchsorted(of_part, of_part)
    left = parts.copy()
    for now in range(int(turn.max(initial=-1)) + 1):
        at = turn == now
        left[of_part[at]] = shapely.difference(left[of_part[at]], known[of_known[at]])
    return left


def _stretched(geometries: Polygons, factor: float) -> Polygons:
    """The geometries with longitudes times a factor: a degree is then as long eastward as northward."""
    stretched: Polygons = shapely.transform(geometries, lambda points: points * [factor, 1.0])
    return stretched


def areas_in(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    """The polygons in a geometry, as one; the points and lines in which polygons also meet are left out."""
    parts = shapely.get_parts(shapely.get_parts(geometry)).tolist()
    areas = [part for part in parts if isinstance(part, Polygon) and part.area]
    return areas[0] if len(areas) == 1 else MultiPolygon(areas)


def _between(codes: Sequence[str]) -> str:
    """Whose hole it is: the first five codes, and how many more there are."""
    more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
    return f"{'within' if len(codes) == 1 else 'between'} {', '.join(codes[:5])}{more}"
