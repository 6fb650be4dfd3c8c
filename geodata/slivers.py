"""Decides who gets ground that several grids of a level claim, or none; geodata.repair has the rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shapely.geometry.base import BaseGeometry

from geodata.arrangement import Arrangement, Claims, Ground, reach

SMALL_M2: Final = 1.0
"""A part of a grid of up to this size, apart from the rest, is left from a cut: nobody answers for a square
metre somewhere else (geodata.check finds it as a SLIVER)."""


@dataclass(frozen=True, slots=True)
class Sliver:
    """Faces that belong together, who `had` them and who `gets` them; None where they stay as they are.

    `moved_m` is the largest distance of a place in it from what its losers keep and its winner had, or how
    wide it is where it stays; `wish` says that the level below decided, `stray` that it was a part of its
    grid apart from the rest, which is not measured against what that keeps.
    """

    faces: frozenset[int]
    had: Claims
    gets: Claims | None
    moved_m: float
    wish: bool
    stray: bool


class Sharing:
    """One level of an arrangement: who claims each face, told by position, and what the level below wishes.

    `strays` are faces of small parts that lie apart from the rest of their grid. `codes` and the areas of the
    polygons `drawn` settle what is equal, and no grid gets ground that is far from where it was drawn.
    """

    def __init__(
        self,
        arrangement: Arrangement,
        claims: Sequence[Claims],
        wishes: Mapping[int, Claims],
        strays: frozenset[int],
        codes: Sequence[str],
        drawn: Sequence[BaseGeometry | None],
        tolerance_m: float,
    ) -> None:
        self.arrangement = arrangement
        self.claims = list(claims)
        self._wishes = wishes
        self._strays = strays
        self._codes = codes
        self._drawn = drawn
        self._tolerance = tolerance_m

    def share_out(self) -> list[Sliver]:
        """Decide on every sliver; afterwards `claims` are as decided.

        Slivers beside each other may each be within the tolerance and together beyond it: then the later one
        is decided on again as things are with the others shared out.
        """
        regions = self._regions()
        around = [frozenset(Ground(self.arrangement, one).around(self._tolerance)) for one in regions]
        tried: list[set[Claims]] = [set() for _ in regions]
        decided = [self._decide(region, self.claims, set()) for region in regions]
        after = self._after(decided)
        moved = [self._moved_after(one, after) for one in decided]
        while spoiled := [at for at, metres in enumerate(moved) if metres > self._tolerance]:
            last = spoiled[-1]
            tried[last].add(decided[last].gets or ())
            decided[last] = self._decide(regions[last], after, tried[last])
            after = self._after(decided)
            for at, near in enumerate(around):
                if at == last or near & regions[last]:
                    moved[at] = self._moved_after(decided[at], after)
        self.claims = after
        return [
            one if one.gets is None else replace(one, moved_m=metres)
            for one, metres in zip(decided, moved, strict=True)
        ]

    def _regions(self) -> list[frozenset[int]]:
        kinds: dict[int, object] = {}
        for face, had in enumerate(self.claims):
            wish = self._wishes.get(face)
            stray = self._is_stray(face)
            if stray or (wish != had if wish is not None else len(had) != 1):
                kinds[face] = (had, wish, stray)
        return list(self.arrangement.regions(kinds))

    def _is_stray(self, face: int) -> bool:
        return face in self._strays and len(self.claims[face]) == 1 and face not in self._wishes

    def _decide(self, region: frozenset[int], claims: Sequence[Claims], not_to: set[Claims]) -> Sliver:
        """The best of those to whom the region can go without moving anything beyond the tolerance."""
        first = min(region)
        had, wish, stray = self.claims[first], self._wishes.get(first), self._is_stray(first)
        lost = () if stray else had
        ground = Ground(self.arrangement, region)
        if ground.surely_wider_than(self._tolerance):
            return Sliver(region, had, None, ground.width, wish is not None, stray)
        possible: list[tuple[tuple[float, float, str], Claims, float]] = []
        for gets in self._candidates(had, wish, ground, stray):
            moved = self._moved(ground, lost, gets, claims)
            if moved <= self._tolerance and gets not in not_to:
                possible.append((self._rank(ground, gets), gets, moved))
        if not possible:
            return Sliver(region, had, None, ground.width, wish is not None, stray)
        _, gets, moved = min(possible)
        return Sliver(region, had, gets, moved, wish is not None, stray)

    def _candidates(self, had: Claims, wish: Claims | None, ground: Ground, stray: bool) -> list[Claims]:
        if wish is not None:
            return [wish]
        if had and not stray:
            return [(grid,) for grid in had]
        beside = {grid for face in ground.beside if face >= 0 for grid in self.claims[face]}
        return [(grid,) for grid in sorted(beside - set(had))]

    def _rank(self, ground: Ground, gets: Claims) -> tuple[float, float, str]:
        """The least is the best: most border shared, then size, then code."""
        if not gets:
            return (0.0, 0.0, "")
        (grid,) = gets
        shared = ground.flat.lines(ground.side(self.claims, grid)).length
        size = 0.0 if (drawn := self._drawn[grid]) is None else drawn.area
        return (-round(shared, 3), -size, self._codes[grid])

    def _moved(self, ground: Ground, lost: Claims, gets: Claims, claims: Sequence[Claims]) -> float:
        """How far the region is from what its losers keep and its winner has, and had as drawn."""
        if not all(len(ground.side(claims, grid)) for grid in gets):  # it would be apart from the rest
            return float("inf")
        sides = [ground.of(grid, claims, self._tolerance) for grid in set(lost) ^ set(gets)]
        had = (self._drawn[grid] for grid in set(gets) - set(lost))
        sides += [ground.near(one, self._tolerance) for one in had if one is not None]
        return max((reach(ground.metres, side, self._tolerance) for side in sides), default=0.0)

    def _left_apart(self, region: frozenset[int], grid: int, after: Sequence[Claims]) -> bool:
        """Whether a region would be a small part of its grid apart from the rest, and was not before."""
        was = grid in self.claims[min(region)] and self._is_small(region, grid, self.claims)
        return not was and self._is_small(region, grid, after)

    def _is_small(self, region: frozenset[int], grid: int, claims: Sequence[Claims]) -> bool:
        """Whether a grid has no more than SMALL_M2 in the part of it that a region belongs to."""
        part: set[int] = set()
        reached, m2 = sorted(region), 0.0
        while reached:
            face = reached.pop()
            if face in part:
                continue
            part.add(face)
            m2 += float(self.arrangement.m2[face])
            if m2 > SMALL_M2:
                return False
            reached += [one for one in self.arrangement.beside(face) if grid in claims[one]]
        return True

    def _after(self, decided: Sequence[Sliver]) -> list[Claims]:
        claims = list(self.claims)
        for one in decided:
            if one.gets is not None:
                for face in one.faces:
                    claims[face] = one.gets
        return claims

    def _moved_after(self, one: Sliver, after: Sequence[Claims]) -> float:
        """How far a decision moves a border once the slivers beside it are shared out; 0 where it stays."""
        if one.gets is None:
            return 0.0
        ground = Ground(self.arrangement, one.faces)
        if one.gets and self._left_apart(one.faces, one.gets[0], after):
            return float("inf")
        if all(self.claims[face] == after[face] for face in ground.around(self._tolerance)):
            return one.moved_m
        return self._moved(ground, () if one.stray else one.had, one.gets, after)
