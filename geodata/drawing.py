"""A drawing of the grids as it came from its files, faults and all; what a check looks at."""

from __future__ import annotations

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from geodata.findings import Finding
from geodata.grids import Level


@dataclass(frozen=True, slots=True)
class Drawn:
    """One polygon as drawn; nothing is promised: a code that is none, no geometry, several would-be parents.

    `claims` are (code one level up, how many features say so), the strongest first; `source` says where the
    polygon stands.
    """

    code: str
    name: str
    level: int
    claims: tuple[tuple[str, int], ...]
    geometry: BaseGeometry | None
    responsible_unit: str | None
    source: str

    @property
    def parent(self) -> str | None:
        """The strongest claim, or None."""
        return self.claims[0][0] if self.claims else None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its name, the coordinate system taken, and the way from there to EPSG:4326.

    `accuracy_m` is how far off that way may be in m (None: nobody knows); `remarks` what the library that
    read the file had to say.
    """

    file: str
    crs: str
    transformation: str
    features: int
    accuracy_m: float | None = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """What was read; `dissolved` are the numbers of the levels made by merging the level below.

    `faults` are findings of the reading itself: a check hands them on. The levels `unread` are not there at
    all, those `unplaced` are there without their polygons, for nobody knows where they lie.
    `published_codes_from` is the level from which on codes follow the published list's rules, if any.
    """

    levels: tuple[Level, ...]
    drawn: tuple[Drawn, ...]
    sources: tuple[Source, ...] = ()
    dissolved: frozenset[int] = frozenset()
    faults: tuple[Finding, ...] = ()
    unread: frozenset[int] = frozenset()
    unplaced: frozenset[int] = frozenset()
    published_codes_from: int | None = None

    def at(self, level: int) -> tuple[Drawn, ...]:
        """What is drawn at one level, in the order of its file."""
        return tuple(one for one in self.drawn if one.level == level)
