"""The categories, case standards, fields and automatic rules of a city's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import DEFAULT_LIMIT, CaseStandard, Categories, Category, Field, Kind, Urgency
from dispatch.deadlines import Limit
from dispatch.duplicates import APART, Likeness
from dispatch.errors import BadRules
from gridgov import shipped
from gridgov.city_blame import blame
from gridgov.city_calendars import Calendars
from gridgov.city_tables import (
    AutomaticTable,
    CategoriesTable,
    DuplicatesTable,
    FieldTable,
    OwnTable,
    StandardTable,
)
from gridgov.city_text import Reader, Where
from gridgov.city_values import UNREAD, channels, limit, near, no_two, one_of, there

#: Where a category or standard comes from that the file itself has.
OF_THE_CITY: Final = "city"
#: The acts that a case standard may demand photos of.
PHOTOGRAPHED: Final = ("report", "verify", "handle", "check")


@dataclass(frozen=True, slots=True)
class Named:
    """What else of the file categories may name: departments by code, calendars, automatic rules."""

    departments: frozenset[str]
    calendars: Calendars
    automatic: frozenset[str]

    def department(self, reader: Reader, where: Where, code: str | None) -> str | None:
        """The code, where there is such a department."""
        return there(reader, where, code, self.departments, "department")

    def rule(self, reader: Reader, where: Where, name: str | None) -> str | None:
        """The name, where there is such an automatic rule."""
        return there(reader, where, name, self.automatic, "rule in [[automatic]]")


def automatic_rules(reader: Reader) -> tuple[Mapping[str, AutomaticRule], frozenset[str]]:
    """`[[automatic]]` by name; and all names, of those too that cannot be read."""
    tables = reader.several(("automatic",), reader.data.get("automatic", []))
    found: dict[str, AutomaticRule] = {}
    for where, raw in tables:
        told = reader.table(where, raw, AutomaticTable)
        if told is not None:
            does = one_of(reader, (*where, "does"), told.does, Does)
            by = channels(reader, (*where, "channels"), told.channels)
            rule = AutomaticRule(told.name, does or Does.FILE, by, told.photos, told.near_border)
            found.setdefault(rule.name, rule)
    return MappingProxyType(found), no_two(reader, tables, "name", "automatic rules")


#: Longer than this after the first, nobody takes a report for the same.
_LONGEST: Final = timedelta(days=30)


def likeness(reader: Reader) -> Likeness:
    """`[duplicates]`: what it leaves out stays as `dispatch.duplicates` has it."""
    told = reader.table(("duplicates",), reader.section("duplicates"), DuplicatesTable)
    if told is None:
        return Likeness()
    where = ("duplicates", "within")
    within = limit(reader, where, told.within) or Likeness().within
    if within.unit not in APART:
        units = " or ".join(APART)
        reader.wrong(where, f"{within} is not as long wherever it lies: write it in {units}, such as 24eh")
        return Likeness()
    found = Likeness(float(told.within_m), within, told.class_)
    if found.span > _LONGEST:
        reader.wrong(where, f"{within} is longer than the {_LONGEST.days * 24}eh that are looked through")
    return found


def fields(reader: Reader) -> tuple[Mapping[str, Field], list[tuple[str, Where]]]:
    """`[[fields]]` by key, and where each stands; what they name, `dispatch.routing` looks at."""
    tables = reader.several(("fields",), reader.data.get("fields", []))
    found: dict[str, Field] = {}
    places = []
    for where, raw in tables:
        told = reader.table(where, raw, FieldTable)
        if told is not None:
            names = frozenset(told.classes), frozenset(told.categories)
            if not any(names):
                reader.wrong(where, "a field has classes or categories, or nothing is ever in it")
            found.setdefault(told.key, Field(told.key, told.name_zh, told.name_en or "", *names))
            places.append((told.key, where))
    no_two(reader, tables, "key", "fields")
    return MappingProxyType(found), places


def categories(reader: Reader, named: Named) -> Categories | None:
    """`[categories]` with all that stands in it; None where they cannot be read."""
    section = dict(reader.section("categories"))
    own = reader.several(("categories", "own"), section.pop("own", []))
    standards = reader.several(("categories", "standards"), section.pop("standards", []))
    told = reader.table(("categories",), section, CategoriesTable) or CategoriesTable()
    placed = [
        (where, one) for where, raw in own if (one := _own(reader, where, raw, told, named)) is not None
    ]
    listed = [*_included(reader, told, named), *(one for _, one in placed)]
    unnamed = any(category.standard == UNREAD for category in listed)
    if unnamed:
        reader.wrong(("categories",), "its own categories need a standard: write one here, or one for each")
    if not listed:
        reader.wrong(
            ("categories",), "a city needs categories: include a shipped list, or add [[categories.own]]"
        )
        return None
    chosen = _settings(reader, told, listed, named)
    settled = [replace(category, **chosen(category)) for category in listed]
    stated = _standards(reader, standards, settled, named)
    if unnamed:
        # Nobody can say what is one of those and what is nothing at all.
        return None
    try:
        return Categories(_with_standards(one, stated.get(one.key)) for one in settled)
    except BadRules as error:
        names = [(name, where) for where, one in placed for name in (one.key, *one.aliases)]
        blame(reader, error.problems, names, ("categories",))
        return None


def _included(reader: Reader, told: CategoriesTable, named: Named) -> list[Category]:
    lists = shipped.standards()
    for number, name in enumerate(told.include):
        if name not in lists:
            place = ("categories", "include", number)
            reader.wrong(place, f"no list {name!r} comes with the program; there are {', '.join(lists)}")
    # A misspelt list may be any of them: what the rest of the file names is looked for in all.
    included = set(told.include) if set(told.include) <= set(lists) else set(lists)
    taken = [listed for listed in shipped.categories() if listed.category.standard in included]
    kinds = {listed.department_kind for listed in taken}
    own: dict[str, str | None] = {}
    for kind, code in told.departments.items():
        where = ("categories", "departments", kind)
        if kind not in kinds:
            reader.wrong(where, "no included list has this kind of department" + near(kind, kinds))
        own[kind] = named.department(reader, where, code)
    return [replace(listed.category, department=own.get(listed.department_kind)) for listed in taken]


def _own(reader: Reader, where: Where, raw: object, told: CategoriesTable, named: Named) -> Category | None:
    one = reader.table(where, raw, OwnTable)
    if one is None:
        return _stand_in(raw, told)
    return Category(
        standard=one.standard or told.standard or UNREAD,
        kind=one_of(reader, (*where, "kind"), one.kind, Kind) or Kind.EVENT,
        code=one.code,
        name_zh=one.name_zh,
        name_en=one.name_en or "",
        class_code=one.class_code or "",
        class_zh=one.class_zh or "",
        class_en=one.class_en or "",
        urgency=one_of(reader, (*where, "urgency"), one.urgency, Urgency) or Urgency.ORDINARY,
        limit=limit(reader, (*where, "limit"), one.limit) or DEFAULT_LIMIT,
        limit_is_default=one.limit is None,
        department=named.department(reader, (*where, "department"), one.department),
        aliases=tuple(one.aliases),
        origin=OF_THE_CITY,
    )


def _stand_in(raw: object, told: CategoriesTable) -> Category | None:
    """What an own category that cannot be read is called, so that what names it is not wrong as well."""
    if not isinstance(raw, dict) or not isinstance(raw.get("code"), str):
        return None
    kind = Kind(raw["kind"]) if raw.get("kind") in tuple(Kind) else Kind.EVENT
    standard = str(raw.get("standard") or told.standard or UNREAD)
    return Category(standard, kind, raw["code"], UNREAD, "", class_code=str(raw.get("class_code", "")))


def _settings(
    reader: Reader, told: CategoriesTable, listed: Sequence[Category], named: Named
) -> Callable[[Category], dict[str, Any]]:
    """What the city sets for a category: by its key, else by its class's key unless it states its own."""
    limits: dict[str, Limit] = _read(told.limits, "limits", lambda at, text: limit(reader, at, text))
    urgencies: dict[str, Urgency] = _read(
        told.urgency, "urgency", lambda at, text: one_of(reader, at, text, Urgency)
    )
    calendars = _read(told.calendars, "calendars", lambda at, key: named.calendars.key(reader, at, key))
    rules = _read(told.automatic, "automatic", lambda at, name: named.rule(reader, at, name))
    _only_known(reader, told, {c.key for c in listed} | {c.class_key for c in listed if c.class_key})

    def chosen(category: Category) -> dict[str, Any]:
        key, class_key = category.key, category.class_key
        changes: dict[str, Any] = {}
        own_limit = category.origin == OF_THE_CITY and not category.limit_is_default
        found = limits.get(key) or (None if own_limit else limits.get(class_key))
        if found is not None:
            changes |= {"limit": found, "limit_is_default": False}
        of_class = urgencies.get(class_key) if category.urgency is Urgency.ORDINARY else None
        if (urgency := urgencies.get(key) or of_class) is not None:
            changes["urgency"] = urgency
        changes["calendar"] = calendars.get(key, calendars.get(class_key, ""))
        changes["automatic"] = rules.get(key, rules.get(class_key))
        return changes

    return chosen


def _read(table: Mapping[str, str], name: str, value: Callable[[Where, str], Any]) -> dict[str, Any]:
    found = {key: value(("categories", name, key), text) for key, text in table.items()}
    return {key: one for key, one in found.items() if one is not None}


def _only_known(reader: Reader, told: CategoriesTable, known: set[str]) -> None:
    for name in ("limits", "urgency", "calendars", "automatic"):
        for key in getattr(told, name):
            if key not in known and UNREAD + key[key.find(":") :] not in known:
                message = f"{key!r} is no key of a category or class" + near(key, known)
                reader.wrong(("categories", name, key), message)


def _standards(
    reader: Reader, tables: Sequence[tuple[Where, Any]], listed: Sequence[Category], named: Named
) -> dict[str, list[CaseStandard]]:
    """`[[categories.standards]]` by the key of their category."""
    known = {name: category for category in listed for name in (category.key, *category.aliases)}
    found: dict[str, list[CaseStandard]] = {}
    for where, raw in tables:
        told = reader.table(where, raw, StandardTable)
        if told is None:
            continue
        one = _standard(reader, where, told, named)
        if there(reader, (*where, "category"), told.category, known.keys(), "category") is None:
            continue
        category = known[told.category]
        if any(other.code == one.code for other in found.get(category.key, ())):
            reader.wrong(
                (*where, "code"), f"{category.name_zh} ({category.key}) has two case standards {one.code!r}"
            )
        elif told.limit is None:
            one = replace(one, limit=category.limit, limit_is_default=category.limit_is_default)
            found.setdefault(category.key, []).append(one)
        else:
            found.setdefault(category.key, []).append(one)
    return found


def _standard(reader: Reader, where: Where, told: StandardTable, named: Named) -> CaseStandard:
    for act in told.photos:
        there(reader, (*where, "photos", act), act, PHOTOGRAPHED, "act that photos are demanded of")
    return CaseStandard(
        told.code,
        limit(reader, (*where, "limit"), told.limit) or DEFAULT_LIMIT,
        condition_zh=told.condition_zh or "",
        condition_en=told.condition_en or "",
        closing_zh=told.closing_zh or "",
        closing_en=told.closing_en or "",
        urgency=one_of(reader, (*where, "urgency"), told.urgency, Urgency),
        department=named.department(reader, (*where, "department"), told.department),
        calendar=named.calendars.key(reader, (*where, "calendar"), told.calendar),
        photos=tuple((act, told.photos[act]) for act in PHOTOGRAPHED if act in told.photos),
        automatic=named.rule(reader, (*where, "automatic"), told.automatic),
        origin=OF_THE_CITY,
    )


def _with_standards(category: Category, stated: Sequence[CaseStandard] | None) -> Category:
    """With the city's standards for it, else those of its list; each runs by the category's calendar unless
    it names its own.
    """
    standards = category.standards if stated is None else stated
    if not standards:
        return category
    by = tuple(one if one.calendar else replace(one, calendar=category.calendar) for one in standards)
    return replace(category, standards=by)
