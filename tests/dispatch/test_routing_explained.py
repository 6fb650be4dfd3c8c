"""What is said of the rule that wins and of all others: a sentence for each condition."""

from dataclasses import replace
from datetime import time

import pytest

from dispatch.categories import Urgency
from dispatch.routing import Routing, RoutingRule, Situation, explain, route
from tests.dispatch.routing_scene import AT_NIGHT, BRANCHES, FIELDS, MARKET, NORTH, SOUTH, city, night
from tests.dispatch.strategies import CATEGORIES, LAMP, NOISE, ROUTES, RUBBISH, china

#: A rule, and what is said when it wins.
REASONS = [
    (
        RoutingRule("a", "water", field="fire", specialised="police", under=NORTH, branch=True),
        "rule a: field 消防 in a grid of police under 44/01 goes to 水务局北所, the branch of 水务局",
    ),
    (
        RoutingRule("b", "", territorial="street", specialised="police/72"),
        "rule b: everything in police/72 goes to 北街道, whose ground it is",
    ),
    (
        RoutingRule("c", "lamps", days=frozenset({4, 5}), hours=night(18, 8), working=False),
        "rule c: everything on Fri, Sat at 18:00-08:00 outside working time goes to 路灯管理处",
    ),
    (
        RoutingRule(
            "d", "lamps", urgencies=frozenset({Urgency.URGENT}), channels=frozenset({"hotline", "app"})
        ),
        "rule d: everything where urgent by app or hotline goes to 路灯管理处",
    ),
]


@pytest.mark.parametrize(("rule", "said"), REASONS)
def test_the_reason_names_every_condition(rule: RoutingRule, said: str) -> None:
    assert route(city(rule), AT_NIGHT).reason == said


#: Rules beside the one that wins, and why they do not.
WHY_NOT = [
    (RoutingRule("r", "lamps", under=NORTH), "it matches, but winner is more specific: by its category"),
    (
        RoutingRule("r", "lamps", category=LAMP.key),
        "it matches, but winner is more specific: by its specialised grid",
    ),
    (
        RoutingRule("r", "lamps", category=LAMP.key, specialised="police/72", priority=9),
        "it matches, but winner is more specific: by its place",
    ),
    (RoutingRule("r", "lamps", category=RUBBISH.key), f"it is for category {RUBBISH.key}"),
    (RoutingRule("r", "lamps", category_class=RUBBISH.class_key), f"it is for class {RUBBISH.class_key}"),
    (
        RoutingRule("r", "lamps", specialised="police/73"),
        "it is for places in police/73, and this one lies in police/72",
    ),
    (
        RoutingRule("r", "lamps", specialised="safety"),
        "it is for places in a grid of safety, and this one lies in no grid of safety",
    ),
    (RoutingRule("r", "lamps", under=SOUTH), "it is for places under 44/02"),
    (RoutingRule("r", "lamps", days=frozenset({0})), "it holds on Mon, and this is Fri 23:00"),
    (
        RoutingRule("r", "lamps", hours=night(18, 0), working=True),
        "it holds at 18:00-00:00 in working time, and this is Fri 23:00, not working time",
    ),
    (
        RoutingRule("r", "lamps", urgencies=frozenset({Urgency.CRITICAL, Urgency.ORDINARY})),
        "it is for what is critical or ordinary, and this is urgent",
    ),
    (
        RoutingRule("r", "lamps", channels=frozenset({"app"})),
        "it is for what comes by app, and this came by hotline",
    ),
    (
        RoutingRule("r", "", territorial="district"),
        "it goes to the unit of the district, and there is none here",
    ),
]


@pytest.mark.parametrize(("rule", "why"), WHY_NOT, ids=[why for _, why in WHY_NOT])
def test_explain_names_the_first_condition_that_failed(rule: RoutingRule, why: str) -> None:
    winner = RoutingRule("winner", "clean", category=LAMP.key, specialised="police/72", under=MARKET)
    calendar = replace(china(), hours=((time(8), time(20)),))
    routing = Routing(BRANCHES, [rule, winner], "desk", CATEGORIES, fields=FIELDS, calendar=calendar)
    told = explain(routing, AT_NIGHT, everything=True)
    assert told.winner == route(routing, AT_NIGHT)
    assert [(failed.rule, failed.why) for failed in told.others] == [("r", why)]


def test_explain_says_what_is_missing_where_nobody_says_where_when_or_how() -> None:
    routing = city(
        RoutingRule("place", "lamps", under=NORTH),
        RoutingRule("time", "lamps", working=True),
        RoutingRule("channel", "lamps", channels=frozenset({"app"})),
        RoutingRule("unit", "", territorial="street", urgencies=frozenset({Urgency.ORDINARY})),
    )
    told = explain(routing, Situation(NOISE, units=(("street", "nobody"),)))
    assert {failed.rule: failed.why for failed in told.others} == {
        "place": "it is for places under 44/01, and this one lies in no grid",
        "time": "it holds in working time, and nobody says when this is",
        "channel": "it is for what comes by app, and nobody says how this came",
        "unit": "it goes to the unit of the street, and nobody is no department",
    }


def test_explain_tells_how_many_rules_are_for_something_else_and_lists_them_when_asked() -> None:
    routing = city(*ROUTES, RoutingRule("anything", "desk"))
    told = explain(routing, Situation(RUBBISH, MARKET))
    assert [failed.rule for failed in told.others] == ["rubbish to the cleaners", "anything"]
    assert told.elsewhere == 1
    everything = explain(routing, Situation(RUBBISH, MARKET), everything=True)
    assert [failed.rule for failed in everything.others[2:]] == ["utilities in the south"]
    assert everything.others[2].why == f"it is for class {LAMP.class_key}"
    assert (len(everything.others), everything.elsewhere) == (3, 0)
    assert everything.others != told.others
    assert explain(routing, Situation(RUBBISH, MARKET)) == told


def test_what_beats_a_rule_tells_where_that_would_have_gone() -> None:
    routing = city(
        RoutingRule("wide", "water", branch=True), RoutingRule("close", "lamps", category=NOISE.key)
    )
    (beaten,) = explain(routing, Situation(NOISE, MARKET)).others
    assert (beaten.department, beaten.condition) == ("water-01", "rank")
