"""The grids in force: their levels, their polygons level by level, and where points lie in them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geodata.datum import Datum, to_wgs84, to_wgs84_many
from geodata.errors import check_point
from geodata.locate import Located, Outside
from geodata.publish import feature_collection
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, NamedDatum, Number
from gridgov.api.dependencies import GridGov, SignedIn
from gridgov.in_force import Atlas
from gridgov.places import require_not_swapped

router = APIRouter(prefix="/api", tags=["grids 网格"])

MEDIA_TYPE: Final = "application/geo+json"
#: Points of one question at most; about 400 kB of JSON, answered in some ten milliseconds.
MOST_POINTS: Final = 20_000


class Points(Body):
    """Points as [longitude, latitude] in degrees of one datum."""

    points: Annotated[tuple[tuple[Number, Number], ...], Field(max_length=MOST_POINTS)]
    datum: NamedDatum


class Point(Body):
    """One point, in degrees of the datum named."""

    lon: float
    lat: float
    datum: NamedDatum


@dataclass(frozen=True, slots=True)
class Drawn:
    """One level of an edition as it goes out: gzipped GeoJSON and the tag that stands for it."""

    tag: str
    plain: bytes
    packed: bytes


class Shelf:
    """Levels drawn already, of the edition in force alone. A level of 5,000 polygons takes a second to
    draw.
    """

    def __init__(self) -> None:
        self._atlas: Atlas | None = None
        self._drawn: dict[str, Drawn] = {}

    def level(self, atlas: Atlas, key: str) -> Drawn:
        """That level of the atlas; raises UnknownLevel."""
        if atlas is not self._atlas:
            self._atlas, self._drawn = atlas, {}
        found = self._drawn.get(key)
        if found is None:
            plain = feature_collection(atlas.hierarchy, key)
            tag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
            found = self._drawn[key] = Drawn(tag, plain, gzip.compress(plain, 6, mtime=0))
        return found


@router.get("/grids")
def grids(_: SignedIn, gridgov: GridGov) -> Response:
    """The edition in force and its levels, widest first, with the number of grids in each."""
    atlas = gridgov.service.in_force.atlas
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
def level_geojson(level: str, request: Request, _: SignedIn, gridgov: GridGov) -> Response:
    """The polygons of a level as GeoJSON; the tag stays the same until the grids change."""
    drawn = request.app.state.shelf.level(gridgov.service.in_force.atlas, level)
    headers = {"ETag": drawn.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if drawn.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(drawn.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=MEDIA_TYPE)
    return Response(drawn.plain, headers=headers, media_type=MEDIA_TYPE)


@router.get("/locate")
def locate(asked: Annotated[Point, Query()], _: SignedIn, gridgov: GridGov) -> Response:
    """The grids that a point lies in, widest first, and the metres to the border; outside, the nearest
    and how far.
    """
    check_point(asked.lon, asked.lat)
    in_force = gridgov.service.in_force
    datum = in_force.city.datum_of(asked.datum)
    require_not_swapped(in_force.atlas, asked, datum)
    return Answer(_located(in_force.atlas, asked.lon, asked.lat, datum))


@router.post("/locate")
def locate_many(asked: Points, _: SignedIn, gridgov: GridGov) -> Response:
    """The grid path of each point, null outside every grid."""
    in_force = gridgov.service.in_force
    atlas, datum = in_force.atlas, in_force.city.datum_of(asked.datum)
    lons, lats = np.array(asked.points, np.float64).reshape(-1, 2).T
    found = atlas.locator.index_many(*to_wgs84_many(lons, lats, datum))
    paths = atlas.locator.paths
    return Answer(
        {
            "edition": atlas.edition,
            "from_datum": datum,
            "paths": [list(paths[n]) if n >= 0 else None for n in found.tolist()],
        }
    )


def _located(atlas: Atlas, lon: float, lat: float, datum: Datum) -> dict[str, Any]:
    x, y = to_wgs84(lon, lat, datum)
    found: Located | Outside = atlas.locator.locate(x, y)
    answer: dict[str, Any] = {"edition": atlas.edition, "from_datum": datum}
    answer |= {"lon": x, "lat": y, "datum": Datum.wgs84}
    if isinstance(found, Outside):
        return answer | {"path": None, "nearest": list(found.nearest), "outside_m": found.distance_m}
    names = [atlas.hierarchy.grid(found.path[: n + 1]).name for n in range(len(found.path))]
    return answer | {"path": list(found.path), "names": names, "border_m": found.border_m}
