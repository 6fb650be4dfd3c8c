"""The levels above the lowest, made by merging its polygons under the parents that its columns name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.drawing import Drawn
from geodata.grids import merged
from geodata.grids_table import LevelColumns


def dissolved(
    below: Sequence[Drawn],
    number: int,
    columns: LevelColumns,
    codes: Sequence[str | None],
    above: Sequence[str | None] | None,
    names: Sequence[str | None],
    units: Sequence[str | None],
    file: str,
) -> list[Drawn]:
    """The grids of level `number` out of those one level below, in order of their codes.

    `codes`, `above` (the codes one level up, None for the widest), `names` and `units` have one text a
    feature of the file; a grid's are those that most of its features have.
    """
    children: dict[str, list[Drawn]] = {}
    for child in below:
        if child.parent is not None:
            children.setdefault(child.parent, []).append(child)
    rows: dict[str, list[int]] = {}
    for row, code in enumerate(codes):
        if code is not None:
            rows.setdefault(code, []).append(row)
    level = []
    for code in sorted(children):
        mine = rows.get(code, [])
        level.append(
            Drawn(
                code=code,
                name=_most(names[row] for row in mine) or code,
                level=number,
                claims=claims([] if above is None else [above[row] for row in mine], code, columns),
                geometry=merge(child.geometry for child in children[code]),
                responsible_unit=_most(units[row] for row in mine),
                source=f"{file}, merged from {len(children[code])}",
            )
        )
    return level


def claims(
    above: Iterable[str | None], code: str | None, columns: LevelColumns
) -> tuple[tuple[str, int], ...]:
    """The parents named, the one named most first (of equals the smallest); a parent by rule stands alone."""
    named = Counter(parent for parent in above if parent is not None)
    if code is not None and code in columns.parents:
        return ((columns.parents[code], named.total()),)
    return tuple(sorted(named.items(), key=lambda claim: (-claim[1], claim[0])))


def _most(texts: Iterable[str | None]) -> str | None:
    """The text found most often, of equals the smallest; None where there is none."""
    found = Counter(text for text in texts if text is not None)
    return min(found, key=lambda text: (-found[text], text), default=None)


def merge(geometries: Iterable[BaseGeometry | None]) -> BaseGeometry | None:
    """The polygons merged; broken ones as GEOS mends them (the check reports them where they stand)."""
    given = [one for one in geometries if one is not None and one.geom_type in ("Polygon", "MultiPolygon")]
    sound = [one if one.is_valid else shapely.make_valid(one, method="structure") for one in given]
    sound = [one for one in sound if not one.is_empty]
    return merged(np.array(sound, dtype=object)) if sound else None
