"""How children lie in their parents: out of them, across two, leaving them bare, adding up to them or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from shapely.geometry import Polygon, box

from geodata.check import Finding, Severity, check
from geodata.drawing import Drawing, Drawn
from geodata.ground import ground_m2
from geodata.parents import NOTABLE_SHARE
from tests.geodata.drawings import CITY, tile

ERROR, WARNING, INFO = Severity.error, Severity.warning, Severity.info


def drawing(cities: dict[str, Polygon], wards: dict[str, tuple[str, Polygon]]) -> Drawing:
    """Cities, and wards said to lie in them."""
    above = [Drawn(code, code, 0, (), shape, None, "test") for code, shape in cities.items()]
    below = [
        Drawn(code, code, 1, ((parent, 1),), shape, None, "test") for code, (parent, shape) in wards.items()
    ]
    return Drawing(CITY, (*above, *below))


def told(findings: tuple[Finding, ...], *codes: str) -> list[tuple[str, Severity, tuple[str, ...]]]:
    return [(one.code, one.severity, one.grids) for one in findings if one.code in codes]


TWO = {"A": tile(0, 0, 2, 2), "B": tile(2, 0, 2, 2)}


def test_a_child_across_two_parents_is_told_with_both_and_its_shares() -> None:
    across = box(10.01, 50, 10.022, 50.02)  # a tenth of its ground and more is in B
    findings = check(drawing(TWO, {"1": ("A", tile(0, 0, 1, 2)), "2": ("A", across)}))
    (found,) = [one for one in findings if one.code == "STRADDLES"]
    assert (found.severity, found.grids) == (ERROR, ("2", "A", "B"))
    beyond = box(10.02, 50, 10.022, 50.02)
    assert found.measure == pytest.approx(ground_m2(beyond))
    assert found.geometry is not None
    assert found.geometry.symmetric_difference(beyond).area < 1e-15
    assert "lies 83.3% in its parent A, but 16.7% in B of level city" in found.message
    assert "cut it along their border" in found.message
    assert not told(findings, "OUTSIDE_PARENT"), "one fault, one finding"


def test_a_child_that_lies_in_another_parent_altogether_has_the_wrong_parent() -> None:
    findings = check(drawing(TWO, {"1": ("A", tile(0, 0, 2, 2)), "2": ("A", tile(2, 0, 2, 2))}))
    (found,) = [one for one in findings if one.code == "STRADDLES"]
    assert "lies 0.0% in its parent A, but 100.0% in B" in found.message
    assert "if it belongs to B, correct the column of its parent" in found.message


def test_three_parents_are_listed_by_share() -> None:
    three = {"A": tile(0, 0), "B": tile(1, 0), "C": tile(2, 0)}
    findings = check(drawing(three, {"1": ("A", box(10, 50, 10.025, 50.01))}))
    assert told(findings, "STRADDLES") == [("STRADDLES", ERROR, ("1", "A", "B", "C"))]


@pytest.mark.parametrize(
    ("share", "code"), [(NOTABLE_SHARE * 0.9, "OUTSIDE_PARENT"), (NOTABLE_SHARE * 1.1, "STRADDLES")]
)
def test_a_share_that_is_not_notable_only_reaches_out(share: float, code: str) -> None:
    east = 10.02 + 0.01 * share / (1 - share)
    wards = {"1": ("A", tile(0, 0, 1, 2)), "2": ("A", box(10.01, 50, east, 50.02))}
    findings = check(drawing(TWO, wards))
    assert [one for one, _, _ in told(findings, "OUTSIDE_PARENT", "STRADDLES")] == [code]


def test_out_of_the_parent_into_no_other_is_no_straddling() -> None:
    findings = check(drawing({"A": tile(0, 0)}, {"1": ("A", tile(0, 0, 2))}))
    assert told(findings, "OUTSIDE_PARENT", "STRADDLES") == [("OUTSIDE_PARENT", ERROR, ("1", "A"))]


def test_children_that_leave_ground_bare_do_not_add_up() -> None:
    findings = check(drawing({"A": tile(0, 0, 3)}, {"1": ("A", tile(0, 0)), "2": ("A", tile(1, 0))}))
    bare, short = ([one for one in findings if one.code == code] for code in ("UNCOVERED", "LEVEL_AREA"))
    assert [(one.severity, one.level, one.grids) for one in (*bare, *short)] == [
        (WARNING, "city", ("A",))
    ] * 2
    assert bare[0].measure == pytest.approx(ground_m2(tile(2, 0)))
    assert bare[0].geometry is not None
    assert bare[0].geometry.equals(tile(2, 0))
    assert short[0].measure == pytest.approx(bare[0].measure)
    assert "the 2 grids of A of level city add up to" in short[0].message
    assert "less than" in short[0].message


def test_children_that_overlap_add_up_to_too_much() -> None:
    findings = check(drawing({"A": tile(0, 0, 3)}, {"1": ("A", tile(0, 0, 2)), "2": ("A", tile(1, 0, 2))}))
    (found,) = [one for one in findings if one.code == "LEVEL_AREA"]
    assert found.measure == pytest.approx(ground_m2(tile(1, 0)))
    assert "more than" in found.message


@pytest.mark.parametrize(("gap_m2", "codes"), [(1.5, []), (2.5, ["LEVEL_AREA"])])
def test_each_child_may_be_off_by_one_tolerance(gap_m2: float, codes: list[str]) -> None:
    """Two children: together they may be off by 2 m²."""
    whole = tile(0, 0, 2)
    width = gap_m2 / ground_m2(tile(1, 0)) * 0.01
    wards = {"1": ("A", tile(0, 0)), "2": ("A", box(10.01 + width, 50, 10.02, 50.01))}
    assert [one.code for one in check(drawing({"A": whole}, wards)) if one.code == "LEVEL_AREA"] == codes


def test_an_exact_tiling_adds_up_though_its_corners_do_not_meet() -> None:
    """2 km of border with a corner in the middle on one side: along geodesics the sums differ by 94 m²."""
    wards = {"1": ("A", box(10, 50, 10.028, 50.01)), "2": ("A", box(10, 50.01, 10.014, 50.02))}
    wards["3"] = ("A", box(10.014, 50.01, 10.028, 50.02))
    assert check(drawing({"A": box(10, 50, 10.028, 50.02)}, wards)) == ()


def test_sums_of_broken_children_are_not_compared() -> None:
    whole = drawing({"A": tile(0, 0, 2)}, {"1": ("A", tile(0, 0)), "2": ("A", tile(1, 0))})
    bow_tie = Polygon([(10.01, 50), (10.02, 50.01), (10.02, 50), (10.01, 50.01)])
    broken = replace(whole, drawn=(*whole.drawn[:2], replace(whole.drawn[2], geometry=bow_tie)))
    findings = check(broken)
    assert told(findings, "INVALID_GEOMETRY", "LEVEL_AREA") == [("INVALID_GEOMETRY", ERROR, ("2",))]
    (found,) = [one for one in findings if one.code == "INVALID_GEOMETRY"]
    assert found.place == pytest.approx((10.015, 50.005)), "where it crosses itself"
    assert found.geometry is bow_tie
    assert shapely.is_valid_reason(bow_tie).startswith("Self-intersection")
