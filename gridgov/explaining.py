"""Why something goes where it goes (派遣说明): what the rules in force say of a place, a category and a
moment, rule by rule, and what was said of an incident when it was decided.

Nothing is written: what is asked about need not have happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from dispatch.automation import hindrance, rule_of
from dispatch.categories import CaseStandard, Category, Field
from dispatch.clocks import Clock, StageLimit, started
from dispatch.entries import Dispatched, Entry, Imported, Place, Route, Started
from dispatch.incidents import Incident, fold
from dispatch.results import routed_again, standard_in_force, urgency_of
from dispatch.routing import Explanation, Routing, RoutingRule, Situation, Units, explain
from dispatch.routing_rules import fields_of
from dispatch.routing_words import purpose
from dispatch.rules import Rules
from dispatch.weeks import WEEKDAYS
from geodata.grids import Hierarchy
from gridgov import rule_words
from gridgov.accounts import display_names
from gridgov.errors import BadInput
from gridgov.in_force import InForce, grid_name
from gridgov.reading import name_of
from gridgov.rows import iso
from gridgov.scope import Scope
from gridgov.siting import SentPosition, locate, specialised, units
from gridgov.storage import incidents
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import MAIN, history

#: What the limit of handling runs by where no other calendar is named.
CITY_CALENDAR: Final = "city"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: as much of a report as rules ask for.

    Where it is: a point, or the path of a grid, or neither, as of a call that names no place. A grid lies in
    no specialised grid that is a polygon: those are told by points. ``photos``: how many come with it.
    """

    category: str
    moment: datetime
    position: SentPosition | None = None
    path: tuple[str, ...] = ()
    standard: str | None = None
    urgency: str | None = None
    channel: str = ""
    photos: int = 0


@dataclass(frozen=True, slots=True)
class Automatic:
    """Whether a rule would do it by itself. ``rule`` is the one that the case standard names, if any;
    ``does`` what that does; ``hindrance`` why it leaves this one to a person, None where it takes it.
    """

    rule: str | None
    does: str | None
    hindrance: str | None

    @property
    def takes(self) -> bool:
        """Does it need no human hand?"""
        return self.hindrance is None


@dataclass(frozen=True, slots=True)
class Explained:
    """What the rules say of a situation: whose it is and why, rule by rule; ``handling`` is the limit that it
    would have if it were dispatched at that moment.
    """

    place: Place
    case: Situation
    norm: CaseStandard
    explanation: Explanation
    handling: Started
    automatic: Automatic


def ask(in_force: InForce, question: Question) -> Explained:
    """What the rules in force say: the same that a report would be told at that moment.

    Raises BadInput for a point and a path, UnknownGrid, UnnamedDatum, UnknownCategory, UnknownStandard,
    UnknownUrgency, NaiveTime, CalendarTooShort.
    """
    rules, atlas = in_force.rules, in_force.atlas
    if question.path and question.position is not None:
        raise BadInput("ask about a point or about a grid, not both")
    if question.path:
        atlas.hierarchy.grid(question.path)
        place = Place(path=question.path, edition=atlas.edition)
    else:
        place = locate(in_force, question.position)
    category = rules.categories.get(question.category)
    norm = category.standard_of(question.standard)
    case = Situation(
        category,
        place.path,
        units(atlas, place.path),
        specialised(in_force, place, category.key),
        urgency_of(question.urgency) or norm.urgency or category.urgency,
        question.channel,
        question.moment,
        norm.department,
    )
    return _explained(rules, case, norm, place, question.moment, question.photos)


def _explained(
    rules: Rules, case: Situation, norm: CaseStandard, place: Place, moment: datetime, photos: int
) -> Explained:
    stage, calendar = StageLimit(norm.limit, norm.calendar), rules.calendar_of(norm.calendar)
    handling = started(Clock.HANDLING, stage, calendar, moment, 1, rules.clocks.warn_percent)
    by_itself = _automatic(rules, norm, place, case.channel, photos)
    return Explained(place, case, norm, explain(rules.routing, case), handling, by_itself)


def _automatic(rules: Rules, norm: CaseStandard, place: Place, channel: str, photos: int) -> Automatic:
    if norm.automatic is None:
        return Automatic(None, None, "its case standard names no automatic rule")
    rule = rule_of(rules, norm)
    if rule is None:
        return Automatic(norm.automatic, None, f"there is no automatic rule {norm.automatic!r}")
    return Automatic(rule.name, str(rule.does), hindrance(rule, place, channel, photos))


def to_dict(in_force: InForce, found: Explained) -> dict[str, Any]:
    """What was found as the outside is shown it; times in UTC, lengths in metres."""
    rules, case = in_force.rules, found.case
    category, winner = case.category, found.explanation.winner
    return {
        "rules": rules.version,
        "moment": None if case.moment is None else iso(case.moment),
        "place": _place(in_force, found.place),
        "units": [unit | _named(rules.routing, unit["unit"]) for unit in _units(case.units)],
        "specialised": [_specialised(in_force, one) for one in case.specialised],
        "category": category.key,
        "category_zh": category.name_zh,
        "category_en": category.name_en,
        "standard": found.norm.code or None,
        "urgency": str(case.urgency),
        "channel": case.channel,
        "winner": {**_named(rules.routing, winner.department), **asdict(winner)}
        | {"co_handlers": [_named(rules.routing, code) for code in winner.co_handlers]},
        "others": [
            asdict(one)
            | {
                "department_zh": _name(rules.routing, one.department),
                "why_zh": rule_words.failed(one.condition),
            }
            for one in found.explanation.others
        ],
        "elsewhere": found.explanation.elsewhere,
        **_limit(found),
        "automatic": asdict(found.automatic) | {"takes": found.automatic.takes},
    }


def _limit(found: Explained) -> dict[str, Any]:
    clock = found.handling
    return {
        "limit": clock.limit,
        "limit_is_default": found.norm.limit_is_default,
        "calendar": clock.calendar or CITY_CALENDAR,
        "due_at": iso(clock.due_at),
        "warn_at": iso(clock.warn_at),
        "due_unconfirmed": clock.unconfirmed_year,
    }


def _place(in_force: InForce, place: Place) -> dict[str, Any]:
    hierarchy = in_force.atlas.hierarchy
    return {
        "edition": in_force.atlas.edition,
        "lon": place.lon,
        "lat": place.lat,
        "path": list(place.path),
        "names": _names(hierarchy, place.path),
        "border_m": place.border_m,
        "nearest": list(place.nearest),
        "outside_m": place.outside_m,
        "near_border": list(place.near_border),
    }


def _names(hierarchy: Hierarchy, path: Sequence[str]) -> list[str]:
    """The names of the grids of a path, its codes where there is no such grid now."""
    paths = [tuple(path[:depth]) for depth in range(1, len(path) + 1)]
    return [grid_name(hierarchy, one) for one in paths]


def _units(found: Units) -> list[dict[str, str]]:
    return [{"level": level, "unit": unit} for level, unit in found]


def _specialised(in_force: InForce, grid: str) -> dict[str, Any]:
    key, _, code = grid.partition("/")
    field = None if in_force.fields is None else in_force.fields.field(key)
    told: dict[str, Any] = {"grid": grid, "field": key, "code": code}
    if field is None:
        return told | {"field_zh": key, "name": code, "team": None}
    one = next((one for one in field.layer.grids if one.code == code), None)
    name, team = (code, None) if one is None else (one.name, one.team)
    return told | {"field_zh": field.layer.name_zh, "name": name, "team": team}


def _name(routing: Routing, code: str) -> str:
    known = routing.departments.get(code)
    return code if known is None else known.name_zh


def _named(routing: Routing, code: str) -> dict[str, Any]:
    """A department with its names; what is none keeps its code for a name."""
    known = routing.departments.get(code)
    if known is None:
        return {"department": code, "department_zh": code, "department_en": ""}
    return {"department": code, "department_zh": known.name_zh, "department_en": known.name_en}


def listed(in_force: InForce, category: str | None = None) -> list[dict[str, Any]]:
    """The routing rules in force, the most specific first, with ``text`` and ``text_zh`` for people; those
    that a category (key or alias) can ever come to, where one is named. Raises UnknownCategory.
    """
    rules, hierarchy = in_force.rules, in_force.atlas.hierarchy
    routing = rules.routing
    of = None if category is None else rules.categories.get(category)
    chosen = [rule for rule in routing.rules if of is None or _is_for(rule, of, routing.fields)]
    return [
        _rule(rules, rule) | {"text_zh": rule_words.sentence(rules, hierarchy, rule)}
        for rule in sorted(chosen, key=lambda rule: rule.rank, reverse=True)
    ]


def _is_for(rule: RoutingRule, category: Category, fields: Mapping[str, Field]) -> bool:
    if rule.category is not None:
        return rule.category == category.key
    if rule.category_class is not None:
        return rule.category_class == category.class_key
    return rule.field is None or rule.field in fields_of(category, fields)


def _rule(rules: Rules, rule: RoutingRule) -> dict[str, Any]:
    routing = rules.routing
    hours = [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in rule.hours]
    return {
        "name": rule.name,
        "text": _sentence(rules, rule),
        **_named(routing, rule.department),
        "territorial": rule.territorial,
        "branch": rule.branch,
        "category": rule.category,
        "class": rule.category_class,
        "field": rule.field,
        "under": list(rule.under),
        "specialised": rule.specialised,
        "days": [WEEKDAYS[day] for day in sorted(rule.days)],
        "hours": hours,
        "working": rule.working,
        "urgency": sorted(map(str, rule.urgencies)),
        "channels": sorted(rule.channels),
        "priority": rule.priority,
        "co_handlers": [_named(routing, code) for code in rule.co_handlers],
    }


def _sentence(rules: Rules, rule: RoutingRule) -> str:
    """What it is for and whose that is, in words."""
    said = purpose(rule, rules.categories, rules.routing.fields)
    if rule.territorial is not None:
        return f"{said}: the unit of the {rule.territorial}"
    to = _name(rules.routing, rule.department)
    return f"{said}: the branch of {to} there" if rule.branch else f"{said}: {to}"


def of_incident(
    engine: Engine,
    in_force: InForce,
    scope: Scope,
    reference: str,
    moment: datetime | None = None,
    stream: str = MAIN,
) -> dict[str, Any]:
    """Why an incident went where it went: what was recorded each time (``recorded``), and what the rules in
    force say of it (``now``), at ``moment`` or when it was last routed.

    ``now`` is None where the rules in force do not have its category, ``why_not`` then says so; ``moved``:
    they would give it to another department than it was routed to. Raises UnknownIncident, also where the
    scope does not reach; CalendarTooShort.
    """
    with snapshot(engine) as connection:
        row = incidents.one(connection, reference, scope, stream)
        entries = history(connection, [row["id"]], stream)[row["id"]]
        names = display_names(connection, [entry.by for entry in entries])
    incident, routes = fold(entries), [one for one in map(_decided, entries) if one is not None]
    told: dict[str, Any] = {
        "incident": incident.id,
        "case_number": incident.case_number,
        "recorded": [
            _recorded(in_force.rules.routing, entry, route) | {"by_name": name_of(entry.by, names)}
            for entry, route in routes
        ],
        "rules": in_force.rules.version,
    }
    if incident.category not in in_force.rules.categories:
        why = f"the rules in force have no category {incident.category!r}"
        return told | {"now": None, "why_not": why, "moved": None}
    by_rules = [(entry, route) for entry, route in routes if not isinstance(entry.fact, Dispatched)]
    at, then = by_rules[-1][0].recorded_at, by_rules[-1][1].department
    if isinstance(by_rules[-1][0].fact, Imported):
        at = incident.reported_at
    found = _of_incident(in_force, incident, _photos_reported(entries), moment or at)
    moved = found.explanation.winner.department != then
    return told | {"now": to_dict(in_force, found), "why_not": None, "moved": moved}


def _of_incident(in_force: InForce, incident: Incident, photos: int, moment: datetime) -> Explained:
    rules, place = in_force.rules, incident.place
    there = units(in_force.atlas, place.path)
    case = routed_again(rules, incident, place, there, incident.specialised, moment)
    norm = standard_in_force(case.category, incident.standard)
    return _explained(rules, case, norm, place, moment, photos)


def _photos_reported(entries: Sequence[Entry]) -> int:
    """How many came with the report: what came later, no automatic rule has seen."""
    return len(getattr(entries[0].fact, "photos", ()))


def _decided(entry: Entry) -> tuple[Entry, Route] | None:
    """The department that an entry gave an incident to, and why; None where it gave it to none."""
    fact = entry.fact
    if isinstance(fact, Dispatched):
        return entry, Route(fact.department, fact.rule, fact.reason, fact.co_handlers)
    if isinstance(fact, Imported):
        return entry, Route(fact.department, "imported", "as its source states")
    route = getattr(fact, "route", None)
    return (entry, route) if isinstance(route, Route) else None


def _recorded(routing: Routing, entry: Entry, route: Route) -> dict[str, Any]:
    return {
        "number": entry.number,
        "kind": type(entry.fact).__name__.lower(),
        "by": entry.by,
        "recorded_at": iso(entry.recorded_at),
        **_named(routing, route.department),
        "rule": route.rule,
        "reason": route.reason,
        "co_handlers": [_named(routing, code) for code in route.co_handlers],
        "rules": getattr(entry.fact, "rules", None),
    }
