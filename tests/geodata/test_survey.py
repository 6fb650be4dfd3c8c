"""A survey of what a city's file names tells all that is wrong with it at once, as findings."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Polygon

from geodata.check import Severity, check, judge, settle
from geodata.errors import BadGridsTable, MissingColumn, SeveralFaults, UnreadableDrawing
from geodata.read import read, survey, validate
from tests.geodata.drawings import tile

SHAPES = [affinity.translate(tile(at, 0), 103.88, -27.45) for at in range(4)]
"""In Shenzhen."""


def turned(shape: Polygon) -> Polygon:
    return shapely.transform(shape, lambda points: points[:, ::-1])


def written(folder: Path, *, crs: str = "EPSG:4490", swap: bool = False, double: bool = False) -> None:
    """Wards and blocks in a file each, by their own columns."""
    codes = ["11", "12", "21", "11" if double else "22"]
    shapes = [turned(shape) for shape in SHAPES] if swap else SHAPES
    blocks = geopandas.GeoDataFrame({"block": codes, "ward": list("1122")}, geometry=shapes, crs=crs)
    blocks.to_file(folder / "blocks.gpkg")
    halves = [shapely.union_all(SHAPES[:2]), shapely.union_all(SHAPES[2:])]
    geopandas.GeoDataFrame({"code": ["1", "2"]}, geometry=halves, crs=4326).to_file(folder / "wards.gpkg")


def section(**block: object) -> dict[str, object]:
    ward = {"key": "ward", "file": "wards.gpkg", "code": "code"}
    return {
        "levels": [ward, {"key": "block", "file": "blocks.gpkg", "code": "block", "parent": "ward"} | block]
    }


def told(findings: tuple[object, ...]) -> list[tuple[str, str]]:
    return [(one.code, one.level) for one in findings]


def test_a_sound_drawing_has_no_faults(tmp_path: Path) -> None:
    written(tmp_path)
    drawing = survey(section(), tmp_path)
    assert (drawing.faults, drawing.unread, drawing.unplaced) == ((), frozenset(), frozenset())
    assert drawing == read(section(), tmp_path)
    assert check(drawing) == ()


def test_swapped_axes_and_a_double_code_are_told_together(tmp_path: Path) -> None:
    """The axes are put right for the rest of the check, and the import refused all the same."""
    written(tmp_path, swap=True, double=True)
    drawing = survey(section(), tmp_path)
    findings = check(drawing)
    assert told(findings) == [("DUPLICATE_CODE", "block"), ("SWAPPED_AXES", "block")]
    swapped = findings[1]
    assert (swapped.severity, swapped.measure, swapped.unit) == (Severity.error, 1, "count")
    with pytest.raises(UnreadableDrawing, match="longitude and latitude swapped"):
        settle(drawing, ())


def test_polygons_that_nobody_can_place_leave_the_rest_to_be_checked(tmp_path: Path) -> None:
    written(tmp_path, crs="EPSG:4326", double=True)
    findings = check(survey(section(crs="EPSG:2249"), tmp_path))
    assert told(findings) == [("DUPLICATE_CODE", "block"), ("MISLABELLED_CRS", "block")]


def test_where_a_file_lies_by_its_own_claim_is_shown(tmp_path: Path) -> None:
    written(tmp_path)
    (found,) = check(survey(section() | {"near": [117.2, 31.8]}, tmp_path))[1:]
    assert (found.code, found.level) == ("MISLABELLED_CRS", "block")
    assert found.place == pytest.approx((113.90, 22.555), abs=1e-6)
    assert found.geometry is not None
    assert found.geometry.bounds == pytest.approx((113.88, 22.55, 113.92, 22.56))


def test_missing_columns_are_all_told_and_nothing_guessed_of_the_rest(tmp_path: Path) -> None:
    written(tmp_path, double=True)
    wrong = section(code="blok", parent="wart")
    drawing = survey(wrong, tmp_path)
    assert told(check(drawing)) == [("MISSING_COLUMN", "block")] * 2
    assert drawing.unread == {1}
    with pytest.raises(SeveralFaults, match="2 things are wrong") as caught:
        read(wrong, tmp_path)
    assert [type(error) for error in caught.value.errors] == [MissingColumn, MissingColumn]
    assert "Did you mean 'block'?" in caught.value.message


def test_a_column_of_several_levels_is_told_once(tmp_path: Path) -> None:
    written(tmp_path)
    rule = {"from": "blok", "take": 1}
    levels = [{"key": "ward", "code": rule, "name": rule}, {"key": "block", "code": "blok"}]
    drawing = survey({"file": "blocks.gpkg", "levels": levels}, tmp_path)
    assert told(check(drawing)) == [("MISSING_COLUMN", "ward")]


def test_files_that_cannot_be_read_are_all_told(tmp_path: Path) -> None:
    findings = check(survey(section(), tmp_path))
    assert told(findings) == [("UNREADABLE_SOURCE", "ward"), ("UNREADABLE_SOURCE", "block")]
    assert "there is no such file" in findings[0].message


def test_one_file_whose_coordinates_fit_nothing_leaves_no_level_placed(tmp_path: Path) -> None:
    written(tmp_path, crs="EPSG:4326")
    levels = [{"key": "ward", "code": "ward"}, {"key": "block", "code": "block"}]
    drawing = survey({"file": "blocks.gpkg", "crs": "EPSG:4547", "levels": levels}, tmp_path)
    assert drawing.unplaced == {0, 1}
    assert told(check(drawing)) == [("MISLABELLED_CRS", "block")]
    assert judge(drawing, ()) == check(drawing)


def test_all_values_that_a_rule_lacks_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path)
    rule = {"from": "block", "take": 2, "values": {"11": "north"}}
    levels = [{"key": "block", "code": rule}]
    with pytest.raises(
        BadGridsTable, match="column 'block' has '12', '21', '22', which `values` does not have"
    ):
        read({"file": "blocks.gpkg", "levels": levels}, tmp_path)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"nera": [1, 2]}, "[grids] has 'nera', which means nothing there"),
        ({"nera": [1, 2]}, "Did you mean 'near'?"),
        (
            {"levels": [{"key": "a", "code": "c"}, {"key": "a", "code": "d"}]},
            "two [[grids.levels]] have the key 'a'",
        ),
        ({"levels": [{"key": "a", "cod": "c"}]}, "Did you mean 'code'?"),
        (
            {"accept": [{"finding": "GAP", "reason": "x", "level": "b"}]},
            "names the level 'b'; the levels are a",
        ),
        ({"accept": [{"finding": "GAPS", "reason": "x"}]}, "Did you mean 'GAP'?"),
    ],
)
def test_a_table_is_looked_over_without_its_files(change: dict[str, object], part: str) -> None:
    good = {"file": "nowhere.gpkg", "levels": [{"key": "a", "code": "c"}]}
    validate(good)
    with pytest.raises(BadGridsTable) as caught:
        validate(good | change)
    assert part in caught.value.message
