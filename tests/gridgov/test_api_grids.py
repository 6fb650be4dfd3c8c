"""Grids over HTTP: levels, polygons, where points lie; and the rules in force."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from tests.gridgov import scene
from tests.gridgov.conftest import Site


def test_levels_are_told_with_how_many_grids_they_have(site: Site) -> None:
    told = site.as_("inspector").get("/api/grids").json()
    assert [(level["key"], level["grids"]) for level in told["levels"]] == [
        ("district", 1),
        ("street", 2),
        ("grid", 4),
    ]
    assert (told["edition"], told["made_up"]) == (1, True)


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
