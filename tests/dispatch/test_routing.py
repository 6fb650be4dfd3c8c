"""Whose an incident is: the order of the rules, what is refused, and a slow plain reading of the same words."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.categories import Categories, Category, Kind
from dispatch.errors import BadRules, UnknownDepartment
from dispatch.routing import (
    FALLBACK,
    OWN,
    TERRITORIAL,
    Department,
    Routing,
    RoutingRule,
    explain,
    route,
)
from tests.dispatch.strategies import (
    CATEGORIES,
    COVER,
    DEPARTMENTS,
    LAMP,
    NOISE,
    PATHS,
    ROUTES,
    RUBBISH,
    rules,
    territorial,
)

NORTH, SOUTH = ("44", "01"), ("44", "02")
MARKET = ("44", "01", "003")

#: The city's rules, category, place, the department and the rule that gave it.
WHOSE = [
    ("rubbish anywhere is the cleaners'", RUBBISH, SOUTH, "clean", "rubbish to the cleaners"),
    ("in the market it is the street's own", RUBBISH, MARKET, "north", "rubbish in the market"),
    ("also deeper inside the market", RUBBISH, (*MARKET, "001"), "north", "rubbish in the market"),
    (
        "beside the market it is the cleaners'",
        RUBBISH,
        ("44", "01", "004"),
        "clean",
        "rubbish to the cleaners",
    ),
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
    found = route(rules().routing, category, path, territorial(path))
    assert (found.department, found.rule) == (department, rule)


#: Rules from the least to the most specific for rubbish in the market: each beats all before it.
LADDER = (
    RoutingRule("everything", "desk"),
    RoutingRule("everything in the district", "south", under=("44",)),
    RoutingRule("everything in the north", "north", under=NORTH),
    RoutingRule("the class", "water", category_class=LAMP.class_key),
    RoutingRule("the class in the market", "lamps", category_class=LAMP.class_key, under=MARKET),
    RoutingRule("the category", "clean", category=LAMP.key),
    RoutingRule("the category in the north", "north", category=LAMP.key, under=NORTH),
    RoutingRule("the category in the market", "south", category=LAMP.key, under=MARKET),
)


@pytest.mark.parametrize("length", range(1, len(LADDER) + 1))
def test_the_more_specific_rule_wins_in_whatever_order_they_are_written(length: int) -> None:
    for ladder in (LADDER[:length], LADDER[:length][::-1]):
        routing = Routing(DEPARTMENTS, ladder, "desk", CATEGORIES)
        assert route(routing, LAMP, (*MARKET, "001"), "north").rule == LADDER[length - 1].name


def test_a_rule_beats_the_categorys_own_department() -> None:
    routing = Routing(DEPARTMENTS, LADDER[:1], "desk", CATEGORIES)
    assert route(routing, COVER, MARKET, "north").department == "desk"


def test_a_path_is_matched_by_whole_codes() -> None:
    routing = Routing(DEPARTMENTS, [RoutingRule("r", "lamps", under=("44", "01"))], "desk", CATEGORIES)
    assert route(routing, NOISE, ("44", "012"), None).rule == FALLBACK
    assert route(routing, NOISE, ("44",), None).rule == FALLBACK
    assert route(routing, NOISE, ("01", "44", "01"), None).rule == FALLBACK


def test_a_territorial_unit_that_is_no_department_is_passed_over_and_said() -> None:
    found = route(rules().routing, NOISE, NORTH, "abolished office")
    assert (found.department, found.rule) == ("desk", FALLBACK)
    assert "abolished office" in found.reason


def test_the_reason_is_a_sentence_with_names() -> None:
    routing = rules().routing
    said = {rule: route(routing, c, path, territorial(path)).reason for _, c, path, _, rule in WHOSE}
    assert said == {
        "rubbish to the cleaners": "rule rubbish to the cleaners: 暴露垃圾 goes to 环卫所",
        "rubbish in the market": "rule rubbish in the market: 暴露垃圾 under 44/01/003 goes to 北街道",
        "utilities in the south": "rule utilities in the south: class 市政公用设施 under 44/02 goes to 路灯管理处",
        OWN: "no rule: 井盖缺失 usually goes to 水务局",
        TERRITORIAL: "no rule: goes to 南街道, whose ground it is",
        FALLBACK: "no rule, no territorial unit: goes to 受理中心",
    }


def test_explain_names_the_first_condition_that_failed() -> None:
    routing = Routing(DEPARTMENTS, LADDER, "desk", CATEGORIES)
    told = explain(routing, LAMP, NORTH, "north")
    assert told.winner == route(routing, LAMP, NORTH, "north")
    beaten = "it matches, but the category in the north is more specific"
    assert {failed.rule: failed.why for failed in told.others} == {
        "everything": beaten,
        "everything in the district": beaten,
        "everything in the north": beaten,
        "the class": beaten,
        "the class in the market": "it is for places under 44/01/003",
        "the category": beaten,
        "the category in the market": "it is for places under 44/01/003",
    }
    lost = {failed.rule: failed.why for failed in explain(routing, NOISE, (), None).others}
    assert lost["the category"] == f"it is for category {LAMP.key}"
    assert lost["the class in the market"] == f"it is for class {LAMP.class_key}"
    assert lost["everything in the north"] == "it is for places under 44/01, and this one lies in no grid"


def test_departments_are_looked_up_by_code() -> None:
    routing = rules().routing
    assert routing.department("water") == "water"
    assert routing.departments["water"].name_zh == "水务局"
    with pytest.raises(UnknownDepartment, match="'fire'") as refused:
        routing.department("fire")
    assert refused.value.about == {"department": "fire", "near": []}


def problems(
    *wrong: RoutingRule,
    departments: tuple[Department, ...] = DEPARTMENTS,
    fallback: str = "desk",
    categories: Categories = CATEGORIES,
) -> list[str]:
    with pytest.raises(BadRules) as refused:
        Routing(departments, wrong, fallback, categories)
    found = refused.value.about["problems"]
    assert isinstance(found, list)
    return found


#: A rule that cannot be, and what is said of it.
BAD_RULES = [
    (RoutingRule("r", "fire"), "rule 'r' names department 'fire', which does not exist"),
    (RoutingRule("r", "water", category="x"), "rule 'r' names category 'x', which is no category's key"),
    (
        RoutingRule("r", "water", category="manhole"),
        "rule 'r' names category 'manhole', which is no category's key",
    ),
    (RoutingRule("r", "water", category_class="x"), "rule 'r' names class 'x', which no category belongs to"),
    (
        RoutingRule("r", "water", category=COVER.key, category_class=COVER.class_key),
        "rule 'r' names a category and a class: name one of them",
    ),
    (RoutingRule("", "water"), "a rule cannot be called '': that says that no rule decided"),
    (RoutingRule(FALLBACK, "water"), "a rule cannot be called 'fallback': that says that no rule decided"),
]


@pytest.mark.parametrize(("rule", "said"), BAD_RULES)
def test_a_rule_that_cannot_be(rule: RoutingRule, said: str) -> None:
    assert problems(rule) == [said]


def test_two_rules_for_the_same_thing_in_the_same_place_are_a_tie() -> None:
    for kind in ({"category": LAMP.key}, {"category_class": LAMP.class_key}, {}):
        first, second = (RoutingRule(name, "lamps", under=NORTH, **kind) for name in ("a", "b"))
        assert problems(first, second) == [
            "rules 'a', 'b' are for the same things in the same place: keep one"
        ]
        Routing(DEPARTMENTS, [first, replace(second, under=SOUTH)], "desk", CATEGORIES)


def test_a_name_given_twice_is_refused() -> None:
    first = RoutingRule("a", "lamps", category=LAMP.key)
    assert problems(first, replace(first, under=NORTH)) == ["2 rules are called 'a'"]


def test_departments_that_do_not_exist_or_stand_twice() -> None:
    assert problems(departments=(*DEPARTMENTS, DEPARTMENTS[1])) == ["department 'water' is listed 2 times"]
    assert problems(fallback="nobody") == [
        "the fallback 'nobody' is not a department: name the one that takes what nobody owns"
    ]
    strange = Categories([replace(NOISE, department="police")])
    assert problems(categories=strange) == [
        f"category {NOISE.key} names department 'police', which does not exist"
    ]


def test_a_rule_whose_every_category_is_taken_can_never_win() -> None:
    cover = RoutingRule("cover", "water", category=COVER.key)
    lamp = RoutingRule("lamp", "lamps", category=LAMP.key, under=NORTH)
    covered = RoutingRule("utilities", "south", category_class=LAMP.class_key, under=(*NORTH, "003"))
    assert problems(cover, lamp, covered) == [
        "rule 'utilities' can never win: rules for its categories take all it could match"
    ]
    open_elsewhere = replace(covered, under=("44",))
    Routing(DEPARTMENTS, [cover, lamp, open_elsewhere], "desk", CATEGORIES)


def test_a_rule_for_everything_can_be_covered_by_classes_and_categories_together() -> None:
    utilities = RoutingRule("utilities", "lamps", category_class=LAMP.class_key)
    rubbish = RoutingRule("rubbish", "clean", category=RUBBISH.key)
    noise = RoutingRule("noise", "north", category=NOISE.key, under=NORTH)
    rest = RoutingRule("the rest", "desk", under=MARKET)
    assert len(problems(utilities, rubbish, noise, rest)) == 1
    Routing(DEPARTMENTS, [utilities, rubbish, noise, replace(rest, under=SOUTH)], "desk", CATEGORIES)
    Routing(DEPARTMENTS, [utilities, noise, rest], "desk", CATEGORIES)


def test_everything_wrong_is_said_at_once() -> None:
    wrong = [rule for rule, _ in BAD_RULES]
    found = problems(*wrong, fallback="nobody")
    for _, said in BAD_RULES:
        assert said in found
    assert any("fallback" in problem for problem in found)
    assert any("rules are called 'r'" in problem for problem in found)


def test_a_city_without_rules_still_leaves_nothing_without_an_owner() -> None:
    routing = Routing([DEPARTMENTS[0]], [], "desk", Categories([NOISE]))
    assert route(routing, NOISE, NORTH, None).department == "desk"


def test_equal_rules_are_equal_values() -> None:
    again = Routing(DEPARTMENTS, ROUTES, "desk", CATEGORIES)
    assert again == rules().routing
    assert hash(again) == hash(rules().routing)
    assert Routing(DEPARTMENTS, ROUTES[:1], "desk", CATEGORIES) != again


MANY = [
    Category(
        "x",
        Kind.EVENT,
        f"{n}",
        f"事{n}",
        f"event {n}",
        class_code=f"{n // 3}" if n < 9 else "",
        department=own,
    )
    for n, own in enumerate(["water", None, None, "clean", None, None, None, None, None, None, "lamps"])
]
many_paths = st.lists(st.sampled_from("abc"), max_size=4).map(tuple)
many_rules = st.lists(
    st.builds(
        RoutingRule,
        st.uuids().map(str),
        st.sampled_from([d.code for d in DEPARTMENTS]),
        st.none() | st.sampled_from([c.key for c in MANY]),
        st.none() | st.sampled_from(sorted({c.class_key for c in MANY} - {""})),
        many_paths,
    ).map(lambda rule: replace(rule, category_class=None) if rule.category else rule),
    max_size=25,
)


def matches(rule: RoutingRule, category: Category, path: tuple[str, ...]) -> bool:
    if rule.category is not None and rule.category != category.key:
        return False
    if rule.category_class is not None and rule.category_class != category.class_key:
        return False
    return list(rule.under) == list(path)[: len(rule.under)]


def rank(rule: RoutingRule) -> tuple[int, int]:
    return (2 if rule.category else 1 if rule.category_class else 0, len(rule.under))


def plain_reading(
    given_rules: list[RoutingRule], category: Category, path: tuple[str, ...], unit: str | None
) -> tuple[str, str]:
    """Go through all rules and keep the highest that matches; no index, no shortcut."""
    matching = [rule for rule in given_rules if matches(rule, category, path)]
    if matching:
        best = max(matching, key=rank)
        return best.department, best.name
    if category.department:
        return category.department, OWN
    return (unit, TERRITORIAL) if unit in {d.code for d in DEPARTMENTS} else ("desk", FALLBACK)


def possible(given_rules: list[RoutingRule]) -> list[RoutingRule]:
    """The rules without what a loader refuses: ties, and rules that never win anywhere up to six levels deep."""
    kept = list({(r.category, r.category_class, r.under): r for r in given_rules}.values())

    def can_win(rule: RoutingRule) -> bool:
        at_its_place = [c for c in MANY if matches(rule, c, rule.under)]
        return any(plain_reading(kept, c, rule.under, None)[1] == rule.name for c in at_its_place)

    while never := [rule for rule in kept if not can_win(rule)]:
        kept = [rule for rule in kept if rule not in never]
    return kept


@given(many_rules, st.lists(st.tuples(st.sampled_from(MANY), many_paths), min_size=1, max_size=8), st.data())
@settings(max_examples=200)
def test_the_index_reads_the_rules_as_a_person_would(
    given_rules: list[RoutingRule], asked: list[tuple[Category, tuple[str, ...]]], data: st.DataObject
) -> None:
    kept = possible(given_rules)
    routing = Routing(DEPARTMENTS, kept, "desk", Categories(MANY))
    for category, path in asked:
        unit = data.draw(st.sampled_from(["north", "south", None, "abolished"]))
        found = route(routing, category, path, unit)
        assert (found.department, found.rule) == plain_reading(kept, category, path, unit)
        told = explain(routing, category, path, unit)
        assert told.winner == found
        assert {failed.rule for failed in told.others} == {rule.name for rule in kept} - {found.rule}
        for failed in told.others:
            rule = next(rule for rule in kept if rule.name == failed.rule)
            assert matches(rule, category, path) == failed.why.startswith("it matches")


@given(many_rules)
@settings(max_examples=200)
def test_what_is_refused_as_never_winning_never_wins_and_nothing_else_is(
    given_rules: list[RoutingRule],
) -> None:
    """A rule is refused exactly where no category at its own place would be given to it."""
    kept = list({(r.category, r.category_class, r.under): r for r in given_rules}.values())
    never = {
        rule.name
        for rule in kept
        if all(
            plain_reading(kept, c, rule.under, None)[1] != rule.name
            for c in MANY
            if matches(rule, c, rule.under)
        )
    }
    try:
        Routing(DEPARTMENTS, kept, "desk", Categories(MANY))
        refused = set()
    except BadRules as bad:
        said = bad.about["problems"]
        assert isinstance(said, list)
        assert all("can never win" in problem for problem in said)
        refused = {rule.name for rule in kept if any(rule.name in problem for problem in said)}
    assert refused == never


@given(
    st.sampled_from(list(CATEGORIES)),
    st.sampled_from(PATHS),
    st.none() | st.sampled_from(["north", "nobody"]),
)
def test_nothing_is_ever_without_an_owner(
    category: Category, path: tuple[str, ...], unit: str | None
) -> None:
    routing = rules().routing
    assert route(routing, category, path, unit).department in routing.departments
