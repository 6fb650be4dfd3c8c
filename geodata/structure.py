"""What can be said of a level without asking how its polygons lie: codes, parents named, single polygons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from geodata.drawing import Drawing, Drawn
from geodata.errors import BadCode
from geodata.findings import Finding, Severity, place_in, size
from geodata.grids import check_code
from geodata.ground import grounds_m2

_AT = re.compile(r"\[(\S+) (\S+)\]")
"""Where GEOS ends what is wrong with a polygon: `Self-intersection[10.055 50.005]`."""


def structure(drawing: Drawing, number: int) -> Iterator[Finding]:
    """What is wrong with the codes of a level and the parents they name."""
    key, drawn = drawing.levels[number].key, drawing.at(number)
    if not drawn:
        yield counted("EMPTY_LEVEL", key, None, 0, f"level {key} has no grid at all")
    same: dict[str, list[Drawn]] = {}
    for one in drawn:
        same.setdefault(one.code, []).append(one)
    above = {one.code for one in drawing.at(number - 1)} if number else set()
    parents = {one.parent for one in drawing.at(number + 1)}
    for one in drawn:
        yield from _code(one, key, same[one.code])
        yield from _parentage(one, drawing, number, above)
        if number + 1 < len(drawing.levels) and one.code not in parents:
            message = (
                f"{one.code} of level {key} has no grid of level {drawing.levels[number + 1].key} in it, so "
                "that no point is ever located in it: draw one, or take it out"
            )
            yield counted("CHILDLESS", key, one, 0, message, Severity.warning)


def _code(one: Drawn, key: str, same: Sequence[Drawn]) -> Iterator[Finding]:
    """A code that is none, or that others have too: told at the second that has it, with all of them."""
    if not one.code:
        message = f"a grid of level {key} has no code: its cell is empty ({one.source}); every grid needs one"
        yield counted("BAD_CODE", key, one, 1, message)
        return
    try:
        check_code(one.code, one.source)
    except BadCode as error:
        yield counted("BAD_CODE", key, one, 1, error.message)
    if len(same) > 1 and one is not same[0]:
        listed = ", ".join(other.source for other in same[:5]) + (" ..." if len(same) > 5 else "")
        within = len({other.parent for other in same}) == len(same)
        remedy = (
            "each lies in another parent: if the code counts only there, make it one with the parent's code "
            "in front"
            if within
            else "give each its own code, or merge them where they are parts of one grid"
        )
        message = f"{one.code} of level {key} is there {len(same)} times ({listed}); {remedy}"
        yield counted("DUPLICATE_CODE", key, one, len(same), message)


def _parentage(one: Drawn, drawing: Drawing, number: int, above: set[str]) -> Iterator[Finding]:
    key = drawing.levels[number].key
    named = f"{one.code} of level {key}"
    if len(one.claims) > 1:
        claims = " and ".join(f"{parent} ({features} features)" for parent, features in one.claims)
        remedy = "say which by a rule in the city's file (`parents`, or another `code`)"
        message = f"{named} is said to lie in {claims}; {remedy}"
        yield counted("PARENT_CONFLICT", key, one, len(one.claims), message)
    if not number or one.parent in above:
        return
    wide = drawing.levels[number - 1].key
    if one.parent is None:
        message = (
            f"{named} names no parent ({one.source}): every grid lies in one of level {wide}; fill it in"
        )
    else:
        message = (
            f"{named} names the parent {one.parent}, which level {wide} does not have ({one.source}): "
            f"correct it, or draw {one.parent}"
        )
    yield counted("ORPHAN", key, one, 1, message)


def shapes(drawing: Drawing, number: int) -> Iterator[Finding]:
    """What is wrong with single polygons of a level."""
    key = drawing.levels[number].key
    for one in drawing.at(number):
        named = f"{one.code} of level {key}"
        if one.geometry is None or one.geometry.is_empty:
            message = f"{named} has no polygon ({one.source}): draw it, or take the row out"
            yield counted("EMPTY_GEOMETRY", key, one, 1, message)
        elif one.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            message = (
                f"{named} is a {one.geometry.geom_type}, not a polygon ({one.source}): a grid is an area"
            )
            yield counted("NOT_POLYGON", key, one, 1, message)
        elif not one.geometry.is_valid:
            yield _invalid(key, one)


def _invalid(key: str, one: Drawn) -> Finding:
    why = str(shapely.is_valid_reason(one.geometry))
    at = _AT.search(why)
    place = (float(at[1]), float(at[2])) if at else None
    if place is None or not np.isfinite(place).all():
        place = None
    message = (
        f"{one.code} of level {key} is no sound polygon: {_AT.sub('', why).strip()} at the place told "
        f"({one.source}); mend it in the drawing program (QGIS: Fix geometries)"
    )
    return Finding(
        "INVALID_GEOMETRY",
        Severity.error,
        key,
        (one.code,),
        1.0,
        "count",
        place,
        message,
        geometry=one.geometry,
    )


def slivers(level: str, drawn: Sequence[Drawn], tolerance_m2: float) -> Iterator[Finding]:
    """Grids and parts of grids too small to stand in; `drawn` are sound."""
    parts, owner = shapely.get_parts(
        np.array([one.geometry for one in drawn], dtype=object), return_index=True
    )
    areas = grounds_m2(parts)
    of = Counter(owner.tolist())
    for at in np.flatnonzero(areas <= tolerance_m2).tolist():
        one, whole = drawn[owner[at]], of[owner[at]] == 1
        what = "is no larger than" if whole else "has a part of"
        remedy = "merge it with a neighbour" if whole else "take the part out, or give it to a neighbour"
        yield Finding(
            "SLIVER",
            Severity.warning if whole else Severity.info,
            level,
            (one.code,),
            float(areas[at]),
            "m2",
            place_in(parts[at]),
            f"{one.code} of level {level} {what} {size(areas[at])} ({one.source}), left from a cut perhaps: "
            f"{remedy}",
            geometry=parts[at],
        )


def counted(
    code: str,
    level: str,
    one: Drawn | None,
    count: int,
    message: str,
    severity: Severity = Severity.error,
) -> Finding:
    """A finding about one grid, or a level, that is counted and not measured."""
    grids = () if one is None else (one.code,)
    shape = None if one is None else one.geometry
    return Finding(
        code, severity, level, grids, float(count), "count", place_in(shape), message, geometry=shape
    )
