"""A hierarchy as one PMTiles archive (version 3): its vector tiles in a file, for maps without a network."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geodata.mercator import MAX_ZOOM, Address, addresses
from geodata.tiles import Tiles, vector_layers

USUAL_ZOOM = 14
"""A unit is 60 cm on the equator there: a map enlarged further still shows borders within a step's width."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive came out as: tiles that hold something, bytes of the file, the zooms of each level."""

    tiles: int
    size: int
    zooms: Mapping[str, range]


def write_pmtiles(
    file: Path,
    tiles: Tiles,
    levels: Sequence[int | str],
    about: Mapping[str, str],
    *,
    max_zoom: int = USUAL_ZOOM,
    told: Told | None = None,
) -> Archive:
    """Write the tiles of some levels (numbers or keys), each with its stand-ins at smaller zooms.

    The same hierarchy gives the same bytes. `about` goes into the archive's metadata: its name, an
    attribution and the like; `told` is called with the number of tiles done, and of all. The file appears
    once it is whole: until then it stands beside it as FILE.part. Raises UnknownLevel; ValueError for a zoom
    that is not within 0..16, or at which no grid is wide enough to be seen.
    """
    if not 0 <= max_zoom <= MAX_ZOOM:
        raise ValueError(f"a zoom from 0 to {MAX_ZOOM} was expected, not {max_zoom}")
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            writer = Writer(out)  # type: ignore[no-untyped-call]
            with closing(writer.tile_f):
                zooms = _write(writer, tiles, levels, max_zoom, told)
                metadata = {
                    **about,
                    "type": "overlay",
                    "vector_layers": vector_layers(tiles.hierarchy, zooms),
                }
                writer.finalize(_header(tiles, zooms), metadata)  # type: ignore[no-untyped-call]
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return Archive(writer.addressed_tiles, file.stat().st_size, zooms)


def _write(
    writer: Writer, tiles: Tiles, levels: Sequence[int | str], max_zoom: int, told: Told | None
) -> dict[str, range]:
    """Write every tile that holds something, in the order of the archive; the zooms of each level drawn."""
    every = [at for zoom in range(max_zoom + 1) for at in addresses(tiles.bounds, zoom)]
    seen: dict[str, list[int]] = {}
    for done, address in enumerate(sorted(every, key=_number), 1):
        tile = tiles.tile(levels, address)
        if tile.data:
            packed = gzip.compress(tile.data, 6, mtime=0)
            writer.write_tile(_number(address), packed)  # type: ignore[no-untyped-call]
            for key in tile.levels:
                seen.setdefault(key, []).append(address.z)
        if told is not None:
            told(done, len(every))
    if not seen:
        raise ValueError(f"no grid is wide enough to be seen at zoom {max_zoom}: take a greater one")
    return {key: range(min(at), max(at) + 1) for key, at in seen.items()}


def _number(at: Address) -> int:
    """The number of a tile in an archive: along Hilbert curves, zoom by zoom."""
    return zxy_to_tileid(at.z, at.x, at.y)


def _header(tiles: Tiles, zooms: Mapping[str, range]) -> dict[str, Any]:
    """What the header says beyond what the writer works out: a map opens where the narrowest level begins."""
    west, south, east, north = (round(edge * 10_000_000) for edge in tiles.bounds)
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": max(drawn[0] for drawn in zooms.values()),
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }
