"""The city's file: what it may say, and that everything wrong with it is told at once, with its place."""

from __future__ import annotations

import time
import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.categories import Kind, Urgency
from dispatch.deadlines import Limit
from dispatch.routing import route
from gridgov import shipped
from gridgov.city import BadCityFile, City, Problem, export, parse
from gridgov.city_text import TABLES, _places

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
DEMO = shipped.demo_city()


def problems(text: str) -> list[Problem]:
    with pytest.raises(BadCityFile) as caught:
        parse(text, 1)
    assert str(caught.value).count("; ") >= len(caught.value.problems) - 1
    return list(caught.value.problems)


def read(text: str) -> City | tuple[Problem, ...]:
    try:
        return parse(text, 1)
    except BadCityFile as error:
        return error.problems


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1


def demo(*replaced: tuple[str, str]) -> str:
    text = DEMO
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


# -- what a good file comes to


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
    inside = route(rules.routing, building, ("440306", "440306017", "440306017001"), None)
    outside = route(rules.routing, building, ("440306", "440306018"), None)
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


# -- what is wrong is told, with its place

TWICE = '[[departments]]\ncode = "water"\nname_zh = "水"\n[[departments]]\ncode = "culture"'
#: What is replaced in the demo, by what, where the problem is seen, what the message says.
WRONG = [
    ('name_zh = "演示区（虚构）"', 'nam_zh = "演示区"', "city.nam_zh", "did you mean 'name_zh'"),
    ('name_zh = "演示区（虚构）"', "", "city.name_zh", "is missing"),
    ('case_prefix = "YS"', 'case_prefix = "Y/S"', "city.case_prefix", "letters and digits"),
    ('case_prefix = "YS"', "case_prefix = 7", "city.case_prefix", "valid string"),
    ("made_up = true", 'made_up = "yes"', "city.made_up", "boolean"),
    ('zone = "Asia/Shanghai"', 'zone = "Asia/Bao\'an"', "city.zone", "IANA"),
    (
        'fallback_department = "intake"',
        'fallback_department = "nobody"',
        "city.fallback_department",
        "'nobody'",
    ),
    ('country = "CN" ', 'country = "Chin"', "calendar.country", "ISO 3166"),
    ('country = "CN" ', 'subdivision = "GD"', "calendar.subdivision", "which country"),
    ('"14:00-18:00"', '"14-18"', "calendar.hours 2", "08:00-12:00"),
    ('"14:00-18:00"', '"18:00-14:00"', "calendar", "end before they begin"),
    ('"14:00-18:00"', '"11:00-18:00"', "calendar", "begin before"),
    ('["mon", "tue"', '["mon", "die"', "calendar.week 2", "'die' is no weekday"),
    ('week = ["mon"', 'confirmed_years = ["2027"]\nweek = ["mon"', "calendar.confirmed_years 1", "integer"),
    ('week = ["mon"', 'days_off = ["2026-01-05"]\nweek = ["mon"', "calendar.days_off 1", "date"),
    (
        'week = ["mon"',
        'days_off = [2026-09-28]\nworkdays = [2026-09-28]\nweek = ["mon"',
        "calendar",
        "2026-09-28",
    ),
    ('name_zh = "水务局"', 'name_zh = "水务局"\ncolour = "blue"', "departments 2, colour", "no such key"),
    ('name_zh = "水务局"', 'name_zh = "水\\u0000"', "departments 2, name_zh", "control characters"),
    ('[[departments]]\ncode = "culture"', TWICE, "departments 21", "'water' is listed 2 times"),
    ('include = ["cn2026"', 'include = ["cn2025"', "categories.include 1", "there are cn2026, cn2013"),
    ('"水务" = "water"', '"水务局" = "water"', "categories.departments.水务局", "did you mean '水务'"),
    ('"水务" = "water"', '"水务" = "watr"', "categories.departments.水务", "did you mean 'water'"),
    (
        '"cn2026:event:01" = "2wd"',
        '"cn2026:event:01" = "2 days"',
        "categories.limits.cn2026:event:01",
        "no time limit",
    ),
    (
        '"cn2026:event:01" = "2wd"',
        '"cn2026:event:00" = "2wd"',
        "categories.limits.cn2026:event:00",
        "did you mean",
    ),
    (
        '84002" = "critical"',
        '84002" = "criticl"',
        "categories.urgency.gridgov:event:84002",
        "ordinary or urgent",
    ),
    ('code = "99002"', 'code = "99001"', "categories.own 2", "stands 2 times"),
    ('limit = "4wh"', 'limit = "0wh"', "categories.own 1, limit", "no time limit"),
    (
        'department = "urban_management"\n',
        'department = "urban_managment"\n',
        "categories.own 1, department",
        "did you mean",
    ),
    ('standard = "demo"', "", "categories", "need a standard"),
    (
        'category = "cn2026:event:09009"',
        'category = "cn2026:event:99999"',
        "routing 1",
        "'cn2026:event:99999'",
    ),
    ('class = "cn2026:event:04"', 'class = "cn2026:event:77"', "routing 4", "'cn2026:event:77'"),
    ('department = "shiyan_street"', 'department = "shian_street"', "routing 4", "'shian_street'"),
    ('under = "440306/440306026"', 'under = "440306//"', "routing 4, under", "no grid path"),
    ('under = "440306/440306026"', 'unter = "440306"', "routing 4, unter", "did you mean 'under'"),
    ('under = "440306/440306026"', "under = 440306", "routing 4, under", "valid string"),
    ("[city]", "[citty]\na = 1\n[city]", "citty", "did you mean 'city'"),
]


@pytest.mark.parametrize(("old", "new", "where", "says"), WRONG, ids=[f"{w[2]}: {w[3]}" for w in WRONG])
def test_one_thing_wrong_is_one_problem_with_its_place(old: str, new: str, where: str, says: str) -> None:
    text = demo((old, new))
    found = problems(text)
    assert [(p.where, says in p.message) for p in found] == [(where, True)], [str(p) for p in found]
    changed = line_of(DEMO, old)
    line = found[0].line
    assert line is not None
    # at the changed line itself, or at the head of the table that it stands in
    table = next(n for n in range(changed, 0, -1) if text.split("\n")[n - 1].startswith("["))
    assert line == table or changed <= line <= changed + new.count("\n")


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    misspelt = {old: new for old, new, where, _ in WRONG if where in ("city.nam_zh", "departments 2, colour")}
    misspelt |= {'"14:00-18:00"': '"14-18"', 'include = ["cn2026"': 'include = ["cn2025"'}
    misspelt |= {'code = "99002"': 'code = "99001"', 'under = "440306/440306026"': "under = 440306"}
    found = problems(demo(*misspelt.items()))
    assert [p.where for p in found] == [
        "city.nam_zh",
        "calendar.hours 2",
        "departments 2, colour",
        "categories.include 1",
        "categories.own 2",
        "routing 4, under",
    ]
    # the department with the misspelt key is still a department: nothing that names it is called wrong
    assert not any("'water'" in p.message for p in found)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "needs a table [city]"),
        ("[city\n", 1, "not TOML"),
        ("a = 1\nb = \n", 2, "not TOML"),
        ("a = " + "[" * 50_000, None, "nests too deep"),
        ("# x\n# \ud800\n", 2, "half of a character"),
        ("city = 1\n", 1, "write [city]"),
        ("departments = 3\n", 1, "write [[departments]]"),
        ("departments = [3]\n", 1, "expected a table"),
        ("categories = []\n", 1, "write [categories]"),
        ("[categories]\nown = 3\n", 2, "write [[categories.own]]"),
        ("[city]\n[city]\n", 2, "not TOML"),
    ],
)
def test_what_is_no_citys_file(text: str, line: int | None, says: str) -> None:
    assert any(p.line == line and says in p.message for p in problems(text)), [str(p) for p in problems(text)]


def test_a_problem_reads_as_a_sentence() -> None:
    [problem] = problems(demo(('zone = "Asia/Shanghai"', 'zone = "Mars/Olympus"')))
    assert str(problem).startswith(f"line {line_of(DEMO, 'zone =')}, city.zone: no time zone 'Mars/Olympus'")


# -- lines are told right


def test_places_in_a_file_that_tries_to_confuse() -> None:
    text = """# [none]
a = "# [no] \\" b = 1"  # c = 2
[x]
"quo=ted" = 1
d.e = [
  "[x]", # ]
  "f = 1",
]
g = '''
[[x.y]]
h = 1
'''
[[x.z]]
i = {j = 1}
[x.z.k]
l = 1
[[x.z]]
m = 1
"""
    tomllib.loads(text)
    assert dict(_places(text)) == {
        ("a",): 2,
        ("x",): 3,
        ("x", "quo=ted"): 4,
        ("x", "d", "e"): 5,
        ("x", "g"): 9,
        ("x", "z", 0): 13,
        ("x", "z", 0, "i"): 14,
        ("x", "z", 0, "k"): 15,
        ("x", "z", 0, "k", "l"): 16,
        ("x", "z", 1): 17,
        ("x", "z", 1, "m"): 18,
    }


@given(st.integers(0, len(DEMO)), st.text(max_size=8), st.integers(0, 8))
def test_whatever_is_typed_into_a_file_is_read_or_refused_with_places(at: int, typed: str, cut: int) -> None:
    """A slip of the keyboard gives a city or a list of problems, each with words; never another error."""
    text = DEMO[:at] + typed + DEMO[at + cut :]
    found = read(text)
    if isinstance(found, City):
        assert export(found) == text
    else:
        lines = text.count("\n") + 1
        assert found
        assert all(p.message and (p.line is None or 1 <= p.line <= lines) for p in found)


@given(
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))
)
def test_a_value_of_any_shape_is_refused_with_its_place(value: object) -> None:
    """Any table or key may hold anything that TOML can say."""
    text = "" if value is None else f"x = {_toml(value)}\n"
    for table in TABLES:
        for wrong in (f"{table} = {_toml(value)}\n", f"[{table}]\n{text}", f"[[{table}]]\n{text}"):
            assert problems(wrong)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
    return "true" if value is None else str(value)
