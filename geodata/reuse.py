"""A grid's code stands for one place for ever: finds codes that a new edition gives to another place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geodata.changes import percent
from geodata.findings import Finding, Severity, place_in
from geodata.grids import Grid, Hierarchy
from geodata.overlay import plane_of

SAME_PLACE = 0.5
"""Of the smaller of the two grids, at least half lies in the other: a grid that was cut down, or took its
neighbours in, is still where its code says. Below that, the code would mostly stand for another place."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A code that the new edition has, and the place that it stood for before."""

    level: str
    before: Grid
    after: Grid
    retired: bool


def reused_codes(earlier: Iterable[Hierarchy], old: Hierarchy, new: Hierarchy) -> tuple[Finding, ...]:
    """The codes of a new edition that stood for another place: in the edition in force (`old`), or, retired
    since, in the last of the `earlier` ones that had them (oldest first).

    Each is an error CODE_REUSED by level and code; its measure is the share of the smaller of both grids that
    lies in the other, which is below SAME_PLACE. Cities that number anew may accept them by name and reason.
    """
    uses = [*_uses(earlier, old, new)]
    plane = plane_of(old, new)
    before, after = (plane(_shapes([getattr(use, side) for use in uses])) for side in ("before", "after"))
    smaller = np.minimum(shapely.area(before), shapely.area(after))
    shares = shapely.area(shapely.intersection(before, after)) / smaller
    return tuple(
        _finding(use, share) for use, share in zip(uses, shares.tolist(), strict=True) if share < SAME_PLACE
    )


def _uses(earlier: Iterable[Hierarchy], old: Hierarchy, new: Hierarchy) -> Iterator[_Use]:
    """The codes that the new edition has and an older one had, where the polygon is not the same."""
    last = _by_code(old)
    retired: dict[tuple[str, str], Grid] = {}
    wanted = _by_code(new)
    for hierarchy in earlier:
        retired |= {
            key: grid for key, grid in _by_code(hierarchy).items() if key in wanted and key not in last
        }
    for key, grid in wanted.items():
        before = last.get(key) or retired.get(key)
        if before is not None and before.geometry != grid.geometry:
            yield _Use(key[0], before, grid, retired=key not in last)


def _by_code(hierarchy: Hierarchy) -> dict[tuple[str, str], Grid]:
    return {(hierarchy.levels[grid.level].key, grid.code): grid for grid in hierarchy.grids}


def _shapes(grids: Sequence[Grid]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    shapes = np.empty(len(grids), dtype=object)
    shapes[:] = [grid.geometry for grid in grids]
    return shapes


def _finding(use: _Use, share: float) -> Finding:
    code = use.after.code
    state = ", a retired code, stood" if use.retired else " stood"
    return Finding(
        "CODE_REUSED",
        Severity.error,
        use.level,
        (code,),
        share,
        "share",
        place_in(use.after.geometry),
        f"{code} of level {use.level}{state} for another place: of the smaller of both "
        f"{percent(share) if share else 'nothing'} lies in the other, expected {percent(SAME_PLACE)} or "
        "more; give this grid a code that was never used, or accept CODE_REUSED by name and reason in the "
        "city's file ([[grids.accept]])",
        geometry=use.after.geometry,
    )
