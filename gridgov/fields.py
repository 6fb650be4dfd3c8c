"""The fields' layers in force, and which of their specialised grids (专业网格) matter for an incident."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from dispatch.categories import Categories
from dispatch.entries import Place
from geodata.grids import GridPath
from geodata.locate import Locator
from geodata.specialised.layers import FieldLayer, Layers


@dataclass(frozen=True, slots=True)
class Field:
    """The layer of one field in force: ``version`` of it, and what it matters for.

    ``classes`` and ``categories`` are keys (or aliases) in the city's rules; with neither it matters for all.
    ``edition`` is the one whose micro-grids the sets of a layer of sets are made of, None for polygons.
    """

    version: int
    layer: FieldLayer
    classes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    edition: int | None = None

    def matters(self, category: str, known: Categories) -> bool:
        """Whether it matters for incidents of a category; see :func:`matters`."""
        return matters(category, self.classes, self.categories, known)


def matters(category: str, classes: Collection[str], categories: Collection[str], known: Categories) -> bool:
    """Whether what is for these classes and categories (keys or aliases; with neither, all) is for this one.

    For a category that the rules do not have, as imported history may, only where it is named itself, or all
    are meant.
    """
    if not classes and not categories:
        return True
    if category not in known:
        return category in categories
    found = known.get(category)
    return found.class_key in classes or any(name in categories for name in (found.key, *found.aliases))


@dataclass(frozen=True)
class Fields:
    """All layers in force over one edition's micro-grids; replaced as a whole, never changed."""

    locator: Locator
    edition: int
    fields: tuple[Field, ...]

    @classmethod
    def over(cls, locator: Locator, edition: int, fields: Iterable[Field]) -> Fields:
        """The layers in the order of their keys."""
        return cls(locator, edition, tuple(sorted(fields, key=lambda field: field.layer.key)))

    @cached_property
    def layers(self) -> Layers:
        """The layers, ready to answer points.

        Made when first asked for, a quarter of a second for 77 polygons of 99,000 vertices: who only looks at
        figures never asks.
        """
        return Layers(self.locator, [field.layer for field in self.fields])

    def field(self, key: str) -> Field | None:
        """The field of this key."""
        return next((field for field in self.fields if field.layer.key == key), None)

    def of(self, place: Place, category: str, known: Categories) -> tuple[str, ...]:
        """The specialised grids that a place lies in and that matter for a category, as ``field/code``.

        A place located in another edition is looked for by its point. In the unlocated tray there are only
        those of layers of polygons, if any.
        """
        wanted = [field for field in self.fields if field.matters(category, known)]
        if not wanted:
            return ()
        point = None if place.lon is None or place.lat is None else (place.lon, place.lat)
        micro_grid = self._micro_grid(place.path, place.edition, point)
        found = ((one, self.layers.of(one.layer, micro_grid, point)) for one in wanted)
        return tuple(f"{field.layer.key}/{grid.code}" for field, grid in found if grid is not None)

    def _micro_grid(
        self, path: GridPath, edition: int | None, point: tuple[float, float] | None
    ) -> str | None:
        if edition == self.edition or point is None:
            return path[-1] if path and edition == self.edition else None
        number = self.locator.index(*point)
        return self.locator.paths[number][-1] if number >= 0 else None
