"""Looks a drawing over and reports everything wrong with it at once; settled, it is a hierarchy.

read -> Drawing -> check -> findings -> accept (the city's rules) -> settle -> Hierarchy
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import shapely
from shapely.geometry import MultiPolygon, Polygon

from geodata import coverage
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadCode, BadGridsTable, BadHierarchy, UnacceptedFindings
from geodata.findings import Finding, Severity, place_in
from geodata.grids import Hierarchy, check_code, measured
from geodata.table import Table

__all__ = ["Acceptance", "Finding", "Severity", "accept", "acceptances", "check", "settle"]

TOLERANCE_M2 = 1.0
"""A sliver a millimetre wide along a kilometre: left by rounding, meant by no survey, finer than any phone's
position. Above it, two grids really claim the same ground."""

NOT_ACCEPTABLE = frozenset(
    {
        "BAD_CODE",
        "DUPLICATE_CODE",
        "EMPTY_GEOMETRY",
        "EMPTY_LEVEL",
        "INVALID_GEOMETRY",
        "NOT_POLYGON",
        "ORPHAN",
        "PARENT_CONFLICT",
    }
)
"""Without these there is no hierarchy to be had, whatever the reason: they have to be mended."""
ACCEPTABLE = ("CHILDLESS", "GAP", "OUTSIDE_PARENT", "OVERLAP", "UNCOVERED")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The city knows of a finding and lives with it: which (code, level, grids), up to what size, and why."""

    finding: str
    reason: str
    up_to_m2: float | None = None
    level: str | None = None
    grids: frozenset[str] | None = None

    def covers(self, found: Finding) -> bool:
        """Whether this is the finding meant; with `grids`, all grids of the finding have to be among them."""
        small_enough = self.up_to_m2 is None or (found.unit == "m2" and found.measure <= self.up_to_m2)
        here = self.level in (None, found.level) and (
            self.grids is None or self.grids.issuperset(found.grids)
        )
        return self.finding == found.code and small_enough and here


def check(drawing: Drawing, tolerance_m2: float = TOLERANCE_M2) -> tuple[Finding, ...]:
    """Everything found in a drawing, not the first thing only; by level, code and grids.

    | code | severity | measure |
    | --- | --- | --- |
    | EMPTY_LEVEL, BAD_CODE, ORPHAN | error | count |
    | DUPLICATE_CODE, PARENT_CONFLICT | error | count of features, of parents named |
    | EMPTY_GEOMETRY, NOT_POLYGON, INVALID_GEOMETRY | error | count |
    | OVERLAP, OUTSIDE_PARENT | error above `tolerance_m2`, else info | m² |
    | GAP (a hole in the level), UNCOVERED (of a parent) | warning above `tolerance_m2`, else info | m² |
    | CHILDLESS (not lowest, has no grid below) | warning | count |
    """
    found: list[Finding] = []
    sound: list[list[Drawn]] = []
    for number in range(len(drawing.levels)):
        found += _structure(drawing, number)
        found += _shapes(drawing, number)
        sound.append([one for one in drawing.at(number) if _is_sound(one)])
    for number, level in enumerate(drawing.levels):
        if number in drawing.dissolved or not sound[number]:
            continue
        found += coverage.overlaps(level.key, sound[number], tolerance_m2)
        found += coverage.gaps(level.key, sound[number], tolerance_m2)
        if number and number - 1 not in drawing.dissolved:
            above = sound[number - 1]
            found += coverage.outside_parent(level.key, sound[number], above, tolerance_m2)
            found += coverage.uncovered(drawing.levels[number - 1].key, sound[number], above, tolerance_m2)
    order = {level.key: number for number, level in enumerate(drawing.levels)}
    return tuple(
        sorted(found, key=lambda one: (order[one.level], one.code, one.grids, one.measure, one.place or ()))
    )


def _is_sound(one: Drawn) -> bool:
    polygon = one.geometry is not None and one.geometry.geom_type in ("Polygon", "MultiPolygon")
    return polygon and one.geometry is not None and not one.geometry.is_empty and one.geometry.is_valid


def _structure(drawing: Drawing, number: int) -> Iterator[Finding]:
    """What is wrong with the codes of a level and the parents they name."""
    key, drawn = drawing.levels[number].key, drawing.at(number)
    if not drawn:
        yield _counted("EMPTY_LEVEL", key, None, 0, f"level {key} has no grid at all")
    features = Counter(one.code for one in drawn)
    above = {one.code for one in drawing.at(number - 1)} if number else set()
    parents = {one.parent for one in drawing.at(number + 1)}
    first_seen: set[str] = set()
    for one in drawn:
        named = f"{one.code} of level {key}"
        try:
            check_code(one.code, one.source)
        except BadCode as error:
            yield _counted("BAD_CODE", key, one, 1, error.message)
        if features[one.code] > 1 and one.code in first_seen:
            message = f"{named} is there {features[one.code]} times ({one.source}); give each its own code"
            yield _counted("DUPLICATE_CODE", key, one, features[one.code], message)
        first_seen.add(one.code)
        yield from _parentage(one, key, number, above)
        if number + 1 < len(drawing.levels) and one.code not in parents:
            message = f"{named} has no grid below it, so that no point is ever located in it"
            yield _counted("CHILDLESS", key, one, 0, message, Severity.warning)


def _parentage(one: Drawn, key: str, number: int, above: set[str]) -> Iterator[Finding]:
    named = f"{one.code} of level {key}"
    if len(one.claims) > 1:
        claims = " and ".join(f"{parent} ({features} features)" for parent, features in one.claims)
        remedy = "say which by a rule in the city's file (`parents`, or another `code`)"
        message = f"{named} is said to lie in {claims}; {remedy}"
        yield _counted("PARENT_CONFLICT", key, one, len(one.claims), message)
    if number and one.parent is None:
        yield _counted("ORPHAN", key, one, 1, f"{named} names no parent ({one.source})")
    elif number and one.parent not in above:
        message = f"{named} names the parent {one.parent}, which the level above does not have ({one.source})"
        yield _counted("ORPHAN", key, one, 1, message)


def _shapes(drawing: Drawing, number: int) -> Iterator[Finding]:
    """What is wrong with single polygons of a level."""
    key = drawing.levels[number].key
    for one in drawing.at(number):
        named = f"{one.code} of level {key}"
        if one.geometry is None or one.geometry.is_empty:
            yield _counted("EMPTY_GEOMETRY", key, one, 1, f"{named} has no polygon ({one.source})")
        elif one.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            message = f"{named} is a {one.geometry.geom_type}, not a polygon ({one.source})"
            yield _counted("NOT_POLYGON", key, one, 1, message)
        elif not one.geometry.is_valid:
            why = shapely.is_valid_reason(one.geometry)
            message = f"{named} is no sound polygon: {why} ({one.source}); mend it in the drawing program"
            yield _counted("INVALID_GEOMETRY", key, one, 1, message)


def _counted(
    code: str,
    level: str,
    one: Drawn | None,
    count: int,
    message: str,
    severity: Severity = Severity.error,
) -> Finding:
    grids = () if one is None else (one.code,)
    place = None if one is None else place_in(one.geometry)
    return Finding(code, severity, level, grids, float(count), "count", place, message)


def acceptances(section: Mapping[str, object]) -> tuple[Acceptance, ...]:
    """The `[[grids.accept]]` of a city's table `[grids]` (see geodata.read); raises BadGridsTable."""
    rules = []
    for at, entry in enumerate(Table(section, "[grids]").tables("accept"), 1):
        table = Table(entry, f"[[grids.accept]] number {at}")
        table.only("finding", "reason", "up_to_m2", "level", "grids")
        finding = table.text("finding")
        if finding not in ACCEPTABLE:
            why = "cannot be accepted, only mended" if finding in NOT_ACCEPTABLE else "is no finding"
            raise BadGridsTable(f"{table.name}: {finding!r} {why}; acceptable are {', '.join(ACCEPTABLE)}")
        grids = table.list_of_texts("grids")
        rules.append(
            Acceptance(
                finding,
                table.text("reason"),
                table.number("up_to_m2"),
                table.text("level", default=None),
                None if grids is None else frozenset(grids),
            )
        )
    return tuple(rules)


def accept(findings: Iterable[Finding], rules: Sequence[Acceptance]) -> tuple[Finding, ...]:
    """The findings, those that a rule covers marked with its reason; NOT_ACCEPTABLE ones never are."""
    marked = []
    for found in findings:
        reason = next((rule.reason for rule in rules if rule.covers(found)), None)
        takes = reason is not None and found.code not in NOT_ACCEPTABLE
        marked.append(replace(found, accepted=reason) if takes else found)
    return tuple(marked)


def settle(drawing: Drawing, findings: Iterable[Finding]) -> Hierarchy:
    """The hierarchy of a drawing, with what its check found.

    Raises UnacceptedFindings naming every error that nobody accepted.
    """
    refused = [found for found in findings if found.severity is Severity.error and found.accepted is None]
    if refused:
        raise UnacceptedFindings(refused)
    grids = []
    for one in drawing.drawn:
        if not isinstance(one.geometry, Polygon | MultiPolygon):
            raise BadHierarchy([f"{one.code!r} has no polygon ({one.source}); was the drawing checked?"])
        grids.append(measured(one.code, one.name, one.level, one.parent, one.geometry, one.responsible_unit))
    return Hierarchy.build(drawing.levels, grids)
