"""What the rules do with a report by themselves, in the same breath; `dispatch.automatic` holds the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import CaseStandard
from dispatch.entries import AUTO, Entry, Fact, Place
from dispatch.errors import CalendarTooShort
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Act
from dispatch.results import dispatched, filed, standard_in_force
from dispatch.routing import Units
from dispatch.rules import Rules


def rule_of(rules: Rules, norm: CaseStandard) -> AutomaticRule | None:
    """The automatic rule of a case standard, None where it names none that there is. It asks for no fewer
    photos than the standard demands of a report: what a person could not file, no rule files.
    """
    rule = rules.automatic.get(norm.automatic or "")
    if rule is None:
        return None
    demanded = dict(norm.photos).get(str(Act.REPORT), 0)
    return rule if rule.photos >= demanded else replace(rule, photos=demanded)


def takes(rule: AutomaticRule, incident: Incident) -> bool:
    """Does the rule take a report as it has just come in?"""
    return hindrance(rule, incident.place, incident.channel, len(incident.photos)) is None


def hindrance(rule: AutomaticRule, place: Place, channel: str, photos: int) -> str | None:
    """Why the rule leaves a report with so many photos to a person, None where it takes it.

    >>> from dispatch.automatic import Does
    >>> hindrance(AutomaticRule("night", Does.FILE, photos=1), Place(path=("44", "01")), "phone", 0)
    'rule night asks for photos (1), and this has 0'
    """
    if not place.path:
        return "it lies in no grid"
    if place.near_border and not rule.near_border:
        return f"it may lie in a neighbouring grid, {place.near_border[0]}"
    if rule.channels and channel not in rule.channels:
        return f"rule {rule.name} is for what comes by {', '.join(sorted(rule.channels))}"
    if photos < rule.photos:
        return f"rule {rule.name} asks for photos ({rule.photos}), and this has {photos}"
    return None


def by_itself(rules: Rules, incident: Incident, units: Units, now: datetime) -> tuple[tuple[str, Fact], ...]:
    """What the rules do with a report that has just come in: (by whom, fact), none where a person has to.

    ``incident`` is what it is right after its report. Where the calendar of a case standard has no end for
    its limit, dispatching is left to a person, and the report is kept and filed all the same.
    """
    norm = standard_in_force(rules.categories.get(incident.category), incident.standard)
    rule = rule_of(rules, norm)
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
    try:
        second = dispatched(rules, there, now, route.department, route.rule, route.reason, others, rule.name)
    except CalendarTooShort:
        return ((by, first),)
    return ((by, first), (by, second))
