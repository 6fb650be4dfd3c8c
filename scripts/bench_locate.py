"""Points to micro-grids: the raster index against geopandas.sjoin and PostGIS, 4,833 and 100,000 polygons.

Made-up districts with holes and grids in several parts, about 60 vertices a polygon; and a city's polygons.
GeoPandas is given its points and polygons ready made, and `within`, its faster predicate; PostGIS its tables,
and the best of several ways (scripts/postgis_join.py); the index is given two arrays. They are run in turns;
a ratio is the median of the turns' ratios, and the answers have to be the same.

`vs_postgis_join` is against the best way of all. An index on the polygons is made beforehand; one on the
points is work, for points are new each time. `vs_postgis_polygons_indexed` is against the best way without an
index on the points, `vs_postgis_points_indexed` against the one with it, made beforehand too.

Ratios are of seconds that one processor works, whatever else runs on the machine. By the clock
(`vs_postgis_join_by_the_clock`) PostGIS may have as many workers as there are processors, and the index has
one. The full scale takes some twenty minutes.
"""

import importlib.util
import json
from pathlib import Path
from statistics import median
from typing import Any

import geopandas
import numpy as np
import pandas
import shapely
from numpy.typing import NDArray

from geodata.check import check, settle
from geodata.grids import Hierarchy
from geodata.locate import Locator
from geodata.read import read
from scripts import locating, postgres
from scripts.locating import Figures, Points, clocked, figure, timed

if importlib.util.find_spec("psycopg"):
    from scripts import postgis_join

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
NEW_YORK = {
    "file": "nyc/tract2020.geojson.gz",
    "levels": [{"key": "tract", "code": "boroct2020"}],
}
REPEATS = 7
POSTGIS_REPEATS = 3
SAMPLED = 20
"""PostGIS's ways are tried on so small a share of the points, and on vertices, a tenth as many."""
JITTER = 0.002
"""Degrees: New York's reports are scattered by about 200 m, or they would be the same few points again."""

Ratios = dict[str, float]
Ways = dict[str, "postgis_join.Way"]


class DifferentAnswers(Exception):
    """Two ways of locating disagree: a measurement of them would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` asks a tenth of the points, and leaves out 100,000 polygons and how cost grows."""
    rng = np.random.default_rng(20261122)
    points = 1_000_000 if scale == "full" else 100_000
    figures, ratios, told = _district(rng, 4_833, points, growing=scale == "full")
    if (SHARED_DATA / "nyc").is_dir():
        x, y = _reports(rng, points)
        _add(figures, ratios, "_nyc", *_against_geopandas(_new_york(), x, y))
    if scale == "full":
        for size in (500, 20_000):
            smaller = locating.drawn(size)
            more = locating.growth(rng, Locator(smaller), smaller)
            _add(figures, ratios, f"_of_{size}_polygons", more, {})
        more, more_ratios, told_100k = _district(rng, 100_000, points, growing=True)
        _add(figures, ratios, "_100k", more, more_ratios)
        told |= {f"{name}_100k": text for name, text in told_100k.items()}
    baseline = {"name": "geopandas.sjoin within", "version": geopandas.__version__, "points": points}
    return {"work": "locate", "figures": figures, "baseline": baseline | told, "ratios": ratios}


def _add(figures: Figures, ratios: Ratios, suffix: str, more: Figures, more_ratios: Ratios) -> None:
    figures |= {f"{name}{suffix}": value for name, value in more.items()}
    ratios |= {f"{name}{suffix}": value for name, value in more_ratios.items()}


def _district(
    rng: np.random.Generator, size: int, points: int, growing: bool
) -> tuple[Figures, Ratios, dict[str, str]]:
    """Everything that is measured of one made-up district, and what PostGIS it was measured against."""
    made_up, figures = locating.of_drawing(size)
    x, y = locating.strewn(rng, made_up, points)
    ratios: Ratios = {}
    _add(figures, ratios, "", *_against_geopandas(made_up, x, y))
    if growing:
        figures |= locating.growth(rng, Locator(made_up), made_up)
    lacking = _no_postgis()
    if lacking:
        return figures, ratios, {"postgis": lacking}
    more, more_ratios, told = _against_postgis(rng, made_up, x, y)
    _add(figures, ratios, "", more, more_ratios)
    return figures, ratios, told


def _no_postgis() -> str | None:
    """Why PostGIS is not measured, or None."""
    if importlib.util.find_spec("psycopg") is None:
        return "not measured: no psycopg (pip install 'gridgov[postgis]')"
    lacking = postgres.missing()
    return f"not measured: {lacking}" if lacking else None


def _new_york() -> Hierarchy:
    drawing = read(NEW_YORK, SHARED_DATA)
    return settle(drawing, check(drawing))


def _reports(rng: np.random.Generator, points: int) -> Points:
    """New York's reports, again and again, each time scattered a little."""
    rows = pandas.read_csv(
        SHARED_DATA / "nyc" / "requests.csv.gz", usecols=["longitude", "latitude"]
    ).dropna()
    drawn = rng.integers(0, len(rows), points)
    x = rows["longitude"].to_numpy()[drawn] + rng.normal(0, JITTER, points)
    y = rows["latitude"].to_numpy()[drawn] + rng.normal(0, JITTER, points)
    return x, y


def _against_geopandas(
    hierarchy: Hierarchy, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[Figures, Ratios]:
    """The figures for one hierarchy, and how many times faster the index is than geopandas.sjoin."""
    build = [timed(lambda: Locator(hierarchy))[0] for _ in range(3)]
    locator = Locator(hierarchy)
    polygons = geopandas.GeoDataFrame(geometry=[grid.geometry for grid in hierarchy.lowest], crs=4326)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y), crs=4326)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(REPEATS):
        seconds, answer = timed(lambda: locator.index_many(x, y))
        ours.append(seconds)
        seconds, joined = timed(lambda: geopandas.sjoin(points, polygons, how="left", predicate="within"))
        theirs.append(seconds)
        _same(answer, joined["index_right"])
    shapes = polygons.geometry.to_numpy()
    figures = {
        "polygons": figure(len(polygons), "polygons"),
        "vertices_a_polygon": figure(float(polygons.count_coordinates().mean()), "vertices"),
        "holes": figure(float(shapely.get_num_interior_rings(shapely.get_parts(shapes)).sum()), "holes"),
        "in_several_parts": figure(float((shapely.get_num_geometries(shapes) > 1).sum()), "polygons"),
        "build": figure(median(build), "s"),
        "bulk": figure(len(x) / median(ours), "points/s"),
        "geopandas_sjoin": figure(len(x) / median(theirs), "points/s"),
    }
    times = [them / us for them, us in zip(theirs, ours, strict=True)]
    return figures | locating.of_locator(locator, x, y), {"vs_geopandas_sjoin": round(median(times), 2)}


def _same(answer: NDArray[np.int32], index_right: "pandas.Series[float]") -> None:
    """Every point in the same polygon as in GeoPandas; where that finds several, in the first."""
    first = index_right.groupby(level=0).min().fillna(-1).astype(int).to_numpy()
    different = int((first != answer).sum())
    if different:
        raise DifferentAnswers(f"{different} of {len(answer)} points are located differently by geopandas")


def _against_postgis(
    rng: np.random.Generator, hierarchy: Hierarchy, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[Figures, Ratios, dict[str, str]]:
    """How many times faster the index is than the best of PostGIS's ways, and which those are."""
    locator = Locator(hierarchy)
    polygons = np.array([grid.geometry for grid in hierarchy.lowest], dtype=object)
    with postgis_join.joins() as joins:
        joins.take_polygons(polygons)
        sample = len(x) // SAMPLED
        best = _best_ways(rng, joins, locator, polygons, (x[:sample], y[:sample]))
        indexing = joins.take_points(x, y)
        turns = [_turn(joins, locator, best, x, y) for _ in range(POSTGIS_REPEATS)]
        told = {"postgis": joins.version()} | {name: way.name for name, way in best.items()}
    figures = {
        "postgis_indexing_points": figure(indexing.processor, "s"),
        "postgis_polygons_indexed": figure(len(x) / median(t["alone"].processor for t in turns), "points/s"),
        "postgis_points_indexed": figure(
            len(x) / median(t["alone_indexed"].processor for t in turns), "points/s"
        ),
    }
    ratios = {
        "vs_postgis_join": [
            min(t["alone"].processor, (t["alone_indexed"] + indexing).processor) / t["ours"].processor
            for t in turns
        ],
        "vs_postgis_polygons_indexed": [t["alone"].processor / t["ours"].processor for t in turns],
        "vs_postgis_points_indexed": [t["alone_indexed"].processor / t["ours"].processor for t in turns],
        "vs_postgis_join_by_the_clock": [
            min(t["helped"].clock, (t["helped_indexed"] + indexing).clock) / t["ours"].clock for t in turns
        ],
    }
    return figures, {name: round(median(each), 1) for name, each in ratios.items()}, told


def _turn(
    joins: "postgis_join.Joins",
    locator: Locator,
    best: "Ways",
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> dict[str, "postgis_join.Took"]:
    """What each of the best ways takes, and what the index takes: the middle of three times."""
    took = {name: joins.join(way) for name, way in best.items()}
    processor = median(timed(lambda: locator.index_many(x, y))[0] for _ in range(3))
    clock = median(clocked(lambda: locator.index_many(x, y)) for _ in range(3))
    return took | {"ours": postgis_join.Took(clock, processor)}


def _best_ways(
    rng: np.random.Generator,
    joins: "postgis_join.Joins",
    locator: Locator,
    polygons: NDArray[np.object_],
    sample: Points,
) -> "Ways":
    """The quickest ways without (`alone`) and with workers (`helped`), and of each kind without and with an
    index on the points; all of them give our answers, for vertices too.
    """
    corners = shapely.get_coordinates(polygons)
    some = corners[rng.integers(0, len(corners), len(sample[0]) // 10)]
    x, y = np.concatenate([sample[0], some[:, 0]]), np.concatenate([sample[1], some[:, 1]])
    joins.take_points(x, y)
    took = {
        way: min(joins.join(way).clock, joins.join(way).clock)
        for way in postgis_join.ways((0, locating.CORES))
    }
    best = {}
    for name, workers in (("alone", {0}), ("helped", {0, locating.CORES})):
        for suffix, wanted in (("", False), ("_indexed", True)):
            some_ways = [way for way in took if way.workers in workers and way.indexes_points is wanted]
            best[name + suffix] = min(some_ways, key=lambda way: took[way])
    expected = locator.index_many(x, y)
    for way in set(best.values()):
        different = int((joins.answers(way, len(x)) != expected).sum())
        if different:
            raise DifferentAnswers(f"{different} of {len(x)} points are located differently by PostGIS")
    return best


if __name__ == "__main__":
    print(json.dumps(run(), ensure_ascii=False, indent=2))
