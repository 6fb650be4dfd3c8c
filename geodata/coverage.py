"""How the polygons of a level lie: overlaps and gaps, and what sticks out of a parent or leaves it bare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from geodata.drawing import Drawn
from geodata.findings import Finding, Severity, place_in
from geodata.grids import area_m2, merged

Polygons = NDArray[np.object_]


def polygons_of(drawn: Sequence[Drawn]) -> Polygons:
    """The geometries, as an array for shapely."""
    return np.array([one.geometry for one in drawn], dtype=object)


def parts_m2(geometry: BaseGeometry) -> float:
    """The area in m² of whatever in a geometry has an area."""
    areas = (area_m2(part) for part in shapely.get_parts(geometry).tolist() if isinstance(part, Polygon))
    return sum(areas, 0.0)


def overlaps(level: str, drawn: Sequence[Drawn], tolerance_m2: float) -> Iterator[Finding]:
    """Every pair that shares area; below the tolerance as information only."""
    polygons = polygons_of(drawn)
    # In every overlapping pair one polygon has an edge that fits no neighbour; only those are paired.
    suspect = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(polygons)))
    first, second = shapely.STRtree(polygons).query(polygons[suspect], predicate="intersects")
    pairs = np.unique(np.sort(np.column_stack([suspect[first], second]), axis=1), axis=0)
    for a, b in pairs[pairs[:, 0] < pairs[:, 1]].tolist():
        shared = shapely.intersection(polygons[a], polygons[b])
        if not shared.area:
            continue
        measure = parts_m2(shared)
        codes = tuple(sorted((drawn[a].code, drawn[b].code)))
        yield Finding(
            "OVERLAP",
            Severity.error if measure > tolerance_m2 else Severity.info,
            level,
            codes,
            measure,
            "m2",
            place_in(shared),
            f"{codes[0]} and {codes[1]} of level {level} both cover {measure:,.4g} m²",
        )


def gaps(level: str, drawn: Sequence[Drawn], tolerance_m2: float) -> Iterator[Finding]:
    """Every hole in the union of the level; a park or a dock may be meant: a warning at most."""
    polygons = polygons_of(drawn)
    parts = shapely.get_parts(merged(polygons)).tolist()
    holes = [Polygon(ring) for part in parts for ring in part.interiors]
    tree = shapely.STRtree(polygons)
    for hole in holes:
        measure = area_m2(hole)
        around = tuple(sorted(drawn[at].code for at in tree.query(hole, predicate="intersects").tolist()))
        yield Finding(
            "GAP",
            Severity.warning if measure > tolerance_m2 else Severity.info,
            level,
            around,
            measure,
            "m2",
            place_in(hole),
            f"no grid of level {level} covers {measure:,.4g} m² {_between(around)}",
        )


def outside_parent(
    level: str, drawn: Sequence[Drawn], parents: Sequence[Drawn], tolerance_m2: float
) -> Iterator[Finding]:
    """Every grid that reaches out of its parent (each has exactly one among `parents`)."""
    parent_of = {parent.code: parent for parent in parents}
    held = [(child, parent_of[child.parent]) for child in drawn if child.parent in parent_of]
    polygons = polygons_of([child for child, _ in held])
    containers = polygons_of([parent for _, parent in held])
    shapely.prepare(containers)
    for at in np.flatnonzero(~shapely.covers(containers, polygons)).tolist():
        child, parent = held[at]
        beyond: BaseGeometry = polygons[at].difference(containers[at])
        measure = parts_m2(beyond)
        if not measure:
            continue
        yield Finding(
            "OUTSIDE_PARENT",
            Severity.error if measure > tolerance_m2 else Severity.info,
            level,
            (child.code, parent.code),
            measure,
            "m2",
            place_in(beyond),
            f"{child.code} of level {level} reaches {measure:,.4g} m² out of its parent {parent.code}",
        )


def uncovered(
    level: str, drawn: Sequence[Drawn], parents: Sequence[Drawn], tolerance_m2: float
) -> Iterator[Finding]:
    """Every parent that its children do not fill; `level` is the parents'."""
    children: dict[str | None, list[Drawn]] = {}
    for child in drawn:
        children.setdefault(child.parent, []).append(child)
    for parent, polygon in zip(parents, polygons_of(parents), strict=True):
        mine = children.get(parent.code)
        if not mine:
            continue
        bare: BaseGeometry = polygon.difference(merged(polygons_of(mine)))
        measure = parts_m2(bare)
        if measure:
            yield Finding(
                "UNCOVERED",
                Severity.warning if measure > tolerance_m2 else Severity.info,
                level,
                (parent.code,),
                measure,
                "m2",
                place_in(bare),
                f"no child of {parent.code} of level {level} covers {measure:,.4g} m² of it",
            )


def _between(codes: Sequence[str]) -> str:
    """Whose hole it is: the first five codes, and how many more there are."""
    more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
    return f"{'within' if len(codes) == 1 else 'between'} {', '.join(codes[:5])}{more}"
