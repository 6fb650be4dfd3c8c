"""The datums against two independent public packages, eviltransform (BSD) and prcoords (CC0), over the mainland.

Both take the usual box for China and so shift Hong Kong, Macau and Taiwan, where we do not: those points are
left out. eviltransform takes WGS-84's axis for the ellipsoid where the formula in general use has Krasovsky's:
2 cm in a shift of a kilometre.
"""

from __future__ import annotations

from collections.abc import Callable

import eviltransform
import numpy as np
import prcoords
import pytest
from numpy.typing import NDArray

from geodata.datum import Datum, from_wgs84, is_shifted, to_wgs84
from geodata.grids import WGS84

Degrees = NDArray[np.float64]
#: Every half degree from Kashgar to Fuyuan and from Sanya to Mohe: 8,740 points. Some lie across the border or at
#: sea, where the formula holds as well.
MAINLAND = np.array(
    [(x, y) for x in np.arange(74, 135, 0.5) for y in np.arange(18, 53.6, 0.5) if is_shifted(x, y)]
)


def theirs(convert: Callable[[float, float], tuple[float, float]], points: Degrees) -> Degrees:
    """Each point through one of the packages, which take and give (latitude, longitude)."""
    return np.array([tuple(convert(lat, lon))[::-1] for lon, lat in points.tolist()])


def apart(one: Degrees, other: Degrees) -> Degrees:
    """The distances in metres."""
    return np.asarray(WGS84.inv(*one.T, *other.T)[2])


def pr(name: str) -> Callable[[float, float], tuple[float, float]]:
    """A conversion of prcoords, which takes pairs."""
    convert = getattr(prcoords, name)
    return lambda lat, lon: convert((lat, lon))


@pytest.mark.parametrize(
    ("datum", "convert", "metres"),
    [
        # The same formula and the same axis: what is left is rounding.
        (Datum.gcj02, pr("wgs_gcj"), 1e-6),
        (Datum.bd09, pr("wgs_bd"), 1e-6),
        # Another axis.
        (Datum.gcj02, eviltransform.wgs2gcj, 0.02),
        (Datum.bd09, eviltransform.wgs2bd, 0.02),
    ],
    ids=["prcoords-gcj02", "prcoords-bd09", "eviltransform-gcj02", "eviltransform-bd09"],
)
def test_there(datum: Datum, convert: Callable[[float, float], tuple[float, float]], metres: float) -> None:
    ours = np.array([from_wgs84(lon, lat, datum) for lon, lat in MAINLAND.tolist()])
    assert apart(theirs(convert, MAINLAND), ours).max() < metres


@pytest.mark.parametrize(
    ("datum", "convert", "mostly", "always"),
    [
        # Stops where its last step was below 1e-5 degrees, a metre, of which the formula leaves a hundredth.
        (Datum.gcj02, pr("gcj_wgs_bored"), 0.004, 0.005),
        (Datum.bd09, pr("bd_wgs_bored"), 0.014, 0.02),
        # Halves until both axes are within 1e-6 degrees, 0.11 m, and takes each axis for itself: where they
        # are not independent it ends up to a metre off. Another axis of the ellipsoid besides.
        (Datum.gcj02, eviltransform.gcj2wgs_exact, 0.15, 1.1),
    ],
    ids=["prcoords-gcj02", "prcoords-bd09", "eviltransform-gcj02"],
)
def test_back(
    datum: Datum, convert: Callable[[float, float], tuple[float, float]], mostly: float, always: float
) -> None:
    """Their iterative inverses of the same images agree with ours within what they allow themselves: 99 in 100
    points within ``mostly`` metres, all within ``always``. eviltransform has none for BD-09.
    """
    there = np.array([from_wgs84(lon, lat, datum) for lon, lat in MAINLAND.tolist()])
    ours = np.array([to_wgs84(lon, lat, datum) for lon, lat in there.tolist()])
    off = apart(theirs(convert, there), ours)
    assert np.percentile(off, 99) < mostly
    assert off.max() < always
    assert apart(ours, MAINLAND).max() < 1e-6


def test_one_step_back_errs_by_metres_where_ours_does_not() -> None:
    """What most programs do: the reason for an iterative inverse."""
    there = np.array([from_wgs84(lon, lat, "gcj02") for lon, lat in MAINLAND.tolist()])
    assert apart(theirs(eviltransform.gcj2wgs, there), MAINLAND).max() > 2


def test_both_shift_hong_kong_and_we_do_not() -> None:
    lon, lat = 114.158, 22.282
    ours = np.array([from_wgs84(lon, lat, "gcj02")])
    for convert in (eviltransform.wgs2gcj, pr("wgs_gcj")):
        assert 500 < apart(theirs(convert, np.array([(lon, lat)])), ours)[0] < 700
