"""How far points are: compared with known lengths of the ellipsoid."""

import numpy as np
import pytest

from geodata.distance import metres


def test_a_degree_along_the_equator_is_that_of_the_ellipsoid() -> None:
    """2 pi times the axis of WGS-84, 6,378,137 m, over 360."""
    assert metres(0, 0, [1.0], [0.0])[0] == pytest.approx(6_378_137 * np.pi / 180, abs=1e-3)


def test_from_the_equator_to_the_pole_is_the_quarter_of_a_meridian() -> None:
    """10,001,965.729 m, the meridian quadrant of WGS-84."""
    assert metres(114, 0, [114.0], [90.0])[0] == pytest.approx(10_001_965.729, abs=1e-2)


def test_as_many_come_back_as_there_are_others() -> None:
    assert metres(113.88, 22.66, [], []).shape == (0,)
    found = metres(113.88, 22.66, [113.88, 113.87, 113.89], [22.66, 22.66, 22.66])
    assert found[0] == 0
    assert found[1] == pytest.approx(found[2], abs=1e-6)


def test_over_the_date_line_it_is_the_short_way() -> None:
    assert metres(179.9, 0, [-179.9], [0.0])[0] == pytest.approx(0.2 * 6_378_137 * np.pi / 180, abs=1e-3)
