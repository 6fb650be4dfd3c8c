"""Tiles and places: the plain formula agrees with PROJ, and every place lies in the tile that is named for it."""

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geodata.errors import UnknownTile
from geodata.mercator import EQUATOR_M, EXTENT, MAX_ZOOM, MOST_LAT, Address, addresses, pixels, units

PROJ = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)


def test_units_agree_with_proj() -> None:
    rng = np.random.default_rng(1)
    at = np.column_stack([rng.uniform(-180, 180, 1000), rng.uniform(-85, 85, 1000)])
    for zoom in (0, 7, MAX_ZOOM):
        ours = shapely.get_coordinates(units(shapely.points(at), zoom))
        x, y = PROJ.transform(*at.T)
        scale = EXTENT * 2**zoom / EQUATOR_M
        theirs = np.column_stack([(x + EQUATOR_M / 2) * scale, (EQUATOR_M / 2 - y) * scale])
        assert np.abs(ours - theirs).max() < 1e-6 * 2**zoom / 2**10 + 1e-6


def test_bounds_are_those_that_gdal_and_others_use() -> None:
    """Tile 14/13378/7131 by EPSG:3857: edges are whole shares of the world's side."""
    address = Address(14, 13378, 7131)
    side = EQUATOR_M / 2**14
    west, north = PROJ.transform(address.bounds[0], address.bounds[3])
    assert west == pytest.approx(13378 * side - EQUATOR_M / 2, abs=1e-6)
    assert north == pytest.approx(EQUATOR_M / 2 - 7131 * side, abs=1e-6)


@given(st.floats(-180, 180), st.floats(-85.05, 85.05), st.integers(0, MAX_ZOOM))
def test_a_place_lies_in_the_tile_around_it(lon: float, lat: float, zoom: int) -> None:
    for address in addresses((lon, lat, lon, lat), zoom):
        west, south, east, north = address.bounds
        assert west - 1e-9 <= lon <= east + 1e-9
        assert south - 1e-9 <= lat <= north + 1e-9


def test_the_world_has_all_tiles_and_what_lies_beyond_it_none() -> None:
    assert len(addresses((-180, -90, 180, 90), 3)) == 64
    assert Address(0, 0, 0).bounds == pytest.approx((-180, -MOST_LAT, 180, MOST_LAT))


@pytest.mark.parametrize(
    ("z", "x", "y", "why"),
    [
        (-1, 0, 0, "zooms run from 0 to 16"),
        (17, 0, 0, "zooms run from 0 to 16"),
        (10**30, 0, 0, "zooms run"),
        (3, 8, 0, "columns and rows run from 0 to 7"),
        (3, 0, 8, "columns and rows run from 0 to 7"),
        (3, -1, 0, "columns and rows run from 0 to 7"),
    ],
)
def test_what_is_no_tile_is_refused(z: int, x: int, y: int, why: str) -> None:
    with pytest.raises(UnknownTile, match=why):
        Address(z, x, y)


def test_pixels_grow_with_zoom_and_latitude() -> None:
    assert pixels(EQUATOR_M, 0, 0) == pytest.approx(256)
    assert pixels(100, 60, 12) == pytest.approx(2 * pixels(100, 0, 12))
    assert pixels(100, 22, 13) == pytest.approx(2 * pixels(100, 22, 12))
