"""Grids over HTTP: levels, polygons, where points lie; and the rules in force."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from geodata.grids import Hierarchy
from geodata.synthetic import district
from gridgov import city
from gridgov.api.grids import SIMPLIFIED_WAITING, Drawing, Drawings
from gridgov.api.shelf import Print
from gridgov.errors import MapsBusy
from tests.gridgov import scene
from tests.gridgov.conftest import Site, Somebody


def test_levels_are_told_with_how_many_grids_they_have(site: Site) -> None:
    told = site.as_("inspector").get("/api/grids").json()
    assert [(level["key"], level["grids"]) for level in told["levels"]] == [
        ("district", 1),
        ("street", 2),
        ("grid", 4),
    ]
    assert (told["edition"], told["made_up"]) == (1, True)


@pytest.fixture
def jagged(site: Site) -> Somebody:
    """An inspector in a district whose borders are jagged."""
    streets = [("440306001", "甲街道"), ("440306002", "乙街道")]
    drawn = district(3, streets, communities=4, micro_grids=60, area_km2=40)
    site.service.writer.run(city.import_edition(drawn, "jagged", made_up=True, findings=[], by="test"))
    return site.as_("inspector")


def shapes(answer: Any) -> NDArray[np.object_]:
    """The polygons of a GeoJSON answer."""
    return np.array([shapely.geometry.shape(one["geometry"]) for one in answer.json()["features"]], object)


class TestPolygons:
    """GeoJSON level by level, asked for again only when it has changed."""

    def test_a_level_is_a_collection_of_its_grids(self, site: Site) -> None:
        answer = site.as_("inspector").get("/api/grids/grid.geojson")
        assert answer.headers["content-type"] == "application/geo+json"
        assert answer.headers["content-encoding"] == "gzip"
        codes = [feature["properties"]["code"] for feature in answer.json()["features"]]
        assert codes == ["N1", "N2", "S1", "S2"]

    def test_packed_or_not_it_is_the_same(self, site: Site) -> None:
        inspector = site.as_("inspector")
        plain = inspector.get("/api/grids/street.geojson", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        with inspector.client.stream("GET", "/api/grids/street.geojson", headers=inspector.headers) as packed:
            raw = b"".join(packed.iter_raw())
        assert gzip.decompress(raw) == plain.content

    def test_what_the_browser_has_is_not_sent_again(self, site: Site) -> None:
        inspector = site.as_("inspector")
        tag = inspector.get("/api/grids/grid.geojson").headers["etag"]
        again = inspector.get("/api/grids/grid.geojson", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        other = inspector.get("/api/grids/street.geojson", headers={"If-None-Match": tag})
        assert other.status_code == 200

    def test_only_what_lies_under_a_grid(self, site: Site) -> None:
        inspector = site.as_("inspector")
        told = inspector.get("/api/grids/grid.geojson?under=D/N").json()
        assert [one["properties"]["code"] for one in told["features"]] == ["N1", "N2"]
        assert (
            inspector.get("/api/grids/grid.geojson?under=D/N/N1").json()["features"] == told["features"][:1]
        )
        assert inspector.get("/api/grids/street.geojson?under=D/N/N1").json()["features"] == []
        assert inspector.get("/api/grids/grid.geojson?under=").json()["features"][:2] == told["features"]

    def test_simplified_borders_are_still_shared(self, jagged: Somebody) -> None:
        fine, coarse = (
            shapes(jagged.get(f"/api/grids/micro_grid.geojson{query}")) for query in ("", "?simplified=400")
        )
        assert shapely.get_num_coordinates(coarse).sum() < shapely.get_num_coordinates(fine).sum() / 2
        assert shapely.coverage_is_valid(coarse)
        assert len(coarse) == len(fine)

    def test_parts_asked_for_one_by_one_fit_together(self, jagged: Somebody) -> None:
        whole = jagged.get("/api/grids/micro_grid.geojson?simplified=400").json()["features"]
        parts = [
            feature
            for street in ("440306001", "440306002")
            for feature in jagged.get(
                f"/api/grids/micro_grid.geojson?simplified=400&under=440306/{street}"
            ).json()["features"]
        ]
        assert parts == whole

    def test_tolerances_without_end_are_refused_rather_than_queued(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each takes seconds of a core, and anybody who has signed in may ask for a hundred of them."""
        let = threading.Event()

        def slow(drawn: Hierarchy, level: int, metres: float) -> Hierarchy:
            let.wait(10)
            return drawn

        async def ask() -> list[object]:
            drawings, atlas = Drawings(), site.service.in_force.atlas
            asked = [drawings.level(atlas, "grid", Drawing(simplified=1 + n / 8)) for n in range(12)]
            asking = [asyncio.create_task(one) for one in asked]
            await asyncio.sleep(0.1)
            let.set()
            return await asyncio.gather(*asking, return_exceptions=True)

        monkeypatch.setattr("gridgov.api.grids.simplified", slow)
        answers = asyncio.run(ask())
        assert sum(isinstance(one, MapsBusy) for one in answers) == 12 - SIMPLIFIED_WAITING
        assert sum(isinstance(one, Print) for one in answers) == SIMPLIFIED_WAITING

    def test_every_variant_is_packed_and_has_a_tag_of_its_own(self, jagged: Somebody) -> None:
        tags = set()
        for query in ("", "?under=440306/440306001", "?simplified=400", "?simplified=90"):
            answer = jagged.get(f"/api/grids/micro_grid.geojson{query}")
            assert answer.headers["content-encoding"] == "gzip"
            assert answer.headers["cache-control"] == "private, no-cache"
            tag = {"If-None-Match": answer.headers["etag"]}
            assert jagged.get(f"/api/grids/micro_grid.geojson{query}", headers=tag).status_code == 304
            tags.add(answer.headers["etag"])
        assert len(tags) == 4

    @pytest.mark.parametrize(
        ("query", "status", "says"),
        [
            ("under=D/X", 404, "'X' is no code of level 'street'"),
            ("under=S/N1", 404, "no grid S/N1"),
            ("simplified=0", 422, "query.simplified"),
            ("simplified=-5", 422, "query.simplified"),
            ("simplified=nan", 422, "query.simplified"),
            ("simplified=inf", 422, "query.simplified"),
            ("simplified=100001", 422, "query.simplified"),
            ("simplified=fine", 422, "query.simplified"),
            ("undr=D/N", 422, "query.undr"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, site: Site, query: str, status: int, says: str) -> None:
        answer = site.as_("inspector").get(f"/api/grids/grid.geojson?{query}")
        assert (answer.status_code, says in answer.json()["detail"]) == (status, True)

    def test_one_has_to_sign_in(self, site: Site) -> None:
        assert site.client.get("/api/grids/grid.geojson?simplified=10").status_code == 401


class TestLocate:
    """Where a point lies, one and many."""

    def test_inside_with_the_distance_to_the_border(self, site: Site) -> None:
        told = site.as_("inspector").get("/api/locate?lon=114.005&lat=22.515&datum=cgcs2000").json()
        assert (told["path"], told["names"]) == (["D", "N", "N1"], ["小镇", "街道N", "网格N1"])
        assert 510 < told["border_m"] < 516

    def test_outside_with_the_nearest_grid(self, site: Site) -> None:
        told = site.as_("inspector").get("/api/locate?lon=114.5&lat=22.5&datum=wgs84").json()
        assert told["path"] is None
        assert 49_000 < told["outside_m"] < 50_000

    @pytest.mark.parametrize(
        "query",
        [
            "lon=nan&lat=1&datum=wgs84",
            "lon=inf&lat=1&datum=wgs84",
            "lon=181&lat=1&datum=wgs84",
            "lon=1&lat=1",
            "lon=x",
        ],
    )
    def test_what_is_no_point_is_refused(self, site: Site, query: str) -> None:
        assert site.as_("inspector").get(f"/api/locate?{query}").status_code == 422

    def test_many_are_located_as_one_by_one(self, site: Site) -> None:
        rng = np.random.default_rng(7)
        points = np.column_stack([rng.uniform(113.99, 114.03, 300), rng.uniform(22.49, 22.53, 300)])
        edges = [[114.01, 22.51], [114.0, 22.5], [114.02, 22.515]]
        sent = {"points": [*points.tolist(), *edges], "datum": "wgs84"}
        told = site.as_("inspector").post("/api/locate", sent).json()
        locator = site.service.in_force.atlas.locator
        expected = [
            list(locator.paths[n]) if n >= 0 else None
            for n in (locator.index(lon, lat) for lon, lat in sent["points"])
        ]
        assert told["paths"] == expected
        assert {None} < {path and tuple(path) for path in expected}

    @pytest.mark.parametrize("points", [[[1, 2, 3]], [[1]], [["1", 2]], [[None, 2]], "1,2", [[181, 0]]])
    def test_many_with_a_bad_one_are_refused(self, site: Site, points: object) -> None:
        answer = site.as_("inspector").post("/api/locate", {"points": points, "datum": "wgs84"})
        assert answer.status_code == 422

    def test_no_points_are_located_nowhere(self, site: Site) -> None:
        assert (
            site.as_("inspector").post("/api/locate", {"points": [], "datum": "bd09"}).json()["paths"] == []
        )


def test_categories_and_departments_are_told_in_both_languages(site: Site) -> None:
    told = site.as_("inspector").get("/api/categories").json()
    cover = next(one for one in told["categories"] if one["key"] == scene.COVER)
    assert (cover["name_zh"], cover["limit"], cover["urgency_zh"]) == ("井盖", "4wh", "一般")
    names = {
        one["code"]: one["name_zh"]
        for one in site.as_("inspector").get("/api/departments").json()["departments"]
    }
    assert names["water"] == "水务局"
    assert json.dumps(names, ensure_ascii=False).count(":") == 4
