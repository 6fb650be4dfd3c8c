"""The grids in force: their levels, their polygons level by level, and where points lie in them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geodata.datum import Datum, to_wgs84, to_wgs84_many
from geodata.errors import check_point
from geodata.grids import GridPath, Hierarchy
from geodata.locate import Located, Outside
from geodata.publish import feature_collection
from geodata.simplify import MOST_METRES, simplified
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Line, NamedDatum, Number
from gridgov.api.dependencies import GridGov, SignedIn
from gridgov.api.shelf import Print, Shelf, answer, printed
from gridgov.api.specialised import in_fields, many_in_fields
from gridgov.in_force import Atlas, InForce
from gridgov.places import require_not_swapped

router = APIRouter(prefix="/api", tags=["grids 网格"])

MEDIA_TYPE: Final = "application/geo+json"
#: Points of one question at most; about 400 kB of JSON, answered in some ten milliseconds.
MOST_POINTS: Final = 20_000
#: Gzipped: 4,833 micro-grids take 1.6 MB.
PRINTS_BYTES: Final = 64_000_000
SIMPLIFIED_KEPT: Final = 4
#: Tolerances that wait to be simplified by: any number may be asked for, and each takes a second of a core.
SIMPLIFIED_WAITING: Final = 8


class Points(Body):
    """Points as [longitude, latitude] in degrees of one datum."""

    points: Annotated[tuple[tuple[Number, Number], ...], Field(max_length=MOST_POINTS)]
    datum: NamedDatum


class Point(Body):
    """One point, in degrees of the datum named."""

    lon: float
    lat: float
    datum: NamedDatum


class Drawing(Body):
    """Which grids of a level, and how fine."""

    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    simplified: Annotated[
        float | None,
        Field(
            gt=0,
            le=MOST_METRES,
            description="metres that borders may move by, about; what was shared stays shared",
        ),
    ] = None


class Drawings:
    """Levels drawn already. One of 5,000 polygons takes a second to draw, half of one to simplify."""

    def __init__(self) -> None:
        self._prints = Shelf[Print](PRINTS_BYTES, lambda one: one.size)
        self._simplified = Shelf[Hierarchy](
            SIMPLIFIED_KEPT, lambda _: 1, at_once=1, waiting=SIMPLIFIED_WAITING
        )

    async def level(self, atlas: Atlas, key: str, asked: Drawing) -> Print:
        """The grids of a level as GeoJSON; raises UnknownLevel, UnknownGrid, MapsBusy."""
        hierarchy, number = atlas.hierarchy, atlas.hierarchy.level_number(key)
        under = tuple(asked.under.split("/")) if asked.under else ()
        if under:
            hierarchy.grid(under)
        if (metres := asked.simplified) is not None:
            # All of the level, whatever part is wanted: parts drawn one by one then fit together.
            simpler = partial(simplified, hierarchy, number, metres)
            hierarchy = await self._simplified.take((atlas.edition, number, metres), simpler)
        draw = partial(_geojson, hierarchy, number, under)
        return await self._prints.take((atlas.edition, number, under, metres), draw)


@router.get("/grids")
def grids(_: SignedIn, gridgov: GridGov) -> Response:
    """The edition in force and its levels, widest first, with the number of grids in each."""
    atlas = gridgov.service.atlas
    return Answer(
        {
            "edition": atlas.edition,
            "name": atlas.name,
            "made_up": atlas.made_up,
            "levels": [
                {
                    "key": level.key,
                    "name_zh": level.name_zh,
                    "name_en": level.name_en,
                    "grids": len(atlas.hierarchy.at(n)),
                }
                for n, level in enumerate(atlas.hierarchy.levels)
            ],
        }
    )


@router.get("/grids/{level}.geojson")
async def level_geojson(
    level: str, asked: Annotated[Drawing, Query()], request: Request, _: SignedIn, gridgov: GridGov
) -> Response:
    """The polygons of a level as GeoJSON; the tag stays the same until the grids change."""
    drawings: Drawings = request.app.state.drawings
    drawn = await drawings.level(gridgov.service.atlas, level, asked)
    return await answer(request, drawn, MEDIA_TYPE)


@router.get("/locate")
def locate(asked: Annotated[Point, Query()], _: SignedIn, gridgov: GridGov) -> Response:
    """The grids that a point lies in, widest first, and the metres to the border; outside, the nearest
    and how far. With them the specialised grids of each field, and their teams.
    """
    check_point(asked.lon, asked.lat)
    in_force = gridgov.service.in_force
    datum = in_force.city.datum_of(asked.datum)
    require_not_swapped(in_force.atlas, asked, datum)
    return Answer(_located(in_force, asked.lon, asked.lat, datum))


@router.post("/locate")
def locate_many(asked: Points, _: SignedIn, gridgov: GridGov) -> Response:
    """The grid path of each point, null outside every grid; and for each field the codes of the specialised
    grids that they lie in, null in none.
    """
    in_force = gridgov.service.in_force
    atlas, datum = in_force.atlas, in_force.city.datum_of(asked.datum)
    lons, lats = np.array(asked.points, np.float64).reshape(-1, 2).T
    points = to_wgs84_many(lons, lats, datum)
    found = atlas.locator.index_many(*points)
    paths = atlas.locator.paths
    return Answer(
        {
            "edition": atlas.edition,
            "from_datum": datum,
            "paths": [list(paths[n]) if n >= 0 else None for n in found.tolist()],
            "specialised": many_in_fields(in_force, *points, found),
        }
    )


def _located(in_force: InForce, lon: float, lat: float, datum: Datum) -> dict[str, Any]:
    atlas = in_force.atlas
    x, y = to_wgs84(lon, lat, datum)
    found: Located | Outside = atlas.locator.locate(x, y)
    answer: dict[str, Any] = {"edition": atlas.edition, "from_datum": datum}
    answer |= {"lon": x, "lat": y, "datum": Datum.wgs84, "specialised": in_fields(in_force, x, y)}
    if isinstance(found, Outside):
        return answer | {"path": None, "nearest": list(found.nearest), "outside_m": found.distance_m}
    names = [atlas.hierarchy.grid(found.path[: n + 1]).name for n in range(len(found.path))]
    return answer | {"path": list(found.path), "names": names, "border_m": found.border_m}


def _geojson(hierarchy: Hierarchy, level: int, under: GridPath) -> Print:
    return printed(feature_collection(hierarchy, level, under))
