"""What a routing rule is for, and what it failed at, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from dispatch.categories import Categories, Field
from dispatch.routing_rules import CONDITIONS, OF_CATEGORY, OF_CLASS, OF_FIELD, RoutingRule, Situation
from dispatch.weeks import WEEKDAYS

_MORE: Final = {OF_CATEGORY: "category", OF_CLASS: "class", OF_FIELD: "field"}
_BY: Final = {"specialised": "specialised grid", "under": "place"}


def purpose(rule: RoutingRule, categories: Categories, fields: Mapping[str, Field]) -> str:
    """What it is for, as the beginning of a sentence."""
    rank, key = rule.subject
    what = "everything"
    if rank == OF_CATEGORY:
        what = categories.get(key).name_zh
    elif rank == OF_CLASS:
        first = categories.classes[key][0]
        what = f"class {first.class_zh or first.class_code}"
    elif rank == OF_FIELD:
        what = f"field {fields[key].name_zh}"
    parts = [what]
    if rule.specialised:
        parts.append(f"in {grid(rule.specialised)}")
    if rule.under:
        parts.append(f"under {'/'.join(rule.under)}")
    if rule.timed:
        parts.append(times(rule))
    if rule.urgencies:
        parts.append(f"where {choice(rule.urgencies)}")
    if rule.channels:
        parts.append(f"by {choice(rule.channels)}")
    return " ".join(parts)


def grid(specialised: str) -> str:
    """``police/72`` itself; for ``police`` that it is any of the field's."""
    return specialised if "/" in specialised else f"a grid of {specialised}"


def choice(names: frozenset[str]) -> str:
    """The names, sorted.

    >>> choice(frozenset({"urgent", "critical"}))
    'critical or urgent'
    """
    return " or ".join(sorted(names))


def times(rule: RoutingRule) -> str:
    """When it holds: ``on Mon, Tue at 18:00-08:00 outside working time``."""
    parts = []
    if rule.days:
        parts.append("on " + ", ".join(WEEKDAYS[day] for day in sorted(rule.days)))
    if rule.hours:
        parts.append("at " + ", ".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in rule.hours))
    if rule.working is not None:
        parts.append("in working time" if rule.working else "outside working time")
    return " ".join(parts)


def moment(local: datetime) -> str:
    """``Mon 07:59``: what rules may ask of a time."""
    return f"{WEEKDAYS[local.weekday()]} {local:%H:%M}"


def other_subject(rule: RoutingRule) -> str:
    """It is for another category, class or field."""
    rank, key = rule.subject
    return f"it is for {_MORE[rank]} {key}"


def other_grid(rule: RoutingRule, case: Situation) -> str:
    """It is for another specialised grid."""
    field = (rule.specialised or "").partition("/")[0]
    here = [one for one in case.specialised if one.partition("/")[0] == field]
    lies = f"lies in {here[0]}" if here else f"lies in no grid of {field}"
    return f"it is for places in {grid(rule.specialised or '')}, and this one {lies}"


def other_place(rule: RoutingRule, case: Situation) -> str:
    """It is for another place."""
    said = f"it is for places under {'/'.join(rule.under)}"
    return said if case.path else f"{said}, and this one lies in no grid"


def other_time(rule: RoutingRule, local: datetime | None, works: bool) -> str:
    """It is for another time; ``local`` None: nobody says when it is."""
    if local is None:
        return f"it holds {times(rule)}, and nobody says when this is"
    is_working = "working time" if works else "not working time"
    told = f"{moment(local)}, {is_working}" if rule.working is not None else moment(local)
    return f"it holds {times(rule)}, and this is {told}"


def other_urgency(rule: RoutingRule, case: Situation) -> str:
    """It is for other urgencies."""
    return f"it is for what is {choice(rule.urgencies)}, and this is {case.urgency}"


def other_channel(rule: RoutingRule, case: Situation) -> str:
    """It is for other channels."""
    came = f"this came by {case.channel}" if case.channel else "nobody says how this came"
    return f"it is for what comes by {choice(rule.channels)}, and {came}"


def no_unit(rule: RoutingRule, case: Situation) -> str:
    """No department is the territorial unit at the rule's level."""
    said = f"it goes to the unit of the {rule.territorial}"
    here = [unit for level, unit in case.units if level == rule.territorial]
    return f"{said}, and {here[0]} is no department" if here else f"{said}, and there is none here"


def beaten(rule: RoutingRule, winner: RoutingRule) -> str:
    """It matches, and by what the winner is more specific."""
    pairs = zip(CONDITIONS, rule.rank, winner.rank, strict=True)
    by = next((name for name, ours, theirs in pairs if ours != theirs), "place in the list")
    if by == "subject":
        by = _MORE[winner.subject[0]]
    return f"it matches, but {winner.name} is more specific: by its {_BY.get(by, by)}"
