"""Points in the datums of Chinese phones and maps come back to WGS-84 within a centimetre; elsewhere they stay."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.datum import Datum, from_wgs84, is_shifted, to_wgs84
from geodata.errors import BadPoint
from geodata.grids import WGS84

BAOAN = (113.88, 22.66)
# Computed with two independent public packages, `coord-convert` 0.2.1 (both datums) and `eviltransform` 0.1.1
# (GCJ-02; within 2 cm of the other, as it takes another earth radius).
REFERENCE = [
    (BAOAN, Datum.gcj02, (113.88489870814439, 22.6569733492437)),
    (BAOAN, Datum.bd09, (113.89131463791828, 22.663300181333934)),
    ((116.3975, 39.9087), Datum.gcj02, (116.40374357265176, 39.91010349934476)),
    ((116.3975, 39.9087), Datum.bd09, (116.4101165864734, 39.91644274963076)),
]
# Well inside the mainland: a box from Kunming to Changsha and Xi'an.
inland = st.tuples(st.floats(102.5, 113.0), st.floats(25.0, 34.5))
shifting = st.sampled_from([Datum.gcj02, Datum.bd09])
anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


def metres(one, other):
    return WGS84.inv(*one, *other)[2]


@pytest.mark.parametrize(("point", "datum", "expected"), REFERENCE)
def test_agrees_with_independent_packages(point, datum, expected):
    assert metres(from_wgs84(*point, datum), expected) < 0.001
    assert metres(to_wgs84(*expected, datum), point) < 0.001


@given(inland, shifting)
def test_there_and_back_is_within_a_centimetre(point, datum):
    assert metres(to_wgs84(*from_wgs84(*point, datum), datum), point) < 0.01


@given(inland, shifting)
def test_back_and_there_is_within_a_centimetre(point, datum):
    assert metres(from_wgs84(*to_wgs84(*point, datum), datum), point) < 0.01


@pytest.mark.parametrize(("datum", "off"), [(Datum.gcj02, 606), (Datum.bd09, 1230)])
def test_baoan_is_off_by_as_much_as_is_known(datum, off):
    assert metres(from_wgs84(*BAOAN, datum), BAOAN) == pytest.approx(off, rel=0.02)


@given(anywhere, st.sampled_from([Datum.wgs84, Datum.cgcs2000]))
def test_wgs84_and_cgcs2000_are_the_same_for_our_purpose(point, datum):
    assert to_wgs84(*point, datum) == point
    assert from_wgs84(*point, datum) == point


NOT_SHIFTED = {
    "Hong Kong, Central": (114.158, 22.282),
    "Hong Kong airport": (113.935, 22.308),
    "Tuen Mun": (113.973, 22.391),
    "Sha Tin": (114.195, 22.381),
    "Macau, the ruins of St Paul": (113.5408, 22.1976),
    "Coloane": (113.565, 22.120),
    "Taipei": (121.5654, 25.0330),
    "Kaohsiung": (120.3014, 22.6273),
    "Tokyo": (139.6917, 35.6895),
    "New York": (-74.0060, 40.7128),
}
SHIFTED = {
    "Bao'an": BAOAN,
    "Shekou": (113.915, 22.480),
    "Futian": (114.055, 22.541),
    "Luohu station": (114.1175, 22.5325),
    "Yantian": (114.270, 22.575),
    "Dapeng": (114.480, 22.590),
    "Zhuhai, Gongbei": (113.550, 22.222),
    "Hengqin": (113.520, 22.130),
    "Xiamen": (118.089, 24.480),
    "Beijing": (116.3975, 39.9087),
}


@pytest.mark.parametrize("place", NOT_SHIFTED)
@pytest.mark.parametrize("datum", [Datum.gcj02, Datum.bd09])
def test_hong_kong_macau_taiwan_and_abroad_are_not_shifted(place, datum):
    assert not is_shifted(*NOT_SHIFTED[place])
    assert from_wgs84(*NOT_SHIFTED[place], datum) == NOT_SHIFTED[place]
    assert to_wgs84(*NOT_SHIFTED[place], datum) == NOT_SHIFTED[place]


@pytest.mark.parametrize("place", SHIFTED)
@pytest.mark.parametrize("datum", [Datum.gcj02, Datum.bd09])
def test_the_mainland_is_shifted_up_to_its_border_cities(place, datum):
    """Also where the shifted point falls across the river: going back, the mainland is meant."""
    moved = from_wgs84(*SHIFTED[place], datum)
    assert 300 < metres(moved, SHIFTED[place]) < 1500
    assert metres(to_wgs84(*moved, datum), SHIFTED[place]) < 0.01


@given(anywhere, shifting)
def test_every_point_on_earth_can_be_asked_for(point, datum):
    """The formula ends near the poles, where nothing is shifted."""
    assert max(abs(a - b) for a, b in zip(to_wgs84(*point, datum), point, strict=True)) < 0.05


@pytest.mark.parametrize("lat", [90, -90, 89.99, -89.9])
@pytest.mark.parametrize("datum", [Datum.gcj02, Datum.bd09])
def test_the_poles_are_abroad(lat, datum):
    assert to_wgs84(113.88, lat, datum) == (113.88, lat)


@pytest.mark.parametrize("point", [(math.nan, 22), (113, math.inf), (181, 22), (22.6, 113.9)])
@pytest.mark.parametrize("datum", list(Datum))
def test_what_is_no_point_is_refused(point, datum):
    for convert in (to_wgs84, from_wgs84):
        with pytest.raises(BadPoint):
            convert(*point, datum)


def test_a_datum_may_be_given_by_name_and_an_unknown_one_is_refused():
    assert to_wgs84(*BAOAN, "gcj02") == to_wgs84(*BAOAN, Datum.gcj02)
    with pytest.raises(ValueError, match="'wgs85' is not a valid Datum"):
        to_wgs84(*BAOAN, "wgs85")
