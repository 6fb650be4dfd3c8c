"""What is refused when rules are put together: what does not exist, dead ends, ties, rules that never win."""

from dataclasses import replace
from datetime import time

import pytest

from dispatch.categories import CaseStandard, Categories, Field, Urgency
from dispatch.deadlines import Calendar
from dispatch.errors import BadRules
from dispatch.routing import FALLBACK, Department, Routing, RoutingRule
from tests.dispatch.routing_scene import BRANCHES, FIELDS, MARKET, NORTH, SOUTH, night
from tests.dispatch.strategies import CATEGORIES, COVER, DEPARTMENTS, LAMP, NOISE, RUBBISH, china

URGENT, CRITICAL = frozenset({Urgency.URGENT}), frozenset({Urgency.CRITICAL})


def problems(
    *wrong: RoutingRule,
    departments: tuple[Department, ...] = BRANCHES,
    fallback: str = "desk",
    categories: Categories = CATEGORIES,
    fields: dict[str, Field] = FIELDS,
    calendar: Calendar | None = china(),  # noqa: B008
) -> list[str]:
    """What is said of them; nothing where they are taken."""
    try:
        Routing(departments, wrong, fallback, categories, fields=fields, calendar=calendar)
    except BadRules as refused:
        return list(refused.problems)
    return []


#: A rule that cannot be, and what is said of it.
BAD_RULES = [
    (RoutingRule("r", "fire"), "rule 'r' names department 'fire', which does not exist"),
    (RoutingRule("r", "water", category="x"), "rule 'r' names category 'x', which is no category's key"),
    (
        RoutingRule("r", "water", category="manhole"),
        "rule 'r' names category 'manhole', which is no category's key",
    ),
    (RoutingRule("r", "water", category_class="x"), "rule 'r' names class 'x', which no category belongs to"),
    (RoutingRule("r", "water", field="x"), "rule 'r' names field 'x', which does not exist"),
    (
        RoutingRule("r", "water", field="empty"),
        "rule 'r' can never match: field 'empty' has no classes and no categories",
    ),
    (
        RoutingRule("r", "water", category=COVER.key, category_class=COVER.class_key),
        "rule 'r' names a category and a class: name one of them",
    ),
    (
        RoutingRule("r", "water", category=COVER.key, field="fire"),
        "rule 'r' names a category and a field: name one of them",
    ),
    (RoutingRule("", "water"), "rule '' cannot be called so: that says that no rule decided"),
    (RoutingRule(FALLBACK, "water"), "rule 'fallback' cannot be called so: that says that no rule decided"),
    (
        RoutingRule("r", ""),
        "rule 'r' is a dead end: it names neither a department nor a territorial level",
    ),
    (
        RoutingRule("r", "water", territorial="street"),
        "rule 'r' names a department and a territorial level: name one of them",
    ),
    (
        RoutingRule("r", "", territorial=""),
        "rule 'r' names no level: write the key of the grids whose unit is meant",
    ),
    (RoutingRule("r", "lamps", branch=True), "rule 'r' asks for a branch of 'lamps', which has none"),
    (RoutingRule("r", "water", co_handlers=("x",)), "rule 'r' names co-handler 'x', which does not exist"),
    (
        RoutingRule("r", "water", co_handlers=("lamps", "lamps")),
        "rule 'r' names co-handler 'lamps' 2 times",
    ),
    (
        RoutingRule("r", "water", co_handlers=("water",)),
        "rule 'r' names 'water' as the department and as a co-handler: keep one",
    ),
    (
        RoutingRule("r", "water", under=("44", "")),
        "rule 'r' names the grid path '44/': a code in it is empty",
    ),
    (
        RoutingRule("r", "water", specialised="police/"),
        "rule 'r' names specialised grid 'police/': write field/code, or the field",
    ),
    (
        RoutingRule("r", "water", days=frozenset({1, 7})),
        "rule 'r' names weekdays [7]: they are 0 (Monday) to 6 (Sunday)",
    ),
    (
        RoutingRule("r", "water", hours=((time(8, 0, 30), time(9)),)),
        "rule 'r' names the hours 08:00:30-09:00:00: they are in whole minutes",
    ),
    (
        RoutingRule("r", "water", hours=night(18, 8), working=True),
        "rule 'r' can never match: the calendar has no working time at its days and hours",
    ),
]


@pytest.mark.parametrize(("rule", "said"), BAD_RULES, ids=[said for _, said in BAD_RULES])
def test_a_rule_that_cannot_be(rule: RoutingRule, said: str) -> None:
    assert problems(rule, fields=FIELDS | {"empty": Field("empty", "空")}) == [said]


def test_a_rule_that_asks_for_the_time_needs_a_calendar() -> None:
    asked = RoutingRule("days", "water", days=frozenset({0})), RoutingRule("work", "water", working=False)
    said = "asks for the time, and there is no calendar to tell the zone"
    assert problems(*asked, calendar=None) == [f"rule 'days' {said}", f"rule 'work' {said}"]
    assert problems(RoutingRule("plain", "water"), calendar=None) == []


#: Departments beside the water bureau and its branches, and what is said of them.
BAD_DEPARTMENTS = [
    (Department("x", "甲", parent="y", under=NORTH), "department 'x' names parent 'y', which does not exist"),
    (Department("x", "甲", parent="x", under=NORTH), "department 'x' is its own parent"),
    (
        Department("x", "甲", parent="water-44", under=NORTH),
        "department 'x' is a branch of the branch 'water-44': name the bureau itself",
    ),
    (
        Department("x", "甲", parent="water", under=NORTH),
        "department 'x' is the branch of 'water' for 44/01, and so is 'water-01'",
    ),
    (
        Department("x", "甲", parent="water"),
        "department 'x' is a branch without a ground: say under which grid it is",
    ),
    (
        Department("x", "甲", under=NORTH),
        "department 'x' has a ground and no parent: say whose branch it is",
    ),
]


@pytest.mark.parametrize(("department", "said"), BAD_DEPARTMENTS, ids=[said for _, said in BAD_DEPARTMENTS])
def test_a_department_that_cannot_be(department: Department, said: str) -> None:
    assert problems(departments=(*BRANCHES, department)) == [said]


def test_two_departments_cannot_be_each_others_branches() -> None:
    circle = Department("x", "甲", parent="y", under=NORTH), Department("y", "乙", parent="x", under=NORTH)
    assert problems(departments=(*BRANCHES, *circle)) == [
        "department 'x' is a branch of the branch 'y': name the bureau itself",
        "department 'y' is a branch of the branch 'x': name the bureau itself",
    ]


def test_departments_that_do_not_exist_or_stand_twice() -> None:
    assert problems(departments=(*DEPARTMENTS, DEPARTMENTS[1])) == ["department 'water' is listed 2 times"]
    assert problems(fallback="nobody") == [
        "the fallback 'nobody' is not a department: name the one that takes what nobody owns"
    ]
    standard = CaseStandard("a", department="fire")
    strange = Categories([replace(NOISE, department="police", standards=(standard,))])
    assert problems(categories=strange, fields={}) == [
        f"category {NOISE.key} names department 'police', which does not exist",
        f"case standard 'a' of {NOISE.key} names department 'fire', which does not exist",
    ]


def test_a_field_names_classes_and_categories_that_there_are() -> None:
    field = Field("x", "甲", classes=frozenset({"no"}), categories=frozenset({"manhole", LAMP.key}))
    assert problems(fields={"x": field}) == [
        "field 'x' names class 'no', which no category belongs to",
        "field 'x' names category 'manhole', which is no category's key",
    ]


def test_a_name_given_twice_is_refused() -> None:
    first = RoutingRule("a", "lamps", category=LAMP.key)
    assert problems(first, replace(first, under=NORTH)) == ["2 rules are called 'a'"]


def test_everything_wrong_is_said_at_once() -> None:
    wrong = [rule for rule, said in BAD_RULES if "empty" not in said]
    found = problems(*wrong, fallback="nobody")
    assert {said for _, said in BAD_RULES if "empty" not in said and "can never" not in said} <= set(found)
    assert any("fallback" in problem for problem in found)
    assert any("rules are called 'r'" in problem for problem in found)


TIE = (
    "rules 'a' and 'b' tie: both can hold at once, and neither is more specific; "
    "give the one that is to win a higher priority"
)
#: What two rules ask for, and whether they tie. A lamp is of the fields fire and roads.
TIES = [
    ("the same", {}, {}, True),
    ("one category", {"category": LAMP.key}, {"category": LAMP.key}, True),
    ("two categories", {"category": LAMP.key}, {"category": COVER.key}, False),
    ("one class", {"category_class": LAMP.class_key}, {"category_class": LAMP.class_key}, True),
    ("two fields that share a category", {"field": "fire"}, {"field": "roads"}, True),
    ("two fields that share none", {"field": "noise"}, {"field": "roads"}, False),
    ("one place", {"under": NORTH}, {"under": NORTH}, True),
    ("two places", {"under": NORTH}, {"under": SOUTH}, False),
    ("one specialised grid", {"specialised": "police/1"}, {"specialised": "police/1"}, True),
    ("two of one field", {"specialised": "police/1"}, {"specialised": "police/2"}, False),
    ("two of two fields", {"specialised": "police/1"}, {"specialised": "fire/2"}, True),
    ("any of two fields", {"specialised": "police"}, {"specialised": "fire"}, True),
    ("hours that meet", {"hours": night(18, 8)}, {"hours": night(7, 9)}, True),
    ("hours that follow", {"hours": night(18, 8)}, {"hours": night(8, 9)}, False),
    ("days", {"days": frozenset({0, 1})}, {"days": frozenset({2})}, False),
    (
        "a night that goes on into the other's morning",
        {"days": frozenset({6}), "hours": night(18, 8)},
        {"days": frozenset({0}), "hours": night(7, 12)},
        True,
    ),
    ("working or not", {"working": True}, {"working": False}, False),
    ("working time or hours that are never worked", {"working": True}, {"hours": night(18, 8)}, False),
    ("working time or hours some of which are", {"working": True}, {"hours": night(17, 8)}, True),
    ("two urgencies", {"urgencies": URGENT}, {"urgencies": CRITICAL}, False),
    ("urgencies that meet", {"urgencies": URGENT}, {"urgencies": URGENT | CRITICAL}, True),
    ("two channels", {"channels": frozenset("a")}, {"channels": frozenset("b")}, False),
    ("channels that meet", {"channels": frozenset("ab")}, {"channels": frozenset("bc")}, True),
    ("told apart by priority", {"urgencies": URGENT}, {"urgencies": URGENT | CRITICAL, "priority": 1}, None),
    ("units of two levels", {"territorial": "street"}, {"territorial": "district"}, True),
]


@pytest.mark.parametrize(("one", "other", "tie"), [row[1:] for row in TIES], ids=[row[0] for row in TIES])
def test_ties(one: dict[str, object], other: dict[str, object], tie: bool | None) -> None:
    fields = FIELDS | {"noise": Field("noise", "噪声", categories=frozenset({NOISE.key}))}
    first, second = (
        RoutingRule(name, "" if "territorial" in asked else "lamps", **asked)
        for name, asked in (("a", one), ("b", other))
    )
    found = [said for said in problems(first, second, fields=fields) if " tie: " in said]
    assert found == ([TIE] if tie else [])


COVER_RULE = RoutingRule("cover", "water", category=COVER.key)
LAMP_RULE = RoutingRule("lamp", "lamps", category=LAMP.key)
UTILITIES = RoutingRule("utilities", "south", category_class=LAMP.class_key)
#: Rules of which the last never wins, and who takes all it could match; nobody: it wins somewhere.
NEVER = [
    ("every category of its class is taken", (COVER_RULE, LAMP_RULE, UTILITIES), "'cover', 'lamp' take"),
    ("not every category", (COVER_RULE, UTILITIES), None),
    (
        "taken around its place",
        (COVER_RULE, replace(LAMP_RULE, under=NORTH), replace(UTILITIES, under=MARKET)),
        "'cover', 'lamp' take",
    ),
    (
        "taken only in a part of its place",
        (COVER_RULE, replace(LAMP_RULE, under=MARKET), replace(UTILITIES, under=NORTH)),
        None,
    ),
    (
        "taken in a specialised grid alone",
        (COVER_RULE, replace(LAMP_RULE, specialised="p/1"), UTILITIES),
        None,
    ),
    (
        "taken in the specialised grid that it asks for",
        (COVER_RULE, replace(LAMP_RULE, specialised="p"), replace(UTILITIES, specialised="p/1")),
        "'cover', 'lamp' take",
    ),
    (
        "taken by working time and the rest",
        (
            COVER_RULE,
            replace(LAMP_RULE, working=True),
            replace(LAMP_RULE, name="off", working=False),
            UTILITIES,
        ),
        "'cover', 'off', 'lamp' take",
    ),
    ("taken in working time", (COVER_RULE, replace(LAMP_RULE, working=True), UTILITIES), None),
    (
        "its hours lie within the night that is taken",
        (COVER_RULE, replace(LAMP_RULE, hours=night(18, 8)), replace(UTILITIES, hours=night(19, 7))),
        "'cover', 'lamp' take",
    ),
    (
        "by day and by night",
        (
            COVER_RULE,
            replace(LAMP_RULE, hours=night(6, 18)),
            replace(LAMP_RULE, name="night", hours=night(18, 6)),
            UTILITIES,
        ),
        "'cover', 'lamp', 'night' take",
    ),
    (
        "urgent ones and the others",
        (
            COVER_RULE,
            replace(LAMP_RULE, urgencies=URGENT),
            replace(LAMP_RULE, name="else", urgencies=CRITICAL | {Urgency.ORDINARY}),
            UTILITIES,
        ),
        "'cover', 'else', 'lamp' take",
    ),
    (
        "channels, but there may be others",
        (COVER_RULE, replace(LAMP_RULE, channels=frozenset("ab")), UTILITIES),
        None,
    ),
    (
        "its own channel is taken",
        (
            COVER_RULE,
            replace(LAMP_RULE, channels=frozenset("ab")),
            replace(UTILITIES, channels=frozenset("a")),
        ),
        "'cover', 'lamp' take",
    ),
    (
        "what goes to the street's unit is not taken for sure",
        (COVER_RULE, RoutingRule("lamp", "", category=LAMP.key, territorial="street"), UTILITIES),
        None,
    ),
    (
        "but from what goes to the same unit it is",
        (
            COVER_RULE,
            RoutingRule("lamp", "", category=LAMP.key, territorial="street"),
            RoutingRule("utilities", "", category_class=LAMP.class_key, territorial="street"),
        ),
        "'cover', 'lamp' take",
    ),
    ("a higher priority", (replace(UTILITIES, name="first", priority=1), UTILITIES), "'first' takes"),
    (
        "more than three are not all named",
        (
            replace(UTILITIES, name="first", hours=night(0, 6)),
            replace(UTILITIES, name="second", hours=night(6, 11)),
            replace(UTILITIES, name="third", hours=night(11, 15)),
            replace(UTILITIES, name="fourth", hours=night(15, 18)),
            replace(UTILITIES, name="fifth", hours=night(18, 20)),
            replace(UTILITIES, name="last", hours=night(20, 0)),
            UTILITIES,
        ),
        "'second', 'first', 'fourth' and others take",
    ),
    (
        "a rule for everything, by a class and the categories of no other",
        (
            UTILITIES,
            RoutingRule("rubbish", "clean", category=RUBBISH.key),
            RoutingRule("noise", "north", category=NOISE.key, under=NORTH),
            RoutingRule("rest", "desk", under=MARKET),
        ),
        "'utilities', 'rubbish', 'noise' take",
    ),
]


@pytest.mark.parametrize(("given", "takers"), [row[1:] for row in NEVER], ids=[row[0] for row in NEVER])
def test_a_rule_that_can_never_win(given: tuple[RoutingRule, ...], takers: str | None) -> None:
    said = [f"rule {given[-1].name!r} can never win: {takers} all it could match"] if takers else []
    assert problems(*given) == said
    assert problems(*reversed(given)) == said
