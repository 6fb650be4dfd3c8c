"""A city's file made into rules: everything wrong in it is found in one reading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import time
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from dispatch.categories import DEFAULT_LIMIT, Categories, Category, Kind, Urgency
from dispatch.deadlines import Calendar, Limit
from dispatch.errors import BadLimit, BadRules
from dispatch.routing import Department, Routing, RoutingRule
from dispatch.rules import Rules
from geodata.datum import Datum
from gridgov import shipped
from gridgov.calendars import Overrides, UnknownCountry, calendar
from gridgov.city_text import (
    BadCityFile,
    CalendarTable,
    CategoriesTable,
    CityTable,
    DepartmentTable,
    OwnTable,
    Reader,
    RoutingTable,
    Where,
)
from gridgov.in_force import CityFacts
from gridgov.outbox import rules as outbox

#: The weekdays as the file names them; Monday is 0.
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
_RANGE: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
#: What a part that cannot be read is replaced by, so that the parts that name it are looked at all the same.
_UNREAD: Final = "?"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class City:
    """A city as its file describes it; ``text`` is the file itself, ``grids`` its table `[grids]`,
    ``specialised`` its `[[specialised]]`, ``telling`` who is told what.
    """

    version: int
    facts: CityFacts
    rules: Rules
    grids: Mapping[str, Any]
    specialised: tuple[Any, ...]
    country: str | None
    text: str
    telling: outbox.Telling


@lru_cache(maxsize=8)
def parse(text: str, version: int) -> City:
    """The city that this file describes; its rules get this version.

    Raises BadCityFile with every problem in it and its place: no TOML at all, unknown tables and keys, values
    that are not as expected, rules that contradict themselves or name what does not exist.
    """
    reader = Reader(text)
    facts, fallback = _facts(reader)
    departments = _departments(reader)
    categories = _categories(reader, {d.code for d in departments})
    routing = _routing(reader, departments, fallback, categories)
    working, country = _calendar(reader, facts.zone if facts else None)
    grids = reader.section("grids")
    telling = outbox.parse(reader, categories, {d.code for d in departments})
    layers = reader.several(("specialised",), reader.data.get("specialised", []))
    if reader.problems or facts is None or routing is None or working is None:
        raise BadCityFile(sorted(reader.problems, key=lambda problem: problem.line or 0))
    rules = Rules(version, routing.categories, routing, working)
    named = tuple(one for _, one in layers)
    return City(version, facts, rules, MappingProxyType(dict(grids)), named, country, text, telling)


def _facts(reader: Reader) -> tuple[CityFacts | None, str | None]:
    if "city" not in reader.data:
        reader.wrong(("city",), "the file needs a table [city]")
        return None, None
    raw = reader.section("city")
    told = reader.table(("city",), raw, CityTable)
    if told is None:
        return None, str(raw.get("fallback_department", _UNREAD))
    datum = _one_of(reader, ("city", "datum"), told.datum, Datum)
    facts = CityFacts(told.name_zh, told.name_en, told.case_prefix, told.zone, told.made_up, datum)
    return facts, told.fallback_department


def _departments(reader: Reader) -> list[Department]:
    found = []
    for where, raw in reader.several(("departments",), reader.data.get("departments", [])):
        told = reader.table(where, raw, DepartmentTable)
        if told is not None:
            found.append(Department(told.code, told.name_zh, told.name_en or ""))
        elif isinstance(raw, dict) and isinstance(raw.get("code"), str):
            found.append(Department(raw["code"], _UNREAD))
    if not found:
        reader.wrong(("departments",), "the file needs at least one [[departments]]")
    return found


def _categories(reader: Reader, departments: set[str]) -> Categories | None:
    section = dict(reader.section("categories"))
    own = reader.several(("categories", "own"), section.pop("own", []))
    told = reader.table(("categories",), section, CategoriesTable) or CategoriesTable()
    placed = [
        (where, one) for where, raw in own if (one := _own(reader, where, raw, told, departments)) is not None
    ]
    listed = [*_included(reader, told, departments), *(one for _, one in placed)]
    if any(category.standard == _UNREAD for category in listed):
        reader.wrong(("categories",), "its own categories need a standard: write one here, or one for each")
    if not listed:
        reader.wrong(
            ("categories",), "a city needs categories: include a shipped list, or add [[categories.own]]"
        )
        return None
    chosen = _settings(reader, told, listed)
    try:
        return Categories(replace(c, **chosen(c)) for c in listed)
    except BadRules as error:
        named = [(name, where) for where, one in placed for name in (one.key, *one.aliases)]
        _blame(reader, error.problems, named, ("categories",))
        return None


def _included(reader: Reader, told: CategoriesTable, departments: set[str]) -> list[Category]:
    there = shipped.standards()
    for number, name in enumerate(told.include):
        if name not in there:
            place = ("categories", "include", number)
            reader.wrong(place, f"no list {name!r} comes with the program; there are {', '.join(there)}")
    # A misspelt list may be any of them: what the rest of the file names is looked for in all.
    included = set(told.include) if set(told.include) <= set(there) else set(there)
    taken = [listed for listed in shipped.categories() if listed.category.standard in included]
    kinds = {listed.department_kind for listed in taken}
    for kind, code in told.departments.items():
        where = ("categories", "departments", kind)
        if kind not in kinds:
            reader.wrong(where, "no included list has this kind of department" + _near(kind, kinds))
        _department(reader, where, code, departments)
    own = {kind: code for kind, code in told.departments.items() if code in departments}
    return [replace(listed.category, department=own.get(listed.department_kind)) for listed in taken]


def _own(
    reader: Reader, where: Where, raw: object, told: CategoriesTable, departments: set[str]
) -> Category | None:
    one = reader.table(where, raw, OwnTable)
    if one is None:
        return _stand_in(raw, told)
    if one.department is not None:
        _department(reader, (*where, "department"), one.department, departments)
    return Category(
        standard=one.standard or told.standard or _UNREAD,
        kind=_one_of(reader, (*where, "kind"), one.kind, Kind) or Kind.EVENT,
        code=one.code,
        name_zh=one.name_zh,
        name_en=one.name_en or "",
        class_code=one.class_code or "",
        class_zh=one.class_zh or "",
        class_en=one.class_en or "",
        urgency=_one_of(reader, (*where, "urgency"), one.urgency, Urgency) or Urgency.ORDINARY,
        limit=_limit(reader, (*where, "limit"), one.limit) or DEFAULT_LIMIT,
        limit_is_default=one.limit is None,
        department=one.department if one.department in departments else None,
        aliases=tuple(one.aliases),
        origin="city",
    )


def _stand_in(raw: object, told: CategoriesTable) -> Category | None:
    """What an own category that cannot be read is called, so that what names it is not wrong as well."""
    if not isinstance(raw, dict) or not isinstance(raw.get("code"), str):
        return None
    kind = Kind(raw["kind"]) if raw.get("kind") in tuple(Kind) else Kind.EVENT
    standard = str(raw.get("standard") or told.standard or _UNREAD)
    return Category(standard, kind, raw["code"], _UNREAD, "", class_code=str(raw.get("class_code", "")))


def _settings(
    reader: Reader, told: CategoriesTable, listed: list[Category]
) -> Callable[[Category], dict[str, Any]]:
    """What the city sets for a category: by its key, else by its class's key unless it states its own."""
    known = {c.key for c in listed} | {c.class_key for c in listed if c.class_key}
    limits = {
        key: limit
        for key, text in told.limits.items()
        if (limit := _limit(reader, ("categories", "limits", key), text)) is not None
    }
    urgencies = {
        key: urgency
        for key, text in told.urgency.items()
        if (urgency := _one_of(reader, ("categories", "urgency", key), text, Urgency)) is not None
    }
    for name, table in (("limits", told.limits), ("urgency", told.urgency)):
        for key in table:
            if key not in known:
                reader.wrong(
                    ("categories", name, key), f"{key!r} is no key of a category or class" + _near(key, known)
                )

    def chosen(category: Category) -> dict[str, Any]:
        own = category.origin == "city"
        limit = limits.get(category.key)
        if limit is None and not (own and not category.limit_is_default):
            limit = limits.get(category.class_key)
        urgency = urgencies.get(category.key)
        if urgency is None and category.urgency is Urgency.ORDINARY:
            urgency = urgencies.get(category.class_key)
        changes: dict[str, Any] = {} if limit is None else {"limit": limit, "limit_is_default": False}
        return changes if urgency is None else {**changes, "urgency": urgency}

    return chosen


def _routing(
    reader: Reader, departments: list[Department], fallback: str | None, categories: Categories | None
) -> Routing | None:
    tables = reader.several(("routing",), reader.data.get("routing", []))
    rules = []
    for where, raw in tables:
        told = reader.table(where, raw, RoutingTable)
        if told is None:
            continue
        under = tuple(told.under.split("/")) if told.under else ()
        if not all(under):
            reader.wrong(
                (*where, "under"), f"{told.under!r} is no grid path: write codes, widest first, with slashes"
            )
        rules.append(RoutingRule(told.name, told.department, told.category, told.class_, under))
    if categories is None or fallback is None:
        return None
    try:
        return Routing(departments, rules, fallback, categories)
    except BadRules as error:
        listed = reader.several(("departments",), reader.data.get("departments", []))
        of_departments = [p for p in error.problems if p.startswith("department ")]
        of_rules = [p for p in error.problems if not p.startswith(("department ", "the fallback "))]
        _blame(reader, of_departments, _names(listed, "code"), ("departments",))
        _blame(reader, of_rules, _names(tables, "name"), ("routing",))
        for problem in set(error.problems) - {*of_departments, *of_rules}:
            reader.wrong(("city", "fallback_department"), problem)
        return None


def _blame(
    reader: Reader, problems: Iterable[str], named: Iterable[tuple[str, Where]], otherwise: Where
) -> None:
    """Note what `dispatch` found, each at the table whose name it quotes first, the last of that name."""
    where = {repr(name): place for name, place in named}
    for problem in problems:
        quoted = (where[name] for name in _QUOTED.findall(problem) if name in where)
        reader.wrong(next(quoted, otherwise), problem)


def _names(tables: Iterable[tuple[Where, Any]], key: str) -> list[tuple[str, Where]]:
    return [(str(table.get(key)), where) for where, table in tables if isinstance(table, dict)]


def _calendar(reader: Reader, zone: str | None) -> tuple[Calendar | None, str | None]:
    told = reader.table(("calendar",), reader.section("calendar"), CalendarTable)
    if told is None:
        return None, None
    hours = [_hours(reader, ("calendar", "hours", n), text) for n, text in enumerate(told.hours)]
    week = []
    for number, day in enumerate(told.week):
        if day in WEEK:
            week.append(WEEK.index(day))
        else:
            reader.wrong(("calendar", "week", number), f"{day!r} is no weekday: write {', '.join(WEEK)}")
    if told.subdivision and not told.country:
        reader.wrong(("calendar", "subdivision"), "a subdivision of which country? Name it too")
    overrides = Overrides(
        frozenset(told.days_off),
        frozenset(told.workdays),
        frozenset(told.confirmed_years),
        tuple(found for found in hours if found is not None),
        frozenset(week),
    )
    try:
        return calendar(zone or "UTC", told.country, told.subdivision, overrides=overrides), told.country
    except UnknownCountry as error:
        reader.wrong(("calendar", "country"), error.message)
    except BadRules as error:
        for problem in error.problems:
            reader.wrong(("city", "zone") if "zone" in problem else ("calendar",), problem)
    return None, None


def _hours(reader: Reader, where: Where, text: str) -> tuple[time, time] | None:
    found = _RANGE.fullmatch(text)
    if found is None:
        reader.wrong(
            where, f"{text!r} is no range of hours: write it like 08:00-12:00, midnight at its end as 24:00"
        )
        return None
    end = time(int(found[3]), int(found[4])) if found[3] else time(0)
    return time(int(found[1]), int(found[2])), end


def _limit(reader: Reader, where: Where, text: str | None) -> Limit | None:
    try:
        return None if text is None else Limit.parse(text)
    except BadLimit as error:
        reader.wrong(where, error.message)
        return None


def _one_of(reader: Reader, where: Where, text: str | None, choice: type[Value]) -> Value | None:
    known = {str(one): one for one in choice}  # type: ignore[attr-defined]
    if text is None or text in known:
        return known.get(text or "")
    reader.wrong(where, f"{text!r} is not known: write {' or '.join(known)}")
    return None


def _department(reader: Reader, where: Where, code: str, departments: set[str]) -> None:
    if code not in departments:
        reader.wrong(where, f"there is no department {code!r}" + _near(code, departments))


def _near(word: str, known: set[str]) -> str:
    near = get_close_matches(word, sorted(known), n=2)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
