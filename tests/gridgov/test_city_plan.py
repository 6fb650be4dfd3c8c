"""What one version of a city's rules changes of another: said in full, and nothing where nothing changes."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.categories import Urgency
from dispatch.routing import FALLBACK, Situation, route
from gridgov import shipped
from gridgov.city import BadCityFile, City, effects, notes, parse, plan
from gridgov.city_effects import TERRITORIAL
from tests.gridgov import scene

TOWN = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")


def town(*replaced: tuple[str, str], more: str = "") -> City:
    text = TOWN
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    return parse(text + more, 1)


RULE = '\n[[routing]]\nname = "{}"\ndepartment = "{}"\ncategory = "{}"\nunder = "{}"\n'


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (town(('name_zh = "小镇"', 'name_zh = "大镇"')), ["city: name_zh 小镇 → 大镇"]),
        (
            town(('fallback_department = "office"', 'fallback_department = "water"')),
            ["city: fallback_department office → water"],
        ),
        (
            town(("confirmed_years = [2026]", "days_off = [2026-01-05]")),
            ["calendar: days_off – → 2026-01-05", "calendar: confirmed_years 2026 → –"],
        ),
        (
            town(("[calendar]", '[calendar]\nweek = ["mon"]\nhours = ["08:00-24:00"]')),
            [
                "calendar: week mon, tue, wed, thu, fri → mon",
                "calendar: hours 08:00-12:00, 14:00-18:00 → 08:00-24:00",
            ],
        ),
        (town(more='\n[[departments]]\ncode = "gas"\nname_zh = "燃气"\n'), ["department gas added"]),
        (town(('name_zh = "水务局"', 'name_zh = "水务"')), ["department water: name_zh 水务局 → 水务"]),
        (town(('limit = "4wh"', 'limit = "8wh"')), ["category t:component:manhole: limit 4wh → 8wh"]),
        (
            town(('code = "noise"', 'code = "din"')),
            ["category t:event:noise removed", "category t:event:din added"],
        ),
        (town(('under = "D/N"', 'under = "D/S"')), ["rule north rubbish: under D/N → D/S"]),
        (
            town(('limit = "2wd"\ndepartment', "department")),
            ["category t:event:rubbish: limit_is_default – → True"],
        ),
        (town(more='\n[grids]\nfile = "a"\n'), ["grids added"]),
        (
            town(more='\n[clocks]\nintake = "15em"\nwarn_percent = 70\n'),
            ["clocks: intake 15wm → 15em", "clocks: warn_percent 80 → 70"],
        ),
        (town(more='\n[[calendars]]\nkey = "hotline"\n'), ["calendar hotline added"]),
        (
            town(more='\n[[fields]]\nkey = "tidy"\nname_zh = "市容"\ncategories = ["t:event:rubbish"]\n'),
            ["field tidy added"],
        ),
        (
            town(
                (
                    'under = "D/N"',
                    'under = "D/N"\nworking = false\ndays = ["sat", "fri"]\nhours = ["18:00-24:00"]',
                )
            ),
            [
                "rule north rubbish: days – → fri, sat",
                "rule north rubbish: hours – → 18:00-24:00",
                "rule north rubbish: working – → outside working time",
            ],
        ),
        (
            town(
                (
                    'under = "D/N"',
                    'under = "D/N"\nurgency = ["urgent"]\nco_handlers = ["water", "office"]\npriority = 2',
                )
            ),
            [
                "rule north rubbish: urgencies – → urgent",
                "rule north rubbish: priority – → 2",
                "rule north rubbish: co_handlers – → water, office",
            ],
        ),
        (
            town(('name_zh = "北街道办"', 'name_zh = "北街道办"\nparent = "office"\nunder = "D/N"')),
            ["department north_office: parent – → office", "department north_office: under – → D/N"],
        ),
        (
            town(
                more='\n[[escalation.steps]]\nlevel = "street"\nroles = ["manager", "dispatcher"]\nanswer_within = "2wh"\n'
            ),
            ["escalation: step 1 – → street: dispatcher, manager within 2wh"],
        ),
        (
            town(
                more='\n[[automatic]]\nname = "at once"\ndoes = "file"\n[categories.automatic]\n"t:event:noise" = "at once"\n'
            ),
            ["category t:event:noise: automatic – → at once", "automatic rule at once added"],
        ),
        (
            town(
                more='\n[[categories.standards]]\ncategory = "t:event:noise"\ncode = "night"\nlimit = "2eh"\n'
            ),
            ["standard t:event:noise night added"],
        ),
        (
            town(
                more='\n[[targets]]\nname = "bureau"\nkind = "webhook"\nurl = "https://bureau.example/hook"\n'
            ),
            ["target bureau added"],
        ),
    ],
    ids=lambda value: "; ".join(value) if isinstance(value, list) else "town",
)
def test_a_change_is_said(new: City, says: list[str]) -> None:
    assert [str(change) for change in plan(town(), new)] == says


STANDARD = """
[[calendars]]
key = "crew"
week = ["sat"]
[[automatic]]
name = "at once"
does = "file"
[[categories.standards]]
category = "t:event:noise"
code = "night"
condition_zh = "夜间"
limit = "2eh"
urgency = "urgent"
photos = { report = 2 }
"""


def test_what_changes_within_the_newer_tables() -> None:
    one = town(more=STANDARD)
    changed = STANDARD.replace('condition_zh = "夜间"', 'department = "water"\nautomatic = "at once"')
    changed = changed.replace('"2eh"', '"3eh"').replace("report = 2", "report = 1, check = 1")
    changed = changed.replace('does = "file"', 'does = "dispatch"\nchannels = ["hotline"]')
    other = town(more=changed.replace('week = ["sat"]', "days_off = [2026-05-05]"))
    assert [str(change) for change in plan(one, other)] == [
        "calendar crew: week sat → mon, tue, wed, thu, fri",
        "calendar crew: days_off – → 2026-05-05",
        "standard t:event:noise night: limit 2eh → 3eh",
        "standard t:event:noise night: condition_zh 夜间 → –",
        "standard t:event:noise night: photos report 2 → report 1, check 1",
        "standard t:event:noise night: department – → water",
        "standard t:event:noise night: automatic – → at once",
        "automatic rule at once: does file → dispatch",
        "automatic rule at once: channels – → hotline",
    ]


def test_a_comment_changes_nothing() -> None:
    assert plan(town(), town(more="# a remark\n")) == []
    assert effects(town(), town(more="# a remark\n")) == []


def test_against_nothing_everything_is_added() -> None:
    changes = plan(None, town())
    assert {change.kind for change in changes} == {"added"}
    assert [change.what for change in changes] == ["city", "calendar"] + ["department"] * 4 + [
        "category"
    ] * 3 + ["rule"]
    assert effects(None, town()) == []


FILES = [
    town(),
    town(('limit = "4wh"', 'limit = "8wh"')),
    town(('under = "D/N"', 'under = "D/S"')),
    town(more="\n[grids]\n"),
]
FILES += [town(('code = "noise"', 'code = "din"')), parse(shipped.demo_city(), 1)]


@given(st.sampled_from(FILES), st.sampled_from(FILES))
def test_a_plan_back_is_the_plan_forth_the_other_way_round(one: City, other: City) -> None:
    """What is added one way is removed the other way; a plan between the same is empty."""
    swapped = {"added": "removed", "removed": "added", "changed": "changed"}
    forth = {(c.kind, c.what, c.name, c.field, c.before, c.after) for c in plan(one, other)}
    back = {(swapped[c.kind], c.what, c.name, c.field, c.after, c.before) for c in plan(other, one)}
    assert {c for c in forth if c[1] != "grids"} == {c for c in back if c[1] != "grids"}
    assert plan(one, one) == []


# -- who gets what


def test_a_rule_for_a_street_moves_what_lies_there_and_nothing_else() -> None:
    new = town(more=RULE.format("south rubbish", "office", scene.RUBBISH, "D/S"))
    assert [str(effect) for effect in effects(town(), new)] == [
        "垃圾 (t:event:rubbish) under D/S: 环卫所 → 区办"
    ]


def test_a_rule_taken_away_gives_it_back() -> None:
    new = town(('under = "D/N"', 'under = "D/N/N1"'))
    assert [str(effect) for effect in effects(town(), new)] == [
        "垃圾 (t:event:rubbish) under D/N: 北街道办 → 环卫所"
    ]


def test_what_belongs_to_nobody_goes_to_the_territorial_unit_where_there_is_a_place() -> None:
    new = town(more=RULE.format("noise in the north", "water", scene.NOISE, "D/N"))
    [effect] = effects(town(), new)
    assert (effect.under, effect.before, effect.after) == (("D", "N"), TERRITORIAL, "水务局")


def test_the_categorys_own_department_matters_everywhere_but_where_a_rule_beats_it() -> None:
    new = town(('department = "cleaning"', 'department = "office"'))
    assert [(e.under, e.before, e.after) for e in effects(town(), new)] == [((), "环卫所", "区办")]


PLACES = [(), ("D",), ("D", "N"), ("D", "N", "N1"), ("D", "S"), ("D", "S", "S2")]
rules_of_a_town = st.lists(
    st.tuples(
        st.sampled_from(["water", "cleaning", "office"]),
        st.sampled_from([f'category = "{key}"' for key in (scene.COVER, scene.RUBBISH, scene.NOISE)] + [""]),
        st.sampled_from(PLACES),
        st.sampled_from(["", 'urgency = ["critical"]']),
    ),
    unique_by=lambda rule: rule[1:],
    max_size=5,
)


Drawn = list[tuple[str, str, tuple[str, ...], str]]


def with_rules(rules: Drawn) -> City | None:
    head, _, _ = TOWN.partition("[[routing]]")
    text = head + "".join(
        f'[[routing]]\nname = "r{n}"\ndepartment = "{department}"\n{category}\nunder = "{"/".join(under)}"\n{more}\n'
        for n, (department, category, under, more) in enumerate(rules)
    )
    try:
        return parse(text, 1)
    except BadCityFile:  # a rule for all to which rules for each leave nothing
        return None


@given(rules_of_a_town, rules_of_a_town)
def test_effects_are_what_asking_every_place_finds(before: Drawn, after: Drawn) -> None:
    """The nearest effect around a place says who had it and who gets it there, one for what is critical before
    one for all; without one nothing changes.
    """
    old, new = with_rules(before), with_rules(after)
    if old is None or new is None:
        return
    found = {
        (effect.category, effect.under, effect.when): (effect.before, effect.after)
        for effect in effects(old, new)
    }

    def taker(city: City, key: str, place: tuple[str, ...], urgency: Urgency) -> str:
        routed = route(city.rules.routing, Situation(city.rules.categories.get(key), place, urgency=urgency))
        if routed.rule == FALLBACK:
            return TERRITORIAL
        return city.rules.routing.departments[routed.department].name_zh

    for key, urgency in product(
        (scene.COVER, scene.RUBBISH, scene.NOISE), (Urgency.ORDINARY, Urgency.CRITICAL)
    ):
        whens = ("where critical", "") if urgency is Urgency.CRITICAL else ("",)
        for place in PLACES[1:]:
            pair = taker(old, key, place, urgency), taker(new, key, place, urgency)
            said = [
                found[key, place[:n], when]
                for n in range(len(place), -1, -1)
                for when in whens
                if (key, place[:n], when) in found
            ]
            if pair[0] != pair[1]:
                assert said
                assert pair == said[0]


CONDITION = '\n[[routing]]\nname = "new"\ndepartment = "office"\ncategory = "t:event:rubbish"\n{}\n'


@pytest.mark.parametrize(
    ("condition", "when"),
    [
        ('hours = ["22:00-06:00"]', "at 22:00-06:00"),
        ('days = ["sun"]', "on Sun"),
        ("working = false", "outside working time"),
        ("working = true", "in working time"),
        ('urgency = ["urgent", "critical"]', "where critical or urgent"),
        ('channels = ["hotline"]', "by hotline"),
        ('specialised = "police/72"', "in police/72"),
        ('specialised = "police"', "in a grid of police"),
        ('days = ["sat"]\nurgency = ["urgent"]', "on Sat, where urgent"),
    ],
)
def test_a_rule_with_a_condition_moves_what_meets_it_and_nothing_else(condition: str, when: str) -> None:
    new = town(more=CONDITION.format(condition))
    found = [str(effect) for effect in effects(town(), new)]
    assert found[0] == f"垃圾 (t:event:rubbish), {when}: 环卫所 → 区办"
    # in the north a rule for the place decides, unless the other asks for a specialised grid
    north = [f"垃圾 (t:event:rubbish) under D/N, {when}: 北街道办 → 区办"]
    assert found[1:] == (north if "specialised" in condition else [])
    assert str(effects(new, town())[0]) == found[0].replace("环卫所 → 区办", "区办 → 环卫所")


def test_a_case_standard_with_another_department_moves_what_is_filed_under_it() -> None:
    one = town(more=STANDARD)
    other = town(more=STANDARD.replace('limit = "2eh"', 'limit = "2eh"\ndepartment = "water"'))
    assert [str(effect) for effect in effects(one, other)] == [
        f"噪声 (t:event:noise), case standard night: {TERRITORIAL} → 水务局"
    ]


def test_a_branch_moves_what_lies_on_its_ground() -> None:
    rule = '\n[[routing]]\nname = "n"\ndepartment = "office"\ncategory = "t:event:noise"\n'
    branch = ('name_zh = "北街道办"', 'name_zh = "北街道办"\nparent = "office"\nunder = "D/N"')
    one, other = town(branch, more=rule), town(branch, more=rule + "branch = true\n")
    assert [str(effect) for effect in effects(one, other)] == [
        "噪声 (t:event:noise) under D/N: 区办 → 北街道办"
    ]


def test_a_rule_for_whoever_answers_for_the_ground_names_the_level() -> None:
    new = town(more='\n[[routing]]\nname = "n"\nterritorial = "street"\ncategory = "t:component:manhole"\n')
    assert [str(effect) for effect in effects(town(), new)] == [
        f"井盖 (t:component:manhole): 水务局 → {TERRITORIAL} (street)"
    ]


def test_another_co_handler_is_told() -> None:
    new = town(('under = "D/N"', 'under = "D/N"\nco_handlers = ["water"]'))
    assert [str(effect) for effect in effects(town(), new)] == [
        "垃圾 (t:event:rubbish) under D/N: 北街道办 → 北街道办 + 水务局"
    ]


# -- notes


def test_notes_name_what_the_city_has_to_settle() -> None:
    said = "\n".join(notes(parse(shipped.demo_city(), 1)))
    assert "193 of 462 categories have a stand-in limit" in said
    assert "20 of 462 categories have no department of their own" in said
    assert "holidays are known to" in said
    assert "no year's holidays are known" in "\n".join(notes(town(("confirmed_years = [2026]", ""))))


def test_notes_name_a_slip_in_the_table_of_the_grids() -> None:
    text = (
        shipped.demo_city()
        + '\n[grids]\nfile = "g.gpkg"\nlayr = "x"\n[[grids.levels]]\nkey = "a"\ncode = "c"\n'
    )
    said = "\n".join(notes(parse(text, 1)))
    assert "no grids could be read by this file: [grids] has 'layr', which means nothing there" in said
    assert "Did you mean 'layer'?" in said
    assert "no grids could be read" not in "\n".join(notes(parse(text.replace("layr", "layer"), 1)))


def test_notes_name_rules_and_units_that_the_grids_do_not_bear_out() -> None:
    drawn = scene.hierarchy()
    assert not any("rule" in note and "match nothing" in note for note in notes(town(), drawn))
    lost = notes(town(('under = "D/N"', 'under = "D/X"')), drawn)
    assert any("rule 'north rubbish' can match nothing" in note and "'X'" in note for note in lost)
    renamed = (
        ('code = "north_office"', 'code = "n_office"'),
        ('department = "north_office"', 'department = "n_office"'),
    )
    assert any("'north_office' is no department" in note for note in notes(town(*renamed), drawn))


def test_notes_say_how_many_conditions_are_the_citys_to_set() -> None:
    said = "\n".join(notes(parse(shipped.demo_city(), 1)))
    assert "452 of 460 case standards do not say when they apply (待本市设定)" in said
    assert "case standards" not in "\n".join(notes(town()))


def test_notes_name_what_is_done_by_itself_and_rules_that_do_nothing() -> None:
    said = notes(parse(shipped.demo_city(), 1))
    assert (
        "automatic rule '井盖险情自动派遣' files and dispatches what comes in under 2 case standards without a"
        " human hand"
    ) in said
    assert any(
        note.startswith("automatic rule 'at once' never does anything") for note in notes(town(more=STANDARD))
    )


def test_notes_tell_of_every_calendar_that_working_time_is_counted_in() -> None:
    crew = '\n[[calendars]]\nkey = "crew"\n{}\n[categories.calendars]\n"t:event:noise" = "{}"\n'
    chinese = notes(town(more=crew.format('country = "CN"', "crew")))
    assert any(note.startswith("holidays of calendar 'crew' are known to 20") for note in chinese)
    weekly = notes(town(more=crew.format("", "crew")))
    assert "calendar 'crew' names no country: it works on public holidays too" in weekly
    assert not any("holidays of calendar" in note for note in weekly)
    idle = notes(town(more=crew.format("", "crew").replace('"t:event:noise" = "crew"', "")))
    assert any(note.startswith("nothing runs by calendar 'crew'") for note in idle)
    whole = 'hours = ["00:00-24:00"]\nweek = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
    assert not any("'crew'" in note for note in notes(town(more=crew.format(whole, "crew"))))


def test_notes_name_levels_and_grounds_that_the_grids_do_not_have() -> None:
    more = """
[[routing]]
name = "whose ground"
territorial = "ward"
[[escalation.steps]]
level = "ward"
roles = ["manager"]
answer_within = "2wh"
"""
    branch = ('name_zh = "北街道办"', 'name_zh = "北街道办"\nparent = "office"\nunder = "D/X"')
    said = notes(town(branch, more=more), scene.hierarchy())
    assert any(
        "rule 'whose ground' can match nothing: it is for the unit of a 'ward'" in note for note in said
    )
    assert any(note.startswith("escalation step 1 asks whoever answers for a 'ward'") for note in said)
    assert any(note.startswith("department 'north_office' is a branch for no ground") for note in said)
    right = notes(town(more=more.replace("ward", "street")), scene.hierarchy())
    assert not any("no such level" in note for note in right)


def test_notes_name_specialised_grids_that_no_layer_has() -> None:
    city = town(more=CONDITION.format('specialised = "police/72"'))
    assert not any("specialised" in note for note in notes(city))
    assert "rule 'new' can match nothing: no specialised grids of 'police' are in force" in notes(
        city, None, {}
    )
    layers = {"police": {"1", "2"}}
    assert "rule 'new' can match nothing: the layer 'police' has no specialised grid '72'" in notes(
        city, None, layers
    )
    assert not any("specialised" in note for note in notes(city, None, {"police": {"72"}}))
