"""Vector tiles over HTTP: what comes, what is refused, what is kept; and the TileJSON that leads there."""

from __future__ import annotations

import gzip
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from geodata.mercator import addresses, units
from geodata.tiles import Tiles
from gridgov import city
from gridgov.app import create_app
from gridgov.service import Service
from tests.gridgov import scene
from tests.gridgov.conftest import OPERATOR, QUICK, Site

#: The one that holds all of the town; its squares of 1 km are 15 pixels wide there.
(AT,) = addresses((114.0, 22.5, 114.02, 22.52), 11)
URL = f"/tiles/grid/{AT.z}/{AT.x}/{AT.y}"
PLAIN = {"Accept-Encoding": "identity"}


def raw(site: Site, url: str, **headers: str) -> tuple[Any, bytes]:
    """The answer and its bytes as they went over the wire."""
    somebody = site.as_("inspector")
    with site.client.stream("GET", url, headers=somebody.headers | headers) as answer:
        return answer, b"".join(answer.iter_raw())


class TestTile:
    """GET /tiles/{level}/{z}/{x}/{y}"""

    def test_it_holds_the_grids_there(self, site: Site) -> None:
        answer = site.as_("inspector").get(URL)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        layer = mapbox_vector_tile.decode(answer.content)["grid"]
        assert {one["properties"]["code"] for one in layer["features"]} == {"N1", "N2", "S1", "S2"}
        first = next(one["properties"] for one in layer["features"] if one["properties"]["code"] == "N1")
        assert first == {"code": "N1", "name": "网格N1", "level": "grid", "parent": "D/N"}
        place = shapely.Point(114.005, 22.515)
        west, south, east, north = AT.bounds
        spot = ((place.x - west) / (east - west) * 4096, (place.y - south) / (north - south) * 4096)
        found = [
            one["properties"]["code"]
            for one in layer["features"]
            if shapely.contains_xy(shapely.geometry.shape(one["geometry"]), *spot)
        ]
        assert found == ["N1"]

    @pytest.mark.parametrize("suffix", [".mvt", ".pbf"])
    def test_a_suffix_changes_nothing(self, site: Site, suffix: str) -> None:
        inspector = site.as_("inspector")
        assert inspector.get(URL + suffix).content == inspector.get(URL).content

    def test_packed_or_not_it_is_the_same(self, site: Site) -> None:
        answer, packed = raw(site, URL)
        assert answer.headers["content-encoding"] == "gzip"
        unpacked, plain = raw(site, URL, **PLAIN)
        assert "content-encoding" not in unpacked.headers
        assert gzip.decompress(packed) == plain
        assert unpacked.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"
        assert plain == Tiles(scene.hierarchy()).tile(["grid"], AT).data

    @pytest.mark.parametrize(
        ("accepts", "coding"),
        [
            ("gzip", "gzip"),
            ("br, gzip;q=0.5", "gzip"),
            ("*", "gzip"),
            ("GZIP ; q=1.0", "gzip"),
            ("gzip;q=0", None),
            ("gzip;q=0.0, identity", None),
            ("*;q=0", None),
            ("br", None),
        ],
    )
    def test_only_who_takes_gzip_is_sent_it(self, site: Site, accepts: str, coding: str | None) -> None:
        answer, _ = raw(site, URL, **{"Accept-Encoding": accepts})
        assert answer.headers.get("content-encoding") == coding

    def test_what_the_browser_has_is_not_sent_again(self, site: Site) -> None:
        inspector = site.as_("inspector")
        tag = inspector.get(URL).headers["etag"]
        for sent in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
            again = inspector.get(URL, headers={"If-None-Match": sent})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert inspector.get(URL, headers={"If-None-Match": tag[:-2] + '"'}).status_code == 200

    def test_it_is_the_browsers_own(self, site: Site) -> None:
        inspector = site.as_("inspector")
        assert inspector.get(URL).headers["cache-control"] == "private, no-cache"
        assert inspector.get(f"{URL}?edition=1").headers["cache-control"] == "private, max-age=3600"

    def test_small_scales_show_a_wider_level_and_say_which(self, site: Site) -> None:
        came = {}
        for zoom in (8, 9, 10, 13):
            (at,) = addresses((114.005, 22.515, 114.005, 22.515), zoom)
            answer = site.as_("inspector").get(f"/tiles/grid/{at.z}/{at.x}/{at.y}")
            (layer,) = mapbox_vector_tile.decode(answer.content)
            assert answer.headers["gridgov-level"] == layer
            came[zoom] = layer
        assert came == {8: "district", 9: "district", 10: "grid", 13: "grid"}

    def test_an_empty_tile_has_no_content(self, site: Site) -> None:
        answer = site.as_("inspector").get("/tiles/grid/13/0/0")
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["gridgov-level"] == "grid"
        tag = {"If-None-Match": answer.headers["etag"]}
        assert site.as_("inspector").get("/tiles/grid/13/1/1", headers=tag).status_code == 304

    @pytest.mark.parametrize(
        ("url", "status", "says"),
        [
            ("/tiles/block/13/6690/3564", 404, "the levels are district, street, grid"),
            ("/tiles/grid/17/0/0", 404, "zooms run from 0 to 16"),
            ("/tiles/grid/-1/0/0", 404, "zooms run from 0 to 16"),
            ("/tiles/grid/3/8/0", 404, "columns and rows run from 0 to 7"),
            ("/tiles/grid/3/0/-1", 404, "columns and rows run from 0 to 7"),
            (f"/tiles/grid/3/{10**40}/0", 422, "path.x"),
            (f"{URL}?edition={10**40}", 422, "query.edition"),
            ("/tiles/grid/3/2147483648/0", 404, "columns and rows run from 0 to 7"),
            ("/tiles/grid/a/0/0", 422, "path.z"),
            ("/tiles/grid/3/1.5/0", 422, "path.x"),
            ("/tiles/grid/3/1/0.png", 422, "path.y"),
            (f"{URL}?edition=2", 404, "edition 1, in force now"),
            (f"{URL}?edition=x", 422, "query.edition"),
        ],
    )
    def test_what_is_no_tile_is_refused(self, site: Site, url: str, status: int, says: str) -> None:
        answer = site.as_("inspector").get(url)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in answer.json()["detail"]

    def test_one_has_to_sign_in(self, site: Site) -> None:
        for url in (URL, f"{URL}.mvt", "/tiles/grid.json"):
            assert site.client.get(url).status_code == 401

    def test_another_edition_has_other_tiles(self, site: Site) -> None:
        inspector = site.as_("inspector")
        before = inspector.get(URL)
        grids = scene.hierarchy()
        renamed = [
            type(grid)(grid.code, f"新{grid.name}", *(getattr(grid, name) for name in grid.__slots__[2:]))
            for grid in grids.grids
        ]
        drawing = type(grids).build(grids.levels, renamed)
        site.service.writer.run(city.import_edition(drawing, "second", made_up=True, findings=[], by="test"))
        after = inspector.get(URL, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        names = [
            one["properties"]["name"] for one in mapbox_vector_tile.decode(after.content)["grid"]["features"]
        ]
        assert set(names) == {"新网格N1", "新网格N2", "新网格S1", "新网格S2"}
        assert inspector.get(f"{URL}?edition=1").status_code == 404


class TestTileJson:
    """GET /tiles/{level}.json"""

    def test_it_is_tilejson_3(self, site: Site) -> None:
        told = site.as_("inspector").get("/tiles/grid.json").json()
        assert (told["tilejson"], told["scheme"], told["version"]) == ("3.0.0", "xyz", "1.0.0")
        assert (told["minzoom"], told["maxzoom"]) == (0, 16)
        assert told["bounds"] == [114.0, 22.5, 114.02, 22.52]
        lon, lat, zoom = told["center"]
        assert (lon, lat) == pytest.approx((114.01, 22.51))
        assert told["minzoom"] <= zoom <= told["maxzoom"]
        assert (told["edition"], told["made_up"]) == (1, True)
        layers = {layer["id"]: (layer["minzoom"], layer["maxzoom"]) for layer in told["vector_layers"]}
        assert layers == {"district": (0, 9), "grid": (10, 16)}
        assert all(
            isinstance(said, str) for layer in told["vector_layers"] for said in layer["fields"].values()
        )

    def test_the_address_it_gives_leads_to_the_tiles(self, site: Site) -> None:
        inspector = site.as_("inspector")
        (template,) = inspector.get("/tiles/grid.json").json()["tiles"]
        assert template.startswith("http://testserver/tiles/grid/")
        url = template.format(z=AT.z, x=AT.x, y=AT.y)
        answer = inspector.get(url)
        assert answer.content == inspector.get(URL).content
        assert answer.headers["cache-control"] == "private, max-age=3600"

    def test_behind_https_the_address_is_https(self, service: Service) -> None:
        service.settings = service.settings.model_copy(update={"secure_cookies": True})
        with TestClient(create_app(service, operator=OPERATOR, passwords=QUICK)) as client:
            told = client.get("/tiles/grid.json", headers={"Authorization": f"Bearer {OPERATOR}"}).json()
        assert told["tiles"][0].startswith("https://testserver/tiles/grid/")

    def test_an_unknown_level_is_refused(self, site: Site) -> None:
        assert site.as_("inspector").get("/tiles/block.json").status_code == 404


def test_all_tiles_of_a_zoom_make_the_town(site: Site) -> None:
    """Nothing missing, nothing twice: in units of the zoom, all parts add up to the squares."""
    area = 0.0
    for at in addresses((114.0, 22.5, 114.02, 22.52), 14):
        answer = site.as_("inspector").get(f"/tiles/grid/{at.z}/{at.x}/{at.y}")
        for one in mapbox_vector_tile.decode(answer.content)["grid"]["features"]:
            area += shapely.geometry.shape(one["geometry"]).intersection(shapely.box(0, 0, 4096, 4096)).area
    drawn = shapely.area(units(np.array([grid.geometry for grid in scene.hierarchy().lowest]), 14)).sum()
    assert area == pytest.approx(drawn, rel=1e-3)
