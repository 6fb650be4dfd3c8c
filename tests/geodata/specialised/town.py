"""A town of four columns and two rows of square micro-grids, A1 to D2, and layers over it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from geodata.drawing import Source
from geodata.grids import Hierarchy, Level, measured
from geodata.specialised.drawing import DrawnGrid, LayerDrawing, Member
from geodata.specialised.layers import FieldLayer, Form, SpecialisedGrid
from geodata.specialised.sets import Ground

LEVELS = (Level("city", "市", "city"), Level("ward", "区", "ward"))
COLUMNS = "ABCD"


def tile(column: float, row: float, columns: float = 1, rows: float = 1) -> Polygon:
    """A rectangle of squares of 0.01 degrees, counted from (10, 50); a square is some 800,000 m²."""
    return shapely.box(
        10 + column / 100, 50 + row / 100, 10 + (column + columns) / 100, 50 + (row + rows) / 100
    )


def squares() -> dict[str, Polygon]:
    """The micro-grids by code: A1 is in the south-west, D2 in the north-east."""
    return {
        f"{letter}{row + 1}": tile(column, row) for column, letter in enumerate(COLUMNS) for row in range(2)
    }


def edition(shapes: Mapping[str, Polygon | MultiPolygon] | None = None) -> Ground:
    """The town, or other micro-grids in one city."""
    drawn = dict(squares() if shapes is None else shapes)
    whole = shapely.union_all(np.array(list(drawn.values()), dtype=object))
    grids = [measured(code, code, 1, "city", shape) for code, shape in drawn.items()]
    return Ground(Hierarchy.build(LEVELS, [measured("city", "city", 0, None, whole), *grids]))


def sets(members: Mapping[str, str], key: str = "fire") -> FieldLayer:
    """A layer of sets: code -> its micro-grids, written with spaces; its team is the code with "team"."""
    grids = [
        SpecialisedGrid(code, f"grid {code}", f"team {code}", tuple(mine.split()))
        for code, mine in members.items()
    ]
    return FieldLayer.build(key, "消防", "fire", Form.sets, grids)


def polygons(shapes: Mapping[str, Polygon | MultiPolygon], key: str = "police") -> FieldLayer:
    """A layer of polygons."""
    grids = [SpecialisedGrid(code, code, f"team {code}", (), shape) for code, shape in shapes.items()]
    return FieldLayer.build(key, "警务", "police", Form.polygons, grids)


def drawing(form: Form, *drawn: tuple[str, Polygon | MultiPolygon | None]) -> LayerDrawing:
    """Polygons as read from a file."""
    grids = tuple(DrawnGrid(code, code, None, shape, f"feature {code}") for code, shape in drawn)
    return LayerDrawing(
        "police", "警务", "police", form, grids, None, Source("f", "none", "none", len(grids))
    )


def table(*rows: tuple[str, str] | tuple[str, str, str | None, str | None]) -> LayerDrawing:
    """Rows of a table as read: micro-grid, code, and perhaps name and team."""
    members = tuple(
        Member(row[0], row[1], *(row[2:] or (None, None)), f"line {line}") for line, row in enumerate(rows, 2)
    )
    source = Source("t", "none", "none", len(rows))
    return LayerDrawing("fire", "消防", "fire", Form.sets, (), members, source)
