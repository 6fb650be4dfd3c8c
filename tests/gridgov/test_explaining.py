"""Why something goes where it goes: the same that a report is told, and the first condition that failed of every
other rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import Urgency
from dispatch.errors import UnknownCategory, UnknownStandard, UnknownUrgency
from dispatch.routing import RoutingRule
from dispatch.routing_rules import CONDITIONS
from geodata.errors import UnknownGrid
from gridgov import rule_words
from gridgov.errors import BadInput
from gridgov.explaining import Question, ask, listed, to_dict
from gridgov.fields import Field, Fields
from gridgov.in_force import InForce
from tests.gridgov import scene
from tests.gridgov.precincts import BETWEEN, precincts, stations
from tests.gridgov.storage.conftest import Town
from tests.gridgov.test_rerouting import changed

MONDAY = scene.MONDAY


def town_with(*extra: RoutingRule, **more: Any) -> InForce:
    """The town in force with further rules."""
    found = scene.in_force()
    return replace(found, rules=changed(found.rules, *extra, **more))


def told(in_force: InForce, category: str, grid: str | None = "N1", **more: Any) -> dict[str, Any]:
    """What is said of a point in one of the squares."""
    position = None if grid is None else scene.at(grid)
    question = Question(category, more.pop("moment", MONDAY), position, **more)
    return to_dict(in_force, ask(in_force, question))


def test_whose_it_is_and_why_nobody_elses() -> None:
    by_phone = RoutingRule("by phone", "office", category=scene.RUBBISH, channels=frozenset({"hotline"}))
    found = told(town_with(by_phone), scene.RUBBISH, "S1")
    assert (found["winner"]["department"], found["winner"]["rule"]) == ("cleaning", "category")
    assert found["winner"]["department_zh"] == "环卫所"
    others = {one["rule"]: (one["department_zh"], one["why"]) for one in found["others"]}
    assert others["north rubbish"] == ("北街道办", "it is for places under D/N")
    assert others["by phone"] == ("区办", "it is for what comes by hotline, and nobody says how this came")
    assert found["elsewhere"] == 0


def test_where_it_lies_and_who_answers_there() -> None:
    found = told(scene.in_force(), scene.NOISE)
    assert found["place"]["path"] == ["D", "N", "N1"]
    assert found["place"]["names"] == ["小镇", "街道N", "网格N1"]
    assert [(one["level"], one["unit"], one["department_zh"]) for one in found["units"]] == [
        ("district", "office", "区办"),
        ("street", "north_office", "北街道办"),
    ]
    assert (found["winner"]["rule"], found["winner"]["department"]) == ("territorial", "north_office")


def test_the_specialised_grids_of_the_place_are_named_and_decide() -> None:
    """Precinct 1 has what is between its border and the squares'; a grid as a whole lies in no polygon."""
    found = town_with(
        RoutingRule("precinct 1", "cleaning", specialised="police/1"),
        RoutingRule("any station", "water", specialised="fire"),
    )
    layers = [Field(2, precincts()), Field(1, stations(), categories=frozenset({scene.RUBBISH}), edition=1)]
    found = replace(found, fields=Fields.over(found.atlas.locator, 1, layers))
    between = replace(scene.at("N2"), lon=BETWEEN["lon"], lat=BETWEEN["lat"])
    told = to_dict(found, ask(found, Question(scene.NOISE, MONDAY, between)))
    assert told["specialised"] == [
        {
            "grid": "police/1",
            "field": "police",
            "code": "1",
            "field_zh": "警务",
            "name": "西所",
            "team": "west",
        }
    ]
    assert told["winner"]["rule"] == "precinct 1"
    whys = {one["rule"]: one["why"] for one in told["others"]}
    assert whys == {
        "any station": "it is for places in a grid of fire, and this one lies in no grid of fire",
    }
    in_a_grid = to_dict(found, ask(found, Question(scene.RUBBISH, MONDAY, path=("D", "N", "N2"))))
    assert [one["grid"] for one in in_a_grid["specialised"]] == ["fire/F1"]
    assert in_a_grid["winner"]["rule"] == "north rubbish", "a category before a specialised grid"


def test_a_grid_may_be_named_instead_of_a_point() -> None:
    found = scene.in_force()
    by_path = to_dict(found, ask(found, Question(scene.RUBBISH, MONDAY, path=("D", "N", "N2"))))
    by_point = told(found, scene.RUBBISH, "N2")
    assert by_path["winner"] == by_point["winner"]
    assert by_path["winner"]["rule"] == "north rubbish"
    street = to_dict(found, ask(found, Question(scene.RUBBISH, MONDAY, path=("D", "N"))))
    assert street["winner"] == by_point["winner"]


def test_what_lies_nowhere_has_an_owner_too() -> None:
    found = told(scene.in_force(), scene.NOISE, None)
    assert (found["winner"]["rule"], found["winner"]["department"]) == ("fallback", "office")
    outside = scene.in_force()
    far = to_dict(outside, ask(outside, Question(scene.NOISE, MONDAY, scene.OUTSIDE)))
    assert (far["place"]["path"], far["place"]["nearest"][0]) == ([], "D")
    assert far["place"]["outside_m"] > 40_000


#: The moment decides: what rules ask of it, at ten on Monday and at eight in the evening (Shanghai).
@pytest.mark.parametrize(("hours", "winner"), [(0, "category"), (10, "evenings")])
def test_the_moment_decides(hours: int, winner: str) -> None:
    evenings = RoutingRule("evenings", "office", category=scene.COVER, working=False)
    found = told(town_with(evenings), scene.COVER, moment=MONDAY + timedelta(hours=hours))
    assert found["winner"]["rule"] == winner
    assert [one["rule"] for one in found["others"]] == ["evenings"] * (winner == "category")


def test_the_limit_is_that_of_the_standard() -> None:
    """Monday at ten: four working hours end at 16:00 after the noon break; loud noise has two clock hours."""
    cover = told(scene.in_force(), scene.COVER)
    assert (cover["limit"], cover["calendar"], cover["due_at"][11:16]) == ("4wh", "city", "08:00")
    assert cover["warn_at"] < cover["due_at"]
    loud = told(scene.in_force(), scene.NOISE, standard="loud")
    assert (loud["limit"], loud["due_at"][11:16], loud["standard"]) == ("2eh", "04:00", "loud")
    assert loud["due_unconfirmed"] is False


#: What is asked for, the standard and its urgency, and which counts.
@pytest.mark.parametrize(
    ("asked", "standard", "expected"),
    [(None, None, "ordinary"), (None, "loud", "urgent"), ("critical", "loud", "critical")],
)
def test_the_urgency_is_the_one_asked_for_or_the_standards(
    asked: str | None, standard: str | None, expected: str
) -> None:
    loud = replace(scene.LOUD, urgency=Urgency.URGENT)
    in_force = town_with(categories={scene.NOISE: {"standards": (loud,)}})
    assert told(in_force, scene.NOISE, urgency=asked, standard=standard)["urgency"] == expected


class TestAutomatic:
    """Whether a rule would do it without a human hand, and if not, why."""

    def test_the_standard_names_a_rule_that_takes_it(self) -> None:
        found = told(scene.in_force(), scene.NOISE, standard="loud")["automatic"]
        assert (found["rule"], found["does"], found["takes"]) == ("loud noise", "dispatch", True)

    def test_no_standard_that_names_one(self) -> None:
        found = told(scene.in_force(), scene.NOISE)["automatic"]
        assert (found["rule"], found["takes"]) == (None, False)
        assert found["hindrance"] == "its case standard names no automatic rule"

    @pytest.mark.parametrize(
        ("rule", "sent", "hindrance"),
        [
            ({}, {"grid": None}, "it lies in no grid"),
            (
                {"channels": frozenset({"camera"})},
                {"channel": "hotline"},
                "rule loud noise is for what comes by camera",
            ),
            ({"photos": 2}, {"photos": 1}, "rule loud noise asks for photos (2), and this has 1"),
            ({"photos": 2}, {"photos": 2}, None),
        ],
    )
    def test_what_it_asks_for(
        self, rule: dict[str, Any], sent: dict[str, Any], hindrance: str | None
    ) -> None:
        in_force = town_with(automatic=[AutomaticRule("loud noise", Does.FILE, **rule)])
        found = told(in_force, scene.NOISE, standard="loud", **sent)["automatic"]
        assert (found["hindrance"], found["takes"]) == (hindrance, hindrance is None)

    def test_near_a_border_it_is_left_to_a_person(self) -> None:
        edge = replace(scene.at("N1"), lon=114.0099, accuracy_m=50.0)
        found = scene.in_force()
        asked = Question(scene.NOISE, MONDAY, edge, standard="loud")
        assert "D/N/N2" in to_dict(found, ask(found, asked))["automatic"]["hindrance"]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"category": "t:event:nothing"}, UnknownCategory),
        ({"standard": "quiet"}, UnknownStandard),
        ({"urgency": "hot"}, UnknownUrgency),
        ({"path": ("D", "X")}, UnknownGrid),
        ({"path": ("D", "N"), "position": scene.at("N1")}, BadInput),
    ],
)
def test_what_makes_no_sense_is_refused(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(scene.in_force(), Question(**{"category": scene.NOISE, "moment": MONDAY} | more))


@pytest.fixture(scope="module")
def busy_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A store of the town, where what is urgent goes to the cleaners, with the help of the water works."""
    urgent = RoutingRule("urgent", "cleaning", urgencies=frozenset({Urgency.URGENT}), co_handlers=("water",))
    made = Town(f"sqlite:///{tmp_path_factory.mktemp('town') / 'town.db'}", in_force=town_with(urgent))
    yield made
    made.close_down()


@pytest.mark.parametrize("grid", ["N1", "N2", "S1", "S2", None])
@pytest.mark.parametrize(
    ("category", "standard"),
    [(scene.COVER, None), (scene.RUBBISH, None), (scene.NOISE, None), (scene.NOISE, "loud")],
)
@pytest.mark.parametrize("urgency", [None, "urgent"])
def test_it_is_what_a_report_is_told(
    busy_town: Town, grid: str | None, category: str, standard: str | None, urgency: str | None
) -> None:
    """The department, the rule, its reason and co-handlers, whether a rule takes it and when it is due then."""
    town = busy_town
    town.committed.clear()
    position = None if grid is None else scene.at(grid)
    more = {"standard": standard, "urgency": urgency}
    receipt = town.report(category, position, **more)
    reported = town.committed[0]
    moment = reported.entry.recorded_at
    asked = Question(category, moment, position, channel="inspector", **more)
    found = ask(town.in_force, asked)
    winner, route = found.explanation.winner, reported.entry.fact.route  # type: ignore[attr-defined]
    assert (winner.department, winner.rule, winner.reason, winner.co_handlers) == (
        *(route.department, route.rule, route.reason, route.co_handlers),
    )
    now = town.committed[-1].after
    assert now.id == receipt.incident
    assert found.automatic.takes == (now.automatic is not None)
    if now.auto_dispatched:
        assert (now.limit, now.due_at) == (found.handling.limit, found.handling.due_at)


class TestList:
    """The rules themselves."""

    def test_the_most_specific_comes_first_and_says_what_it_is_for(self) -> None:
        rules = town_with(
            RoutingRule("all at night", "office", working=False),
            RoutingRule("noise", "cleaning", category=scene.NOISE, co_handlers=("water",)),
            RoutingRule("street", "", territorial="street"),
        )
        found = listed(rules)
        assert [one["name"] for one in found] == ["north rubbish", "noise", "all at night", "street"]
        assert [one["text"] for one in found] == [
            "垃圾 under D/N: 北街道办",
            "噪声: 环卫所",
            "everything outside working time: 区办",
            "everything: the unit of the street",
        ]
        assert [one["text_zh"] for one in found] == [
            "街道N 垃圾 → 北街道办",
            "噪声 → 环卫所",
            "所有类别 工作时间外 → 区办",
            "所有类别 → 街道级属地单位",
        ]
        assert [one["department"] for one in found[1]["co_handlers"]] == ["water"]

    def test_every_condition_is_said_in_chinese(self) -> None:
        rule = RoutingRule(
            *("all of it", "office"),
            specialised="police/7",
            under=("D", "N", "N1"),
            days=frozenset({5, 6}),
            hours=((time(18), time(8)),),
            working=False,
            urgencies=frozenset({Urgency.URGENT, Urgency.CRITICAL}),
            channels=frozenset({"hotline"}),
        )
        (found,) = (one for one in listed(town_with(rule)) if one["name"] == "all of it")
        assert found["text_zh"] == (
            "街道N > 网格N1 专业网格 police/7 所有类别 周六、周日 18:00-08:00 工作时间外 重大或紧急 来源 hotline → 区办"
        )

    def test_what_each_rule_failed_at_is_said_in_chinese(self) -> None:
        fails = {
            "elsewhere": {"under": ("D", "S")},
            "at night": {"working": False},
            "urgent": {"urgencies": frozenset({Urgency.URGENT})},
            "by phone": {"channels": frozenset({"hotline"})},
            "police": {"specialised": "police/7"},
        }
        rules = [RoutingRule(name, "office", category=scene.NOISE, **more) for name, more in fails.items()]
        squares = RoutingRule("squares", "", category=scene.NOISE, under=("D", "N"), territorial="grid")
        found = told(town_with(*rules, squares, RoutingRule("all", "office")), scene.NOISE)
        assert {one["rule"]: one["why_zh"] for one in found["others"]} == {
            "elsewhere": "不在其网格范围内",
            "at night": "不在其时段内",
            "urgent": "紧急程度不符",
            "by phone": "来源渠道不符",
            "police": "不在其专业网格内",
            "squares": "该层级没有属地单位",
        }
        assert found["winner"]["rule"] == "all"
        known = {rule_words.failed(one) for one in (*CONDITIONS, "territorial", "rank") if one != "priority"}
        assert len(known) == len(CONDITIONS) + 1

    def test_those_that_a_category_can_come_to(self) -> None:
        rules = town_with(RoutingRule("all at night", "office", working=False))
        assert [one["name"] for one in listed(rules, scene.NOISE)] == ["all at night"]
        assert [one["name"] for one in listed(rules, scene.RUBBISH)] == ["north rubbish", "all at night"]
        with pytest.raises(UnknownCategory):
            listed(rules, "t:event:nothing")
