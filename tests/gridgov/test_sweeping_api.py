"""Clocks that run out, as users live through them: warned, asked, passed on, taken up, at three levels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from dispatch.lifecycle import Role
from gridgov import accounts, city
from gridgov.accounts import Person
from gridgov.app import create_app
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from gridgov.sweeping import Sweeper
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, QUICK, TOWN, Site, person

#: The ladder of the town, its squares standing for communities; handling is answered for as intake is.
RULES = """
[clocks]
intake = "15em"
verify = "20em"
dispatch = "15em"
check = "30em"

[escalation]
clocks = ["intake", "handling"]

[[escalation.steps]]
level = "grid"
roles = ["shift_leader"]
answer_within = "30em"

[[escalation.steps]]
level = "street"
roles = ["supervisor"]
answer_within = "2eh"

[[escalation.steps]]
level = "district"
roles = ["manager"]
answer_within = "1wd"

[[automatic]]
name = "夜间施工"
does = "dispatch"

[[categories.standards]]
category = "t:event:noise"
code = "loud"
condition_zh = "夜间施工"
limit = "2eh"
automatic = "夜间施工"
"""
#: Who answers at which level, and somebody of the same rank next door.
ANSWERABLE = {
    "community": (Role.SHIFT_LEADER, ("D", "N", "N1")),
    "community_n2": (Role.SHIFT_LEADER, ("D", "N", "N2")),
    "street": (Role.SUPERVISOR, ("D", "N")),
    "street_s": (Role.SUPERVISOR, ("D", "S")),
    "district": (Role.MANAGER, ("D",)),
}
OTHERS = ("inspector", "inspector_n", "inspector_s", "clerk", "dispatcher", "dispatcher_n", "water")
MINUTE = timedelta(minutes=1)


def people() -> list[Person]:
    """Everybody who has a part here."""
    return [
        *map(person, (*OTHERS, "leader", "north_office")),
        *(
            Person(name, name, name, (Assignment(f"as-{name}", role, path, None, scene.LONG_AGO),))
            for name, (role, path) in ANSWERABLE.items()
        ),
    ]


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """The town with a ladder and short clocks, served."""
    init(settings.database_url, "epoch-1")
    with Service.open(settings, scene.Clock()) as service:
        service.writer.run(city.apply(TOWN + RULES, "test"))
        service.writer.run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="t"))
        hashed = QUICK.hash(PASSWORD)
        for one in people():
            service.writer.run(accounts.add(one, hashed))
        with TestClient(create_app(service, passwords=QUICK), raise_server_exceptions=False) as client:
            assert isinstance(service.clock, scene.Clock)
            yield Site(service, client, service.clock)


def later(site: Site, minutes: float) -> None:
    """Let time pass, and the sweeper look."""
    site.later(minutes * MINUTE)
    Sweeper(site.service.reader, site.service.writer, site.service.clock).sweep()


def told(site: Site, id_: str, who: str = "leader") -> dict[str, Any]:
    answer = site.as_(who).get(f"/api/incidents/{id_}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def story(site: Site, id_: str) -> list[str]:
    """Its entries in short: what, of which clock, and why or to whom."""
    return [
        " ".join(
            [entry["kind"]]
            + [str(body[name]) for name in ("clock", "threshold", "level", "cause") if name in body]
        )
        for entry in told(site, id_)["history"]
        for body in [entry["body"]]
    ]


def refused(answer: Any) -> tuple[int, str]:
    """The status and kind of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def escalated(site: Site, minutes: float = 16) -> str:
    """A report that nobody took up in time; its id."""
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    later(site, minutes)
    return id_


def test_a_report_climbs_from_the_community_to_the_district(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    later(site, 12.5)
    assert story(site, id_) == ["reported", "noticed intake warning"]
    later(site, 3)
    row = told(site, id_)["row"]
    assert (row["escalation_level"], row["escalation_step"], row["answered_by"]) == ("grid", 1, None)
    later(site, 31)  # the community does not answer
    assert told(site, id_)["row"]["escalation_level"] == "street"
    number = told(site, id_)["row"]["number"]
    passed = site.as_("street").act("pass_on", id_, number, reason="超出街道权限")
    assert passed.status_code == 200, passed.text
    row = told(site, id_)["row"]
    assert (row["escalation_level"], row["escalation_by"]) == ("district", None)
    assert site.as_("district").act("acknowledge", id_, row["number"], reason="区里牵头").status_code == 200
    row = told(site, id_)["row"]
    assert (row["answered_by"], row["stage"]) == ("district", "intake")
    assert story(site, id_) == [
        "reported",
        "noticed intake warning",
        "noticed intake overdue",
        "escalated intake grid overdue",
        "escalated intake street unanswered",
        "passedon",
        "escalated intake district passed_on",
        "acknowledged",
    ]
    history = told(site, id_)["history"]
    assert [entry["by_name"] for entry in history[1:5]] == ["系统 system"] * 4
    assert [(entry["act_zh"], entry["body"].get("reason")) for entry in (history[5], history[7])] == [
        ("上交", "超出街道权限"),
        ("确认", "区里牵头"),
    ]
    later(site, 3 * 24 * 60)
    assert len(story(site, id_)) == 8, "what was taken up is not asked again"


def test_overdue_tells_who_was_asked_and_who_took_it_up(site: Site) -> None:
    id_ = escalated(site)
    (row,) = site.as_("street").get("/api/overdue").json()["rows"]
    asked = row["escalated"]
    assert (asked["level"], asked["level_zh"], asked["grid"]) == ("grid", "网格", "网格N1")
    assert (asked["roles"], asked["roles_zh"], asked["acknowledged_by"]) == (
        ["shift_leader"],
        ["值班长"],
        None,
    )
    assert asked["answer_by"] == told(site, id_)["row"]["escalation_by"]
    site.as_("community").act("acknowledge", id_, row["number"])
    (row,) = site.as_("street").get("/api/overdue").json()["rows"]
    assert row["escalated"]["acknowledged_by_name"] == "community"
    assert site.as_("street_s").get("/api/overdue").json()["rows"] == []


class TestRefusals:
    """Who may not answer, and when there is nothing to answer, is told so."""

    def test_before_it_is_escalated_there_is_nothing_to_answer(self, site: Site) -> None:
        id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
        for act in ("acknowledge", "pass_on"):
            answer = site.as_("community").act(act, id_, 1, reason="?")
            assert refused(answer) == (409, "not-escalated")
        assert "acknowledge" not in told(site, id_, "community")["acts"]

    def test_those_who_were_not_asked_are_told_who_was(self, site: Site) -> None:
        id_ = escalated(site)
        number = told(site, id_)["row"]["number"]
        answer = site.as_("street").act("acknowledge", id_, number)
        assert refused(answer) == (403, "not-asked")
        assert (answer.json()["level"], answer.json()["needed"]) == ("grid", ["shift_leader"])
        assert "shift_leader for the grid" in answer.json()["detail"]
        assert told(site, id_, "community")["acts"][-4:] == ["acknowledge", "pass_on", "note", "attach"]
        assert "acknowledge" not in told(site, id_, "street")["acts"]

    def test_a_wider_grid_of_the_same_role_may_answer_and_the_neighbour_may_not(self, site: Site) -> None:
        id_ = escalated(site)
        number = told(site, id_)["row"]["number"]
        assert refused(site.as_("community_n2").act("acknowledge", id_, number)) == (404, "unknown-incident")
        assert site.as_("leader").act("acknowledge", id_, number).status_code == 200

    def test_an_answer_is_given_once(self, site: Site) -> None:
        id_ = escalated(site)
        number = told(site, id_)["row"]["number"]
        site.as_("community").act("acknowledge", id_, number)
        for act in ("acknowledge", "pass_on"):
            answer = site.as_("community").act(act, id_, number + 1, reason="?")
            assert refused(answer) == (409, "not-escalated")

    def test_passing_on_needs_a_reason(self, site: Site) -> None:
        id_ = escalated(site)
        number = told(site, id_)["row"]["number"]
        answer = site.as_("community").act("pass_on", id_, number, reason=" ")
        assert refused(answer) == (422, "reason-missing")
        assert told(site, id_)["row"]["number"] == number

    def test_from_the_last_step_there_is_nobody_to_pass_it_on_to(self, site: Site) -> None:
        id_ = escalated(site)
        later(site, 31)
        later(site, 121)
        number = told(site, id_)["row"]["number"]
        answer = site.as_("district").act("pass_on", id_, number, reason="不归我们")
        assert refused(answer) == (409, "not-escalated")
        assert "last step" in answer.json()["detail"]
        assert site.as_("district").act("acknowledge", id_, number).status_code == 200

    def test_somebody_of_no_rank_does_not_answer(self, site: Site) -> None:
        id_ = escalated(site)
        number = told(site, id_)["row"]["number"]
        for who in ("clerk", "inspector"):
            assert site.as_(who).act("acknowledge", id_, number).status_code == 403


def test_a_warning_in_between_does_not_make_a_number_stale(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    later(site, 12.5)
    assert site.as_("clerk").act("file", id_, 1).status_code == 200
    stale = site.as_("leader").act("file", id_, 1)
    assert refused(stale) == (409, "stale")
    assert [entry["kind"] for entry in stale.json()["meanwhile"]][-1] == "filed"


def test_somebodys_act_in_between_makes_an_answer_stale(site: Site) -> None:
    id_ = escalated(site)
    number = told(site, id_)["row"]["number"]
    site.as_("street").act("note", id_, number, words="已打电话催办")
    assert refused(site.as_("community").act("acknowledge", id_, number)) == (409, "stale")
    assert site.as_("community").act("acknowledge", id_, number + 1).status_code == 200


def test_a_clock_that_ends_ends_the_asking(site: Site) -> None:
    id_ = escalated(site)
    number = told(site, id_)["row"]["number"]
    site.as_("clerk").act("file", id_, number)
    answer = site.as_("community").act("acknowledge", id_, number + 1)
    assert refused(answer) == (409, "not-escalated")
    assert told(site, id_)["row"]["escalation_level"] is None
    later(site, 10)
    assert story(site, id_)[-1] == "filed", "nobody is asked about a clock that ended"
    later(site, 6)
    assert story(site, id_)[-1] == "noticed dispatch overdue", "dispatch has no ladder here"


def handled_by_water(site: Site) -> str:
    """A cover that water handles; four working hours from ten o'clock on."""
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    site.as_("clerk").act("file", id_, 1)
    site.as_("dispatcher").act("dispatch", id_, 2)
    return id_


def test_a_return_pauses_the_clock_and_what_was_noticed_is_not_noticed_again(site: Site) -> None:
    id_ = handled_by_water(site)
    later(site, 5 * 60 + 15)  # 80 % are over at a quarter past three
    assert story(site, id_)[-1] == "noticed handling warning"
    site.as_("water").act("return", id_, 4, reason="不归我们")
    later(site, 10)
    assert story(site, id_)[-1] == "returned", "what pauses is not noticed, and dispatch has time"
    site.as_("dispatcher").act("dispatch", id_, 5, department="water")
    later(site, 30)
    assert story(site, id_)[-1] == "dispatched", "the same run: its warning was said"
    later(site, 25)
    assert story(site, id_)[-2:] == ["noticed handling overdue", "escalated handling grid overdue"]
    assert len(story(site, id_)) == 8


def test_after_a_failed_check_the_end_stands_and_a_new_dispatch_is_a_new_run(site: Site) -> None:
    id_ = handled_by_water(site)
    later(site, 6 * 60 + 5)
    assert story(site, id_)[-2:] == ["noticed handling overdue", "escalated handling grid overdue"]
    site.as_("water").act("handle", id_, 5, reason="修好了")
    site.as_("leader").act("check", id_, 6, passed=False, reason="没修好")
    row = told(site, id_)["row"]
    assert (row["clock"], row["clock_run"], row["escalation_level"]) == ("handling", 3, "grid")
    later(site, 24 * 60)
    since = story(site, id_)[7:]
    assert since[0] == "escalated handling street unanswered", "what was asked still waits for its answer"
    assert not any(said.startswith("noticed") for said in since), "noticed once of that run"
    site.as_("water").act("return", id_, 7, reason="不归我们")
    run = told(site, id_)["row"]["number"] + 1
    site.as_("dispatcher").act("dispatch", id_, run - 1, department="cleaning")
    later(site, 3 * 24 * 60)
    assert story(site, id_)[-2:] == ["noticed handling overdue", "escalated handling grid overdue"]
    assert told(site, id_)["row"]["noticed"] == ["handling/3/overdue", f"handling/{run}/overdue"]


def test_asking_whether_it_is_there_starts_a_clock_of_its_own(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    asked = site.as_("clerk").act("ask", id_, 1, reason="照片看不清").json()
    assert (asked["stage"], asked["clock"]) == ("verifying", "verify")
    later(site, 17)
    assert story(site, id_)[-1] == "noticed verify warning"
    answer = site.as_("inspector_n").act("verify", id_, 2, found=False)
    assert refused(answer) == (422, "reason-missing")
    back = site.as_("inspector_n").act("verify", id_, 2, found=True).json()
    assert (back["stage"], back["clock"]) == ("intake", "intake")
    assert refused(site.as_("inspector_s").act("verify", id_, 4, found=True)) == (404, "unknown-incident")
    later(site, 16)
    assert story(site, id_)[-2:] == ["noticed intake overdue", "escalated intake grid overdue"]
    assert told(site, id_)["row"]["noticed"] == ["verify/2/warning", "intake/4/overdue"]


def test_what_a_rule_did_is_taken_back_and_its_clock_is_gone(site: Site) -> None:
    receipt = site.as_("inspector").report(scene.NOISE, "N1", standard="loud")
    id_ = str(receipt["incident"])
    assert (receipt["stage"], receipt["lead"], receipt["automatic"]) == (
        "handling",
        "north_office",
        "夜间施工",
    )
    later(site, 100)
    assert story(site, id_)[-1] == "noticed handling warning"
    assert "undo" in told(site, id_, "dispatcher_n")["acts"]
    assert refused(site.as_("dispatcher_n").act("undo", id_, 4)) == (422, "reason-missing")
    assert site.as_("inspector").act("undo", id_, 4, reason="误报").status_code == 403
    undone = site.as_("dispatcher_n").act("undo", id_, 3, reason="不是施工")
    assert undone.status_code == 200, undone.text
    assert (undone.json()["stage"], undone.json()["clock"], undone.json()["lead"]) == (
        "intake",
        "intake",
        None,
    )
    again = site.as_("clerk").act("undo", id_, 5, reason="再来")
    assert refused(again) == (409, "not-in-this-stage")
    later(site, 16)
    assert story(site, id_)[-2:] == ["noticed intake overdue", "escalated intake grid overdue"]


def test_what_somebody_has_built_on_is_not_taken_back(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.NOISE, "N1", standard="loud")["incident"])
    site.as_("north_office").act("return", id_, 3, reason="不归我们")
    answer = site.as_("dispatcher").act("undo", id_, 4, reason="重来")
    assert refused(answer) == (409, "nothing-to-undo")


def test_a_desk_in_scope_is_told_and_its_neighbour_is_not(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    site.later(12.5 * MINUTE)
    frames: dict[str, list[str]] = {}
    cursors = {who: site.as_(who).get("/api/incidents").json()["cursor"] for who in ("street", "street_s")}
    Sweeper(site.service.reader, site.service.writer, site.service.clock).sweep()
    later(site, 3)
    site.as_("community").act("pass_on", id_, 4, reason="请街道牵头")
    for who, cursor in cursors.items():
        with site.client.websocket_connect(
            f"/api/feed?cursor={cursor}", headers=site.as_(who).headers
        ) as desk:
            frames[who] = []
            live = False
            while not live:
                for frame in desk.receive_json():
                    live = live or frame["type"] == "heartbeat"
                    if frame["type"] == "entry":
                        frames[who].append(frame["entry"]["kind"])
    assert frames["street"][-4:] == ["noticed", "escalated", "passedon", "escalated"]
    assert frames["street_s"] == []
