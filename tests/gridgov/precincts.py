"""Specialised grids over the small town: fire stations as sets of squares, precincts as polygons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely

from geodata.specialised.layers import FieldLayer, Form, SpecialisedGrid
from gridgov.specialised import Sent
from tests.gridgov import scene

#: Precinct 1 has the west of the town and a third of its east, beyond the border of the squares.
BORDER = 114.0133
#: A point in N2 that lies in precinct 1 all the same.
BETWEEN = {"lon": 114.011, "lat": 22.515, "datum": "wgs84", "accuracy_m": 5}


def stations(members: Mapping[str, str] | None = None) -> FieldLayer:
    """Fire stations by code, each with its squares written with spaces."""
    held = members or {"F1": "N1 N2", "F2": "S1 S2"}
    grids = [
        SpecialisedGrid(code, f"站{code}", f"squad {code}", tuple(mine.split()))
        for code, mine in held.items()
    ]
    return FieldLayer.build("fire", "消防", "fire", Form.sets, grids)


def precincts() -> FieldLayer:
    """Two precincts with a border of their own."""
    west, east = shapely.box(114.00, 22.50, BORDER, 22.52), shapely.box(BORDER, 22.50, 114.02, 22.52)
    grids = [SpecialisedGrid("1", "西所", "west", (), west), SpecialisedGrid("2", "东所", "east", (), east)]
    return FieldLayer.build("police", "警务", "police", Form.polygons, grids)


def sent(layer: FieldLayer, *categories: str, edition: int = 1, **more: Any) -> Sent:
    """A layer for these categories, or for all."""
    return Sent(layer, edition, categories=tuple(categories), **more)


#: Fire stations matter for rubbish alone, precincts for everything.
FIRE, POLICE = sent(stations(), scene.RUBBISH), sent(precincts())
