"""Polygon files of several kinds give the same drawing; a file that is not what it claims is refused."""

import gzip
import shutil
import tomllib
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Point

from geodata.check import accept, acceptances, check, settle
from geodata.errors import BadGridsTable, MislabelledCrs, MissingColumn, UnreadableFile
from geodata.features import read_features
from geodata.grids import Level
from geodata.read import LevelColumns, LevelSource, LowestSource, Rule, read, read_levels, read_lowest
from tests.geodata.drawings import astray, tile

HERE = Path(__file__).parent
LEVELS = Level("ward", "区", "ward"), Level("block", "块", "block")
ROWS = [("甲", "1", 11), ("甲", "1", 12), ("乙", "2", 21), ("乙", "2", 22)]


def blocks(shapes=None):
    """Four blocks in two wards, in a row."""
    return geopandas.GeoDataFrame(
        {
            "ward_name": [row[0] for row in ROWS],
            "ward": [row[1] for row in ROWS],
            "block": [row[2] for row in ROWS],
        },
        geometry=shapes or [tile(at, 0) for at in range(4)],
        crs="EPSG:4326",
    )


def table(file, **more):
    """The table [grids] for the blocks."""
    return {
        "file": file,
        "levels": [
            {"key": "ward", "zh": "区", "en": "ward", "code": "ward", "name": "ward_name"},
            {"key": "block", "zh": "块", "en": "block", "code": "block"},
        ],
        **more,
    }


def written(folder, kind, frame=None):
    """The blocks in a file of one kind; returns its name."""
    frame = blocks() if frame is None else frame
    if kind == "geojson.gz":
        frame.to_file(folder / "blocks.geojson", driver="GeoJSON", COORDINATE_PRECISION=15)
        with (
            (folder / "blocks.geojson").open("rb") as plain,
            gzip.open(folder / "b.geojson.gz", "wb") as packed,
        ):
            shutil.copyfileobj(plain, packed)
        return "b.geojson.gz"
    if kind in ("shp", "zip"):
        (folder / "shp").mkdir()
        frame.to_file(folder / "shp" / "blocks.shp", encoding="UTF-8")
        shutil.make_archive(str(folder / "blocks"), "zip", folder / "shp")
        return "shp/blocks.shp" if kind == "shp" else "blocks.zip"
    frame.to_file(folder / f"blocks.{kind}", layer="blocks" if kind == "gpkg" else None)
    return f"blocks.{kind}"


@pytest.mark.parametrize("kind", ["geojson", "geojson.gz", "gpkg", "shp", "zip", "fgb"])
def test_every_kind_of_file_gives_the_same_hierarchy(tmp_path, kind):
    drawing = read(table(written(tmp_path, kind)), tmp_path)
    hierarchy = settle(drawing, check(drawing))
    assert hierarchy.levels == LEVELS
    assert hierarchy.paths == (("1", "11"), ("1", "12"), ("2", "21"), ("2", "22"))
    assert [grid.name for grid in hierarchy.at("ward")] == ["甲", "乙"]
    assert hierarchy.at("ward")[0].geometry.equals(tile(0, 0, 2))
    assert all(grid.geometry.equals(tile(at, 0)) for at, grid in enumerate(hierarchy.lowest))
    assert drawing.sources[0].transformation == "none"


def test_a_layer_is_chosen_by_name(tmp_path):
    blocks().to_file(tmp_path / "city.gpkg", layer="blocks")
    blocks().iloc[:1].to_file(tmp_path / "city.gpkg", layer="other")
    assert len(read(table("city.gpkg", layer="other"), tmp_path).at(1)) == 1
    with pytest.raises(UnreadableFile, match="nowhere"):
        read(table("city.gpkg", layer="nowhere"), tmp_path)


def test_chinese_text_of_an_older_shapefile_is_read_by_its_encoding(tmp_path):
    blocks().to_file(tmp_path / "old.shp", encoding="GBK")
    (tmp_path / "old.cpg").unlink()
    assert {one.name for one in read(table("old.shp", encoding="GBK"), tmp_path).at(0)} == {"甲", "乙"}


@pytest.mark.parametrize("epsg", [4490, 4547, 32632, 3857])
def test_projected_and_geographic_systems_come_to_longitude_and_latitude(tmp_path, epsg):
    """Within a millimetre there and back, whichever axis the system names first."""
    east = 104 if epsg in (4490, 4547) else 0
    moved = [affinity.translate(tile(at, 0), east, -27 if east else 0) for at in range(4)]
    frame = blocks(moved).to_crs(epsg)
    file = written(tmp_path, "gpkg", frame)
    read_in = read(table(file), tmp_path)
    for drawn, shape in zip(read_in.at(1), moved, strict=True):
        assert astray(drawn.geometry, shape) < 1e-8
    assert read_in.sources[0].transformation != "none"


def test_heights_are_dropped(tmp_path):
    frame = blocks()
    frame.geometry = shapely.force_3d(frame.geometry.values, 7.0)
    assert not any(
        one.geometry.has_z for one in read(table(written(tmp_path, "gpkg", frame)), tmp_path).drawn
    )


def test_one_file_a_level(tmp_path):
    blocks().to_file(tmp_path / "blocks.gpkg")
    wards = blocks().dissolve("ward").reset_index()
    wards.to_file(tmp_path / "wards.gpkg")
    sources = [
        LevelSource(LEVELS[0], tmp_path / "wards.gpkg", "ward", "ward_name"),
        LevelSource(
            LEVELS[1], tmp_path / "blocks.gpkg", "block", parent="ward", responsible_unit="ward_name"
        ),
    ]
    drawing = read_levels(sources)
    assert check(drawing) == ()
    hierarchy = settle(drawing, ())
    assert hierarchy.paths == (("1", "11"), ("1", "12"), ("2", "21"), ("2", "22"))
    assert hierarchy.lowest[3].responsible_unit == "乙"
    section = {
        "levels": [
            {"key": "ward", "zh": "区", "file": "wards.gpkg", "code": "ward", "name": "ward_name"},
            {
                "key": "block",
                "zh": "块",
                "file": "blocks.gpkg",
                "code": "block",
                "parent": "ward",
                "unit": "ward_name",
            },
        ]
    }
    same = read(section, tmp_path)
    assert same.drawn == drawing.drawn


def test_an_upper_level_by_rule_is_merged_from_the_lowest(tmp_path):
    columns = [
        LevelColumns(LEVELS[0], Rule("block", take=1, values={"1": "one", "2": "two"})),
        LevelColumns(LEVELS[1], "block"),
    ]
    drawing = read_lowest(LowestSource(tmp_path / written(tmp_path, "geojson"), columns))
    assert drawing.dissolved == {0}
    assert [(one.code, one.parent) for one in drawing.at(1)] == [
        ("11", "one"), ("12", "one"), ("21", "two"), ("22", "two"),
    ]  # fmt: skip


def test_two_parents_are_kept_as_claims_until_a_rule_says_which(tmp_path):
    frame = blocks()
    frame["city"] = ["A", "B", "B", "B"]
    file = written(tmp_path, "gpkg", frame)
    section = table(file)
    section["levels"].insert(0, {"key": "city", "code": "city"})
    findings = check(read(section, tmp_path))
    assert [(one.code, one.grids, one.measure) for one in findings] == [("PARENT_CONFLICT", ("1",), 2)]
    assert "1 of level ward is said to lie in A (1 features) and B (1 features)" in findings[0].message
    section["levels"][1]["parents"] = {"1": "B"}
    settled = read(section, tmp_path)
    assert check(settled) == ()
    assert [one.code for one in settled.at(0)] == ["B"]


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (Rule("c"), "0113", "0113"),
        (Rule("c", take=2), "0113", "01"),
        (Rule("c", skip=2), "0113", "13"),
        (Rule("c", skip=1, take=2), "0113", "11"),
        (Rule("c", skip=9), "0113", None),
        (Rule("c", take=2), None, None),
    ],
)
def test_a_rule_takes_part_of_a_text(rule, text, expected):
    assert rule.apply(text) == expected


def test_a_text_without_a_value_is_refused():
    with pytest.raises(BadGridsTable, match="'XX', which `values` does not have; it has: BX"):
        Rule("cdta", take=2, values={"BX": "Bronx"}).apply("XX01")


def test_a_missing_column_names_those_there_are(tmp_path):
    section = table(written(tmp_path, "geojson"))
    section["levels"][1]["code"] = "blok"
    with pytest.raises(MissingColumn, match="no column 'blok'; it has: ward_name, ward, block"):
        read(section, tmp_path)


def test_numbers_become_plain_text_and_empty_cells_nothing(tmp_path):
    frame = blocks()
    frame["number"] = [1.0, np.nan, 3.5, 4.0]
    frame["text"] = ["a", None, "", "d"]
    features = read_features(tmp_path / written(tmp_path, "gpkg", frame))
    assert features.column("block") == ["11", "12", "21", "22"]
    assert features.column("number") == ["1", None, "3.5", "4"]
    assert features.column("text") == ["a", None, None, "d"]


@pytest.mark.parametrize("content", [b"", b"not a map", b'{"type":"FeatureCollection","features":[]}'])
def test_a_file_that_is_no_map_is_refused(tmp_path, content):
    (tmp_path / "blocks.geojson").write_bytes(content)
    with pytest.raises(UnreadableFile, match=r"blocks\.geojson cannot be read"):
        read(table("blocks.geojson"), tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableFile, match="there is no such file"):
        read(table("nowhere.gpkg"), tmp_path)


# --- coordinate systems that do not fit ------------------------------------------------------------------------


def shapefile(folder, frame, prj=None):
    """A Shapefile whose .prj is left out, or taken from another coordinate system."""
    frame.set_crs(prj, allow_override=True).to_file(folder / "city.shp") if prj else frame.to_file(
        folder / "city.shp"
    )
    if not prj:
        (folder / "city.prj").unlink()
    return "city.shp"


def test_a_file_that_states_no_system_is_refused_unless_the_city_does(tmp_path):
    file = shapefile(tmp_path, blocks())
    with pytest.raises(MislabelledCrs, match="does not say which coordinate system"):
        read(table(file), tmp_path)
    assert check(read(table(file, crs="EPSG:4326"), tmp_path)) == ()


@pytest.mark.parametrize(
    ("true", "claimed", "looks"),
    [
        (32632, 4326, "looks projected, in metres or feet and not in degrees"),
        (4326, 32632, "looks like degrees, not metres"),
    ],
)
def test_metres_called_degrees_and_degrees_called_metres_are_refused(tmp_path, true, claimed, looks):
    file = shapefile(tmp_path, blocks().to_crs(true), f"EPSG:{claimed}")
    with pytest.raises(MislabelledCrs, match=looks) as caught:
        read(table(file), tmp_path)
    assert f"EPSG:{claimed}" in caught.value.message
    assert 'crs = "EPSG:' in caught.value.message
    assert read(table(file, crs=f"EPSG:{true}"), tmp_path).at(1)


def test_swapped_axes_are_recognised_where_a_latitude_is_beyond_90(tmp_path):
    shapes = [affinity.translate(tile(at, 0), 104, -27) for at in range(4)]
    shapes = [shapely.transform(shape, lambda points: points[:, ::-1]) for shape in shapes]
    file = written(tmp_path, "geojson", blocks(shapes))
    with pytest.raises(MislabelledCrs, match="longitude and latitude swapped"):
        read(table(file), tmp_path)


def test_a_city_outside_the_area_of_its_system_is_refused(tmp_path):
    file = shapefile(tmp_path, blocks(), "EPSG:4490")  # CGCS2000 is for China, the blocks lie in Europe
    with pytest.raises(MislabelledCrs, match="far from the area that system is for"):
        read(table(file), tmp_path)


def test_an_unknown_system_is_refused(tmp_path):
    with pytest.raises(MislabelledCrs, match="'EPSG:1' is no known coordinate system"):
        read(table(written(tmp_path, "geojson"), crs="EPSG:1"), tmp_path)


def test_bostons_mislabelled_file_is_refused_with_the_way_out(shared_data):
    section = {
        "file": "boston/precinct_raw_mislabelled_crs.geojson.gz",
        "levels": [{"key": "precinct", "code": "WARD_PRECINCT"}],
    }
    with pytest.raises(MislabelledCrs) as caught:
        read(section, shared_data)
    for part in ("739,594 to 803,688", "metres or feet", 'crs = "EPSG:2249"', "export the file again"):
        assert part in caught.value.message


def test_bostons_mislabelled_file_reads_as_the_published_polygons_once_told_its_system(shared_data):
    """Every corner within 1e-9 degrees (0.1 mm) of the same one in the file in longitude and latitude."""
    folder = shared_data / "boston"
    published = read_features(folder / "precinct.geojson.gz")
    told = read_features(folder / "precinct_raw_mislabelled_crs.geojson.gz", crs="EPSG:2249")
    assert told.source.transformation.startswith(
        "Inverse of SPCS83 Massachusetts Mainland zone (US survey foot)"
    )
    theirs = dict(zip(published.column("ward_precinct"), published.geometries, strict=True))
    ours = dict(zip(told.column("WARD_PRECINCT"), told.geometries, strict=True))
    assert len(ours) == 255
    assert max(astray(ours[code], theirs[code]) for code in theirs) < 1e-9


# --- whole cities, by the files a city would write -------------------------------------------------------------


def section_of(city):
    return tomllib.loads((HERE / city).read_text("utf-8"))["grids"]


@pytest.mark.slow
def test_new_york_is_read_from_its_file(shared_data):
    drawing = read(section_of("new_york.toml"), shared_data)
    findings = check(drawing)
    assert [(one.code, one.severity) for one in findings if one.severity != "info"] == [("GAP", "warning")]
    hierarchy = settle(drawing, findings)
    assert [len(hierarchy.at(level.key)) for level in hierarchy.levels] == [5, 71, 262, 2325]
    assert hierarchy.grid(("QN", "QN01", "QN0151", "2000100")).area_m2 > 0
    assert hierarchy.find("borough", "QN").name == "Queens"
    for level in range(3):
        whole = sum(grid.area_m2 for grid in hierarchy.at(level))
        assert whole == pytest.approx(sum(grid.area_m2 for grid in hierarchy.lowest), abs=1)


@pytest.mark.slow
def test_new_yorks_borough_column_gives_two_grids_two_parents(shared_data):
    section = section_of("new_york.toml")
    section["levels"][0] = {"key": "borough", "code": "borough"}
    conflicts = [one for one in check(read(section, shared_data)) if one.code == "PARENT_CONFLICT"]
    assert [one.grids for one in conflicts] == [("BX08",), ("QN01",)]
    assert "QUEENS (63 features) and BRONX (1 features)" in conflicts[1].message
    section["levels"][1]["parents"] = {"BX08": "BRONX", "QN01": "QUEENS"}
    assert not [one for one in check(read(section, shared_data)) if one.severity == "error"]


def test_boston_is_read_from_its_file(shared_data):
    section = section_of("boston.toml")
    drawing = read(section, shared_data)
    hierarchy = settle(drawing, accept(check(drawing), acceptances(section)))
    assert [len(hierarchy.at(level.key)) for level in hierarchy.levels] == [22, 255]


# --- a table [grids] that is wrong -------------------------------------------------------------------------------

LEVEL = {"key": "ward", "code": "ward"}


@pytest.mark.parametrize(
    ("section", "part_of_message"),
    [
        ({}, "no [[grids.levels]]"),
        ({"levels": {}}, "needs a list for `levels`"),
        ({"levels": [7]}, "number 1 is 7; expected a table"),
        ({"file": 7, "levels": [LEVEL]}, "needs a text for `file`, not 7"),
        ({"file": "x", "levels": [{"code": "ward"}]}, "number 1 needs a text for `key`"),
        ({"file": "x", "levels": [{"key": "ward"}]}, "number 1 needs `code`"),
        ({"file": "x", "levels": [{**LEVEL, "kode": "x"}]}, "has 'kode', which means nothing there"),
        ({"file": "x", "levels": [LEVEL], "crsx": "x"}, "[grids] has 'crsx'"),
        ({"file": "x", "levels": [{**LEVEL, "parents": {"a": 1}}]}, "needs a table of texts for `parents`"),
        (
            {"file": "x", "levels": [{"key": "w", "code": {"take": 2}}]},
            "`code` of [[grids.levels]] number 1 needs",
        ),
        (
            {"file": "x", "levels": [{"key": "w", "code": {"from": "c", "take": -1}}]},
            "a whole number of 0 or more",
        ),
        ({"file": "x", "levels": [{"key": "w", "code": {"from": "c", "tak": 1}}]}, "has 'tak'"),
        ({"levels": [LEVEL]}, "needs a `file`"),
        ({"levels": [{**LEVEL, "file": "x", "parent": "p"}]}, "is the widest and has no `parent`"),
        (
            {"levels": [{**LEVEL, "file": "x"}, {**LEVEL, "file": "x"}]},
            "number 2 needs the column of its `parent`",
        ),
    ],
)
def test_a_wrong_table_is_refused_naming_the_place(tmp_path, section, part_of_message):
    with pytest.raises(BadGridsTable) as caught:
        read(section, tmp_path)
    assert part_of_message in caught.value.message


def test_points_are_read_for_the_check_to_refuse(tmp_path):
    frame = blocks([tile(0, 0), tile(1, 0), tile(2, 0), Point(10.035, 50.005)])
    findings = check(read(table(written(tmp_path, "geojson", frame)), tmp_path))
    assert [(one.code, one.grids) for one in findings] == [("NOT_POLYGON", ("22",))]
