"""Shapes as surveys send them: parts, heights, holes, rings the wrong way round, slivers; each in each format."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from geodata.check import Severity, check, settle
from geodata.drawing import Drawing
from geodata.ground import ground_m2
from geodata.read import read
from tests.geodata.drawings import tile

KINDS = ["gpkg", "geojson", "shp", "fgb"]


def drawing_of(folder: Path, shapes: list[object], kind: str = "gpkg") -> Drawing:
    """The shapes, coded 1, 2 ..., out of a file of one kind."""
    frame = geopandas.GeoDataFrame(
        {"code": [str(n) for n in range(1, len(shapes) + 1)]}, geometry=shapes, crs="EPSG:4326"
    )
    file = folder / f"grids.{kind}"
    frame.to_file(file, **({"COORDINATE_PRECISION": 15} if kind == "geojson" else {}))
    return read({"file": file.name, "levels": [{"key": "grid", "code": "code"}]}, folder)


def shapes_of(drawing: Drawing) -> dict[str, shapely.Geometry]:
    return {one.code: one.geometry for one in drawing.drawn if one.geometry is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_of_several_parts_is_one_grid(tmp_path: Path, kind: str) -> None:
    parts = MultiPolygon([tile(0, 0), tile(3, 0)])
    drawing = drawing_of(tmp_path, [parts, MultiPolygon([tile(1, 0, 2)])], kind)
    assert shapes_of(drawing)["1"].equals(parts)
    assert shapes_of(drawing)["2"].equals(tile(1, 0, 2))
    hierarchy = settle(drawing, check(drawing))
    assert hierarchy.lowest[0].area_m2 == pytest.approx(hierarchy.lowest[1].area_m2, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_heights_and_measures_are_dropped(tmp_path: Path, kind: str) -> None:
    drawing = drawing_of(
        tmp_path, [shapely.force_3d(tile(0, 0), 31.5), shapely.force_3d(tile(1, 0), -2.0)], kind
    )
    assert all(not shape.has_z for shape in shapes_of(drawing).values())
    assert shapes_of(drawing)["1"].equals(tile(0, 0))
    assert check(drawing) == ()


def test_measures_along_lines_are_dropped(tmp_path: Path) -> None:
    """A PolygonM, as ArcGIS writes Shapefiles by default."""
    ring = [(10, 50, 1), (10, 50.01, 2), (10.01, 50.01, 3), (10.01, 50, 4), (10, 50, 5)]
    wkb = struct.pack("<BIII", 1, 2003, 1, len(ring)) + b"".join(struct.pack("<3d", *point) for point in ring)
    pyogrio.raw.write(
        tmp_path / "m.shp",
        np.array([wkb], dtype=object),
        [np.array(["1"], dtype=object)],
        ["code"],
        geometry_type="Polygon",
        crs="EPSG:4326",
    )
    drawing = read({"file": "m.shp", "levels": [{"key": "grid", "code": "code"}]}, tmp_path)
    assert shapes_of(drawing)["1"].equals(tile(0, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hole_stays_a_hole_and_what_fills_it_fits(tmp_path: Path, kind: str) -> None:
    ring = tile(0, 0, 3, 3).difference(tile(1, 1))
    drawing = drawing_of(tmp_path, [ring, tile(1, 1)], kind)
    assert shapes_of(drawing)["1"].equals(ring)
    assert check(drawing) == ()
    alone = drawing_of(tmp_path, [ring, tile(3, 0)], kind)
    assert [(one.code, one.grids) for one in check(alone)] == [("GAP", ("1",))]


@pytest.mark.parametrize("kind", KINDS)
def test_rings_in_the_wrong_order_are_read_for_what_they_are(tmp_path: Path, kind: str) -> None:
    """Outer rings clockwise where the format wants counter-clockwise, or the other way; so for holes."""
    outer, hole = [(10, 50), (10.03, 50), (10.03, 50.03), (10, 50.03)], list(tile(1, 1).exterior.coords)
    expected = tile(0, 0, 3, 3).difference(tile(1, 1))
    for at, shape in enumerate(Polygon(outer[::a], [hole[::b]]) for a in (1, -1) for b in (1, -1)):
        folder = tmp_path / str(at)
        folder.mkdir()
        drawing = drawing_of(folder, [shape], kind)
        assert shapes_of(drawing)["1"].equals(expected)
        (settled,) = settle(drawing, check(drawing)).lowest
        assert settled.geometry.exterior.is_ccw
        assert not settled.geometry.interiors[0].is_ccw
        assert settled.area_m2 == pytest.approx(ground_m2(expected), rel=1e-4)


def turn_rings(shp: Path, turned: set[int]) -> None:
    """Turn rings of the only polygon of a Shapefile round, in the file itself."""
    blob = bytearray(shp.read_bytes())
    parts, points = struct.unpack_from("<2i", blob, 100 + 8 + 36)
    starts = [*struct.unpack_from(f"<{parts}i", blob, 100 + 8 + 44), points]
    at = 100 + 8 + 44 + 4 * parts
    for ring in turned & set(range(parts)):
        span = slice(at + 16 * starts[ring], at + 16 * starts[ring + 1])
        pairs = [bytes(blob[span])[n : n + 16] for n in range(0, span.stop - span.start, 16)]
        blob[span] = b"".join(pairs[::-1])
    shp.write_bytes(blob)


RING = tile(0, 0, 3, 3).difference(tile(1, 1))


@pytest.mark.filterwarnings("ignore:.*winding order:RuntimeWarning")
@pytest.mark.parametrize(
    "shape",
    [
        RING,
        MultiPolygon([tile(0, 0), tile(2, 2)]),
        MultiPolygon([RING, box(10.012, 50.012, 10.018, 50.018), tile(5, 0, 4, 3).difference(tile(6, 1))]),
    ],
    ids=["a hole", "two parts", "an island in a hole, and another hole"],
)
@pytest.mark.parametrize("turned", [{0}, {1}, {0, 1}, {0, 1, 2, 3, 4}, {1, 3}], ids=str)
def test_a_shapefile_whose_rings_run_the_wrong_way_is_read_for_what_it_is(
    tmp_path: Path, shape: Polygon, turned: set[int]
) -> None:
    """Only the way they run says which of its rings are holes."""
    drawing_of(tmp_path, [shape], "shp")
    turn_rings(tmp_path / "grids.shp", turned)
    drawing = read({"file": "grids.shp", "levels": [{"key": "grid", "code": "code"}]}, tmp_path)
    assert shapes_of(drawing)["1"].equals(shape)
    assert not [one for one in check(drawing) if one.severity is Severity.error]
    remarks = " ".join(drawing.sources[0].remarks)
    assert not remarks or "wrong way round" in remarks or "winding order" in remarks


def test_rings_that_cross_are_left_for_the_check(tmp_path: Path) -> None:
    bow_tie = Polygon([(10, 50), (10.01, 50.01), (10.01, 50), (10, 50.01)])
    (found,) = check(drawing_of(tmp_path, [bow_tie], "shp"))
    assert found.code == "INVALID_GEOMETRY"
    assert "Self-intersection" in found.message


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_slivers_are_read_and_told(tmp_path: Path, kind: str) -> None:
    """A grid of 0.7 m², and a part of 0.7 m² beside a grid: left from a cut, no place to stand in."""
    thin = 0.001 / 111_230
    sliver = box(10, 50.02, 10.01, 50.02 + thin)
    drawing = drawing_of(
        tmp_path, [tile(0, 0), sliver, MultiPolygon([tile(3, 0), box(10.05, 50, 10.06, 50 + thin)])], kind
    )
    found = [one for one in check(drawing) if one.code == "SLIVER"]
    assert [(one.severity, one.grids) for one in found] == [
        (Severity.warning, ("2",)),
        (Severity.info, ("3",)),
    ]
    assert all(one.measure == pytest.approx(0.715, rel=0.01) for one in found)
    assert "2 of level grid is no larger than 0.71" in found[0].message
    assert "3 of level grid has a part of 0.71" in found[1].message
    assert found[0].geometry is not None
    assert found[0].geometry.equals(sliver)


def test_collections_of_polygons_are_refused_by_name(tmp_path: Path) -> None:
    """A feature of a polygon and a line: which of it is the grid nobody can say."""
    mixed = {
        "type": "GeometryCollection",
        "geometries": [
            shapely.geometry.mapping(tile(0, 0)),
            {"type": "LineString", "coordinates": [[10, 50], [11, 51]]},
        ],
    }
    feature = {"type": "Feature", "properties": {"code": "1"}, "geometry": mixed}
    (tmp_path / "g.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (found,) = check(read({"file": "g.geojson", "levels": [{"key": "grid", "code": "code"}]}, tmp_path))
    assert found.code == "NOT_POLYGON"
    assert "1 of level grid is a GeometryCollection, not a polygon (g.geojson, feature 1)" in found.message
