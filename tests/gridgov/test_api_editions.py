"""Editions over HTTP: what one that is to come will change and touch, calling it off, assignments carried over."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import box, shape
from sqlalchemy import Connection

from geodata.grids import Hierarchy
from gridgov import accounts, redrawing
from gridgov.api.editions import as_body
from gridgov.redrawing import preview
from gridgov.rows import iso
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.succession import carried
from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, Site
from tests.gridgov.redrawn import FRIDAY, hold, import_, report, set_clock

ELSEWHERE = (114.02, 22.50, 114.03, 22.51)
#: N1 comes back for a place it never stood for.
REUSED = scene.redrawn(N1=("S", ELSEWHERE))


def send(site: Site, hierarchy: Hierarchy, name: str = "second", **more: Any) -> Any:
    body = as_body(hierarchy, name, made_up=True, findings=more.pop("findings", []))
    return site.as_("administrator").post("/api/editions", body | more)


def schedule(site: Site) -> None:
    answer = send(site, scene.redrawn(), effective_at=iso(FRIDAY))
    assert (answer.status_code, answer.json()["edition"]) == (201, 2)


@pytest.mark.parametrize("who", ["manager", "inspector"])
def test_editions_are_for_administrators(site: Site, who: str) -> None:
    somebody = site.as_(who)
    for path in ("1/comparison", "1/comparison.geojson", "carried"):
        assert somebody.get(f"/api/editions/{path}").status_code == 403
    for path in ("1/withdraw", "carried/x/confirm", "carried/x/decline"):
        assert somebody.post(f"/api/editions/{path}").status_code == 403
    assert PEOPLE[who][0] != "administrator"


def test_an_edition_to_come_tells_what_it_will_change_and_touch(site: Site) -> None:
    inspector, administrator = site.as_("inspector"), site.as_("administrator")
    for grid in ("N1", "N1", "N2", "S2"):
        inspector.report(grid=grid)
    inspector.report(position={"lon": 114.025, "lat": 22.505, "datum": "wgs84", "accuracy_m": 5})
    hold(site.service, "inspector_n", scene.Role.INSPECTOR, ("D", "N", "N1"))
    hold(site.service, "inspector_s", scene.Role.INSPECTOR, ("D", "S", "S1"))
    schedule(site)
    told = administrator.get("/api/editions/2/comparison").json()
    assert (told["edition"], told["state"], told["replaces"]) == (2, "scheduled", 1)
    assert told["changes"]["counts"] == {"kept": 4, "split": 1, "merged": 1}
    assert {(one["kind"], *one["old"], "", *one["new"]) for one in told["changes"]["changes"]} == {
        ("merged", "N1", "N2", "", "N3"),
        ("split", "S1", "", "S3", "S4"),
    }
    incidents = told["touched"]["incidents"]
    assert {name: incidents[name] for name in ("open", "moved", "to_tray", "from_tray")} == {
        "open": 5,
        "moved": 3,
        "to_tray": 0,
        "from_tray": 0,
    }
    assert incidents["pairs"][0] == {"from": ["D", "N", "N1"], "to": ["D", "N", "N3"], "incidents": 2}
    north, south = told["touched"]["assignments"]
    assert (north["person"], north["from"], north["role"]) == ("inspector_n", ["D", "N", "N1"], "inspector")
    (way,) = north["to"]
    assert (way["path"], way["at_once"], round(way["of_new"], 2)) == (["D", "N", "N3"], False, 0.5)
    assert [(way["path"][-1], way["at_once"]) for way in south["to"]] == [("S3", True), ("S4", True)]
    assert told["touched"]["displaced"] == []


def test_what_is_in_force_or_the_first_touches_nothing_any_more(site: Site) -> None:
    administrator = site.as_("administrator")
    first = administrator.get("/api/editions/1/comparison").json()
    assert (first["state"], first["changes"], first["touched"]) == ("in_force", None, None)
    assert administrator.get("/api/editions/1/comparison.geojson").status_code == 422
    send(site, scene.redrawn())
    second = administrator.get("/api/editions/2/comparison").json()
    assert (second["state"], second["changes"]["counts"]["split"], second["touched"]) == ("in_force", 1, None)
    for path in ("9/comparison", "9/comparison.geojson"):
        assert administrator.get(f"/api/editions/{path}").status_code == 404


def test_the_comparison_as_a_map(site: Site) -> None:
    schedule(site)
    answer = site.as_("administrator").get("/api/editions/2/comparison.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    grounds = {one["properties"]["kind"]: shape(one["geometry"]) for one in answer.json()["features"]}
    assert grounds["split"].equals(box(114.00, 22.50, 114.01, 22.51))
    assert grounds["merged"].equals(box(114.00, 22.51, 114.02, 22.52))


def test_a_map_of_a_comparison_is_drawn_once_however_many_ask(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty side by side took all threads that read: a liveness probe waited 11 s."""
    drawn: list[int] = []
    really = redrawing.comparison_map

    def draw(connection: Connection, edition: int) -> bytes:
        drawn.append(edition)
        return really(connection, edition)

    schedule(site)
    monkeypatch.setattr("gridgov.redrawing.comparison_map", draw)
    administrator = site.as_("administrator")
    answers = [administrator.get("/api/editions/2/comparison.geojson") for _ in range(3)]
    assert drawn == [2]
    assert len({one.content for one in answers}) == 1
    assert answers[0].headers["cache-control"].startswith("private")


def test_the_key_of_a_level_is_part_of_addresses(site: Site) -> None:
    body = as_body(scene.redrawn(), "second", made_up=True, findings=[])
    body["levels"][0]["key"] = "dis/trict"
    answer = site.as_("administrator").post("/api/editions", body)
    assert (answer.status_code, answer.json()["findings"][0]["at"]) == (422, "body.levels.0.key")


def test_an_edition_to_come_is_called_off(site: Site) -> None:
    administrator = site.as_("administrator")
    schedule(site)
    assert send(site, scene.redrawn(), "third").status_code == 409
    assert administrator.post("/api/editions/2/withdraw").json() == {"edition": 2, "state": "withdrawn"}
    listed = administrator.get("/api/editions").json()["editions"]
    assert [(one["edition"], one["state"]) for one in listed] == [(2, "withdrawn"), (1, "in_force")]
    assert listed[0]["withdrawn_by"] == "administrator"
    assert administrator.post("/api/editions/1/withdraw").status_code == 409
    assert administrator.post("/api/editions/9/withdraw").status_code == 404


def test_carried_assignments_are_confirmed_and_declined_and_take_effect_at_once(site: Site) -> None:
    hold(site.service, "manager_n", scene.Role.INSPECTOR, ("D", "N", "N1"))
    hold(site.service, "inspector_s", scene.Role.INSPECTOR, ("D", "S", "S1"))
    administrator, holder = site.as_("administrator"), site.as_("manager_n")
    send(site, scene.redrawn())

    def paths() -> list[list[str]]:
        return [one["path"] for one in holder.get("/api/me").json()["person"]["assignments"]]

    assert ["D", "N", "N3"] not in paths()
    found = {one["to"][-1]: one for one in administrator.get("/api/editions/carried").json()["carried"]}
    assert {code: one["state"] for code, one in found.items()} == {
        "N3": "waiting",
        "S3": "running",
        "S4": "running",
    }
    confirmed = administrator.post(f"/api/editions/carried/{found['N3']['id']}/confirm")
    assert confirmed.json() == {"id": found["N3"]["id"], "state": "confirmed"}
    assert ["D", "N", "N3"] in paths()
    assert (
        administrator.post(f"/api/editions/carried/{found['S4']['id']}/decline").json()["state"] == "declined"
    )
    assert administrator.post(f"/api/editions/carried/{found['S4']['id']}/confirm").status_code == 409
    assert administrator.post("/api/editions/carried/nothing/confirm").status_code == 404
    left = administrator.get("/api/editions/carried?open=true").json()["carried"]
    assert [one["to"][-1] for one in left] == ["S3"]


class TestReusedCodes:
    """A code that comes back for another place is refused, unless it was accepted where the drawing was compared."""

    def test_is_refused_by_name(self, site: Site) -> None:
        send(site, scene.redrawn())
        answer = send(site, REUSED, "third")
        assert answer.status_code == 422
        assert "CODE_REUSED" in answer.json()["detail"]

    def test_is_taken_with_the_reason_it_was_accepted_for(self, site: Site) -> None:
        send(site, scene.redrawn())
        accepted = {"code": "CODE_REUSED", "level": "grid", "grids": ["N1"], "accepted": "numbered anew"}
        assert send(site, REUSED, "third", findings=[accepted]).status_code == 201
        kept = site.as_("administrator").get("/api/editions/3/findings").json()["findings"]
        reused = [one for one in kept if one["code"] == "CODE_REUSED"]
        assert [(one["accepted"], one["grids"], one["measure"]) for one in reused] == [
            ("numbered anew", ["N1"], 0)
        ]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"level": "street"},
            {"grids": ["N2"]},
            {"accepted": " "},
            {"accepted": None},
            {"grids": 7},
            {"code": {}},
            {"level": None},
        ],
    )
    def test_is_taken_for_nothing_else(self, site: Site, wrong: dict[str, Any]) -> None:
        send(site, scene.redrawn())
        right = {"code": "CODE_REUSED", "level": "grid", "grids": ["N1"], "accepted": "numbered anew"}
        assert send(site, REUSED, "third", findings=[right | wrong]).status_code == 422

    def test_an_assignment_to_such_a_code_is_told_to_be_displaced(self, service: Service) -> None:
        """The grid's path is still there, and is another place: nobody would notice."""
        hold(service, "inspector_n", scene.Role.INSPECTOR, ("D", "S", "S2"))
        swapped = scene.redrawn(S2=("S", ELSEWHERE), S9=("S", (114.01, 22.50, 114.02, 22.51)))
        with service.reader.connect() as connection:
            compared, touched = preview(connection, swapped, service.clock())
        assert [found.grids for found in compared.reused] == [("S2",)]
        assert [(one["person"], one["from"]) for one in touched.displaced] == [
            ("inspector_n", ["D", "S", "S2"])
        ]
        assert touched.assignments == ()


def test_what_is_told_before_is_what_happens(service: Service) -> None:
    """The open incidents counted are those located in other grids; the assignments told are those carried."""
    for grid in ("N1", "N2", "S1", "S2", "S2"):
        report(service, scene.at(grid))
    for name, path in (("inspector_n", "N1"), ("manager_n", "N2"), ("inspector_s", "S1")):
        hold(service, name, scene.Role.INSPECTOR, ("D", path[0], path))
    ended = Assignment("ended", scene.Role.INSPECTOR, ("D", "N", "N2"), None, scene.LONG_AGO, scene.LONG_AGO)
    service.writer.run(accounts.assign("clerk", ended))
    drawing = scene.redrawn()
    with service.reader.connect() as connection:
        compared, touched = preview(connection, drawing, service.clock())
    assert (touched.incidents.open, touched.incidents.moved) == (5, 3)
    import_(service, drawing, effective_at=FRIDAY)
    set_clock(service, FRIDAY)
    report(service, scene.at("S2"))
    assert service.relocator.sweep() == 5
    told = {
        (one["person"], tuple(one["from"]), tuple(way["path"]), way["at_once"])
        for one in touched.assignments
        for way in one["to"]
    }
    with service.reader.connect() as connection:
        happened = {
            (one["person"], tuple(one["from"]), tuple(one["to"]), one["state"] == "running")
            for one in carried(connection)
        }
        places = {tuple(one) for one in _places(connection)}
    assert told == happened
    assert len(told) == 4
    assert places == {("D", "N", "N3"), ("D", "S", "S3"), ("D", "S", "S2")}
    assert {pair[1] for pair in touched.incidents.pairs} <= places
    assert compared.counts == {"kept": 4, "split": 1, "merged": 1}


def _places(connection: Any) -> list[tuple[str, ...]]:
    rows = connection.exec_driver_sql("SELECT path FROM incident").scalars()
    return [tuple(row.split("/")[:-1]) for row in rows]


def test_incidents_that_leave_all_grids_are_counted(service: Service) -> None:
    report(service, scene.at("N1"))
    report(service, scene.SentPosition(114.025, 22.505, scene.at("N1").datum))
    smaller = scene.redrawn(N3=("N", (114.01, 22.51, 114.02, 22.52)), S5=("S", ELSEWHERE))
    with service.reader.connect() as connection:
        _, touched = preview(connection, smaller, service.clock())
    assert (touched.incidents.to_tray, touched.incidents.from_tray, touched.incidents.moved) == (1, 1, 0)
    assert touched.incidents.pairs == (((), ("D", "S", "S5"), 1), (("D", "N", "N1"), (), 1))
