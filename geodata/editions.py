"""Two editions of a hierarchy compared, level by level, by the ground their grids share: what was kept,
split, merged, moved, renamed, and which grids follow an old one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.changes import Change, Kind, Share, detail_texts, ground_texts, level_texts
from geodata.grids import Grid, GridPath, Hierarchy, Level
from geodata.overlay import Overlay, overlay, plane_of
from geodata.reuse import reused_codes
from geodata.succession import is_closed, succession

__all__ = ["Change", "Comparison", "Kind", "Share", "Successor", "compare", "reused_codes"]

Codes = tuple[str, ...]
Fate = tuple[Kind, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Successor:
    """A grid of the new edition on the ground of an old one: its path, the share of the old grid's area that
    it has, and what share of its own area that is (both 0..1)."""

    path: GridPath
    of_old: float
    of_new: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a new edition changes of an old one: `changes` by level (widest first), kind and codes; `kept`:
    for each common level (by its key) the codes whose grids have the border they had."""

    changes: tuple[Change, ...]
    kept: Mapping[str, Codes]
    _grounds: tuple[BaseGeometry | None, ...] = field(repr=False)
    _old: Hierarchy = field(repr=False)
    _new: Hierarchy = field(repr=False)
    _laid: Mapping[int, Overlay] = field(repr=False)

    def successors(self, path: Sequence[str]) -> tuple[Successor, ...]:
        """The new grids on the ground of an old one, largest share first; of a grid that was kept, itself.

        Strips that are no wider than a moved border's tolerance are left out. Where the new edition has not
        the level, they are grids of the level in its place, else of the next narrower, else of the next wider
        one. Raises UnknownGrid for a path that the old edition does not have.
        """
        grid = self._old.grid(path)
        laid = self._laid[grid.level]
        number = bisect_left(laid.old, grid.code, key=lambda one: one.code)
        found = [
            Successor(
                self._new.path(laid.new[second]),
                m2 / float(laid.old_m2[number]),
                m2 / float(laid.new_m2[second]),
            )
            for second, m2 in laid.shared_with(number)
        ]
        # Halves differ by rounding only: then the codes decide.
        return tuple(sorted(found, key=lambda one: (-round(one.of_old, 9), one.path)))

    def counts(self) -> dict[str, int]:
        """How many changes there are of each kind, and how many grids were kept, over all levels."""
        found = Counter(change.kind for change in self.changes)
        kept = sum(len(codes) for codes in self.kept.values())
        return {kind.value: many for kind in Kind if (many := kept if kind is Kind.kept else found[kind])}

    def to_dict(self) -> dict[str, object]:
        """The changes as plain values, for JSON; of what was kept, the numbers by level."""
        return {
            "counts": self.counts(),
            "kept": {key: len(codes) for key, codes in self.kept.items()},
            "changes": [change.to_dict() for change in self.changes],
        }

    def to_geojson(self) -> bytes:
        """The changes as GeoJSON (RFC 7946) for QGIS, each with the ground concerned.

        That is what changed hands of a redrawn grid, all the ground of those split, merged and rearranged,
        and the polygon of any other. A change of a level has no geometry.
        """
        features = [
            {
                "type": "Feature",
                "id": number,
                "properties": _flat(change),
                "geometry": None if ground is None else orjson.Fragment(shapely.to_geojson(ground)),
            }
            for number, (change, ground) in enumerate(zip(self.changes, self._grounds, strict=True), 1)
        ]
        return orjson.dumps({"type": "FeatureCollection", "features": features})


def compare(old: Hierarchy, new: Hierarchy) -> Comparison:
    """Compare two editions; levels are matched by their keys, grids by the ground they share.

    The thresholds stand with their reasons in geodata.overlay (TOLERANCE_M, PART) and geodata.succession.
    About 3 s for two drawings of 1 + 10 + 124 + 4,833 grids of which every border moved, less where few did.
    """
    plane = plane_of(old, new)
    laid = {
        number: overlay(old.at(number), new.at(_counterpart(old, new, number)), plane)
        for number in range(len(old.levels))
    }
    levels = _Levels(old, new, laid)
    changes: list[tuple[Change, BaseGeometry | None]] = []
    kept: dict[str, Codes] = {}
    for level in _all_levels(old, new):
        if level.key not in levels.common:
            changes.append((levels.whole(level), None))
            continue
        fates = levels.fates[level.key]
        codes = [old.at(level.key)[olds[0]].code for kind, olds, _ in fates if kind is Kind.kept]
        kept[level.key] = tuple(sorted(codes))
        changes += levels.changes(level)
    return Comparison(
        tuple(change for change, _ in changes), kept, tuple(ground for _, ground in changes), old, new, laid
    )


def _all_levels(old: Hierarchy, new: Hierarchy) -> list[Level]:
    """The new levels, named as they are now, then those that are gone."""
    keys = {level.key for level in new.levels}
    return [*new.levels, *(level for level in old.levels if level.key not in keys)]


def _counterpart(old: Hierarchy, new: Hierarchy, number: int) -> int:
    """The number of the new level with the same key as an old one, or of the one that stands in for it."""
    there = {level.key: at for at, level in enumerate(new.levels)}
    key = old.levels[number].key
    if key in there:
        return there[key]
    wider = [there[level.key] for level in old.levels[:number] if level.key in there]
    narrower = [there[level.key] for level in old.levels[number + 1 :] if level.key in there]
    above, below = (wider or [-1])[-1], (narrower or [len(new.levels)])[0]
    if above + 1 < below:
        return above + 1
    return below if below < len(new.levels) else above


class _Levels:
    """The common levels of two editions, with what became of each of their grids."""

    def __init__(self, old: Hierarchy, new: Hierarchy, laid: Mapping[int, Overlay]) -> None:
        self.old, self.new = old, new
        keys = {level.key for level in new.levels}
        self.common = [level.key for level in old.levels if level.key in keys]
        self.laid = {key: laid[old.level_number(key)] for key in self.common}
        self.fates = {key: tuple(_fates(self.laid[key])) for key in self.common}
        self._follows = {
            key: {
                self.laid[key].old[olds[0]].code: self.laid[key].new[news[0]].code
                for kind, olds, news in self.fates[key]
                if kind in (Kind.kept, Kind.recoded, Kind.redrawn)
            }
            for key in self.common
        }

    def whole(self, level: Level) -> Change:
        """A level that came or went."""
        is_new = level in self.new.levels
        kind = Kind.level_added if is_new else Kind.level_removed
        zh, en = level_texts(kind, level, len((self.new if is_new else self.old).at(level.key)))
        return Change(kind, level.key, (), (), (), None, zh, en)

    def changes(self, level: Level) -> list[tuple[Change, BaseGeometry]]:
        """What changed at a common level, each change with its ground."""
        laid = self.laid[level.key]
        links = _links(laid)
        found: list[tuple[Kind, Codes, Codes, tuple[Share, ...], tuple[str, str], BaseGeometry]] = []
        for kind, olds, news in self.fates[level.key]:
            before, after = [laid.old[at] for at in olds], [laid.new[at] for at in news]
            a, b = tuple(grid.code for grid in before), tuple(grid.code for grid in after)
            shares = _shares(laid, links, olds, news)
            if kind is not Kind.kept:
                m2 = sum(grid.area_m2 for grid in before or after)
                texts = ground_texts(kind, level, a, b, shares, m2)
                found.append((kind, a, b, shares, texts, _ground(kind, before, after)))
            if kind in (Kind.kept, Kind.recoded, Kind.redrawn):
                for detail, was, now in self._details(before[0], after[0]):
                    texts = detail_texts(detail, level, b[0], was, now)
                    found.append((detail, a, b, shares, texts, after[0].geometry))
        places = shapely.get_coordinates(
            shapely.point_on_surface(np.array([one[-1] for one in found], dtype=object))
        )
        order = {kind: at for at, kind in enumerate(Kind)}
        made = [
            (Change(kind, level.key, a, b, shares, (x, y), *texts), ground)
            for (kind, a, b, shares, texts, ground), (x, y) in zip(found, places.tolist(), strict=True)
        ]
        return sorted(made, key=lambda one: (order[one[0].kind], one[0].old, one[0].new))

    def _details(self, before: Grid, after: Grid) -> Iterator[tuple[Kind, str | None, str | None]]:
        """What else changed about a grid that goes on: (kind, before, after)."""
        # Without a column of names a grid is called by its code: then a new code is no new name.
        nameless = (before.name, after.name) == (before.code, after.code)
        if before.name != after.name and not nameless:
            yield Kind.renamed, before.name, after.name
        was, now = self._parents(before, after)
        if was != now:
            yield Kind.reparented, was, now
        if before.responsible_unit != after.responsible_unit:
            yield Kind.unit_changed, before.responsible_unit, after.responsible_unit

    def _parents(self, before: Grid, after: Grid) -> tuple[str | None, str | None]:
        """The grids they lie in at the nearest wider level that both editions have; the old one by the code
        it has now, where it goes on."""
        above = [level.key for level in self.old.levels[: before.level] if level.key in self.common]
        above = [key for key in above if self.new.level_number(key) < after.level]
        if not above:
            return None, None
        key = above[-1]
        was = self.old.path(before)[self.old.level_number(key)]
        return self._follows[key].get(was, was), self.new.path(after)[self.new.level_number(key)]


def _fates(laid: Overlay) -> Iterator[Fate]:
    """What became of every grid of a level: (kind, numbers of old grids, numbers of new ones)."""
    follows = succession(laid)
    same = set(zip(laid.first[laid.same].tolist(), laid.second[laid.same].tolist(), strict=True))
    for old, new in follows.pairs:
        if (old, new) not in same:
            yield Kind.redrawn, (old,), (new,)
        else:
            equal = laid.old[old].code == laid.new[new].code
            yield (Kind.kept if equal else Kind.recoded), (old,), (new,)
    for olds, news in follows.groups:
        if (len(olds) > 1 and len(news) > 1) or not is_closed(laid, (olds, news)):
            yield Kind.rearranged, olds, news
        else:
            yield (Kind.split if len(olds) == 1 else Kind.merged), olds, news
    yield from ((Kind.retired, (old,), ()) for old in follows.retired)
    yield from ((Kind.added, (), (new,)) for new in follows.added)


Links = tuple[Mapping[int, Sequence[int]], Mapping[int, Sequence[int]]]


def _links(laid: Overlay) -> Links:
    """Where in the overlay the pairs of each old grid and of each new one stand."""
    of_old, of_new = defaultdict(list), defaultdict(list)
    for at, (old, new) in enumerate(zip(laid.first.tolist(), laid.second.tolist(), strict=True)):
        of_old[old].append(at)
        of_new[new].append(at)
    return of_old, of_new


def _shares(laid: Overlay, links: Links, olds: Iterable[int], news: Iterable[int]) -> tuple[Share, ...]:
    """All ground that these grids share with any other, the largest first."""
    of_old, of_new = links
    at = {one for old in olds for one in of_old.get(old, ())} | {
        one for new in news for one in of_new.get(new, ())
    }
    found = [_share(laid, one) for one in at]
    return tuple(sorted(found, key=lambda one: (-one.m2, one.old, one.new)))


def _share(laid: Overlay, at: int) -> Share:
    old, new, m2 = int(laid.first[at]), int(laid.second[at]), float(laid.m2[at])
    of_old, of_new = m2 / float(laid.old_m2[old]), m2 / float(laid.new_m2[new])
    return Share(laid.old[old].code, laid.new[new].code, m2, of_old, of_new)


def _ground(kind: Kind, before: Sequence[Grid], after: Sequence[Grid]) -> BaseGeometry:
    """The ground that a change is about."""
    if kind is Kind.redrawn:
        apart = shapely.symmetric_difference(before[0].geometry, after[0].geometry)
        # A slit as wide as the last digit of its coordinates moves the border and covers no ground.
        return after[0].geometry if apart.is_empty else apart
    concerned = before if kind in (Kind.split, Kind.retired) else after
    if kind is Kind.rearranged:
        concerned = [*before, *after]
    if len(concerned) == 1:
        return concerned[0].geometry
    return shapely.union_all(np.array([grid.geometry for grid in concerned], dtype=object))


def _flat(change: Change) -> dict[str, object]:
    """A change as the attributes of a feature: lists as text, which QGIS shows in its table."""
    shares = ", ".join(f"{one.old}>{one.new} {one.of_old:.4f}/{one.of_new:.4f}" for one in change.shares)
    return {
        "kind": change.kind.value,
        "kind_zh": change.kind.zh,
        "level": change.level,
        "old": " ".join(change.old),
        "new": " ".join(change.new),
        "shares": shares,
        "zh": change.zh,
        "en": change.en,
    }
