"""A code never comes to stand for another place: not one in force, not one that was retired."""

import shapely
from hypothesis import assume, given

from geodata.editions import reused_codes
from geodata.grids import Hierarchy
from tests.geodata.drawings import CITY, a_grid, tile
from tests.geodata.letters import drawings, drawn, shapes_of


@given(drawings, drawings)
def test_a_code_is_reused_where_less_than_half_of_the_smaller_grid_is_common(old, new):
    before, after = shapes_of(old), shapes_of(new)
    common = {
        code: before[code].intersection(after[code]).area / min(before[code].area, after[code].area)
        for code in before.keys() & after.keys()
    }
    # A square in a row farther north is a little smaller, which degrees do not tell.
    assume(not any(0.49 < share < 0.51 for share in common.values()))
    expected = {code for code, share in common.items() if share < 0.5}
    assert {found.grids[0] for found in reused_codes((), drawn(old), drawn(new))} == expected


def test_a_retired_code_may_come_back_at_its_place_only():
    first, second = drawn("AAB"), drawn("XXB")
    assert reused_codes([first], second, drawn("AAB")) == ()
    (found,) = reused_codes([first], second, drawn("XXA"))
    assert (found.code, found.severity.value, found.level, found.grids) == (
        "CODE_REUSED",
        "error",
        "ward",
        ("A",),
    )
    assert (found.measure, found.unit) == (0, "share")
    assert shapely.Point(found.place).within(tile(2, 0))
    assert "A of level ward, a retired code, stood for another place" in found.message
    assert (
        "nothing lies in the other, expected 50.0 % or more; give this grid a code that was never used"
        in found.message
    )


def test_of_a_retired_code_the_place_it_stood_for_last_counts():
    moved_on = [drawn("AAAA...."), drawn("..AAAA.."), drawn("....AAAA")]
    now = drawn("BBBBBBBB")
    assert reused_codes(moved_on, now, drawn("BBBBAAAA")) == ()
    assert len(reused_codes(moved_on[::-1], now, drawn("BBBBAAAA"))) == 1


def test_a_code_in_force_may_not_jump_but_may_grow_and_shrink():
    assert reused_codes((), drawn("AAAA"), drawn("ABBB")) == ()
    assert reused_codes((), drawn("ABBB"), drawn("AAAA")) == ()
    assert reused_codes((), drawn("AAABBB"), drawn("BBAAAB")) != ()
    (jumped, other) = reused_codes((), drawn("AABB"), drawn("BBAA"))
    assert (jumped.grids, other.grids) == (("A",), ("B",))
    assert "stood for another place" in jumped.message
    assert "retired" not in jumped.message


def test_codes_of_other_levels_are_other_codes():
    def city(wards):
        top = a_grid("C", tile(0, 0, 2))
        return Hierarchy.build(CITY, [top, *(a_grid(code, one, 1, "C") for code, one in wards.items())])

    old, new = city({"A": tile(0, 0), "B": tile(1, 0)}), city({"A": tile(0, 0), "C": tile(1, 0)})
    assert reused_codes([], old, new) == ()
    (found,) = reused_codes([], old, city({"B": tile(0, 0), "C": tile(1, 0)}))
    assert (found.level, found.grids) == ("ward", ("B",))
