"""Looks a field's layer over and reports everything wrong with it at once; settled, it is a FieldLayer.

read -> LayerDrawing -> check -> findings -> accept (the city's rules) -> settle -> FieldLayer
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from geodata import check as drawings
from geodata.check import NOT_ACCEPTABLE, TOLERANCE_M2, Acceptance, accept
from geodata.drawing import Drawing, Drawn
from geodata.errors import BadCode, BadFieldLayer, UnacceptedFindings
from geodata.findings import Finding, Severity, place_in
from geodata.grids import Grid, Hierarchy, Level, check_code, merged
from geodata.ground import ground_m2
from geodata.specialised.drawing import LayerDrawing, Member
from geodata.specialised.layers import FieldLayer, Form, SpecialisedGrid
from geodata.specialised.sets import Edition, Loss, Points, as_sets, with_points

ACCEPTABLE = ("DOUBLE_COVER", "HOLE", "NO_MICRO_GRID", "OVERLAP", "UNCOVERED", "UNKNOWN_MICRO_GRID")
LOSSES = ("AREA_LOST", "INCIDENTS_LOST")
LOST_AS = (Severity.warning, Severity.info)
WORTH_POLYGONS = 0.01
"""The share from which sets are warned of: where one place in a hundred falls to another team, the borders
matter more than what points themselves err by (0.1 to 0.5 % in the cities whose data was measured)."""
_SAME = 1.001
"""A measure is the same as the one that was accepted up to rounding on another machine."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. `layer` is None where nothing can be made of the drawing; `loss` is what polygons
    lose, or would lose, as sets, None for a table.
    """

    layer: FieldLayer | None
    findings: tuple[Finding, ...]
    loss: Loss | None = None


def check(drawing: LayerDrawing, edition: Edition, past: Points | None = None) -> Checked:
    """Everything found in the drawing of a layer over an edition; `past` are points to count the loss with.

    | code | severity | measure |
    | --- | --- | --- |
    | EMPTY_LEVEL, BAD_CODE, DUPLICATE_CODE | error | count |
    | EMPTY_GEOMETRY, NOT_POLYGON, INVALID_GEOMETRY | error | count |
    | TWO_NAMES (a table gives one grid several names or teams) | error | count of them |
    | UNKNOWN_MICRO_GRID | error | count |
    | DOUBLE_COVER (a micro-grid in several sets) | error | m² |
    | HOLE (a micro-grid in no set) | warning | m² |
    | NO_MICRO_GRID (a specialised grid without any) | warning | count |
    | OVERLAP of polygons | error above 1 m², warning where they become sets, else info | m² |
    | UNCOVERED (ground of a widest grid in no polygon) | warning above 1 m², else info | m² |
    | OUTSIDE_DISTRICT (ground of a polygon in no widest grid) | info | m² |
    | AREA_LOST, INCIDENTS_LOST by sets | warning from 1 % of them, else info | m², count |

    The level of a finding is the key of the field.
    """
    if drawing.members is not None:
        return _check_table(drawing, drawing.members, edition.hierarchy)
    found = list(_flat(drawing.key, _drawn(drawing), drawing.form))
    if any(one.code in NOT_ACCEPTABLE for one in found):
        return Checked(None, tuple(found))
    polygons = FieldLayer.build(
        drawing.key,
        drawing.name_zh,
        drawing.name_en,
        Form.polygons,
        [
            SpecialisedGrid(one.code, one.name, one.team, (), one.geometry)
            for one in drawing.drawn
            if isinstance(one.geometry, Polygon | MultiPolygon)
        ],
    )
    sets, loss = as_sets(polygons, edition.hierarchy)
    if past is not None:
        loss = with_points(loss, sets, polygons, edition.locator, past)
    found += _district(polygons, edition.hierarchy)
    if drawing.form is Form.polygons:
        return Checked(polygons, _sorted(found), loss)
    found += [*cover(sets, edition.hierarchy), *lost(sets.key, loss)]
    return Checked(sets, _sorted(found), loss)


def settle(checked: Checked, findings: Iterable[Finding]) -> FieldLayer:
    """The layer that was checked, with its findings as accepted; raises UnacceptedFindings."""
    refused = [found for found in findings if found.severity is Severity.error and found.accepted is None]
    if refused:
        raise UnacceptedFindings(refused, "specialised")
    if checked.layer is None:
        raise BadFieldLayer("?", ["nothing can be made of the drawing; were its findings left out?"])
    return checked.layer


def recheck(
    layer: FieldLayer, hierarchy: Hierarchy, told: Iterable[Mapping[str, object]]
) -> tuple[Finding, ...]:
    """All that a check finds in a layer that was settled elsewhere; what was accepted there is accepted here.

    ``told`` are findings as `Finding.to_dict` writes them; what sets lose is known only where their polygons
    are, and taken from there. Raises UnacceptedFindings naming every error that is not among them.
    """
    given = list(told)
    if layer.form is Form.sets:
        found = list(cover(layer, hierarchy))
    else:
        found = list(_flat(layer.key, _redrawn(layer), layer.form))
        # What is no sound polygon cannot be laid over the district.
        found += [] if any(one.code in NOT_ACCEPTABLE for one in found) else _district(layer, hierarchy)
    losses = [one for one in map(_loss_told, given) if one is not None]
    marked = accept(
        _sorted([*found, *losses]), [rule for one in given if (rule := _accepted(one)) is not None]
    )
    refused = [one for one in marked if one.severity is Severity.error and one.accepted is None]
    if refused:
        raise UnacceptedFindings(refused, "specialised")
    return marked


def cover(layer: FieldLayer, hierarchy: Hierarchy) -> Iterator[Finding]:
    """Micro-grids in no set or in several, sets without any, and members that this edition does not have."""
    holders: dict[str, list[str]] = {}
    for one in layer.grids:
        for code in one.micro_grids:
            holders.setdefault(code, []).append(one.code)
        if not one.micro_grids:
            message = f"{one.code} of {layer.key} has no micro-grid, so that no point is ever in it"
            yield Finding(
                "NO_MICRO_GRID", Severity.warning, layer.key, (one.code,), 0.0, "count", None, message
            )
    for grid in hierarchy.lowest:
        among = holders.pop(grid.code, [])
        if not among:
            said = f"no specialised grid of {layer.key}"
            yield _at(grid, "HOLE", Severity.warning, layer.key, (), said)
        elif len(among) > 1:
            said = f"{len(among)} specialised grids of {layer.key}: {', '.join(among)}; {among[0]} counts"
            yield _at(grid, "DOUBLE_COVER", Severity.error, layer.key, among, said)
    for code, among in sorted(holders.items()):
        message = (
            f"{', '.join(among)} of {layer.key} names the micro-grid {code!r}, which this edition has not"
        )
        yield Finding(
            "UNKNOWN_MICRO_GRID", Severity.error, layer.key, (*among, code), 1.0, "count", None, message
        )


def lost(key: str, loss: Loss) -> Iterator[Finding]:
    """What sets lose, as findings of the field of this key."""
    consider = 'consider as = "polygons"'
    for code, share, measure, unit, what in (
        ("AREA_LOST", loss.area_share, loss.area_m2, "m2", "of the area"),
        ("INCIDENTS_LOST", loss.points_share, float(loss.points), "count", "of past incidents"),
    ):
        if share is None:
            continue
        large = share >= WORTH_POLYGONS
        counted = f" ({loss.points:,} of {loss.of_points:,})" if unit == "count" else ""
        message = f"as sets {share:.2%} {what}{counted} would fall to another team"
        severity = Severity.warning if large else Severity.info
        yield Finding(
            code, severity, key, (), measure, unit, None, f"{message}; {consider}" if large else message
        )


def _drawn(drawing: LayerDrawing) -> list[Drawn]:
    return [Drawn(one.code, one.name, 0, (), one.geometry, one.team, one.source) for one in drawing.drawn]


def _redrawn(layer: FieldLayer) -> list[Drawn]:
    return [Drawn(one.code, one.name, 0, (), one.geometry, one.team, "") for one in layer.grids]


def _flat(key: str, drawn: Sequence[Drawn], form: Form) -> Iterator[Finding]:
    """What is wrong with polygons by themselves. A hole among them counts only where the district is."""
    for found in drawings.check(Drawing((Level(key, key, key),), tuple(drawn))):
        if found.code == "OVERLAP" and found.severity is Severity.error and form is Form.sets:
            # The micro-grids go to one or the other all the same.
            yield replace(found, severity=Severity.warning)
        elif found.code != "GAP":
            yield found


def _district(layer: FieldLayer, hierarchy: Hierarchy) -> Iterator[Finding]:
    """Where polygons do not cover the district, and where they reach beyond it."""
    whole = merged(np.array([one.geometry for one in layer.grids], dtype=object))
    for grid in hierarchy.at(0):
        bare = shapely.difference(grid.geometry, whole)
        if measure := ground_m2(bare):
            severity = Severity.warning if measure > TOLERANCE_M2 else Severity.info
            message = f"no specialised grid of {layer.key} covers {measure:,.4g} m² of {grid.code}"
            yield Finding(
                "UNCOVERED", severity, layer.key, (grid.code,), measure, "m2", place_in(bare), message
            )
    district = merged(np.array([grid.geometry for grid in hierarchy.at(0)], dtype=object))
    shapely.prepare(district)
    for one in layer.grids:
        if shapely.covers(district, one.geometry):
            continue
        beyond = shapely.difference(one.geometry, district)
        if (measure := ground_m2(beyond)) > TOLERANCE_M2:
            message = f"{one.code} of {layer.key} reaches {measure:,.4g} m² out of the district"
            yield Finding(
                "OUTSIDE_DISTRICT",
                Severity.info,
                layer.key,
                (one.code,),
                measure,
                "m2",
                place_in(beyond),
                message,
            )


def _at(grid: Grid, code: str, severity: Severity, key: str, sets: Sequence[str], said: str) -> Finding:
    message = f"the micro-grid {grid.code} is in {said}"
    place = place_in(grid.geometry)
    return Finding(code, severity, key, (grid.code, *sets), grid.area_m2, "m2", place, message)


def _check_table(drawing: LayerDrawing, members: Sequence[Member], hierarchy: Hierarchy) -> Checked:
    rows: dict[str, list[Member]] = {}
    for member in members:
        if member.code:
            rows.setdefault(member.code, []).append(member)
    found = [*_table_problems(drawing.key, rows)]
    if not rows:
        message = f"the table of {drawing.key} names no specialised grid"
        found.append(Finding("EMPTY_LEVEL", Severity.error, drawing.key, (), 0.0, "count", None, message))
    if found:
        return Checked(None, tuple(found))
    layer = FieldLayer.build(
        drawing.key,
        drawing.name_zh,
        drawing.name_en,
        Form.sets,
        [
            SpecialisedGrid(
                code,
                next((one.name for one in mine if one.name), code),
                next((one.team for one in mine if one.team), None),
                tuple(one.micro_grid for one in mine),
            )
            for code, mine in rows.items()
        ],
    )
    return Checked(layer, _sorted(cover(layer, hierarchy)))


def _table_problems(key: str, rows: Mapping[str, Sequence[Member]]) -> Iterator[Finding]:
    for code, mine in rows.items():
        try:
            check_code(code, mine[0].source)
        except BadCode as error:
            yield Finding("BAD_CODE", Severity.error, key, (code,), 1.0, "count", None, error.message)
        for what, told in (("names", [one.name for one in mine]), ("teams", [one.team for one in mine])):
            several = sorted({text for text in told if text})
            if len(several) > 1:
                message = f"{code} of {key} has several {what}: {', '.join(several)}; a grid has one"
                yield Finding(
                    "TWO_NAMES", Severity.error, key, (code,), float(len(several)), "count", None, message
                )


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: (one.code, one.grids, one.measure, one.place or ())))


def _accepted(told: Mapping[str, object]) -> Acceptance | None:
    """What a finding that was accepted elsewhere accepts here: itself, no larger than it was."""
    code, reason, grids, measure = (told.get(name) for name in ("code", "accepted", "grids", "measure"))
    if code not in ACCEPTABLE or not isinstance(reason, str) or not reason.strip():
        return None
    if not isinstance(grids, list | tuple) or not isinstance(measure, int | float):
        return None
    size = measure * _SAME if told.get("unit") == "m2" else None
    return Acceptance(str(code), reason, size, str(told.get("level")), frozenset(map(str, grids)))


def _loss_told(told: Mapping[str, object]) -> Finding | None:
    measure, severity = told.get("measure"), told.get("severity")
    if told.get("code") not in LOSSES or not isinstance(measure, int | float) or severity not in LOST_AS:
        return None
    return Finding(
        str(told["code"]),
        Severity(str(severity)),
        str(told.get("level")),
        (),
        float(measure),
        str(told.get("unit")),
        None,
        str(told.get("message")),
    )
