"""Small drawings that tests begin from."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from geodata.drawing import Drawing, Drawn
from geodata.grids import Grid, Hierarchy, Level, measured

CITY = (Level("city", "市", "city"), Level("ward", "区", "ward"))
WARDS = (Level("ward", "区", "ward"),)


def tile(column: int, row: int, columns: int = 1, rows: int = 1) -> Polygon:
    """A rectangle of squares of 0.01 degrees, counted from (10, 50)."""
    return box(10 + column / 100, 50 + row / 100, 10 + (column + columns) / 100, 50 + (row + rows) / 100)


def a_city(*wards: tuple[str, Polygon | MultiPolygon], city: Polygon | None = None) -> Drawing:
    """A drawing of one city C and its wards; the city is the box around them unless given."""
    around = city or box(*shapely.total_bounds(np.array([shape for _, shape in wards], dtype=object)))
    top = Drawn("C", "C", 0, (), around, None, "test")
    return Drawing(CITY, (top, *(a_ward(code, shape) for code, shape in wards)))


def a_ward(code: str, shape: Polygon | MultiPolygon | None, *parents: tuple[str, int]) -> Drawn:
    """A ward of the city C, or of other parents."""
    return Drawn(code, code, 1, parents or (("C", 1),), shape, None, "test")


def astray(found: Polygon | MultiPolygon, drawn: Polygon | MultiPolygon) -> float:
    """How far the furthest corner of `drawn` is from a corner of `found`, in degrees.

    For what comes out of a projected file: between its corners it has points that keep its edges straight there.
    """
    corners = shapely.multipoints(shapely.get_coordinates(found))
    return max(corners.distance(shapely.Point(one)) for one in shapely.get_coordinates(drawn))


def one_level(shapes: Sequence[Polygon | MultiPolygon], codes: Sequence[str] | None = None) -> Hierarchy:
    """Wards without anything above; their codes are 000, 001 ... unless given."""
    names = codes or [f"{number:03d}" for number in range(len(shapes))]
    return Hierarchy.build(WARDS, [a_grid(code, shape) for code, shape in zip(names, shapes, strict=True)])


def a_grid(code: str, shape: Polygon | MultiPolygon, level: int = 0, parent: str | None = None) -> Grid:
    """A measured grid named by its code."""
    return measured(code, code, level, parent, shape)
