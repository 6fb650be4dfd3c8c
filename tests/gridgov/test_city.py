"""The city's file: what it may say, and what rules that comes to."""

from __future__ import annotations

import csv
import time
from datetime import UTC, date, datetime
from datetime import time as clock_time
from pathlib import Path

import pytest

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import CaseStandard, Category, Field, Kind, Urgency
from dispatch.clocks import Clock, Clocks, StageLimit
from dispatch.deadlines import Limit
from dispatch.escalation import Ladder, Step
from dispatch.lifecycle import Role
from dispatch.routing import Department, RoutingRule, Situation, route
from dispatch.rules import Rules
from gridgov import shipped
from gridgov.city import BadCityFile, export, parse
from gridgov.city_rules import require_no_secret

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
        (["90em", "1eh"], "90em", True),
        (["30wm", "90em"], "30wm", True),  # half a working hour is two hours of the week
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


# -- case standards


def standards(category: Category) -> list[tuple[str, str, str]]:
    return [(one.code, str(one.limit), one.condition_zh) for one in category.standards]


def town(more: str) -> Rules:
    return parse(TOWN + more, 1).rules


def test_several_limits_of_a_list_are_case_standards_whose_condition_is_the_citys_to_set() -> None:
    grate = parse(DEMO, 1).rules.categories.get("cn2026:component:01004")
    assert standards(grate) == [(limit, limit, "") for limit in ("2eh", "4wh", "2wd", "5wd", "1wd")]
    assert all(one.condition_is_missing and one.origin == "cn2026" for one in grate.standards)
    assert all(one.closing_zh == one.condition_en == "" for one in grate.standards), "nothing is invented"
    exposed = parse(DEMO, 1).rules.categories.get("cn2026:event:06010")
    assert exposed.standards == (), "one limit is the category's own"


def test_the_citys_standards_replace_those_of_the_list_and_the_category_keeps_its_own_limit() -> None:
    cover = parse(DEMO, 1).rules.categories.get("cn2026:event:01001")
    assert [(code, limit) for code, limit, _ in standards(cover)] == [
        ("missing", "2eh"),
        ("broken", "4wh"),
        ("rattling", "2wd"),
        ("sunken", "5wd"),
    ]
    assert all(one.condition_zh and one.closing_en and one.origin == "city" for one in cover.standards)
    assert (str(cover.limit), cover.standard_of(None).code) == ("4wh", "")
    missing = cover.standard_of("missing")
    assert (missing.urgency, missing.photos) == (Urgency.URGENT, (("report", 1), ("handle", 1)))


def test_what_a_standard_leaves_out_is_the_categorys_but_not_what_is_done_by_itself() -> None:
    rules = town(
        """
[categories.calendars]
"t:component:manhole" = "crew"
[categories.automatic]
"t:component:manhole" = "at once"
[[calendars]]
key = "crew"
[[automatic]]
name = "at once"
does = "file"
[[categories.standards]]
category = "t:component:manhole"
code = "broken"
[[categories.standards]]
category = "t:event:noise"
code = "night"
limit = "30em"
"""
    )
    cover = rules.categories.get("t:component:manhole")
    assert (cover.calendar, cover.automatic) == ("crew", "at once")
    assert cover.standards == (CaseStandard("broken", Limit.parse("4wh"), calendar="crew", origin="city"),)
    [night] = rules.categories.get("t:event:noise").standards
    assert (str(night.limit), night.limit_is_default, night.calendar) == ("30em", False, "")


def test_a_standard_names_its_category_by_an_older_code_too() -> None:
    more = '\n[[categories.standards]]\ncategory = "{}"\ncode = "old"\n'
    found = parse(DEMO + more.format("cn2013:event:0101"), 1).rules.categories.get("cn2026:event:06001")
    assert [one.code for one in found.standards] == ["old"]
    with pytest.raises(BadCityFile, match="has two case standards 'old'"):
        parse(DEMO + more.format("cn2026:event:06001") + more.format("cn2013:event:0101"), 1)


def test_the_shipped_lists_are_those_of_the_source() -> None:
    source = Path(__file__).parents[2] / "../shared/domain/categories.csv"
    if not source.exists():
        pytest.skip("the list that ours was made from is not here: ../shared/domain/categories.csv")
    origins = {"list-2026": "cn2026", "list-2013": "cn2013", "proposal": "gridgov"}
    with source.open(encoding="utf-8") as file:
        listed = {
            (origins[row["origin"]], row["kind"], row["code"]): (row["name_zh"], row["limits"])
            for row in csv.DictReader(file)
        }
    ours = {}
    for one in (listed.category for listed in shipped.categories()):
        stated = [str(norm.limit) for norm in one.standards]
        if not stated and not one.limit_is_default:
            stated = [str(one.limit)]
        ours[one.standard, str(one.kind), one.code] = one.name_zh, "|".join(stated)
    assert ours == listed


# -- everything else that a file may say


FULL = (
    TOWN.replace('name_zh = "北街道办"', 'name_zh = "北街道办"\nparent = "office"\nunder = "D/N"')
    + """
[[calendars]]
key = "hotline"
hours = ["00:00-24:00"]
week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

[[calendars]]
key = "bureau"
country = "CN"
hours = ["09:00-17:00"]
days_off = [2026-03-05]
confirmed_years = [2027]

[clocks]
intake = "15em"
verify = "45wm"
warn_percent = 70
[clocks.calendars]
verify = "bureau"

[[fields]]
key = "tidy"
name_zh = "市容"
categories = ["t:event:rubbish", "t:event:noise"]

[[automatic]]
name = "at once"
does = "dispatch"
channels = ["hotline", "inspector"]
photos = 2
near_border = true

[[routing]]
name = "all of it"
department = "office"
branch = true
field = "tidy"
under = "D/N"
specialised = "police/72"
days = ["sat", "sun"]
hours = ["18:00-08:00", "12:00-14:00"]
working = false
urgency = ["critical", "urgent"]
channels = ["hotline"]
priority = 3
co_handlers = ["water"]

[[routing]]
name = "whose ground"
territorial = "street"
working = true

[escalation]
clocks = ["handling"]
[[escalation.steps]]
level = "street"
roles = ["shift_leader", "manager"]
answer_within = "2wh"
calendar = "bureau"
[[escalation.steps]]
level = "district"
roles = ["supervisor"]
answer_within = "30em"
"""
)


def test_a_file_that_says_everything() -> None:
    city = parse(FULL, 7)
    rules = city.rules
    assert rules.version == 7
    assert rules.routing.departments["north_office"] == Department(
        "north_office", "北街道办", "", "office", ("D", "N")
    )
    assert rules.clocks == Clocks(
        intake=StageLimit(Limit.parse("15em")),
        verify=StageLimit(Limit.parse("45wm"), "bureau"),
        warn_percent=70,
    )
    field = Field("tidy", "市容", "", frozenset(), frozenset({"t:event:rubbish", "t:event:noise"}))
    assert rules.fields == rules.routing.fields == {"tidy": field}
    assert rules.automatic == {
        "at once": AutomaticRule("at once", Does.DISPATCH, frozenset({"hotline", "inspector"}), 2, True)
    }
    assert rules.routing.rules[1:] == (
        RoutingRule(
            "all of it",
            "office",
            field="tidy",
            under=("D", "N"),
            specialised="police/72",
            days=frozenset({5, 6}),
            hours=((clock_time(18), clock_time(8)), (clock_time(12), clock_time(14))),
            working=False,
            urgencies=frozenset({Urgency.CRITICAL, Urgency.URGENT}),
            channels=frozenset({"hotline"}),
            priority=3,
            branch=True,
            co_handlers=("water",),
        ),
        RoutingRule("whose ground", "", territorial="street", working=True),
    )
    assert rules.ladder == Ladder(
        (
            Step(
                "street",
                frozenset({Role.SHIFT_LEADER, Role.MANAGER}),
                StageLimit(Limit.parse("2wh"), "bureau"),
            ),
            Step("district", frozenset({Role.SUPERVISOR}), StageLimit(Limit.parse("30em"))),
        ),
        frozenset({Clock.HANDLING}),
    )
    assert rules.routing.calendar is rules.calendar


def test_calendars_side_by_side() -> None:
    city = parse(FULL, 1)
    hotline, bureau = (city.rules.calendar_of(key) for key in ("hotline", "bureau"))
    sunday_night = datetime(2027, 10, 3, 19, 0, tzinfo=UTC)
    assert hotline.is_working(sunday_night)
    assert hotline.confirmed(sunday_night), "without holidays there is no list to wait for"
    assert not bureau.is_workday(date(2026, 3, 5))
    assert bureau.is_workday(date(2026, 2, 14)), "a make-up Saturday of its country"
    assert 2027 in bureau.confirmed_years
    assert city.countries == {"bureau": "CN"}
    assert city.rules.calendar_of("") is city.rules.calendar


def test_a_file_without_the_newer_tables_says_what_it_always_said() -> None:
    rules = parse(TOWN, 1).rules
    assert (rules.calendars, rules.clocks, rules.automatic, rules.ladder, rules.fields) == (
        {},
        Clocks(),
        {},
        Ladder(),
        {},
    )
    assert not any(category.standards for category in rules.categories)


def test_the_ladder_is_for_every_clock_unless_it_says_otherwise() -> None:
    rules = parse(FULL.replace('clocks = ["handling"]', ""), 1).rules
    assert rules.ladder.clocks == frozenset(Clock)


@pytest.mark.parametrize("connection", ["postgresql://reader:sesame@db/survey", "host=db password=sesame"])
@pytest.mark.parametrize(
    ("more", "line"),
    [
        ('[grids]\npostgis = "{}"\n', "grids.postgis"),
        ('[[grids.levels]]\nkey = "a"\n[[grids.levels]]\npostgis = "{}"\n', "grids.levels 2, postgis"),
        ('[[specialised]]\nkey = "police"\npostgis = "{}"\n', "specialised 1, postgis"),
    ],
)
def test_a_file_with_a_password_is_not_taken(more: str, line: str, connection: str) -> None:
    text = TOWN + more.format(connection)
    city = parse(text, 1)  # what is in force since before goes on
    with pytest.raises(BadCityFile, match=r"PGPASSWORD") as refused:
        require_no_secret(city)
    [problem] = refused.value.problems
    assert problem.where == line
    assert text.split("\n")[(problem.line or 0) - 1].startswith("postgis")
    assert "sesame" not in str(refused.value)
    require_no_secret(parse(TOWN + more.format("service=survey"), 1))
