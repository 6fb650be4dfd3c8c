"""A drawing of the grids as it came from its files, faults and all; what a check looks at."""

from __future__ import annotations

from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

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
    """A file that was read: its name, the coordinate system taken, and the way from there to EPSG:4326."""

    file: str
    crs: str
    transformation: str
    features: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What was read; `dissolved` are the numbers of the levels made by merging the level below."""

    levels: tuple[Level, ...]
    drawn: tuple[Drawn, ...]
    sources: tuple[Source, ...] = ()
    dissolved: frozenset[int] = frozenset()

    def at(self, level: int) -> tuple[Drawn, ...]:
        """What is drawn at one level, in the order of its file."""
        return tuple(one for one in self.drawn if one.level == level)
