"""Vector tiles of the grids in force, and the TileJSON that tells a map about them."""

from __future__ import annotations

import threading
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from geodata.mercator import MAX_ZOOM, Address
from geodata.tiles import Tiles, vector_layers
from gridgov.api.answers import Answer
from gridgov.api.basic import MapReader
from gridgov.api.dependencies import GridGov, Parts
from gridgov.api.shelf import ASK_AGAIN, FOR_AN_HOUR, Print, Shelf, answer, printed
from gridgov.errors import UnknownEdition
from gridgov.in_force import Atlas

router = APIRouter(prefix="/tiles", tags=["tiles 矢量瓦片"])

#: As the Mapbox Vector Tile specification 2.1 names it (2.2).
MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
#: Which level was drawn, percent-encoded: the one asked for, or the wider one that stands in for it.
LEVEL_HEADER: Final = "Gridgov-Level"
#: Gzipped: the micro-grids of a district of 4,833 take 1.4 MB down to zoom 14, 3.5 MB down to 16.
PRINTS_BYTES: Final = 32_000_000

#: Any larger is no number of a tile, nor one that JSON carries.
LARGEST: Final = 1 << 31
Number = Annotated[int, Path(ge=-LARGEST, le=LARGEST)]
Edition = Annotated[
    int | None,
    Query(ge=1, le=LARGEST, description="refused unless this edition is in force; answers may be kept then"),
]


class Drawn:
    """Tiles drawn already, and the sheets they are cut from: of one edition at a time, the one in force."""

    def __init__(self) -> None:
        self._prints = Shelf[Print](PRINTS_BYTES, lambda one: one.size)
        self._tiles: tuple[int, Tiles] | None = None
        self._lock = threading.Lock()

    def of(self, atlas: Atlas) -> Tiles:
        """The tiles of an atlas; what was drawn of another edition is let go."""
        with self._lock:
            if self._tiles is None or self._tiles[0] != atlas.edition:
                self._tiles = atlas.edition, Tiles(atlas.hierarchy)
            return self._tiles[1]

    async def tile(self, atlas: Atlas, level: str, address: Address) -> Print:
        """A tile; raises UnknownLevel, MapsBusy."""
        tiles = self.of(atlas)
        number = tiles.hierarchy.level_number(level)
        draw = partial(_print, tiles, number, address)
        return await self._prints.take((atlas.edition, number, address), draw)


@router.get("/{level}.json")
def tilejson(level: str, request: Request, _: MapReader, gridgov: GridGov) -> Response:
    """What a map needs to show a level: where its tiles are, which levels stand in at which zooms."""
    atlas = gridgov.service.atlas
    drawn: Drawn = request.app.state.tiles
    return Answer(_described(drawn.of(atlas), atlas, level, _base(request, gridgov)))


# The first to be tried stands last: without a suffix, any text might be the row.
@router.get("/{level}/{z}/{x}/{y}", include_in_schema=False)
@router.get("/{level}/{z}/{x}/{y}.pbf", include_in_schema=False)
@router.get("/{level}/{z}/{x}/{y}.mvt")
async def tile(
    level: str,
    z: Number,
    x: Number,
    y: Number,
    request: Request,
    _: MapReader,
    gridgov: GridGov,
    edition: Edition = None,
) -> Response:
    """A tile of a level in Web Mercator, rows counted from the north; 204 where no grid lies.

    Grids too small to tell apart are left out for those of a wider level: the layer is named after the level
    that came, as the header Gridgov-Level is.
    """
    atlas = _in_force(gridgov, edition)
    drawn: Drawn = request.app.state.tiles
    found = await drawn.tile(atlas, level, Address(z, x, y))
    cache = ASK_AGAIN if edition is None else FOR_AN_HOUR
    return await answer(request, found, MEDIA_TYPE, cache, **{LEVEL_HEADER: quote(found.level)})


def _in_force(gridgov: Parts, edition: int | None) -> Atlas:
    atlas = gridgov.service.atlas
    if edition is not None and edition != atlas.edition:
        raise UnknownEdition(
            f"tiles are of edition {atlas.edition}, in force now, not of {edition}: read the TileJSON again",
            edition=edition,
            in_force=atlas.edition,
        )
    return atlas


def _base(request: Request, gridgov: Parts) -> str:
    """The address of this site: TileJSON names its tiles in full (3.2). Over HTTPS where cookies are for it
    alone, whatever a proxy in between says.
    """
    secure = gridgov.service.settings.secure_cookies
    return str(request.base_url.replace(scheme="https") if secure else request.base_url)


def _print(tiles: Tiles, level: int, address: Address) -> Print:
    made = tiles.tile([level], address)
    return printed(made.data, made.levels[0])


def _described(tiles: Tiles, atlas: Atlas, level: str, base: str) -> dict[str, Any]:
    """TileJSON 3.0.0; beside its own members, the edition and whether its district is made up."""
    zooms = tiles.zooms(level)
    west, south, east, north = tiles.bounds
    return {
        "tilejson": "3.0.0",
        "tiles": [f"{base}tiles/{quote(level, safe='')}/{{z}}/{{x}}/{{y}}.mvt?edition={atlas.edition}"],
        "vector_layers": vector_layers(tiles.hierarchy, zooms),
        "name": atlas.name,
        # Tiles of two editions do not go together, which is what a major version says (3.17).
        "version": f"{atlas.edition}.0.0",
        "scheme": "xyz",
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, max(drawn[0] for drawn in zooms.values())],
        "edition": atlas.edition,
        "made_up": atlas.made_up,
    }
