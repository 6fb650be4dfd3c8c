"""What well-known binary says it is, read off its headers."""

from __future__ import annotations

import struct

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgov.api.wkb import is_area

BOX = shapely.box(114.0, 22.5, 114.1, 22.6)
HOLED = shapely.Polygon(BOX.exterior, [[(114.02, 22.52), (114.04, 22.52), (114.04, 22.54), (114.02, 22.52)]])
#: Deep enough to overflow the stack of the decoder.
NESTED = struct.pack("<BII", 1, 7, 1) * 20_000 + struct.pack("<BII", 1, 7, 0)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (BOX, True),
        (HOLED, True),
        (shapely.MultiPolygon([BOX, HOLED]), True),
        (shapely.MultiPolygon([shapely.box(114.0, 22.5, 114.01, 22.51), HOLED]), True),
        (shapely.Polygon(), True),
        (shapely.MultiPolygon(), True),
        (shapely.Point(114, 22), False),
        (shapely.LineString([(114, 22), (115, 23)]), False),
        (shapely.MultiPoint([(114, 22)]), False),
        (shapely.GeometryCollection([BOX]), False),
        (shapely.force_3d(BOX), False),
    ],
)
def test_areas_in_two_dimensions_and_nothing_else(shape: shapely.Geometry, area: bool, order: int) -> None:
    assert is_area(shapely.to_wkb(shape, byte_order=order)) == area


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        b"\x02" + shapely.to_wkb(BOX)[1:],
        shapely.to_wkb(BOX) + b"\0",
        shapely.to_wkb(BOX)[:-1],
        shapely.to_wkb(shapely.set_srid(BOX, 4326), include_srid=True),
        struct.pack("<BII", 1, 6, 1) + NESTED,
        struct.pack("<BII", 1, 6, 1) + shapely.to_wkb(shapely.MultiPolygon([BOX])),
        struct.pack("<BIII", 1, 3, 0xFFFFFFFF, 0xFFFFFFFF),
        struct.pack("<BII", 1, 6, 0xFFFFFFFF),
        NESTED,
    ],
)
def test_what_is_none(content: bytes) -> None:
    assert not is_area(content)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda end: shapely.to_wkb(HOLED)[:40] + end))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    assert is_area(content) in (True, False)
