"""Points to micro-grids: the raster index against geopandas.sjoin, on 4,833 made-up polygons and on a city's.

GeoPandas is given its points and polygons ready made, and `within`, its faster predicate; the index is given
two arrays. Both are run in turns, the medians compared, and the answers have to be the same.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import geopandas
import numpy as np
import pandas
from numpy.typing import NDArray

from geodata.check import check, settle
from geodata.grids import Hierarchy
from geodata.locate import Locator
from geodata.read import read
from geodata.synthetic import district

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
STREETS = [(f"440306{number:03d}", f"第{number}街道") for number in range(1, 11)]
NEW_YORK = {
    "file": "nyc/tract2020.geojson.gz",
    "levels": [{"key": "tract", "code": "boroct2020"}],
}
REPEATS = 7
ONE_POINT_CALLS = 20_000
"""Timed a thousand at a time: reading the clock then does not count."""
JITTER = 0.002
"""Degrees: New York's reports are scattered by about 200 m, or they would be the same few points again."""


class DifferentAnswers(Exception):
    """The two ways of locating disagree: a measurement of them would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` asks a tenth of the points."""
    points = 1_000_000 if scale == "full" else 100_000
    rng = np.random.default_rng(20261122)
    demo = district(1, STREETS)
    x, y = _strewn(rng, demo, points)
    figures, ratio = _measure(demo, x, y)
    result: dict[str, Any] = {
        "work": "locate",
        "figures": figures,
        "baseline": {"name": "geopandas.sjoin within", "version": geopandas.__version__, "points": points},
        "ratios": {"vs_geopandas_sjoin": ratio},
    }
    if (SHARED_DATA / "nyc").is_dir():
        tracts = _new_york()
        figures, ratio = _measure(tracts, *_reports(rng, points))
        result["figures"] |= {f"{name}_nyc": figure for name, figure in figures.items()}
        result["ratios"]["vs_geopandas_sjoin_nyc"] = ratio
    return result


def _new_york() -> Hierarchy:
    drawing = read(NEW_YORK, SHARED_DATA)
    return settle(drawing, check(drawing))


def _strewn(
    rng: np.random.Generator, hierarchy: Hierarchy, points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points spread evenly over the box around a hierarchy."""
    west, south, east, north = hierarchy.at(0)[0].geometry.bounds
    return rng.uniform(west, east, points), rng.uniform(south, north, points)


def _reports(rng: np.random.Generator, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """New York's reports, again and again, each time scattered a little."""
    rows = pandas.read_csv(
        SHARED_DATA / "nyc" / "requests.csv.gz", usecols=["longitude", "latitude"]
    ).dropna()
    drawn = rng.integers(0, len(rows), points)
    x = rows["longitude"].to_numpy()[drawn] + rng.normal(0, JITTER, points)
    y = rows["latitude"].to_numpy()[drawn] + rng.normal(0, JITTER, points)
    return x, y


def _measure(
    hierarchy: Hierarchy, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[dict[str, dict[str, Any]], float]:
    """The figures for one hierarchy, and how many times faster the index is."""
    build = [_timed(lambda: Locator(hierarchy))[0] for _ in range(3)]
    locator = Locator(hierarchy)
    polygons = geopandas.GeoDataFrame(geometry=[grid.geometry for grid in hierarchy.lowest], crs=4326)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y), crs=4326)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(REPEATS):
        seconds, answer = _timed(lambda: locator.index_many(x, y))
        ours.append(seconds)
        seconds, joined = _timed(lambda: geopandas.sjoin(points, polygons, how="left", predicate="within"))
        theirs.append(seconds)
        _same(answer, joined["index_right"])
    figures = {
        "polygons": {"value": len(polygons), "unit": "polygons"},
        "vertices_a_polygon": {
            "value": round(float(polygons.count_coordinates().mean()), 1),
            "unit": "vertices",
        },
        "build": {"value": round(median(build), 3), "unit": "s"},
        "index": {"value": round(locator.index_bytes / 1e6, 1), "unit": "MB"},
        "bulk": {"value": round(len(x) / median(ours)), "unit": "points/s"},
        "geopandas_sjoin": {"value": round(len(x) / median(theirs)), "unit": "points/s"},
        "one_point": {"value": round(_one_point(locator, x, y), 3), "unit": "µs"},
    }
    return figures, round(median(theirs) / median(ours), 2)


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = act()
    return time.perf_counter() - start, result


def _same(answer: NDArray[np.int32], index_right: "pandas.Series[float]") -> None:
    """Every point in the same polygon as in GeoPandas; where that finds several, in the first."""
    first = index_right.groupby(level=0).min().fillna(-1).astype(int).to_numpy()
    different = int((first != answer).sum())
    if different:
        raise DifferentAnswers(f"{different} of {len(answer)} points are located differently by geopandas")


def _one_point(locator: Locator, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Microseconds for one point, the median over batches of a thousand."""
    lons, lats = x[:ONE_POINT_CALLS].tolist(), y[:ONE_POINT_CALLS].tolist()
    batches = []
    for at in range(0, ONE_POINT_CALLS, 1000):
        pairs = list(zip(lons[at : at + 1000], lats[at : at + 1000], strict=True))
        start = time.perf_counter()
        for lon, lat in pairs:
            locator.index(lon, lat)
        batches.append((time.perf_counter() - start) * 1e6 / len(pairs))
    return median(batches)


if __name__ == "__main__":
    print(json.dumps(run(), ensure_ascii=False, indent=2))
