"""The grids of one level as features: found by box through an index, written once and kept as bytes."""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from geodata.errors import UnknownGrid
from geodata.grids import Grid
from geodata.publish import feature
from gridgov.api.ogc.errors import BadQuery, NoSuchFeature
from gridgov.api.ogc.parameters import Asked, Box
from gridgov.in_force import Atlas

#: Bytes of features that are kept once written, of each level: 4,833 micro-grids take 8 MB.
KEPT_BYTES: Final = 64_000_000
#: The atlas in force, and the one before it while requests still hold it.
_ATLASES: Final = 2


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the features selected, as GeoJSON, in order of their codes; ``last`` is the code of the last
    where others follow, ``matched`` how many were selected in all.
    """

    features: list[bytes]
    matched: int
    last: str | None


class Layer:
    """The grids of one level of an atlas. A feature's id is its code: one of a kind in its level, and
    without the slashes of its path. Safe to ask from any thread.
    """

    def __init__(self, atlas: Atlas, key: str) -> None:
        self.key, self._atlas = key, atlas
        self._grids = atlas.hierarchy.at(key)
        self._codes = [grid.code for grid in self._grids]
        geometries = np.array([grid.geometry for grid in self._grids], dtype=object)
        self._tree = shapely.STRtree(geometries)
        west, south, east, north = shapely.total_bounds(geometries).tolist()
        self.extent: Box = west, south, east, north
        self._written: dict[int, bytes] = {}
        self._bytes = 0
        digest = hashlib.sha256(f"{atlas.edition} {atlas.name} {key}".encode())
        for wkb in shapely.to_wkb(geometries):
            digest.update(wkb)
        for grid in self._grids:
            digest.update(repr((grid.code, grid.name, grid.parent, grid.responsible_unit)).encode())
        self.tag = digest.hexdigest()[:32]

    def __len__(self) -> int:
        return len(self._grids)

    def page(self, asked: Asked) -> Page:
        """The features asked for; raises BadQuery where a grid it names is none. Grids have no time of their
        own in an edition, so that every time finds them (17-069r4, /req/core/fc-time-response C).
        """
        numbers = self._selected(asked)
        start = 0 if asked.page is None else bisect_right(numbers, asked.page, key=self._codes.__getitem__)
        shown = numbers[start : start + asked.limit]
        more = start + len(shown) < len(numbers)
        features = [self._feature(number) for number in shown]
        return Page(features, len(numbers), self._codes[shown[-1]] if more and shown else None)

    def one(self, code: str) -> dict[str, Any]:
        """The feature with this id; raises NoSuchFeature."""
        try:
            grid = self._atlas.hierarchy.find(self.key, code)
        except UnknownGrid:
            raise NoSuchFeature(collection=self.key, feature=code) from None
        return self._drawn(grid)

    def _selected(self, asked: Asked) -> list[int]:
        numbers: Iterable[int] = range(len(self._grids)) if asked.boxes is None else self._within(asked.boxes)
        wanted = dict(asked.filters)
        under = wanted.pop("under", None)
        if under is not None:
            inside = {grid.code for grid in self._under(under)}
            numbers = (number for number in numbers if self._codes[number] in inside)
        if wanted:
            numbers = (number for number in numbers if _has(self._grids[number], wanted))
        return list(numbers)

    def _within(self, boxes: tuple[Box, ...]) -> list[int]:
        found: list[NDArray[np.int64]] = [
            self._tree.query(_area(box), predicate="intersects") for box in boxes
        ]
        numbers: list[int] = np.unique(np.concatenate(found)).tolist()
        return numbers

    def _under(self, path: tuple[str, ...]) -> tuple[Grid, ...]:
        try:
            return self._atlas.hierarchy.under(path, self.key)
        except UnknownGrid as unknown:
            raise BadQuery(f"under: {unknown}") from unknown

    def _feature(self, number: int) -> bytes:
        known = self._written.get(number)
        if known is None:
            known = orjson.dumps(self._drawn(self._grids[number]), option=orjson.OPT_SERIALIZE_NUMPY)
            if self._bytes < KEPT_BYTES:
                self._written[number] = known
                self._bytes += len(known)
        return known

    def _drawn(self, grid: Grid) -> dict[str, Any]:
        path = "/".join(self._atlas.hierarchy.path(grid))
        return feature(self._atlas.hierarchy, grid, lambda _: {"path": path}) | {"id": grid.code}


class Layers:
    """The layers of the atlas in force, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: list[tuple[Atlas, dict[str, Layer]]] = []
        self._guard = threading.Lock()

    def layer(self, atlas: Atlas, key: str) -> Layer:
        """That level of the atlas; raises UnknownLevel."""
        with self._guard:
            layers = next((layers for known, layers in self._made if known is atlas), None)
            if layers is None:
                layers = {}
                self._made = [*self._made, (atlas, layers)][-_ATLASES:]
            if key not in layers:
                layers[key] = Layer(atlas, key)
            return layers[key]


def _has(grid: Grid, wanted: dict[str, Any]) -> bool:
    return all(getattr(grid, name) == value for name, value in wanted.items())


def _area(box: Box) -> shapely.Geometry:
    """The box as a geometry; one without width or height is a line or a point."""
    west, south, east, north = box
    if west < east and south < north:
        return shapely.box(west, south, east, north)
    if box[:2] == box[2:]:
        return shapely.Point(west, south)
    return shapely.LineString([(west, south), (east, north)])
