"""Whose an incident is: the order of the rules, each condition as a table, and what is said of the winner and the others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.categories import Categories, Category, Urgency
from dispatch.errors import BadRules, NaiveTime, UnknownDepartment
from dispatch.routing import (
    FALLBACK,
    OWN,
    TERRITORIAL,
    Routing,
    RoutingRule,
    Situation,
    route,
)
from tests.dispatch.routing_scene import AT_NIGHT, FIELDS, MARKET, NORTH, SOUTH, city, night
from tests.dispatch.strategies import (
    CATEGORIES,
    COVER,
    DEPARTMENTS,
    LAMP,
    NOISE,
    PATHS,
    ROUTES,
    RUBBISH,
    at,
    china,
    new_york,
    rules,
    units,
)

#: The city's rules, category, place, the department and the rule that gave it.
WHOSE = [
    ("rubbish anywhere is the cleaners'", RUBBISH, SOUTH, "clean", "rubbish to the cleaners"),
    ("in the market it is the street's own", RUBBISH, MARKET, "north", "rubbish in the market"),
    ("also deeper inside the market", RUBBISH, (*MARKET, "001"), "north", "rubbish in the market"),
    ("beside the market: cleaners", RUBBISH, ("44", "01", "004"), "clean", "rubbish to the cleaners"),
    ("without a place it is the cleaners'", RUBBISH, (), "clean", "rubbish to the cleaners"),
    ("a class rule holds in its street", LAMP, SOUTH, "lamps", "utilities in the south"),
    ("and beats the category's own department", COVER, SOUTH, "lamps", "utilities in the south"),
    ("elsewhere the category's own department", COVER, NORTH, "water", OWN),
    ("also without a place", COVER, (), "water", OWN),
    ("nobody's in the north: the street office", LAMP, NORTH, "north", TERRITORIAL),
    ("nobody's, deep in the south", NOISE, (*SOUTH, "007", "001"), "south", TERRITORIAL),
    ("nobody's without a place: the desk", NOISE, (), "desk", FALLBACK),
    ("nobody's on nobody's ground: the desk", NOISE, ("44",), "desk", FALLBACK),
]


@pytest.mark.parametrize(
    ("category", "path", "department", "rule"), [row[1:] for row in WHOSE], ids=[row[0] for row in WHOSE]
)
def test_whose_it_is(category: Category, path: tuple[str, ...], department: str, rule: str) -> None:
    found = route(rules().routing, Situation(category, path, units(path)))
    assert (found.department, found.rule) == (department, rule)


#: Rules from the least to the most specific for a lamp that the hotline reports as urgent at night, in the
#: market and in police grid 72: each beats all before it.
LADDER = (
    RoutingRule("anything", "desk"),
    RoutingRule("anything, before others", "desk", priority=1),
    RoutingRule("anything, from the hotline", "desk", channels=frozenset({"hotline"})),
    RoutingRule("anything urgent", "desk", urgencies=frozenset({Urgency.URGENT})),
    RoutingRule("anything urgent, before others", "desk", urgencies=frozenset({Urgency.URGENT}), priority=2),
    RoutingRule("anything at night", "desk", hours=night(18, 8)),
    RoutingRule("anything in the district", "south", under=("44",)),
    RoutingRule("anything in the market", "north", under=MARKET),
    RoutingRule("anything in a police grid", "north", specialised="police"),
    RoutingRule("anything in police grid 72", "north", specialised="police/72"),
    RoutingRule("the field", "water", field="fire"),
    RoutingRule("the field in the market", "water", field="fire", under=MARKET),
    RoutingRule("the class", "water", category_class=LAMP.class_key),
    RoutingRule("the class in the market", "lamps", category_class=LAMP.class_key, under=MARKET),
    RoutingRule("the category", "clean", category=LAMP.key),
    RoutingRule("the category outside working time", "clean", category=LAMP.key, working=False),
    RoutingRule("the category in the north", "north", category=LAMP.key, under=NORTH),
    RoutingRule("the category in the market", "south", category=LAMP.key, under=MARKET),
    RoutingRule("the category in a police grid", "south", category=LAMP.key, specialised="police"),
    RoutingRule("the category in police grid 72", "south", category=LAMP.key, specialised="police/72"),
)
#: Of these the first never wins beside the second, which is for all the same: they are refused together.
ALL_THE_SAME = {
    ("anything", "anything, before others"),
    ("anything urgent", "anything urgent, before others"),
}


@pytest.mark.parametrize("height", range(1, len(LADDER)), ids=[rule.name for rule in LADDER[1:]])
def test_the_more_specific_rule_wins_in_whatever_order_they_are_written(height: int) -> None:
    top = LADDER[height]
    for below in LADDER[:height]:
        if (below.name, top.name) in ALL_THE_SAME:
            with pytest.raises(BadRules, match=f"'{below.name}' can never win: '{top.name}' takes all"):
                city(below, top)
        else:
            assert route(city(below, top), AT_NIGHT).rule == top.name
            assert route(city(top, below), AT_NIGHT).rule == top.name


def test_a_rule_beats_the_categorys_own_department() -> None:
    assert route(city(LADDER[0]), Situation(COVER, MARKET)).department == "desk"


def test_the_case_standards_department_comes_before_the_categorys() -> None:
    case = Situation(COVER, department="lamps")
    assert (route(city(), case).department, route(city(), case).rule) == ("lamps", OWN)
    assert route(city(), replace(case, department="abolished")).department == "water"
    assert route(city(), replace(case, department=None)).department == "water"


def test_a_path_is_matched_by_whole_codes() -> None:
    routing = city(RoutingRule("r", "lamps", under=("44", "01")))
    for path in (("44", "012"), ("44",), ("01", "44", "01")):
        assert route(routing, Situation(NOISE, path)).rule == FALLBACK


#: A duty team's hours, a moment, and whether the rule holds then. 2026-02-14 is a make-up Saturday.
WHEN = [
    ("a day by its hours", {"hours": night(8, 12)}, "2026-03-06 08:00", True),
    ("the end belongs to the next", {"hours": night(8, 12)}, "2026-03-06 12:00", False),
    ("a night, in the evening", {"hours": night(18, 8)}, "2026-03-06 23:00", True),
    ("a night, in the morning", {"hours": night(18, 8)}, "2026-03-06 07:59", True),
    ("a night is over", {"hours": night(18, 8)}, "2026-03-06 08:00", False),
    ("Friday's night begins", {"days": frozenset({4}), "hours": night(18, 8)}, "2026-03-06 18:00", True),
    (
        "Saturday morning is still Friday's night",
        {"days": frozenset({4}), "hours": night(18, 8)},
        "2026-03-07 07:59",
        True,
    ),
    (
        "Friday morning is Thursday's night",
        {"days": frozenset({4}), "hours": night(18, 8)},
        "2026-03-06 07:59",
        False,
    ),
    (
        "Monday morning is Sunday's night",
        {"days": frozenset({6}), "hours": night(18, 8)},
        "2026-03-09 03:00",
        True,
    ),
    ("a weekday all day", {"days": frozenset({4})}, "2026-03-06 00:00", True),
    ("the day after", {"days": frozenset({4})}, "2026-03-07 00:00", False),
    (
        "midnight to midnight is all day",
        {"days": frozenset({4}), "hours": night(0, 0)},
        "2026-03-06 23:59",
        True,
    ),
    ("working time", {"working": True}, "2026-03-06 17:59", True),
    ("after work", {"working": True}, "2026-03-06 18:00", False),
    ("the lunch break is not working time", {"working": False}, "2026-03-06 13:00", True),
    ("a make-up Saturday is worked", {"working": True}, "2026-02-14 09:00", True),
    ("another Saturday is not", {"working": True}, "2026-03-07 09:00", False),
    ("nobody says when", {"hours": night(0, 0)}, None, False),
]


@pytest.mark.parametrize(
    ("asked", "moment", "holds"), [row[1:] for row in WHEN], ids=[row[0] for row in WHEN]
)
def test_when_a_rule_holds(asked: dict[str, object], moment: str | None, holds: bool) -> None:
    rule = RoutingRule("duty", "lamps", **asked)
    case = Situation(NOISE, moment=at(moment) if moment else None)
    assert (route(city(rule), case).rule == "duty") is holds


def test_days_and_hours_are_those_of_the_calendars_zone() -> None:
    rule = RoutingRule("morning", "lamps", hours=night(8, 9))
    moment = at("2026-03-06 08:30", new_york())
    for calendar, winner in ((china(), FALLBACK), (new_york(), "morning")):
        routing = Routing(DEPARTMENTS, [rule], "desk", CATEGORIES, calendar=calendar)
        assert route(routing, Situation(NOISE, moment=moment)).rule == winner


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveTime):
        route(city(), Situation(NOISE, moment=at("2026-03-06 08:00").replace(tzinfo=None)))


#: What a rule asks for, the situation, and whether it holds.
ASKED = [
    ("in the named grid", {"specialised": "police/72"}, {"specialised": ("police/72",)}, True),
    ("in another of the field", {"specialised": "police/72"}, {"specialised": ("police/73",)}, False),
    ("in any of the field", {"specialised": "police"}, {"specialised": ("fire/1", "police/73")}, True),
    ("in one of another field", {"specialised": "police"}, {"specialised": ("fire/1",)}, False),
    ("in none", {"specialised": "police"}, {}, False),
    (
        "urgent or critical",
        {"urgencies": frozenset({Urgency.URGENT, Urgency.CRITICAL})},
        {"urgency": Urgency.CRITICAL},
        True,
    ),
    (
        "ordinary",
        {"urgencies": frozenset({Urgency.URGENT, Urgency.CRITICAL})},
        {"urgency": Urgency.ORDINARY},
        False,
    ),
    ("by the hotline", {"channels": frozenset({"hotline"})}, {"channel": "hotline"}, True),
    ("by something else", {"channels": frozenset({"hotline"})}, {"channel": "app"}, False),
    ("nobody says how", {"channels": frozenset({"hotline"})}, {}, False),
    ("a field of the category", {"field": "fire"}, {}, True),
    ("a field of its class, which it has none", {"field": "roads"}, {}, False),
]


@pytest.mark.parametrize(
    ("asked", "told", "holds"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED]
)
def test_what_a_rule_asks(asked: dict[str, object], told: dict[str, object], holds: bool) -> None:
    found = route(city(RoutingRule("asked", "lamps", **asked)), Situation(NOISE, **told))
    assert (found.rule == "asked") is holds


#: Two rules as specific in what they are about; the one that is so in the next step wins.
ALIKE = [
    (RoutingRule("a", "lamps", field="fire"), RoutingRule("b", "clean", field="roads", under=("44",))),
    (RoutingRule("a", "lamps", field="roads"), RoutingRule("b", "clean", field="fire", under=("44",))),
    (
        RoutingRule("a", "lamps", specialised="fire"),
        RoutingRule("b", "clean", specialised="police", under=NORTH),
    ),
    (
        RoutingRule("a", "lamps", specialised="police"),
        RoutingRule("b", "clean", specialised="fire", under=NORTH),
    ),
    (
        RoutingRule("a", "lamps", specialised="police/72"),
        RoutingRule("b", "clean", specialised="fire/3", priority=1),
    ),
]


@pytest.mark.parametrize(("one", "deeper"), ALIKE)
def test_of_two_fields_or_two_specialised_grids_the_next_step_decides(
    one: RoutingRule, deeper: RoutingRule
) -> None:
    assert route(city(one, deeper), AT_NIGHT).rule == "b"
    assert route(city(deeper, one), AT_NIGHT).rule == "b"


#: The place and the branch of the water bureau there.
BRANCH = [((), "water"), (("45",), "water"), (("44",), "water-44"), (SOUTH, "water-44"), (MARKET, "water-01")]


@pytest.mark.parametrize(("path", "branch"), BRANCH)
def test_a_rule_goes_to_the_branch_that_covers_the_place_closest(path: tuple[str, ...], branch: str) -> None:
    rule = RoutingRule("pipes", "water", branch=True)
    assert route(city(rule), Situation(NOISE, path)).department == branch
    assert route(city(replace(rule, branch=False)), Situation(NOISE, path)).department == "water"


#: The units of the place, widest first, and who gets what the street's unit is to get, and by what.
STREET = [
    ((("district", "south"), ("street", "north")), "north", "to the street"),
    ((("district", "south"), ("street", "nobody")), "south", TERRITORIAL),
    ((("district", "south"),), "south", TERRITORIAL),
    ((), "desk", FALLBACK),
]


@pytest.mark.parametrize(("here", "department", "rule"), STREET)
def test_a_territorial_rule_goes_to_the_unit_of_its_level(
    here: tuple[tuple[str, str], ...], department: str, rule: str
) -> None:
    routing = city(RoutingRule("to the street", "", territorial="street"))
    found = route(routing, Situation(NOISE, MARKET, here))
    assert (found.department, found.rule) == (department, rule)


def test_co_handlers_come_with_the_rule_that_wins() -> None:
    routing = city(RoutingRule("r", "lamps", category=LAMP.key, co_handlers=("water", "clean")))
    assert route(routing, Situation(LAMP)).co_handlers == ("water", "clean")
    assert route(routing, Situation(NOISE)).co_handlers == ()


def test_a_territorial_unit_that_is_no_department_is_passed_over_and_said() -> None:
    found = route(rules().routing, Situation(NOISE, NORTH, (("street", "abolished office"),)))
    assert (found.department, found.rule) == ("desk", FALLBACK)
    assert "abolished office" in found.reason


def test_the_reason_is_a_sentence_with_names() -> None:
    routing = rules().routing
    said = {rule: route(routing, Situation(c, path, units(path))).reason for _, c, path, _, rule in WHOSE}
    assert said == {
        "rubbish to the cleaners": "rule rubbish to the cleaners: 暴露垃圾 goes to 环卫所",
        "rubbish in the market": "rule rubbish in the market: 暴露垃圾 under 44/01/003 goes to 北街道",
        "utilities in the south": "rule utilities in the south: class 市政公用设施 under 44/02 goes to 路灯管理处",
        OWN: "no rule: 井盖缺失 usually goes to 水务局",
        TERRITORIAL: "no rule: goes to 南街道, whose ground it is",
        FALLBACK: "no rule, no territorial unit: goes to 受理中心",
    }


def test_departments_are_looked_up_by_code() -> None:
    routing = rules().routing
    assert routing.department("water") == "water"
    assert routing.departments["water"].name_zh == "水务局"
    with pytest.raises(UnknownDepartment, match="'fire'") as refused:
        routing.department("fire")
    assert refused.value.about == {"department": "fire", "near": []}


def test_a_city_without_rules_still_leaves_nothing_without_an_owner() -> None:
    routing = Routing([DEPARTMENTS[0]], [], "desk", Categories([NOISE]))
    assert route(routing, Situation(NOISE, NORTH)).department == "desk"


def test_equal_rules_are_equal_values() -> None:
    again = Routing(DEPARTMENTS, ROUTES, "desk", CATEGORIES, calendar=rules().routing.calendar)
    assert again == rules().routing
    assert hash(again) == hash(rules().routing)
    assert Routing(DEPARTMENTS, ROUTES[:1], "desk", CATEGORIES, calendar=again.calendar) != again
    assert Routing(DEPARTMENTS, ROUTES, "desk", CATEGORIES, calendar=new_york()) != again
    assert Routing(DEPARTMENTS, ROUTES, "desk", CATEGORIES, fields=FIELDS, calendar=again.calendar) != again


@given(
    st.sampled_from(list(CATEGORIES)),
    st.sampled_from(PATHS),
    st.none() | st.sampled_from(["north", "nobody"]),
)
def test_nothing_is_ever_without_an_owner(
    category: Category, path: tuple[str, ...], unit: str | None
) -> None:
    routing = rules().routing
    case = Situation(category, path, (("street", unit),) if unit else ())
    assert route(routing, case).department in routing.departments
