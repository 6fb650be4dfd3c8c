"""Departments, routing rules and what they may ask of an incident, as values; and how specific a rule is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from dispatch.categories import Category, Field, Urgency

Path = tuple[str, ...]

#: What a rule is about: how specific that is, and a key. The first is part of it because a category, a class
#: and a field may have the same key.
Subject = tuple[int, str]
OF_CATEGORY: Final = 3
OF_CLASS: Final = 2
OF_FIELD: Final = 1
ANYTHING: Final[Subject] = (0, "")

#: How specific a rule is, from the most telling part on; the larger wins (see dispatch.routing).
Rank = tuple[int, int, int, bool, bool, bool, int]
#: The parts of a rank by the condition that they are about.
CONDITIONS: Final = ("subject", "specialised", "under", "time", "urgency", "channel", "priority")

#: What stands in the place of a rule's name where no rule decided; rules may not be called so.
OWN: Final = "category"
TERRITORIAL: Final = "territorial"
FALLBACK: Final = "fallback"
NO_RULE: Final = (OWN, TERRITORIAL, FALLBACK)


@dataclass(frozen=True, slots=True)
class Crew:
    """People of a department who go out together (班组)."""

    code: str
    name_zh: str
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Department:
    """Somebody who puts things right (部门). ``parent`` is the code of the bureau whose branch for the ground
    ``under`` a grid path it is (as a street's own office of the district's bureau). ``crews`` are its own.
    """

    code: str
    name_zh: str
    name_en: str = ""
    parent: str | None = None
    under: Path = ()
    crews: tuple[Crew, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """What it is for, and whose that is.

    For incidents of a category, a class or a field (by key; none of them: all), that lie under a grid path
    and in a specialised grid (``field/code``, or ``field`` for any of that field's), that came on one of
    ``channels`` with one of ``urgencies`` (empty: all), on one of the weekdays ``days`` (Monday is 0, empty:
    all) within local ``hours`` (from, up to; an end not after its begin is on the next day, a rule's day
    being that of the begin; empty: all day), in the city's working time or out of it (``working``, None:
    both).

    They go to ``department``, with ``branch`` to its branch that covers the place closest, itself where there
    is none; or, ``department`` being empty, to the territorial unit of the grid of level ``territorial`` (a
    key): a place where no unit stands at that level, or one that is no department, is not matched.
    ``co_handlers`` have a part in it. ``priority`` decides between rules that are else as specific.
    """

    name: str
    department: str
    category: str | None = None
    category_class: str | None = None
    under: Path = ()
    field: str | None = None
    specialised: str | None = None
    days: frozenset[int] = frozenset()
    hours: tuple[tuple[time, time], ...] = ()
    working: bool | None = None
    urgencies: frozenset[Urgency] = frozenset()
    channels: frozenset[str] = frozenset()
    priority: int = 0
    branch: bool = False
    territorial: str | None = None
    co_handlers: tuple[str, ...] = ()

    @property
    def subject(self) -> Subject:
        """The category, class or field it is about, or anything."""
        if self.category is not None:
            return OF_CATEGORY, self.category
        if self.category_class is not None:
            return OF_CLASS, self.category_class
        return ANYTHING if self.field is None else (OF_FIELD, self.field)

    @property
    def timed(self) -> bool:
        """Does it ask for the time?"""
        return bool(self.days or self.hours) or self.working is not None

    @property
    def rank(self) -> Rank:
        """How specific it is; of two rules that match, the one with the larger rank wins.

        >>> anywhere = RoutingRule("all lamps", "lamps", category="x:component:0301")
        >>> at_night = RoutingRule("at night", "duty", hours=((time(18), time(8)),), priority=9)
        >>> anywhere.rank > at_night.rank
        True
        """
        return (
            self.subject[0],
            (2 if "/" in self.specialised else 1) if self.specialised else 0,
            len(self.under),
            self.timed,
            bool(self.urgencies),
            bool(self.channels),
            self.priority,
        )


#: The territorial units (属地) of a place: (the level's key, the unit) of its grids, widest first.
Units = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that rules may ask of an incident.

    ``path``: the grid path of the place, widest first, () where it lies in no grid; ``units`` the territorial
    units of its grids; ``specialised`` the specialised grids that it lies in, as ``field/code``, at most one
    of each field. ``moment`` None: nobody says when, and no rule that asks for the time matches.
    ``department`` is the case standard's own, None where it has none.
    """

    category: Category
    path: Path = ()
    units: Units = ()
    specialised: tuple[str, ...] = ()
    urgency: Urgency = Urgency.ORDINARY
    channel: str = ""
    moment: datetime | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """The department an incident belongs to, the rule that says so, a sentence for people, and who else has a
    part in it.
    """

    department: str
    rule: str
    reason: str
    co_handlers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule that did not win, and the first of its conditions that failed.

    ``condition`` is one of CONDITIONS, ``territorial``, or ``rank`` where it matches and another rule is more
    specific. ``department`` is where it would go; empty where only a place tells.
    """

    rule: str
    department: str
    why: str
    condition: str = ""


def fields_of(category: Category, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The keys of the fields that a category belongs to, itself or by its class."""
    return tuple(
        key
        for key, field in fields.items()
        if category.key in field.categories or (category.class_key and category.class_key in field.classes)
    )
