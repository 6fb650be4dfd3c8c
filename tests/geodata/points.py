"""What locating is tried with: polygons that Hypothesis draws, the points that tell, and the slow, obvious way."""

import math
from itertools import pairwise

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from geodata.locate import Locator
from tests.geodata.drawings import tile


def scan(hierarchy, x, y):
    """The slow, obvious way: the first of the polygons in order of code that each point meets, or -1."""
    polygons = np.array([grid.geometry for grid in hierarchy.lowest], dtype=object)
    point, number = shapely.STRtree(polygons).query(shapely.points(x, y), predicate="intersects")
    found = np.full(len(x), len(polygons))
    np.minimum.at(found, point, number)
    return np.where(found == len(polygons), -1, found)


def telling_points(hierarchy, seed=1, strewn=20_000):
    """All vertices and edge midpoints, points a hair beside them and beside other places on edges, and points strewn
    over and around the box."""
    polygons = [grid.geometry for grid in hierarchy.lowest]
    points, ring = shapely.get_coordinates(
        shapely.get_rings(shapely.get_parts(np.array(polygons, dtype=object))), return_index=True
    )
    along = ring[1:] == ring[:-1]
    starts, ends = points[:-1][along], points[1:][along]
    middles = (starts + ends) / 2
    rng = np.random.default_rng(seed)
    somewhere = starts + rng.random((len(starts), 1)) * (ends - starts)
    places = np.concatenate([points, middles, somewhere])
    beside = np.nextafter(places, rng.choice([-1000.0, 1000.0], places.shape))
    low, high = points.min(axis=0), points.max(axis=0)
    spread = rng.uniform(low - (high - low) / 20, high + (high - low) / 20, (strewn, 2))
    return np.concatenate([points, middles, beside, spread]).T


def assert_equals_scan(hierarchy, x, y, cells=None, one_by_one=3000):
    locator = Locator(hierarchy, cells)
    expected = scan(hierarchy, x, y)
    assert np.array_equal(locator.index_many(x, y), expected)
    for at in np.random.default_rng(2).integers(0, len(x), min(one_by_one, len(x))).tolist():
        assert locator.index(float(x[at]), float(y[at])) == expected[at]


# Away from zero: beside it doubles come as close as 5e-324, where GEOS itself says no to a polygon and yes to the
# same polygon prepared (its products underflow).
across = st.integers(0, 12).map(lambda steps: 10 + steps / 8)
up = st.integers(0, 12).map(lambda steps: 50 + steps / 8)
length = st.integers(1, 13).map(lambda steps: steps / 8)
lons, lats = st.floats(9, 13), st.floats(49, 53)


@st.composite
def boxes(draw):
    west, south = draw(across), draw(up)
    return box(west, south, west + draw(length), south + draw(length))


@st.composite
def stars(draw):
    """A polygon around a middle, its corners at any distance from it."""
    x, y = draw(across), draw(up)
    reaches = draw(st.lists(st.floats(0.05, 1.0), min_size=3, max_size=9))
    angles = [2 * math.pi * at / len(reaches) for at in range(len(reaches))]
    return Polygon([(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(reaches, angles, strict=True)])


@st.composite
def with_hole(draw):
    around = draw(st.one_of(boxes(), stars()))
    holed = around.difference(shapely.affinity.scale(draw(st.one_of(boxes(), stars())), 0.5, 0.5))
    return around if holed.is_empty else holed


@st.composite
def in_parts(draw):
    merged = shapely.union_all(
        draw(st.lists(st.one_of(boxes(), stars(), with_hole()), min_size=2, max_size=4))
    )
    return merged if isinstance(merged, MultiPolygon) else MultiPolygon([merged])


shapes = st.one_of(boxes(), stars(), with_hole(), in_parts()).filter(
    lambda shape: shape.is_valid and shape.area > 0 and shape.geom_type in ("Polygon", "MultiPolygon")
)


@st.composite
def mosaics(draw):
    """Polygons that share their borders piece by piece: tiles, bent at random corners, dealt out to a few owners.

    So there are polygons in parts, in holes of others, and meeting in a corner only; perhaps a tile is nobody's.
    """
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dealt = draw(st.lists(st.integers(-1, 4), min_size=columns * rows, max_size=columns * rows))
    shake = draw(st.floats(0, 0.004))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    bends = rng.uniform(-shake, shake, (rows + 1, columns + 1, 2))
    tiles = []
    for at in range(columns * rows):
        row, column = divmod(at, columns)
        corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
        ring = [
            (10 + (column + x) / 100, 50 + (row + y) / 100) + bends[row + y, column + x] for x, y in corners
        ]
        tiles.append(Polygon(ring))
    owned = [[one for one, owner in zip(tiles, dealt, strict=True) if owner == name] for name in range(5)]
    shapes = [shapely.coverage_union_all(mine) for mine in owned if mine]
    return shapes or [tile(0, 0)]


@st.composite
def fringed(draw):
    """Polygons one above the other, the borders between them going to and fro: fingers of one reach into the next,
    some so thin that a cell holds several pieces of the same border."""
    number = draw(st.integers(2, 4))
    corners = draw(st.one_of(st.integers(0, 20), st.integers(100, 400)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    reach = draw(st.floats(0, 0.49))
    back = draw(st.sampled_from([0.0, 0.5, 0.95]))
    lines = [np.array([(10.0, 50.0), (10.1, 50.0)])]
    for height in range(1, number):
        steps = np.linspace(10, 10.1, corners + 2)
        # Fingers lean over, yet less than to the next one: so that no border crosses itself.
        steps[1:-1:2] += back * 0.1 / (corners + 1) * rng.uniform(0, 1, len(steps[1:-1:2]))
        up = 50 + (height + rng.uniform(-reach, reach, corners + 2)) / 100
        lines.append(np.column_stack([steps, up]))
    lines.append(np.array([(10.0, 50 + number / 100), (10.1, 50 + number / 100)]))
    return [Polygon(np.concatenate([low, high[::-1]])) for low, high in pairwise(lines)]
