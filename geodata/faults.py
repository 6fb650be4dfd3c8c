"""What went wrong while a source was read, as findings: told beside all else that a check finds."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geodata.errors import (
    BadGridsTable,
    BadText,
    GeodataError,
    MislabelledCrs,
    MissingColumn,
    SwappedAxes,
)
from geodata.findings import Finding, Severity, place_in

_CODES: tuple[tuple[type[GeodataError], str], ...] = (
    (SwappedAxes, "SWAPPED_AXES"),
    (MislabelledCrs, "MISLABELLED_CRS"),
    (MissingColumn, "MISSING_COLUMN"),
    (BadText, "UNREADABLE_TEXT"),
    (BadGridsTable, "BAD_GRIDS_TABLE"),
)
"""Kinds before what they are a kind of; whatever else is wrong is an UNREADABLE_SOURCE."""


def as_finding(error: GeodataError, level: str) -> Finding:
    """The finding of an error; what is in a wrong place is shown where its own claim puts it."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "UNREADABLE_SOURCE")
    shape = _lies(error)
    return Finding(
        code, Severity.error, level, (), 1.0, "count", place_in(shape), error.message, geometry=shape
    )


def _lies(error: GeodataError) -> BaseGeometry | None:
    """The box that a misplaced source lies in as claimed, where that is on the earth."""
    box = error.about.get("lies")
    if not isinstance(box, list) or not np.isfinite(box).all():
        return None
    west, south, east, north = box
    on_earth = max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90
    return shapely.box(west, south, east, north) if on_earth else None
