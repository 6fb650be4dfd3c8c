"""Points in the datums of Chinese phones and maps come back to WGS-84 within a centimetre; elsewhere they stay."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from geodata.datum import NOT_SHIFTED as PARTS
from geodata.datum import Datum, from_wgs84, from_wgs84_many, is_shifted, to_wgs84, to_wgs84_many
from geodata.errors import BadPoint, UnknownDatum
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
#: West, south, east, north of all that can be shifted.
BOX = (72.004, 0.8293, 137.8347, 55.8271)
in_box = st.tuples(st.floats(BOX[0], BOX[2]), st.floats(BOX[1], BOX[3]))
shifting = st.sampled_from([Datum.gcj02, Datum.bd09])
anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


def metres(one, other):
    return WGS84.inv(*one, *other)[2]


@pytest.mark.parametrize(("point", "datum", "expected"), REFERENCE)
def test_agrees_with_independent_packages(point, datum, expected):
    assert metres(from_wgs84(*point, datum), expected) < 0.001
    assert metres(to_wgs84(*expected, datum), point) < 0.001


@given(in_box, shifting)
def test_there_and_back_is_within_a_centimetre_everywhere_on_the_mainland(point, datum):
    assume(is_shifted(*point))
    assert metres(to_wgs84(*from_wgs84(*point, datum), datum), point) < 0.01


@given(in_box, shifting)
def test_back_and_there_is_within_a_centimetre(point, datum):
    """What is nobody's image, along the edges, is left as it is."""
    back = to_wgs84(*point, datum)
    assert back == point or metres(from_wgs84(*back, datum), point) < 0.01


def edges():
    """Points just outside Hong Kong, Macau and Taiwan, from a hundredth of a micrometre to 100 m, and on the
    rim of the box, with its corners.
    """
    along = np.linspace(0, 1, 400)
    for part in PARTS.geoms:
        for off in (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3):
            ring = part.buffer(off, join_style="mitre").exterior
            yield from shapely.get_coordinates(ring.interpolate(along, normalized=True)).tolist()
    rim = shapely.box(*BOX).exterior
    yield from shapely.get_coordinates(rim.interpolate(along, normalized=True)).tolist()
    yield from shapely.get_coordinates(rim).tolist()


@pytest.mark.parametrize("datum", [Datum.gcj02, Datum.bd09])
def test_there_and_back_is_within_a_centimetre_along_every_edge(datum):
    """The edge itself is not shifted; a hair beside it is, and its image must not be taken for a point of the
    other side, 600 m off.
    """
    beside = [point for point in edges() if is_shifted(*point)]
    assert len(beside) > 7_000
    there = [from_wgs84(*point, datum) for point in beside]
    back = [to_wgs84(*point, datum) for point in there]
    assert WGS84.inv(*np.transpose(back), *np.transpose(beside))[2].max() < 0.01
    many = np.transpose(to_wgs84_many(*np.transpose(there), datum))
    assert np.abs(many - back).max() < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("datum", [Datum.gcj02, Datum.bd09])
def test_there_and_back_is_within_a_centimetre_on_a_dense_grid(datum):
    """Every twentieth of a degree of the whole box, 1.45 million points, all that is not Hong Kong, Macau or
    Taiwan; the meridian of 105 degrees, where the formula has a kink, among them.
    """
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.arange(72.05, BOX[2], 0.05), np.arange(0.85, BOX[3], 0.05))
    )
    mainland = ~shapely.intersects_xy(PARTS, x, y)
    x, y = x[mainland], y[mainland]
    back = to_wgs84_many(*from_wgs84_many(x, y, datum), datum)
    assert len(x) > 1_400_000
    assert WGS84.inv(*back, x, y)[2].max() < 0.01


@given(st.lists(st.one_of(anywhere, in_box), max_size=20), st.sampled_from(list(Datum)))
def test_many_are_what_each_is_by_itself(points, datum):
    lons, lats = (np.array([point[n] for point in points], np.float64) for n in (0, 1))
    for one, all_of_them in ((to_wgs84, to_wgs84_many), (from_wgs84, from_wgs84_many)):
        each = np.array([one(*point, datum) for point in points]).reshape(-1, 2)
        many = np.transpose(all_of_them(lons, lats, datum))
        assert np.abs(many - each).max(initial=0) < 1e-12
    assert [lons.tolist(), lats.tolist()] == [[point[n] for point in points] for n in (0, 1)]


@pytest.mark.parametrize("datum", list(Datum))
def test_a_bad_one_among_many_is_named(datum):
    for convert in (to_wgs84_many, from_wgs84_many):
        with pytest.raises(BadPoint, match="at position 1: longitude nan"):
            convert([113, math.nan, 181], [22, 22, 22], datum)
        with pytest.raises(ValueError, match="of one length"):
            convert([113, 114], [22], datum)


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
    "Sai Kung": (114.270, 22.382),
    "Cheung Chau": (114.029, 22.208),
    "Po Toi": (114.262, 22.168),
    "Tung Ping Chau": (114.433, 22.543),
    "Fanling": (114.139, 22.492),
    "Tin Shui Wai": (114.001, 22.459),
    "Kowloon": (114.172, 22.315),
    "Tai O": (113.862, 22.254),
    "Macau, the ruins of St Paul": (113.5408, 22.1976),
    "Taipa": (113.558, 22.156),
    "Macau airport": (113.592, 22.150),
    "Coloane": (113.565, 22.120),
    "Taipei": (121.5654, 25.0330),
    "Kaohsiung": (120.3014, 22.6273),
    "Taichung": (120.6736, 24.1477),
    "Hualien": (121.6044, 23.9769),
    "Taitung": (121.1466, 22.7583),
    "Keelung": (121.7419, 25.1283),
    "Kenting": (120.797, 21.945),
    "Penghu": (119.566, 23.565),
    "Orchid Island": (121.548, 22.045),
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
    "Pingtan": (119.790, 25.500),
    "Nei Lingding": (113.800, 22.415),
    "Zhuhai, Guishan": (113.823, 22.137),
    "Sanya": (109.508, 18.247),
    "Kashgar": (75.989, 39.467),
    "Mohe": (122.537, 52.973),
    "Fuyuan": (134.290, 48.362),
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
    assert 250 < metres(moved, SHIFTED[place]) < 1500
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
    for convert in (to_wgs84, from_wgs84, lambda lon, lat, datum: to_wgs84_many([lon], [lat], datum)):
        with pytest.raises(
            UnknownDatum, match="no datum 'wgs85'; the datums are wgs84, gcj02, bd09, cgcs2000"
        ):
            convert(*BAOAN, "wgs85")
