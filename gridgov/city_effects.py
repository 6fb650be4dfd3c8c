"""Who gets what by one version of a city's rules that somebody else got by the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from dispatch import routing_words
from dispatch.categories import Category, Urgency
from dispatch.deadlines import Calendar
from dispatch.routing import FALLBACK, Path, Routing, RoutingRule, Situation, route
from dispatch.routing import TERRITORIAL as BY_GROUND
from dispatch.routing_rules import ANYTHING, OF_CATEGORY, OF_CLASS, OF_FIELD, Subject, fields_of
from dispatch.weeks import minute_of, minutes
from gridgov.city_rules import City

#: Who gets what no rule and no category gives to anybody: which unit that is, the place tells, not the rules.
TERRITORIAL: Final = "territorial unit 属地"
#: A Monday of ordinary weeks, and for how many days from it a rule's time is looked for.
_MONDAY: Final = date(2026, 3, 2)
_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Effect:
    """Incidents of a category under a grid path, () for all, that another department gets from now on.

    ``when`` says for which of them, empty for ordinary ones: of the category's urgency, in no specialised
    grid, at a time and by a channel that no rule asks for, filed under no case standard.
    """

    category: str
    name: str
    under: Path
    before: str
    after: str
    when: str = ""

    def __str__(self) -> str:
        where = f" under {'/'.join(self.under)}" if self.under else ""
        when = f", {self.when}" if self.when else ""
        return f"{self.name} ({self.category}){where}{when}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A situation to ask for, but for its category and place; ``when`` in words."""

    when: str = ""
    urgency: Urgency | None = None
    specialised: tuple[str, ...] = ()
    channel: str = ""
    moment: datetime | None = None
    standard: str | None = None


_ORDINARY: Final = _Asked()


def effects(old: City | None, new: City) -> list[Effect]:
    """Who gets what from now on that somebody else got until now, for categories that both versions have.

    Incidents that are dispatched already stay where they are. Asked at the places that rules name and, as (),
    at all others; for ordinary incidents, for those that rules with further conditions name, and for case
    standards with a department or urgency of their own. What changes as around it is not told again.
    """
    if old is None:
        return []
    known = {category.key: category for category in old.rules.categories}
    were, are = _Rules.of(old), _Rules.of(new)
    levels = tuple(sorted({*were.grounds.values(), *are.grounds.values()}))
    found: list[Effect] = []
    for category in new.rules.categories:
        if (before := known.get(category.key)) is not None:
            sides = (were, before), (are, category)
            found += _of_category(sides, levels)
    return found


@dataclass(frozen=True, slots=True)
class _Rules:
    """The routing of one version.

    ``about``: its rules by what they are about. ``grounds``: the level of each rule that gives things to
    territorial units.
    """

    routing: Routing
    about: dict[Subject, list[RoutingRule]]
    grounds: dict[str, str]

    @classmethod
    def of(cls, city: City) -> _Rules:
        routing = city.rules.routing
        about: dict[Subject, list[RoutingRule]] = {}
        for rule in routing.rules:
            about.setdefault(rule.subject, []).append(rule)
        return cls(routing, about, {one.name: one.territorial for one in routing.rules if one.territorial})

    def for_category(self, category: Category) -> Iterator[RoutingRule]:
        """The rules that are about a category, its class, a field of it, or anything."""
        fields = ((OF_FIELD, key) for key in fields_of(category, self.routing.fields))
        for subject in ((OF_CATEGORY, category.key), (OF_CLASS, category.class_key), *fields, ANYTHING):
            yield from self.about.get(subject, ())


Side = tuple[_Rules, Category]


def _of_category(sides: tuple[Side, Side], levels: Sequence[str]) -> Iterator[Effect]:
    category = sides[1][1]
    said: dict[_Asked, dict[Path, tuple[str, str]]] = {_ORDINARY: {}}
    told: dict[_Asked, dict[Path, tuple[str, str]]] = {}
    for asked, places in _questions(sides).items():
        for place in sorted(places, key=lambda place: (len(place), place)):
            before, after = (_taker(side, asked, place, levels) for side in sides)
            if asked is _ORDINARY:
                around = _nearest(place[:-1], said[_ORDINARY]) if place else None
                said[_ORDINARY][place] = before, after
            else:
                around = _nearest(place, told.get(asked, {}), told.get(_ORDINARY, {}))
            if before != after and (before, after) != around:
                told.setdefault(asked, {})[place] = before, after
                yield Effect(category.key, category.name_zh, place, before, after, asked.when)


def _nearest(place: Path, *said: dict[Path, tuple[str, str]]) -> tuple[str, str] | None:
    """What was said of the place or the nearest around it; of one place what the first says."""
    for depth in range(len(place), -1, -1):
        for one in said:
            if place[:depth] in one:
                return one[place[:depth]]
    return None


def _questions(sides: tuple[Side, Side]) -> dict[_Asked, set[Path]]:
    """What to ask for a category, the ordinary first, and at which places."""
    grounds: dict[_Asked, set[Path]] = {_ORDINARY: {()}}
    places: set[Path] = {()}
    for rules, category in sides:
        for rule in rules.for_category(category):
            places |= _grounds(rules.routing, rule)
            if (asked := _asked(rule, rules.routing.calendar)) is not _ORDINARY:
                grounds.setdefault(asked, set()).add(rule.under)
    both = [{one.code: one for one in category.standards} for _, category in sides]
    for code in both[1]:
        one, other = both[0].get(code), both[1][code]
        if one is not None and any((one.department, one.urgency, other.department, other.urgency)):
            grounds.setdefault(_Asked(f"case standard {code}", standard=code), set()).add(())
    return {
        asked: {p for p in places if any(p[: len(ground)] == ground for ground in under)}
        for asked, under in grounds.items()
    }


def _grounds(routing: Routing, rule: RoutingRule) -> set[Path]:
    """The places that a rule tells apart: its own, and the grounds of the branches it gives things to."""
    found = {rule.under}
    if rule.branch:
        branches = (one.under for one in routing.departments.values() if one.parent == rule.department)
        found |= {ground for ground in branches if ground[: len(rule.under)] == rule.under}
    return found


def _asked(rule: RoutingRule, calendar: Calendar | None) -> _Asked:
    """A situation in which everything holds that a rule asks for beyond its subject and place."""
    if not (rule.specialised or rule.timed or rule.urgencies or rule.channels):
        return _ORDINARY
    when: list[str] = []
    lies_in: tuple[str, ...] = ()
    if rule.specialised:
        when.append(f"in {routing_words.grid(rule.specialised)}")
        # for any grid of a field: one that no rule names
        lies_in = (rule.specialised if "/" in rule.specialised else f"{rule.specialised}/",)
    if rule.timed:
        when.append(routing_words.times(rule))
    if rule.urgencies:
        when.append(f"where {routing_words.choice(frozenset(map(str, rule.urgencies)))}")
    if rule.channels:
        when.append(f"by {routing_words.choice(rule.channels)}")
    return _Asked(
        ", ".join(when),
        max(rule.urgencies, key=list(Urgency).index, default=None),
        lies_in,
        min(rule.channels, default=""),
        _moment(rule, calendar) if rule.timed and calendar is not None else None,
    )


def _moment(rule: RoutingRule, calendar: Calendar) -> datetime | None:
    """A moment at which the rule holds, if there is one in ordinary weeks."""
    week = minutes(rule.days, rule.hours)
    clocks = {time(3), *(one for pair in (*rule.hours, *calendar.hours) for one in pair)}
    for day in range(_DAYS):
        for clock in sorted(clocks):
            local = datetime.combine(_MONDAY + timedelta(days=day), clock, calendar.tz)
            if week >> minute_of(local) & 1 and rule.working in (None, calendar.is_working(local)):
                return local
    return None


def _taker(side: Side, asked: _Asked, place: Path, levels: Sequence[str]) -> str:
    rules, category = side
    routing, grounds = rules.routing, rules.grounds
    norm = category.standard_of(asked.standard)
    situation = Situation(
        category,
        place,
        # Whose ground it is, the place tells; here anybody stands for its units.
        tuple((level, routing.fallback) for level in levels),
        asked.specialised,
        asked.urgency or norm.urgency or category.urgency,
        asked.channel,
        asked.moment,
        norm.department,
    )
    routed = route(routing, situation)
    if routed.rule in grounds:
        lead = f"{TERRITORIAL} ({grounds[routed.rule]})"
    elif routed.rule in (FALLBACK, BY_GROUND):
        lead = TERRITORIAL
    else:
        lead = routing.departments[routed.department].name_zh
    return " + ".join([lead, *(routing.departments[code].name_zh for code in routed.co_handlers)])
