"""Rules that stand in each other's way: two that tie, and those that can never match or never win.

Both are exact for what rules can ask, over every situation there could be: any category; any place, also a
new grid under a known one; any specialised grid or none, but at most one of each field; any urgency; any
channel; any minute of the week, in working time as far as the calendar's hours allow, or outside it. Which
territorial units are departments only the place tells: a territorial rule takes nothing for sure from any
rule but one of the same level. An incident always has a moment: what could win only where nobody says when
never wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, product
from typing import Final

from dispatch.categories import Categories, Field, Urgency
from dispatch.deadlines import Calendar
from dispatch.routing_rules import (
    ANYTHING,
    OF_CATEGORY,
    OF_CLASS,
    OF_FIELD,
    Path,
    RoutingRule,
    Subject,
    fields_of,
)
from dispatch.weeks import held, possible

_URGENCIES: Final = tuple(Urgency)
#: So many of the rules that take everything from another are named.
_NAMED: Final = 3
#: Of so many categories and rules the best names are looked for; all of them would take minutes.
_LOOKED_AT: Final = 50


class _Box:
    """A rule, and the minutes at which it can hold."""

    __slots__ = ("rank", "rule", "subject", "time", "within")

    def __init__(self, rule: RoutingRule, there_are: int) -> None:
        self.rule, self.rank, self.subject = rule, rule.rank, rule.subject
        self.within = rule.specialised or ""
        self.time = held(rule.days, rule.hours, rule.working) & there_are


def conflicts(
    rules: Iterable[RoutingRule],
    categories: Categories,
    fields: Mapping[str, Field],
    calendar: Calendar | None,
) -> list[str]:
    """Every rule that can never match or never win, and for every rule the first before it that it ties with.

    The rules name only what exists.
    """
    there_are = possible(calendar)
    boxes = [_Box(rule, there_are) for rule in rules]
    subjects = _Subjects(categories, fields)
    found = [
        f"rule {box.rule.name!r} can never match: the calendar has no working time at its days and hours"
        for box in boxes
        if not box.time
    ]
    can_hold = [box for box in boxes if box.time]
    return found + list(_ties(can_hold, subjects)) + list(_never(can_hold, subjects, there_are))


class _Subjects:
    """Which categories a subject means, and which subjects mean a category."""

    def __init__(self, categories: Categories, fields: Mapping[str, Field]) -> None:
        self.of: dict[str, tuple[Subject, ...]] = {}
        members: dict[Subject, list[str]] = {ANYTHING: []}
        for category in categories:
            found: list[Subject] = [(OF_CATEGORY, category.key)]
            if category.class_key:
                found.append((OF_CLASS, category.class_key))
            found += ((OF_FIELD, key) for key in fields_of(category, fields))
            found.append(ANYTHING)
            self.of[category.key] = tuple(found)
            for subject in found:
                members.setdefault(subject, []).append(category.key)
        self.members = {subject: frozenset(keys) for subject, keys in members.items()}

    def overlap(self, one: Subject, other: Subject) -> bool:
        """Is there a category that both mean? For subjects as specific as each other."""
        if one == other:
            return True
        return one[0] == OF_FIELD and not self.members[one].isdisjoint(self.members[other])


def _ties(boxes: list[_Box], subjects: _Subjects) -> Iterator[str]:
    """Rules of one rank that can hold at once: about one category, and at one place, for both are as deep."""
    seen: dict[tuple[object, ...], _Alike] = {}
    for box in boxes:
        field_or_key = OF_FIELD if box.subject[0] == OF_FIELD else box.subject
        alike = [
            seen.setdefault((box.rank, box.rule.under, field_or_key, urgency, channel), _Alike())
            for urgency, channel in product(
                sorted(box.rule.urgencies) or (None,), sorted(box.rule.channels) or (None,)
            )
        ]
        other = next((one for group in alike for one in group.at_once(box, subjects)), None)
        if other is not None:
            yield (
                f"rules {other.rule.name!r} and {box.rule.name!r} tie: both can hold at once, and neither is "
                "more specific; give the one that is to win a higher priority"
            )
        for group in alike:
            group.add(box)


class _Alike:
    """Rules of the same rank, place, urgency and channel, by the field of their specialised grid."""

    def __init__(self) -> None:
        self._boxes: dict[str, dict[str, list[_Box]]] = {}

    def add(self, box: _Box) -> None:
        by_grid = self._boxes.setdefault(box.within.partition("/")[0], {})
        by_grid.setdefault(box.within, []).append(box)

    def at_once(self, box: _Box, subjects: _Subjects) -> Iterator[_Box]:
        """Those of them that can hold where this one does: not in two grids of one field."""
        field = box.within.partition("/")[0]
        for other_field, by_grid in self._boxes.items():
            if other_field == field:
                nearby = by_grid.get(box.within, [])
            else:
                nearby = [one for found in by_grid.values() for one in found]
            for other in nearby:
                if other.time & box.time and subjects.overlap(other.subject, box.subject):
                    yield other


def _never(boxes: list[_Box], subjects: _Subjects, there_are: int) -> Iterator[str]:
    covers = _Covers(boxes, subjects, there_are)
    for box in boxes:
        if covers.all_of(box):
            names, complete = covers.some_that_take(box)
            take = f"{', '.join(map(repr, names))}{'' if complete else ' and others'}"
            take += " takes" if complete and len(names) == 1 else " take"
            yield f"rule {box.rule.name!r} can never win: {take} all it could match"


class _Covers:
    """The rules by subject, specialised grid and place, to ask what takes from a rule what it could match."""

    def __init__(self, boxes: list[_Box], subjects: _Subjects, there_are: int) -> None:
        self._subjects = subjects
        self._index: dict[tuple[Subject, str, Path], list[_Box]] = {}
        # by how specific the subject is and the place: categories of which the rules there take everything
        self._wholly: dict[tuple[int, Path], list[frozenset[str]]] = {}
        for box in sorted(boxes, key=lambda box: box.rank, reverse=True):
            self._index.setdefault((box.subject, box.within, box.rule.under), []).append(box)
        single: dict[Path, set[str]] = {}
        for (subject, within, under), found in self._index.items():
            if within or not _take_everything(found, there_are):
                continue
            if subject[0] == OF_CATEGORY:
                single.setdefault(under, set()).add(subject[1])
            else:
                self._wholly.setdefault((subject[0], under), []).append(subjects.members[subject])
        for under, keys in single.items():
            self._wholly.setdefault((OF_CATEGORY, under), []).append(frozenset(keys))

    def all_of(self, box: _Box) -> bool:
        """Is every situation that the rule matches taken by rules of higher rank?

        The situation that fewest others match lies right at its place, in no specialised grid but one that it
        asks for itself; so only rules with a beginning of its ``under`` are asked.
        """
        under = box.rule.under
        wholly = [
            keys
            for rank in range(box.subject[0] + 1, OF_CATEGORY + 1)
            for depth in range(len(under) + 1)
            for keys in self._wholly.get((rank, under[:depth]), ())
        ]
        return all(
            any(category in keys for keys in wholly) or self._takes(box, category)
            for category in self._subjects.members[box.subject]
        )

    def some_that_take(self, box: _Box) -> tuple[list[str], bool]:
        """The names of a few of the rules that take everything from this one; are they all of them?"""
        takers: dict[str, _Box] = {}
        members = sorted(self._subjects.members[box.subject])
        for category in members[:_LOOKED_AT]:
            for urgency, channel in _asked(box.rule):
                takers |= {one.rule.name: one for one in self._take(box, category, urgency, channel)}
            if len(takers) > _NAMED:
                return list(takers)[:_NAMED], False
        about = (self._subjects.members[one.subject] for one in takers.values())
        return list(takers), frozenset().union(*about).issuperset(members)

    def _take(self, box: _Box, category: str, urgency: Urgency, channel: str | None) -> Iterator[_Box]:
        """Rules that together take everything of this from it; of the first few, those that take most."""
        higher = (one for one in self._higher(box, category) if _holds(one.rule, urgency, channel))
        first = sorted(
            islice(higher, _LOOKED_AT),
            key=lambda one: (-(one.time & box.time).bit_count(), one.rule.name),
        )
        left = box.time
        for one in chain(first, higher):
            if left & one.time:
                yield one
            left &= ~one.time
            if not left:
                return

    def _takes(self, box: _Box, category: str) -> bool:
        """Do rules of higher rank take everything of this category?"""
        return all(
            _left(box, (one for one in self._higher(box, category) if _holds(one.rule, urgency, channel)))
            == 0
            for urgency, channel in _asked(box.rule)
        )

    def _higher(self, box: _Box, category: str) -> Iterator[_Box]:
        """Rules of higher rank that hold wherever this one does, for some times, urgencies and channels."""
        under, territorial = box.rule.under, box.rule.territorial
        implied = dict.fromkeys((box.within, box.within.partition("/")[0], ""))
        for subject in self._subjects.of[category]:
            if subject[0] < box.subject[0]:
                return
            for within in implied:
                for depth in range(len(under), -1, -1):
                    for other in self._index.get((subject, within, under[:depth]), ()):
                        if other.rank <= box.rank:
                            break
                        if other.rule.territorial in (None, territorial):
                            yield other


def _left(box: _Box, takers: Iterable[_Box]) -> int:
    """The minutes that they leave it."""
    left = box.time
    for one in takers:
        left &= ~one.time
        if not left:
            break
    return left


def _take_everything(boxes: list[_Box], there_are: int) -> bool:
    """Do rules of one subject and place take all there is of them, whatever the urgency, channel and time?"""
    for urgency in _URGENCIES:
        left = there_are
        for box in boxes:
            if box.rule.territorial is None and _holds(box.rule, urgency, None):
                left &= ~box.time
        if left:
            return False
    return True


def _asked(rule: RoutingRule) -> Iterable[tuple[Urgency, str | None]]:
    """Every urgency and channel it is for; None is a channel that no rule names: fewest others match."""
    return product(sorted(rule.urgencies) or _URGENCIES, sorted(rule.channels) or (None,))


def _holds(rule: RoutingRule, urgency: Urgency, channel: str | None) -> bool:
    return (not rule.urgencies or urgency in rule.urgencies) and (
        not rule.channels or (channel is not None and channel in rule.channels)
    )
