"""Whose an incident is: the most specific rule wins, and says why; every other rule says why not.

Of the rules whose conditions all hold, the one that is more specific wins, by the first of these that tells
two rules apart:

1. what it is about: a category, before a class, before a field (专业领域), before anything;
2. the specialised grid (专业网格): one by its code, before any of a field's, before none;
3. the place: the deeper ``under``, the longer grid path that the place must lie in;
4. the time: a rule that asks for days, hours or working time, before one that does not;
5. the urgency: a rule that asks for it, before one that does not;
6. the channel, likewise;
7. ``priority``: the higher number.

Where no rule holds, it belongs to

8. the department of its case standard, else the category's own;
9. the territorial unit of the place (属地兜底): of its grids the deepest whose unit is a department;
10. the fallback: the department that takes what nobody owns.

So no incident is ever without an owner. A place outside every grid has the path (), which only rules without
``under`` match. Ties, dead ends and rules that can never win are found when the rules are put together
(dispatch.routing_checks, dispatch.routing_conflicts), not when an incident arrives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from dispatch import routing_words
from dispatch.routing_rules import (
    CONDITIONS,
    FALLBACK,
    NO_RULE,
    OWN,
    TERRITORIAL,
    Department,
    Failed,
    Path,
    Routed,
    RoutingRule,
    Situation,
    Units,
)
from dispatch.routing_table import Moment, Ready, Routing

__all__ = [
    "CONDITIONS",
    "FALLBACK",
    "NO_RULE",
    "OWN",
    "TERRITORIAL",
    "Department",
    "Explanation",
    "Failed",
    "Path",
    "Routed",
    "Routing",
    "RoutingRule",
    "Situation",
    "Units",
    "explain",
    "route",
]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Who won, and why the others did not, the most specific first.

    ``others`` are put into words when they are read. ``elsewhere`` is the number of rules left out of
    them: for other categories, classes and fields.
    """

    winner: Routed
    others: Sequence[Failed]
    elsewhere: int = 0


def route(routing: Routing, case: Situation) -> Routed:
    """The department for a situation; the order stands at the head of this module. Raises NaiveTime.

    A territorial unit that is no department counts as none: that of the next wider grid answers.

    >>> from dispatch.categories import Categories, Category, Kind
    >>> light = Category("x", Kind.COMPONENT, "0301", "路灯", "Street light")
    >>> departments = [Department("lamps", "路灯管理处"), Department("desk", "受理中心")]
    >>> north = RoutingRule("lamps north", "lamps", light.key, under=("44", "01"))
    >>> routing = Routing(departments, [north], "desk", Categories([light]))
    >>> route(routing, Situation(light, ("44", "01", "007"))).reason
    'rule lamps north: 路灯 under 44/01 goes to 路灯管理处'
    >>> route(routing, Situation(light, ("44", "02"))).reason
    'no rule, no territorial unit: goes to 受理中心'
    """
    ready = routing.winner(case, Moment(case.moment, routing.calendar))
    return _without_rule(routing, case) if ready is None else routing.routed(ready, case)


def _without_rule(routing: Routing, case: Situation) -> Routed:
    category, known = case.category, routing.departments
    for usual in (case.department, category.department):
        if usual is not None and usual in known:
            return Routed(usual, OWN, f"no rule: {category.name_zh} usually goes to {routing.name(usual)}")
    for _, unit in reversed(case.units):
        if unit in known:
            return Routed(unit, TERRITORIAL, f"no rule: goes to {routing.name(unit)}, whose ground it is")
    what = f"territorial unit {case.units[-1][1]} is no department" if case.units else "no territorial unit"
    fallback = routing.fallback
    return Routed(fallback, FALLBACK, f"no rule, {what}: goes to {routing.name(fallback)}")


class _Others(Sequence[Failed]):
    """The rules that did not win, put into words only when somebody reads them."""

    __slots__ = ("_case", "_far", "_near", "_now", "_routing", "_told", "_winner")

    def __init__(
        self,
        routing: Routing,
        case: Situation,
        now: Moment,
        winner: Ready | None,
        near: list[list[Ready]],
        far: list[list[Ready]],
    ) -> None:
        self._routing, self._case, self._now, self._winner = routing, case, now, winner
        self._near, self._far = near, far
        self._told: tuple[Failed, ...] | None = None

    def __len__(self) -> int:
        return sum(map(len, (*self._near, *self._far))) - (self._winner is not None)

    @overload
    def __getitem__(self, index: int) -> Failed: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Failed, ...]: ...
    def __getitem__(self, index: int | slice) -> Failed | tuple[Failed, ...]:
        return self._words()[index]

    def __iter__(self) -> Iterator[Failed]:
        return iter(self._words())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (tuple, _Others)) and self._words() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._words())

    def __repr__(self) -> str:
        return repr(self._words())

    def _words(self) -> tuple[Failed, ...]:
        if self._told is None:
            near = [self._failed(one) for part in self._near for one in part if one is not self._winner]
            far = [
                Failed(one.rule.name, one.rule.department, routing_words.other_subject(one.rule), "subject")
                for part in self._far
                for one in part
            ]
            self._told = (*near, *far)
        return self._told

    def _failed(self, ready: Ready) -> Failed:
        rule, case = ready.rule, self._case
        if rule.specialised and not _lies_in(rule.specialised, case):
            return Failed(rule.name, rule.department, routing_words.other_grid(rule, case), "specialised")
        if case.path[: len(rule.under)] != rule.under:
            return _elsewhere(ready, case)
        lost = None if ready.plain else _first_failed(self._routing, ready, case, self._now)
        if lost is not None:
            return Failed(rule.name, rule.department, lost[1], lost[0])
        assert self._winner is not None, "what matches is beaten by something"
        taker = self._routing.taker(rule, case) or ""
        return Failed(rule.name, taker, routing_words.beaten(rule, self._winner.rule), "rank")


def _elsewhere(ready: Ready, case: Situation) -> Failed:
    """It is for another place; the words are the same for every place there is, and kept."""
    if ready.elsewhere is not None and case.path:
        return ready.elsewhere
    rule = ready.rule
    found = Failed(rule.name, rule.department, routing_words.other_place(rule, case), "under")
    if case.path:
        ready.elsewhere = found
    return found


def _first_failed(routing: Routing, ready: Ready, case: Situation, now: Moment) -> tuple[str, str] | None:
    """The first condition that fails of those beyond subject, specialised grid and place, and in words."""
    rule, words = ready.rule, routing_words
    if not now.within(ready):
        local = now.local
        return "time", words.other_time(rule, local, local is not None and now.works)
    if rule.urgencies and case.urgency not in rule.urgencies:
        return "urgency", words.other_urgency(rule, case)
    if rule.channels and case.channel not in rule.channels:
        return "channel", words.other_channel(rule, case)
    if rule.territorial is not None and routing.taker(rule, case) is None:
        return "territorial", words.no_unit(rule, case)
    return None


def _lies_in(specialised: str, case: Situation) -> bool:
    if "/" in specialised:
        return specialised in case.specialised
    return any(one.partition("/")[0] == specialised for one in case.specialised)


def explain(routing: Routing, case: Situation, everything: bool = False) -> Explanation:
    """Who wins, and why each other candidate does not: its first condition that failed, or what beats it.

    Candidates are the rules about this category, its class, a field of it, or anything; ``everything`` tells
    of those for something else too, after them. Raises NaiveTime.
    """
    now = Moment(case.moment, routing.calendar)
    ready = routing.winner(case, now)
    winner = _without_rule(routing, case) if ready is None else routing.routed(ready, case)
    subjects = [subject for group, _ in routing.candidates(case.category) for subject in group]
    near = [routing.by_subject[subject] for subject in subjects]
    far: list[list[Ready]] = []
    elsewhere = len(routing.rules) - sum(map(len, near))
    if everything and elsewhere:
        far = [part for subject, part in routing.by_subject.items() if subject not in subjects]
        elsewhere = 0
    return Explanation(winner, _Others(routing, case, now, ready, near, far), elsewhere)
