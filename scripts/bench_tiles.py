"""Tiles, archive and simplified level of 4,833 made-up micro-grids, against GDAL's tiles and a plain clip.

A tile is cold when nothing of it has been drawn, though its zoom's sheet has; `sheet` is what the first tile
of a zoom waits for besides. GDAL's PMTiles writer is given micro-grids at zooms 12 to 14 alone, ours draws 0
to 14. The plain way clips with GeoPandas and encodes with mapbox-vector-tile's own `encode`; it simplifies
each polygon for itself, so that borders come apart.
"""

import gzip
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import geopandas
import mapbox_vector_tile
import pyogrio
import shapely

from geodata.grids import Hierarchy
from geodata.mercator import EQUATOR_M, EXTENT, Address, addresses
from geodata.pmtiles import write_pmtiles
from geodata.publish import feature_collection
from geodata.simplify import simplified
from geodata.synthetic import district
from geodata.tiles import BUFFER, Tiles

STREETS = [(f"440306{number:03d}", f"第{number}街道") for number in range(1, 11)]
SIZES = {"full": (124, 4833), "small": (12, 480)}
REPEATS = 7
ZOOMS = range(12, 15)
METRES = 20.0


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` takes a tenth of the micro-grids."""
    communities, micro_grids = SIZES[scale]
    demo = district(1, STREETS, communities, micro_grids, area_km2=micro_grids * 400 / 4833)
    tiles = Tiles(demo)
    densest = max(addresses(tiles.bounds, ZOOMS[0]), key=lambda at: len(tiles.tile(["micro_grid"], at).data))
    figures, plain = _tile(demo, tiles, densest)
    archive, theirs = _archive(demo)
    figures |= archive | _level(demo)
    return {
        "work": "tiles",
        "figures": figures,
        "baseline": {
            "clip": f"geopandas {geopandas.__version__} clip, simplify, mapbox_vector_tile.encode",
            "archive": f"GDAL {pyogrio.__gdal_version_string__} PMTiles, zooms {ZOOMS[0]} to {ZOOMS[-1]}",
            "micro_grids": micro_grids,
        },
        "ratios": {"vs_plain_clip": round(plain, 2), "vs_gdal_pmtiles": round(theirs, 2)},
    }


def _tile(demo: Hierarchy, tiles: Tiles, densest: Address) -> tuple[dict[str, Any], float]:
    """The densest tile, all of the zoom below it, and how much longer the plain way takes for the former."""
    frame = geopandas.GeoDataFrame(
        {"code": [g.code for g in demo.lowest], "name": [g.name for g in demo.lowest]},
        geometry=[g.geometry for g in demo.lowest],
        crs=4326,
    ).to_crs(3857)
    sheet = _seconds(lambda: Tiles(demo).tile(["micro_grid"], densest))
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(_seconds(lambda: gzip.compress(tiles.tile(["micro_grid"], densest).data, 6)))
        theirs.append(_seconds(lambda: gzip.compress(_clipped(frame, densest), 6)))
    tiles.tile(["micro_grid"], addresses(tiles.bounds, ZOOMS[1])[0])
    every = sorted(
        _seconds(lambda at=at: gzip.compress(tiles.tile(["micro_grid"], at).data, 6))
        for at in addresses(tiles.bounds, ZOOMS[1])
    )
    data = tiles.tile(["micro_grid"], densest).data
    cold = median(ours)
    figures = {
        "sheet": _figure(sheet - cold, "s"),
        "densest_tile_cold": _figure(cold * 1000, "ms"),
        "densest_tile_grids": {
            "value": len(mapbox_vector_tile.decode(data)["micro_grid"]["features"]),
            "unit": "grids",
        },
        "densest_tile_gzipped": _figure(len(gzip.compress(data, 6)) / 1000, "kB"),
        "tile_median": _figure(median(every) * 1000, "ms"),
        "tile_longest": _figure(every[-1] * 1000, "ms"),
        "plain_clip": _figure(median(theirs) * 1000, "ms"),
    }
    return figures, median(theirs) / cold


def _clipped(frame: geopandas.GeoDataFrame, at: Address) -> bytes:
    """The tile as it is made by hand: what lies in the window, each polygon simplified for itself."""
    side = EQUATOR_M / (1 << at.z)
    west, north = at.x * side - EQUATOR_M / 2, EQUATOR_M / 2 - at.y * side
    margin = side * BUFFER / EXTENT
    window = (west - margin, north - side - margin, west + side + margin, north + margin)
    near = frame.iloc[frame.sindex.query(shapely.box(*window))]
    cut = geopandas.clip(near, window)
    cut["geometry"] = cut.geometry.simplify(side / EXTENT * 4)
    local = shapely.transform(cut.geometry.to_numpy(), lambda at: (at - (west, north - side)) * EXTENT / side)
    features = [
        {"geometry": shape, "properties": {"code": code, "name": name}}
        for code, name, shape in zip(cut["code"], cut["name"], local, strict=True)
    ]
    return bytes(mapbox_vector_tile.encode([{"name": "x", "features": features}]))


def _archive(demo: Hierarchy) -> tuple[dict[str, Any], float]:
    """An archive of all levels; how many times longer GDAL takes for micro-grids than we do for them."""
    frame = geopandas.GeoDataFrame(
        {"code": [g.code for g in demo.lowest], "name": [g.name for g in demo.lowest]},
        geometry=[g.geometry for g in demo.lowest],
        crs=4326,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "all.pmtiles"
        levels = [level.key for level in demo.levels]
        one = file.with_name("one.pmtiles")
        seconds = _seconds(lambda: write_pmtiles(file, Tiles(demo), levels, {}, max_zoom=ZOOMS[-1]))
        alone = _seconds(lambda: write_pmtiles(one, Tiles(demo), levels[-1:], {}, max_zoom=ZOOMS[-1]))
        theirs = _seconds(
            lambda: pyogrio.write_dataframe(
                frame, Path(folder) / "gdal.pmtiles", driver="PMTiles", MINZOOM=ZOOMS[0], MAXZOOM=ZOOMS[-1]
            )
        )
        figures = {
            "archive_all_levels": _figure(seconds, "s"),
            "archive_size": _figure(file.stat().st_size / 1e6, "MB"),
            "archive_micro_grids": _figure(alone, "s"),
            "gdal_pmtiles": _figure(theirs, "s"),
        }
    return figures, theirs / alone


def _level(demo: Hierarchy) -> dict[str, Any]:
    """The lowest level as GeoJSON, as drawn and simplified."""
    simpler = simplified(demo, "micro_grid", METRES)
    fine, coarse = (feature_collection(one, "micro_grid") for one in (demo, simpler))
    return {
        "simplify": _figure(_seconds(lambda: simplified(demo, "micro_grid", METRES)), "s"),
        "geojson": _figure(_seconds(lambda: feature_collection(demo, "micro_grid")), "s"),
        "geojson_simplified": _figure(_seconds(lambda: feature_collection(simpler, "micro_grid")), "s"),
        "geojson_gzipped": _figure(len(gzip.compress(fine, 6)) / 1e6, "MB"),
        "geojson_simplified_gzipped": _figure(len(gzip.compress(coarse, 6)) / 1e6, "MB"),
    }


def _figure(value: float, unit: str) -> dict[str, Any]:
    return {"value": round(value, 3), "unit": unit}


def _seconds(act: Callable[[], Any]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(run(), ensure_ascii=False, indent=2))
