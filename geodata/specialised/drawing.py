"""A field's layer as it came from its file, faults and all; what a check looks at."""

from __future__ import annotations

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from geodata.drawing import Source
from geodata.specialised.layers import Form


@dataclass(frozen=True, slots=True)
class DrawnGrid:
    """One specialised grid as a feature draws it; nothing is promised. `source` says where it stands."""

    code: str
    name: str
    team: str | None
    geometry: BaseGeometry | None
    source: str


@dataclass(frozen=True, slots=True)
class Member:
    """One row of a table: a micro-grid belongs to the specialised grid of this code, with its name and team
    where the table has them. An empty code says that the row names none.
    """

    micro_grid: str
    code: str
    name: str | None
    team: str | None
    source: str


@dataclass(frozen=True, slots=True)
class LayerDrawing:
    """What was read: polygons in `drawn`, or the rows of a table in `members`, which makes sets."""

    key: str
    name_zh: str
    name_en: str
    form: Form
    drawn: tuple[DrawnGrid, ...]
    members: tuple[Member, ...] | None
    source: Source
