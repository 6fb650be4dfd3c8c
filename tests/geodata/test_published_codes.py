"""Codes are held to the published list's rules only where the city's file says that they follow them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geodata.check import Severity, check
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadGridsTable
from geodata.grids import Level
from geodata.read import validate
from geodata.synthetic import district
from tests.geodata.drawings import tile

LEVELS = tuple(Level(key, key, key) for key in ("city", "district", "street"))
CODES = ("CODE_DIGITS", "CODE_PREFIX", "TOO_MANY_GRIDS")


def drawing(*streets: tuple[str, str], first: int | None = 1, district: str = "440306") -> Drawing:
    """One city, one district, and streets as (code, parent), side by side."""
    whole = tile(0, 0, len(streets))
    drawn = [
        Drawn("深圳", "深圳", 0, (), whole, None, "test"),
        Drawn(district, "宝安区", 1, (("深圳", 1),), whole, None, "test"),
        *(
            Drawn(code, code, 2, ((parent, 1),), tile(at, 0), None, f"streets, feature {at + 1}")
            for at, (code, parent) in enumerate(streets)
        ),
    ]
    return Drawing(LEVELS, tuple(drawn), published_codes_from=first)


def found(drawn: Drawing) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.code, one.level, one.grids) for one in check(drawn) if one.code in CODES]


def test_codes_by_the_rules_pass_and_levels_above_are_free() -> None:
    assert found(drawing(("440306001", "440306"), ("440306002", "440306"))) == []


@pytest.mark.parametrize("code", ["44030601", "4403060011", "44030600A", "440306０01"])
def test_other_than_three_digits_a_level_are_found(code: str) -> None:
    assert found(drawing((code, "440306"))) == [("CODE_DIGITS", "street", (code,))]
    (one,) = [one for one in check(drawing((code, "440306"))) if one.code == "CODE_DIGITS"]
    assert one.severity is Severity.error
    assert "(streets, feature 1) is not of 9 digits" in one.message
    assert "(6 at level district, 3 more a level)" in one.message


def test_a_code_that_does_not_begin_with_its_parents_is_found() -> None:
    wrong = drawing(("440305001", "440306"), ("440306002", "440306"))
    assert found(wrong) == [("CODE_PREFIX", "street", ("440305001",))]


def test_free_codes_are_nobodys_business() -> None:
    assert found(drawing(("南山A", "440306"), first=None)) == []


def test_a_drawing_may_begin_at_the_streets() -> None:
    streets = Drawing(
        LEVELS[2:], (Drawn("440306001", "", 0, (), tile(0, 0), None, "x"),), published_codes_from=0
    )
    assert found(streets) == []


def test_a_district_of_another_length_is_found_itself() -> None:
    assert ("CODE_DIGITS", "district", ("44036",)) in found(drawing(("440306001", "44036"), district="44036"))


def test_a_thousand_grids_in_one_parent_are_too_many() -> None:
    many = [(f"440306{at:03d}", "440306") for at in range(1000)]
    (one,) = [one for one in check(drawing(*many)) if one.code in CODES]
    assert (one.code, one.level, one.grids, one.measure) == ("TOO_MANY_GRIDS", "district", ("440306",), 1000)
    assert "three digits number at most 999" in one.message
    assert found(drawing(*many[:999])) == []


def test_a_made_up_district_follows_them() -> None:
    made_up = district(1, [("440306001", "甲街道"), ("440306002", "乙街道")], communities=4, micro_grids=20)
    drawn = tuple(
        Drawn(g.code, g.name, g.level, ((g.parent, 1),) if g.parent else (), g.geometry, None, "x")
        for g in made_up.grids
    )
    whole = Drawing(made_up.levels, drawn, published_codes_from=0)
    assert check(whole) == ()
    changed = replace(whole, drawn=(*drawn[:-1], replace(drawn[-1], code="440306009009009")))
    assert [one.code for one in check(changed)] == ["CODE_PREFIX"]


def test_the_citys_file_names_the_level() -> None:
    section = {"file": "x", "levels": [{"key": "street", "code": "c"}], "published_codes_from": "strete"}
    with pytest.raises(BadGridsTable, match=r"no level; the levels are street\. Did you mean 'street'"):
        validate(section)
