"""Looks a drawing over and reports everything wrong with it at once; settled, it is a hierarchy.

read -> Drawing -> check -> findings -> accept (the city's rules) -> settle -> Hierarchy
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shapely.geometry import MultiPolygon, Polygon

from geodata import coverage, parents
from geodata.acceptance import ACCEPTABLE, NOT_ACCEPTABLE, Acceptance, accept, acceptances, unused
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadHierarchy, UnacceptedFindings, UnreadableDrawing
from geodata.findings import Finding, Severity
from geodata.grids import Hierarchy, measured
from geodata.published_codes import published_codes
from geodata.structure import shapes, slivers, structure

__all__ = [
    "ACCEPTABLE",
    "NOT_ACCEPTABLE",
    "TOLERANCE_M2",
    "Acceptance",
    "Finding",
    "Severity",
    "accept",
    "acceptances",
    "check",
    "judge",
    "settle",
]

TOLERANCE_M2 = 1.0
"""A sliver a millimetre wide along a kilometre: left by rounding, meant by no survey, finer than any phone's
position. Above it, two grids really claim the same ground."""
VAGUE_M = 5.0
"""A way to longitude and latitude that may be further off than this moves as many reports over a border
as half of a phone's own error (10 m)."""


def check(drawing: Drawing, tolerance_m2: float = TOLERANCE_M2) -> tuple[Finding, ...]:
    """Everything found in a drawing, not the first thing only; by level, code and grids.

    | code | severity | measure |
    | --- | --- | --- |
    | MISSING_COLUMN, UNREADABLE_TEXT, UNREADABLE_SOURCE, BAD_GRIDS_TABLE: then nothing else | error | count |
    | MISLABELLED_CRS, SWAPPED_AXES | error | count |
    | VAGUE_DATUM (the way to EPSG:4326) | error where unknown, warning above VAGUE_M | count, m |
    | EMPTY_LEVEL, BAD_CODE, ORPHAN | error | count |
    | DUPLICATE_CODE, PARENT_CONFLICT | error | count of features, of parents named |
    | CODE_DIGITS, CODE_PREFIX, TOO_MANY_GRIDS (where the city's file asks) | error | count |
    | EMPTY_GEOMETRY, NOT_POLYGON, INVALID_GEOMETRY | error | count |
    | SLIVER: a grid, or a part of one, within `tolerance_m2` | warning, info | m² |
    | OVERLAP, OUTSIDE_PARENT | error above `tolerance_m2`, else info | m² |
    | STRADDLES: a notable share in another parent | error | m² out of its own |
    | GAP (a hole, a slit), UNCOVERED (of a parent) | warning above `tolerance_m2`, else info | m² |
    | LEVEL_AREA: children do not add up to their parent | warning | m² of difference |
    | CHILDLESS (not lowest, has no grid below) | warning | count |

    Areas are measured as drawn (see geodata.ground).
    """
    if drawing.unread:
        return drawing.faults
    found = [*drawing.faults, *_vague(drawing), *published_codes(drawing)]
    sound: list[list[Drawn]] = []
    for number in range(len(drawing.levels)):
        found += structure(drawing, number)
        if number in drawing.unplaced:
            sound.append([])
            continue
        found += shapes(drawing, number)
        sound.append([one for one in drawing.at(number) if _is_sound(one)])
    for number in range(len(drawing.levels)):
        found += _lying(drawing, number, sound, tolerance_m2)
    order = {level.key: number for number, level in enumerate(drawing.levels)}
    return tuple(
        sorted(found, key=lambda one: (order[one.level], one.code, one.grids, one.measure, one.place or ()))
    )


def judge(
    drawing: Drawing, rules: Sequence[Acceptance], tolerance_m2: float = TOLERANCE_M2
) -> tuple[Finding, ...]:
    """What a check finds, with what the city accepts marked; then the acceptances that accept nothing."""
    found = check(drawing, tolerance_m2)
    idle = () if drawing.unread or drawing.unplaced else unused(drawing, found, rules)
    return (*accept(found, rules), *idle)


def _is_sound(one: Drawn) -> bool:
    polygon = one.geometry is not None and one.geometry.geom_type in ("Polygon", "MultiPolygon")
    return polygon and one.geometry is not None and not one.geometry.is_empty and one.geometry.is_valid


def _lying(
    drawing: Drawing, number: int, sound: Sequence[Sequence[Drawn]], tolerance_m2: float
) -> Iterator[Finding]:
    """How the polygons of a level lie; a level merged from the one below has no faults of its own."""
    if number in drawing.dissolved or not sound[number]:
        return
    key = drawing.levels[number].key
    yield from slivers(key, sound[number], tolerance_m2)
    yield from coverage.overlaps(key, sound[number], tolerance_m2)
    yield from coverage.gaps(key, sound[number], tolerance_m2)
    if number and number - 1 not in drawing.dissolved and sound[number - 1]:
        yield from _family(drawing, number, sound, tolerance_m2)


def _family(
    drawing: Drawing, number: int, sound: Sequence[Sequence[Drawn]], tolerance_m2: float
) -> Iterator[Finding]:
    """How the polygons of a level lie in those of the level above."""
    level, above = drawing.levels[number].key, drawing.levels[number - 1].key
    family = parents.Family(level, sound[number], above, sound[number - 1])
    yield from parents.outside(family, tolerance_m2)
    yield from parents.uncovered(family, tolerance_m2)
    broken = {one.parent for one in drawing.at(number) if not _is_sound(one)}
    whole = frozenset(one.code for one in sound[number - 1]) - broken
    yield from parents.sums(family, whole, tolerance_m2)


def _vague(drawing: Drawing) -> Iterator[Finding]:
    """Sources whose way to longitude and latitude is off by more than VAGUE_M, or nobody knows how far."""
    each = len(drawing.sources) == len(drawing.levels)
    for number, source in enumerate(drawing.sources):
        level = number if each else len(drawing.levels) - 1
        if level in drawing.unplaced or (source.accuracy_m is not None and source.accuracy_m <= VAGUE_M):
            continue
        off = "an unknown length" if source.accuracy_m is None else f"up to {source.accuracy_m:g} m"
        yield Finding(
            "VAGUE_DATUM",
            Severity.error if source.accuracy_m is None else Severity.warning,
            drawing.levels[level].key,
            (),
            1.0 if source.accuracy_m is None else source.accuracy_m,
            "count" if source.accuracy_m is None else "m",
            None,
            f"{source.file} is in {source.crs}, and the way from there to longitude and latitude is off by "
            f"{off} ({source.transformation}): ask for the file in CGCS2000 (EPSG:4490, EPSG:4547) or WGS 84",
        )


def settle(drawing: Drawing, findings: Iterable[Finding]) -> Hierarchy:
    """The hierarchy of a drawing, with what its check found.

    Raises UnreadableDrawing where its reading went wrong, UnacceptedFindings naming every error that nobody
    accepted.
    """
    if drawing.faults:
        raise UnreadableDrawing(drawing.faults)
    refused = [found for found in findings if found.severity is Severity.error and found.accepted is None]
    if refused:
        raise UnacceptedFindings(refused)
    grids = []
    for one in drawing.drawn:
        if not isinstance(one.geometry, Polygon | MultiPolygon):
            raise BadHierarchy([f"{one.code!r} has no polygon ({one.source}); was the drawing checked?"])
        grids.append(measured(one.code, one.name, one.level, one.parent, one.geometry, one.responsible_unit))
    return Hierarchy.build(drawing.levels, grids)
