"""Routing, explaining and refusing against a plain reading of the rules, on random rule sets."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dispatch.categories import Categories, Category, Field, Kind, Urgency
from dispatch.deadlines import OFFICE_HOURS, Calendar
from dispatch.errors import BadRules
from dispatch.routing import Department, Routing, RoutingRule, Situation, explain, route
from tests.dispatch import plain_routing
from tests.dispatch.plain_routing import Reading, Universe, conflicts, first_failed, owner, specificity

#: Two classes of two and one of one; two have a department of their own. Fire and crowds overlap in the first,
#: crowds and parades in the last, which is alone in its class and in parades.
LISTED = tuple(
    Category("x", Kind.EVENT, str(n), f"事{n}", f"event {n}", class_code=of_class, department=own)
    for n, (of_class, own) in enumerate(
        [("A", None), ("A", "water"), ("B", None), ("B", "water"), ("C", None)]
    )
)
CATEGORIES = Categories(LISTED)
FIELDS = {
    "fire": Field("fire", "消防", classes=frozenset({LISTED[0].class_key})),
    "crowds": Field("crowds", "大型活动", categories=frozenset({LISTED[0].key, LISTED[4].key})),
    "parades": Field("parades", "游行", categories=frozenset({LISTED[4].key})),
    "markets": Field("markets", "市场", classes=frozenset({LISTED[2].class_key})),
}
DEPARTMENTS = (
    Department("desk", "受理中心"),
    Department("water", "水务局"),
    Department("water-a", "水务局甲所", parent="water", under=("a",)),
    Department("water-aa", "水务局甲一所", parent="water", under=("a", "a")),
    Department("street-a", "甲街道"),
)

#: In the second week every working day is off and both other days are made up for.
MONDAY = date(2026, 3, 2)
SECOND = [MONDAY + timedelta(days=7 + n) for n in range(7)]
DAYS = {"days_off": frozenset(SECOND[:5]), "workdays": frozenset(SECOND[5:])}
OFFICE = Calendar("Asia/Shanghai", OFFICE_HOURS, **DAYS)
SHIFTS = Calendar("America/New_York", ((time(6), time(14)), (time(18), time(0))), **DAYS)
CLOCKS = tuple(map(time, (0, 6, 8, 12, 14, 18, 22)))
UNITS = (
    (),
    (("street", "street-a"),),
    (("district", "desk"),),
    (("district", "desk"), ("street", "street-a")),
    (("street", "abolished"),),
)
PATHS = ((), ("a",), ("b",), ("a", "a"), ("a", "b"))
GRIDS = [
    tuple(grid for grid in (police, fire) if grid)
    for police in ("", "police/1", "police/2", "police/3")
    for fire in ("", "fire/1", "fire/9")
]


def universe(calendar: Calendar) -> Universe:
    """Every situation there can be: also at new grids, on a channel and in a specialised grid that nobody named."""
    places = [*PATHS, *((*path, "new") for path in PATHS)]
    return Universe(
        LISTED,
        [(path, units) for path in places for units in UNITS if path or not units],
        GRIDS,
        list(Urgency),
        ["app", "hotline", "another"],
        plain_routing.two_weeks(calendar, datetime.combine(MONDAY, time(0)), CLOCKS),
    )


SUBJECTS = (
    {},
    *({"category": c.key} for c in LISTED),
    *({"category_class": key} for key in CATEGORIES.classes),
    *({"field": key} for key in FIELDS),
)
#: Each of these is for the same, but less specific than the one before.
SAME = ({"category": LISTED[4].key}, {"category_class": LISTED[4].class_key}, {"field": "parades"})
subjects = st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=3) | st.just(SAME)
goes_to = st.sampled_from(
    [
        {"department": "desk"},
        {"department": "water"},
        {"department": "water", "branch": True},
        {"department": "", "territorial": "street"},
        {"department": "", "territorial": "district"},
    ]
)
hours = st.lists(st.tuples(st.sampled_from(CLOCKS), st.sampled_from(CLOCKS)), min_size=1, max_size=2).map(
    tuple
)
OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "specialised": st.sampled_from(["police", "fire", "police/1", "police/2", "fire/1"]),
    "under": st.sampled_from(PATHS),
    "days": st.frozensets(st.integers(0, 6)) | st.sampled_from([frozenset(range(5)), frozenset({5, 6})]),
    "hours": hours,
    "working": st.booleans(),
    "urgencies": st.frozensets(st.sampled_from(Urgency)),
    "channels": st.frozensets(st.sampled_from(["app", "hotline"])),
    "priority": st.integers(0, 2),
    "co_handlers": st.just(("street-a",)),
}


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[RoutingRule, ...]:
    """Rules that ask for few things each, of the few that the set as a whole asks for: so that they meet."""
    names = draw(st.lists(st.sampled_from(sorted(OTHERS)), max_size=4, unique=True))
    asked = {name: draw(st.lists(OTHERS[name], min_size=1, max_size=3)) for name in names}
    about = draw(subjects)
    found = []
    for number in range(draw(st.integers(1, 9))):
        told = draw(st.sampled_from(about)) | draw(goes_to)
        for name, values in asked.items():
            if draw(st.booleans()):
                told[name] = draw(st.sampled_from(values))
        found.append(RoutingRule(f"r{number}", **told))
    return tuple(found)


situations = st.builds(
    Situation,
    st.sampled_from(LISTED),
    st.sampled_from([*PATHS, ("a", "new"), ("a", "a", "new")]),
    st.sampled_from(UNITS),
    st.sampled_from(GRIDS),
    st.sampled_from(Urgency),
    st.sampled_from(["app", "hotline", "another", ""]),
    st.none() | st.integers(0, 14 * 1440).map(lambda n: MOMENT + timedelta(minutes=n)),
    st.sampled_from([None, None, "water", "abolished"]),
)
MOMENT = datetime.combine(MONDAY, time(0), OFFICE.tz)
calendars = st.sampled_from([OFFICE, SHIFTS])
NAMED = re.compile(r"'(r\d+)'")


def refused(rules: tuple[RoutingRule, ...], calendar: Calendar) -> list[str]:
    try:
        Routing(DEPARTMENTS, rules, "desk", CATEGORIES, fields=FIELDS, calendar=calendar)
    except BadRules as error:
        return list(error.problems)
    return []


def accepted(rules: tuple[RoutingRule, ...], calendar: Calendar) -> tuple[RoutingRule, ...]:
    """The rules without those that are refused; that the right ones are, another law says."""
    while problems := refused(rules, calendar):
        wrong = {NAMED.findall(problem)[1 if " tie: " in problem else 0] for problem in problems}
        rules = tuple(rule for rule in rules if rule.name not in wrong)
    return rules


def the_plain_reading_agrees(
    rules: tuple[RoutingRule, ...], calendar: Calendar, asked: list[Situation]
) -> None:
    rules = accepted(rules, calendar)
    routing = Routing(DEPARTMENTS, rules, "desk", CATEGORIES, fields=FIELDS, calendar=calendar)
    reading = Reading(DEPARTMENTS, rules, "desk", FIELDS, calendar)
    by_name = {rule.name: rule for rule in rules}
    for case in asked:
        found = route(routing, case)
        assert (found.department, found.rule) == owner(reading, case)
        rule = by_name.get(found.rule)
        event("a rule wins" if rule else found.rule)
        assert found.co_handlers == (rule.co_handlers if rule else ())
        everybody = explain(routing, case, everything=True)
        assert everybody.winner == found
        assert everybody.elsewhere == 0
        expected = {
            other.name: first_failed(reading, other, case) or "rank" for other in rules if other != rule
        }
        assert {failed.rule: failed.condition for failed in everybody.others} == expected
        assert len(everybody.others) == len(expected)
        told = explain(routing, case)
        assert {failed.rule for failed in told.others} == {
            n for n, why in expected.items() if why != "subject"
        }
        assert told.elsewhere == sum(why == "subject" for why in expected.values())
        ranks = [specificity(by_name[failed.rule]) for failed in told.others]
        assert [rank[0] for rank in ranks] == sorted((rank[0] for rank in ranks), reverse=True)
        for failed in told.others:
            if failed.condition == "rank" and rule is not None:
                assert failed.why.endswith(beaten_by(by_name[failed.rule], rule))


def beaten_by(loser: RoutingRule, winner: RoutingRule) -> str:
    """The end of the sentence that says by what a rule is less specific."""
    steps = zip(plain_routing.ORDER, specificity(loser), specificity(winner), strict=True)
    first = next(name for name, ours, theirs in steps if ours < theirs)
    subject = "category" if winner.category else "class" if winner.category_class else "field"
    words = {"subject": subject, "specialised": "specialised grid", "under": "place"}
    return f"{winner.name} is more specific: by its {words.get(first, first)}"


def what_is_refused_is_what_asking_everything_finds(
    rules: tuple[RoutingRule, ...], calendar: Calendar
) -> None:
    found = conflicts(Reading(DEPARTMENTS, rules, "desk", FIELDS, calendar), universe(calendar))
    problems = refused(rules, calendar)

    def about(words: str) -> list[list[str]]:
        return [NAMED.findall(problem) for problem in problems if words in problem]

    assert {names[0] for names in about("can never match")} == found.never_match
    assert {names[0] for names in about("can never win")} == found.never_win
    assert {names[1] for names in about(" tie: ")} == {later for _, later in found.ties}
    assert {(names[0], names[1]) for names in about(" tie: ")} <= found.ties
    assert len(problems) == sum(len(about(w)) for w in ("can never match", "can never win", " tie: "))
    for kind in ("never_match", "never_win", "ties"):
        if getattr(found, kind):
            event(kind)


sets_and_situations = given(rule_sets(), calendars, st.lists(situations, min_size=1, max_size=8))
sets = given(rule_sets(), calendars)


def often(times: int) -> Callable[[Any], Any]:
    """So many random examples, however long each takes."""
    return settings(max_examples=times, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@sets_and_situations
@often(300)
def test_the_index_reads_the_rules_as_a_person_would(
    rules: tuple[RoutingRule, ...], calendar: Calendar, asked: list[Situation]
) -> None:
    """Who wins, and the first condition at which every other rule fails, are those of a plain reading."""
    the_plain_reading_agrees(rules, calendar, asked)


@sets
@often(300)
def test_refused_are_ties_and_rules_that_never_win_and_no_others(
    rules: tuple[RoutingRule, ...], calendar: Calendar
) -> None:
    """A rule is refused exactly where asking every situation there can be finds that it never wins, or ties."""
    what_is_refused_is_what_asking_everything_finds(rules, calendar)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@sets_and_situations
@often(10_000)
def test_thousands_of_rule_sets_are_read_as_a_person_would(
    rules: tuple[RoutingRule, ...], calendar: Calendar, asked: list[Situation]
) -> None:
    the_plain_reading_agrees(rules, calendar, asked)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@sets
@often(5_000)
def test_of_thousands_of_rule_sets_exactly_those_in_conflict_are_refused(
    rules: tuple[RoutingRule, ...], calendar: Calendar
) -> None:
    what_is_refused_is_what_asking_everything_finds(rules, calendar)


@given(situations, calendars)
def test_a_rule_for_nothing_in_particular_leaves_nobody_out(case: Situation, calendar: Calendar) -> None:
    routing = Routing(DEPARTMENTS, (), "desk", CATEGORIES, fields=FIELDS, calendar=calendar)
    assert route(routing, case).department in routing.departments
    everything = Routing(
        DEPARTMENTS, [RoutingRule("all", "water")], "desk", CATEGORIES, fields=FIELDS, calendar=calendar
    )
    assert route(everything, replace(case, moment=None)).rule == "all"
