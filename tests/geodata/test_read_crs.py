"""Coordinate systems: the polygons come where pyproj, used by hand, puts them; what cannot be is told."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Polygon

from geodata.check import Severity, check
from geodata.drawing import Source
from geodata.errors import BadGridsTable, MislabelledCrs, SwappedAxes
from geodata.features import read_features
from geodata.read import read, survey, validate
from tests.geodata.drawings import astray, tile

#: Bao'an by the reckoning of EPSG:4547 (metres, central meridian 114 E), far from the meridian and beside it.
CORNERS = [
    (485_000.25, 2_504_000.5),
    (486_500.75, 2_504_100.0),
    (486_400.0, 2_505_600.125),
    (484_900.5, 2_505_500.0),
]
SHENZHEN = Polygon(CORNERS)


def at(lon: float, lat: float) -> list[Polygon]:
    """Four tiles with their south-western corner there."""
    return [affinity.translate(tile(column, 0), lon - 10, lat - 50) for column in range(4)]


def turned(shapes: list[Polygon]) -> list[Polygon]:
    return [shapely.transform(shape, lambda points: points[:, ::-1]) for shape in shapes]


def file_of(folder: Path, shapes: list[Polygon], crs: str, name: str = "grids.gpkg") -> Path:
    frame = geopandas.GeoDataFrame({"code": [str(n) for n in range(len(shapes))]}, geometry=shapes, crs=crs)
    frame.to_file(folder / name)
    return folder / name


def section(file: Path, **more: object) -> dict[str, object]:
    return {"file": file.name, "levels": [{"key": "grid", "code": "code"}], **more}


@pytest.mark.parametrize("kind", ["gpkg", "shp", "geojson", "fgb"])
def test_epsg_4547_comes_where_its_projection_by_hand_puts_it(tmp_path: Path, kind: str) -> None:
    """Gauss-Kruger undone by PROJ's own `tmerc` on CGCS2000's ellipsoid, without the register."""
    by_hand = pyproj.Proj(
        "+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +y_0=0 +a=6378137 +rf=298.257222101"
    )
    expected = np.array([by_hand(x, y, inverse=True) for x, y in CORNERS])
    features = read_features(file_of(tmp_path, [SHENZHEN], "EPSG:4547", f"grids.{kind}"))
    found = shapely.get_coordinates(features.geometries[0])
    for corner in expected:
        assert np.abs(found - corner).max(axis=1).min() < 2e-9, "0.2 mm"
    assert 113.8 < found[:, 0].min() < found[:, 0].max() < 113.9
    assert 22.6 < found[:, 1].min() < found[:, 1].max() < 22.7
    assert features.source == Source(
        f"grids.{kind}",
        "EPSG:4547",
        "Inverse of 3-degree Gauss-Kruger CM 114E + CGCS2000 taken as WGS 84",
        1,
        0.1,
        features.source.remarks,
    )


@pytest.mark.parametrize("kind", ["gpkg", "shp", "geojson", "fgb"])
def test_epsg_4490_is_longitude_first_in_a_file_whatever_its_register_says(tmp_path: Path, kind: str) -> None:
    """The register puts latitude first; no file of these kinds does. CGCS2000 is taken as WGS 84."""
    assert [axis.direction for axis in pyproj.CRS("EPSG:4490").axis_info] == ["north", "east"]
    shapes = at(113.88, 22.55)
    features = read_features(file_of(tmp_path, shapes, "EPSG:4490", f"grids.{kind}"))
    # A FlatGeobuf keeps its features in the order of its index.
    for code, shape in zip(features.column("code"), features.geometries, strict=True):
        assert astray(shape, shapes[int(code or -1)]) < 1e-9
    assert (features.source.crs, features.source.accuracy_m) == ("EPSG:4490", 0.1)
    assert features.source.transformation == "CGCS2000 taken as WGS 84"


@pytest.mark.parametrize(
    ("crs", "way", "accuracy"),
    [
        ("EPSG:4326", "none", 0.0),
        ("EPSG:3857", "Inverse of Popular Visualisation Pseudo-Mercator", 0.0),
        ("EPSG:4526", "Inverse of 3-degree Gauss-Kruger zone 38 + CGCS2000 taken as WGS 84", 0.1),
        ("EPSG:32649", "Inverse of UTM zone 49N", 0.0),
        ("EPSG:2326", "Inverse of Hong Kong 1980 Grid + Hong Kong 1980 to WGS 84 (1)", 1.0),
    ],
)
def test_the_way_is_named_and_how_far_off_it_may_be(
    tmp_path: Path, crs: str, way: str, accuracy: float
) -> None:
    frame = geopandas.GeoDataFrame(geometry=at(113.88, 22.35), crs=4326).to_crs(crs)
    features = read_features(file_of(tmp_path, list(frame.geometry), crs))
    assert (features.source.crs, features.source.transformation) == (crs, way)
    assert features.source.accuracy_m == accuracy
    assert astray(features.geometries[3], at(113.88, 22.35)[3]) < 1e-8


@pytest.mark.parametrize(
    ("crs", "severity", "measure", "part"),
    [
        (
            "EPSG:2435",
            Severity.warning,
            (15, "m"),
            "off by up to 15 m (Inverse of 3-degree Gauss-Kruger CM 114E + Bei",
        ),
        (
            "EPSG:2383",
            Severity.error,
            (1, "count"),
            "off by an unknown length (Inverse of 3-degree Gauss-Kruger CM 1",
        ),
    ],
)
def test_a_way_that_is_far_off_or_unknown_is_told(
    tmp_path: Path, crs: str, severity: Severity, measure: tuple[float, str], part: str
) -> None:
    """Beijing 1954 is known to 15 m; for Xi'an 1980 the register has no way at all."""
    frame = geopandas.GeoDataFrame(geometry=at(113.88, 22.55), crs=4326).to_crs(crs)
    drawing = read(section(file_of(tmp_path, list(frame.geometry), crs)), tmp_path)
    (found,) = check(drawing)
    assert (found.code, found.severity, (found.measure, found.unit)) == ("VAGUE_DATUM", severity, measure)
    assert part in found.message
    assert "ask for the file in CGCS2000" in found.message


# --- swapped axes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [("EPSG:4490", 87.6, 43.8), ("EPSG:4490", 114, 22.5), ("EPSG:4326", -71.1, 42.3), ("EPSG:4326", 77.2, 28.6),
     ("EPSG:4258", 23.7, 37.9)],
    ids=["Ürümqi", "Shenzhen", "Boston", "Delhi", "Athens"],
)  # fmt: skip
def test_latitude_before_longitude_is_recognised(tmp_path: Path, crs: str, lon: float, lat: float) -> None:
    """By a latitude beyond 90, by the area that the system is for, or for want of any city there."""
    file = file_of(tmp_path, turned(at(lon, lat)), crs)
    with pytest.raises(SwappedAxes, match=r"longitude and latitude swapped.*Say `swap_axes = true`"):
        read_features(file)
    told = read_features(file, swap_axes=True)
    assert astray(told.geometries[0], at(lon, lat)[0]) < 1e-8
    assert told.source.transformation.startswith("axes swapped, as the city's file says")


def test_where_only_the_city_can_know_it_says_so(tmp_path: Path) -> None:
    """10 E, 50 N is in Germany, 50 E, 10 N off Somalia: a file in EPSG:4326 may lie in either."""
    file = file_of(tmp_path, turned(at(10, 50)), "EPSG:4326")
    assert len(read_features(file).geometries) == 4
    with pytest.raises(SwappedAxes, match=r"km from `near` \(10, 50\) in the city's file"):
        read_features(file, near=(10, 50))


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526"])
def test_northing_before_easting_is_recognised(tmp_path: Path, crs: str) -> None:
    """As the register has it, and surveys in China write it."""
    frame = geopandas.GeoDataFrame(geometry=at(113.88, 22.55), crs=4326).to_crs(crs)
    file = file_of(tmp_path, turned(list(frame.geometry)), crs)
    with pytest.raises(SwappedAxes) as caught:
        read_features(file)
    assert "With easting and northing swapped it lies at longitude 113.880 to 113.920" in caught.value.message
    told = read_features(file, swap_axes=True)
    assert astray(told.geometries[0], at(113.88, 22.55)[0]) < 1e-8


@pytest.mark.parametrize(
    ("crs", "lon", "lat"), [("EPSG:4490", 114, 22.5), ("EPSG:4490", 87.6, 43.8), ("EPSG:4547", 114, 22.5)]
)
def test_told_to_swap_what_stands_right_it_is_refused(
    tmp_path: Path, crs: str, lon: float, lat: float
) -> None:
    shapes = geopandas.GeoDataFrame(geometry=at(lon, lat), crs=4490).to_crs(crs).geometry
    file = file_of(tmp_path, list(shapes), crs)
    with pytest.raises(SwappedAxes, match=r"Leave `swap_axes = true` out of the city's file"):
        read_features(file, swap_axes=True)
    drawing = survey(section(file, swap_axes=True), tmp_path)
    assert [(one.code, one.severity) for one in check(drawing) if one.severity is Severity.error] == [
        ("SWAPPED_AXES", Severity.error)
    ]
    assert astray(drawing.drawn[0].geometry, at(lon, lat)[0]) < 1e-8, "put right for the check"


# --- the wrong system ----------------------------------------------------------------------------------------------


def test_the_zone_next_door_is_found_once_the_city_says_where_it_is(tmp_path: Path) -> None:
    """CM 117 E read as CM 114 E lies 309 km to the west: in China still, in a wrong province."""
    frame = geopandas.GeoDataFrame(geometry=at(117.2, 31.8), crs=4326).to_crs("EPSG:4548")
    file = file_of(tmp_path, list(frame.geometry), "EPSG:4547")
    assert len(read_features(file).geometries) == 4
    with pytest.raises(MislabelledCrs, match=r"28\d km from `near` \(117\.2, 31\.8\).*at most 100 km"):
        read_features(file, near=(117.2, 31.8))
    right = read_features(file, crs="EPSG:4548", near=(117.2, 31.8))
    assert astray(right.geometries[0], at(117.2, 31.8)[0]) < 1e-8


def test_a_zones_number_before_the_eastings_names_the_system(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=at(113.88, 22.55), crs=4326).to_crs("EPSG:4526")
    file = file_of(tmp_path, list(frame.geometry), "EPSG:4547")
    with pytest.raises(
        MislabelledCrs, match="begin with 38, as the eastings of zone 38 do: perhaps it is EPSG:4526"
    ):
        read_features(file)
    six = geopandas.GeoDataFrame(geometry=at(113.88, 22.55), crs=4326).to_crs("EPSG:4497")
    with pytest.raises(MislabelledCrs, match="perhaps it is EPSG:4497"):
        read_features(file_of(tmp_path, list(six.geometry), "EPSG:4547", "six.gpkg"))


def test_feet_in_a_file_of_degrees_name_no_zone(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(geometry=at(-71.1, 42.3), crs=4326).to_crs("EPSG:2249")
    file = file_of(tmp_path, list(frame.geometry), "EPSG:4326", "grids.geojson")
    with pytest.raises(MislabelledCrs, match="looks projected, in metres or feet") as caught:
        read_features(file)
    assert "zone" not in caught.value.message


def test_a_system_that_is_no_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MislabelledCrs, match="neither geographic nor projected"):
        read_features(file_of(tmp_path, at(10, 50), "EPSG:4326"), crs="EPSG:4978")


@pytest.mark.parametrize("near", [[200, 10], [10], "10,50", [10, "50"], [True, 1]])
def test_a_wrong_near_is_refused(near: object) -> None:
    with pytest.raises(BadGridsTable, match="near"):
        validate({"file": "x", "near": near, "levels": [{"key": "k", "code": "c"}]})


def test_swap_axes_is_true_or_false() -> None:
    with pytest.raises(BadGridsTable, match="needs true or false for `swap_axes`, not 'yes'"):
        validate({"file": "x", "swap_axes": "yes", "levels": [{"key": "k", "code": "c"}]})
