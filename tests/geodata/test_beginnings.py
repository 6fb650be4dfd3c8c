"""A file that is not what its name says, or not all there, is refused with what it is and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas
import pytest

from geodata.errors import UnreadableFile
from geodata.features import read_features
from tests.geodata.drawings import tile

FRAME = geopandas.GeoDataFrame({"code": ["1", "2"]}, geometry=[tile(0, 0), tile(1, 0)], crs=4326)


def refusal(file: Path) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read_features(file)
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty (0 bytes)"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(99), "it is a RAR archive: unpack it, or ask for a .zip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "it is a 7-Zip archive"),
        (b"AC1027" + bytes(99), "it is an AutoCAD drawing (DWG)"),
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b"PAR1" + bytes(99), "give it a name that ends in .parquet"),
        (b"\x1f\x8b" + bytes(99), "give it a name that ends in .gz"),
    ],
)
def test_what_a_file_is_that_its_name_does_not_say(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "grids.geojson"
    file.write_bytes(content)
    assert said in refusal(file)


def test_a_zip_by_another_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "grids.gpkg", "w") as archive:
        archive.writestr("grids.geojson", FRAME.to_json())
    assert "it is a zip by its content: give it a name that ends in .zip" in refusal(tmp_path / "grids.gpkg")


def test_a_geopackage_sent_by_half(tmp_path: Path) -> None:
    file = tmp_path / "grids.gpkg"
    FRAME.to_file(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert "damaged or cut short" in refusal(file)


def test_a_shapefile_sent_by_half_is_told_as_such_and_not_grid_by_grid(tmp_path: Path) -> None:
    file = tmp_path / "grids.shp"
    FRAME.to_file(file)
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[: size - 100])
    assert f"it is cut short: its .shp counts {size:,} bytes and has {size - 100:,}" in refusal(file)


def test_a_row_without_a_polygon_in_a_whole_shapefile_is_no_cut(tmp_path: Path) -> None:
    file = tmp_path / "grids.shp"
    geopandas.GeoDataFrame({"code": ["1", "2"]}, geometry=[tile(0, 0), None], crs=4326).to_file(file)
    assert len(read_features(file).geometries) == 2


def test_a_table_of_text(tmp_path: Path) -> None:
    file = tmp_path / "grids.csv"
    file.write_text("code,geometry\n1,POINT (1 2)\n", encoding="utf-8")
    assert "it is a table without polygons. Expected one of: GeoPackage" in refusal(file)
