"""A report whose accuracy reaches over the border says which other grids it may lie in."""

from __future__ import annotations

import pytest

from geodata.datum import Datum
from gridgov.siting import SentPosition, locate
from tests.gridgov import scene

#: 5 m west of the border between N1 and N2, 10 m north of that between N1 and S1.
CORNER = (114.01 - 5 / 102_900, 22.51 + 10 / 110_740)


@pytest.mark.parametrize(
    ("accuracy_m", "others"),
    [
        (None, ()),
        (0.0, ()),
        (3.0, ()),
        (7.0, ("D/N/N2",)),
        (10.5, ("D/N/N2", "D/S/S1")),
        (12.0, ("D/N/N2", "D/S/S1", "D/S/S2")),
        (90_000.0, ("D/N/N2", "D/S/S1", "D/S/S2")),
    ],
)
def test_neighbours_within_the_accuracy_are_alternatives(
    accuracy_m: float | None, others: tuple[str, ...]
) -> None:
    found = locate(scene.in_force(), SentPosition(*CORNER, Datum.wgs84, accuracy_m))
    assert found.path == ("D", "N", "N1")
    assert found.near_border == others
    assert found.accuracy_m == accuracy_m


def test_outside_every_grid_those_within_the_accuracy_are_alternatives() -> None:
    outside = SentPosition(114.0 - 20 / 102_900, 22.515, Datum.wgs84, 30)
    found = locate(scene.in_force(), outside)
    assert found.path == ()
    assert found.outside_m == pytest.approx(20, abs=0.1)
    assert found.near_border == ("D/N/N1",)
    assert locate(scene.in_force(), SentPosition(outside.lon, outside.lat, Datum.wgs84, 10)).near_border == ()
