"""Field layers as values, and the specialised grids that points and micro-grids lie in.

A layer of a field (police, fire, work safety) is made of specialised grids, each a set of micro-grids or,
where its borders cut through them, a polygon of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon

from geodata.errors import BadFieldLayer
from geodata.grids import Grid, Hierarchy, Level, check_code, measured, merged
from geodata.locate import Locator, locate_layers
from geodata.publish import feature_collection

NOWHERE = -1
"""The number of no specialised grid."""


class Form(StrEnum):
    """What the specialised grids of a layer are: sets of micro-grids, or polygons of their own."""

    sets = "sets"
    polygons = "polygons"


@dataclass(frozen=True, slots=True)
class SpecialisedGrid:
    """A part of the city with a team of its own in one field.

    In a layer of sets `micro_grids` are codes of the lowest level and there is no `geometry`; in a layer of
    polygons it is the other way round. Geometry in degrees (longitude, latitude, EPSG:4326).
    """

    code: str
    name: str
    team: str | None = None
    micro_grids: tuple[str, ...] = ()
    geometry: Polygon | MultiPolygon | None = None


@dataclass(frozen=True)
class FieldLayer:
    """All specialised grids of one field, sorted by code; `key` names the field in programs.

    >>> north = SpecialisedGrid("1", "North", "Squad A", ("N1", "N2"))
    >>> layer = FieldLayer.build("fire", "消防", "fire", Form.sets, [north])
    >>> layer.of_micro_grid("N2").team
    'Squad A'
    """

    key: str
    name_zh: str
    name_en: str
    form: Form
    grids: tuple[SpecialisedGrid, ...]

    @classmethod
    def build(
        cls, key: str, name_zh: str, name_en: str, form: Form, grids: Iterable[SpecialisedGrid]
    ) -> FieldLayer:
        """Put the grids in order, the micro-grids of each too.

        Raises BadCode, or BadFieldLayer naming every code that is there twice and every grid that is not of
        the layer's form.
        """
        check_code(key, "the key of a field")
        ordered = tuple(
            SpecialisedGrid(
                check_code(one.code, f"field {key}"),
                one.name,
                one.team,
                tuple(sorted(set(one.micro_grids))),
                one.geometry,
            )
            for one in sorted(grids, key=lambda one: one.code)
        )
        if problems := _problems(form, ordered):
            raise BadFieldLayer(key, problems)
        return cls(key, name_zh, name_en, form, ordered)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number in `grids` of each micro-grid's specialised grid; of several that hold it, the one with
        the smallest code. Empty for polygons.
        """
        found: dict[str, int] = {}
        for number, one in enumerate(self.grids):
            for code in one.micro_grids:
                found.setdefault(code, number)
        return MappingProxyType(found)

    def of_micro_grid(self, code: str) -> SpecialisedGrid | None:
        """The specialised grid that a micro-grid belongs to; None for polygons."""
        number = self.numbers.get(code)
        return None if number is None else self.grids[number]

    def drawn(self, hierarchy: Hierarchy) -> Hierarchy:
        """The specialised grids as a hierarchy of one level; a set is the union of its micro-grids.

        A set without any micro-grid of this hierarchy has no polygon and is left out. Raises BadHierarchy
        where none is left.
        """
        shapes = {grid.code: grid.geometry for grid in hierarchy.lowest}
        made = []
        for one in self.grids:
            parts = [shapes[code] for code in one.micro_grids if code in shapes]
            shape = one.geometry or (merged(np.array(parts, dtype=object)) if parts else None)
            if shape is not None:
                made.append(measured(one.code, one.name, 0, None, shape, one.team))
        return Hierarchy.build((Level(self.key, self.name_zh, self.name_en),), made)

    def geojson(self, hierarchy: Hierarchy) -> bytes:
        """The specialised grids as GeoJSON with field, code, name, team and, for sets, their micro-grids."""
        grids = {one.code: one for one in self.grids}

        def properties(grid: Grid) -> Mapping[str, object]:
            one = grids[grid.code]
            return {"field": self.key, "team": one.team, "micro_grids": list(one.micro_grids)}

        return feature_collection(self.drawn(hierarchy), 0, properties=properties)


def _problems(form: Form, grids: Sequence[SpecialisedGrid]) -> list[str]:
    problems = [] if grids else ["it has no specialised grid"]
    for before, one in pairwise(grids):
        if before.code == one.code:
            problems.append(f"{one.code!r} is there twice")
    for one in grids:
        if form is Form.polygons and (one.geometry is None or one.geometry.is_empty or one.micro_grids):
            problems.append(f"{one.code!r} has no polygon, or micro-grids beside it")
        if form is Form.sets and one.geometry is not None:
            problems.append(f"{one.code!r} is a set of micro-grids and has a polygon of its own")
    return problems


class Layers:
    """Field layers over the micro-grids of one locator; made once, then safe to ask from any thread.

    A set layer is looked up by the number of the micro-grid; a layer of polygons has a locator of its own,
    where a point on a shared border, or in an overlap, belongs to the smallest code. `layers` are sorted by
    the key of their field.
    """

    def __init__(self, locator: Locator, layers: Iterable[FieldLayer]) -> None:
        """Raises BadFieldLayer where two layers are of one field."""
        self.locator = locator
        self.layers = tuple(sorted(layers, key=lambda layer: layer.key))
        for before, layer in pairwise(self.layers):
            if before.key == layer.key:
                raise BadFieldLayer(layer.key, ["there are two layers of this field"])
        self._sets = {
            layer.key: sets_by_number(layer, locator) for layer in self.layers if layer.form is Form.sets
        }
        self._own = {layer.key: own_locator(layer) for layer in self.layers if layer.form is Form.polygons}

    def locate(self, lon: float, lat: float) -> dict[str, SpecialisedGrid]:
        """The specialised grid that a point (WGS-84 degrees) lies in, by field; fields it lies in none of are
        left out. Raises BadPoint.
        """
        micro = self.locator.index(lon, lat)
        found = {}
        for layer in self.layers:
            own = self._own.get(layer.key)
            number = own.index(lon, lat) if own else int(self._sets[layer.key][micro])
            if number >= 0:
                found[layer.key] = layer.grids[number]
        return found

    def locate_many(
        self, lons: ArrayLike, lats: ArrayLike, micro: NDArray[np.int32] | None = None
    ) -> dict[str, NDArray[np.int32]]:
        """For each field the numbers (in its layer's `grids`) of many points at once, -1 in none; arrays of
        the input's shape (n,).

        The micro-grids are located once for all layers, unless `micro`, what the locator's `index_many` said
        of these points, is there already. Raises as `Locator.index_many` does.
        """
        number = self.locator.index_many(lons, lats) if micro is None else micro
        own = locate_layers(self._own, lons, lats)
        return {
            layer.key: own[layer.key] if layer.key in own else self._sets[layer.key][number]
            for layer in self.layers
        }

    def of(
        self, layer: FieldLayer, micro_grid: str | None, point: tuple[float, float] | None
    ) -> SpecialisedGrid | None:
        """The specialised grid of one of the layers that somebody located already lies in: by the code of the
        micro-grid in a layer of sets, by the point (longitude, latitude) in a layer of polygons.
        """
        own = self._own.get(layer.key)
        if own is None:
            return None if micro_grid is None else layer.of_micro_grid(micro_grid)
        number = NOWHERE if point is None else own.index(*point)
        return layer.grids[number] if number >= 0 else None


def own_locator(layer: FieldLayer) -> Locator:
    """A locator of a layer of polygons; its numbers are those of the layer's `grids`."""
    # Areas take longer to measure than the index to build, and nobody asks a locator for them.
    grids = [Grid(one.code, one.name, 0, None, one.geometry, 0.0) for one in layer.grids if one.geometry]
    return Locator(Hierarchy.build((Level(layer.key, layer.name_zh, layer.name_en),), grids))


def sets_by_number(layer: FieldLayer, locator: Locator) -> NDArray[np.int32]:
    """The numbers of the sets that the locator's micro-grids belong to, in their order; the last one, at -1,
    is that of points in no micro-grid.
    """
    found = [layer.numbers.get(path[-1], NOWHERE) for path in locator.paths]
    return np.array([*found, NOWHERE], np.int32)
