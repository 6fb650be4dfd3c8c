"""Every format reads back as the grids that were written, and can be brought in again."""

from pathlib import Path

import geopandas
import pyogrio
import pytest

from geodata.check import check, settle
from geodata.errors import UnknownGrid, UnknownLevel, UnwritableFile
from geodata.read import read
from geodata.simplify import simplified
from geodata.synthetic import district
from geodata.write import Format, format_of, write

MADE_UP = district(3, [("440306001", "甲街道"), ("440306002", "乙街道")], communities=4, micro_grids=20)
NAMES = ["g.geojson", "g.json", "g.gpkg", "g.fgb", "g.shp", "g.shp.zip", "g.shz", "g.parquet"]


def read_back(file: Path) -> geopandas.GeoDataFrame:
    frame = geopandas.read_parquet(file) if file.suffix == ".parquet" else geopandas.read_file(file)
    return frame.sort_values("code").reset_index(drop=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_reads_back(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    assert write(file, MADE_UP, "micro_grid") == 20
    frame = read_back(file)
    assert frame["code"].tolist() == [grid.code for grid in MADE_UP.lowest]
    assert frame["name"].tolist() == [grid.name for grid in MADE_UP.lowest]
    assert frame["parent"].tolist() == [grid.parent for grid in MADE_UP.lowest]
    assert frame["area_m2"].tolist() == pytest.approx([grid.area_m2 for grid in MADE_UP.lowest], abs=1e-3)
    assert all(read.equals(grid.geometry) for read, grid in zip(frame.geometry, MADE_UP.lowest, strict=True))
    assert frame.crs == "EPSG:4326"
    if format_of(file) is not Format.geojson:
        assert frame["path"].tolist() == ["/".join(MADE_UP.path(grid)) for grid in MADE_UP.lowest]


@pytest.mark.parametrize("name", ["grids.gpkg", "grids.shp", "grids.fgb", "grids.geojson"])
def test_what_was_written_can_be_imported_again(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, MADE_UP, "micro_grid")
    levels = [
        {"key": "district", "code": {"from": "code", "take": 6}},
        {"key": "street", "code": {"from": "code", "take": 9}},
        {"key": "community", "code": {"from": "code", "take": 12}},
        {"key": "micro_grid", "code": "code", "name": "name"},
    ]
    drawing = read({"file": name, "levels": levels}, tmp_path)
    again = settle(drawing, check(drawing))
    assert [(grid.code, grid.name, grid.parent) for grid in again.lowest] == [
        (grid.code, grid.name, grid.parent) for grid in MADE_UP.lowest
    ]
    assert again.paths == MADE_UP.paths


def test_a_part_of_the_hierarchy_simplified(tmp_path: Path) -> None:
    street = ("440306", "440306002")
    many = write(tmp_path / "part.gpkg", simplified(MADE_UP, "community", 600), "community", street)
    frame = read_back(tmp_path / "part.gpkg")
    mine = MADE_UP.under(street, "community")
    assert frame["code"].tolist() == [grid.code for grid in mine]
    assert many == len(mine)
    assert frame.count_coordinates().sum() < sum(len(g.geometry.exterior.coords) for g in mine) / 2


def test_a_geopackage_keeps_its_other_levels(tmp_path: Path) -> None:
    file = tmp_path / "all.gpkg"
    for level in ("street", "community", "street"):
        write(file, MADE_UP, level)
    assert sorted(pyogrio.list_layers(file)[:, 0]) == ["community", "street"]
    assert len(geopandas.read_file(file, layer="street")) == 2


@pytest.mark.parametrize("name", ["g.geojson", "g.fgb", "g.shp", "g.shp.zip", "g.parquet"])
def test_another_file_is_replaced(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, MADE_UP, "micro_grid")
    write(tmp_path / name, MADE_UP, "street")
    assert read_back(tmp_path / name)["code"].tolist() == ["440306001", "440306002"]


def test_a_format_that_is_named_counts_whatever_the_file_is_called(tmp_path: Path) -> None:
    write(tmp_path / "grids.dat", MADE_UP, "street", format=Format.geojson)
    assert (tmp_path / "grids.dat").read_bytes().startswith(b'{"type":"FeatureCollection"')


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnwritableFile, match=r"no format is known by its name.*\.gpkg"):
        write(tmp_path / "grids.dwg", MADE_UP, "street")
    with pytest.raises(UnwritableFile, match=r"ends in \.shp"):
        write(tmp_path / "grids.gpkg", MADE_UP, "street", format=Format.shapefile)
    with pytest.raises(UnwritableFile, match="cannot be written"):
        write(tmp_path / "nowhere" / "grids.gpkg", MADE_UP, "street")
    with pytest.raises(UnwritableFile, match="level street has no grid within 440306/440306001/440306001001"):
        write(tmp_path / "g.gpkg", MADE_UP, "street", ("440306", "440306001", "440306001001"))
    with pytest.raises(UnknownGrid):
        write(tmp_path / "g.gpkg", MADE_UP, "street", ("nowhere",))
    with pytest.raises(UnknownLevel):
        write(tmp_path / "g.gpkg", MADE_UP, "block")
    assert list(tmp_path.iterdir()) == []


def test_geoparquet_says_which_library_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnwritableFile, match=r"pip install 'gridgov\[geoparquet\]'"):
        write(tmp_path / "g.parquet", MADE_UP, "street")
