"""Drawings in letters: each letter a square of the grid whose code it is, a dot ground of no grid."""

import shapely
from hypothesis import strategies as st

from tests.geodata.drawings import one_level, tile


def shapes_of(drawing):
    """A drawing in letters, one a square of about 0.7 x 1.1 km: code -> the squares with that letter."""
    squares = {}
    for row, line in enumerate(drawing.split()):
        for column, code in enumerate(line):
            if code != ".":
                squares.setdefault(code, []).append(tile(column, row))
    return {code: shapely.union_all(found) for code, found in squares.items()}


def drawn(drawing):
    """The hierarchy of one level that the letters draw."""
    shapes = shapes_of(drawing)
    return one_level(list(shapes.values()), list(shapes))


def told(comparison):
    """(kind, old codes, new codes) of each change, codes run together."""
    return {(change.kind.value, "".join(change.old), "".join(change.new)) for change in comparison.changes}


full = st.lists(st.text("ABCDE", min_size=5, max_size=5), min_size=4, max_size=4).map(" ".join)
"""Drawings of 5 x 4 squares, all of them somebody's."""
drawings = st.lists(st.text("ABCDE.", min_size=5, max_size=5), min_size=4, max_size=4).map(" ".join)
drawings = drawings.filter(lambda drawing: set(drawing) - {".", " "})
"""Drawings of 5 x 4 squares, some of them nobody's."""
