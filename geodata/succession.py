"""Which grids of a level follow which: single ones that go on; groups that were split, merged or rearranged.

Every old and every new grid ends in exactly one place, and reading the drawings the other way round gives the
same groups with old and new exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata.overlay import PART, WITHIN, Numbers, Overlay

MOST = 0.5
"""Where two grids share more than half of each, no third can do so with either of them: that grid goes on."""

Group = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Succession:
    """Numbers of old and new grids. `pairs`: one goes on as one; `groups`: several on at least one side."""

    pairs: tuple[tuple[int, int], ...]
    groups: tuple[Group, ...]
    retired: tuple[int, ...]
    added: tuple[int, ...]


def succession(laid: Overlay) -> Succession:
    """Follow the grids of a level by the ground they share.

    First what was cleanly split (the new grids lie within the old one and fill it, WITHIN) or merged (the
    same, the other way round); then grids that go on (MOST of both); what is left is grouped with whatever
    it shares at least a PART with. What shares no such part with anything is retired, or added.
    """
    groups = _Groups(len(laid.old), len(laid.new))
    for number in np.flatnonzero(_divided(laid)).tolist():
        groups.join(number=int(laid.first[number]), other=int(laid.second[number]))
    pairs = _going_on(laid, groups)
    left_old = groups.alone_old() - {old for old, _ in pairs}
    left_new = groups.alone_new() - {new for _, new in pairs}
    partner_of_old = dict(pairs)
    partner_of_new = {new: old for old, new in pairs}
    for at in np.flatnonzero(_leading(laid, left_old, left_new)).tolist():
        old, new = int(laid.first[at]), int(laid.second[at])
        groups.join(old, new)
        if old in partner_of_old:
            groups.join(old, partner_of_old[old])
        if new in partner_of_new:
            groups.join(partner_of_new[new], new)
    together = groups.groups()
    grouped = {old for olds, _ in together for old in olds}
    single = [(olds[0], news[0]) for olds, news in together if len(olds) == len(news) == 1]
    return Succession(
        pairs=tuple(sorted([pair for pair in pairs if pair[0] not in grouped] + single)),
        groups=tuple(group for group in together if len(group[0]) > 1 or len(group[1]) > 1),
        retired=tuple(sorted(left_old & groups.alone_old())),
        added=tuple(sorted(left_new & groups.alone_new())),
    )


def is_closed(laid: Overlay, group: Group) -> bool:
    """Whether the ground of the group's grids, where it is anybody's in both drawings, stays in the group."""
    olds, news = np.isin(laid.first, group[0]), np.isin(laid.second, group[1])
    inside = olds & news
    return all(
        np.all(_sums(number, inside, laid.m2) >= WITHIN * _sums(number, mine, laid.m2))
        for number, mine in ((laid.first, olds), (laid.second, news))
    )


def _sums(number: Numbers, chosen: NDArray[np.bool_], m2: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(number, weights=np.where(chosen, m2, 0.0)).astype(np.float64)


def _divided(laid: Overlay) -> NDArray[np.bool_]:
    """The links from a grid to the parts it was cleanly split into, or cleanly merged from."""
    parts = laid.of_new >= WITHIN, laid.of_old >= WITHIN
    wholes = (laid.first, laid.old_m2), (laid.second, laid.new_m2)
    found = np.zeros(len(laid.first), bool)
    for part, (whole, whole_m2) in zip(parts, wholes, strict=True):
        many = np.bincount(whole[part], minlength=len(whole_m2)) >= 2
        filled = np.bincount(whole[part], weights=laid.m2[part], minlength=len(whole_m2)) >= WITHIN * whole_m2
        found |= part & (many & filled)[whole]
    return found


def _going_on(laid: Overlay, groups: _Groups) -> list[tuple[int, int]]:
    """One old grid and one new one that are mostly the same ground; the same code first, where drawings
    overlap themselves."""
    mostly = np.flatnonzero((laid.of_old > MOST) & (laid.of_new > MOST) | laid.same)
    order = mostly[np.lexsort((-laid.m2[mostly], ~laid.same_code[mostly]))]
    free_old, free_new = groups.alone_old(), groups.alone_new()
    pairs = []
    for at in order.tolist():
        old, new = int(laid.first[at]), int(laid.second[at])
        if old in free_old and new in free_new:
            free_old.remove(old)
            free_new.remove(new)
            pairs.append((old, new))
    return pairs


def _leading(laid: Overlay, left_old: set[int], left_new: set[int]) -> NDArray[np.bool_]:
    """The links by which the grids that are left lead somewhere: their PARTs; all of them, where their ground
    was scattered in parts smaller than that and yet is somebody's."""
    leading = (laid.of_old >= PART) | (laid.of_new >= PART)
    found = np.zeros(len(laid.first), bool)
    sides = (laid.first, laid.old_m2, left_old), (laid.second, laid.new_m2, left_new)
    for number, whole_m2, left in sides:
        mine = np.isin(number, sorted(left))
        led = np.bincount(number[mine & leading], minlength=len(whole_m2)) > 0
        taken = np.bincount(number, weights=laid.m2, minlength=len(whole_m2)) >= PART * whole_m2
        found |= mine & (leading | (~led & taken)[number])
    return found


class _Groups:
    """Old and new grids that belong together (union-find); new ones are numbered on after the old ones."""

    def __init__(self, old: int, new: int) -> None:
        self._old = old
        self._root = list(range(old + new))

    def join(self, number: int, other: int) -> None:
        """Put an old and a new grid into one group."""
        a, b = self._find(number), self._find(self._old + other)
        self._root[max(a, b)] = min(a, b)

    def _find(self, at: int) -> int:
        while self._root[at] != at:
            self._root[at] = self._root[self._root[at]]
            at = self._root[at]
        return at

    def _members(self) -> dict[int, list[int]]:
        members: dict[int, list[int]] = {}
        for at in range(len(self._root)):
            members.setdefault(self._find(at), []).append(at)
        return members

    def alone_old(self) -> set[int]:
        """The old grids that are in no group yet."""
        return {one[0] for one in self._members().values() if len(one) == 1 and one[0] < self._old}

    def alone_new(self) -> set[int]:
        """The new grids that are in no group yet."""
        alone = (one[0] for one in self._members().values() if len(one) == 1)
        return {at - self._old for at in alone if at >= self._old}

    def groups(self) -> tuple[Group, ...]:
        """The groups of more than one grid, in order of their first."""
        return tuple(
            (
                tuple(at for at in members if at < self._old),
                tuple(at - self._old for at in members if at >= self._old),
            )
            for members in self._members().values()
            if len(members) > 1
        )
