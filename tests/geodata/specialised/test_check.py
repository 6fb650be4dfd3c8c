"""What a check finds in the layer of a field, and what is settled or refused."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from shapely.geometry import MultiPolygon, Polygon

from geodata.check import Acceptance, accept
from geodata.errors import BadFieldLayer, UnacceptedFindings
from geodata.findings import Finding
from geodata.specialised.check import Checked, check, lost, recheck, settle
from geodata.specialised.drawing import LayerDrawing
from geodata.specialised.layers import Form
from geodata.specialised.sets import Loss, Points
from tests.geodata.specialised import town

TOWN = town.edition()
EVERYTHING = [
    ("A1", "1"),
    ("A2", "1"),
    ("B1", "1"),
    ("B2", "1"),
    *((f"{c}{r}", "2") for c in "CD" for r in "12"),
]
BOWTIE = Polygon([(10, 50), (10.01, 50.01), (10.01, 50), (10, 50.01)])


def found(findings: Iterable[Finding]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(one.code, str(one.severity), one.grids) for one in findings]


def test_sets_that_hold_every_micro_grid_once_have_no_findings() -> None:
    checked = check(town.table(*EVERYTHING), TOWN)
    assert checked.findings == ()
    layer = settle(checked, checked.findings)
    assert [one.micro_grids for one in layer.grids] == [("A1", "A2", "B1", "B2"), ("C1", "C2", "D1", "D2")]


def test_holes_double_cover_and_unknown_codes_are_all_found() -> None:
    rows = [row for row in EVERYTHING if row[0] != "D2"]
    checked = check(town.table(*rows, ("B1", "2"), ("Z9", "2"), ("D2", "")), TOWN)
    assert found(checked.findings) == [
        ("DOUBLE_COVER", "error", ("B1", "1", "2")),
        ("HOLE", "warning", ("D2",)),
        ("UNKNOWN_MICRO_GRID", "error", ("2", "Z9")),
    ]
    double, hole, _ = checked.findings
    assert "1 counts" in double.message
    assert (hole.unit, round(hole.measure, -4)) == ("m2", 800_000.0)
    assert hole.place == pytest.approx((10.035, 50.015), abs=0.005)
    with pytest.raises(UnacceptedFindings, match="Z9"):
        settle(checked, checked.findings)


def test_what_is_accepted_by_name_is_settled() -> None:
    checked = check(town.table(*EVERYTHING, ("B1", "2")), TOWN)
    marked = accept(
        checked.findings, [Acceptance("DOUBLE_COVER", "two stations", grids=frozenset({"B1", "1", "2"}))]
    )
    layer = settle(checked, marked)
    held = layer.of_micro_grid("B1")
    assert held is not None
    assert held.code == "1"


@pytest.mark.parametrize(
    ("drawing", "code"),
    [
        (town.table(), "EMPTY_LEVEL"),
        (town.table(("A1", "")), "EMPTY_LEVEL"),
        (town.table(("A1", "a/b")), "BAD_CODE"),
        (town.table(("A1", "1", "North", "x"), ("A2", "1", "South", "x")), "TWO_NAMES"),
        (town.table(("A1", "1", "North", "x"), ("A2", "1", "North", "y")), "TWO_NAMES"),
        (town.drawing(Form.sets), "EMPTY_LEVEL"),
        (town.drawing(Form.sets, ("1", None)), "EMPTY_GEOMETRY"),
        (town.drawing(Form.sets, ("1", BOWTIE)), "INVALID_GEOMETRY"),
        (town.drawing(Form.sets, ("1", town.tile(0, 0)), ("1", town.tile(1, 0))), "DUPLICATE_CODE"),
        (town.drawing(Form.polygons, ("", town.tile(0, 0))), "BAD_CODE"),
    ],
)
def test_without_these_mended_there_is_no_layer(drawing: LayerDrawing, code: str) -> None:
    checked = check(drawing, TOWN)
    assert checked.layer is None
    assert (code, "error") in [(one.code, str(one.severity)) for one in checked.findings]
    with pytest.raises(UnacceptedFindings):
        settle(
            checked,
            accept(checked.findings, [Acceptance(code, "whatever")])
            if code == "BAD_CODE"
            else checked.findings,
        )


def test_a_layer_of_nothing_is_never_settled() -> None:
    with pytest.raises(BadFieldLayer):
        settle(Checked(None, ()), ())


def test_names_and_teams_come_from_the_rows_that_have_them() -> None:
    rows = [
        ("A1", "1", None, None),
        ("A2", "1", "North", "Squad A"),
        *((r[0], "2", None, None) for r in EVERYTHING[2:]),
    ]
    checked = check(town.table(*rows), TOWN)
    layer = settle(checked, checked.findings)
    assert [(one.name, one.team) for one in layer.grids] == [("North", "Squad A"), ("2", None)]


WEST, EAST = town.tile(0, 0, 1.3, 2), town.tile(1.3, 0, 2.7, 2)


def test_sets_out_of_polygons_say_what_they_lose() -> None:
    past = Points([10.005, 10.012], [50.005, 50.005])
    checked = check(town.drawing(Form.sets, ("w", WEST), ("e", EAST)), TOWN, past)
    assert found(checked.findings) == [("AREA_LOST", "warning", ()), ("INCIDENTS_LOST", "warning", ())]
    assert [one.message for one in checked.findings] == [
        'as sets 7.50% of the area would fall to another team; consider as = "polygons"',
        'as sets 50.00% of past incidents (1 of 2) would fall to another team; consider as = "polygons"',
    ]
    assert checked.layer is not None
    assert checked.layer.form is Form.sets


def test_polygons_keep_their_borders_and_say_what_sets_would_lose() -> None:
    checked = check(town.drawing(Form.polygons, ("w", WEST), ("e", EAST)), TOWN)
    assert checked.findings == ()
    assert checked.loss is not None
    assert checked.loss.area_share == pytest.approx(0.075, abs=1e-3)
    assert checked.layer is not None
    assert checked.layer.form is Form.polygons


def test_a_loss_that_hardly_matters_is_only_told() -> None:
    assert [(str(one.severity), one.message) for one in lost("police", Loss(1.0, 1000.0))] == [
        ("info", "as sets 0.10% of the area would fall to another team")
    ]


def test_polygons_that_overlap_are_errors_unless_they_become_sets() -> None:
    drawn = ("w", town.tile(0, 0, 2, 2)), ("e", town.tile(1.9, 0, 2.1, 2))
    own = check(town.drawing(Form.polygons, *drawn), TOWN)
    assert found(own.findings) == [("OVERLAP", "error", ("e", "w"))]
    with pytest.raises(UnacceptedFindings, match="both cover"):
        settle(own, own.findings)
    assert ("OVERLAP", "warning", ("e", "w")) in found(check(town.drawing(Form.sets, *drawn), TOWN).findings)


def test_polygons_that_leave_the_district_or_leave_it_bare_are_named() -> None:
    """A park among them is a hole of the district, not a gap by itself."""
    around = MultiPolygon([town.tile(-1, 0, 2, 2), town.tile(2, 0, 2, 2)])
    checked = check(town.drawing(Form.polygons, ("1", around)), TOWN)
    assert found(checked.findings) == [
        ("OUTSIDE_DISTRICT", "info", ("1",)),
        ("UNCOVERED", "warning", ("city",)),
    ]
    bare = checked.findings[1]
    assert bare.place is not None
    assert 10.01 <= bare.place[0] <= 10.02
    assert settle(checked, checked.findings).grids[0].code == "1"


def test_a_grid_too_small_for_any_micro_grid_is_named() -> None:
    drawn = ("big", town.tile(0, 0, 4, 2)), ("small", town.tile(0, 0, 0.3, 0.3))
    codes = [
        one.grids
        for one in check(town.drawing(Form.sets, *drawn), TOWN).findings
        if one.code == "NO_MICRO_GRID"
    ]
    assert codes == [("small",)]


class TestRecheck:
    """A layer that was settled elsewhere is checked again."""

    def test_the_same_is_found_again_and_the_loss_is_believed(self) -> None:
        checked = check(town.drawing(Form.sets, ("w", WEST), ("e", EAST)), TOWN)
        layer = settle(checked, checked.findings)
        told = [one.to_dict() for one in checked.findings]
        assert found(recheck(layer, TOWN.hierarchy, told)) == found(checked.findings)

    def test_what_nobody_accepted_is_refused(self) -> None:
        checked = check(town.table(*EVERYTHING, ("B1", "2")), TOWN)
        assert checked.layer is not None
        with pytest.raises(UnacceptedFindings, match="B1"):
            recheck(checked.layer, TOWN.hierarchy, [])
        told = [one.to_dict() | {"accepted": "two stations"} for one in checked.findings]
        assert [one.accepted for one in recheck(checked.layer, TOWN.hierarchy, told)] == ["two stations"]
        for other in ({"accepted": " "}, {"grids": ["C1"]}, {"measure": 1.0}, {"code": "TWO_NAMES"}):
            with pytest.raises(UnacceptedFindings):
                recheck(checked.layer, TOWN.hierarchy, [one | other for one in told])

    def test_polygons_that_overlap(self) -> None:
        layer = town.polygons({"w": town.tile(0, 0, 2, 2), "e": town.tile(1.9, 0, 2.1, 2)})
        with pytest.raises(UnacceptedFindings, match="both cover"):
            recheck(layer, TOWN.hierarchy, [])

    def test_a_loss_that_is_none_is_left_out(self) -> None:
        layer = town.sets({"1": "A1 A2 B1 B2 C1 C2 D1 D2"})
        told = [
            {"code": "AREA_LOST", "severity": "error", "measure": 1.0},
            {"code": "AREA_LOST", "severity": "huge", "measure": 1.0},
            {"code": "AREA_LOST", "severity": "info", "measure": "all"},
        ]
        assert recheck(layer, TOWN.hierarchy, told) == ()
