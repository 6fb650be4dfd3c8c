"""What one version of a city's rules changes of another: in its tables, and in whose what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from dispatch.categories import Category
from dispatch.deadlines import Calendar
from dispatch.routing import FALLBACK, Department, Routing, RoutingRule, Situation, route
from geodata.errors import BadGridsTable, UnknownGrid
from geodata.grids import Hierarchy
from geodata.grids_table import validate
from gridgov.city_rules import City
from gridgov.city_values import WEEK

#: Who gets what no rule and no category gives to anybody: which unit that is, the place tells, not the rules.
TERRITORIAL: Final = "territorial unit 属地"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that one version says differently: ``kind`` is added, removed or changed.

    ``what`` is city, calendar, grids, specialised, department, category or rule; ``name`` which one;
    ``field``, ``before`` and ``after`` are for a change.
    """

    kind: str
    what: str
    name: str
    field: str = ""
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        named = f"{self.what} {self.name}".strip()
        if self.kind != "changed":
            return f"{named} {self.kind}"
        return f"{named}: {self.field} {self.before or '–'} → {self.after or '–'}"


@dataclass(frozen=True, slots=True)
class Effect:
    """Incidents of a category under a grid path, () for all, that another department gets from now on."""

    category: str
    name: str
    under: tuple[str, ...]
    before: str
    after: str

    def __str__(self) -> str:
        where = f" under {'/'.join(self.under)}" if self.under else ""
        return f"{self.name} ({self.category}){where}: {self.before} → {self.after}"


def plan(old: City | None, new: City) -> list[Change]:
    """Every difference, table by table in the order of the file; against None, everything is added."""
    found = list(_fields("city", "", _about(old), _about(new)))
    found += _calendar(old, new)
    found += _keyed("department", _departments(old), _departments(new))
    found += _keyed("category", _by_key(old), _by_key(new))
    found += _keyed("rule", _by_name(old), _by_name(new))
    found += _sources("grids", dict(old.grids) if old else {}, dict(new.grids))
    found += _sources("specialised", old.specialised if old else (), new.specialised)
    return found


def _sources(what: str, before: object, after: object) -> Iterator[Change]:
    """That the polygon files or columns named are others; what that changes, importing them tells."""
    if before != after:
        kind = "changed" if before and after else "added" if after else "removed"
        yield Change(kind, what, "", "sources", *(("before", "after") if kind == "changed" else ()))


def effects(old: City | None, new: City) -> list[Effect]:
    """Who gets what from now on that somebody else got until now, for categories that both versions have.

    Incidents that are dispatched already stay where they are. Asked at the places that rules name and, as (),
    at all others; a place where the same changes as around it is not named again.
    """
    if old is None:
        return []
    before, after = old.rules.routing, new.rules.routing
    places = _places(before.rules), _places(after.rules)
    known = {category.key: category for category in old.rules.categories}
    found: list[Effect] = []
    for category in new.rules.categories:
        if category.key not in known:
            continue
        targets = (category.key, category.class_key, known[category.key].class_key, "")
        asked = {()} | {p for table in places for target in targets for p in table.get(target, ())}
        said: dict[tuple[str, ...], tuple[str, str]] = {}
        for place in sorted(asked, key=lambda place: (len(place), place)):
            pair = _taker(before, known[category.key], place), _taker(after, category, place)
            around = next((said[place[:n]] for n in range(len(place) - 1, -1, -1) if place[:n] in said), None)
            said[place] = pair
            if pair[0] != pair[1] and pair != around:
                found.append(Effect(category.key, category.name_zh, place, *pair))
    return found


def notes(city: City, hierarchy: Hierarchy | None = None) -> tuple[str, ...]:
    """What holds nothing up and is to be known: limits that stand in, categories of nobody, years without a
    list, a table [grids] that no drawing could be read by.

    With the hierarchy in force also rules for grids that it does not have, and responsible units that are no
    department.
    """
    return (*_grids(city), *_settle(city), *(() if hierarchy is None else _misplaced(city, hierarchy)))


def _grids(city: City) -> Iterator[str]:
    """What is wrong with the table [grids] itself, said before anybody has its polygon files at hand."""
    try:
        if city.grids:
            validate(city.grids)
    except BadGridsTable as error:
        yield f"no grids could be read by this file: {error.message}"


def _settle(city: City) -> Iterator[str]:
    categories = list(city.rules.categories)
    stand_ins = sum(category.limit_is_default for category in categories)
    if stand_ins:
        total = len(categories)
        yield f"{stand_ins} of {total} categories have a stand-in limit: set theirs in [categories.limits]"
    nobody = sum(category.department is None for category in categories)
    if nobody:
        yield (
            f"{nobody} of {len(categories)} categories have no department of their own: "
            "where no rule takes them, the territorial unit does"
        )
    years = city.rules.calendar.confirmed_years
    yield (
        f"holidays are known to {max(years)}: deadlines after that may move"
        if years
        else "no year's holidays are known: deadlines in working days count weekends only"
    )
    if city.facts.datum is not None:
        yield (
            f"points that name no datum are taken as {city.facts.datum}: a program that sends another has to"
            " say so"
        )


def _misplaced(city: City, hierarchy: Hierarchy) -> Iterator[str]:
    for rule in city.rules.routing.rules:
        if rule.under:
            try:
                hierarchy.grid(rule.under)
            except UnknownGrid as error:
                yield f"rule {rule.name!r} can match nothing: {error}"
    units = {grid.responsible_unit for grid in hierarchy.grids if grid.responsible_unit}
    for unit in sorted(units - set(city.rules.routing.departments)):
        yield f"the grids' responsible unit {unit!r} is no department: what would be its goes to the fallback"


def _taker(routing: Routing, category: Category, place: tuple[str, ...]) -> str:
    routed = route(routing, Situation(category, place))
    # Asked without a territorial unit, the fallback answers where the place's own unit would.
    return TERRITORIAL if routed.rule == FALLBACK else routing.departments[routed.department].name_zh


def _places(rules: Iterable[RoutingRule]) -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for rule in rules:
        found.setdefault(rule.category or rule.category_class or "", set()).add(rule.under)
    return found


def _keyed(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change("removed", what, name)
        elif name not in old:
            yield Change("added", what, name)
        else:
            yield from _fields(what, name, _plain(old[name]), _plain(new[name]))


def _fields(what: str, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    if not old:
        yield Change("added", what, name or new.get("name_zh", ""))
        return
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield Change("changed", what, name, key, old.get(key), new.get(key))


def _plain(value: Any) -> dict[str, str]:
    """A department, category or rule as texts by field, empty ones left out."""
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _text(what) for name, what in found.items() if what not in (None, "", (), False)}


def _text(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _about(city: City | None) -> dict[str, str]:
    if city is None:
        return {}
    return {**_plain(city.facts), "fallback_department": city.rules.routing.fallback}


def _working(city: City | None) -> dict[str, str]:
    if city is None:
        return {}
    calendar: Calendar = city.rules.calendar
    days = ", ".join(WEEK[day] for day in sorted(calendar.week))
    hours = ", ".join(
        f"{a:%H:%M}-{'24:00' if not any((b.hour, b.minute)) else f'{b:%H:%M}'}" for a, b in calendar.hours
    )
    return {"country": city.countries.get("", ""), "week": days, "hours": hours}


def _calendar(old: City | None, new: City) -> Iterator[Change]:
    """Of the days only those that differ: the lists themselves span decades."""
    yield from _fields("calendar", "", _working(old), _working(new))
    if old is not None:
        before, after = old.rules.calendar, new.rules.calendar
        for name in ("days_off", "workdays", "confirmed_years"):
            lost, won = _apart(getattr(before, name), getattr(after, name))
            if lost or won:
                yield Change("changed", "calendar", "", name, lost or None, won or None)


def _apart(old: frozenset[Any], new: frozenset[Any]) -> tuple[str, str]:
    return ", ".join(map(str, sorted(old - new))), ", ".join(map(str, sorted(new - old)))


def _departments(city: City | None) -> Mapping[str, Department]:
    return city.rules.routing.departments if city else {}


def _by_key(city: City | None) -> dict[str, Category]:
    return {category.key: category for category in city.rules.categories} if city else {}


def _by_name(city: City | None) -> dict[str, RoutingRule]:
    return {rule.name: rule for rule in city.rules.routing.rules} if city else {}
