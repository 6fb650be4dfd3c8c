"""What the rules do with a report by themselves, in the same breath; `dispatch.automatic` holds the rules."""

from __future__ import annotations

from datetime import datetime

from dispatch.automatic import AutomaticRule, Does
from dispatch.entries import AUTO, Entry, Fact
from dispatch.incidents import Incident, extend
from dispatch.results import dispatched, filed, standard_in_force
from dispatch.routing import Units
from dispatch.rules import Rules


def takes(rule: AutomaticRule, incident: Incident) -> bool:
    """Does the rule take a report as it has just come in?"""
    place = incident.place
    if not place.path or (place.near_border and not rule.near_border):
        return False
    if rule.channels and incident.channel not in rule.channels:
        return False
    return len(incident.photos) >= rule.photos


def by_itself(rules: Rules, incident: Incident, units: Units, now: datetime) -> tuple[tuple[str, Fact], ...]:
    """What the rules do with a report that has just come in: (by whom, fact), none where a person has to.

    ``incident`` is what it is right after its report. Raises nothing but what a broken calendar raises
    (CalendarTooShort).
    """
    norm = standard_in_force(rules.categories.get(incident.category), incident.standard)
    rule = rules.automatic.get(norm.automatic or "")
    if rule is None or not takes(rule, incident):
        return ()
    by = f"{AUTO}{rule.name}"
    first = filed(rules, incident, units, now, automatic=rule.name)
    if rule.does is Does.FILE:
        return ((by, first),)
    entry = Entry(incident.id, incident.number + 1, now, now, by, first)
    there = extend(incident, (entry,))
    route = first.route
    others = tuple(code for code in route.co_handlers if code != route.department)
    second = dispatched(rules, there, now, route.department, route.rule, route.reason, others, rule.name)
    return ((by, first), (by, second))
