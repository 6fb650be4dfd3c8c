"""The faces that the borders of a drawing cut the ground into, each claimed by the grids that cover it.

A face that two grids of a level claim is an overlap, one that none claims a gap; the rest is as it should be.
All borders are noded together, so that grids put together again from faces share their borders exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import GeometryCollection, LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.grids import WGS84
from geodata.ground import grounds_m2

Polygons = NDArray[np.object_]
Claims = tuple[int, ...]
"""Who claims a face: positions in the array of polygons, in order."""
GRID = 1e-11
"""Degrees, a thousandth of a millimetre: corners of faces lie on multiples of it. Without such a grid,
borders that run nearly alike cross in places that rounding moves, and faces come out that overlap."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Faces, and the pieces of border between them: `owner` and `across` are faces, -1 is the open outside.

    `pieces` has shape (n, 4), from (x, y) to (x, y) in degrees, in the order of their owners; each piece
    between two faces is there twice. `cut` says which run along a cut. `tree` is over the faces, `m2` what
    they cover.
    """

    faces: Polygons
    claims: tuple[Claims, ...]
    pieces: NDArray[np.float64]
    owner: NDArray[np.int64]
    across: NDArray[np.int64]
    cut: NDArray[np.bool_]
    tree: shapely.STRtree
    m2: NDArray[np.float64]

    def beside(self, face: int) -> list[int]:
        """The faces on the other side of a face's border, as often as they are; not the outside."""
        return [one for one, _ in self._beside(face)]

    def _beside(self, face: int) -> list[tuple[int, bool]]:
        mine = slice(*np.searchsorted(self.owner, (face, face + 1)))
        pairs = zip(self.across[mine].tolist(), self.cut[mine].tolist(), strict=True)
        return [(one, cut) for one, cut in pairs if one >= 0]

    def border(self, region: frozenset[int]) -> NDArray[np.int64]:
        """Which pieces lie between a set of faces and what is not of it."""
        mine = [np.arange(*np.searchsorted(self.owner, (face, face + 1))) for face in sorted(region)]
        pieces = np.concatenate(mine)
        return pieces[~np.isin(self.across[pieces], list(region))]

    def regions(self, kinds: Mapping[int, object]) -> Iterator[frozenset[int]]:
        """The faces given with their kind; those of one kind that share a piece of border are joined.

        Not across a cut, unless a polygon's border runs there too.
        """
        seen: set[int] = set()
        for first in sorted(kinds):
            if first in seen:
                continue
            region: set[int] = set()
            reached = [first]
            while reached:
                face = reached.pop()
                if face in region:
                    continue
                region.add(face)
                reached += [
                    one
                    for one, cut in self._beside(face)
                    if kinds.get(one) == kinds[face] and not (cut and self.claims[one] == self.claims[face])
                ]
            seen |= region
            yield frozenset(region)

    def joined(self, faces: Iterable[int]) -> Polygon | MultiPolygon:
        """Faces put together, every vertex of their outer border kept."""
        whole = shapely.coverage_union_all(self.faces[sorted(faces)])
        if not isinstance(whole, Polygon | MultiPolygon):
            raise TypeError(f"faces join to a {whole.geom_type}")
        return whole


def arrange(
    polygons: Polygons, closing: Sequence[LineString] = (), cuts: Sequence[LineString] = ()
) -> Arrangement:
    """Part the ground along the borders of valid polygons, lines that close faces, and cuts through them.

    Every face says which polygons cover it; one that only lines enclose is claimed by nobody.
    """
    borders = np.array([*shapely.boundary(polygons), *closing, *cuts], dtype=object)
    lines = shapely.union_all(borders, grid_size=GRID)
    faces = np.array(shapely.get_parts(shapely.polygonize([lines])), dtype=object)
    within = shapely.point_on_surface(faces)
    order = np.lexsort(shapely.get_coordinates(within).T)  # the same, whatever the order of the polygons
    faces, within = faces[order], within[order]
    places, claimants = shapely.STRtree(polygons).query(within, predicate="within")
    claims: list[list[int]] = [[] for _ in faces]
    for face, claimant in zip(places.tolist(), claimants.tolist(), strict=True):
        claims[face].append(claimant)
    pieces, owner = _pieces(faces)
    return Arrangement(
        faces,
        tuple(tuple(sorted(one)) for one in claims),
        pieces,
        owner,
        _across(pieces, owner),
        _on(cuts, pieces),
        shapely.STRtree(faces),
        grounds_m2(faces),
    )


def _pieces(faces: Polygons) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Every straight piece of every face's border, always written from west to east, and whose it is."""
    rings, face_of_ring = shapely.get_rings(faces, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(ring[:-1] == ring[1:])
    pieces = np.hstack([points[starts], points[starts + 1]]) + 0.0  # no -0.0, which would sort apart
    back = (pieces[:, 0] > pieces[:, 2]) | ((pieces[:, 0] == pieces[:, 2]) & (pieces[:, 1] > pieces[:, 3]))
    pieces[back] = pieces[back][:, [2, 3, 0, 1]]
    return pieces, face_of_ring[ring[starts]].astype(np.int64)


def _across(pieces: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """The face on the other side of each piece: the owner of the same piece, or -1."""
    across = np.full(len(owner), -1, dtype=np.int64)
    order = np.lexsort(pieces.T)
    one, other = order[:-1], order[1:]
    same = (pieces[one] == pieces[other]).all(axis=1)
    across[one[same]], across[other[same]] = owner[other[same]], owner[one[same]]
    return across


def _on(cuts: Sequence[LineString], pieces: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pieces lie along one of the cuts."""
    found = np.zeros(len(pieces), dtype=bool)
    if cuts:
        middles = shapely.points((pieces[:, :2] + pieces[:, 2:]) / 2)
        tree = shapely.STRtree(np.array(cuts, dtype=object))
        found[tree.query(middles, predicate="dwithin", distance=2 * GRID)[0]] = True
    return found


@dataclass(frozen=True, slots=True)
class Flat:
    """Metres on a plane that touches the ground at a latitude; a thousandth off some kilometres away."""

    east: float
    north: float

    @classmethod
    def near(cls, lat: float) -> Flat:
        """The plane at a latitude in degrees, from the ellipsoid's two radii there."""
        sine = np.sin(np.radians(lat))
        shrink = 1 - WGS84.es * sine**2
        across = WGS84.a / np.sqrt(shrink)
        along = WGS84.a * (1 - WGS84.es) / shrink**1.5
        return cls(float(np.radians(across * np.cos(np.radians(lat)))), float(np.radians(along)))

    def metres(self, geometry: BaseGeometry) -> BaseGeometry:
        """A geometry in degrees as one in metres."""
        return shapely.transform(geometry, lambda points: points * (self.east, self.north))

    def lines(self, pieces: NDArray[np.float64]) -> BaseGeometry:
        """Pieces of border as lines in metres."""
        points = (pieces.reshape(-1, 2) * (self.east, self.north)).reshape(-1, 2, 2)
        return shapely.line_merge(MultiLineString(list(points)))


def reach(region: BaseGeometry, side: BaseGeometry, enough: float) -> float:
    """The largest distance from a place of a region to one side of it; everything in metres.

    Infinite where it is more than `enough`, which is decided for every place; how far exactly is measured at
    the corners and at up to 2,000 places between them. (A buffer's round corners lie up to a 200th inside.)
    """
    if side.is_empty or not shapely.covers(shapely.buffer(side, enough), region):
        return float("inf")
    shapely.prepare(side)
    border = shapely.boundary(region)
    places = shapely.get_coordinates(shapely.segmentize(border, border.length / 2000 + enough / 100))
    farthest = float(shapely.distance(shapely.points(places), side).max())
    # Only in a region that its side surrounds is the middle farther away than any place of the border.
    if shapely.covers(shapely.buffer(side, farthest * 1.01), region):
        return farthest
    return max(farthest, width(region) / 2)


def width(region: BaseGeometry) -> float:
    """The diameter of the largest circle that fits into a region: how wide a sliver is, however long."""
    parts = [one for one in shapely.get_parts(region).tolist() if one.area]
    # A circle of area / circumference always fits; a twentieth of that is near enough to the largest.
    found = [shapely.maximum_inscribed_circle(one, one.area / one.length / 20).length for one in parts]
    return 2 * max(found, default=0.0)


class Ground:
    """One region with its border, in degrees and in metres."""

    def __init__(self, arrangement: Arrangement, region: frozenset[int]) -> None:
        numbers = arrangement.border(region)
        self.pieces: NDArray[np.float64] = arrangement.pieces[numbers]
        self.across: list[int] = arrangement.across[numbers].tolist()
        self._arrangement = arrangement
        self._region = region

    @cached_property
    def polygon(self) -> Polygon | MultiPolygon:
        """The region in degrees."""
        return self._arrangement.joined(self._region)

    @cached_property
    def flat(self) -> Flat:
        """The plane it is measured on."""
        return Flat.near((self.polygon.bounds[1] + self.polygon.bounds[3]) / 2)

    @cached_property
    def metres(self) -> BaseGeometry:
        """The region in metres."""
        return self.flat.metres(self.polygon)

    @cached_property
    def width(self) -> float:
        """The widest circle in it, in metres."""
        return width(self.metres)

    def _box(self, metres: float) -> tuple[float, float, float, float]:
        """The degrees within so many metres of it, twice over for good measure."""
        west, south, east, north = self.polygon.bounds
        more_x, more_y = 2 * metres / self.flat.east, 2 * metres / self.flat.north
        return (west - more_x, south - more_y, east + more_x, north + more_y)

    def near(self, polygon: BaseGeometry, metres: float) -> BaseGeometry:
        """What of a polygon is within so many metres, in metres."""
        return self.flat.metres(shapely.clip_by_rect(polygon, *self._box(metres)))

    def around(self, metres: float) -> list[int]:
        """The faces within so many metres, but for its own."""
        found = self._arrangement.tree.query(shapely.box(*self._box(metres)), predicate="intersects")
        return sorted(set(found.tolist()) - self._region)

    def of(self, grid: int, claims: Sequence[Claims], metres: float) -> BaseGeometry:
        """What a grid has around it within so many metres, in metres."""
        mine = [face for face in self.around(metres) if grid in claims[face]]
        clipped = shapely.clip_by_rect(self._arrangement.faces[mine], *self._box(metres))
        return self.flat.metres(GeometryCollection(list(clipped)))

    @property
    def beside(self) -> set[int]:
        """The faces that share its border; -1 is the outside."""
        return set(self.across)

    def surely_wider_than(self, tolerance_m: float) -> bool:
        """Cheap and never wrong: a circle of area / circumference fits into whatever has both."""
        return bool(self.metres.area > tolerance_m * self.metres.length)

    def side(self, claims: Sequence[Claims], grid: int) -> NDArray[np.float64]:
        """The pieces of its border on whose other side a grid has the ground."""
        has = [face >= 0 and grid in claims[face] for face in self.across]
        pieces: NDArray[np.float64] = self.pieces[np.array(has, dtype=bool)]
        return pieces


def with_corners_of(shapes: Polygons, polygons: Polygons) -> Polygons:
    """Shapes made of faces, with the corners that polygons had before they were brought to the grid."""
    given = np.unique(shapely.get_coordinates(polygons), axis=0)
    on_grid, first = np.unique(np.floor(given / GRID + 0.5).astype(np.int64), axis=0, return_index=True)
    order = {(x, y): at for (x, y), at in zip(on_grid.tolist(), first.tolist(), strict=True)}

    def back(points: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = points.copy()
        for row, (x, y) in enumerate(np.rint(points / GRID).astype(np.int64).tolist()):
            at = order.get((x, y))
            if at is not None:
                moved[row] = given[at]
        return moved

    return shapely.transform(shapes, back)
