"""GeoParquet files: read in whatever CRS and encoding they are in, and refused naming what is wrong with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import shapely
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geodata.errors import MislabelledCrs, MissingExtra, UnreadableFile
from geodata.features import read_features
from geodata.read import read
from tests.geodata.drawings import astray

SQUARE, BESIDE = box(114.0, 22.5, 114.1, 22.6), box(114.1, 22.5, 114.2, 22.6)
WITH_HOLE = Polygon(box(114.1, 22.5, 114.2, 22.6).exterior, [box(114.14, 22.54, 114.16, 22.56).exterior])


def a_frame(*shapes: BaseGeometry | None, crs: str | None = "EPSG:4326") -> geopandas.GeoDataFrame:
    codes = [f"{440306001000000 + at}" for at in range(len(shapes))]
    whole = list(range(len(shapes)))
    return geopandas.GeoDataFrame({"code": codes, "number": whole}, geometry=list(shapes), crs=crs)


def rewritten(path: Path, change: dict[str, Any], drop: str | None = None) -> Path:
    """The same file with its geometry column's metadata changed."""
    table = pyarrow.parquet.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    geo["columns"]["geometry"] |= change
    if drop is not None:
        del geo["columns"]["geometry"][drop]
    pyarrow.parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tract.parquet"
    a_frame(SQUARE, WITH_HOLE).to_parquet(path)
    return path


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_polygons_and_columns_come_as_they_are(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "tract.parquet"
    a_frame(SQUARE, None, WITH_HOLE).to_parquet(path, geometry_encoding=encoding, schema_version="1.1.0")
    found = read_features(path)
    assert [None if one is None else one.wkt for one in found.geometries] == [SQUARE.wkt, None, WITH_HOLE.wkt]
    assert found.column("code") == ["440306001000000", "440306001000001", "440306001000002"]
    assert found.column("number") == ["0", "1", "2"]
    assert (found.source.file, found.source.features) == ("tract.parquet", 3)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4547"])
def test_the_crs_is_the_one_the_metadata_state(tmp_path: Path, crs: str) -> None:
    path = tmp_path / "tract.geoparquet"
    a_frame(SQUARE, BESIDE).to_crs(crs).to_parquet(path)
    found = read_features(path)
    assert found.source.crs == crs
    there = np.array(list(map(astray, found.geometries, [SQUARE, BESIDE])))
    assert (there < 1e-9).all()


def test_a_file_without_crs_is_in_longitude_and_latitude(file: Path) -> None:
    found = read_features(rewritten(file, {}, drop="crs"))
    assert (found.source.crs, found.source.transformation) == ("OGC:CRS84", "none")
    assert found.geometries[0].equals(SQUARE)


def test_a_file_that_does_not_know_its_crs_needs_one_in_the_citys_file(file: Path) -> None:
    unknown = rewritten(file, {"crs": None})
    with pytest.raises(MislabelledCrs, match=r"does not say .*crs = "):
        read_features(unknown)
    assert read_features(unknown, crs="EPSG:4490").source.crs == "EPSG:4490"


def test_metres_that_claim_to_be_degrees_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tract.parquet"
    a_frame(SQUARE).to_crs("EPSG:4547").to_parquet(path)
    with pytest.raises(MislabelledCrs, match="looks projected"):
        read_features(rewritten(path, {}, drop="crs"))


def test_heights_are_dropped_and_a_box_column_is_no_column(tmp_path: Path) -> None:
    path = tmp_path / "tract.parquet"
    a_frame(shapely.force_3d(SQUARE, 12.5)).to_parquet(path, write_covering_bbox=True)
    found = read_features(path)
    assert found.geometries[0].wkt == SQUARE.wkt
    assert list(found.columns) == ["code", "number"]


def test_of_two_geometry_columns_the_primary_one_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "tract.parquet"
    frame = a_frame(SQUARE, BESIDE)
    frame["label_point"] = geopandas.GeoSeries([Point(114, 22), Point(115, 23)], crs="EPSG:4547")
    frame.to_parquet(path)
    found = read_features(path)
    assert [one.wkt for one in found.geometries] == [SQUARE.wkt, BESIDE.wkt]
    assert list(found.columns) == ["code", "number"]


def test_the_citys_file_reads_a_hierarchy_from_it(file: Path) -> None:
    level = {"key": "tract", "code": "code"}
    drawing = read({"file": file.name, "levels": [level]}, file.parent)
    assert [one.code for one in drawing.drawn] == ["440306001000000", "440306001000001"]
    assert drawing.drawn[1].source == "tract.parquet, feature 2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "WKT"}, "encoding 'WKT'"),
        ({"edges": "spherical"}, "write it again with planar edges"),
    ],
)
def test_what_cannot_be_read_is_named(file: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_features(rewritten(file, change))


def test_plain_parquet_and_what_is_none_are_refused_each_with_its_reason(tmp_path: Path) -> None:
    plain, broken, no_json = (tmp_path / f"{name}.parquet" for name in ("plain", "broken", "no_json"))
    table = pyarrow.table({"code": ["A"]})
    pyarrow.parquet.write_table(table, plain)
    pyarrow.parquet.write_table(table.replace_schema_metadata({"geo": "nothing"}), no_json)
    broken.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UnreadableFile, match="no `geo` metadata; write it as GeoParquet"):
        read_features(plain)
    with pytest.raises(UnreadableFile, match="is no JSON"):
        read_features(no_json)
    with pytest.raises(UnreadableFile, match="no sound Parquet file"):
        read_features(broken)


@pytest.mark.parametrize(
    "geo",
    [
        "[]",
        '{"columns": 7}',
        '{"columns": {}, "primary_column": "geometry"}',
        '{"columns": {"geometry": {"encoding": "WKB"}}, "primary_column": "geometry"}',
    ],
)
def test_metadata_that_name_no_column_there_is_are_refused(tmp_path: Path, geo: str) -> None:
    path = tmp_path / "tract.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"code": ["A"]}).replace_schema_metadata({"geo": geo}), path)
    with pytest.raises(UnreadableFile, match=r"primary column, which|names no geometry columns"):
        read_features(path)


def test_layer_and_encoding_mean_nothing_here(file: Path) -> None:
    with pytest.raises(UnreadableFile, match="neither layers nor encodings"):
        read_features(file, layer="tracts")


def test_without_pyarrow_the_message_says_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "geodata.geoparquet", raising=False)
    monkeypatch.delattr("geodata.geoparquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'gridgov\[geoparquet\]'"):
        read_features(file)
