"""Polygons made into sets of micro-grids, each to the one it overlaps most, and what is lost by that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata.check import TOLERANCE_M2
from geodata.grids import Grid, Hierarchy, merged
from geodata.ground import grounds_m2
from geodata.locate import Locator
from geodata.specialised.layers import (
    NOWHERE,
    FieldLayer,
    Form,
    SpecialisedGrid,
    own_locator,
    sets_by_number,
)

Numbers = NDArray[np.int32]


class Edition(Protocol):
    """A hierarchy with the locator of its micro-grids."""

    @property
    def hierarchy(self) -> Hierarchy: ...
    @property
    def locator(self) -> Locator: ...


@dataclass(frozen=True)
class Ground:
    """An edition whose locator is built when it is first asked for."""

    hierarchy: Hierarchy

    @cached_property
    def locator(self) -> Locator:
        """The locator of the micro-grids."""
        return Locator(self.hierarchy)


@dataclass(frozen=True, slots=True)
class Points:
    """Points of the past, longitudes and latitudes in WGS-84 degrees, each of shape (n,)."""

    lons: ArrayLike
    lats: ArrayLike


@dataclass(frozen=True, slots=True)
class Loss:
    """What sets get wrong of the borders they stand for.

    `area_m2` of `of_m2` square metres, and `points` of `of_points` points of the past, lie in one specialised
    grid by the borders and in another, or in none, by the sets.
    """

    area_m2: float = 0.0
    of_m2: float = 0.0
    points: int = 0
    of_points: int = 0

    @property
    def area_share(self) -> float | None:
        """The share of the area; None where there is none."""
        return self.area_m2 / self.of_m2 if self.of_m2 else None

    @property
    def points_share(self) -> float | None:
        """The share of the points; None where there are none."""
        return self.points / self.of_points if self.of_points else None

    def to_dict(self) -> dict[str, float | int | None]:
        """The loss as plain values, for JSON."""
        return {
            "area_m2": self.area_m2,
            "of_m2": self.of_m2,
            "area_share": self.area_share,
            "points": self.points,
            "of_points": self.of_points,
            "points_share": self.points_share,
        }


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Which micro-grid shares how much area with which polygon: three arrays of shape (pairs,).

    `micro` and `other` count in what was given, `m2` is above the tolerance.
    """

    micro: NDArray[np.int64]
    other: NDArray[np.int64]
    m2: NDArray[np.float64]

    def winners(self, micro_grids: int) -> Numbers:
        """The number of the polygon that each micro-grid overlaps most, of equal ones the first; -1 for none.

        The answer has shape (micro_grids,).
        """
        won = np.full(micro_grids, NOWHERE, np.int32)
        # Sorted so that the largest overlap, of equal ones that with the smallest number, is written last.
        order = np.lexsort((-self.other, self.m2, self.micro))
        won[self.micro[order]] = self.other[order]
        return won

    def lost_m2(self, won: Numbers) -> float:
        """The area that lies in another polygon than the one its micro-grid was given to."""
        return float(self.m2[won[self.micro] != self.other].sum())


def overlaps(micro_grids: Sequence[Grid], polygons: NDArray[np.object_]) -> Overlaps:
    """The areas that micro-grids share with valid polygons; 1 m² and less is a sliver, and left out."""
    shapes = np.array([grid.geometry for grid in micro_grids], dtype=object)
    shapely.prepare(polygons)
    micro, other = shapely.STRtree(polygons).query(shapes, predicate="intersects")
    whole = shapely.covers(polygons[other], shapes[micro])
    m2 = grounds_m2(shapes)[micro]
    cut = np.flatnonzero(~whole)
    m2[cut] = grounds_m2(shapely.intersection(polygons[other[cut]], shapes[micro[cut]]))
    kept = m2 > TOLERANCE_M2
    return Overlaps(micro[kept], other[kept], m2[kept])


def as_sets(layer: FieldLayer, hierarchy: Hierarchy) -> tuple[FieldLayer, Loss]:
    """A layer of polygons as sets of micro-grids, and what that loses in area.

    Each micro-grid goes to the specialised grid that it overlaps most; one that overlaps none is in no set.
    """
    shapes = np.array([one.geometry for one in layer.grids], dtype=object)
    shared = overlaps(hierarchy.lowest, shapes)
    won = shared.winners(len(hierarchy.lowest))
    return _layer_of(layer, hierarchy.lowest, won), Loss(shared.lost_m2(won), float(shared.m2.sum()))


def with_points(loss: Loss, sets: FieldLayer, polygons: FieldLayer, locator: Locator, past: Points) -> Loss:
    """The loss with its share of past points: those that lie in a polygon, and in another set or in none."""
    true = own_locator(polygons).index_many(past.lons, past.lats)
    found = sets_by_number(sets, locator)[locator.index_many(past.lons, past.lats)]
    return _counted(loss, true, polygons, found, sets)


@dataclass(frozen=True, slots=True)
class Moved:
    """A micro-grid that an edition gives to another specialised grid; None where there is no such micro-grid,
    or it is in no set.
    """

    micro_grid: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Rederived:
    """A layer of sets for another edition, what changed by micro-grid, and what the new sets lose of the old
    ones' ground.
    """

    layer: FieldLayer
    moved: tuple[Moved, ...]
    loss: Loss


def rederive(layer: FieldLayer, old: Edition, new: Edition, past: Points | None = None) -> Rederived:
    """A layer of sets of one edition's micro-grids as sets of another's.

    A micro-grid that both editions have, under the same code with the same polygon, stays where it was; every
    other one goes to the specialised grid whose old ground it overlaps most.
    """
    same = _unchanged(old.hierarchy, new.hierarchy)
    won = np.array(
        [
            layer.numbers.get(grid.code, NOWHERE) if grid.code in same else NOWHERE
            for grid in new.hierarchy.lowest
        ],
        np.int32,
    )
    kept_m2 = sum(grid.area_m2 for grid, number in zip(new.hierarchy.lowest, won, strict=True) if number >= 0)
    fresh = np.array([n for n, grid in enumerate(new.hierarchy.lowest) if grid.code not in same], np.int64)
    lost_m2, shared_m2 = 0.0, 0.0
    grounds, numbers = _grounds(layer, old.hierarchy)
    if len(fresh) and len(numbers):
        shared = overlaps([new.hierarchy.lowest[n] for n in fresh.tolist()], grounds)
        best = shared.winners(len(fresh))
        won[fresh] = np.append(numbers, np.int32(NOWHERE))[best]
        lost_m2, shared_m2 = shared.lost_m2(best), float(shared.m2.sum())
    made = _layer_of(layer, new.hierarchy.lowest, won)
    loss = Loss(lost_m2, float(kept_m2) + shared_m2)
    if past is not None:
        before = sets_by_number(layer, old.locator)[old.locator.index_many(past.lons, past.lats)]
        after = sets_by_number(made, new.locator)[new.locator.index_many(past.lons, past.lats)]
        loss = _counted(loss, before, layer, after, made)
    return Rederived(made, _moved(layer, made), loss)


def _unchanged(old: Hierarchy, new: Hierarchy) -> frozenset[str]:
    """The codes of the micro-grids that both have with the same polygon, point for point."""
    before = {grid.code: grid.geometry for grid in old.lowest}
    both = [grid for grid in new.lowest if grid.code in before]
    if not both:
        return frozenset()
    was = np.array([before[grid.code] for grid in both], dtype=object)
    same = shapely.equals_exact(was, np.array([grid.geometry for grid in both], dtype=object))
    return frozenset(grid.code for grid, alike in zip(both, same.tolist(), strict=True) if alike)


def _grounds(layer: FieldLayer, hierarchy: Hierarchy) -> tuple[NDArray[np.object_], Numbers]:
    """What the sets cover, and their numbers; those without a micro-grid are left out."""
    shapes: dict[int, list[object]] = {}
    for grid in hierarchy.lowest:
        number = layer.numbers.get(grid.code)
        if number is not None:
            shapes.setdefault(number, []).append(grid.geometry)
    found = [merged(np.array(shapes[number], dtype=object)) for number in sorted(shapes)]
    return np.array(found, dtype=object), np.array(sorted(shapes), np.int32)


def _layer_of(layer: FieldLayer, micro_grids: Sequence[Grid], won: Numbers) -> FieldLayer:
    members: list[list[str]] = [[] for _ in layer.grids]
    for grid, number in zip(micro_grids, won.tolist(), strict=True):
        if number >= 0:
            members[number].append(grid.code)
    grids = [
        SpecialisedGrid(one.code, one.name, one.team, tuple(mine))
        for one, mine in zip(layer.grids, members, strict=True)
    ]
    return FieldLayer.build(layer.key, layer.name_zh, layer.name_en, Form.sets, grids)


def _counted(loss: Loss, true: Numbers, of: FieldLayer, found: Numbers, among: FieldLayer) -> Loss:
    """The loss with points that lie in grids of one layer by their borders, and of another by its sets."""
    numbers = {one.code: number for number, one in enumerate(among.grids)}
    alike = np.array([*(numbers.get(one.code, NOWHERE) for one in of.grids), NOWHERE], np.int32)
    somewhere = true >= 0
    wrong = somewhere & (found != alike[true])
    return Loss(loss.area_m2, loss.of_m2, int(wrong.sum()), int(somewhere.sum()))


def _moved(before: FieldLayer, after: FieldLayer) -> tuple[Moved, ...]:
    was = {code: before.grids[number].code for code, number in before.numbers.items()}
    now = {code: after.grids[number].code for code, number in after.numbers.items()}
    return tuple(
        Moved(code, was.get(code), now.get(code))
        for code in sorted(was.keys() | now.keys())
        if was.get(code) != now.get(code)
    )
