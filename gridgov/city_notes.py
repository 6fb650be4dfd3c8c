"""What holds no city's file up and is to be known: what stands in, what is nobody's, what no map has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from dispatch.categories import CaseStandard
from dispatch.clocks import Clock
from dispatch.deadlines import ELAPSED, Limit
from geodata.errors import BadGridsTable, UnknownGrid
from geodata.grids import Hierarchy
from geodata.grids_table import validate
from gridgov.calendars import YEARS
from gridgov.city_rules import City

#: Codes of specialised grids by the key of their field's layer.
Layers = Mapping[str, Collection[str]]
_WEEK: Final = frozenset(range(7))


def notes(city: City, hierarchy: Hierarchy | None = None, layers: Layers | None = None) -> tuple[str, ...]:
    """What holds nothing up and is to be known: limits and conditions that are the city's to set, categories
    of nobody, automatic rules, years without a list, a table [grids] that no drawing could be read by.

    With the hierarchy in force also grids and levels that it does not have, and responsible units that are no
    department; with the layers in force specialised grids that none of them has.
    """
    found = [*_grids(city), *_settle(city), *_automatic(city), *_years(city)]
    if city.facts.datum is not None:
        found.append(
            f"points that name no datum are taken as {city.facts.datum}: a program that sends another has to"
            " say so"
        )
    if hierarchy is not None:
        found += [*_misplaced(city, hierarchy), *_levels(city, [level.key for level in hierarchy.levels])]
    return (*found, *(() if layers is None else _no_layer(city, layers)))


def _grids(city: City) -> Iterator[str]:
    """What is wrong with the table [grids] itself, said before anybody has its polygon files at hand."""
    try:
        if city.grids:
            validate(city.grids)
    except BadGridsTable as error:
        yield f"no grids could be read by this file: {error.message}"


def _settle(city: City) -> Iterator[str]:
    categories = list(city.rules.categories)
    total = len(categories)
    if stand_ins := sum(category.limit_is_default for category in categories):
        yield f"{stand_ins} of {total} categories have a stand-in limit: set theirs in [categories.limits]"
    standards = [one for category in categories for one in category.standards]
    if blank := sum(one.condition_is_missing for one in standards):
        yield (
            f"{blank} of {len(standards)} case standards do not say when they apply (待本市设定): the lists"
            " give their limits without conditions; set them in [[categories.standards]]"
        )
    if unset := sum(one.limit_is_default for one in standards):
        yield f"{unset} of {len(standards)} case standards have a stand-in limit: set theirs where they stand"
    if nobody := sum(category.department is None for category in categories):
        yield (
            f"{nobody} of {total} categories have no department of their own: "
            "where no rule takes them, the territorial unit does"
        )


def _automatic(city: City) -> Iterator[str]:
    """What is done without a human hand, and rules that never do anything."""
    categories = list(city.rules.categories)
    for name, rule in city.rules.automatic.items():
        whole = sum(category.automatic == name for category in categories)
        standards = sum(one.automatic == name for category in categories for one in category.standards)
        if not whole + standards:
            yield (
                f"automatic rule {name!r} never does anything: name it in [categories.automatic] or in one of"
                " [[categories.standards]]"
            )
            continue
        counts = ((whole, "category", "categories"), (standards, "case standard", "case standards"))
        named = " and ".join(f"{n} {one if n == 1 else more}" for n, one, more in counts if n)
        does = "files" if rule.does == "file" else "files and dispatches"
        yield f"automatic rule {name!r} {does} what comes in under {named} without a human hand"


def _years(city: City) -> Iterator[str]:
    """How far the holidays are known that limits in working time hang on, by calendar."""
    rules, used = city.rules, _used(city)
    for key in sorted({"", *rules.calendars}):
        calendar, of = rules.calendar_of(key), f" of calendar {key!r}" if key else ""
        if key and key not in used:
            continue
        years = calendar.confirmed_years
        if not years:
            yield f"no year's holidays{of} are known: deadlines in working days count weekends only"
        elif not key or max(years) < max(YEARS):
            yield f"holidays{of} are known to {max(years)}: deadlines after that may move"
        if key and key not in city.countries and not calendar.days_off and calendar.week != _WEEK:
            yield f"calendar {key!r} names no country: it works on public holidays too"
    for key in sorted(rules.calendars.keys() - _named(city)):
        yield (
            f"nothing runs by calendar {key!r}: name it in [clocks.calendars], [categories.calendars] or"
            " one of [[categories.standards]]"
        )


def timed(city: City) -> Iterator[tuple[str, Limit]]:
    """Every limit with the key of its calendar."""
    rules = city.rules
    for category in rules.categories:
        standards: Iterable[CaseStandard] = (category.standard_of(None), *category.standards)
        yield from ((one.calendar, one.limit) for one in standards)
    stages = [rules.clocks.of(clock) for clock in Clock if clock is not Clock.HANDLING]
    yield from ((one.calendar, one.limit) for one in stages)
    yield from ((step.answer_within.calendar, step.answer_within.limit) for step in rules.ladder.steps)


def _used(city: City) -> set[str]:
    """The calendars that working time is counted in."""
    return {key for key, limit in timed(city) if limit.unit not in ELAPSED}


def _named(city: City) -> set[str]:
    return {key for key, _ in timed(city)}


def _misplaced(city: City, hierarchy: Hierarchy) -> Iterator[str]:
    routing = city.rules.routing
    for rule in routing.rules:
        if why := _no_grid(hierarchy, rule.under):
            yield f"rule {rule.name!r} can match nothing: {why}"
    for department in routing.departments.values():
        if why := _no_grid(hierarchy, department.under):
            yield f"department {department.code!r} is a branch for no ground: {why}"
    units = {grid.responsible_unit for grid in hierarchy.grids if grid.responsible_unit}
    for unit in sorted(units - set(routing.departments)):
        yield f"the grids' responsible unit {unit!r} is no department: what would be its goes to the fallback"


def _no_grid(hierarchy: Hierarchy, path: tuple[str, ...]) -> str | None:
    try:
        if path:
            hierarchy.grid(path)
    except UnknownGrid as error:
        return str(error)
    return None


def _levels(city: City, keys: Collection[str]) -> Iterator[str]:
    there = f"the grids in force have no such level, but {', '.join(keys)}"
    for rule in city.rules.routing.rules:
        if rule.territorial is not None and rule.territorial not in keys:
            lost = f"rule {rule.name!r} can match nothing"
            yield f"{lost}: it is for the unit of a {rule.territorial!r}, and {there}"
    for number, step in enumerate(city.rules.ladder.steps, 1):
        if step.level not in keys:
            yield f"escalation step {number} asks whoever answers for a {step.level!r}, and {there}"


def _no_layer(city: City, layers: Layers) -> Iterator[str]:
    for rule in city.rules.routing.rules:
        field, _, code = (rule.specialised or "").partition("/")
        lost = f"rule {rule.name!r} can match nothing"
        if field and field not in layers:
            yield f"{lost}: no specialised grids of {field!r} are in force"
        elif code and code not in layers[field]:
            yield f"{lost}: the layer {field!r} has no specialised grid {code!r}"
