"""Specialised grids over HTTP: for everybody what is in force, for administrators what to put there."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from typing import Any

import pytest
import shapely

from geodata.specialised.layers import Form
from gridgov import specialised
from gridgov.api.specialised import layer_body
from tests.gridgov import scene
from tests.gridgov.conftest import Site
from tests.gridgov.precincts import BETWEEN, FIRE, POLICE, sent, stations


@pytest.fixture
def layered(site: Site) -> Site:
    """The town with fire stations and precincts."""
    for one in (FIRE, POLICE):
        site.service.writer.run(specialised.put(one, "test"))
    return site


def test_everybody_signed_in_sees_the_layers_in_force(layered: Site) -> None:
    assert layered.client.get("/api/specialised").status_code == 401
    fire, police = layered.as_("inspector_n").get("/api/specialised").json()["layers"]
    assert (fire["field"], fire["as"], fire["version"], fire["edition"]) == ("fire", "sets", 1, 1)
    assert fire["categories"] == [scene.RUBBISH]
    assert fire["grids"][0] == {"code": "F1", "name": "站F1", "team": "squad F1", "micro_grids": 2}
    assert (police["as"], police["edition"], police["categories"]) == ("polygons", None, [])


def test_a_town_without_layers(site: Site) -> None:
    assert site.as_("inspector").get("/api/specialised").json() == {"layers": []}
    point = {"lon": 114.005, "lat": 22.515, "datum": "wgs84"}
    assert site.as_("inspector").get("/api/locate", params=point).json()["specialised"] == []
    many = {"points": [[114.005, 22.515]], "datum": "wgs84"}
    assert site.as_("inspector").post("/api/locate", many).json()["specialised"] == {}


def test_a_layer_as_geojson_with_a_tag(layered: Site) -> None:
    inspector = layered.as_("inspector")
    answer = inspector.get("/api/specialised/fire.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    north = next(one for one in answer.json()["features"] if one["properties"]["code"] == "F1")
    assert shapely.geometry.shape(north["geometry"]).equals(shapely.box(114.00, 22.51, 114.02, 22.52))
    assert north["properties"]["team"] == "squad F1"
    tag = {"If-None-Match": answer.headers["etag"]}
    assert inspector.get("/api/specialised/fire.geojson", headers=tag).status_code == 304
    layered.service.writer.run(specialised.put(sent(stations({"F1": "N1"})), "test"))
    assert inspector.get("/api/specialised/fire.geojson", headers=tag).status_code == 200
    missing = inspector.get("/api/specialised/water.geojson")
    assert (missing.status_code, missing.json()["field"]) == (404, "water")


def test_a_point_is_told_its_specialised_grids_and_their_teams(layered: Site) -> None:
    point = {"lon": BETWEEN["lon"], "lat": BETWEEN["lat"], "datum": "wgs84"}
    located = layered.as_("inspector").get("/api/locate", params=point).json()
    assert located["path"] == ["D", "N", "N2"]
    assert located["specialised"] == [
        {
            "field": "fire",
            "name_zh": "消防",
            "name_en": "fire",
            "code": "F1",
            "name": "站F1",
            "team": "squad F1",
        },
        {
            "field": "police",
            "name_zh": "警务",
            "name_en": "police",
            "code": "1",
            "name": "西所",
            "team": "west",
        },
    ]
    outside = layered.as_("inspector").get("/api/locate", params=point | {"lon": 115.0}).json()
    assert (outside["path"], outside["specialised"]) == (None, [])


def test_many_points_are_told_theirs_by_code(layered: Site) -> None:
    asked = {"points": [[114.011, 22.515], [114.015, 22.505], [115, 22.5]], "datum": "wgs84"}
    answer = layered.as_("inspector").post("/api/locate", asked).json()
    assert answer["specialised"] == {"fire": ["F1", "F2", None], "police": ["1", "2", None]}


class TestPutInForce:
    """A layer that was settled elsewhere is checked again and put in force."""

    def test_from_the_next_report_on(self, site: Site) -> None:
        administrator = site.as_("administrator")
        for one, version in ((FIRE, 1), (POLICE, 2)):
            answer = administrator.post("/api/specialised", layer_body(one))
            assert (answer.status_code, answer.json()) == (201, {"version": version, "new": True})
        again = administrator.post("/api/specialised", layer_body(FIRE))
        assert (again.status_code, again.json()) == (200, {"version": 1, "new": False})
        id_ = site.as_("inspector").report(scene.RUBBISH, "S2")["incident"]
        rows = site.as_("leader").get("/api/incidents").json()["rows"]
        assert [(row["id"], row["specialised"]) for row in rows] == [(id_, ["fire/F2", "police/2"])]
        kept = site.service.in_force.fields
        assert kept is not None
        assert [field.layer for field in kept.fields] == [FIRE.layer, POLICE.layer]

    @pytest.mark.parametrize("who", ["inspector", "manager", "leader"])
    def test_is_for_administrators(self, site: Site, who: str) -> None:
        somebody = site.as_(who)
        assert somebody.post("/api/specialised", layer_body(FIRE)).status_code == 403
        assert somebody.delete("/api/specialised/fire").status_code == 403
        assert somebody.get("/api/specialised/versions").status_code == 403
        assert somebody.get("/api/specialised/versions/1/findings").status_code == 403

    def test_taken_off(self, layered: Site) -> None:
        administrator = layered.as_("administrator")
        assert administrator.delete("/api/specialised/fire").json() == {"removed": "fire"}
        assert [one["field"] for one in administrator.get("/api/specialised").json()["layers"]] == ["police"]
        assert administrator.delete("/api/specialised/fire").status_code == 404

    def test_versions_and_what_their_checks_found(self, site: Site) -> None:
        administrator = site.as_("administrator")
        loss = {
            "code": "AREA_LOST",
            "severity": "warning",
            "level": "fire",
            "grids": [],
            "measure": 7.0,
            "unit": "m2",
            "place": None,
            "message": "as sets 3.00% of the area would fall to another team",
            "accepted": None,
        }
        holes = sent(stations({"F1": "N1 N2", "F2": "S1"}), scene.RUBBISH, findings=(loss,))
        assert administrator.post("/api/specialised", layer_body(holes)).status_code == 201
        (version,) = administrator.get("/api/specialised/versions").json()["versions"]
        assert (version["version"], version["state"], version["lost"]) == (1, "in_force", [loss["message"]])
        told = administrator.get("/api/specialised/versions/1/findings").json()
        assert [(one["code"], one["grids"]) for one in told["findings"]] == [
            ("AREA_LOST", []),
            ("HOLE", ["S2"]),
        ]
        assert administrator.get("/api/specialised/versions/9/findings").status_code == 404

    def test_what_nobody_accepted_is_refused(self, site: Site) -> None:
        twice = sent(stations({"F1": "N1 N2 S1", "F2": "S1 S2"}))
        answer = site.as_("administrator").post("/api/specialised", layer_body(twice))
        assert answer.status_code == 422
        (found,) = answer.json()["findings"]
        assert (found["code"], found["grids"]) == ("DOUBLE_COVER", ["S1", "F1", "F2"])
        accepted = found | {"accepted": "two stations"}
        body = layer_body(sent(twice.layer, findings=(accepted,)))
        assert site.as_("administrator").post("/api/specialised", body).status_code == 201

    @pytest.mark.parametrize(
        ("change", "status", "said"),
        [
            ({"edition": 2}, 409, "another edition"),
            ({"edition": 10**30}, 422, ""),
            ({"categories": ["t:event:nothing"]}, 422, "t:event:nothing"),
            ({"as": "circles"}, 422, ""),
            ({"form": "sets"}, 422, ""),
            ({"as": "polygons"}, 422, "has no polygon"),
            ({"key": "a/b"}, 422, ""),
            ({"grids": []}, 422, ""),
        ],
    )
    def test_a_body_that_is_not_as_expected(
        self, site: Site, change: dict[str, Any], status: int, said: str
    ) -> None:
        answer = site.as_("administrator").post("/api/specialised", layer_body(FIRE) | change)
        assert answer.status_code == status, answer.text
        assert said in answer.json()["detail"]
        assert site.service.in_force.fields is None

    @pytest.mark.parametrize(
        "geometry",
        [
            "no base64",
            b64encode(b"no geometry").decode(),
            b64encode(shapely.to_wkb(shapely.Point(1, 2))).decode(),
            b64encode(shapely.to_wkb(shapely.Polygon())).decode(),
            b64encode(shapely.to_wkb(shapely.box(500000, 2500000, 500100, 2500100))).decode(),
            b64encode(struct.pack("<BII", 1, 7, 1)).decode(),
        ],
    )
    def test_a_geometry_that_is_none(self, site: Site, geometry: str) -> None:
        body = layer_body(POLICE)
        body["grids"][0]["geometry"] = geometry
        answer = site.as_("administrator").post("/api/specialised", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:gridgov:problem:bad-field-layer")

    def test_a_polygon_that_crosses_itself_is_a_finding_not_a_fault(self, site: Site) -> None:
        bowtie = shapely.Polygon([(114, 22.5), (114.01, 22.51), (114.01, 22.5), (114, 22.51)])
        body = layer_body(POLICE)
        body["grids"][0]["geometry"] = b64encode(shapely.to_wkb(bowtie)).decode()
        answer = site.as_("administrator").post("/api/specialised", body)
        assert answer.status_code == 422
        assert "INVALID_GEOMETRY" in json.dumps(answer.json()["findings"])


def test_a_body_says_all_that_is_to_be_said_of_a_layer() -> None:
    body = layer_body(FIRE)
    assert (body["as"], body["edition"], body["categories"]) == (Form.sets, 1, [scene.RUBBISH])
    assert json.loads(json.dumps(body)) == body
