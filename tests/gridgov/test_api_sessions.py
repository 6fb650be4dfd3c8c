"""Signing in and out, by cookie and by token, and that every route says whom it is for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from sqlalchemy import Engine
from starlette.testclient import TestClient

from gridgov.accounts import Passwords, Person, Proof
from gridgov.api.dependencies import POLICIES
from gridgov.app import create_app
from gridgov.service import Service
from gridgov.settings import Settings
from tests.gridgov import scene
from tests.gridgov.conftest import OPERATOR, PASSWORD, QUICK, Site, report_body

ORIGIN = {"Origin": "http://testserver"}


def sign_in(client: TestClient, name: str = "clerk", password: str = PASSWORD, kind: str = "cookie") -> Any:
    return client.post("/api/sessions", json={"name": name, "password": password, "kind": kind})


def served(service: Service) -> FastAPI:
    return create_app(service, passwords=QUICK)


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for further in dependant.dependencies:
        yield from calls(further)


def test_every_route_says_whom_it_is_for(service: Service) -> None:
    """A route without a policy would be open to everybody by oversight."""
    routes = [context.original_route for context in iter_route_contexts(served(service).routes)]
    ours = [route for route in routes if isinstance(route, APIRoute | APIWebSocketRoute)]
    assert len(ours) > 40
    assert [route.path for route in ours if POLICIES.isdisjoint(calls(route.dependant))] == []
    assert [getattr(route, "path", "") for route in routes if route not in ours] == ["/openapi.json"]


def test_every_policy_is_a_question() -> None:
    assert POLICIES
    for policy in POLICIES:
        assert "?" in (policy.__doc__ or ""), policy


def test_all_but_a_few_paths_ask_to_sign_in(site: Site) -> None:
    open_to_all = {"/", "/docs", "/healthz", "/openapi.json", "/ogc/", "/ogc/conformance", "/ogc/api"}
    described = site.client.get("/openapi.json").json()["paths"]
    asked = 0
    for path, methods in described.items():
        for method in methods:
            if path in open_to_all or (path, method) == ("/api/sessions", "post"):
                continue
            asked += 1
            answer = site.client.request(method, path.format(**dict.fromkeys(_names(path), "x")), json={})
            assert answer.status_code == 401, (method, path)
            with_password = path.startswith(("/ogc/", "/tiles/"))
            expected = 'Basic realm="gridgov", charset="UTF-8", Bearer' if with_password else "Bearer"
            assert answer.headers["www-authenticate"] == expected
    assert asked > 30


def _names(path: str) -> list[str]:
    return [part[1:].split("}")[0] for part in path.split("/") if part.startswith("{")]


class TestCookies:
    """Pages sign in with a cookie that only this site's own pages can use."""

    def test_a_cookie_is_for_this_site_and_no_script(self, site: Site) -> None:
        answer = sign_in(site.client)
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == 201
        assert "token" not in answer.json()
        assert all(part in cookie for part in ("gridgov=", "HttpOnly", "SameSite=lax", "Path=/"))
        assert site.client.get("/api/me").json()["person"]["name"] == "clerk"

    def test_behind_https_it_is_bound_to_host_and_https(self, service: Service) -> None:
        object.__setattr__(service, "settings", service.settings.model_copy(update={"secure_cookies": True}))
        with TestClient(served(service), base_url="https://testserver") as client:
            cookie = sign_in(client).headers["set-cookie"]
            assert cookie.startswith("__Host-gridgov=")
            assert "Secure" in cookie
            assert "Domain" not in cookie
            assert client.get("/api/me").status_code == 200

    @pytest.mark.parametrize(("base", "origin"), [("https", "https"), ("http", "https"), ("https", "http")])
    def test_where_cookies_are_for_https_pages_are_too(
        self, service: Service, base: str, origin: str
    ) -> None:
        """A proxy that ends HTTPS talks plainly to us; a page that came without it may be anybody's."""
        object.__setattr__(service, "settings", service.settings.model_copy(update={"secure_cookies": True}))
        with TestClient(served(service), base_url=f"{base}://testserver") as client:
            sent = {"name": "clerk", "password": PASSWORD}
            answer = client.post("/api/sessions", json=sent, headers={"Origin": f"{origin}://testserver"})
        assert answer.status_code == (201 if origin == "https" else 403)

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            (ORIGIN, 201),
            ({}, 201),
            ({"Sec-Fetch-Site": "same-origin"}, 201),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "https://testserver"}, 403),
            ({"Origin": "ftp://testserver"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://[::1"}, 403),
            ({"Origin": "http://testserver]"}, 403),
            ({"Origin": "http://testserver.evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
        ],
    )
    def test_another_sites_page_can_do_nothing(
        self, site: Site, headers: dict[str, str], status: int
    ) -> None:
        sign_in(site.client)
        answer = site.client.post("/api/incidents", json=report_body(), headers=headers)
        assert answer.status_code == status
        assert site.client.get("/api/me", headers=headers).status_code == 200

    def test_another_sites_page_cannot_sign_somebody_in(self, site: Site) -> None:
        sent = {"name": "clerk", "password": PASSWORD}
        answer = site.client.post("/api/sessions", json=sent, headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers

    def test_a_token_needs_no_origin(self, site: Site) -> None:
        answer = site.as_("clerk").post(
            "/api/incidents", report_body(), headers={"Origin": "http://x.example"}
        )
        assert answer.status_code == 201

    def test_neither_is_good_as_the_other(self, site: Site) -> None:
        token = sign_in(site.client, kind="bearer").json()["token"]
        site.client.cookies.set("gridgov", token)
        assert site.client.get("/api/me").status_code == 401
        site.client.cookies.clear()
        cookie = sign_in(site.client).cookies["gridgov"]
        site.client.cookies.clear()
        assert site.client.get("/api/me", headers={"Authorization": f"Bearer {cookie}"}).status_code == 401


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer x", "Bearer \x7f", "token"])
def test_a_strange_authorization_is_nobodys(site: Site, header: str) -> None:
    assert site.client.get("/api/me", headers={"Authorization": header}).status_code == 401


class TestEnding:
    """What ends somebody's access ends it at once, although sessions are remembered between requests."""

    def test_signing_out(self, site: Site) -> None:
        clerk = site.as_("clerk")
        assert clerk.get("/api/me").status_code == 200
        assert clerk.delete("/api/sessions/current").status_code == 204
        assert clerk.get("/api/me").status_code == 401

    def test_after_its_hours(self, site: Site) -> None:
        clerk = site.as_("clerk")
        site.clock.now += timedelta(hours=site.service.settings.session_hours)
        assert clerk.get("/api/me").json()["detail"] == "this session is over: sign in again"

    def test_being_deactivated(self, site: Site) -> None:
        clerk, administrator = site.as_("clerk"), site.as_("administrator")
        assert clerk.get("/api/incidents").status_code == 200
        assert administrator.post("/api/people/clerk/deactivate").json()["active"] is False
        assert clerk.get("/api/incidents").status_code == 401
        assert sign_in(site.client).status_code == 401

    def test_a_new_password(self, site: Site) -> None:
        clerk = site.as_("clerk")
        told = site.as_("administrator").put("/api/people/clerk/password", {}).json()
        assert clerk.get("/api/me").status_code == 401
        assert sign_in(site.client).status_code == 401
        assert sign_in(site.client, password=told["password"]).status_code == 201

    def test_an_ended_assignment(self, site: Site) -> None:
        id_ = site.as_("inspector").report()["incident"]
        clerk = site.as_("clerk")
        assert clerk.get(f"/api/incidents/{id_}").status_code == 200
        ended = site.as_("administrator").post("/api/people/clerk/assignments/as-clerk/end", {})
        assert ended.json()["assignments"][0]["ends_at"] is not None
        assert clerk.get(f"/api/incidents/{id_}").status_code == 404
        assert clerk.act("file", id_, 1).status_code == 404

    def test_a_new_assignment_counts_at_once_too(self, site: Site) -> None:
        id_ = site.as_("inspector").report(grid="N1")["incident"]
        south = site.as_("inspector_s")
        assert south.get(f"/api/incidents/{id_}").status_code == 404
        sent = {"role": "inspector", "path": ["D", "N"]}
        assert site.as_("administrator").post("/api/people/inspector_s/assignments", sent).status_code == 201
        assert south.get(f"/api/incidents/{id_}").status_code == 200


class TestTries:
    """Passwords cannot be guessed quickly."""

    def test_after_some_wrong_ones_even_the_right_one_waits(self, site: Site) -> None:
        for _ in range(5):
            assert sign_in(site.client, password="wrong").status_code == 401
        answer = sign_in(site.client)
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:gridgov:problem:too-many-tries")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert sign_in(site.client, name="leader").status_code == 201
        site.clock.now += timedelta(minutes=1)
        assert sign_in(site.client).status_code == 201

    def test_a_right_one_in_between_starts_the_count_anew(self, site: Site) -> None:
        for password in ("wrong", "wrong", "wrong", "wrong", PASSWORD, "wrong", "wrong"):
            sign_in(site.client, password=password)
        assert sign_in(site.client).status_code == 201

    def test_an_unknown_name_is_answered_like_a_wrong_password(self, site: Site) -> None:
        unknown, wrong = sign_in(site.client, name="nobody"), sign_in(site.client, password="wrong")
        assert unknown.json() == wrong.json()

    def test_a_password_is_never_shown_back(self, site: Site) -> None:
        answer = site.client.post("/api/sessions", json={"name": "clerk", "password": ["s3cret"]})
        assert answer.status_code == 422
        assert "s3cret" not in answer.text


class Slow(Passwords):
    """Checks when it is told to go on, and counts what it checks."""

    def __init__(self) -> None:
        super().__init__(QUICK._hasher)
        self.go, self.checked = threading.Event(), 0

    def check(self, reader: Engine, name: str, password: str) -> tuple[Person, Proof]:
        self.checked += 1
        assert self.go.wait(30)
        return super().check(reader, name, password)


class Crowd:
    """Many who sign in at once, while no password has been checked yet."""

    def __init__(self, service: Service) -> None:
        self.slow = Slow()
        self.app = create_app(service, operator=OPERATOR, passwords=self.slow)

    @contextmanager
    def signing_in(self, *tries: tuple[str, str]) -> Iterator[tuple[TestClient, list[Future[Any]]]]:
        """The client, and what becomes of those tries; all wait or are refused by the time of the block."""
        hashing = self.app.state.parts.hashing
        with TestClient(self.app) as client, ThreadPoolExecutor(40) as pool:
            try:
                sent = []
                for number, (name, password) in enumerate(tries, start=1):
                    sent.append(pool.submit(sign_in, client, name, password, "bearer"))
                    while not sent[-1].done() and hashing.statistics().tasks_waiting < min(number - 2, 16):
                        time.sleep(0.002)
                while self.slow.checked < 2:
                    time.sleep(0.002)
                yield client, sent
            finally:
                self.slow.go.set()


class TestCrowds:
    """Sign-ins sent all at once: the right ones are let in, guesses are not, and nobody else is held up."""

    def test_ten_right_ones_at_once_are_all_let_in(self, service: Service) -> None:
        with Crowd(service).signing_in(*[("clerk", PASSWORD)] * 10) as (_, sent):
            pass
        assert [one.result().status_code for one in sent] == [201] * 10

    def test_wrong_ones_at_once_are_not_all_checked(self, service: Service) -> None:
        crowd = Crowd(service)
        with crowd.signing_in(*[("clerk", "wrong")] * 18) as (_, sent):
            pass
        statuses = [one.result().status_code for one in sent]
        assert crowd.slow.checked <= 6
        assert statuses.count(401) == crowd.slow.checked
        assert statuses.count(429) == 18 - crowd.slow.checked

    def test_strangers_do_not_hold_up_those_who_have_signed_in(self, service: Service) -> None:
        with Crowd(service).signing_in(*[(f"n{n}", "wrong") for n in range(20)]) as (client, sent):
            refused = [one.result(30) for one in sent[18:]]
            headers = {"Authorization": f"Bearer {OPERATOR}"}
            assert client.post("/api/photos", content=b"no photo", headers=headers).status_code == 415
            assert not any(one.done() for one in sent[:18])
        assert [(one.status_code, one.headers["retry-after"]) for one in refused] == [(503, "2")] * 2
        assert [one.result().status_code for one in sent[:18]] == [401] * 18


def test_the_operator_of_the_machine_is_an_administrator(site: Site) -> None:
    assert site.operator.get("/api/people").status_code == 200
    assert site.operator.get("/api/incidents").json()["rows"] == []
    assert site.operator.get("/api/closure").status_code == 403


def test_without_an_operator_the_name_signs_in_nobody(service: Service, settings: Settings) -> None:
    with TestClient(served(service)) as client:
        headers = {"Authorization": "Bearer token-of-the-operator"}
        assert client.get("/api/people", headers=headers).status_code == 401


def test_sessions_outlive_the_server(service: Service) -> None:
    with TestClient(served(service)) as client:
        token = sign_in(client, kind="bearer").json()["token"]
    with TestClient(served(service)) as client:
        told = client.get("/api/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert told["person"]["assignments"][0]["role_zh"] == "受理员"
    assert told["expires_at"] > scene.MONDAY.isoformat()
