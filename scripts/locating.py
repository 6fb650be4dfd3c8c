"""What scripts/bench_locate.py measures: made-up districts of several sizes, and figures of one locator.

Times are those of one processor, but where a database with processes of its own is measured.
"""

import ctypes
import multiprocessing
import os
import resource
import tempfile
import time
import tomllib
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata import synthetic_file
from geodata.check import check
from geodata.grids import Hierarchy
from geodata.locate import Locator
from geodata.read import read
from geodata.synthetic import district

SIZES = {
    500: {"streets": 2, "communities": 12, "enclaves": 20, "islands": 5},
    4_833: {"streets": 10, "communities": 124, "enclaves": 200, "islands": 20},
    20_000: {"streets": 40, "communities": 500, "enclaves": 800, "islands": 40},
    100_000: {"streets": 200, "communities": 2500, "enclaves": 4000, "islands": 100},
}
"""Micro-grids: a district of Bao'an's size, and smaller and larger ones of the same kind."""
KM2_A_GRID = 400 / 4833
VERTICES_A_SIDE = 10.6
"""Gives about 60 vertices a polygon."""
ONE_POINT_CALLS = 20_000
BATCH = 1000
"""So many single points are timed at a time: reading the clock then does not count."""
CORES = len(os.sched_getaffinity(0))
ACCURACY = 30.0
"""Metres: of a usual report."""

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
Figures = dict[str, dict[str, Any]]


def figure(value: float, unit: str) -> dict[str, Any]:
    """A figure of three digits that count, or whole."""
    return {"value": round(value) if value >= 1000 else float(f"{value:.3g}"), "unit": unit}


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of a processor that it took, whatever else the machine is doing, and what came of it."""
    start = time.process_time()
    result = act()
    return time.process_time() - start, result


def clocked(act: Callable[[], Any]) -> float:
    """The seconds that passed meanwhile."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def drawn(size: int) -> Hierarchy:
    """A made-up district of one of SIZES, with holes and grids in several parts."""
    about = SIZES[size]
    streets = [(f"990101{number:03d}", f"虚构第{number}街道") for number in range(1, about["streets"] + 1)]
    return district(
        1,
        streets,
        about["communities"],
        size,
        "990101",
        area_km2=size * KM2_A_GRID,
        vertices_a_side=VERTICES_A_SIDE,
        enclaves=about["enclaves"],
        islands=about["islands"],
    )


def strewn(rng: np.random.Generator, hierarchy: Hierarchy, points: int) -> Points:
    """Points spread evenly over the box around a hierarchy."""
    west, south, east, north = hierarchy.at(0)[0].geometry.bounds
    return rng.uniform(west, east, points), rng.uniform(south, north, points)


def of_drawing(size: int) -> tuple[Hierarchy, Figures]:
    """A made-up district; how long it takes to draw, to check and to start with."""
    seconds, made_up = timed(lambda: drawn(size))
    figures = {"generation": figure(seconds, "s"), "check": figure(_check(made_up), "s")}
    return made_up, figures | _start_up(made_up)


def _check(hierarchy: Hierarchy) -> float:
    """Reading the district as a GeoPackage and looking it over, as `gridgov grids check` does."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made_up.gpkg"
        synthetic_file.write(file, hierarchy, "for a measurement")
        table = tomllib.loads(synthetic_file.grids_table(file, hierarchy, ""))["grids"]
        return timed(lambda: check(read(table, file.parent)))[0]


def _start_up(hierarchy: Hierarchy) -> Figures:
    """From the rows of a store to the first answer, with a saved index; and what memory a locator takes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index"
        Locator(hierarchy).save(file)
        rows = hierarchy.to_rows()
        place = hierarchy.lowest[0].geometry.representative_point()

        def start() -> int:
            again = Hierarchy.from_rows(hierarchy.levels, rows)
            return Locator.load(again, file).index(place.x, place.y)

        seconds = median(timed(start)[0] for _ in range(5))
        return {
            "start_up_with_saved_index": figure(seconds, "s"),
            "saved_index": figure(file.stat().st_size / 1e6, "MB"),
            "memory_of_locator": figure(_memory(hierarchy, file), "MB"),
        }


def _memory(hierarchy: Hierarchy, file: Path) -> float:
    """MB by which a new process grows when it loads a locator: the index, and what GEOS makes of polygons."""
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    child = fresh.Process(target=_grow, args=(hierarchy, file, there))
    child.start()
    grown = here.recv()
    child.join()
    return float(grown)


def _grow(hierarchy: Hierarchy, file: Path, there: Connection) -> None:
    # What unpickling left free would be used again, and not be seen to grow.
    ctypes.CDLL(None).malloc_trim(0)
    before = _resident()
    locator = Locator.load(hierarchy, file)
    there.send(_resident() - before)
    del locator


def _resident() -> float:
    """MB of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def of_locator(locator: Locator, x: NDArray[np.float64], y: NDArray[np.float64]) -> Figures:
    """What single points and their borders cost."""
    inside = np.flatnonzero(locator.index_many(x, y) >= 0)[: 4 * BATCH]
    lons, lats = x[:ONE_POINT_CALLS].tolist(), y[:ONE_POINT_CALLS].tolist()
    a, b = x[inside], y[inside]
    own = list(zip(a.tolist(), b.tolist(), strict=True))
    return {
        "index": figure(locator.index_bytes / 1e6, "MB"),
        "one_point": figure(_one_by_one(locator.index, list(zip(lons, lats, strict=True))), "µs"),
        "one_point_with_border": figure(_one_by_one(locator.border_distance, own), "µs"),
        "one_point_near": figure(_one_by_one(lambda lon, lat: locator.near(lon, lat, ACCURACY), own), "µs"),
        "border_distances": figure(len(own) / timed(lambda: locator.border_distances(a, b))[0], "points/s"),
        "near_many": figure(len(own) / timed(lambda: locator.near_many(a, b, ACCURACY))[0], "points/s"),
    }


def _one_by_one(ask: Callable[[float, float], Any], points: list[tuple[float, float]]) -> float:
    """Microseconds for one point: the median over batches, once what is remembered of each grid is there."""
    for lon, lat in points:
        ask(lon, lat)
    batches = []
    for at in range(0, len(points) - BATCH + 1, BATCH):
        some = points[at : at + BATCH]
        start = time.process_time()
        for lon, lat in some:
            ask(lon, lat)
        batches.append((time.process_time() - start) * 1e6 / BATCH)
    return median(batches)


def growth(rng: np.random.Generator, locator: Locator, hierarchy: Hierarchy) -> Figures:
    """Nanoseconds a point, for few points and many."""
    found = {}
    for name, points in (("1e3", 1_000), ("1e5", 100_000), ("1e7", 10_000_000)):
        x, y = strewn(rng, hierarchy, points)
        seconds = median(timed(lambda x=x, y=y: locator.index_many(x, y))[0] for _ in range(5))
        found[f"a_point_of_{name}"] = figure(seconds / points * 1e9, "ns")
    return found
