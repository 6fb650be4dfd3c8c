"""Snaps the slivers and gaps of a drawing under a stated tolerance, and tells of everything that moved.

    drawing -> valid polygons -> faces of all levels -> each sliver to one side -> drawing, and what moved

The rule, from the lowest level up:

1. A polygon that crosses or touches itself is made valid, if the ground that its two readings (shells less
   holes; even-odd) differ by is nowhere wider than the tolerance.
2. Ground that several grids of a level cover is left to one of them; ground that none covers, between grids
   or between one and the border of a level above, goes to one beside it. It is the one with the longest
   border along that ground; of equals (to the millimetre) the larger; then the one with the smaller code.
   Only those are asked for whom no border moves beyond the tolerance: no place is taken from a grid that is
   farther than that from what the grid keeps, none is given that is farther than that from what the grid
   had. Where no one grid can have all of a sliver, it is cut across where its neighbours change.
   A part of up to 1 m² that lies apart from the rest of its grid goes to a neighbour by the same rule; how
   far it is from the rest is not measured.
3. Levels above follow the grids below them, as far as the tolerance allows: ground goes to the parent of the
   child that has it. A point is located by the lowest level, so that is the border that counts. Levels that
   were made by merging are merged again.

What would have to move farther stays as drawn, and is told too. No corner moves; where borders meet one may
get a corner more, so that neighbours have every one in common. GEOS' coverage cleaner, which shapely has too,
knows no such limit: it merges overlaps of any size, and tells nothing of it (tests compare the two).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from geodata.arrangement import Arrangement
from geodata.check import check
from geodata.dissolve import merge
from geodata.drawing import Drawing
from geodata.errors import BadTolerance, UnacceptedFindings
from geodata.findings import Finding
from geodata.ground import ground_m2
from geodata.mending import Faces, is_area, same_corners
from geodata.slivers import Sliver
from geodata.validity import made_valid

TOLERANCE_M: Final = 1.0
"""What two people who trace the same kerb differ by, and a third of what a phone knows of its place under
open sky: nobody who is moved into another grid by less could tell."""
WIDEST_M: Final = 25.0
"""The width of a street: past it, a repair would not mend a drawing but make another one."""

PASSES: Final = 10
"""Boston's precincts need three; a drawing that needs more is told what is left, and can be repaired on."""
CUTS: Final = 3
"""So often a piece is cut again that no one grid can have whole; Boston's longest gap, 560 m, needs two."""

Kind = Literal["overlap", "gap", "stray part", "parent", "not valid"]


@dataclass(frozen=True, slots=True)
class Place:
    """Ground that changed hands, or would have had to; `before` and `after` are the codes that have it.

    `moved_m` is the largest distance of a place in it from what its losers keep and its winner had. Where it
    stays, `why` says so, and `moved_m` is how wide it is.
    """

    kind: Kind
    level: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    m2: float
    moved_m: float
    ground: BaseGeometry
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to one grid: m² before and after, won and lost, and the farthest (m) its border moved.

    A grid that only got corners more on its border is among them, with nothing won, lost or moved.
    """

    level: str
    code: str
    m2_before: float
    m2_after: float
    m2_won: float
    m2_lost: float
    moved_m: float


@dataclass(frozen=True, slots=True)
class Repair:
    """A drawing repaired: what moved, what stays, what became of each grid, the findings before and after."""

    drawing: Drawing
    tolerance_m: float
    moved: tuple[Place, ...]
    stays: tuple[Place, ...]
    changes: tuple[Change, ...]
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]


def repair(drawing: Drawing, tolerance_m: float = TOLERANCE_M) -> Repair:
    """The drawing with its slivers and gaps closed, and everything that moved; see the rule above.

    A drawing without any comes back as it is. Raises BadTolerance, and UnacceptedFindings for a drawing that
    could not be read whole.
    """
    if not 0 < tolerance_m <= WIDEST_M:
        raise BadTolerance(tolerance_m, WIDEST_M)
    if drawing.faults:
        raise UnacceptedFindings(drawing.faults)
    before = check(drawing)
    work = _Work(drawing, tolerance_m)
    work.make_valid()
    work.share_out()
    mended = work.drawing()
    after = before if mended is drawing else check(mended)
    return Repair(
        mended, tolerance_m, tuple(work.moved), tuple(work.stays), tuple(work.changes()), before, after
    )


class _Work:
    """A drawing being repaired; polygons and sums by their position in `drawing.drawn`."""

    def __init__(self, drawing: Drawing, tolerance_m: float) -> None:
        self.moved: list[Place] = []
        self.stays: list[Place] = []
        self._given = drawing
        self._tolerance = tolerance_m
        self._shapes: list[BaseGeometry | None] = [one.geometry for one in drawing.drawn]
        self._merged: dict[tuple[int, str | None], int] = {
            (one.level, one.code): at
            for at, one in enumerate(drawing.drawn)
            if one.level in drawing.dissolved
        }
        self._won: defaultdict[int, float] = defaultdict(float)
        self._lost: defaultdict[int, float] = defaultdict(float)
        self._farthest: defaultdict[int, float] = defaultdict(float)

    def make_valid(self) -> None:
        """Step 1 of the rule."""
        for at, one in enumerate(self._given.drawn):
            if one.level in self._given.dissolved or is_area(one.geometry) or one.geometry is None:
                continue
            if one.geometry.is_empty or one.geometry.geom_type not in ("Polygon", "MultiPolygon"):
                continue
            valid, doubt_m = made_valid(one.geometry)
            level = self._given.levels[one.level].key
            if valid is None or doubt_m > self._tolerance:
                why = "nothing is left of it" if valid is None else f"in doubt are {doubt_m:.3g} m"
                stays = Place("not valid", level, (one.code,), (one.code,), 0.0, doubt_m, one.geometry, why)
                self.stays.append(stays)
                continue
            more = ground_m2(valid) - ground_m2(one.geometry)
            self._note(at, more, doubt_m)
            self._shapes[at] = valid
            self.moved.append(Place("not valid", level, (one.code,), (one.code,), abs(more), doubt_m, valid))

    def share_out(self) -> None:
        """Steps 2 and 3 of the rule; over again as long as something moves.

        For slits can be told when overlaps beside them are gone.
        """
        drawn = list(self._shapes)
        for _ in range(PASSES):
            faces, told = self._decided(drawn)
            self.stays = [place for place in self.stays if place.kind == "not valid"]
            for number, one in told:
                self._tell(number, one, faces.arrangement)
            if all(one.gets is None for _, one in told):
                break
            self._put_together(faces)
        self._merge_again()

    def _decided(self, drawn: Sequence[BaseGeometry | None]) -> tuple[Faces, list[tuple[int, Sliver]]]:
        """Faces, and what to do with slivers among them, all of them cut that no one grid can have whole."""
        cuts: dict[bytes, LineString] = {}
        for last in (*(False,) * CUTS, True):
            faces = Faces(self._given, self._shapes, drawn, self._tolerance, list(cuts.values()))
            told = [(number, one) for number, slivers in faces.share_out() for one in slivers]
            more = {line.wkb: line for line in faces.cuts(one for _, one in told)}
            if last or more.keys() <= cuts.keys():
                break
            cuts |= more
        return faces, told

    def _put_together(self, faces: Faces) -> None:
        for at, shape in faces.shapes():
            now = self._shapes[at]
            if now is None or not same_corners(shape, now):
                self._shapes[at] = shape

    def _tell(self, number: int, one: Sliver, arrangement: Arrangement) -> None:
        """Put a sliver among what moved or stays, and what it is to the grids concerned."""
        ground = arrangement.joined(one.faces)
        m2 = ground_m2(ground)
        kind: Kind = "overlap" if len(one.had) > 1 else "gap"
        if one.stray or one.wish:
            kind = "stray part" if one.stray else "parent"
        drawn = self._given.drawn
        had = tuple(sorted(drawn[at].code for at in one.had))
        gets = had if one.gets is None else tuple(sorted(drawn[at].code for at in one.gets))
        place = Place(kind, self._given.levels[number].key, had, gets, m2, one.moved_m, ground)
        if one.gets is None:
            self.stays.append(replace(place, why=self._why(one)))
            return
        self.moved.append(place)
        before, after = set(one.had), set(one.gets)
        while before or after:
            for at in before - after:
                self._note(at, -m2, one.moved_m)
            for at in after - before:
                self._note(at, m2, one.moved_m)
            before, after = self._merged_above(before), self._merged_above(after)

    def _why(self, one: Sliver) -> str:
        if one.moved_m > self._tolerance:
            return f"it is {one.moved_m:.3g} m wide"
        return f"it is narrow, but some border would move more than {self._tolerance:g} m whoever got it"

    def _merged_above(self, positions: set[int]) -> set[int]:
        """The grids one level up that are made of these, where that level was made by merging."""
        drawn = self._given.drawn
        above = {(drawn[at].level - 1, drawn[at].parent) for at in positions}
        return {self._merged[one] for one in above if one in self._merged}

    def _note(self, at: int, m2: float, moved_m: float) -> None:
        side = self._won if m2 > 0 else self._lost
        side[at] += abs(m2)
        self._farthest[at] = max(self._farthest[at], moved_m)

    def _merge_again(self) -> None:
        """The levels made by merging, from the lowest up, where a child's polygon is another now."""
        drawn = self._given.drawn
        for number in sorted(self._given.dissolved, reverse=True):
            children: defaultdict[str | None, list[int]] = defaultdict(list)
            for at, one in enumerate(drawn):
                if one.level == number + 1:
                    children[one.parent].append(at)
            for at, one in enumerate(drawn):
                mine = children[one.code]
                if one.level == number and any(self._shapes[it] is not drawn[it].geometry for it in mine):
                    self._shapes[at] = merge(self._shapes[it] for it in mine)

    def drawing(self) -> Drawing:
        """The drawing as it is now; the given one itself where nothing changed."""
        pairs = list(zip(self._given.drawn, self._shapes, strict=True))
        if all(one.geometry is shape for one, shape in pairs):
            return self._given
        now = (one if one.geometry is shape else replace(one, geometry=shape) for one, shape in pairs)
        return replace(self._given, drawn=tuple(now))

    def changes(self) -> Iterator[Change]:
        """What was done to each grid that is another now, in the order of the drawing."""
        for at, (one, shape) in enumerate(zip(self._given.drawn, self._shapes, strict=True)):
            if one.geometry is not shape:
                yield Change(
                    self._given.levels[one.level].key,
                    one.code,
                    ground_m2(one.geometry),
                    ground_m2(shape),
                    self._won[at],
                    self._lost[at],
                    self._farthest[at],
                )
