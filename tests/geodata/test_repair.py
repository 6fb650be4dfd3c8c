"""What a repair moves, to whom, how far, and what it leaves: small drawings, several levels, Boston."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box

from geodata.arrangement import Flat, reach, width
from geodata.check import accept, acceptances, check, settle
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadTolerance, UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.grids import Level
from geodata.ground import ground_m2
from geodata.read import read
from geodata.repair import Repair, repair
from geodata.repair_report import feature_collection, readable, summary
from geodata.validity import made_valid
from tests.geodata.drawings import CITY, WARDS, a_ward

LAT = 50.0
FLAT = Flat.near(LAT)


def at(east: float, north: float) -> tuple[float, float]:
    """A place so many metres from (10, 50)."""
    return (10 + east / FLAT.east, LAT + north / FLAT.north)


def ring(*corners: tuple[float, float]) -> Polygon:
    return Polygon([at(east, north) for east, north in corners])


def block(west: float, south: float, east: float, north: float) -> Polygon:
    return ring((west, south), (east, south), (east, north), (west, north))


def wards(*shapes: Polygon | MultiPolygon | None) -> Drawing:
    """One level of grids A, B, C ..."""
    named = zip("ABCDEFGH", shapes, strict=False)
    return Drawing(WARDS, tuple(replace(a_ward(code, shape), level=0, claims=()) for code, shape in named))


def shape(done: Repair, code: str) -> Polygon | MultiPolygon:
    found = next(one.geometry for one in done.drawing.drawn if one.code == code)
    assert isinstance(found, Polygon | MultiPolygon)
    return found


def told(done: Repair) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.kind, one.before, one.after) for one in done.moved]


def kinds(findings: tuple[Finding, ...]) -> list[str]:
    return sorted(found.code for found in findings)


def test_an_overlap_goes_to_the_one_with_the_longer_border_and_is_measured() -> None:
    """A reaches 0.6 m into B along 100 m; its own end there is longer by the two short sides."""
    drawing = wards(block(0, 0, 100.6, 100), block(100, 0, 200, 100))
    done = repair(drawing)
    (place,) = done.moved
    assert (place.kind, place.before, len(place.after)) == ("overlap", ("A", "B"), 1)
    assert place.m2 == pytest.approx(60, rel=1e-3)
    assert place.moved_m == pytest.approx(0.6, rel=1e-2)
    assert (kinds(done.before), done.after) == (["OVERLAP"], ())


def test_a_gap_goes_to_the_longest_border() -> None:
    """Between A above and B, C below: A borders on all of it."""
    done = repair(
        wards(
            block(0, 0.5, 100, 50),
            block(0, -50, 60, 0),
            block(60, -50, 100, 0),
            block(-9, -50, 0, 50),
            block(100, -50, 109, 50),
        )
    )
    assert told(done) == [("gap", (), ("A",))]
    assert shape(done, "A").covers(Point(at(50, 0.25)))
    assert done.after == ()


def test_of_equals_the_larger_gets_it_then_the_smaller_code() -> None:
    larger_last = repair(
        wards(block(0, 0, 50, 100), block(50.4, 0, 200, 100), block(0, -10, 200, 0), block(0, 100, 200, 110))
    )
    assert told(larger_last) == [("gap", (), ("B",))]
    alike = repair(
        wards(
            block(0, 0, 50, 100), block(50.4, 0, 100.4, 100), block(0, -10, 200, 0), block(0, 100, 200, 110)
        )
    )
    assert told(alike) == [("gap", (), ("A",))]


def test_what_is_wider_than_the_tolerance_stays_and_is_told() -> None:
    drawing = wards(block(0, 0, 101.5, 100), block(100, 0, 200, 100))
    done = repair(drawing, 1.0)
    assert done.drawing is drawing
    assert not done.moved
    (place,) = done.stays
    assert (place.kind, place.before, place.after) == ("overlap", ("A", "B"), ("A", "B"))
    assert place.moved_m == pytest.approx(1.5, rel=0.1)
    assert place.why == "it is 1.5 m wide"
    assert done.after == done.before
    assert repair(drawing, 2.0).after == ()


def test_a_long_needle_is_left_to_the_one_it_belongs_to() -> None:
    """B pokes 80 m into A, 0.4 m wide: taken from B its end would move 80 m, taken from A nothing moves 1 m."""
    needle = ring((100, 40), (100, 0), (200, 0), (200, 100), (100, 100), (100, 40.4), (20, 40.2))
    done = repair(wards(block(0, 0, 100, 100), needle))
    assert told(done) == [("overlap", ("A", "B"), ("B",))]
    assert done.moved[0].moved_m < 0.21


def test_a_sliver_that_no_one_can_have_whole_is_cut_where_its_neighbours_change() -> None:
    """A gap of 100 m between A, B above and C, D below, whose borders meet it at other places."""
    above = [block(0, 0.5, 40, 50), block(40, 0.5, 100, 50)]
    below = [block(0, -50, 60, 0), block(60, -50, 100, 0)]
    done = repair(wards(*above, *below, block(-9, -50, 0, 50), block(100, -50, 109, 50)))
    assert {kind for kind, _, _ in told(done)} == {"gap"}
    assert len(done.moved) >= 2
    assert sum(place.m2 for place in done.moved) == pytest.approx(50, rel=1e-3)
    assert max(place.moved_m for place in done.moved) <= 0.51
    assert done.after == ()


def test_a_slit_open_to_the_outside_is_closed() -> None:
    done = repair(wards(block(0, 0, 100, 100), block(100.3, 0, 200, 100)))
    assert kinds(done.before) == ["GAP"]
    assert [kind for kind, _, _ in told(done)] == ["gap"]
    assert done.after == ()
    assert ground_m2(shapely.union_all([shape(done, "A"), shape(done, "B")])) == pytest.approx(
        20_000, rel=1e-3
    )


def test_a_lake_is_no_sliver() -> None:
    lake = Polygon(block(0, 0, 100, 100).exterior, [block(40, 40, 60, 60).exterior])
    done = repair(wards(lake, block(100, 0, 200, 100.0)))
    assert not done.moved
    assert [(place.kind, place.why) for place in done.stays] == [("gap", "it is 20 m wide")]


def test_a_stray_part_goes_to_those_around_it() -> None:
    """A has 0.36 m² on the border between B and C, most of it on C's side."""
    stray = block(150, 49.9, 150.6, 50.5)
    hole = Polygon(block(100, 0, 200, 50).exterior).difference(stray)
    done = repair(
        wards(MultiPolygon([block(0, 0, 100, 100), stray]), hole, block(100, 50, 200, 100).difference(stray))
    )
    assert told(done) == [("stray part", ("A",), ("C",))]
    assert kinds(done.before) == ["SLIVER"]
    assert done.after == ()


def test_a_polygon_that_touches_itself_is_made_valid_and_loses_nothing() -> None:
    pocket = ring((0, 0), (100, 0), (100, 100), (50, 100), (70, 70), (30, 70), (50, 100), (0, 100))
    done = repair(wards(pocket))
    assert "INVALID_GEOMETRY" in kinds(done.before)
    assert "INVALID_GEOMETRY" not in kinds(done.after)
    assert [(place.kind, place.moved_m) for place in done.moved] == [("not valid", 0.0)]
    assert ground_m2(shape(done, "A")) == pytest.approx(10_000 - 600, rel=1e-3)


def test_a_figure_of_eight_keeps_both_halves() -> None:
    done = repair(wards(ring((0, 0), (100, 100), (100, 0), (0, 100))))
    assert ground_m2(shape(done, "A")) == pytest.approx(5000, rel=1e-3)
    assert settle(done.drawing, done.after).at(0)[0].area_m2 == pytest.approx(5000, rel=1e-3)


def test_a_polygon_of_which_nobody_knows_what_was_meant_stays() -> None:
    """Its border runs twice around 40 by 40 m: inside or outside?"""
    twice = ring((0, 0), (100, 0), (100, 60), (30, 60), (30, 20), (70, 20), (70, 100), (0, 100))
    done = repair(wards(twice))
    assert not done.moved
    (place,) = done.stays
    assert place.kind == "not valid"
    assert place.why is not None
    assert place.why.startswith("in doubt are ")
    assert kinds(done.after) == ["INVALID_GEOMETRY"]


def test_a_line_drawn_as_a_polygon_has_nothing_to_be_kept() -> None:
    done = repair(wards(block(0, 0, 10, 10), ring((20, 0), (30, 0), (20, 0))))
    assert [place.why for place in done.stays] == ["nothing is left of it"]


def test_grids_without_a_polygon_are_passed_on() -> None:
    drawing = wards(block(0, 0, 100.5, 100), None, block(100, 0, 200, 100))
    done = repair(drawing)
    assert len(done.moved) == 1
    assert done.drawing.drawn[1] is drawing.drawn[1]
    assert kinds(done.after) == ["EMPTY_GEOMETRY"]


def test_one_grid_in_another_is_left_to_somebody_who_knows() -> None:
    done = repair(wards(block(0, 0, 100, 100), block(40, 40, 40.5, 40.5)))
    assert not done.moved
    assert [place.kind for place in done.stays] == ["overlap"]


def a_family(*children: tuple[str, str, Polygon], parents: dict[str, Polygon]) -> Drawing:
    """A level of parents and one of children, each drawn by itself."""
    above = [Drawn(code, code, 0, (), polygon, None, "above") for code, polygon in parents.items()]
    below = [
        Drawn(code, code, 1, ((parent, 1),), polygon, None, "below") for code, parent, polygon in children
    ]
    return Drawing((Level("street", "街道", "street"), Level("ward", "区", "ward")), (*above, *below))


def test_parents_follow_their_children_and_share_their_borders_again() -> None:
    """The parents' border runs 0.6 m beside the children's, which overlap by 0.3 m."""
    drawing = a_family(
        ("P1", "P", block(0, 0, 50.3, 100)),
        ("P2", "P", block(50, 0, 100, 100)),
        ("Q1", "Q", block(100, 0, 200, 100)),
        parents={"P": block(0, 0, 100.6, 100), "Q": block(100.6, 0, 200, 100.4)},
    )
    done = repair(drawing)
    assert {"OUTSIDE_PARENT", "UNCOVERED", "OVERLAP"} <= set(kinds(done.before))
    assert done.after == ()
    assert shape(done, "P").equals(shapely.union_all([shape(done, "P1"), shape(done, "P2")]))
    assert shape(done, "Q").equals(shape(done, "Q1"))
    assert ("parent", ("P",), ("Q",)) in told(done)
    assert ("gap", (), ("Q1",)) in told(done)
    assert max(change.moved_m for change in done.changes) <= 0.61


def test_where_a_parent_is_far_from_its_children_it_stays() -> None:
    drawing = a_family(
        ("P1", "P", block(0, 0, 100, 100)),
        ("Q1", "Q", block(100, 0, 200, 100)),
        parents={"P": block(0, 0, 110, 100), "Q": block(110, 0, 200, 100)},
    )
    done = repair(drawing)
    assert done.drawing is drawing
    assert [(place.kind, place.before) for place in done.stays] == [("parent", ("P",))]


def test_a_child_without_a_parent_there_is_takes_nothing_from_one() -> None:
    drawing = a_family(
        ("P1", "P", block(0, 0, 100, 100)),
        ("Z1", "Z", block(100, 0, 200, 100)),
        parents={"P": block(0, 0, 200, 100)},
    )
    assert repair(drawing).drawing is drawing


def test_levels_made_by_merging_are_merged_again_and_told_what_they_won() -> None:
    children = (a_ward("C1", block(0, 0, 100.5, 100)), a_ward("D1", block(100, 0, 200, 100), ("D", 1)))
    tops = (
        Drawn("C", "C", 0, (), block(0, 0, 100.5, 100), None, "merged"),
        Drawn("D", "D", 0, (), block(100, 0, 200, 100), None, "merged"),
    )
    done = repair(Drawing(CITY, (*tops, *children), dissolved=frozenset({0})))
    assert shape(done, "C").equals(shape(done, "C1"))
    assert shape(done, "D").equals(shape(done, "D1"))
    lost = [change.m2_lost for change in done.changes if change.m2_lost]
    assert lost == [pytest.approx(50, rel=1e-2)] * 2


@pytest.mark.parametrize("tolerance", [0.0, -1.0, 25.1, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(BadTolerance, match="above 0 and up to 25 m"):
        repair(wards(block(0, 0, 1, 1)), tolerance)


def test_a_drawing_that_was_not_read_whole_is_refused() -> None:
    fault = Finding("MISLABELLED_CRS", Severity.error, "ward", (), 1.0, "count", None, "nobody knows where")
    with pytest.raises(UnacceptedFindings, match="nobody knows where"):
        repair(replace(wards(block(0, 0, 1, 1)), faults=(fault,)))


def test_the_report_says_the_same_to_programs_to_people_and_on_a_map() -> None:
    done = repair(wards(block(0, 0, 100.6, 100), block(100, 0, 200, 102), block(0, 100, 103, 200)))
    plain = json.loads(json.dumps(summary(done)))
    assert [len(plain[key]) for key in ("moved", "stays", "changes")] == [
        len(done.moved),
        len(done.stays),
        len(done.changes),
    ]
    assert plain["tolerance_m"] == 1.0
    assert plain["findings"]["before"][0]["code"] == "OVERLAP"
    features = json.loads(feature_collection(done))["features"]
    assert len(features) == len(done.moved) + len(done.stays)
    assert {feature["properties"]["moved"] for feature in features} == {True, False}
    text = readable(done)
    assert "1 place changed hands under a tolerance of 1 m, 60 m² together" in text
    assert "no border moved by more than 0.6 m" in text
    assert "1 left as drawn:\n  overlap of B, C of level ward, 6 m²" in text
    assert readable(repair(done.drawing)).startswith(
        "nothing to repair under a tolerance of 1 m\n1 left as drawn"
    )


def test_how_far_and_how_wide() -> None:
    strip, side = box(0, 0, 100, 2), shapely.LineString([(0, 0), (100, 0)])
    assert reach(strip, side, 3.0) == pytest.approx(2.0)
    assert reach(strip, side, 1.9) == float("inf")
    assert reach(strip, shapely.LineString(), 3.0) == float("inf")
    assert reach(strip, strip.exterior, 3.0) == pytest.approx(1.0, rel=0.06)
    assert width(strip) == pytest.approx(2.0, rel=0.06)


def test_metres_are_metres() -> None:
    """A degree at latitude 50: 71.70 km east, 111.23 km north (WGS 84)."""
    assert (FLAT.east, FLAT.north) == (pytest.approx(71_696, abs=3), pytest.approx(111_229, abs=3))


def test_a_polygon_of_no_numbers_is_no_polygon() -> None:
    with np.errstate(invalid="ignore"):
        nowhere = shapely.from_wkt("POLYGON ((0 0, 1 nan, 1 1, 0 0))")
    assert made_valid(nowhere)[0] is None


BOSTON = Path(__file__).with_name("boston.toml")


@pytest.fixture(scope="module")
def boston(shared_data: Path) -> Drawing:
    return read(tomllib.loads(BOSTON.read_text(encoding="utf-8"))["grids"], shared_data)


@pytest.mark.slow
def test_bostons_slivers_are_closed_and_its_wide_faults_left(boston: Drawing) -> None:
    """66 overlaps, the largest 956 m² but 0.79 m wide; eight are wider than a metre."""
    done = repair(boston, 1.0)
    before, after = ([found for found in one if found.code == "OVERLAP"] for one in (done.before, done.after))
    assert (len(before), sum(found.severity is Severity.error for found in before)) == (66, 44)
    assert max(found.measure for found in before) == pytest.approx(956, abs=1)
    wide = [place for place in done.stays if place.kind == "overlap"]
    assert len(after) == len(wide) == 8
    assert all(place.moved_m > 1 for place in wide)
    assert {found.grids for found in after} == {place.before for place in wide}
    assert sum(found.code == "GAP" for found in done.after) == 4
    assert max(place.moved_m for place in done.moved) <= 1.0
    assert repair(done.drawing, 1.0).drawing is done.drawing


@pytest.mark.slow
def test_everything_closed_boston_is_what_geos_makes_of_it_but_for_what_is_narrow(boston: Drawing) -> None:
    """GEOS' coverage cleaner, told to close all, gives each precinct the same ground up to the slivers' width."""
    done = repair(boston, 5.0)
    assert kinds(done.after) == ["SLIVER"]
    given = np.array([one.geometry for one in boston.at(1)], dtype=object)
    theirs = shapely.coverage_clean(given, gap_width=5 / 111_000)
    ours = np.array([one.geometry for one in done.drawing.at(1)], dtype=object)
    apart = shapely.symmetric_difference(ours, theirs)
    there = sum(ground_m2(one) for one in apart.tolist())
    assert there < 2 * sum(place.m2 for place in done.moved)
    flat = Flat.near(42.3)
    assert max(width(flat.metres(one)) for one in apart.tolist() if one.area) < 5.0


@pytest.mark.slow
def test_geos_alone_would_merge_what_is_wider_than_the_tolerance(boston: Drawing) -> None:
    """Why the repair does not leave it to shapely.coverage_clean: 2.54 m wide, and gone."""
    given = np.array([one.geometry for one in boston.at(1)], dtype=object)
    cleaned = shapely.coverage_clean(given, gap_width=1 / 111_000)
    codes = [one.code for one in boston.at(1)]
    first, second = (codes.index(code) for code in ("1902", "1907"))
    assert ground_m2(given[first].intersection(given[second])) > 89
    assert ground_m2(cleaned[first].intersection(cleaned[second])) < 0.01


@pytest.mark.slow
def test_bostons_file_with_a_wrong_label_settles_once_it_is_repaired(shared_data: Path) -> None:
    """Read as what it is, two precincts touch themselves and the overlaps are there: no import takes it."""
    section = {
        "file": "boston/precinct_raw_mislabelled_crs.geojson.gz",
        "crs": "EPSG:2249",
        "levels": [
            {"key": "ward", "code": {"from": "WARD_PRECINCT", "take": 2}},
            {"key": "precinct", "code": "WARD_PRECINCT"},
        ],
        "accept": [{"finding": "OVERLAP", "up_to_m2": 400, "reason": "wider than a metre: being asked"}],
    }
    rules = acceptances(section)
    drawing = read(section, shared_data)
    with pytest.raises(UnacceptedFindings, match="INVALID_GEOMETRY"):
        settle(drawing, accept(check(drawing), rules))
    done = repair(drawing, 1.0)
    assert {place.before for place in done.moved if place.kind == "not valid"} == {("0511",), ("1713",)}
    hierarchy = settle(done.drawing, accept(done.after, rules))
    assert [len(hierarchy.at(level)) for level in (0, 1)] == [22, 255]
