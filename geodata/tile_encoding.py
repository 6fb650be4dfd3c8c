"""Vector tiles (Mapbox Vector Tile specification 2.1) in the messages of the library mapbox-vector-tile.

Its own `encode` walks every point in Python; for all polygons at once numpy works out the same commands, and
the same bytes come out (a test compares) in about a third of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from numpy.typing import NDArray

from geodata.mercator import EXTENT

Polygons = NDArray[np.object_]

VERSION = 2
# One command each, and how often, as the specification packs them (4.3.1): MoveTo once, ClosePath once.
MOVE_TO_ONCE = 1 << 3 | 1
LINE_TO = 2
CLOSE_PATH = 1 << 3 | 7


@dataclass(frozen=True, slots=True)
class Layer:
    """What goes into a tile under one name: polygons in whole units of the tile, y downward, valid, not
    empty; a number and properties for each.
    """

    name: str
    polygons: Polygons
    ids: Sequence[int]
    properties: Sequence[Mapping[str, str]]


def encode(layers: Sequence[Layer]) -> bytes:
    """The layers as one tile of 4096 units.

    >>> square = np.array([shapely.box(0, 0, 2, 2)])
    >>> len(encode([Layer("ward", square, [1], [{"code": "W1"}])]))
    48
    """
    tile = vector_tile_pb2.tile()
    for layer in layers:
        _add(tile, layer)
    packed: bytes = tile.SerializeToString()
    return packed


def _add(tile: Any, layer: Layer) -> None:
    """Add a layer: each key and each value is written once, features name them by number (4.1, 4.2)."""
    keys: dict[str, int] = {}
    values: dict[str, int] = {}
    # Outside counter-clockwise in numbers is clockwise as seen, y running downward: 4.3.4.4 wants it so.
    drawn = commands(shapely.orient_polygons(layer.polygons))
    added = tile.layers.add(name=layer.name, version=VERSION, extent=EXTENT)
    for number, properties, steps in zip(layer.ids, layer.properties, drawn, strict=True):
        tags: list[int] = []
        for key, value in properties.items():
            tags += (keys.setdefault(key, len(keys)), values.setdefault(value, len(values)))
        added.features.add(id=number, tags=tags, type=tile.Polygon, geometry=steps)
    added.keys.extend(keys)
    for value in values:
        added.values.add(string_value=value)


def commands(polygons: Polygons) -> list[list[int]]:
    """The command integers of each polygon (4.3), rings as they run, repeated points left out before.

    A ring is MoveTo its first point, LineTo all others but the closing one, ClosePath; points are given as
    steps from the one before, zigzag encoded; each polygon begins at (0, 0).
    """
    if not len(polygons):
        return []
    parts, polygon_of_part = shapely.get_parts(polygons, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    points, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    owner = polygon_of_part[part_of_ring]
    sizes = np.bincount(ring_of_point, minlength=len(rings)) - 1
    starts = np.cumsum(sizes) - sizes
    closing = np.append(ring_of_point[1:] != ring_of_point[:-1], True)
    points, ring_of_point = points[~closing].astype(np.int64), ring_of_point[~closing]
    before = np.vstack([np.zeros((1, 2), np.int64), points[:-1]])
    before[starts[np.append(True, owner[1:] != owner[:-1])]] = 0
    steps = points - before
    zigzag = (steps << 1) ^ (steps >> 63)
    # A ring takes two integers a point and three more: MoveTo, LineTo with its count, ClosePath.
    written = np.empty(2 * len(points) + 3 * len(rings), np.int64)
    ring_at = 2 * starts + 3 * np.arange(len(rings))
    serial = np.arange(len(points)) - starts[ring_of_point]
    point_at = ring_at[ring_of_point] + 1 + 2 * serial + (serial > 0)
    written[point_at], written[point_at + 1] = zigzag[:, 0], zigzag[:, 1]
    written[ring_at] = MOVE_TO_ONCE
    written[ring_at + 3] = (sizes - 1) << 3 | LINE_TO
    written[ring_at + 2 * sizes + 2] = CLOSE_PATH
    first_ring = np.searchsorted(owner, np.arange(len(polygons)))
    begins = [*ring_at[first_ring].tolist(), len(written)]
    listed = written.tolist()
    return [listed[begin:end] for begin, end in pairwise(begins)]
