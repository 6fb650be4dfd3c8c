"""The polygons of all levels of a drawing as faces of one arrangement: shared out, and put together again.

Because every level is noded with every other, children and parents share their borders exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geodata.arrangement import Arrangement, Claims, arrange, with_corners_of
from geodata.coverage import gaps, polygons_of
from geodata.cuts import mouths, rungs
from geodata.drawing import Drawing
from geodata.ground import grounds_m2
from geodata.slivers import SMALL_M2, Sharing, Sliver


def is_area(geometry: BaseGeometry | None) -> bool:
    """Whether this is a sound polygon."""
    kind = geometry is not None and isinstance(geometry, Polygon | MultiPolygon)
    return kind and geometry is not None and not geometry.is_empty and geometry.is_valid


def same_corners(one: BaseGeometry, other: BaseGeometry) -> bool:
    """Whether two polygons have the same corners, wherever their rings begin and whichever way they run."""
    parts = [shapely.normalize(MultiPolygon(shapely.get_parts(each).tolist())) for each in (one, other)]
    return bool(shapely.equals_exact(parts[0], parts[1]))


class Faces:
    """A drawing cut into faces; polygons are told by their position in it, and so are claims.

    `shapes` are its polygons as they are by now, `before` as they were drawn; those that are not sound take
    no part, nor do levels made by merging, which follow from the others. `cuts` are lines to cut along.
    """

    def __init__(
        self,
        drawing: Drawing,
        shapes: Sequence[BaseGeometry | None],
        before: Sequence[BaseGeometry | None],
        tolerance_m: float,
        cuts: Sequence[LineString],
    ) -> None:
        self._drawing = drawing
        self._shapes = shapes
        self._before = before
        self._tolerance = tolerance_m
        self._position: dict[tuple[int, str | None], int] = {
            (one.level, one.code): at for at, one in reversed(list(enumerate(drawing.drawn)))
        }
        drawn = enumerate(drawing.drawn)
        self._rows = [at for at, one in drawn if one.level not in drawing.dissolved and is_area(shapes[at])]
        polygons = np.array([shapes[at] for at in self._rows], dtype=object)
        self.arrangement: Arrangement = arrange(polygons, list(self._mouths()), cuts)
        self._claims = [tuple(self._rows[row] for row in claims) for claims in self.arrangement.claims]

    def share_out(self) -> Iterator[tuple[int, list[Sliver]]]:
        """Decide on the slivers of each drawn level, from the lowest up: (its number, its slivers)."""
        drawn, dissolved = self._drawing.drawn, self._drawing.dissolved
        codes = [one.code for one in drawn]
        strays = self._strays()
        final: list[Claims] = [()] * len(self._claims)
        below: list[Claims] | None = None
        for number in range(len(self._drawing.levels) - 1, -1, -1):
            if number in dissolved:
                below = [self._parents(claims, number) or () for claims in below or []]
                continue
            claims = [tuple(at for at in each if drawn[at].level == number) for each in self._claims]
            wishes = {} if below is None else dict(self._wishes(claims, below, number))
            sharing = Sharing(
                self.arrangement,
                claims,
                wishes,
                strays if below is None else frozenset(),
                codes,
                self._before,
                self._tolerance,
            )
            yield number, sharing.share_out()
            below = sharing.claims
            final = [mine + more for mine, more in zip(final, below, strict=True)]
        self._claims = final

    def cuts(self, slivers: Iterable[Sliver]) -> list[LineString]:
        """Lines across those slivers that stay although they are narrow."""
        stuck = [
            one for one in slivers if one.gets is None and one.moved_m <= self._tolerance and not one.stray
        ]
        return [line for one in stuck for line in rungs(self.arrangement, one.faces, self._tolerance)]

    def shapes(self) -> Iterator[tuple[int, Polygon | MultiPolygon]]:
        """(position, polygon put together from the faces that are its now), after `share_out`."""
        faces: dict[int, list[int]] = {}
        for face, claims in enumerate(self._claims):
            for at in claims:
                faces.setdefault(at, []).append(face)
        joined = np.array([self.arrangement.joined(mine) for _, mine in sorted(faces.items())], dtype=object)
        before = np.array([self._shapes[at] for at in self._rows], dtype=object)
        yield from zip(sorted(faces), with_corners_of(joined, before).tolist(), strict=True)

    def _parents(self, claims: Claims, number: int) -> Claims | None:
        """The grids of level `number` that some of the level below name; None where one is missing."""
        named = {self._drawing.drawn[at].parent for at in claims}
        found = tuple(
            sorted(self._position[number, code] for code in named if (number, code) in self._position)
        )
        return found if len(found) == len(named) else None

    def _wishes(
        self, claims: Sequence[Claims], below: Sequence[Claims], number: int
    ) -> Iterator[tuple[int, Claims]]:
        """(face, whose it has to be): the parent's of the child there; without one child, as drawn if that
        is clear."""
        for face, (had, children) in enumerate(zip(claims, below, strict=True)):
            wish = self._parents(children, number)
            if wish is not None and len(wish) == 1:
                yield face, wish
            elif len(had) < 2:
                yield face, had

    def _strays(self) -> frozenset[int]:
        """Faces of small parts of grids that have other parts."""
        shapes = np.array([self._shapes[at] for at in self._rows], dtype=object)
        parts, owner = shapely.get_parts(shapes, return_index=True)
        several = np.flatnonzero(np.bincount(owner, minlength=len(shapes))[owner] > 1)
        small = several[grounds_m2(parts[several]) <= SMALL_M2]
        if not len(small):
            return frozenset()
        places = shapely.point_on_surface(self.arrangement.faces)
        return frozenset(shapely.STRtree(places).query(parts[small], predicate="contains")[1].tolist())

    def _mouths(self) -> Iterator[LineString]:
        """Lines that close the slits between the grids of each level."""
        for number, level in enumerate(self._drawing.levels):
            rows = [at for at in self._rows if self._drawing.drawn[at].level == number]
            if rows:
                drawn = [replace(self._drawing.drawn[at], geometry=self._shapes[at]) for at in rows]
                yield from mouths(gaps(level.key, drawn, SMALL_M2), polygons_of(drawn))
