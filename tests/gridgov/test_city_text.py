"""Everything wrong in a city's file is told at once, each with its table, key and line; so is a file's own text."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov import shipped
from gridgov.city import BadCityFile, City, Problem, export, parse, read_file
from gridgov.city_text import TABLES, _places

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
DEMO = shipped.demo_city()


def problems(text: str) -> list[Problem]:
    with pytest.raises(BadCityFile) as caught:
        parse(text, 1)
    assert str(caught.value.problems[0]) in str(caught.value)
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


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_bytes(b"\xef\xbb\xbf" + TOWN.replace("\n", "\r\n").encode())
    text = read_file(file)
    assert parse(text, 1).rules == parse(TOWN, 1).rules
    assert export(parse(text, 1)).encode() == file.read_bytes()
    assert problems(text.replace("[city]", "[citty]"))[0].line == line_of(TOWN, "[city]")


def test_a_file_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_bytes(TOWN.encode("gb18030"))
    with pytest.raises(BadCityFile, match=r"is not UTF-8: save city\.toml as UTF-8") as caught:
        read_file(file)
    assert caught.value.problems[0].line == line_of(TOWN, "name_zh")


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
    (
        '"14:00-18:00"]\nweek = ["mon", "tue"',
        '"14:00-18:00"]\nweek = ["mon", "die"',
        "calendar.week 2",
        "'die' is no weekday",
    ),
    (
        "# What the city decides itself",
        'confirmed_years = ["2027"]\n# What the city decides itself',
        "calendar.confirmed_years 1",
        "integer",
    ),
    (
        "# What the city decides itself",
        'days_off = ["2026-01-05"]\n# What the city decides itself',
        "calendar.days_off 1",
        "date",
    ),
    (
        "# What the city decides itself",
        "days_off = [2026-09-28]\nworkdays = [2026-09-28]\n# What the city decides itself",
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
    (
        'name_zh = "台风隐患"',
        'name_zh = "台风隐患"\naliases = ["demo:event:99001"]',
        "categories.own 2",
        "stands 2 times",
    ),
    (
        'limit = "4wh"\ndepartment = "urban_management"',
        'limit = "0wh"\ndepartment = "urban_management"',
        "categories.own 1, limit",
        "no time limit",
    ),
    (
        'limit = "4wh"\ndepartment = "urban_management"',
        'limit = "4wh"\ndepartment = "urban_managment"',
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
    # calendars, clocks, the ladder
    ('intake = "hotline"', 'intake = "12345"', "clocks.calendars.intake", "there is hotline"),
    ('hours = ["00:00-24:00"]', 'hours = ["18:00-08:00"]', "calendars 1", "end before they begin"),
    ('intake = "15wm"', 'intake = "15min"', "clocks.intake", "em or wm for minutes"),
    ("warn_percent = 80", "warn_percent = 100", "clocks.warn_percent", "less than or equal to 99"),
    ('dispatch = "hotline"', 'handling = "hotline"', "clocks.calendars.handling", "case standard's"),
    ('dispatch = "hotline"', 'dispach = "hotline"', "clocks.calendars.dispach", "mean 'dispatch'"),
    ('dispatch = "hotline"', 'dispatch = "hotlin"', "clocks.calendars.dispatch", "mean 'hotline'"),
    ('["handling", "dispatch"]', '["handlin"]', "escalation.clocks 1", "intake or verify"),
    ('["manager"]', '["administrator"]', "escalation.steps 3, roles 1", "no role that can be asked"),
    ('["manager"]', "[]", "escalation.steps 3, roles", "at least 1 item"),
    ('"1wd"\n\n# Who', '"1 day"\n\n# Who', "escalation.steps 3, answer_within", "no time limit"),
    ('level = "street"', 'levl = "street"', "escalation.steps 2, levl", "did you mean 'level'"),
    # departments and fields
    ('under = "440306/440306018"', "", "departments 22", "a branch without a ground"),
    ('under = "440306/440306018"', 'under = "440306//"', "departments 22, under", "no grid path"),
    ('key = "traffic"', 'key = "urban"', "fields 7, key", "two fields are called 'urban'"),
    ('["gridgov:event:82"]', "[]", "fields 3", "classes or categories"),
    ('["gridgov:event:82"]', '["gridgov:event:28"]', "fields 3", "did you mean 'gridgov:event:8"),
    # what categories and case standards name
    (
        '"demo:event:99002" = "hotline"',
        '"demo:event:99002" = "hot"',
        "categories.calendars.demo:event:99002",
        "hotline",
    ),
    (
        '"cn2026:event:06010" = "暴露垃圾自动派遣"',
        '"cn2026:event:06010" = "暴露垃圾"',
        "categories.automatic.cn2026:event:06010",
        "mean '暴露",
    ),
    (
        'limit = "4wh"\nphotos = { handle = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:01001"\ncode = "rat',
        'limit = "4wh"\nphotos = { handle = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:0100"\ncode = "rat',
        "categories.standards 3, category",
        "did you mean 'cn2026:event:01",
    ),
    (
        'photos = { handle = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:01001"\ncode = "rattling"',
        'photos = { hand = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:01001"\ncode = "rattling"',
        "categories.standards 2, photos.hand",
        "did you mean 'handle'",
    ),
    (
        'photos = { handle = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:01001"\ncode = "rattling"',
        'photos = { handle = 1 }\n\n[[categories.standards]]\ncategory = "cn2026:event:01001"\ncode = "broken"',
        "categories.standards 3, code",
        "has two case standards 'broken'",
    ),
    ('does = "dispatch"\nchannels', 'does = "close"\nchannels', "automatic 1, does", "file or dispatch"),
    ('channels = ["inspector"]', 'channels = ["Inspector"]', "automatic 1, channels 1", "is no channel"),
    (
        "near_border = true ",
        'near_border = true\n[[automatic]]\nname = "井盖险情自动派遣"\ndoes = "file" ',
        "automatic 4, name",
        "are called '井盖险情自动派遣'",
    ),
    # what routing asks for
    ('["22:00-06:00"]', '["22-06"]', "routing 5, hours 1", "08:00-12:00"),
    ('hours = ["22:00-06:00"]', 'days = ["Mon"]', "routing 5, days 1", "'Mon' is no weekday"),
    ('urgency = ["critical"]', 'urgency = ["worst"]', "routing 6, urgency 1", "ordinary or urgent"),
    ('field = "fire"', 'field = "fir"', "routing 6", "did you mean 'fire'"),
    ('["emergency", "police"]', '["emergncy"]', "routing 6", "did you mean 'emergency'"),
    (
        '["emergency", "police"]',
        '["emergency"]\npriority = 2000',
        "routing 6, priority",
        "less than or equal to 1000",
    ),
    ("branch = true\n\n", 'territorial = "street"\n\n', "routing 7", "department and a territorial level"),
    ('territorial = "street"', "", "routing 8", "dead end"),
    ("[city]", "[citty]", "citty", "did you mean 'city'"),
    ("[city]", "[city_]\na = 1\n[city]", "city_", "did you mean 'city'"),
    ("[categories]\n", "[category]\nown = []\n[categories]\n", "category", "did you mean 'categories'"),
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
    misspelt |= {
        'name_zh = "台风隐患"': 'name_zh = "台"\naliases = ["demo:event:99001"]',
        'under = "440306/440306026"': "under = 440306",
    }
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
        (TOWN + "\n[grids]\n" + ".".join("a" * 2000) + " = 1", None, "nests too deep"),
        (TOWN + "\n[grids." + ".".join("a" * 2000) + "]\nb = 1", None, "nests too deep"),
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


def test_thousands_of_problems_are_told_in_a_moment_and_counted_in_the_message() -> None:
    rule = '\n[[routing]]\nname = "r{}"\ncategory = "cn2026:event:06001"\nunder = "440306/{}"\ndepartment = "watr"\n'
    text = DEMO + "".join(rule.format(number, number) for number in range(2000))
    start = time.perf_counter()
    found = problems(text)
    assert (
        time.perf_counter() - start < 5
    )  # it took ten seconds for every thousand when each looked at all others
    first = DEMO.count("[[routing]]") + 1
    assert [p.where for p in found] == [f"routing {number}" for number in range(first, first + 2000)]
    with pytest.raises(BadCityFile, match=r"has 2000 problems: .*; and 1980 more$"):
        parse(text, 1)


def test_a_table_with_a_misspelt_name_is_read_as_the_one_that_was_meant() -> None:
    text = DEMO.replace("[[departments]]", "[[department]]").replace('name_zh = "水务局"', "name_zh = 7")
    found = problems(text)
    assert [(p.where, p.line) for p in found] == [
        ("department", line_of(text, "[[department]]")),
        ("departments 2, name_zh", line_of(text, "name_zh = 7")),
    ]


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
        ("x", "z"): 13,
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
