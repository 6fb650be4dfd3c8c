"""The city's file, editions of the grids and another system's history over HTTP, for administrators."""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest
import shapely

from geodata.grids import Hierarchy, measured
from gridgov.api.editions import as_body
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN, Site

ROW: dict[str, Any] = {
    "source": "old",
    "number": "7",
    "channel": "phone",
    "category": "noise",
    "department": "police",
    "status": "Closed",
    "closed": True,
    "reported_at": "2020-01-01T00:00:00Z",
    "closed_at": "2020-01-03T00:00:00Z",
    "lon": 114.005,
    "datum": "wgs84",
    "lat": 22.515,
}


class TestCity:
    """A file is planned, put in force, and read back."""

    def test_the_file_comes_back_word_for_word(self, site: Site) -> None:
        assert site.as_("administrator").get("/api/city").json() == {"version": 1, "text": TOWN}

    def test_a_plan_tells_and_changes_nothing(self, site: Site) -> None:
        administrator = site.as_("administrator")
        told = administrator.post("/api/city/plan", {"text": TOWN.replace('"4wh"', '"2wh"')}).json()
        assert told["version"] == 1
        assert len(told["changes"]) == 1
        assert "2wh" in told["changes"][0]["text"]
        assert administrator.get("/api/city").json()["version"] == 1

    def test_what_is_applied_counts_from_the_next_report_on(self, site: Site) -> None:
        administrator = site.as_("administrator")
        changed = TOWN.replace('limit = "4wh"\ndepartment = "water"', 'limit = "4wh"\ndepartment = "office"')
        applied = administrator.put("/api/city", {"text": changed, "seen": 1}).json()
        assert (applied["version"], applied["new"]) == (2, True)
        assert site.as_("inspector").report(scene.COVER)["department"] == "office"
        assert administrator.put("/api/city", {"text": changed}).json()["new"] is False

    def test_planned_on_an_older_version(self, site: Site) -> None:
        answer = site.as_("administrator").put("/api/city", {"text": TOWN, "seen": 7})
        assert answer.status_code == 409

    def test_numbers_that_nobody_counts_to(self, site: Site) -> None:
        administrator = site.as_("administrator")
        answer = administrator.put("/api/city", {"text": TOWN, "seen": 10**40})
        assert (answer.status_code, answer.json()["findings"][0]["at"]) == (422, "body.seen")
        answer = administrator.post("/api/city/plan", {"text": f"many = {'9' * 6000}"})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:gridgov:problem:bad-city-file")

    def test_every_problem_of_a_bad_file_is_told(self, site: Site) -> None:
        bad = TOWN.replace('zone = "Asia/Shanghai"', 'zon = "Asia/Shanghai"').replace('"4wh"', '"4xx"')
        for answer in (
            site.as_("administrator").post("/api/city/plan", {"text": bad}),
            site.as_("administrator").put("/api/city", {"text": bad}),
        ):
            assert answer.status_code == 422
            assert len(answer.json()["problems"]) >= 2

    def test_rules_that_would_leave_open_incidents_behind(self, site: Site) -> None:
        site.as_("inspector").report(scene.NOISE)
        start = TOWN.index('[[categories.own]]\nkind = "event"\ncode = "noise"')
        without = TOWN[:start] + TOWN[TOWN.index("[[routing]]") :]
        answer = site.as_("administrator").put("/api/city", {"text": without})
        assert (answer.status_code, answer.json()["stranded"][0]["incidents"]) == (409, 1)


class TestEditions:
    """A hierarchy that was settled elsewhere is put in force."""

    def redrawn(self, findings: Sequence[dict[str, Any]] = (), **shapes: Any) -> dict[str, Any]:
        old = scene.hierarchy()
        grids = [
            measured(
                g.code, f"新{g.name}", g.level, g.parent, shapes.get(g.code, g.geometry), g.responsible_unit
            )
            for g in old.grids
        ]
        hierarchy = Hierarchy.build(old.levels, grids)
        return as_body(hierarchy, "second", made_up=True, findings=list(findings))

    def test_it_counts_from_the_next_report_on(self, site: Site) -> None:
        administrator = site.as_("administrator")
        before = site.as_("inspector").report()
        answer = administrator.post("/api/editions", self.redrawn())
        told = answer.json()
        assert (answer.status_code, told["edition"], told["new"]) == (201, 2, True)
        assert told["changes"] == {"kept": 7, "renamed": 7}
        again = administrator.post("/api/editions", self.redrawn())
        assert (again.status_code, again.json()["new"]) == (200, False)
        after = site.as_("inspector").report()
        site.service.relocator.sweep()
        rows = {row["id"]: row for row in site.as_("leader").get("/api/incidents").json()["rows"]}
        assert (rows[before["incident"]]["edition"], rows[before["incident"]]["number"]) == (2, 2)
        assert (rows[after["incident"]]["edition"], rows[after["incident"]]["number"]) == (2, 1)
        listed = administrator.get("/api/editions").json()["editions"]
        assert [one["name"] for one in listed] == ["second", "first"]
        assert administrator.get("/api/editions/2/findings").json()["findings"] == []
        shapes = site.as_("inspector").get("/api/grids/street.geojson").json()
        assert shapes["features"][0]["properties"]["name"] == "新街道N"

    def test_it_is_checked_again_and_what_was_accepted_is_kept_with_its_reason(self, site: Site) -> None:
        administrator = site.as_("administrator")
        wide = shapely.box(114.00, 22.51, 114.015, 22.52)
        refused = administrator.post("/api/editions", self.redrawn(N1=wide))
        assert (refused.status_code, refused.json()["type"]) == (
            422,
            "urn:gridgov:problem:unaccepted-findings",
        )
        (overlap,) = refused.json()["findings"]
        assert (overlap["code"], overlap["grids"]) == ("OVERLAP", ["N1", "N2"])
        accepted = overlap | {"accepted": "both offices look after it"}
        invented = {"code": "GAP", "accepted": "no reason"}
        answer = administrator.post("/api/editions", self.redrawn([accepted, invented], N1=wide))
        assert answer.status_code == 201
        assert administrator.get("/api/editions/2/findings").json()["findings"] == [accepted]

    def test_an_edition_nobody_made(self, site: Site) -> None:
        assert site.as_("administrator").get("/api/editions/9/findings").status_code == 404

    @pytest.mark.parametrize("edition", ["0", "-1", "9" * 30, "x"])
    def test_what_no_edition_is_called(self, site: Site, edition: str) -> None:
        assert site.as_("administrator").get(f"/api/editions/{edition}/findings").status_code == 422

    @pytest.mark.parametrize("shape", [shapely.box(1e9, 1e9, 1e10, 1e10), shapely.box(113, 22, math.inf, 23)])
    def test_a_geometry_that_is_not_in_degrees(self, site: Site, shape: Any) -> None:
        body = self.redrawn()
        body["grids"][0]["geometry"] = b64encode(shapely.to_wkb(shape)).decode()
        answer = site.as_("administrator").post("/api/editions", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:gridgov:problem:bad-hierarchy")
        assert "not in degrees" in answer.json()["detail"]

    def test_an_area_without_end(self, site: Site) -> None:
        body = self.redrawn()
        body["grids"][0]["area_m2"] = math.inf
        sent, json_text = json.dumps(body).encode(), {"Content-Type": "application/json"}
        answer = site.as_("administrator").post("/api/editions", content=sent, headers=json_text)
        assert (answer.status_code, answer.json()["findings"][0]["at"]) == (422, "body.grids.0.area_m2")

    @pytest.mark.parametrize("geometry", ["", "bm90IHdrYg==", "§", "AQEAAAAAAAAAAAAAAAAAAAAAAAAA"])
    def test_a_geometry_that_is_none(self, site: Site, geometry: str) -> None:
        body = self.redrawn()
        body["grids"][0]["geometry"] = geometry
        answer = site.as_("administrator").post("/api/editions", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:gridgov:problem:bad-hierarchy")

    def test_collections_within_collections_are_not_decoded(self, site: Site) -> None:
        """Decoding them would end the process."""
        deep = struct.pack("<BII", 1, 7, 1) * 20_000 + struct.pack("<BII", 1, 7, 0)
        body = self.redrawn()
        body["grids"][0]["geometry"] = b64encode(deep).decode()
        answer = site.as_("administrator").post("/api/editions", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:gridgov:problem:bad-hierarchy")
        assert f"grid {body['grids'][0]['code']!r}" in answer.json()["detail"]

    def test_a_hierarchy_with_an_orphan(self, site: Site) -> None:
        body = self.redrawn()
        body["grids"] = [grid for grid in body["grids"] if grid["code"] != "N"]
        answer = site.as_("administrator").post("/api/editions", body)
        assert answer.status_code == 422
        assert "'N'" in answer.json()["detail"]


class TestImports:
    """Rows are settled one by one, and sending them again changes nothing."""

    def test_each_row_by_itself(self, site: Site) -> None:
        administrator = site.as_("administrator")
        rows = [ROW, ROW | {"number": "8"}, ROW | {"number": "7", "status": "Open", "closed": False}]
        told = administrator.post("/api/imports", {"rows": rows}).json()
        assert (told["added"], told["repeated"], told["refused"]) == (2, 0, 1)
        assert (told["rows"][2]["error"], told["rows"][2]["number"]) == ("IdReused", "7")
        again = administrator.post("/api/imports", {"rows": rows[:2]}).json()
        assert (again["added"], again["repeated"]) == (0, 2)

    def test_what_it_states_is_what_is_shown(self, site: Site) -> None:
        words = "原文\x07" + "长" * 3000
        site.as_("administrator").post("/api/imports", {"rows": [ROW | {"words": words}]})
        told = site.as_("leader").get("/api/incidents/D-20200101-00001").json()
        row = told["row"]
        assert (row["stage"], row["path"], row["source_number"]) == ("closed", ["D", "N", "N1"], "7")
        assert told["history"][0]["words"] == words
        assert site.as_("leader").get("/api/incidents?q=7").json()["rows"][0]["id"] == row["id"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"reported_at": "2020-01-01T00:00:00"},
            {"lon": "114"},
            {"lat": 95},
            {"source": ""},
            {"colour": "red"},
        ],
    )
    def test_a_malformed_row_refuses_its_batch(self, site: Site, changes: dict[str, Any]) -> None:
        answer = site.as_("administrator").post("/api/imports", {"rows": [ROW, ROW | changes]})
        assert answer.status_code == 422
        assert answer.json()["findings"][0]["at"].startswith("body.rows.1.")
        assert site.as_("leader").get("/api/incidents").json()["rows"] == []
