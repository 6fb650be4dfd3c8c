"""The rules of routing read as a person would: every rule is asked, those that match are sorted, no index.

What is refused when rules are put together is found here by asking every rule of every situation of a small
city: it is written from the words at the head of dispatch.routing, and shares no code with it but the values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch.categories import Category, Field, Urgency
from dispatch.deadlines import Calendar
from dispatch.routing import FALLBACK, OWN, TERRITORIAL, Department, RoutingRule, Situation

ORDER = ("subject", "specialised", "under", "time", "urgency", "channel", "priority")


@dataclass(frozen=True)
class Reading:
    """A city's rules on paper."""

    departments: tuple[Department, ...]
    rules: tuple[RoutingRule, ...]
    fallback: str
    fields: dict[str, Field]
    calendar: Calendar


def is_about(rule: RoutingRule, category: Category, fields: dict[str, Field]) -> bool:
    if rule.category is not None:
        return rule.category == category.key
    if rule.category_class is not None:
        return rule.category_class == category.class_key
    if rule.field is not None:
        field = fields[rule.field]
        return category.key in field.categories or category.class_key in field.classes
    return True


def lies_in(rule: RoutingRule, grids: tuple[str, ...]) -> bool:
    if rule.specialised is None:
        return True
    return any(rule.specialised in (grid, grid.split("/")[0]) for grid in grids)


def lies_under(rule: RoutingRule, path: tuple[str, ...]) -> bool:
    return list(path[: len(rule.under)]) == list(rule.under)


def holds_at(rule: RoutingRule, moment: datetime | None, calendar: Calendar) -> bool:
    if not rule.days and not rule.hours and rule.working is None:
        return True
    if moment is None:
        return False
    local = moment.astimezone(ZoneInfo(calendar.zone))
    today, clock = local.weekday(), local.time()
    days = rule.days or set(range(7))
    found = not rule.hours and today in days
    for begin, end in rule.hours:
        if begin < end:
            found |= today in days and begin <= clock < end
        else:
            found |= today in days and clock >= begin
            found |= (today - 1) % 7 in days and clock < end
    return found and rule.working in (None, works(local, calendar))


def works(local: datetime, calendar: Calendar) -> bool:
    """Working hours of a working day, by the clock on the wall."""
    opens = any(
        begin <= local.time() and (local.time() < end or end == time(0)) for begin, end in calendar.hours
    )
    return calendar.is_workday(local.date()) and opens


def unit_of(rule: RoutingRule, units: tuple[tuple[str, str], ...], codes: set[str]) -> str | None:
    for level, unit in units:
        if level == rule.territorial and unit in codes:
            return unit
    return None


def first_failed(reading: Reading, rule: RoutingRule, case: Situation) -> str | None:
    """The first condition that does not hold, in the order of specificity."""
    codes = {department.code for department in reading.departments}
    holds = {
        "subject": is_about(rule, case.category, reading.fields),
        "specialised": lies_in(rule, case.specialised),
        "under": lies_under(rule, case.path),
        "time": holds_at(rule, case.moment, reading.calendar),
        "urgency": not rule.urgencies or case.urgency in rule.urgencies,
        "channel": not rule.channels or case.channel in rule.channels,
        "territorial": rule.territorial is None or unit_of(rule, case.units, codes) is not None,
    }
    return next((name for name, held in holds.items() if not held), None)


def specificity(rule: RoutingRule) -> list[int]:
    """One number for each step of ORDER; the more specific rule has the larger at the first that differs."""
    subject = 3 if rule.category else 2 if rule.category_class else 1 if rule.field else 0
    grid = 0 if not rule.specialised else 2 if "/" in rule.specialised else 1
    when = 1 if rule.days or rule.hours or rule.working is not None else 0
    urgency, channel = int(bool(rule.urgencies)), int(bool(rule.channels))
    return [subject, grid, len(rule.under), when, urgency, channel, rule.priority]


def taker(reading: Reading, rule: RoutingRule, case: Situation) -> str:
    codes = {department.code for department in reading.departments}
    if rule.territorial is not None:
        unit = unit_of(rule, case.units, codes)
        assert unit is not None
        return unit
    branches = [
        one
        for one in reading.departments
        if rule.branch
        and one.parent == rule.department
        and list(case.path[: len(one.under)]) == list(one.under)
    ]
    return max(branches, key=lambda one: len(one.under)).code if branches else rule.department


def owner(reading: Reading, case: Situation) -> tuple[str, str]:
    """(department, rule), after everything has been asked."""
    matching = [rule for rule in reading.rules if first_failed(reading, rule, case) is None]
    if matching:
        best = sorted(matching, key=specificity)[-1]
        return taker(reading, best, case), best.name
    codes = {department.code for department in reading.departments}
    for usual in (case.department, case.category.department):
        if usual in codes:
            return str(usual), OWN
    for _, unit in reversed(case.units):
        if unit in codes:
            return unit, TERRITORIAL
    return reading.fallback, FALLBACK


@dataclass(frozen=True)
class Universe:
    """Every situation of a small city: each of these with each."""

    categories: Sequence[Category]
    grounds: Sequence[tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]
    specialised: Sequence[tuple[str, ...]]
    urgencies: Sequence[Urgency]
    channels: Sequence[str]
    moments: Sequence[datetime]

    def matching(self, reading: Reading) -> dict[str, NDArray[np.bool_]]:
        """For each rule, at which of all situations it matches."""
        codes = {department.code for department in reading.departments}
        rules = reading.rules
        answers = [
            [[is_about(rule, one, reading.fields) for one in self.categories] for rule in rules],
            [
                [
                    lies_under(rule, path) and (rule.territorial is None or bool(unit_of(rule, units, codes)))
                    for path, units in self.grounds
                ]
                for rule in rules
            ],
            [[lies_in(rule, grids) for grids in self.specialised] for rule in rules],
            [[not rule.urgencies or one in rule.urgencies for one in self.urgencies] for rule in rules],
            [[not rule.channels or one in rule.channels for one in self.channels] for rule in rules],
            [[holds_at(rule, one, reading.calendar) for one in self.moments] for rule in rules],
        ]
        # what no rule tells apart is asked once
        kinds = [np.unique(np.array(answer, dtype=bool), axis=1) for answer in answers]
        return {
            rule.name: np.logical_and.outer(
                np.logical_and.outer(
                    np.logical_and.outer(kinds[0][n], kinds[1][n]),
                    np.logical_and.outer(kinds[2][n], kinds[3][n]),
                ),
                np.logical_and.outer(kinds[4][n], kinds[5][n]),
            ).ravel()
            for n, rule in enumerate(rules)
        }


@dataclass(frozen=True)
class Conflicts:
    """What asking every situation finds: rules that match none, win none, and pairs that tie."""

    never_match: set[str]
    never_win: set[str]
    ties: set[tuple[str, str]]


def conflicts(reading: Reading, universe: Universe) -> Conflicts:
    matching = universe.matching(reading) if reading.rules else {}
    ranks = {rule.name: specificity(rule) for rule in reading.rules}
    never_match = {name for name, where in matching.items() if not where.any()}
    never_win = set()
    for name in matching.keys() - never_match:
        left = matching[name].copy()
        for other, where in matching.items():
            if ranks[other] > ranks[name]:
                left &= ~where
        if not left.any():
            never_win.add(name)
    ties = {
        (one, other)
        for one, other in pairs(list(matching))
        if ranks[one] == ranks[other] and (matching[one] & matching[other]).any()
    }
    return Conflicts(never_match, never_win, ties)


def pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    """Each two names, the one listed earlier first."""
    for number, later in enumerate(names):
        for earlier in names[:number]:
            yield earlier, later


def two_weeks(calendar: Calendar, monday: datetime, clocks: Sequence[time]) -> list[datetime]:
    """These clock times on each day of two weeks."""
    zone = ZoneInfo(calendar.zone)
    days = [monday.date() + timedelta(days=n) for n in range(14)]
    return [datetime.combine(day, clock, zone) for day, clock in product(days, clocks)]
