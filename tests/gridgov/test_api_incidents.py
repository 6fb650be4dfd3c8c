"""Reporting, listing, reading and acting over HTTP."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from PIL import Image

from dispatch.lifecycle import ACT_ZH
from tests.gridgov import scene
from tests.gridgov.conftest import Site, report_body


def picture(colour: str = "red", kind: str = "JPEG") -> bytes:
    """A small photo."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(out, kind)
    return out.getvalue()


def numbers(answer: Any) -> list[str]:
    """The case numbers of a list, without their beginning."""
    assert answer.status_code == 200, answer.text
    return [row["case_number"][-5:] for row in answer.json()["rows"]]


def test_a_report_is_answered_with_where_it_went(site: Site) -> None:
    receipt = site.as_("inspector").report(scene.COVER, "N2", words="井盖破损", address="北街 12 号")
    assert receipt["path"] == ["D", "N", "N2"]
    assert (receipt["department"], receipt["stage"], receipt["number"]) == ("water", "intake", 1)
    assert receipt["case_number"] == "D-20261123-00001"
    assert receipt["repeated"] is False
    assert "水务局" in receipt["reason"]
    assert 500 < receipt["border_m"] < 520


def test_a_report_sent_again_gets_the_same_receipt_marked_as_repeated(site: Site) -> None:
    body = report_body(words="一")
    first = site.as_("inspector").post("/api/incidents", body)
    site.as_("clerk").act("file", body["id"], 1)
    again = site.as_("inspector").post("/api/incidents", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"repeated": True}


def test_the_same_id_with_other_content_is_a_conflict(site: Site) -> None:
    body = report_body()
    site.as_("inspector").post("/api/incidents", body)
    answer = site.as_("inspector").post("/api/incidents", body | {"words": "另一件"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:gridgov:problem:id-reused"
    assert numbers(site.as_("leader").get("/api/incidents")) == ["00001"]


def test_a_report_outside_every_grid_is_kept_with_its_distance(site: Site) -> None:
    far = {"lon": scene.OUTSIDE.lon, "lat": scene.OUTSIDE.lat, "datum": "wgs84"}
    receipt = site.as_("inspector").report(position=far)
    assert receipt["path"] == []
    assert receipt["nearest"][:1] == ["D"]
    assert 49_000 < receipt["outside_m"] < 50_000
    assert numbers(site.as_("clerk").get("/api/incidents?unlocated=true")) == ["00001"]


def test_a_clock_that_runs_ahead_is_marked(site: Site) -> None:
    receipt = site.as_("inspector").report(happened_at="2026-11-23T14:00:00+08:00")
    assert 14_000 < receipt["clock_ahead_s"] < 14_400


def test_positions_of_other_datums_are_converted(site: Site) -> None:
    shifted = {"lon": 114.00999, "lat": 22.51232, "datum": "gcj02"}
    told = site.as_("inspector").report(position=shifted)
    assert told["path"] == ["D", "N", "N1"]
    row = site.as_("leader").get(f"/api/incidents/{told['incident']}").json()["row"]
    assert (row["raw_lon"], row["datum"]) == (114.00999, "gcj02")
    assert (row["lon"], row["lat"]) == pytest.approx((114.0050, 22.5150), abs=0.0005)


def test_the_main_line_over_http(site: Site) -> None:
    id_ = site.closed()
    told = site.as_("leader").get(f"/api/incidents/{id_}").json()
    assert told["row"]["stage"] == "closed"
    kinds = [entry["kind"] for entry in told["history"]]
    assert kinds == ["reported", "filed", "dispatched", "handled", "checked", "closed"]
    assert told["history"][0]["by_name"] == "Inspector"
    assert told["acts"] == ["call_back", "reopen", "take_back", "note"]
    assert told["acts_zh"]["reopen"] == "重新立案"


#: What is no act on an incident, or happens by itself.
NOT_PEOPLES = ("report", "import", "relocate", "notice", "escalate", "follow", "expire_task")


@pytest.mark.parametrize("act", [act for act in ACT_ZH if act not in NOT_PEOPLES])
def test_every_act_has_its_path(site: Site, act: str) -> None:
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "seen": 1}
    more = {
        "place": {"position": {"lon": 114.005, "lat": 22.505, "datum": "wgs84"}},
        "verify": {"found": True},
        "check": {"passed": True},
        "note": {"words": "备注"},
        "attach": {"photos": ["0" * 64]},
        "self_handle": {"photos": ["0" * 64], "reason": "已清理"},
        "join": {"leader": str(uuid.uuid4())},
        "involve": {"co_handlers": []},
        "apply": {"wish": "extension", "reason": "材料未到"},
        "enforce": {"measure": "罚款", "legal_basis": "条例", "document": "1号", "words": "某店"},
        "decide": {"granted": True},
        "call_back": {"contacted": False},
        "task": {"person": "somebody"},
    }
    answer = site.as_("leader").post(f"/api/incidents/{uuid.uuid4()}/{act}", body | more.get(act, {}))
    unknown_photo = (422, "unknown-photo")
    expected = {"attach": unknown_photo, "self_handle": unknown_photo}.get(act, (404, "unknown-incident"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == expected


def test_what_lies_in_the_tray_can_be_placed(site: Site) -> None:
    id_ = site.as_("inspector").report(scene.RUBBISH, None)["incident"]
    where = {"lon": 114.005, "lat": 22.515, "datum": "wgs84"}
    placed = site.as_("clerk").act("place", id_, 1, position=where).json()
    assert (placed["path"], placed["department"]) == (["D", "N", "N1"], "north_office")


class TestRefusals:
    """A refused act changes nothing and says what would have been possible."""

    def refused(self, site: Site, by: str, act: str, seen: Any = 1, **more: Any) -> Any:
        id_ = site.as_("inspector").report()["incident"]
        answer = site.as_(by).act(act, id_, seen, **more)
        assert answer.headers["content-type"] == "application/problem+json"
        row = site.as_("leader").get(f"/api/incidents/{id_}").json()["row"]
        assert (row["number"], row["stage"]) == (1, "intake")
        return answer.status_code, answer.json()

    def test_not_in_this_stage(self, site: Site) -> None:
        status, problem = self.refused(site, "clerk", "close")
        assert (status, problem["open"]) == (
            409,
            [
                *("place", "correct", "self_handle", "join", "file", "ask", "reject", "cancel"),
                *("take_back", "acknowledge", "pass_on", "note", "attach"),
            ],
        )

    def test_not_for_this_role(self, site: Site) -> None:
        status, problem = self.refused(site, "dispatcher", "file")
        assert (status, problem["needed"]) == (403, ["intake_clerk", "shift_leader"])

    def test_reason_missing(self, site: Site) -> None:
        assert self.refused(site, "clerk", "reject", reason=" ")[0] == 422

    def test_number_missing(self, site: Site) -> None:
        assert self.refused(site, "clerk", "file", seen=None)[0] == 428

    def test_unknown_category_with_a_hint(self, site: Site) -> None:
        status, problem = self.refused(site, "clerk", "file", category="t:event:nois")
        assert (status, problem["near"][0]) == (422, scene.NOISE)

    def test_a_field_the_act_does_not_have(self, site: Site) -> None:
        status, problem = self.refused(site, "clerk", "cancel", department="water")
        assert (status, problem["findings"][0]["at"]) == (422, "body.department")

    def test_stale_tells_what_happened_meanwhile(self, site: Site) -> None:
        id_ = site.as_("inspector").report()["incident"]
        site.as_("clerk").act("file", id_, 1)
        site.as_("dispatcher").act("dispatch", id_, 2)
        answer = site.as_("leader").act("dispatch", id_, 2, department="cleaning")
        assert answer.status_code == 409
        assert [entry["kind"] for entry in answer.json()["meanwhile"]] == ["dispatched"]

    def test_stale_tells_nothing_to_whom_the_incident_is_none_of_their_business(self, site: Site) -> None:
        id_ = site.as_("inspector").report(grid="N1")["incident"]
        site.as_("clerk").act("file", id_, 1)
        answer = site.as_("inspector_s").act("note", id_, 1, words="?")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:gridgov:problem:unknown-incident")


class TestLists:
    """Lists hold what was asked for, within the reader's scope, newest first."""

    @pytest.fixture(autouse=True)
    def _reports(self, site: Site) -> None:
        inspector = site.as_("inspector")
        inspector.report(scene.COVER, "N1", words="北街井盖破损", address="北街 12 号")
        inspector.report(scene.RUBBISH, "N2", words="垃圾成堆", urgency="urgent")
        inspector.report(scene.NOISE, "S1", address="南街 Main St 7")
        site.as_("inspector_s").report(scene.RUBBISH, "S2")
        site.as_("clerk").report(scene.NOISE, None, channel="hotline")

    @pytest.mark.parametrize(
        ("who", "query", "expected"),
        [
            ("leader", "", "54321"),
            ("dispatcher", "", "4321"),
            ("dispatcher_n", "", "21"),
            ("inspector_n", "", "21"),
            ("inspector_s", "", "43"),
            ("clerk", "", "54321"),
            ("administrator", "", ""),
            ("water", "", ""),
            ("leader", "under=D/N", "21"),
            ("leader", "under=D/N/N1", "1"),
            ("leader", "department=cleaning", "4"),
            ("leader", "category=t:event:noise", "53"),
            ("leader", "urgency=urgent", "2"),
            ("leader", "stage=intake&unlocated=true", "5"),
            ("leader", "open=false", ""),
            ("leader", "open=true&under=D/S", "43"),
            ("inspector_s", "mine=true", "4"),
            ("leader", "reported_from=2030-01-01T00:00:00Z", ""),
            ("leader", "reported_to=2030-01-01T00:00:00Z&limit=2", "54"),
            ("leader", "q=井盖", "1"),
            ("leader", "q=垃圾", "2"),
            ("leader", "q=北街12", "1"),
            ("leader", "q=main", "3"),
            ("leader", "q=00004", "4"),
            ("leader", "q=1123-00002", "2"),
            ("leader", "q=D-20261123-00003", "3"),
            ("leader", "q=龙", ""),
            ("dispatcher_n", "q=main", ""),
            ("leader", "q=%22 OR *", ""),
        ],
    )
    def test_they_hold_what_was_asked_for(self, site: Site, who: str, query: str, expected: str) -> None:
        found = numbers(site.as_(who).get(f"/api/incidents?{query}"))
        assert "".join(number[-1] for number in found) == expected

    def test_pages_follow_each_other_while_new_reports_come_in(self, site: Site) -> None:
        leader = site.as_("leader")
        first = leader.get("/api/incidents?limit=2").json()
        site.as_("inspector").report()
        second = leader.get("/api/incidents", params={"limit": 2, "page": first["next"]}).json()
        third = leader.get("/api/incidents", params={"limit": 2, "page": second["next"]}).json()
        pages = [[row["case_number"][-1] for row in page["rows"]] for page in (first, second, third)]
        assert pages == [["5", "4"], ["3", "2"], ["1"]]
        assert third["next"] is None

    def test_a_list_carries_the_cursor_of_its_moment(self, site: Site) -> None:
        epoch, position, scope = site.as_("leader").get("/api/incidents").json()["cursor"].split(".")
        assert (epoch, position) == ("epoch-1", "5")
        assert scope != site.as_("dispatcher_n").get("/api/incidents").json()["cursor"].split(".")[2]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("page=!!!", 422),
            ("page=__________8", 422),
            ("page=%F0%9F%98%80", 422),
            ("limit=0", 422),
            ("limit=501", 422),
            ("stage=lost", 422),
            ("colour=red", 422),
            ("under=D/X", 404),
            ("reported_from=2026-01-01T00:00:00", 422),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, site: Site, query: str, status: int) -> None:
        answer = site.as_("leader").get(f"/api/incidents?{query}")
        assert answer.status_code == status
        assert answer.json()["status"] == status


def test_one_is_found_by_its_case_number_too(site: Site) -> None:
    receipt = site.as_("inspector").report(words="井盖")
    by_number = site.as_("clerk").get(f"/api/incidents/{receipt['case_number']}").json()
    by_id = site.as_("clerk").get(f"/api/incidents/{receipt['incident']}").json()
    assert by_number == by_id
    assert by_id["history"][0]["words"] == "井盖"


@pytest.mark.parametrize(
    ("who", "status"), [("inspector_n", 200), ("inspector_s", 404), ("water", 404), ("administrator", 404)]
)
def test_one_outside_the_scope_is_as_if_it_did_not_exist(site: Site, who: str, status: int) -> None:
    id_ = site.as_("inspector").report(grid="N1")["incident"]
    assert site.as_(who).get(f"/api/incidents/{id_}").status_code == status


@pytest.mark.parametrize(
    ("who", "told"),
    [("clerk", True), ("leader", True), ("inspector", True), ("dispatcher", False), ("manager", False)],
)
def test_the_reporter_is_named_only_to_who_needs_it(site: Site, who: str, told: bool) -> None:
    """Intake and the shift leader ring back; whoever took the report knows anyway."""
    reporter = {"name": "王小明", "phone": "13800000000"}
    id_ = site.as_("inspector").report(words="积水", reporter=reporter)["incident"]
    answer = site.as_(who).get(f"/api/incidents/{id_}")
    assert answer.json()["reporter"] == (reporter if told else None)
    assert answer.json()["reporter_withheld"] is not told
    assert ("王小明" in answer.text) is told
    assert "王小明" not in site.as_(who).get("/api/incidents").text


def test_notes_keep_their_words_with_the_entry(site: Site) -> None:
    id_ = site.as_("inspector").report()["incident"]
    site.as_("dispatcher").act("note", id_, 1, words="已联系物业\n明天处理")
    history = site.as_("leader").get(f"/api/incidents/{id_}").json()["history"]
    assert history[1]["words"] == "已联系物业\n明天处理"
    assert history[1]["act_zh"] == "备注"


class TestPhotos:
    """A photo is uploaded, named by its digest, and shown with its incident alone."""

    def upload(self, site: Site, content: bytes) -> Any:
        headers = {"Content-Type": "image/jpeg"}
        return site.as_("inspector").post("/api/photos", content=content, headers=headers)

    def test_from_upload_to_sight(self, site: Site) -> None:
        kept = self.upload(site, picture())
        assert (kept.status_code, kept.json()["width"], kept.json()["media_type"]) == (201, 8, "image/jpeg")
        digest = kept.json()["digest"]
        assert self.upload(site, picture()).json() == kept.json()
        id_ = site.as_("inspector").report(grid="N1", photos=[digest])["incident"]
        shown = site.as_("clerk").get(f"/api/incidents/{id_}/photos/{digest}")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
        assert shown.content == picture()
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert site.as_("inspector_s").get(f"/api/incidents/{id_}/photos/{digest}").status_code == 404

    def test_only_with_its_own_incident(self, site: Site) -> None:
        digest = self.upload(site, picture()).json()["digest"]
        site.as_("inspector").report(photos=[digest])
        other = site.as_("inspector").report()["incident"]
        assert site.as_("leader").get(f"/api/incidents/{other}/photos/{digest}").status_code == 404

    @pytest.mark.parametrize(
        "content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", picture()[:50]]
    )
    def test_what_is_no_photo_is_refused(self, site: Site, content: bytes) -> None:
        answer = self.upload(site, content)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:gridgov:problem:bad-photo")

    def test_one_that_was_never_uploaded_cannot_be_named(self, site: Site) -> None:
        answer = site.as_("inspector").post("/api/incidents", report_body(photos=["a" * 64]))
        assert (answer.status_code, answer.json()["missing"]) == (422, ["a" * 64])
        assert numbers(site.as_("leader").get("/api/incidents")) == []
