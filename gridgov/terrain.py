"""Made-up places: points strewn over the grids that the server publishes, and points beyond them."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from gridgov.players import Player

Path = tuple[str, ...]
LonLat = tuple[float, float]

#: Degrees beyond the easternmost grid at which a point is certainly outside: some two to four kilometres.
BEYOND = (0.02, 0.04)
#: Points tried in a grid's box before giving up; a grid that fills a thousandth of its box is no grid.
TRIES = 10_000


class Terrain:
    """The server's grids, each level fetched when first needed. Points are WGS-84 (longitude, latitude)."""

    def __init__(self, reader: Player, rng: np.random.Generator) -> None:
        self._reader, self._rng = reader, rng
        self._levels = [level["key"] for level in reader.get("/api/grids")["levels"]]
        self._shapes: dict[int, dict[str, Any]] = {}

    def point(self, path: Path) -> LonLat:
        """A point in the grid that a path names; in any of the widest grids for the path ()."""
        widest = self._at(0)
        shape = self._at(len(path) - 1)[path[-1]] if path else list(widest.values())[self._below(len(widest))]
        west, south, east, north = shape.bounds
        for _ in range(TRIES):
            lon, lat = float(self._rng.uniform(west, east)), float(self._rng.uniform(south, north))
            if shapely.contains_xy(shape, lon, lat):
                return lon, lat
        raise ValueError(f"the grid {'/'.join(path)} has no room for a point")

    def outside(self) -> LonLat:
        """A point outside every grid, to the east of them."""
        _, south, east, north = shapely.total_bounds(list(self._at(0).values()))
        return float(east + self._rng.uniform(*BEYOND)), float(self._rng.uniform(south, north))

    def _below(self, number: int) -> int:
        return int(self._rng.integers(number))

    def _at(self, depth: int) -> dict[str, Any]:
        if depth not in self._shapes:
            features = self._reader.get(f"/api/grids/{self._levels[depth]}.geojson")["features"]
            self._shapes[depth] = {
                feature["properties"]["code"]: shapely.geometry.shape(feature["geometry"])
                for feature in features
            }
            for shape in self._shapes[depth].values():
                shapely.prepare(shape)
        return self._shapes[depth]
