"""Why something goes where it goes, over HTTP: asked of the rules, and of an incident; rules tried before they are in
force.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, TOWN, Site

#: Covers go to the office instead.
CHANGED = TOWN.replace('limit = "4wh"\ndepartment = "water"', 'limit = "4wh"\ndepartment = "office"')
NORTH = "lon=114.005&lat=22.515&datum=wgs84"
#: Who files, dispatches, answers for others' work or looks after the rules.
ALLOWED = (
    *("clerk", "dispatcher", "dispatcher_n", "leader", "supervisor", "manager", "manager_n"),
    "administrator",
)


def explain(site: Site, query: str, who: str = "dispatcher") -> Any:
    return site.as_(who).get(f"/api/routing/explain?{query}")


@pytest.mark.parametrize("who", list(PEOPLE))
def test_who_may_ask(site: Site, who: str) -> None:
    status = 200 if who in ALLOWED else 403
    assert explain(site, f"category={scene.COVER}", who).status_code == status
    assert site.as_(who).get("/api/routing").status_code == status


def test_nobody_asks_who_has_not_signed_in(site: Site) -> None:
    assert site.client.get(f"/api/routing/explain?category={scene.COVER}").status_code == 401


def test_the_answer_says_where_whose_why_and_until_when(site: Site) -> None:
    told = explain(site, f"category={scene.RUBBISH}&{NORTH}&channel=hotline&when=2026-11-23T10:00:00%2B08:00")
    assert told.status_code == 200, told.text
    found = told.json()
    assert (found["rules"], found["moment"]) == (1, "2026-11-23T02:00:00.000000Z")
    assert (found["place"]["path"], found["place"]["edition"]) == (["D", "N", "N1"], 1)
    winner = found["winner"]
    assert (winner["rule"], winner["department"], winner["department_zh"]) == (
        *("north rubbish", "north_office"),
        "北街道办",
    )
    assert winner["reason"] == "rule north rubbish: 垃圾 under D/N goes to 北街道办"
    assert (found["limit"], found["due_at"], found["due_unconfirmed"]) == (
        *("2wd", "2026-11-25T02:00:00.000000Z"),
        False,
    )
    assert found["automatic"]["takes"] is False


def test_a_rule_that_does_not_win_says_what_it_failed_at(site: Site) -> None:
    (other,) = explain(site, f"category={scene.RUBBISH}&path=D/S/S1").json()["others"]
    assert (other["rule"], other["condition"], other["why"]) == (
        *("north rubbish", "under"),
        "it is for places under D/N",
    )
    found = explain(site, f"category={scene.COVER}&path=D/S/S1").json()
    assert (found["others"], found["elsewhere"]) == ([], 1)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("category=t:event:nothing", 422),
        (f"category={scene.NOISE}&standard=quiet", 422),
        (f"category={scene.NOISE}&urgency=hot", 422),
        (f"category={scene.NOISE}&path=D/X", 404),
        (f"category={scene.NOISE}&path=D/N&{NORTH}", 422),
        (f"category={scene.NOISE}&lon=114", 422),
        (f"category={scene.NOISE}&lon=114&lat=95&datum=wgs84", 422),
        (f"category={scene.NOISE}&lon=114.005&lat=22.515", 422),
        (f"category={scene.NOISE}&lon=22.515&lat=114.005&datum=wgs84", 422),
        (f"category={scene.NOISE}&lon=nan&lat=22&datum=wgs84", 422),
        (f"category={scene.NOISE}&when=2026-11-23", 422),
        (f"category={scene.NOISE}&when=2026-11-23T10:00:00", 422),
        (f"category={scene.NOISE}&colour=red", 422),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, query: str, status: int) -> None:
    answer = explain(site, query)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_the_rules_are_listed(site: Site) -> None:
    told = site.as_("clerk").get("/api/routing").json()
    (rule,) = told["routing"]
    assert (told["rules"], rule["name"], rule["text"], rule["under"]) == (
        *(1, "north rubbish", "垃圾 under D/N: 北街道办"),
        ["D", "N"],
    )
    assert site.as_("clerk").get(f"/api/routing?category={scene.COVER}").json()["routing"] == []
    assert site.as_("clerk").get("/api/routing?category=nothing").status_code == 422


class TestIncident:
    """What was recorded, and what the rules in force would say now."""

    def why(self, site: Site, reference: str, query: str = "", who: str = "dispatcher") -> Any:
        return site.as_(who).get(f"/api/incidents/{reference}/routing?{query}")

    def test_every_decision_is_told_with_its_rule(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.RUBBISH)["incident"])
        site.as_("clerk").act("file", id_, 1)
        site.as_("leader").act("dispatch", id_, 2, department="water")
        found = self.why(site, id_).json()
        recorded = [(r["number"], r["kind"], r["department"], r["rule"], r["by"]) for r in found["recorded"]]
        assert recorded == [
            (1, "reported", "north_office", "north rubbish", "inspector"),
            (2, "filed", "north_office", "north rubbish", "clerk"),
            (3, "dispatched", "water", "chosen by the dispatcher", "leader"),
        ]
        assert found["recorded"][0]["reason"] == "rule north rubbish: 垃圾 under D/N goes to 北街道办"
        assert found["recorded"][0]["by_name"] == "Inspector"
        assert (found["moved"], found["now"]["winner"]["rule"]) == (False, "north rubbish")
        assert self.why(site, found["case_number"]).json() == found

    def test_other_rules_in_force_would_send_it_elsewhere(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.COVER)["incident"])
        assert site.as_("administrator").put("/api/city", {"text": CHANGED}).status_code == 200
        found = self.why(site, id_).json()
        assert (found["recorded"][0]["department"], found["recorded"][0]["rules"]) == ("water", 1)
        assert (found["now"]["winner"]["department"], found["rules"], found["moved"]) == ("office", 2, True)

    def test_the_moment_is_when_it_was_routed_unless_another_is_asked_for(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.COVER)["incident"])
        site.clock.now += timedelta(minutes=30)
        (reported,) = self.why(site, id_).json()["recorded"]
        assert self.why(site, id_).json()["now"]["moment"] == reported["recorded_at"]
        night = self.why(site, id_, "when=2026-11-24T02:00:00%2B08:00").json()["now"]
        assert night["moment"] == "2026-11-23T18:00:00.000000Z"

    def test_a_category_that_is_no_more_is_said_to_be(self, site: Site) -> None:
        row = {
            "source": "old", "number": "7", "channel": "phone", "category": "fire", "department": "police",
            "status": "Open", "closed": False, "reported_at": "2020-01-01T00:00:00Z",
        }  # fmt: skip
        site.as_("administrator").post("/api/imports", {"rows": [row]})
        (found,) = site.as_("leader").get("/api/incidents?q=7").json()["rows"]
        told = self.why(site, found["id"], who="leader").json()
        assert [(r["kind"], r["department"], r["rule"]) for r in told["recorded"]] == [
            ("imported", "police", "imported")
        ]
        assert (told["now"], told["moved"]) == (None, None)
        assert told["why_not"] == "the rules in force have no category 'fire'"

    def test_nobody_learns_of_an_incident_outside_their_scope(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
        assert self.why(site, id_, who="inspector_n").status_code == 200
        assert self.why(site, id_, who="inspector_s").status_code == 404
        assert self.why(site, "nothing").status_code == 404


class TestTrial:
    """A file is tried on what was reported before it is put in force."""

    def plan(self, site: Site, text: str = CHANGED, who: str = "administrator", **more: Any) -> Any:
        return site.as_(who).post("/api/city/plan", {"text": text, **more})

    def test_what_would_have_gone_elsewhere(self, site: Site) -> None:
        number = site.as_("inspector").report(scene.COVER)["case_number"]
        site.as_("inspector").report(scene.RUBBISH)
        found = self.plan(site, days=7).json()["rerouted"]
        assert (found["reported"], found["decided"], found["elsewhere"], found["cut"]) == (2, 2, 1, False)
        assert found["text"][0].endswith(", 1 would go elsewhere")
        (move,) = found["moves"]
        assert (move["before"], move["before_zh"], move["after"], move["after_zh"], move["incidents"]) == (
            *("water", "水务局", "office", "区办"),
            1,
        )
        example = {
            "case_number": number,
            "category": scene.COVER,
            "before": "category",
            "after": "category",
        }
        assert move["examples"] == [example]

    def test_without_days_nothing_is_tried(self, site: Site) -> None:
        assert "rerouted" not in self.plan(site).json()

    def test_a_category_that_the_file_lacks(self, site: Site) -> None:
        site.as_("inspector").report(scene.COVER)
        told = self.plan(site, TOWN.replace('code = "manhole"', 'code = "lid"'), days=7).json()
        assert told["rerouted"]["missing"] == [{"category": scene.COVER, "incidents": 1}]
        assert told["stranded"][0]["incidents"] == 1

    @pytest.mark.parametrize("days", [0, -1, 40_000, "7", 1.5, True])
    def test_days_that_make_no_sense(self, site: Site, days: object) -> None:
        assert self.plan(site, days=days).status_code == 422

    @pytest.mark.parametrize("who", list(PEOPLE))
    def test_it_is_for_administrators(self, site: Site, who: str) -> None:
        assert self.plan(site, who=who, days=7).status_code == (200 if who == "administrator" else 403)
