"""What the city's file says of the whole life of an incident: crews, the clocks beside the main line, evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch.clocks import StageLimit
from dispatch.deadlines import Limit
from dispatch.duplicates import Likeness
from dispatch.routing_rules import Crew
from gridgov import rules_told
from gridgov.city import BadCityFile, parse
from gridgov.city_plan import plan

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
CREWS = """
[[departments]]
code = "roads"
name_zh = "道路所"
crews = [{ code = "one", name_zh = "一班" }, { code = "two", name_zh = "二班", name_en = "two" }]
"""


def test_a_department_has_crews() -> None:
    roads = parse(TOWN + CREWS, 1).rules.routing.departments["roads"]
    assert roads.crews == (Crew("one", "一班"), Crew("two", "二班", "two"))
    assert rules_told.department(roads)["crews"][1] == {"code": "two", "name_zh": "二班", "name_en": "two"}


@pytest.mark.parametrize(
    ("crews", "said"),
    [
        ('[{ code = "a", name_zh = "x" }, { code = "a", name_zh = "y" }]', "2 crews 'a'"),
        ('[{ name_zh = "x" }]', "code"),
        ('[{ code = "a", name_zh = "x", leader = "y" }]', "leader"),
    ],
)
def test_a_crew_that_cannot_be_is_refused_with_its_line(crews: str, said: str) -> None:
    with pytest.raises(BadCityFile, match=said) as refused:
        parse(TOWN + f'\n[[departments]]\ncode = "roads"\nname_zh = "道路所"\ncrews = {crews}\n', 1)
    assert "line" in str(refused.value)


def test_the_clocks_beside_the_main_line_are_the_citys() -> None:
    usual = parse(TOWN, 1).rules.clocks
    assert (str(usual.closing.limit), str(usual.supervision.limit), str(usual.task.limit)) == (
        "30wm",
        "1wd",
        "10wm",
    )
    own = parse(
        TOWN
        + """
[[calendars]]
key = "always"
hours = ["00:00-24:00"]

[clocks]
closing = "1wh"
supervision = "4wh"
task = "5em"

[clocks.calendars]
task = "always"
""",
        1,
    ).rules.clocks
    assert own.closing == StageLimit(Limit.parse("1wh"))
    assert own.supervision == StageLimit(Limit.parse("4wh"))
    assert own.task == StageLimit(Limit.parse("5em"), "always")


def test_a_plan_tells_what_changes_of_them() -> None:
    old = parse(TOWN + CREWS, 1)
    text = TOWN + CREWS.replace("二班", "夜班") + '\n[clocks]\ntask = "5wm"\n'
    told = [str(change) for change in plan(old, parse(text, 2))]
    assert any("task" in line and "10wm → 5wm" in line for line in told)
    assert any("crews" in line and "two 夜班" in line for line in told)


def test_a_case_standard_may_demand_photos_of_verifying() -> None:
    standard = """
[[categories.standards]]
category = "t:event:noise"
code = "loud"
condition_zh = "夜间"
limit = "2eh"
photos = { report = 1, verify = 2, handle = 1, check = 1 }
"""
    (found,) = parse(TOWN + standard, 1).rules.categories.get("t:event:noise").standards
    assert found.photos == (("report", 1), ("verify", 2), ("handle", 1), ("check", 1))
    with pytest.raises(BadCityFile, match="act that photos are demanded of"):
        parse(TOWN + standard.replace("verify", "close"), 1)


def test_what_is_suggested_as_the_same_is_the_citys() -> None:
    assert parse(TOWN, 1).rules.likeness == Likeness(50.0, Limit.parse("24eh"), False)
    own = parse(TOWN + '\n[duplicates]\nwithin_m = 30.5\nwithin = "90em"\nclass = true\n', 1).rules
    assert own.likeness == Likeness(30.5, Limit.parse("90em"), True)
    assert rules_told.likeness(own) == {
        "within_m": 30.5,
        "within": "90em",
        "whole_class": True,
        "text_zh": "并案建议：同一大类，30.5 米、90分钟内",
        "text_en": "suggested as the same: of one class, within 30.5 m and 90em",
    }


@pytest.mark.parametrize(
    ("table", "line", "said"),
    [
        (
            '[duplicates]\nwithin = "1ed"',
            2,
            "not as long wherever it lies: write it in em or eh, such as 24eh",
        ),
        ('[duplicates]\nwithin = "4wh"', 2, "write it in em or eh"),
        ('[duplicates]\nwithin = "721eh"', 2, "longer than the 720eh"),
        ('[duplicates]\nwithin = "soon"', 2, "soon"),
        ("[duplicates]\nwithin_m = 0", 2, "greater than 0"),
        ("[duplicates]\nwithin_m = 1001", 2, "1000"),
        ("[duplicates]\nwithin_m = nan", 2, "within_m"),
        ("[duplicates]\nclas = true", 2, "class"),
        ("[duplicate]\nclass = true", 1, "duplicates"),
        ("[[duplicates]]\nclass = true", None, r"\[duplicates\]"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_with_its_line(table: str, line: int | None, said: str) -> None:
    with pytest.raises(BadCityFile, match=said) as refused:
        parse(f"{TOWN}\n{table}\n", 1)
    (problem,) = refused.value.problems
    assert line is None or problem.line == TOWN.count("\n") + 1 + line


def test_a_plan_tells_what_is_suggested_otherwise() -> None:
    old, text = parse(TOWN, 1), TOWN + '\n[duplicates]\nwithin_m = 30\nwithin = "12eh"\nclass = true\n'
    assert list(map(str, plan(old, parse(text, 2)))) == [
        "duplicates: within_m 50 → 30",
        "duplicates: within 24eh → 12eh",
        "duplicates: of one category → class",
    ]
    assert plan(old, parse(TOWN + "\n[duplicates]\nwithin_m = 50\n", 2)) == []
    assert "duplicates added" in map(str, plan(None, parse(text, 1)))
    assert "duplicates added" not in map(str, plan(None, old))
