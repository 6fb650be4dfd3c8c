"""Looks a hierarchy over once more that was settled elsewhere; what was accepted there is accepted here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import shapely

from geodata.acceptance import ACCEPTABLE, Acceptance, accept
from geodata.check import TOLERANCE_M2, check
from geodata.drawing import Drawing, Drawn
from geodata.errors import UnacceptedFindings
from geodata.findings import Finding, Severity
from geodata.grids import Grid, Hierarchy, merged
from geodata.ground import ground_m2

#: A measure is the same as the one that was accepted up to rounding on another machine.
_SAME = 1.001


def recheck(hierarchy: Hierarchy, accepted: Iterable[Mapping[str, object]]) -> tuple[Finding, ...]:
    """All that a check finds in a hierarchy, ``accepted`` ones marked with their reason.

    ``accepted`` are findings as :meth:`Finding.to_dict` writes them; those without a reason count for
    nothing. Raises UnacceptedFindings naming every error that is not among them. Some seconds for 5,000
    polygons.
    """
    drawn = [
        Drawn(
            g.code, g.name, g.level, ((g.parent, 1),) if g.parent else (), g.geometry, g.responsible_unit, ""
        )
        for g in hierarchy.grids
    ]
    found = check(Drawing(hierarchy.levels, tuple(drawn), dissolved=_dissolved(hierarchy)))
    marked = accept(found, [rule for one in accepted if (rule := _rule(one)) is not None])
    refused = [one for one in marked if one.severity is Severity.error and one.accepted is None]
    if refused:
        raise UnacceptedFindings(refused)
    return marked


def _rule(told: Mapping[str, object]) -> Acceptance | None:
    """What a finding that was accepted elsewhere accepts here: itself, no larger than it was."""
    code, reason, grids, measure = (told.get(name) for name in ("code", "accepted", "grids", "measure"))
    if code not in ACCEPTABLE or not isinstance(reason, str) or not reason.strip():
        return None
    if not isinstance(grids, list | tuple) or not isinstance(measure, int | float):
        return None
    level = told.get("level")
    return Acceptance(str(code), reason, measure * _SAME, str(level), frozenset(map(str, grids)))


def _dissolved(hierarchy: Hierarchy) -> frozenset[int]:
    """The levels whose grids are just the union of those below, and so have no faults of their own."""
    upper = range(len(hierarchy.levels) - 1)
    return frozenset(level for level in upper if all(_is_union(hierarchy, g) for g in hierarchy.at(level)))


def _is_union(hierarchy: Hierarchy, grid: Grid) -> bool:
    children = hierarchy.children(hierarchy.path(grid))
    if not children:
        return False
    union = merged(np.array([child.geometry for child in children], dtype=object))
    return ground_m2(shapely.symmetric_difference(grid.geometry, union)) <= TOLERANCE_M2
