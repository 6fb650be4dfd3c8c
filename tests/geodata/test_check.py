"""A check finds everything wrong with a drawing at once; what the city accepts is marked, the rest refuses it."""

import json
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon, box

from geodata.check import (
    ACCEPTABLE,
    NOT_ACCEPTABLE,
    TOLERANCE_M2,
    Acceptance,
    Severity,
    accept,
    acceptances,
    check,
    settle,
)
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadGridsTable, BadHierarchy, UnacceptedFindings
from geodata.grids import area_m2
from geodata.read import read
from geodata.synthetic import district
from tests.geodata.drawings import CITY, a_city, a_ward, tile

ERROR, WARNING, INFO = Severity.error, Severity.warning, Severity.info
BOSTON = tomllib.loads((Path(__file__).parent / "boston.toml").read_text("utf-8"))["grids"]


def told(findings):
    return [(one.code, one.severity, one.level, one.grids) for one in findings]


def lying(findings):
    """What is found of how polygons lie, without the sums that follow from it (tests/geodata/test_parents.py)."""
    return tuple(one for one in findings if one.code != "LEVEL_AREA")


def as_drawn(hierarchy):
    """A settled hierarchy as a drawing with one file a level."""
    drawn = [
        Drawn(
            grid.code,
            grid.name,
            grid.level,
            ((grid.parent, 1),) if grid.parent else (),
            grid.geometry,
            None,
            "x",
        )
        for grid in hierarchy.grids
    ]
    return Drawing(hierarchy.levels, tuple(drawn))


def test_a_clean_drawing_has_no_findings_and_settles():
    drawing = a_city(("1", tile(0, 0)), ("2", tile(1, 0)))
    assert check(drawing) == ()
    assert settle(drawing, ()).paths == (("C", "1"), ("C", "2"))


def test_an_overlap_is_measured_and_placed():
    drawing = a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)))
    (found,) = lying(check(drawing))
    assert told([found]) == [("OVERLAP", ERROR, "ward", ("1", "2"))]
    assert found.geometry.equals(tile(1, 0))
    assert found.measure == pytest.approx(area_m2(tile(1, 0)))
    assert found.unit == "m2"
    assert tile(1, 0).contains(shapely.Point(found.place))


def test_a_grid_within_another_and_one_drawn_twice_overlap():
    inner = box(10.002, 50.002, 10.004, 50.004)
    drawing = a_city(("1", tile(0, 0)), ("2", inner), ("3", inner))
    assert told(lying(check(drawing))) == [
        ("OVERLAP", ERROR, "ward", pair) for pair in (("1", "2"), ("1", "3"), ("2", "3"))
    ]


@pytest.mark.parametrize(("width_m", "severity"), [(0.0005, INFO), (0.005, ERROR)])
def test_a_sliver_below_the_tolerance_is_information(width_m, severity):
    """Along 715 m of border, 0.5 mm stay below 1 m², 5 mm do not."""
    degrees = width_m / 111_250
    drawing = a_city(("1", tile(0, 0)), ("2", box(10, 50.01 - degrees, 10.01, 50.02)))
    (found,) = lying(check(drawing))
    assert (found.code, found.severity) == ("OVERLAP", severity)
    assert (found.measure > TOLERANCE_M2) == (severity is ERROR)
    assert lying(check(drawing, tolerance_m2=found.measure))[0].severity is INFO


def test_a_hole_is_a_warning_and_names_those_around_it():
    around = tile(0, 0, 3, 3).difference(tile(1, 1))
    halves = [around.intersection(tile(0, 0, 3, 1)), around.difference(tile(0, 0, 3, 1))]
    findings = lying(check(a_city(("1", halves[0]), ("2", halves[1]))))
    assert told(findings) == [
        ("UNCOVERED", WARNING, "city", ("C",)),
        ("GAP", WARNING, "ward", ("1", "2")),
    ]
    for found in findings:
        assert found.measure == pytest.approx(area_m2(tile(1, 1)))
        assert tile(1, 1).contains(shapely.Point(found.place))
        assert found.geometry.equals(tile(1, 1))


def test_what_reaches_out_of_its_parent_is_measured():
    drawing = a_city(("1", tile(0, 0)), ("2", tile(1, 0, 2)), city=tile(0, 0, 2))
    (found,) = lying(check(drawing))
    assert told([found]) == [("OUTSIDE_PARENT", ERROR, "ward", ("2", "C"))]
    assert found.measure == pytest.approx(area_m2(tile(2, 0)))
    assert tile(2, 0).contains(shapely.Point(found.place))


def test_everything_wrong_is_found_at_once():
    top = a_city(("1", tile(0, 0))).at(0)[0]
    bow_tie = Polygon([(10.05, 50), (10.06, 50.01), (10.06, 50), (10.05, 50.01)])
    wards = (
        a_ward("1", tile(0, 0)),
        a_ward("1", tile(1, 0)),
        a_ward("a/b", tile(2, 0)),
        a_ward("", tile(3, 0)),
        a_ward("5", tile(4, 0), ("X", 1)),
        a_ward("6", bow_tie),
        a_ward("7", None),
        a_ward("8", Polygon()),
        a_ward("9", LineString([(10, 50), (11, 51)])),
        replace(a_ward("10", tile(6, 0)), claims=()),
        a_ward("11", tile(7, 0), ("C", 2), ("D", 1)),
    )
    lonely = replace(top, code="D", geometry=tile(8, 0))
    drawing = Drawing(CITY, (replace(top, geometry=tile(0, 0, 8)), lonely, *wards))
    expected = {
        ("CHILDLESS", WARNING, "city", ("D",)),
        ("UNCOVERED", WARNING, "city", ("C",)),
        ("BAD_CODE", ERROR, "ward", ("",)),
        ("BAD_CODE", ERROR, "ward", ("a/b",)),
        ("DUPLICATE_CODE", ERROR, "ward", ("1",)),
        ("EMPTY_GEOMETRY", ERROR, "ward", ("7",)),
        ("EMPTY_GEOMETRY", ERROR, "ward", ("8",)),
        ("INVALID_GEOMETRY", ERROR, "ward", ("6",)),
        ("NOT_POLYGON", ERROR, "ward", ("9",)),
        ("ORPHAN", ERROR, "ward", ("5",)),
        ("ORPHAN", ERROR, "ward", ("10",)),
        ("PARENT_CONFLICT", ERROR, "ward", ("11",)),
    }
    findings = check(drawing)
    assert set(told(findings)) == expected
    assert len(findings) == len(expected)
    with pytest.raises(UnacceptedFindings) as caught:
        settle(drawing, findings)
    assert caught.value.findings == tuple(one for one in findings if one.severity is ERROR)
    for one in caught.value.findings:
        assert one.message in caught.value.message


def test_a_level_without_grids_is_found():
    assert told(check(Drawing(CITY, a_city(("1", tile(0, 0))).at(0))))[1:] == [
        ("EMPTY_LEVEL", ERROR, "ward", ())
    ]


def test_the_order_of_the_drawing_changes_nothing():
    drawing = a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)), ("3", tile(2, 0, 2)), ("3", tile(5, 0)))
    backwards = replace(drawing, drawn=drawing.drawn[::-1])
    assert [one.message for one in check(drawing) if one.unit == "m2"] == [
        one.message for one in check(backwards) if one.unit == "m2"
    ]
    assert told(check(drawing)) == told(check(backwards))


def test_a_finding_goes_out_as_json():
    (found,) = lying(check(a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)))))
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["severity"] == "error"
    assert plain["grids"] == ["1", "2"]
    assert tuple(plain["place"]) == found.place
    assert plain["accepted"] is None


# --- what a city accepts -----------------------------------------------------------------------------------------

OVERLAPPING = a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)), ("3", tile(2, 0, 2)))


@pytest.mark.parametrize(
    ("rule", "pairs"),
    [
        (Acceptance("OVERLAP", "known"), [("1", "2"), ("2", "3")]),
        (Acceptance("OVERLAP", "known", up_to_m2=1000), []),
        (Acceptance("OVERLAP", "known", up_to_m2=1_000_000), [("1", "2"), ("2", "3")]),
        (Acceptance("OVERLAP", "known", level="ward"), [("1", "2"), ("2", "3")]),
        (Acceptance("OVERLAP", "known", level="city"), []),
        (Acceptance("OVERLAP", "known", grids=frozenset({"1", "2", "9"})), [("1", "2")]),
        (Acceptance("OVERLAP", "known", grids=frozenset({"1"})), []),
        (Acceptance("GAP", "known"), []),
    ],
)
def test_a_rule_accepts_what_it_names_and_no_more(rule, pairs):
    marked = accept(check(OVERLAPPING), [rule])
    assert [one.grids for one in marked if one.accepted] == pairs
    assert {one.accepted for one in marked} <= {"known", None}


def test_accepted_overlaps_settle_and_others_do_not():
    findings = check(OVERLAPPING)
    hierarchy = settle(OVERLAPPING, accept(findings, [Acceptance("OVERLAP", "known")]))
    assert len(hierarchy.lowest) == 3
    with pytest.raises(UnacceptedFindings, match=r"1 error\(s\) that nobody accepted") as caught:
        settle(OVERLAPPING, accept(findings, [Acceptance("OVERLAP", "known", grids=frozenset({"1", "2"}))]))
    assert [one.grids for one in caught.value.findings] == [("2", "3")]


def test_what_leaves_no_hierarchy_is_never_accepted():
    drawing = a_city(("1", tile(0, 0)), ("1", tile(1, 0)))
    marked = accept(check(drawing), [Acceptance(code, "never mind") for code in sorted(NOT_ACCEPTABLE)])
    assert [one.accepted for one in marked] == [None]
    with pytest.raises(UnacceptedFindings):
        settle(drawing, marked)


def test_settling_an_unchecked_drawing_is_refused_too():
    drawing = a_city(("1", tile(0, 0)))
    with pytest.raises(BadHierarchy, match="'2' has no polygon"):
        settle(replace(drawing, drawn=(*drawing.drawn, a_ward("2", None))), ())


def test_every_finding_is_either_acceptable_or_not():
    assert not NOT_ACCEPTABLE & set(ACCEPTABLE)


def test_acceptances_come_from_the_citys_file():
    assert acceptances(BOSTON) == (
        Acceptance(
            "OVERLAP", "the city's published layer has them; the largest is 956 m²", 1000.0, "precinct"
        ),
    )
    assert acceptances({}) == ()


@pytest.mark.parametrize(
    ("entry", "part_of_message"),
    [
        ({"finding": "OVERLAP"}, "number 1 needs a text for `reason`"),
        ({"finding": "OVERLAP", "reason": " "}, "needs a text for `reason`"),
        ({"reason": "x"}, "needs a text for `finding`"),
        (
            {"finding": "OVERLAPS", "reason": "x"},
            "'OVERLAPS' is no finding; acceptable are CHILDLESS, CODE_DIGITS",
        ),
        ({"finding": "ORPHAN", "reason": "x"}, "'ORPHAN' cannot be accepted, only mended"),
        ({"finding": "GAP", "reason": "x", "up_to_m2": "1"}, "needs a number of 0 or more for `up_to_m2`"),
        ({"finding": "GAP", "reason": "x", "up_to_m2": float("nan")}, "needs a number"),
        ({"finding": "GAP", "reason": "x", "grids": "1"}, "needs a list of texts for `grids`"),
        ({"finding": "GAP", "reason": "x", "upto": 1}, "has 'upto', which means nothing there"),
    ],
)
def test_a_wrong_acceptance_is_refused(entry, part_of_message):
    with pytest.raises(BadGridsTable) as caught:
        acceptances({"accept": [entry]})
    assert part_of_message in caught.value.message


# --- real layers, and a large one ----------------------------------------------------------------------------


def test_bostons_66_overlaps_are_found_and_accepted_by_name(shared_data):
    """66 pairs, 44 by more than 1 m², the largest by 956 m², and holes in the union (the data's README)."""
    drawing = read(BOSTON, shared_data)
    findings = check(drawing)
    overlaps = [one for one in findings if one.code == "OVERLAP"]
    assert len(overlaps) == 66
    assert sum(one.measure > 1 for one in overlaps) == 44
    assert sum(one.severity is ERROR for one in overlaps) == 44
    assert round(max(one.measure for one in overlaps)) == 956
    gaps = [one for one in findings if one.code == "GAP"]
    assert gaps
    assert all(one.severity is not ERROR for one in gaps)
    with pytest.raises(UnacceptedFindings, match=r"44 error\(s\)"):
        settle(drawing, findings)
    marked = accept(findings, acceptances(BOSTON))
    assert sum(one.accepted is not None for one in marked) == 66
    assert len(settle(drawing, marked).lowest) == 255


@pytest.mark.slow
def test_new_yorks_one_overlap_is_float_noise(shared_data):
    section = {"file": "nyc/tract2020.geojson.gz", "levels": [{"key": "tract", "code": "boroct2020"}]}
    (found,) = [one for one in check(read(section, shared_data)) if one.code == "OVERLAP"]
    assert found.severity is INFO
    assert 0 < found.measure < 0.001


# A check is one thread: the processor's time is what it takes where nothing else runs.


@pytest.mark.slow
def test_4833_micro_grids_are_checked_in_under_ten_seconds():
    """Four levels, every one checked as if drawn by hand."""
    drawing = as_drawn(district(1, [(f"440306{number:03d}", "街道") for number in range(1, 11)]))
    start = time.process_time()
    assert check(drawing) == ()
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_4833_micro_grids_with_a_third_of_them_moved_are_checked_in_under_a_minute():
    """Two metres to the east: overlaps on one side, slits on the other, children across parents."""
    drawing = as_drawn(district(1, [(f"440306{number:03d}", "街道") for number in range(1, 11)]))
    moved = [
        replace(one, geometry=affinity.translate(one.geometry, 2e-5, 0))
        if one.level == 3 and not at % 3
        else one
        for at, one in enumerate(drawing.drawn)
    ]
    start = time.process_time()
    found = {one.code for one in check(replace(drawing, drawn=tuple(moved)))}
    assert found == {"GAP", "OUTSIDE_PARENT", "OVERLAP", "STRADDLES", "UNCOVERED"}
    assert time.process_time() - start < 60


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_100_000_micro_grids_are_checked_in_under_five_minutes():
    streets = [(f"440306{number:03d}", "街道") for number in range(1, 11)]
    drawing = as_drawn(district(1, streets, communities=2000, micro_grids=100_000, area_km2=8277))
    start = time.process_time()
    assert check(drawing) == ()
    assert time.process_time() - start < 300
