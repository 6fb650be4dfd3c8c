"""Longitude and latitude the wrong way round, told by where the city lies."""

from __future__ import annotations

import pytest
import shapely

from geodata.datum import Datum
from geodata.grids import Hierarchy, Level, measured
from geodata.locate import Locator
from gridgov.errors import BadInput
from gridgov.in_force import Atlas
from gridgov.places import require_not_swapped
from gridgov.siting import SentPosition


def atlas(west: float, south: float) -> Atlas:
    """A city of one grid, a degree wide and high."""
    grid = measured("C", "city", 0, None, shapely.box(west, south, west + 1, south + 1))
    drawn = Hierarchy.build([Level("city", "市", "city")], [grid])
    return Atlas(1, "drawn", True, drawn, Locator(drawn))


NEW_YORK, SHENZHEN = atlas(-74.3, 40.4), atlas(113.7, 22.4)


@pytest.mark.parametrize(("lon", "lat", "datum"), [(40.7, -73.9, Datum.wgs84), (40.4, -74.3, Datum.gcj02)])
def test_a_pair_that_is_valid_either_way_is_told_by_the_map(lon: float, lat: float, datum: Datum) -> None:
    """New York's pair, exchanged, lies in the sea off Antarctica: no range of numbers shows it."""
    with pytest.raises(BadInput, match="swapped"):
        require_not_swapped(NEW_YORK, SentPosition(lon, lat, datum))


@pytest.mark.parametrize(("lon", "lat"), [(-73.9, 40.7), (0, 0), (10, 50), (-74.32, 40.38), (179.9, -89)])
def test_what_lies_here_or_nowhere_near_is_left_alone(lon: float, lat: float) -> None:
    require_not_swapped(NEW_YORK, SentPosition(lon, lat, Datum.wgs84))
    require_not_swapped(NEW_YORK, None)


def test_a_new_edition_counts_at_once() -> None:
    """The bounds are remembered for the atlas itself, not for its number."""
    point = SentPosition(40.7, -73.9, Datum.wgs84)
    require_not_swapped(SHENZHEN, point)
    with pytest.raises(BadInput):
        require_not_swapped(NEW_YORK, point)
