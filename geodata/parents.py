"""How children lie in their parents: out of them, across two, leaving them bare, adding up to them or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.coverage import areas_in, polygons_of
from geodata.drawing import Drawn
from geodata.findings import Finding, Severity, place_in, size
from geodata.grids import merged
from geodata.ground import ground_m2, grounds_m2

NOTABLE_SHARE = 0.01
"""A child straddles from this share of its area on in another parent. A micro-grid is 290 m across (82,144 m²
is Bao'an's mean): one percent is a border that runs 3 m beside its parent's, further than a survey is off."""


@dataclass(frozen=True, slots=True)
class Family:
    """The sound polygons of two levels one above the other, as drawn; the keys name the levels."""

    level: str
    children: Sequence[Drawn]
    above: str
    parents: Sequence[Drawn]


def outside(family: Family, tolerance_m2: float) -> Iterator[Finding]:
    """Every child that reaches out of its parent: STRADDLES where a notable share lies in another one."""
    parent_of = {parent.code: parent for parent in family.parents}
    held = [(child, parent_of[child.parent]) for child in family.children if child.parent in parent_of]
    polygons = polygons_of([child for child, _ in held])
    containers = polygons_of([parent for _, parent in held])
    shapely.prepare(containers)
    out = np.flatnonzero(~shapely.covers(containers, polygons))
    beyond = shapely.difference(polygons[out], containers[out])
    measures, wholes = grounds_m2(beyond), grounds_m2(polygons[out])
    others = polygons_of(family.parents)
    tree = shapely.STRtree(others)
    for at, rest, measure, whole in zip(out.tolist(), beyond, measures, wholes, strict=True):
        child, parent = held[at]
        if not shapely.area(rest):
            continue
        shares: list[tuple[float, str]] = []
        if measure > max(tolerance_m2, NOTABLE_SHARE * whole):
            near = [one for one in tree.query(rest).tolist() if family.parents[one].code != parent.code]
            parts = grounds_m2(shapely.intersection(rest, others[near])) / whole
            shares = sorted(
                ((float(part), family.parents[one].code) for part, one in zip(parts, near, strict=True)),
                key=lambda share: (-share[0], share[1]),
            )
        there = [share for share in shares if share[0] >= NOTABLE_SHARE]
        if there:
            yield _straddles(family, child, parent.code, float(1 - measure / whole), there, rest, measure)
        else:
            yield _reaches_out(family.level, child, parent.code, rest, float(measure), tolerance_m2)


def _straddles(
    family: Family,
    child: Drawn,
    parent: str,
    own: float,
    others: Sequence[tuple[float, str]],
    beyond: BaseGeometry,
    measure: float,
) -> Finding:
    listed = ", ".join(f"{share:.1%} in {code}" for share, code in others)
    remedy = "cut it along their border, or redraw that border"
    if own < NOTABLE_SHARE:
        remedy = f"if it belongs to {others[0][1]}, correct the column of its parent"
    return Finding(
        "STRADDLES",
        Severity.error,
        family.level,
        (child.code, parent, *(code for _, code in others)),
        float(measure),
        "m2",
        place_in(beyond),
        f"{child.code} of level {family.level} lies {max(own, 0):.1%} in its parent {parent}, but {listed} "
        f"of level {family.above} ({size(measure)} out of its parent): {remedy}",
        geometry=areas_in(beyond),
    )


def _reaches_out(
    level: str, child: Drawn, parent: str, beyond: BaseGeometry, measure: float, tolerance_m2: float
) -> Finding:
    large = measure > tolerance_m2
    return Finding(
        "OUTSIDE_PARENT",
        Severity.error if large else Severity.info,
        level,
        (child.code, parent),
        measure,
        "m2",
        place_in(beyond),
        f"{child.code} of level {level} reaches {size(measure)} out of its parent {parent}"
        + (
            ": redraw the border of one along the other's"
            if large
            else f", less than the tolerance of {size(tolerance_m2)}"
        ),
        geometry=areas_in(beyond),
    )


def uncovered(family: Family, tolerance_m2: float) -> Iterator[Finding]:
    """Every parent that its children do not fill."""
    children = _children(family)
    for parent, polygon in zip(family.parents, polygons_of(family.parents), strict=True):
        if not children.get(parent.code):
            continue
        bare: BaseGeometry = polygon.difference(merged(polygons_of(children[parent.code])))
        if not bare.area:
            continue
        measure = ground_m2(bare)
        large = measure > tolerance_m2
        yield Finding(
            "UNCOVERED",
            Severity.warning if large else Severity.info,
            family.above,
            (parent.code,),
            measure,
            "m2",
            place_in(bare),
            f"no child of {parent.code} of level {family.above} covers {size(measure)} of it"
            + (
                f": draw the missing grids of level {family.level}, or accept it where that is meant"
                if large
                else f", less than the tolerance of {size(tolerance_m2)}"
            ),
            geometry=areas_in(bare),
        )


def sums(family: Family, whole: frozenset[str], tolerance_m2: float) -> Iterator[Finding]:
    """Every parent whose children's areas do not add up to its own: figures per area would not either.

    `whole` are the parents all of whose children are sound. Each child may be off by one tolerance without a
    finding of its own; a parent, by as many as it has children. A warning: what is wrong is told as OVERLAP,
    OUTSIDE_PARENT, STRADDLES or UNCOVERED, where it can be mended.
    """
    children = _children(family)
    areas = grounds_m2(polygons_of(family.parents))
    for parent, area in zip(family.parents, areas.tolist(), strict=True):
        mine = children.get(parent.code, [])
        if not mine or parent.code not in whole:
            continue
        added = float(grounds_m2(polygons_of(mine)).sum())
        allowed = tolerance_m2 * len(mine)
        if abs(added - area) <= allowed:
            continue
        more = "more" if added > area else "less"
        yield Finding(
            "LEVEL_AREA",
            Severity.warning,
            family.above,
            (parent.code,),
            abs(added - area),
            "m2",
            place_in(parent.geometry),
            f"the {len(mine):,} grids of {parent.code} of level {family.above} add up to {size(added)}, "
            f"{size(abs(added - area))} {more} than the {size(area)} of its own polygon (tolerance "
            f"{size(allowed)}, one of the check's for each): mend the overlaps and gaps told beside this",
            geometry=parent.geometry,
        )


def _children(family: Family) -> dict[str | None, list[Drawn]]:
    children: dict[str | None, list[Drawn]] = {}
    for child in family.children:
        children.setdefault(child.parent, []).append(child)
    return children
