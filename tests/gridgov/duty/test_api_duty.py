"""Duty over HTTP: who writes a rota and who sees it, positions, hand-overs, lists of tasks in their order."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from gridgov import city
from tests.gridgov import scene
from tests.gridgov.conftest import position
from tests.gridgov.duty.shifts import GRIDS, hours

N1, S1 = (list(GRIDS[code]) for code in ("N1", "S1"))


def duty(
    person: str, path: list[str], since: float | None = None, until: float = 8, **more: Any
) -> dict[str, Any]:
    body = {
        "id": str(uuid.uuid4()),
        "person": person,
        "path": path,
        "ends_at": hours(until).isoformat(),
        **more,
    }
    return body if since is None else body | {"starts_at": hours(since).isoformat()}


def put(site, person: str, path: list[str], *more: Any, by: str = "leader", **named: Any) -> dict[str, Any]:
    answer = site.as_(by).post("/api/duty", duty(person, path, *more, **named))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["person"] for one in answer.json()["duties"]]


def asked_to_look(site, grid: str = "N1", **more: Any) -> str:
    id_ = str(site.as_("clerk").report(grid=grid, **more)["incident"])
    answer = site.as_("clerk").act("ask", id_, 1, reason="在不在?")
    assert answer.status_code == 200, answer.text
    return id_


# -- the rota --------------------------------------------------------------------------------------


def test_a_shift_leader_writes_a_rota_and_everybody_there_sees_it(site) -> None:
    written = put(site, "inspector_n", N1)
    assert (written["name"], written["grid"], written["role_zh"]) == ("Inspector n", "网格N1", "网格员")
    put(site, "inspector_s", S1, by="administrator")
    for who, seen in {
        "leader": ["inspector_n", "inspector_s"],
        "inspector": ["inspector_n", "inspector_s"],
        "inspector_n": ["inspector_n"],
        "dispatcher_n": ["inspector_n"],
        "administrator": ["inspector_n", "inspector_s"],
        "water": [],
    }.items():
        assert sorted(names(site.as_(who).get("/api/duty"))) == seen, who
    assert names(site.as_("leader").get("/api/duty?under=D/S")) == ["inspector_s"]
    assert names(site.as_("leader").get("/api/duty?person=inspector_n")) == ["inspector_n"]


@pytest.mark.parametrize("who", ["inspector", "dispatcher", "clerk", "water", "manager", "supervisor"])
def test_nobody_else_writes_it(site, who) -> None:
    shift = put(site, "inspector_n", N1)
    ours = site.as_(who)
    for path, body in [
        ("", duty("inspector_s", S1)),
        (f"/{shift['id']}/withdraw", {}),
        ("/copy_week", {"week": "2026-11-23"}),
        ("/import", {"text": "person,path,from,to\n"}),
    ]:
        assert ours.post(f"/api/duty{path}", body).status_code == 403, path
    assert ours.get("/api/duty/people?path=D/N/N1").status_code == 403
    assert names(site.as_("leader").get("/api/duty")) == ["inspector_n"]


def test_a_leader_of_one_street_writes_no_other(site) -> None:
    sent = {"role": "shift_leader", "path": ["D", "N"]}
    assert site.as_("administrator").post("/api/people/manager_n/assignments", sent).status_code == 201
    put(site, "inspector_n", N1, by="manager_n")
    answer = site.as_("manager_n").post("/api/duty", duty("inspector_s", S1))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:gridgov:problem:outside-scope")
    theirs = put(site, "inspector_s", S1)
    assert site.as_("manager_n").post(f"/api/duty/{theirs['id']}/withdraw", {}).status_code == 403


def test_who_is_on_duty_above_one_is_seen_too(site) -> None:
    put(site, "leader", ["D"])
    for who, seen in {"inspector_n": ["leader"], "dispatcher_n": ["leader"], "water": []}.items():
        assert names(site.as_(who).get("/api/duty")) == seen


def test_refusals_say_what_is_in_the_way(site) -> None:
    first = put(site, "inspector_n", N1)
    leader = site.as_("leader")
    for sent, status, kind in [
        (duty("inspector_n", N1, 1, 2), 409, "already-on-duty"),
        (duty("water", N1), 409, "not-for-duty"),
        (duty("inspector_s", S1, -2, 2), 409, "past-duty"),
        (duty("inspector_s", S1, 5, 2), 422, "bad-duty"),
        (duty("inspector_s", S1, stand_in_for="inspector"), 409, "nobody-to-stand-in-for"),
        (duty("nobody", S1), 404, "unknown-person"),
        (duty("inspector_s", ["D", "X"]), 404, "unknown-grid"),
    ]:
        answer = leader.post("/api/duty", sent)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:gridgov:problem:{kind}"), sent
    answer = leader.post("/api/duty", duty("inspector_n", N1, 1, 2)).json()
    assert answer["duty"] == first["id"]
    assert answer["detail"].startswith("Inspector n is on duty already in D/N/N1 from 2026-11-23T")
    assert leader.post("/api/duty/nothing/withdraw", {}).status_code == 404


def test_a_duty_is_withdrawn_or_cut_short(site) -> None:
    now, later = put(site, "inspector_n", N1), put(site, "inspector_s", S1, 4, 6)
    leader = site.as_("leader")
    assert leader.post(f"/api/duty/{later['id']}/withdraw", {}).json() == {
        "id": later["id"],
        "withdrawn": True,
    }
    cut = leader.post(f"/api/duty/{now['id']}/withdraw", {"at": hours(2).isoformat()}).json()
    assert (cut["withdrawn"], cut["ends_at"]) == (False, "2026-11-23T04:00:00.000000Z")


def test_a_grid_that_is_no_more_has_no_name_and_its_duty_can_be_withdrawn(site) -> None:
    """N1 and N2 become N3: whoever is on duty in N1 is nobody's own there any more, only near."""
    later = put(site, "inspector_n", N1, 1, 8)
    site.service.writer.run(
        city.import_edition(scene.redrawn(), "second", made_up=True, findings=[], by="test")
    )
    leader = site.as_("leader")
    assert [one["grid"] for one in leader.get("/api/duty").json()["duties"]] == [None]
    assert leader.post("/api/duty", duty("inspector_s", N1)).status_code == 404
    copied = leader.post("/api/duty/copy_week", {"week": "2026-11-23"}).json()
    assert (copied["refused"], "N1" in copied["rows"][0]["why"]) == (1, True)
    site.clock.now = hours(2)
    id_ = asked_to_look(site, "N1")
    assert [(one["incident"], one["because"]) for one in tasks(site, "inspector_n")] == [(id_, "nearest")]
    assert leader.post(f"/api/duty/{later['id']}/withdraw", {}).status_code == 200


def test_who_can_be_put_on_duty(site) -> None:
    found = site.as_("leader").get("/api/duty/people?path=D/N/N1").json()["people"]
    assert {(one["id"], one["role"]) for one in found} == {
        ("inspector", "inspector"),
        ("inspector_n", "inspector"),
        ("leader", "shift_leader"),
    }


def test_who_is_on_duty_now(site) -> None:
    put(site, "inspector_n", N1)
    put(site, "inspector", ["D"])
    put(site, "inspector_s", S1, 4, 6)
    answer = site.as_("dispatcher").get("/api/duty/now?path=D/N/N1").json()
    assert ([one["person"] for one in answer["here"]], answer["below"]) == (["inspector_n", "inspector"], [])
    answer = site.as_("dispatcher").get("/api/duty/now?path=D/N").json()
    assert [[one["person"] for one in answer[key]] for key in ("here", "below")] == [
        ["inspector"],
        ["inspector_n"],
    ]
    put(site, "leader", S1)
    below = site.as_("dispatcher_n").get("/api/duty/now").json()["below"]
    assert [one["person"] for one in below] == ["inspector", "inspector_n"]
    assert site.as_("dispatcher").get("/api/duty/now?path=D/X").status_code == 404


def test_a_week_is_copied_and_a_table_brought_in(site) -> None:
    put(site, "inspector_n", N1, 1, 8)
    leader = site.as_("leader")
    tried = leader.post("/api/duty/copy_week", {"week": "2026-11-25", "dry_run": True}).json()
    assert (tried["added"], tried["dry_run"]) == (1, True)
    done = leader.post("/api/duty/copy_week", {"week": "2026-11-25"}).json()
    assert done["rows"][0]["starts_at"] == "2026-11-30T03:00:00.000000Z"
    text = "person,path,from,to\ninspector_s,D/S/S1,2026-11-24 08:00,2026-11-24 18:00\nnobody,D,x,y\n"
    done = leader.post("/api/duty/import", {"text": text}).json()
    assert (done["added"], done["refused"], done["rows"][1]["why"][:12]) == (1, 1, "column from ")
    assert leader.post("/api/duty/import", {"text": "a,b"}).status_code == 422


@pytest.mark.parametrize(
    "query", ["since=2026-11-23T00:00Z&until=2027-11-23T00:00Z", "until=2020-01-01T00:00Z", "since=today"]
)
def test_a_rota_is_asked_for_of_some_days(site, query) -> None:
    assert site.as_("leader").get(f"/api/duty?{query}").status_code == 422


# -- where I am ------------------------------------------------------------------------------------


def test_where_i_am_is_kept_on_duty_alone(site) -> None:
    ours = site.as_("inspector_n")
    answer = ours.post("/api/duty/position", position("N1"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:gridgov:problem:not-on-duty")
    put(site, "inspector_n", N1, until=2)
    answer = ours.post("/api/duty/position", position("N1")).json()
    assert answer["kept_until"] == "2026-11-23T04:00:00.000000Z"
    mine = ours.get("/api/duty/mine").json()
    assert (mine["now"]["path"], mine["coming"]) == (N1, [])
    assert mine["position"] == answer
    site.later(timedelta(hours=3))
    assert site.as_("inspector_n").get("/api/duty/mine").json() == {
        "now": None,
        "coming": [],
        "position": None,
    }


def test_a_position_in_the_datum_of_a_chinese_phone(site) -> None:
    """GCJ-02 is over 500 m off here; it is the distance to the ground that counts."""
    put(site, "inspector_s", S1)
    at = scene.at("N1")
    ours = site.as_("inspector_s")
    assert ours.post("/api/duty/position", position("N1") | {"datum": "gcj02"}).status_code == 200
    id_ = asked_to_look(site)
    told = ours.get("/api/tasks").json()["tasks"][0]
    assert told["incident"] == id_
    assert 400 < told["distance_m"] < 800
    near = ours.get(f"/api/tasks?lon={at.lon}&lat={at.lat}&datum=wgs84").json()["tasks"][0]
    assert near["distance_m"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    "sent",
    [{"lon": 114.0}, {"lon": 200, "lat": 0, "datum": "wgs84"}, {"lon": 22.5, "lat": 114.0, "datum": "wgs84"}],
)
def test_what_is_no_position(site, sent) -> None:
    put(site, "inspector_n", N1)
    assert site.as_("inspector_n").post("/api/duty/position", sent).status_code == 422


# -- tasks -----------------------------------------------------------------------------------------


def tasks(site, who: str, query: str = "") -> list[dict[str, Any]]:
    answer = site.as_(who).get(f"/api/tasks{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["tasks"])


def test_my_tasks_the_most_urgent_first_then_the_nearest(site) -> None:
    put(site, "inspector", ["D"])
    far, near = asked_to_look(site, "S2"), asked_to_look(site, "N1")
    urgent = asked_to_look(site, "S1", urgency="critical")
    nowhere = asked_to_look(site, "N2")
    site.as_("inspector").post("/api/duty/position", position("N1"))
    found = tasks(site, "inspector")
    assert [one["incident"] for one in found] == [urgent, near, nowhere, far]
    distances = [one["distance_m"] for one in found]
    assert distances[1] == pytest.approx(0, abs=0.01)
    assert distances[1:] == sorted(distances[1:])
    first = found[0]
    assert (first["task"], first["task_zh"], first["urgency_zh"], first["grid"]) == (
        "verify",
        "核实",
        "重大",
        "网格S1",
    )
    assert (first["state"], first["because_zh"], first["name"]) == ("offered", "本网格当班", "Inspector")
    assert first["answer_by"] is not None
    assert first["due_at"] is not None
    act = site.as_("inspector").act("accept_task", urgent, first["number"])
    assert act.status_code == 200, act.text
    assert tasks(site, "inspector")[0]["state"] == "accepted"
    assert [one["incident"] for one in tasks(site, "inspector", "?limit=1")] == [urgent]


def test_nobody_is_left_and_a_desk_sees_it(site) -> None:
    put(site, "inspector_n", N1)
    id_ = asked_to_look(site)
    number = tasks(site, "inspector_n")[0]["number"]
    assert site.as_("inspector_n").act("decline_task", id_, number).status_code == 422
    assert site.as_("inspector_n").act("decline_task", id_, number, reason="生病").status_code == 200
    assert tasks(site, "inspector_n") == []
    (told,) = tasks(site, "dispatcher", "?whose=unassigned")
    assert (told["incident"], told["state"], told["because_zh"]) == (id_, "unassigned", "无人可派")
    assert told["passed_over"] == 1
    assert tasks(site, "dispatcher_n", "?whose=all") == [told]
    chosen = site.as_("dispatcher").act("task", id_, told["number"], person="inspector")
    assert chosen.status_code == 200, chosen.text
    (told,) = tasks(site, "inspector")
    assert told["because_zh"] == "指定"
    assert tasks(site, "dispatcher", "?whose=unassigned") == []


def test_without_a_rota_what_is_to_be_looked_at_is_everybodys_there(site) -> None:
    id_ = asked_to_look(site)
    (told,) = tasks(site, "inspector_n", "?whose=unassigned")
    assert (told["incident"], told["state"], told["person"]) == (id_, "open", None)
    assert tasks(site, "inspector_s", "?whose=unassigned") == []


@pytest.mark.parametrize("who", ["inspector", "water", "administrator"])
def test_all_tasks_are_for_a_desk(site, who) -> None:
    assert site.as_(who).get("/api/tasks?whose=all").status_code == 403


@pytest.mark.parametrize("query", ["?lon=114", "?lon=200&lat=0&datum=wgs84", "?whose=yours", "?limit=0"])
def test_tasks_asked_for_wrongly(site, query) -> None:
    assert site.as_("inspector").get(f"/api/tasks{query}").status_code == 422


def test_a_stand_ins_task_says_for_whom(site) -> None:
    put(site, "inspector_n", N1)
    put(site, "inspector", N1, stand_in_for="inspector_n")
    asked_to_look(site)
    (told,) = tasks(site, "inspector")
    assert (told["stand_in_for"], told["stand_in_for_name"]) == ("inspector_n", "Inspector n")


# -- handing over ----------------------------------------------------------------------------------


def hand(site, who: str, to: str, **more: Any) -> Any:
    sent = {"id": str(uuid.uuid4()), "to": to, "remark": "都看过了", **more}
    return site.as_(who).post("/api/duty/hand_over", sent)


def test_handing_over(site) -> None:
    put(site, "inspector_n", N1)
    id_ = asked_to_look(site)
    answer = hand(site, "inspector_n", "inspector")
    assert answer.status_code == 201, answer.text
    over = answer.json()
    assert [one["incident"] for one in over["moved"]] == [id_]
    assert (over["from_name"], over["to_name"], over["left"]) == ("Inspector n", "Inspector", [])
    for who in ("inspector_n", "inspector", "leader", "administrator"):
        assert site.as_(who).get("/api/duty/hand_overs").json()["hand_overs"] == [over], who
    for who in ("inspector_s", "dispatcher", "water"):
        assert site.as_(who).get("/api/duty/hand_overs").json()["hand_overs"] == [], who
    assert [one["incident"] for one in tasks(site, "inspector")] == [id_]
    assert site.as_("inspector").get("/api/duty/mine").json()["now"]["path"] == N1


def test_a_leader_hands_over_for_somebody_and_nobody_else_does(site) -> None:
    put(site, "inspector_n", N1)
    assert hand(site, "inspector", "inspector_s", **{"from": "inspector_n"}).status_code == 403
    assert hand(site, "dispatcher", "inspector", **{"from": "inspector_n"}).status_code == 403
    answer = hand(site, "leader", "inspector", **{"from": "inspector_n"})
    assert (answer.status_code, answer.json()["by"]) == (201, "leader")
    assert hand(site, "water", "inspector").json()["type"] == "urn:gridgov:problem:not-on-duty"
