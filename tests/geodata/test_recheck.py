"""A hierarchy that was settled elsewhere is checked again; what was accepted there is accepted, no more."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import shapely

from geodata.check import accept, acceptances, check, settle
from geodata.errors import UnacceptedFindings
from geodata.grids import Grid, Hierarchy, Level, area_m2
from geodata.read import read
from geodata.recheck import recheck

CITIES = Path(__file__).parent.parent / "cities"
LEVELS = Level("ward", "区", "ward"), Level("block", "块", "block")


def hierarchy(ward: shapely.Polygon, *blocks: shapely.Polygon) -> Hierarchy:
    """One ward as drawn, and the blocks said to lie in it."""
    drawn = [Grid("W", "W", 0, None, ward, area_m2(ward))]
    drawn += [Grid(f"B{n}", f"B{n}", 1, "W", block, area_m2(block)) for n, block in enumerate(blocks)]
    return Hierarchy.build(LEVELS, drawn)


WEST, EAST = shapely.box(114.00, 22.5, 114.01, 22.51), shapely.box(114.01, 22.5, 114.02, 22.51)
WIDE, WHOLE = shapely.box(114.00, 22.5, 114.015, 22.51), shapely.box(114.00, 22.5, 114.02, 22.51)


def test_what_fits_has_no_findings() -> None:
    assert recheck(hierarchy(WHOLE, WEST, EAST), []) == ()


def test_an_overlap_that_nobody_accepted_is_refused_by_name() -> None:
    with pytest.raises(UnacceptedFindings, match="B0 and B1 of level block") as refused:
        recheck(hierarchy(WHOLE, WIDE, EAST), [])
    assert [found.code for found in refused.value.findings] == ["OVERLAP"]


def test_a_ward_that_its_block_leaves_is_no_union_and_refused() -> None:
    with pytest.raises(UnacceptedFindings, match="B1 of level block reaches") as refused:
        recheck(hierarchy(WEST, WEST, EAST), [])
    assert [found.code for found in refused.value.findings] == ["OUTSIDE_PARENT"]


def test_what_was_accepted_is_accepted_with_its_reason_and_no_larger() -> None:
    with pytest.raises(UnacceptedFindings) as refused:
        recheck(hierarchy(WHOLE, WIDE, EAST), [])
    told = refused.value.findings[0].to_dict() | {"accepted": "known since 1997"}
    assert [f.accepted for f in recheck(hierarchy(WHOLE, WIDE, EAST), [told])] == ["known since 1997"]
    wider = shapely.box(114.00, 22.5, 114.016, 22.51)
    for other in (told | {"accepted": None}, told | {"accepted": " "}, told | {"grids": ["B0", "B9"]}):
        with pytest.raises(UnacceptedFindings):
            recheck(hierarchy(WHOLE, WIDE, EAST), [other])
    with pytest.raises(UnacceptedFindings):
        recheck(hierarchy(WHOLE, wider, EAST), [told])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("city", "folder", "errors"),
    [("new_york", "nyc", 0), ("boston", "boston", 44)],
    ids=["New York", "Boston"],
)
def test_a_citys_drawing_has_the_same_findings_again(
    shared_data: Path, city: str, folder: str, errors: int
) -> None:
    """Dissolved levels are known by being unions; Boston's wards, unions of overlapping precincts, too."""
    table = tomllib.loads((CITIES / f"{city}.toml").read_text())["grids"]
    drawing = read(table, shared_data / folder)
    found = accept(check(drawing), acceptances(table))
    settled = settle(drawing, found)
    sent = Hierarchy.from_rows(settled.levels, settled.to_rows())
    assert {(f.code, f.grids) for f in recheck(sent, [f.to_dict() for f in found])} == {
        (f.code, f.grids) for f in found
    }
    if errors:
        with pytest.raises(UnacceptedFindings) as refused:
            recheck(sent, [])
        assert len(refused.value.findings) == errors


def test_a_block_across_two_wards_is_refused_unless_it_was_accepted() -> None:
    """And sums that do not add up are told, which refuses nothing."""
    levels = LEVELS
    drawn = [Grid(code, code, 0, None, ward, area_m2(ward)) for code, ward in (("E", EAST), ("W", WEST))]
    drawn += [Grid("B", "B", 1, "W", WIDE, area_m2(WIDE)), Grid("C", "C", 1, "E", EAST, area_m2(EAST))]
    across = Hierarchy.build(levels, drawn)
    with pytest.raises(
        UnacceptedFindings, match=r"B of level block lies 66\.7% in its parent W, but 33\.3% in E"
    ):
        recheck(across, [])
    told = [
        {"code": code, "level": "block", "grids": grids, "measure": 6e5, "accepted": "the river moved"}
        for code, grids in (("STRADDLES", ["B", "E", "W"]), ("OVERLAP", ["B", "C"]))
    ]
    assert [(f.code, f.grids, f.accepted) for f in recheck(across, told)] == [
        ("LEVEL_AREA", ("W",), None),
        ("OVERLAP", ("B", "C"), "the river moved"),
        ("STRADDLES", ("B", "W", "E"), "the river moved"),
    ]
