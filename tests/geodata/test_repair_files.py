"""A repair as files: what is in them, and that a city's file pointing at them reads the same drawing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely.geometry import Polygon, box

from geodata.drawing import Drawing
from geodata.errors import UnwritableFile
from geodata.read import read
from geodata.repair import Repair, repair
from geodata.repair_files import pointed_at, write_repair

ONE_FILE = """\
title = "a town"   # kept

[grids]            # where the polygons are
file = "town/wards.geojson"
# layer = "none"
crs = "EPSG:4326"
near = [10.0, 50.0]

[[grids.levels]]
key = "street"
code = "of"
name = { from = "of", values = { S = "South", N = "North" } }

[[grids.levels]]
key = "ward"
code = "file"      # a column of that name
unit = "unit"

[[grids.accept]]
finding = "SLIVER"
reason = "a lighthouse"

[other]
file = "untouched"
"""
A_LEVEL_EACH = """\
[grids]

[[grids.levels]]
key = "street"
file = "town/streets.geojson"
code = "code"

[[grids.levels]]
key = "ward"
postgis = "service=survey"
query = '''
SELECT *
FROM ward'''
code = "code"
parent = "of"
"""


def test_the_city_file_points_at_the_repaired_file_and_keeps_all_else() -> None:
    changed = pointed_at(ONE_FILE, "grids.gpkg")
    expected = ONE_FILE.replace('file = "town/wards.geojson"\n', 'file = "grids.gpkg"\nlayer = "ward"\n')
    assert changed == expected.replace('crs = "EPSG:4326"\n', "")


def test_each_level_of_its_own_gets_its_layer() -> None:
    changed = tomllib.loads(pointed_at(A_LEVEL_EACH, "grids.gpkg"))["grids"]
    assert changed["levels"] == [
        {"key": "street", "file": "grids.gpkg", "layer": "street", "code": "code"},
        {"key": "ward", "file": "grids.gpkg", "layer": "ward", "code": "code", "parent": "of"},
    ]


@pytest.mark.parametrize(
    "city",
    [
        'grids = { file = "a.gpkg", levels = [{ key = "ward", code = "c" }] }\n',
        '[grids]\n"file" = "a.gpkg"\nlevels = [{ key = "ward", code = "c" }]\n',
        '[grids]\nfile = "a.gpkg"\nlevels = [\n  { key = "ward", code = "c" },\n]\n[day]\nis = 2026-11-22\nat = 08:30:00\nof = 1.5\non = true\nsaid = "\\"so\\" \\u0007"\n',
        "[grids]\r\nfile = 'a.gpkg'\r\n[[grids.levels]]\r\nkey = 'ward'\r\ncode = 'c'\r\n",
        '[[grids.levels]]\nkey = "ward"\ncode = "c"\n[grids]\nfile = "a.gpkg"',
        '[grids]\nfile = "a.gpkg"\nnote = """\n[grids]\nfile = 1\n"""\n[[grids.levels]]\nkey = "ward"\ncode = "c"\n',
    ],
)
def test_however_the_table_is_written_it_says_the_same_afterwards(city: str) -> None:
    before: dict[str, Any] = tomllib.loads(city)
    after = tomllib.loads(pointed_at(city, "grids.gpkg"))
    assert after["grids"].pop("file") == "grids.gpkg"
    assert after["grids"].pop("layer") == "ward"
    del before["grids"]["file"]
    assert after == before


def a_town(folder: Path) -> tuple[str, Drawing]:
    """Two wards that overlap by 0.4 m and a row without a polygon, with a column nobody asks for."""
    (folder / "town").mkdir()
    shapes: list[Polygon | None] = [box(10, 50, 10.0010056, 50.001), box(10.001, 50, 10.002, 50.001), None]
    columns = {
        "file": ["1", "02", "3"],
        "of": ["S", "N", "N"],
        "unit": [None, "站", "站"],
        "people": [12.0, 7.5, None],
        "fid": ["x", "y", "z"],
    }
    frame = geopandas.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")
    frame.to_file(folder / "town" / "wards.geojson")
    return ONE_FILE, read(tomllib.loads(ONE_FILE)["grids"], folder)


def repaired(folder: Path) -> tuple[str, Repair]:
    city, drawing = a_town(folder)
    return city, repair(drawing)


def test_what_is_written_reads_as_the_repaired_drawing(tmp_path: Path) -> None:
    city, done = repaired(tmp_path)
    before = (tmp_path / "town" / "wards.geojson").read_bytes()
    files = write_repair(done, city, "town.toml", tmp_path, tmp_path / "out" / "new")
    assert [file.name for file in files] == [
        *("grids.gpkg", "town.toml", "repair.json", "repair.txt", "moved.geojson"),
    ]
    again = read(tomllib.loads(files[1].read_text(encoding="utf-8"))["grids"], files[1].parent)
    for here, there in zip(done.drawing.drawn, again.drawn, strict=True):
        assert (here.code, here.name, here.claims, here.responsible_unit) == (
            *(there.code, there.name, there.claims, there.responsible_unit),
        )
        if here.geometry is None or there.geometry is None:
            assert here.geometry is there.geometry
        else:
            assert shapely.equals_exact(
                shapely.normalize(here.geometry),
                shapely.normalize(there.geometry.geoms[0] if here.level else there.geometry),
            )
    assert (tmp_path / "town" / "wards.geojson").read_bytes() == before


def test_all_columns_come_along_as_text(tmp_path: Path) -> None:
    city, done = repaired(tmp_path)
    grids, *_ = write_repair(done, city, "town.toml", tmp_path, tmp_path / "out")
    table = geopandas.read_file(grids, layer="ward")
    assert table["people"].tolist()[:2] == ["12", "7.5"]
    assert table["file"].tolist() == ["1", "02", "3"]


def test_the_report_and_the_map_stand_beside_it(tmp_path: Path) -> None:
    city, done = repaired(tmp_path)
    _, _, report, text, moved = write_repair(done, city, "town.toml", tmp_path, tmp_path / "out")
    assert json.loads(report.read_bytes())["moved"][0]["before"] == ["02", "1"]
    assert "1 x overlap" in text.read_text(encoding="utf-8")
    assert len(geopandas.read_file(moved)) == 1


def test_nothing_is_written_over(tmp_path: Path) -> None:
    city, done = repaired(tmp_path)
    (tmp_path / "town.toml").write_text(city)
    with pytest.raises(UnwritableFile, match=r"town.toml cannot be written: it is there already"):
        write_repair(done, city, "town.toml", tmp_path, tmp_path)
    assert not (tmp_path / "grids.gpkg").exists()


def test_a_source_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    city, done = repaired(tmp_path)
    file = tmp_path / "town" / "wards.geojson"
    geopandas.read_file(file).iloc[:2].to_file(file)
    with pytest.raises(UnwritableFile, match=r"wards.geojson changed while it was repaired"):
        write_repair(done, city, "town.toml", tmp_path, tmp_path / "out")
