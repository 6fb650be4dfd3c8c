"""What one version of a city's rules says differently from another, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import time
from typing import Any, Final

from dispatch.clocks import Clock, Clocks, StageLimit
from dispatch.deadlines import Calendar
from dispatch.duplicates import Likeness
from dispatch.escalation import Ladder
from gridgov.city_rules import City
from gridgov.city_values import WEEK


@dataclass(frozen=True, slots=True)
class Change:
    """Something that one version says differently: ``kind`` is added, removed or changed.

    ``what`` is city, calendar, clocks, duplicates, grids, specialised, department, field, category, standard,
    automatic rule, rule, escalation, target or notice; ``name`` which one; ``field``, ``before`` and
    ``after`` are for a change.
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


def plan(old: City | None, new: City) -> list[Change]:
    """Every difference, table by table in the order of the file; against None, everything is added."""
    found = list(_fields("city", "", _about(old), _about(new)))
    found += _calendars(old, new)
    found += _timing("clocks", _clocks(old), _clocks(new), old is None)
    for what, table in _TABLES.items():
        found += _keyed(what, table(old) if old else {}, table(new))
    found += _timing("duplicates", _likeness(old), _likeness(new), old is None)
    found += _timing("escalation", _ladder(old), _ladder(new), old is None)
    for what, named in _TOLD.items():
        found += _keyed(what, named(old) if old else {}, named(new))
    found += _sources("grids", dict(old.grids) if old else {}, dict(new.grids))
    found += _sources("specialised", old.specialised if old else (), new.specialised)
    return found


def _standards(city: City) -> dict[str, Any]:
    return {f"{one.key} {norm.code}": norm for one in city.rules.categories for norm in one.standards}


#: What stands under which name in a city's file, in its order.
_TABLES: Final[Mapping[str, Callable[[City], Mapping[str, Any]]]] = {
    "department": lambda city: city.rules.routing.departments,
    "field": lambda city: city.rules.fields,
    "category": lambda city: {one.key: one for one in city.rules.categories},
    "standard": _standards,
    "automatic rule": lambda city: city.rules.automatic,
    "rule": lambda city: {one.name: one for one in city.rules.routing.rules},
}
_TOLD: Final[Mapping[str, Callable[[City], Mapping[str, Any]]]] = {
    "target": lambda city: {one.name: one for one in city.telling.targets},
    "notice": lambda city: {one.name: one for one in city.telling.notices},
}


def _sources(what: str, before: object, after: object) -> Iterator[Change]:
    """That the polygon files or columns named are others; what that changes, importing them tells."""
    if before != after:
        kind = "changed" if before and after else "added" if after else "removed"
        yield Change(kind, what, "", "sources", *(("before", "after") if kind == "changed" else ()))


def _keyed(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change("removed", what, name)
        elif name not in old:
            yield Change("added", what, name)
        elif old[name] != new[name]:
            yield from _fields(what, name, _plain(old[name]), _plain(new[name]))


def _fields(what: str, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    if not old:
        yield Change("added", what, name or new.get("name_zh", ""))
        return
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield Change("changed", what, name, key, old.get(key), new.get(key))


def _timing(what: str, old: Mapping[str, str], new: Mapping[str, str], first: bool) -> Iterator[Change]:
    """Of what a file may leave out only that it is there, where there was no file before."""
    if first:
        if new != {"clocks": _clocks, "duplicates": _likeness, "escalation": _ladder}[what](None):
            yield Change("added", what, "")
        return
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield Change("changed", what, "", key, old.get(key), new.get(key))


def _plain(value: Any) -> dict[str, str]:
    """A department, category, rule or whatever else has fields as texts by field, empty ones left out; the
    standards of a category are compared by themselves.
    """
    found = {field.name: getattr(value, field.name) for field in fields(value) if field.name != "standards"}
    kept = {name: what for name, what in found.items() if name == "working" or what not in _EMPTY}
    return {name: text for name, what in kept.items() if (text := _text(name, what))}


_EMPTY: Final[tuple[object, ...]] = (None, "", (), False, frozenset())


def _text(name: str, value: Any) -> str:
    if name == "working":
        return {None: "", True: "in working time", False: "outside working time"}[value]
    if name == "days":
        return _days(value)
    if name == "hours":
        return _hours(value)
    if name == "crews":
        return ", ".join(f"{crew.code} {crew.name_zh}" for crew in value)
    if name == "photos" and isinstance(value, tuple):
        return ", ".join(f"{act} {many}" for act, many in value)
    if name == "under" and not (value and isinstance(value[0], tuple)):
        return "/".join(value)
    if name == "under":
        return ", ".join("/".join(path) for path in value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _days(days: Iterable[int]) -> str:
    return ", ".join(WEEK[day] for day in sorted(days))


def _hours(ranges: Iterable[tuple[time, time]]) -> str:
    return ", ".join(
        f"{a:%H:%M}-{'24:00' if not any((b.hour, b.minute)) else f'{b:%H:%M}'}" for a, b in ranges
    )


def _about(city: City | None) -> dict[str, str]:
    if city is None:
        return {}
    return {**_plain(city.facts), "fallback_department": city.rules.routing.fallback}


def _clocks(city: City | None) -> dict[str, str]:
    clocks = Clocks() if city is None else city.rules.clocks
    found = {str(clock): _stage(clocks.of(clock)) for clock in Clock if clock is not Clock.HANDLING}
    return {**found, "task": _stage(clocks.task), "warn_percent": str(clocks.warn_percent)}


def _likeness(city: City | None) -> dict[str, str]:
    like = Likeness() if city is None else city.rules.likeness
    return {
        "within_m": f"{like.within_m:g}",
        "within": str(like.within),
        "of one": "class" if like.whole_class else "category",
    }


def _stage(stage: StageLimit) -> str:
    return f"{stage.limit} by {stage.calendar}" if stage.calendar else str(stage.limit)


def _ladder(city: City | None) -> dict[str, str]:
    ladder = Ladder() if city is None else city.rules.ladder
    found = {
        f"step {number}": f"{step.level}: {', '.join(sorted(step.roles))} within {_stage(step.answer_within)}"
        for number, step in enumerate(ladder.steps, 1)
    }
    if ladder.clocks != frozenset(Clock):
        found["clocks"] = ", ".join(clock for clock in Clock if clock in ladder.clocks)
    return found


def _calendars(old: City | None, new: City) -> Iterator[Change]:
    yield from _calendar("", old, new)
    before, after = old.rules.calendars if old else {}, new.rules.calendars
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in after:
            yield Change("removed", "calendar", key)
        elif key not in before:
            yield Change("added", "calendar", key)
        else:
            yield from _calendar(key, old, new)


def _calendar(key: str, old: City | None, new: City) -> Iterator[Change]:
    """Of the days only those that differ: the lists themselves span decades."""
    yield from _fields("calendar", key, _working(key, old), _working(key, new))
    if old is not None:
        before, after = old.rules.calendar_of(key), new.rules.calendar_of(key)
        for name in ("days_off", "workdays", "confirmed_years"):
            lost, won = _apart(getattr(before, name), getattr(after, name))
            if lost or won:
                yield Change("changed", "calendar", key, name, lost or None, won or None)


def _working(key: str, city: City | None) -> dict[str, str]:
    if city is None:
        return {}
    calendar: Calendar = city.rules.calendar_of(key)
    country = city.countries.get(key, "")
    return {"country": country, "week": _days(calendar.week), "hours": _hours(calendar.hours)}


def _apart(old: frozenset[Any], new: frozenset[Any]) -> tuple[str, str]:
    return ", ".join(map(str, sorted(old - new))), ", ".join(map(str, sorted(new - old)))
