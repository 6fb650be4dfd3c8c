"""Lines that cut faces: the mouths of slits, and rungs across slivers of which no one grid can have all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from geodata.arrangement import Arrangement, Claims, Ground, Polygons
from geodata.findings import Finding

ROUNDING: Final = 1e-11
"""Degrees, a thousandth of a millimetre: what a check cuts out of the ground lies on borders to less than
this, and a slit whose mouth is no wider is closed."""
HAIR: Final = 3e-9
"""Degrees, 0.3 mm: so far a line runs beyond the border it has to meet; what sticks out bounds nothing."""

Corner = tuple[float, float]


def mouths(findings: Iterable[Finding], polygons: Polygons) -> Iterator[LineString]:
    """Lines in degrees that close the slits a check found; a hole is closed already and has no mouth."""
    tree = shapely.STRtree(polygons)
    for found in findings:
        if found.geometry is None:
            continue
        near = tree.query(found.geometry, predicate="dwithin", distance=ROUNDING)
        for line in _bare(found.geometry, shapely.boundary(polygons[near])):
            yield _from_border_to_border(line, shapely.boundary(polygons[near]))


def _bare(slit: BaseGeometry, borders: Polygons) -> Iterator[LineString]:
    """The pieces of a slit's edge that are on no border, joined where they meet."""
    points, ring = shapely.get_coordinates(shapely.get_rings(slit), return_index=True)
    starts = np.flatnonzero(ring[1:] == ring[:-1])
    corners = [Point(corner) for corner in np.unique(shapely.get_coordinates(borders), axis=0)]
    tree = shapely.STRtree(corners)
    bare = []
    for start, end in zip(points[starts], points[starts + 1], strict=True):
        side = LineString([start, end])  # it may run along a border for a part of its way
        on_it = tree.query(side, predicate="dwithin", distance=ROUNDING).tolist()
        stops = sorted({0.0, side.length, *(side.project(corners[at]) for at in on_it)})
        for first, last in pairwise(stops):
            piece = substring(side, first, last)
            if isinstance(piece, LineString) and shapely.distance(piece.centroid, borders).min() > ROUNDING:
                bare.append(piece)
    yield from shapely.get_parts(shapely.line_merge(MultiLineString(bare))).tolist()


def _from_border_to_border(line: LineString, borders: Polygons) -> LineString:
    points = shapely.get_coordinates(line)
    ends = np.vstack([_nearest(Point(points[at]), borders) for at in (0, -1)])
    inner = points[1:-1] if len(points) > 2 else points[:0]
    path = np.vstack([ends[:1], inner, ends[1:]])
    return LineString([_beyond(path[1], path[0]), *path, _beyond(path[-2], path[-1])])


def _nearest(point: Point, borders: Polygons) -> NDArray[np.float64]:
    nearest = borders[int(shapely.distance(borders, point).argmin())]
    place: NDArray[np.float64] = shapely.get_coordinates(shapely.shortest_line(point, nearest))[1]
    return place


def rungs(arrangement: Arrangement, region: frozenset[int], longest_m: float) -> list[LineString]:
    """Lines in degrees across a region: from corners where its neighbour changes, or else that jut in.

    Each ends on the nearest border of a neighbour that does not meet there, at most `longest_m` away.
    """
    ground = Ground(arrangement, region)
    beside = [arrangement.claims[face] if face >= 0 else () for face in ground.across]
    meeting: defaultdict[Corner, set[Claims]] = defaultdict(set)
    for (west, south, east, north), claims in zip(ground.pieces.tolist(), beside, strict=True):
        meeting[west, south].add(claims)
        meeting[east, north].add(claims)
    changing = {corner: claims for corner, claims in meeting.items() if len(claims) > 1}
    lines = _across(ground, beside, changing, longest_m)
    jutting = {corner: meeting[corner] for corner in _reflex(ground) if corner in meeting}
    return lines or _across(ground, beside, jutting, longest_m)


def _across(
    ground: Ground, beside: list[Claims], corners: Mapping[Corner, set[Claims]], longest_m: float
) -> list[LineString]:
    """From each corner to the border of each neighbour that does not meet there, where that is near."""
    scale = np.array([ground.flat.east, ground.flat.north])
    lines = []
    for corner, meeting in sorted(corners.items()):
        for other in sorted(set(beside) - meeting):
            border = ground.flat.lines(ground.pieces[[claims == other for claims in beside]])
            line = shapely.shortest_line(Point(np.array(corner) * scale), border)
            if 0 < line.length <= longest_m:
                end = shapely.get_coordinates(line)[1] / scale
                lines.append(LineString([corner, end, _beyond(np.array(corner), end)]))
    return lines


def _reflex(ground: Ground) -> set[Corner]:
    """The corners in which a region has more than half a turn inside: its neighbours jut into it there."""
    found: set[Corner] = set()
    for ring in shapely.get_rings(shapely.orient_polygons(ground.polygon)).tolist():
        points = shapely.get_coordinates(ring)[:-1]
        there, back = np.roll(points, -1, axis=0) - points, points - np.roll(points, 1, axis=0)
        right = back[:, 0] * there[:, 1] - back[:, 1] * there[:, 0] < 0
        found |= {(x, y) for x, y in points[right].tolist()}
    return found


def _beyond(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """A place a hair beyond the end of a way."""
    way = end - start
    beyond: NDArray[np.float64] = end + way / np.hypot(*way) * HAIR
    return beyond
