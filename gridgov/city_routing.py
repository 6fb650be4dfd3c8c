"""The departments and routing rules of a city's file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dispatch.categories import Categories, Field, Urgency
from dispatch.deadlines import Calendar
from dispatch.errors import BadRules
from dispatch.routing import Department, Routing, RoutingRule
from dispatch.routing_rules import Crew
from gridgov.city_blame import blame, names
from gridgov.city_calendars import STAND_IN
from gridgov.city_tables import DepartmentTable, RoutingTable
from gridgov.city_text import Reader, Where
from gridgov.city_values import UNREAD, channels, days, hours, path, several_of


def _crews(reader: Reader, where: Where, told: DepartmentTable) -> tuple[Crew, ...]:
    """The crews of a department, each code once."""
    for code, times in Counter(crew.code for crew in told.crews).items():
        if times > 1:
            reader.wrong(where, f"department {told.code} has {times} crews {code!r}: give each its own code")
    return tuple(Crew(crew.code, crew.name_zh, crew.name_en or "") for crew in told.crews)


def departments(reader: Reader) -> list[Department]:
    """`[[departments]]`; one that cannot be read is there all the same for what names it."""
    found = []
    for where, raw in reader.several(("departments",), reader.data.get("departments", [])):
        told = reader.table(where, raw, DepartmentTable)
        if told is not None:
            ground = path(reader, (*where, "under"), told.under)
            crews = _crews(reader, (*where, "crews"), told)
            found.append(Department(told.code, told.name_zh, told.name_en or "", told.parent, ground, crews))
        elif isinstance(raw, dict) and isinstance(raw.get("code"), str):
            found.append(Department(raw["code"], UNREAD))
    if not found:
        reader.wrong(("departments",), "the file needs at least one [[departments]]")
    return found


def routing(
    reader: Reader,
    listed: Sequence[Department],
    fallback: str | None,
    categories: Categories | None,
    fields: tuple[Mapping[str, Field], list[tuple[str, Where]]],
    calendar: Calendar | None,
) -> Routing | None:
    """`[[routing]]`, put together with what it names; None where that cannot be read.

    ``fields``: by key, and where each stands. ``calendar`` None: it cannot be read.
    """
    tables = reader.several(("routing",), reader.data.get("routing", []))
    found = [_rule(reader, where, raw) for where, raw in tables]
    rules = [rule for rule in found if rule is not None]
    if categories is None or fallback is None:
        return None
    by_key, places = fields
    try:
        return Routing(listed, rules, fallback, categories, fields=by_key, calendar=calendar or STAND_IN)
    except BadRules as error:
        standing = reader.several(("departments",), reader.data.get("departments", []))
        known = {
            "department": [one.code for one in listed],
            "parent": [one.code for one in listed],
            "co-handler": [one.code for one in listed],
            "category": [one.key for one in categories],
            "class": list(categories.classes),
            "field": list(by_key),
        }
        parts = {
            "department ": (names(standing, "code"), ("departments",)),
            "field ": (places, ("fields",)),
            "the fallback ": ([], ("city", "fallback_department")),
            "": (names(tables, "name"), ("routing",)),
        }
        for problem in error.problems:
            start = next(start for start in parts if problem.startswith(start))
            blame(reader, [problem], *parts[start], known)
        return None


def _rule(reader: Reader, where: Where, raw: object) -> RoutingRule | None:
    """One of `[[routing]]`; None where anything in it is wrong, for then nothing can be said of who wins."""
    told, before = reader.table(where, raw, RoutingTable), len(reader.problems)
    if told is None:
        return None
    rule = RoutingRule(
        told.name,
        told.department or "",
        told.category,
        told.class_,
        path(reader, (*where, "under"), told.under),
        field=told.field,
        specialised=told.specialised,
        days=days(reader, (*where, "days"), told.days),
        hours=hours(reader, (*where, "hours"), told.hours),
        working=told.working,
        urgencies=several_of(reader, (*where, "urgency"), told.urgency, Urgency),
        channels=channels(reader, (*where, "channels"), told.channels),
        priority=told.priority,
        branch=told.branch,
        territorial=told.territorial,
        co_handlers=tuple(told.co_handlers),
    )
    return rule if len(reader.problems) == before else None
