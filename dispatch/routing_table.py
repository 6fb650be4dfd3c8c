"""A city's departments and routing rules, laid out so that the winner is found without reading all of them.

The order in which rules win stands at the head of dispatch.routing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from dispatch import routing_words
from dispatch.categories import Categories, Category, Field
from dispatch.deadlines import Calendar
from dispatch.errors import BadRules, NaiveTime, UnknownDepartment
from dispatch.routing_checks import problems
from dispatch.routing_rules import (
    ANYTHING,
    OF_CATEGORY,
    OF_CLASS,
    OF_FIELD,
    Department,
    Failed,
    Path,
    Rank,
    Routed,
    RoutingRule,
    Situation,
    Subject,
    fields_of,
)
from dispatch.weeks import WEEK, minute_of, minutes


class Ready:
    """A rule as it is asked, its rank, and as bits the minutes of the week at which it holds (None: all).

    What is said of it is kept: ``routed`` where it always goes to the same department, ``elsewhere`` where it
    is for another place.
    """

    __slots__ = ("elsewhere", "plain", "rank", "routed", "rule", "week")

    def __init__(self, rule: RoutingRule) -> None:
        self.rule = rule
        self.rank: Rank = rule.rank
        self.week = _bits(minutes(rule.days, rule.hours)) if rule.days or rule.hours else None
        self.plain = not (rule.timed or rule.urgencies or rule.channels or rule.territorial)
        self.routed: Routed | None = None
        self.elsewhere: Failed | None = None


def _bits(week: int) -> bytes:
    return week.to_bytes((WEEK + 7) // 8, "little")


#: How deep the rules of one subject and specialised grid lie, deepest first, and the rules of each place.
_Grounds = tuple[list[int], dict[Path, list[Ready]]]
#: Subjects as specific as each other, and their grounds by specialised grid; the most specific first.
_Candidates = tuple[tuple[tuple[Subject, ...], tuple[dict[str, _Grounds], ...]], ...]


class Moment:
    """A situation's moment, looked at only when a rule asks: the local time, and whether the city works."""

    __slots__ = ("_calendar", "_minute", "_moment", "_works")

    def __init__(self, moment: datetime | None, calendar: Calendar | None) -> None:
        if moment is not None and moment.tzinfo is None:
            raise NaiveTime(moment)
        self._moment, self._calendar = moment, calendar
        self._minute: int | None = None
        self._works: bool | None = None

    @property
    def local(self) -> datetime | None:
        """In the calendar's zone; None where nobody says when."""
        if self._moment is None or self._calendar is None:
            return None
        return self._moment.astimezone(self._calendar.tz)

    @property
    def works(self) -> bool:
        """Is it working time? Only for a moment there is."""
        if self._works is None:
            assert self._moment is not None
            assert self._calendar is not None
            self._works = self._calendar.is_working(self._moment)
        return self._works

    def within(self, ready: Ready) -> bool:
        """Does the rule hold now?"""
        rule, week = ready.rule, ready.week
        if week is None and rule.working is None:
            return True
        minute = self._minute
        if minute is None:
            local = self.local
            minute = self._minute = -1 if local is None else minute_of(local)
        if minute < 0:
            return False
        if week is not None and not week[minute >> 3] >> (minute & 7) & 1:
            return False
        return rule.working is None or rule.working == self.works


class Routing:
    """A city's departments and routing rules, checked and ready for :func:`route`.

    ``fallback``: the code of the department that takes what nobody owns. ``fields`` are the fields that rules
    may be about, by key; ``calendar`` tells the zone of their days and hours and what working time is.

    Raises BadRules with everything that is wrong: what rules or departments name and does not exist, branches
    that are none, ties, rules that match nothing, and rules that can never win because more specific ones
    take all they could match.
    """

    __slots__ = (
        *("_branches", "_candidates", "_departments", "_grounds", "by_subject"),
        *("calendar", "categories", "fallback", "fields", "rules"),
    )

    def __init__(
        self,
        departments: Iterable[Department],
        rules: Iterable[RoutingRule],
        fallback: str,
        categories: Categories,
        *,
        fields: Mapping[str, Field] = MappingProxyType({}),
        calendar: Calendar | None = None,
    ) -> None:
        listed = tuple(departments)
        self.rules = tuple(rules)
        self.fallback = fallback
        self.categories = categories
        self.fields: Mapping[str, Field] = MappingProxyType(dict(fields))
        self.calendar = calendar
        if found := problems(listed, self.rules, fallback, categories, self.fields, calendar):
            raise BadRules(found)
        self._departments = {d.code: d for d in listed}
        self._branches: dict[str, dict[Path, str]] = {}
        for d in listed:
            if d.parent is not None:
                self._branches.setdefault(d.parent, {})[d.under] = d.code
        self._lay_out()
        self._candidates: dict[tuple[str, str], _Candidates] = {}
        for category in categories:
            self.candidates(category)

    def _lay_out(self) -> None:
        """The rules by subject, specialised grid and place, the most specific first in each."""
        self.by_subject: dict[Subject, list[Ready]] = {}
        self._grounds: dict[Subject, dict[str, _Grounds]] = {}
        for ready in sorted(map(Ready, self.rules), key=lambda ready: ready.rank, reverse=True):
            rule, within = ready.rule, ready.rule.specialised or ""
            self.by_subject.setdefault(rule.subject, []).append(ready)
            depths, at = self._grounds.setdefault(rule.subject, {}).setdefault(within, ([], {}))
            if len(rule.under) not in depths:
                depths.append(len(rule.under))
            at.setdefault(rule.under, []).append(ready)

    @property
    def departments(self) -> Mapping[str, Department]:
        """All departments by code."""
        return MappingProxyType(self._departments)

    def department(self, code: str) -> str:
        """The code, if there is such a department; raises UnknownDepartment."""
        if code not in self._departments:
            raise UnknownDepartment(code)
        return code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Routing) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self.rules)

    def __repr__(self) -> str:
        return f"<routing: {len(self._departments)} departments, {len(self.rules)} rules>"

    def _value(self) -> tuple[object, ...]:
        told = self.rules, self.fallback, self.categories, dict(self.fields), self.calendar
        return (self._departments, *told)

    def candidates(self, category: Category) -> _Candidates:
        """What rules for this category are about, and where they are, those that are as specific together."""
        known = (category.key, category.class_key)
        found = self._candidates.get(known)
        if found is None:
            subjects: list[list[Subject]] = [
                [(OF_CATEGORY, known[0])],
                [(OF_CLASS, known[1])],
                [(OF_FIELD, key) for key in fields_of(category, self.fields)],
                [ANYTHING],
            ]
            groups = [[one for one in group if one in self._grounds] for group in subjects]
            found = tuple(
                (tuple(group), tuple(self._grounds[one] for one in group)) for group in groups if group
            )
            if known[0] in self.categories:
                self._candidates[known] = found
        return found

    def winner(self, case: Situation, now: Moment) -> Ready | None:
        """The most specific rule that holds."""
        path, lies_in = case.path, case.specialised
        beginnings = [path[:depth] for depth in range(len(path) + 1)]
        tiers: tuple[tuple[str, ...], ...] = (("",),)
        if lies_in:
            tiers = (lies_in, tuple([one.partition("/")[0] for one in lies_in]), ("",))
        for _, alike in self.candidates(case.category):
            for tier in tiers:
                best: Ready | None = None
                for by_grid in alike:
                    for within in tier:
                        grounds = by_grid.get(within)
                        found = self._first(grounds, beginnings, case, now) if grounds is not None else None
                        if found is not None and (best is None or found.rank > best.rank):
                            best = found
                if best is not None:
                    return best
        return None

    def _first(self, grounds: _Grounds, beginnings: list[Path], case: Situation, now: Moment) -> Ready | None:
        """The most specific rule that holds, of one subject and specialised grid."""
        depths, at = grounds
        for depth in depths:
            if depth < len(beginnings):
                for ready in at.get(beginnings[depth], ()):
                    if ready.plain or self.holds(ready, case, now):
                        return ready
        return None

    def holds(self, ready: Ready, case: Situation, now: Moment) -> bool:
        """Its conditions beyond subject, specialised grid and place."""
        rule = ready.rule
        return (
            now.within(ready)
            and (not rule.urgencies or case.urgency in rule.urgencies)
            and (not rule.channels or case.channel in rule.channels)
            and (rule.territorial is None or self.taker(rule, case) is not None)
        )

    def taker(self, rule: RoutingRule, case: Situation) -> str | None:
        """The department that a rule which holds gives this to; None where no territorial unit is one."""
        if rule.territorial is not None:
            units = (unit for level, unit in case.units if level == rule.territorial)
            return next((unit for unit in units if unit in self._departments), None)
        if rule.branch:
            branches = self._branches.get(rule.department, {})
            for depth in range(len(case.path), 0, -1):
                if (code := branches.get(case.path[:depth])) is not None:
                    return code
        return rule.department

    def name(self, code: str) -> str:
        """What a department is called."""
        return self._departments[code].name_zh

    def routed(self, ready: Ready, case: Situation) -> Routed:
        """What a rule that holds says."""
        if ready.routed is not None:
            return ready.routed
        rule = ready.rule
        taker = self.taker(rule, case) or self.fallback
        said = f"rule {rule.name}: {routing_words.purpose(rule, self.categories, self.fields)}"
        said += f" goes to {self.name(taker)}"
        if rule.territorial is not None:
            said += ", whose ground it is"
        elif taker != rule.department:
            said += f", the branch of {self.name(rule.department)}"
        found = Routed(taker, rule.name, said, rule.co_handlers)
        if rule.territorial is None and not rule.branch:
            ready.routed = found
        return found
