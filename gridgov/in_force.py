"""The city's rules and the edition of its grids that are in force: what every decision is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatch.rules import Rules
from geodata.datum import Datum
from geodata.errors import UnknownGrid
from geodata.grids import Hierarchy
from geodata.locate import Locator
from gridgov.errors import UnnamedDatum
from gridgov.fields import Fields


@dataclass(frozen=True, slots=True)
class Atlas:
    """One edition of the hierarchy, ready to answer points. ``made_up``: a synthetic district."""

    edition: int
    name: str
    made_up: bool
    hierarchy: Hierarchy
    locator: Locator


@dataclass(frozen=True, slots=True)
class CityFacts:
    """What the city's file says besides its rules.

    ``prefix`` begins its case numbers; ``zone`` is the IANA time zone in which days begin; ``datum`` is that
    of points which name none, None where each has to.
    """

    name_zh: str
    name_en: str
    prefix: str
    zone: str
    made_up: bool
    datum: Datum | None = None

    def datum_of(self, named: Datum | None) -> Datum:
        """The datum that a point is in: the one it names, else the city's. Raises UnnamedDatum."""
        datum = named or self.datum
        if datum is None:
            raise UnnamedDatum()
        return datum


@dataclass(frozen=True, slots=True)
class InForce:
    """Rules, city, atlas and fields of one moment; replaced as a whole, never changed.

    ``fields`` are the layers of specialised grids, None where the city has none.
    """

    city: CityFacts
    rules: Rules
    atlas: Atlas
    fields: Fields | None = None


def grid_name(hierarchy: Hierarchy, path: Sequence[str]) -> str:
    """The name of a grid; its code where this edition does not have it."""
    try:
        return hierarchy.grid(tuple(path)).name
    except UnknownGrid:
        return path[-1]
