"""The city's file: what it may say, and what rules that comes to."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from dispatch.categories import Kind, Urgency
from dispatch.deadlines import Limit
from dispatch.routing import Situation, route
from gridgov import shipped
from gridgov.city import export, parse

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
DEMO = shipped.demo_city()


def demo(*replaced: tuple[str, str]) -> str:
    text = DEMO
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_the_made_up_city_is_read_within_a_second() -> None:
    parse.cache_clear()
    start = time.perf_counter()
    city = parse(DEMO, 1)
    assert time.perf_counter() - start < 1
    assert city.facts.made_up
    assert city.facts.zone == "Asia/Shanghai"
    assert len(city.rules.categories) == 462
    assert "虚构" in city.facts.name_zh


def test_every_kind_of_department_has_one_in_the_made_up_city_but_those_left_to_the_street() -> None:
    left = {
        listed.department_kind
        for listed in shipped.categories()
        if parse(DEMO, 1).rules.categories.get(listed.category.key).department is None
    }
    assert left == {"街道", "街道/人社/市场监管", "权属单位（待配置）", "供热企业"}


def test_the_streets_are_the_ten_official_ones_and_each_has_its_office() -> None:
    streets = shipped.streets()
    assert [street.code for street in streets] == [f"4403060{n}" for n in range(17, 27)]
    departments = parse(DEMO, 1).rules.routing.departments
    assert all(departments[street.department].name_zh == f"{street.name_zh}办事处" for street in streets)


def test_the_file_comes_back_word_for_word() -> None:
    text = TOWN.replace("\n", "\r\n") + "# 备注 \t  \r\n"
    assert export(parse(text, 3)) == text


def test_the_published_lists() -> None:
    by_standard = {
        name: [c for c in shipped.categories() if c.category.standard == name] for name in shipped.standards()
    }
    assert {name: len(found) for name, found in by_standard.items()} == {
        "cn2026": 403,
        "cn2013": 10,
        "gridgov": 47,
    }
    keys = [c.category.key for c in shipped.categories()]
    aliases = [alias for c in shipped.categories() for alias in c.category.aliases]
    assert len(set(keys + aliases)) == len(keys) + len(aliases)
    assert all(c.category.name_zh and c.category.name_en and c.department_kind for c in shipped.categories())


def test_a_category_is_found_by_its_code_of_2013() -> None:
    categories = parse(DEMO, 1).rules.categories
    assert categories.get("cn2013:event:0101").name_zh == "私搭乱建"
    assert categories.get("cn2013:component:0101").name_zh == "供水井盖"


@pytest.mark.parametrize(
    ("stated", "limit", "stand_in"),
    [
        ([], "2wd", True),
        (["4wh"], "4wh", False),
        (["2eh", "4wh", "2wd", "5wd"], "5wd", True),
        (["1ed", "10wh"], "10wh", True),  # ten working hours are more than a day
        (["1wd", "30eh"], "1wd", True),
        (["4wh", "1eh"], "4wh", True),
    ],
)
def test_of_several_limits_the_longest_stands_in(stated: list[str], limit: str, stand_in: bool) -> None:
    assert shipped.working_limit([Limit.parse(text) for text in stated]) == (Limit.parse(limit), stand_in)


def test_a_limit_of_the_city_beats_its_class_beats_the_list() -> None:
    categories = parse(DEMO, 1).rules.categories
    own, of_class, of_list = (categories.get(f"cn2026:event:{code}") for code in ("01001", "01005", "06001"))
    assert (str(own.limit), own.limit_is_default) == ("4wh", False)
    assert (str(of_class.limit), of_class.limit_is_default) == ("2wd", False)
    assert (str(of_list.limit), of_list.limit_is_default) == ("15wd", True)


def test_urgency_by_category_and_class() -> None:
    categories = parse(DEMO, 1).rules.categories
    assert categories.get("gridgov:event:84002").urgency is Urgency.CRITICAL
    assert categories.get("gridgov:event:84001").urgency is Urgency.URGENT
    assert categories.get("cn2026:event:06001").urgency is Urgency.ORDINARY


def test_what_an_own_category_states_beats_what_is_set_for_its_class() -> None:
    text = demo(
        (
            "[categories.urgency]  ",
            '"demo:event:99" = "9wd"\n[categories.urgency]\n"demo:event:99" = "urgent"\n#',
        )
    )
    bicycles, typhoon = (
        parse(text, 1).rules.categories.get(f"demo:event:{code}") for code in ("99001", "99002")
    )
    assert (str(bicycles.limit), bicycles.urgency) == ("4wh", Urgency.URGENT)
    assert (str(typhoon.limit), typhoon.urgency) == ("2eh", Urgency.CRITICAL)


def test_a_routing_rule_of_the_file_decides() -> None:
    rules = parse(DEMO, 1).rules
    building = rules.categories.get("cn2026:event:06001")
    inside = route(rules.routing, Situation(building, ("440306", "440306017", "440306017001")))
    outside = route(rules.routing, Situation(building, ("440306", "440306018")))
    assert (inside.department, outside.department) == ("xinan_street", "urban_management")


def test_the_calendar_of_the_file() -> None:
    text = TOWN.replace(
        "confirmed_years = [2026]",
        'country = "US"\nsubdivision = "NY"\nhours = ["22:00-24:00"]\nweek = ["sat"]\ndays_off = [2026-08-01]',
    )
    calendar = parse(text, 1).rules.calendar
    assert calendar.hours[0][0].hour == 22
    assert not calendar.is_workday(date(2026, 8, 1))
    assert calendar.is_workday(date(2026, 8, 8))
    assert not calendar.is_workday(date(2026, 8, 7))


def test_grids_are_kept_and_not_looked_into() -> None:
    city = parse(TOWN + '\n[grids]\nanything = [1, {b = "c"}]\n', 1)
    assert dict(city.grids) == {"anything": [1, {"b": "c"}]}


def test_an_own_category_in_full() -> None:
    text = TOWN + (
        '\n[[categories.own]]\nstandard = "nyc"\nkind = "component"\ncode = "Noise - Street/Sidewalk"\nname_zh = "噪声"\n'
        'class_code = "N"\nclass_zh = "噪声"\nclass_en = "Noise"\nurgency = "urgent"\nlimit = "8eh"\naliases = ["noise"]\n'
    )
    found = parse(text, 1).rules.categories.get("noise")
    assert (found.key, found.kind) == ("nyc:component:Noise - Street/Sidewalk", Kind.COMPONENT)
    assert (found.urgency, str(found.limit), found.limit_is_default) == (Urgency.URGENT, "8eh", False)
