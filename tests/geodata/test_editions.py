"""Two editions compared: names, parents, units and levels; for other programs; and a real city."""

import csv
import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from geodata.check import check, settle
from geodata.editions import Kind, compare, reused_codes
from geodata.errors import UnknownGrid
from geodata.grids import Hierarchy, Level
from geodata.locate import Locator
from geodata.read import read
from tests.geodata.drawings import a_grid, one_level, tile
from tests.geodata.letters import drawings, drawn, told

STREETS = (Level("city", "市", "city"), Level("ward", "区", "ward"), Level("block", "街区", "block"))


def city(wards, blocks, **changed):
    """City C; wards as {code: shape} and blocks as {code: (ward, shape)}; `changed`: code -> what is other."""
    everything = shapely.union_all([one for _, one in blocks.values()])
    grids = [a_grid("C", everything)]
    grids += [a_grid(code, one, 1, "C") for code, one in wards.items()]
    grids += [a_grid(code, one, 2, ward) for code, (ward, one) in blocks.items()]
    return Hierarchy.build(STREETS, [replace(grid, **changed.get(grid.code, {})) for grid in grids])


WARD_SHAPES = {"P": tile(0, 0, 2), "Q": tile(2, 0, 2)}
BLOCKS = {"1": ("P", tile(0, 0)), "2": ("P", tile(1, 0)), "3": ("Q", tile(2, 0)), "4": ("Q", tile(3, 0))}


def test_a_grid_that_goes_on_may_be_renamed_and_given_to_another_unit():
    new = city(WARD_SHAPES, BLOCKS, P={"name": "Mitte"}, **{"3": {"responsible_unit": "u7"}})
    comparison = compare(city(WARD_SHAPES, BLOCKS), new)
    assert told(comparison) == {("renamed", "P", "P"), ("unit_changed", "3", "3")}
    renamed, unit = comparison.changes
    assert (renamed.level, unit.level) == ("ward", "block")
    assert renamed.zh == "区 P 由“P”改名为“Mitte”"
    assert renamed.en == "ward P was called 'P', is called 'Mitte'"
    assert unit.zh == "街区 3 责任单位由 无 改为 u7"
    assert unit.en == "block 3 was answered for by none, is by u7"
    assert comparison.kept["ward"] == ("P", "Q")


def test_a_slit_without_ground_has_a_place_all_the_same():
    """Cutting polygons and merging them again leaves slits as wide as the last digit of their coordinates."""
    begin = [(113.94142654, 22.73124711), (113.94116195, 22.731239863)]
    slit = [(113.94111801549587, 22.7312191318477), (113.94112727208126, 22.73114340254062)]
    slit.append((113.94111801549587, 22.731219131847695))
    end = [(113.940871405, 22.731102765), (113.940632588, 22.731224457), (113.941, 22.72)]
    old, new = (shapely.Polygon([*begin, *between, *end]) for between in ([], slit))
    assert shapely.symmetric_difference(old, new).is_empty
    (change,) = compare(one_level([old]), one_level([new])).changes
    assert change.kind is Kind.redrawn
    assert change.place is not None


def test_a_grid_under_another_parent():
    blocks = {str(at + 1): ("PQ"[at // 3], tile(at, 0)) for at in range(6)}
    old = city({"P": tile(0, 0, 3), "Q": tile(3, 0, 3)}, blocks)
    new = city({"P": tile(0, 0, 2), "Q": tile(2, 0, 4)}, blocks | {"3": ("Q", tile(2, 0))})
    comparison = compare(old, new)
    assert told(comparison) == {("redrawn", "P", "P"), ("redrawn", "Q", "Q"), ("reparented", "3", "3")}
    assert comparison.changes[-1].zh == "街区 3 由 P 改属 Q"
    assert comparison.changes[-1].en == "block 3 lay in P, lies in Q"
    assert comparison.successors(("C", "P", "3"))[0].path == ("C", "Q", "3")


def test_a_parent_with_a_new_code_is_no_other_parent():
    """Nor is a name that was only the code a new name."""
    new = city(
        {"R": tile(0, 0, 2), "Q": tile(2, 0, 2)}, BLOCKS | {"1": ("R", tile(0, 0)), "2": ("R", tile(1, 0))}
    )
    comparison = compare(city(WARD_SHAPES, BLOCKS), new)
    assert told(comparison) == {("recoded", "P", "R")}
    (follower,) = comparison.successors(("C", "P", "2"))
    assert (follower.path, follower.of_old, follower.of_new) == (("C", "R", "2"), 1, 1)


def test_children_of_a_split_parent_lie_under_its_parts():
    wards = {"P": tile(0, 0), "R": tile(1, 0), "Q": tile(2, 0, 2)}
    comparison = compare(city(WARD_SHAPES, BLOCKS), city(wards, BLOCKS | {"2": ("R", tile(1, 0))}))
    assert told(comparison) == {("split", "P", "PR"), ("reparented", "2", "2")}


def without_wards(hierarchy):
    grids = [replace(grid, level=1, parent="C") for grid in hierarchy.at("block")]
    return Hierarchy.build([STREETS[0], STREETS[2]], [*hierarchy.at("city"), *grids])


def test_a_level_that_is_gone_is_reported_and_its_grids_are_followed_by_those_below():
    whole = city(WARD_SHAPES, BLOCKS)
    comparison = compare(whole, without_wards(whole))
    assert told(comparison) == {("level_removed", "", "")}
    assert comparison.changes[0].level == "ward"
    assert comparison.changes[0].zh == "取消层级“区”，原有 2 个网格"
    followers = comparison.successors(("C", "P"))
    assert [(one.path, round(one.of_old, 6)) for one in followers] == [(("C", "1"), 0.5), (("C", "2"), 0.5)]
    assert comparison.to_geojson()


def test_a_level_that_is_new_is_reported():
    whole = city(WARD_SHAPES, BLOCKS)
    comparison = compare(without_wards(whole), whole)
    assert told(comparison) == {("level_added", "", "")}
    assert comparison.changes[0].en == "the level 'ward' is new, with 2 grids"
    assert [one.path for one in comparison.successors(("C", "1"))] == [("C", "P", "1")]


def test_a_level_with_another_key_stands_in_for_the_one_it_replaced():
    whole = city(WARD_SHAPES, BLOCKS)
    levels = [STREETS[0], Level("quarter", "片区", "quarter"), STREETS[2]]
    comparison = compare(whole, Hierarchy.build(levels, whole.grids))
    assert told(comparison) == {("level_added", "", ""), ("level_removed", "", "")}
    assert comparison.successors(("C", "P"))[0].path == ("C", "P")


def test_the_lowest_level_gone_leads_to_the_one_above():
    whole = city(WARD_SHAPES, BLOCKS)
    upper = Hierarchy.build(STREETS[:2], [grid for grid in whole.grids if grid.level < 2])
    (follower,) = compare(whole, upper).successors(("C", "P", "1"))
    assert follower.path == ("C", "P")
    assert follower.of_old == pytest.approx(1)
    assert follower.of_new == pytest.approx(0.5, abs=1e-6)


def test_successors_of_no_grid_are_not_made_up():
    comparison = compare(drawn("AB"), drawn("AB"))
    with pytest.raises(UnknownGrid):
        comparison.successors(("X",))


@given(drawings)
def test_nothing_changes_of_itself(drawing):
    hierarchy = drawn(drawing)
    comparison = compare(hierarchy, hierarchy)
    assert comparison.changes == ()
    assert comparison.kept == {"ward": tuple(grid.code for grid in hierarchy.lowest)}
    for grid in hierarchy.lowest:
        (itself,) = comparison.successors((grid.code,))
        assert (itself.path, itself.of_old, itself.of_new) == ((grid.code,), 1.0, 1.0)
    assert reused_codes([hierarchy], hierarchy, hierarchy) == ()


@given(drawings, drawings, st.randoms(use_true_random=False))
def test_the_order_of_the_grids_does_not_matter(old, new, chance):
    def shuffled(hierarchy):
        grids = list(hierarchy.grids)
        chance.shuffle(grids)
        return Hierarchy.build(hierarchy.levels, grids)

    before, after = drawn(old), drawn(new)
    assert compare(shuffled(before), shuffled(after)).to_dict() == compare(before, after).to_dict()


# --- for other programs --------------------------------------------------------------------------------------


def test_as_plain_values_for_json():
    plain = compare(drawn("AAAAB"), drawn("AXXXB")).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["counts"] == {"kept": 1, "split": 1}
    (follower, _) = compare(drawn("AAAAB"), drawn("AXXXB")).successors(("A",))
    assert type(follower.of_old) is type(follower.of_new) is float
    assert plain["kept"] == {"ward": 1}
    (change,) = plain["changes"]
    assert (change["kind"], change["level"], change["old"], change["new"]) == (
        "split",
        "ward",
        ["A"],
        ["A", "X"],
    )
    assert change["shares"][0] | {"m2": 0} == {"old": "A", "new": "X", "m2": 0, "of_old": 0.75, "of_new": 1.0}


def test_as_geojson_with_the_ground_concerned():
    collection = json.loads(compare(drawn("AAAABBBBCD."), drawn("AAAAABBBXXE")).to_geojson())
    found = {feature["properties"]["kind"]: feature for feature in collection["features"]}
    assert set(found) == {"redrawn", "merged", "added"}
    assert shape(found["redrawn"]["geometry"]).equals(tile(4, 0))
    assert shape(found["merged"]["geometry"]).equals(tile(8, 0, 2))
    assert shape(found["added"]["geometry"]).equals(tile(10, 0))
    properties = found["merged"]["properties"]
    assert (properties["old"], properties["new"], properties["kind_zh"]) == ("C D", "X", "合并")
    assert properties["shares"] == "C>X 1.0000/0.5000, D>X 1.0000/0.5000"


# --- a city --------------------------------------------------------------------------------------------------


def council(shared_data, year):
    source = {"key": "council", "file": f"nyc/council_{year}.geojson.gz", "code": "council_district"}
    drawing = read({"levels": [source]}, shared_data)
    return settle(drawing, check(drawing))


@pytest.fixture(scope="module")
def councils(shared_data):
    """New York's council districts, before and after the redistricting of 2023."""
    return council(shared_data, 2013), council(shared_data, 2023)


@pytest.mark.slow
def test_new_yorks_council_districts_redrawn(councils):
    """47 of 51 go on with another border; of 43, the district moved on and the number went to another place."""
    comparison = compare(*councils)
    assert comparison.counts() == {"redrawn": 47, "rearranged": 1}
    (rearranged,) = [one for one in comparison.changes if one.kind is Kind.rearranged]
    assert rearranged.old == rearranged.new == ("38", "43", "44", "47")
    for grid in councils[0].lowest:
        followers = comparison.successors((grid.code,))
        assert 0.97 < sum(one.of_old for one in followers) <= 1 + 1e-9
    assert [(one.path, round(one.of_old, 2)) for one in comparison.successors(("43",))] == [
        (("47",), 0.56),
        (("50",), 0.20),
        (("38",), 0.19),
        (("43",), 0.04),
    ]
    (reused,) = reused_codes((), *councils)
    assert reused.grids == ("43",)
    assert reused.measure == pytest.approx(0.087, abs=0.001)


def test_new_yorks_reports_agree_with_the_edition_of_their_time(councils, shared_data):
    """December 2019: 99.80 % lie in the district of 2013 that the city wrote down, 85.11 % in that of 2023."""
    with gzip.open(shared_data / "nyc/requests.csv.gz", "rt", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["created_date"].startswith("2019-12") and row["council_district"] and row["longitude"]
        ]
    lons, lats = (np.array([float(row[name]) for row in rows]) for name in ("longitude", "latitude"))
    agreement = []
    for edition in councils:
        locator = Locator(edition)
        found = locator.index_many(lons, lats)
        said = [str(int(row["council_district"])) for row in rows]
        placed = ["" if at < 0 else locator.paths[at][-1] for at in found.tolist()]
        agreement.append(sum(one == other for one, other in zip(said, placed, strict=True)) / len(rows))
    assert len(rows) == 987
    assert agreement == [pytest.approx(0.9980, abs=0.0001), pytest.approx(0.8511, abs=0.0001)]
