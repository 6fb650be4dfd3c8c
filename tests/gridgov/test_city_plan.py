"""What one version of a city's rules changes of another: said in full, and nothing where nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ],
    ids=str,
)
def test_a_change_is_said(new: City, says: list[str]) -> None:
    assert [str(change) for change in plan(town(), new)] == says


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
    ),
    unique_by=lambda rule: rule[1:],
    max_size=5,
)


def with_rules(rules: list[tuple[str, str, tuple[str, ...]]]) -> City | None:
    head, _, _ = TOWN.partition("[[routing]]")
    text = head + "".join(
        f'[[routing]]\nname = "r{n}"\ndepartment = "{department}"\n{category}\nunder = "{"/".join(under)}"\n'
        for n, (department, category, under) in enumerate(rules)
    )
    try:
        return parse(text, 1)
    except BadCityFile:  # a rule for all to which rules for each leave nothing
        return None


@given(rules_of_a_town, rules_of_a_town)
def test_effects_are_what_asking_every_place_finds(
    before: list[tuple[str, str, tuple[str, ...]]], after: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    """The nearest effect around a place says who had it and who gets it there; without one nothing changes."""
    old, new = with_rules(before), with_rules(after)
    if old is None or new is None:
        return
    found = {(effect.category, effect.under): (effect.before, effect.after) for effect in effects(old, new)}

    def taker(city: City, key: str, place: tuple[str, ...]) -> str:
        routed = route(city.rules.routing, Situation(city.rules.categories.get(key), place))
        if routed.rule == FALLBACK:
            return TERRITORIAL
        return city.rules.routing.departments[routed.department].name_zh

    for key in (scene.COVER, scene.RUBBISH, scene.NOISE):
        for place in PLACES[1:]:
            pair = taker(old, key, place), taker(new, key, place)
            said = [found[key, place[:n]] for n in range(len(place), -1, -1) if (key, place[:n]) in found]
            if pair[0] != pair[1]:
                assert said
                assert pair == said[0]


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
