"""People and assignments, for administrators alone."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.lifecycle import Role
from gridgov import accounts
from gridgov.scope import Assignment
from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, Site

NEW: dict[str, Any] = {"name": "wang", "display_name": "王工", "password": "long enough to keep"}


def test_everybody_is_listed_without_a_password(site: Site) -> None:
    answer = site.as_("administrator").get("/api/people")
    assert [one["name"] for one in answer.json()["people"]] == sorted(PEOPLE)
    assert "argon2" not in answer.text
    assert "hash" not in answer.text


@pytest.mark.parametrize("who", [name for name in PEOPLE if name != "administrator"])
def test_nobody_else_may_look_after_people_and_rules(site: Site, who: str) -> None:
    somebody = site.as_(who)
    for path in ("/api/people", "/api/people/clerk", "/api/city", "/api/editions"):
        answer = somebody.get(path)
        assert (answer.status_code, answer.json()["needed"]) == (403, ["administrator"])
    assert somebody.post("/api/people", NEW).status_code == 403
    assert somebody.post("/api/imports", {"rows": []}).status_code in (403, 422)
    assert somebody.put("/api/city", {"text": "x"}).status_code == 403


def test_somebody_new_signs_in_and_does_what_they_are_assigned_to(site: Site) -> None:
    sent = NEW | {"assignments": [{"role": "inspector", "path": ["D", "S"]}]}
    added = site.as_("administrator").post("/api/people", sent)
    assert added.status_code == 201
    assert "password" not in added.json()
    signed = {"name": "wang", "password": NEW["password"], "kind": "bearer"}
    token = site.client.post("/api/sessions", json=signed).json()["token"]
    rows = site.client.get("/api/incidents", headers={"Authorization": f"Bearer {token}"})
    assert rows.json()["rows"] == []


def test_blanks_around_a_name_are_left_out(site: Site) -> None:
    added = site.as_("administrator").post("/api/people", NEW | {"name": " wang ", "display_name": "王 工 "})
    assert (added.status_code, added.json()["name"], added.json()["display_name"]) == (201, "wang", "王 工")
    signed = {"name": "wang", "password": NEW["password"]}
    assert site.client.post("/api/sessions", json=signed).status_code == 201


def test_a_password_that_is_made_is_told_once(site: Site) -> None:
    administrator = site.as_("administrator")
    told = administrator.post("/api/people", NEW | {"password": None}).json()
    assert len(told["password"]) > 30
    assert "password" not in administrator.get(f"/api/people/{told['id']}").json()
    signed = {"name": "wang", "password": told["password"]}
    assert site.client.post("/api/sessions", json=signed).status_code == 201


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "clerk"}, 409),
        ({"name": "CLERK"}, 409),
        ({"name": " Clerk "}, 409),
        ({"name": "ｃｌｅｒｋ"}, 409),
        ({"name": "cle\u200brk"}, 422),
        ({"name": "\u202eclerk"}, 422),
        ({"name": "cl\xaderk"}, 422),
        ({"display_name": "\u202eClerk"}, 422),
        ({"name": " "}, 422),
        ({"display_name": "\u3000"}, 422),
        ({"name": ""}, 422),
        ({"name": "wa\nng"}, 422),
        ({"password": "short"}, 422),
        ({"password": "x" * 201}, 422),
        ({"assignments": [{"role": "king"}]}, 422),
        ({"assignments": [{"role": "handler"}]}, 422),
        ({"assignments": [{"role": "handler", "department": "navy"}]}, 422),
        ({"assignments": [{"role": "clerk", "department": "water"}]}, 422),
        ({"assignments": [{"role": "inspector", "department": "water"}]}, 422),
        ({"assignments": [{"role": "administrator", "path": ["D", "N"]}]}, 422),
        ({"assignments": [{"role": "administrator", "department": "water"}]}, 422),
        ({"assignments": [{"role": "inspector", "path": ["D", "X"]}]}, 404),
        (
            {
                "assignments": [
                    {
                        "role": "inspector",
                        "starts_at": "2026-01-02T00:00:00Z",
                        "ends_at": "2026-01-01T00:00:00Z",
                    }
                ]
            },
            422,
        ),
    ],
)
def test_what_makes_no_sense_adds_nobody(site: Site, changes: dict[str, Any], status: int) -> None:
    administrator = site.as_("administrator")
    answer = administrator.post("/api/people", NEW | changes)
    assert answer.status_code == status
    assert len(administrator.get("/api/people").json()["people"]) == len(PEOPLE)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "nobody", None),
        ("POST", "nobody/deactivate", None),
        ("PUT", "nobody/password", {}),
        ("POST", "nobody/assignments", {"role": "manager"}),
        ("POST", "nobody/assignments/as-clerk/end", {}),
        ("POST", "clerk/assignments/as-leader/end", {}),
    ],
)
def test_nobody_of_that_id(site: Site, method: str, path: str, body: Any) -> None:
    administrator = site.as_("administrator")
    answer = administrator.client.request(
        method, f"/api/people/{path}", json=body, headers=administrator.headers
    )
    assert answer.status_code == 404


def test_an_administrator_of_one_street_is_made_in_no_way(site: Site) -> None:
    administrator = site.as_("administrator")
    sent = {"role": "administrator", "path": ["D", "N"]}
    refused = administrator.post("/api/people/clerk/assignments", sent)
    assert refused.status_code == 422
    assert "looks after the whole installation" in refused.json()["detail"]
    street = Assignment("street", Role.ADMINISTRATOR, ("D", "N"), None, scene.LONG_AGO)
    site.service.writer.run(accounts.assign("clerk", street))
    assert site.as_("clerk").get("/api/people").status_code == 403


def test_an_assignment_can_end_on_a_day_to_come(site: Site) -> None:
    administrator, clerk = site.as_("administrator"), site.as_("clerk")
    administrator.post("/api/people/clerk/assignments/as-clerk/end", {"at": "2026-11-23T12:00:00+08:00"})
    site.as_("inspector").report()
    assert len(clerk.get("/api/incidents").json()["rows"]) == 1
    site.clock.now = site.clock.now.replace(hour=5)
    assert clerk.get("/api/incidents").json()["rows"] == []


CLERK_ENDS = "/api/people/clerk/assignments/as-clerk/end"


def test_what_has_ended_is_not_revived(site: Site) -> None:
    administrator = site.as_("administrator")
    (ended,) = administrator.post(CLERK_ENDS, {}).json()["assignments"]
    for at in (None, "2026-11-24T12:00:00+08:00"):
        again = administrator.post(CLERK_ENDS, {"at": at})
        assert (again.status_code, again.json()["type"]) == (409, "urn:gridgov:problem:assignment-ended")
    (still,) = administrator.get("/api/people/clerk").json()["assignments"]
    assert still == ended


def test_an_end_is_neither_past_nor_put_off(site: Site) -> None:
    administrator = site.as_("administrator")
    assert administrator.post(CLERK_ENDS, {"at": "2026-11-22T12:00:00+08:00"}).status_code == 422
    assert administrator.post(CLERK_ENDS, {"at": "1999-01-01T00:00:00+08:00"}).status_code == 422
    noon, evening = "2026-11-23T12:00:00+08:00", "2026-11-23T18:00:00+08:00"
    assert administrator.post(CLERK_ENDS, {"at": evening}).status_code == 200
    assert administrator.post(CLERK_ENDS, {"at": noon}).status_code == 200
    assert administrator.post(CLERK_ENDS, {"at": evening}).status_code == 422


def test_what_has_not_begun_is_ended_before_it_does(site: Site) -> None:
    administrator = site.as_("administrator")
    later = {"role": "manager", "starts_at": "2026-12-01T00:00:00Z"}
    given = administrator.post("/api/people/clerk/assignments", later).json()["assignments"][-1]
    path = f"/api/people/clerk/assignments/{given['id']}/end"
    assert administrator.post(path, {"at": "2026-11-25T00:00:00Z"}).status_code == 422
    ended = administrator.post(path, {}).json()["assignments"][-1]
    assert ended["ends_at"] == ended["starts_at"]
    assert administrator.post(path, {}).status_code == 409
