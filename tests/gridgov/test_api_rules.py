"""The rules over HTTP and on the command line: categories, case standards, fields, calendars, limits of stages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gridgov import rules_told, shipped
from gridgov.city import parse
from tests.gridgov.commandline import GRIDS, city_file
from tests.gridgov.conftest import TOWN, Site
from tests.installation import Installation

DEMO = parse(shipped.demo_city(), 1).rules


def test_a_case_standard_of_a_list_says_what_is_the_citys_to_set() -> None:
    grate = rules_told.category(DEMO, DEMO.categories.get("cn2026:component:01004"))
    first = grate["standards"][0]
    assert (first["code"], first["limit_zh"], first["origin"]) == ("2eh", "2小时", "cn2026")
    assert (first["condition_zh"], first["condition_en"]) == ("", "")
    assert first["to_set"] == ["condition"]
    assert first["to_set_zh"] == "立案条件待本市设定"
    assert first["to_set_en"] == "the condition is the city's to set"


def test_a_case_standard_of_the_city_says_everything() -> None:
    cover = rules_told.category(DEMO, DEMO.categories.get("cn2026:event:01001"))
    missing = cover["standards"][0]
    assert {
        name: missing[name] for name in ("code", "limit", "urgency_zh", "photos", "automatic", "to_set")
    } == {
        "code": "missing",
        "limit": "2eh",
        "urgency_zh": "紧急",
        "photos": {"report": 1, "handle": 1},
        "automatic": "井盖险情自动派遣",
        "to_set": [],
    }
    assert missing["department"] == cover["department"] == "water"


def test_fields_and_classes_are_told_with_what_is_in_them() -> None:
    noise = rules_told.category(DEMO, DEMO.categories.get("cn2026:event:06028"))
    assert noise["fields"] == ["environment", "urban"]
    assert [one["name_zh"] for one in rules_told.fields(DEMO)] == [
        "治安",
        "安监",
        "卫监",
        "环水",
        "消防",
        "城管",
        "交通",
    ]
    classes = {one["key"]: one for one in rules_told.classes(DEMO)}
    assert (classes["cn2026:event:06"]["name_zh"], classes["gridgov:event:84"]["categories"]) == (
        "市容环境类",
        7,
    )


def test_a_year_without_a_published_list_is_named() -> None:
    city, hotline = rules_told.calendars(DEMO, datetime(2026, 3, 6, tzinfo=UTC))
    assert (city["key"], city["hours"], city["unconfirmed"][0]) == ("", ["08:00-12:00", "14:00-18:00"], 2027)
    assert "2026-10-10" in city["workdays"]
    assert "2026-02-17" in city["days_off"]
    assert (hotline["key"], hotline["hours"], hotline["unconfirmed"]) == ("hotline", ["00:00-24:00"], [])


def test_stages_and_the_ladder_are_told() -> None:
    told = rules_told.clocks(DEMO)
    assert told["clocks"][0] == {
        "clock": "intake",
        "clock_zh": "受理",
        "limit": "15wm",
        "limit_zh": "15工作分钟",
        "calendar": "hotline",
    }
    assert [step["level"] for step in told["escalation"]["steps"]] == ["community", "street", "district"]
    assert told["escalation"]["steps"][1]["roles_zh"] == ["值班长", "督查员"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/categories", {"categories", "classes", "fields", "automatic", "duplicates"}),
        ("/api/departments", {"departments"}),
        ("/api/calendars", {"calendars"}),
        ("/api/clocks", {"clocks", "task", "warn_percent", "escalation"}),
    ],
)
def test_whoever_is_signed_in_may_read_the_rules(site: Site, path: str, names: set[str]) -> None:
    assert site.client.get(path).status_code == 401
    told = site.as_("inspector").get(path).json()
    assert told.keys() == names | {"rules"}
    assert told["rules"] == 1


def test_the_command_line_tells_categories_and_what_is_the_citys_to_set(tmp_path: Path) -> None:
    town = Installation(tmp_path / "var")
    file = city_file(tmp_path, TOWN.replace("[categories]", '[categories]\ninclude = ["cn2026"]') + GRIDS)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        town.done(*command)
    assert "井盖" in town.done("categories").out
    shown = town.done("categories", "cn2026:component:01004").out
    assert shown.count("立案条件待本市设定 the condition is the city's to set") == 5
    found = town.done("categories", "cn2026:component:01004", "--json").json["categories"][0]["standards"]
    assert [one["code"] for one in found] == ["2eh", "4wh", "2wd", "5wd", "1wd"]
    assert "no category" in town.run("categories", "nothing").err
