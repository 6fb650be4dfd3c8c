"""Signing in with every request (HTTP Basic): for maps alone, for reading alone, checked as a sign-in is, and
forgotten as soon as it is not right any more.
"""

from __future__ import annotations

import gc
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gridgov import accounts, basic
from gridgov.accounts import Passwords, Person, Proof
from gridgov.app import create_app
from gridgov.service import Service
from tests.gridgov import scene
from tests.gridgov.conftest import OPERATOR, PASSWORD, QUICK, Site

MAPS = ("/ogc/collections", "/ogc/collections/incidents/items", "/ogc/collections/grid/items/N1")


def header(name: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {b64encode(f'{name}:{password}'.encode()).decode()}"}


RIGHT = header("leader", PASSWORD)


class Counting(Passwords):
    """Counts what it checks; waits before each until told to go on."""

    def __init__(self) -> None:
        super().__init__(QUICK._hasher)
        self.checked, self.go = 0, threading.Event()
        self.go.set()

    def check(self, reader: Engine, name: str, password: str) -> tuple[Person, Proof]:
        self.checked += 1
        assert self.go.wait(30)
        return super().check(reader, name, password)


class Maps:
    """The town served to programs that sign in by HTTP Basic."""

    def __init__(self, service: Service, client: TestClient, passwords: Counting) -> None:
        self.service, self.client, self.passwords = service, client, passwords
        assert isinstance(service.clock, scene.Clock)
        self.clock = service.clock

    def ask(self, headers: dict[str, str] = RIGHT, path: str = MAPS[0], method: str = "GET") -> Any:
        return self.client.request(method, path, headers=headers)

    def as_operator(self, method: str, path: str, json: Any = None) -> Any:
        answer = self.client.request(method, path, json=json, headers={"Authorization": f"Bearer {OPERATOR}"})
        assert answer.status_code in (200, 201), answer.text
        return answer

    @property
    def remembered(self) -> int:
        return len(self.client.app.state.parts.right)  # type: ignore[attr-defined]


@contextmanager
def serving(service: Service) -> Iterator[Maps]:
    passwords = Counting()
    app = create_app(service, operator=OPERATOR, passwords=passwords)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Maps(service, client, passwords)


@pytest.fixture
def maps(service: Service) -> Iterator[Maps]:
    with serving(service) as made:
        yield made


class TestWhere:
    """It opens maps and nothing else."""

    @pytest.mark.parametrize("path", MAPS)
    def test_maps_are_shown(self, maps: Maps, path: str) -> None:
        assert maps.ask(path=path).status_code == 200

    def test_tiles_are_too(self, maps: Maps) -> None:
        assert maps.ask(path="/tiles/grid.json").status_code == 200

    def test_nothing_else_takes_it(self, maps: Maps) -> None:
        """Every operation there is, with a password that is right."""
        described = maps.client.get("/openapi.json").json()["paths"]
        open_to_all = {"/", "/docs", "/healthz", "/ogc/", "/ogc/conformance", "/ogc/api"}
        refused = 0
        for path, methods in described.items():
            for method in methods:
                if path.startswith(("/ogc/", "/tiles/")) or path in open_to_all or path == "/api/sessions":
                    continue
                named = path.replace("{", "").replace("}", "")
                answer = maps.client.request(method, named, headers=RIGHT, json={})
                assert answer.status_code == 401, (method, path)
                assert "Basic" not in answer.headers["www-authenticate"]
                refused += 1
        assert refused > 30
        assert maps.passwords.checked == 0

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    def test_nothing_is_changed_by_it(self, maps: Maps, method: str) -> None:
        assert maps.ask(method=method).status_code == 405
        assert maps.passwords.checked == 0

    def test_reading_can_be_asked_for_without_the_body(self, maps: Maps) -> None:
        answer = maps.ask(method="HEAD")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_no_cookie_is_set_by_it_and_no_session_opened(self, maps: Maps) -> None:
        answer = maps.ask()
        assert "set-cookie" not in answer.headers
        assert maps.client.get("/ogc/collections").status_code == 401

    def test_a_websocket_takes_none(self, maps: Maps) -> None:
        with (
            maps.client.websocket_connect("/api/feed", headers=RIGHT) as socket,
            pytest.raises(WebSocketDisconnect) as closed,
        ):
            socket.receive_text()
        assert (closed.value.code, maps.passwords.checked) == (4401, 0)

    def test_the_operator_of_the_machine_has_no_password(self, maps: Maps) -> None:
        assert maps.ask(header("operator", OPERATOR)).status_code == 401

    def test_a_token_and_a_cookie_open_maps_as_ever(self, maps: Maps) -> None:
        sent = {"name": "leader", "password": PASSWORD, "kind": "bearer"}
        token = maps.client.post("/api/sessions", json=sent).json()["token"]
        assert maps.ask({"Authorization": f"Bearer {token}"}).status_code == 200
        maps.client.post("/api/sessions", json=sent | {"kind": "cookie"})
        assert maps.client.get("/ogc/collections").status_code == 200


class TestWhatIsSent:
    """Refused without looking anybody up where it is none."""

    @pytest.mark.parametrize(
        "sent",
        [
            "Basic",
            "Basic ",
            "Basic x",
            "Basic ====",
            "Basic bGVhZGVy",  # no colon
            "Basic " + b64encode(b":secret").decode(),
            "Basic " + b64encode(b"leader:").decode(),
            "Basic " + b64encode(b"le\x00ader:x").decode(),
            "Basic " + b64encode(b"leader\n:x").decode(),
            "Basic " + b64encode(b"leader:\xff\xfe").decode(),
            "Basic " + b64encode(b"leader:" + b"x" * 201).decode(),
            "Basic " + b64encode(b"l" * 301 + b":x").decode(),
            "Basic " + b64encode(f"leader:{PASSWORD}".encode()).decode() + " more",
            "Digest username=leader",
        ],
    )
    def test_what_is_no_name_and_password(self, maps: Maps, sent: str) -> None:
        answer = maps.ask({"Authorization": sent})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert answer.headers["content-type"] == "application/problem+json"
        assert maps.passwords.checked == 0

    def test_who_sends_nothing_is_told_all_ways(self, maps: Maps) -> None:
        detail = maps.ask({}).json()["detail"]
        assert "HTTP Basic" in detail
        assert "Bearer" in detail

    def test_the_scheme_is_written_as_one_likes(self, maps: Maps) -> None:
        assert maps.ask(header("leader", PASSWORD, "bASIC")).status_code == 200

    def test_names_and_passwords_in_any_writing_with_colons(self, maps: Maps) -> None:
        somebody = {"name": "王工", "display_name": "王工", "password": "密码 correct:horse:battery"}
        maps.as_operator("POST", "/api/people", somebody)
        assert maps.ask(header("王工", somebody["password"])).status_code == 200
        assert maps.ask(header("王工", "密码 correct")).status_code == 401

    def test_a_page_of_a_browser_is_not_told_to_open_its_window(self, maps: Maps) -> None:
        page = maps.ask({"Sec-Fetch-Mode": "cors"})
        assert (page.status_code, page.headers["www-authenticate"]) == (401, "Bearer")
        typed = maps.ask({"Sec-Fetch-Mode": "navigate"})
        assert "Basic" in typed.headers["www-authenticate"]


class TestChecking:
    """As careful as signing in, and once in some minutes."""

    def test_a_right_one_is_checked_once(self, maps: Maps) -> None:
        assert [maps.ask().status_code for _ in range(10)] == [200] * 10
        assert (maps.passwords.checked, maps.remembered) == (1, 1)

    def test_and_again_after_some_minutes(self, maps: Maps) -> None:
        maps.ask()
        maps.clock.now += basic.LASTS - timedelta(seconds=30)
        maps.ask()
        assert maps.passwords.checked == 1
        maps.clock.now += timedelta(seconds=30)
        assert maps.ask().status_code == 200
        assert maps.passwords.checked == 2

    def test_a_wrong_one_is_neither_remembered_nor_told_from_an_unknown_name(self, maps: Maps) -> None:
        wrong, unknown = maps.ask(header("leader", "wrong")), maps.ask(header("nobody", "wrong"))
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()
        assert (maps.passwords.checked, maps.remembered) == (2, 0)

    def test_guessing_is_braked_as_at_signing_in(self, maps: Maps) -> None:
        statuses = [maps.ask(header("leader", f"wrong {n}")).status_code for n in range(5)]
        assert statuses == [401] * 5
        braked = maps.ask(header("leader", "wrong 6"))
        assert braked.status_code == 429
        assert 0 < int(braked.headers["retry-after"]) <= 61
        sent = {"name": "leader", "password": PASSWORD, "kind": "bearer"}
        assert maps.client.post("/api/sessions", json=sent).status_code == 429
        assert maps.passwords.checked == 5

    def test_what_is_remembered_cannot_be_guessed_at_without_the_brake(self, maps: Maps) -> None:
        """A guess that hits what is remembered is let in as slowly as one that is checked."""
        assert maps.ask().status_code == 200
        for n in range(5):
            maps.ask(header("leader", f"wrong {n}"))
        assert maps.ask().status_code == 429

    def test_a_remembered_one_does_not_start_the_count_of_wrong_ones_anew(self, maps: Maps) -> None:
        """Else the owner's map, asking on and on, would hold the brake open for whoever shares the address."""
        statuses = []
        for n in range(5):
            assert maps.ask().status_code == 200
            statuses.append(maps.ask(header("leader", f"wrong {n}")).status_code)
        assert (statuses, maps.ask().status_code) == ([401] * 5, 429)

    def test_many_at_once_are_checked_once(self, maps: Maps) -> None:
        maps.passwords.go.clear()
        with ThreadPoolExecutor(30) as pool:
            sent = [pool.submit(maps.ask) for _ in range(30)]
            while not maps.passwords.checked:
                time.sleep(0.002)
            time.sleep(0.1)
            maps.passwords.go.set()
            assert [one.result().status_code for one in sent] == [200] * 30
        assert maps.passwords.checked == 1
        assert maps.client.app.state.parts.right._turns == {}  # type: ignore[attr-defined]

    def test_many_wrong_ones_at_once_are_not_all_checked(self, maps: Maps) -> None:
        maps.passwords.go.clear()
        with ThreadPoolExecutor(30) as pool:
            sent = [pool.submit(maps.ask, header("leader", "wrong")) for _ in range(30)]
            while not maps.passwords.checked:
                time.sleep(0.002)
            maps.passwords.go.set()
            statuses = [one.result().status_code for one in sent]
        assert maps.passwords.checked == statuses.count(401) <= 5
        assert statuses.count(429) == 30 - maps.passwords.checked


class TestForgetting:
    """At once where this process changes something; after seconds where another one does."""

    def test_a_new_password(self, maps: Maps) -> None:
        assert maps.ask().status_code == 200
        maps.as_operator("PUT", "/api/people/leader/password", {"password": "another battery horse"})
        assert maps.remembered == 0
        assert maps.ask().status_code == 401
        assert maps.ask(header("leader", "another battery horse")).status_code == 200

    def test_being_deactivated(self, maps: Maps) -> None:
        assert maps.ask().status_code == 200
        maps.as_operator("POST", "/api/people/leader/deactivate")
        assert maps.ask().status_code == 401

    def test_an_ended_assignment_counts_at_once(self, maps: Maps, service: Service) -> None:
        incident = Site(service, maps.client, maps.clock).as_("inspector").report()["incident"]
        path = f"/ogc/collections/incidents/items/{incident}"
        assert maps.ask(path=path).status_code == 200
        maps.as_operator("POST", "/api/people/leader/assignments/as-leader/end", {})
        assert maps.ask(path=path).status_code == 404

    @pytest.mark.parametrize(
        "change",
        [accounts.deactivate("leader"), accounts.set_password("leader", QUICK.hash("another one of ten"))],
    )
    def test_what_another_process_changes_is_seen_after_seconds(self, maps: Maps, change: Any) -> None:
        assert maps.ask().status_code == 200
        maps.service.writer.run(change)
        maps.clock.now += basic.FRESH
        assert maps.ask().status_code == 401
        assert maps.remembered == 0

    def test_a_password_changed_while_it_is_checked_is_not_remembered(self, maps: Maps) -> None:
        maps.passwords.go.clear()
        with ThreadPoolExecutor(2) as pool:
            sent = pool.submit(maps.ask)
            while not maps.passwords.checked:
                time.sleep(0.002)
            maps.client.app.state.parts.right.forget("leader")  # type: ignore[attr-defined]
            maps.passwords.go.set()
            assert sent.result().status_code == 200
        assert maps.remembered == 0

    def test_no_more_are_remembered_than_there_is_room_for(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(basic, "REMEMBERED", 2)
        with serving(service) as maps:
            for name in ("leader", "clerk", "water"):
                assert maps.ask(header(name, PASSWORD)).status_code == 200
            assert maps.remembered == 2
            maps.ask(header("leader", PASSWORD))
            assert maps.passwords.checked == 4


class TestSecrecy:
    """A password is in no log line, no answer, and nowhere in what is remembered."""

    @pytest.mark.parametrize("password", [PASSWORD, "a wrong one, yet a secret"])
    def test_it_is_never_logged_or_shown(self, maps: Maps, password: str) -> None:
        with structlog.testing.capture_logs() as logged:
            answer = maps.ask(header("leader", password))
        secrets = (password, header("leader", password)["Authorization"].split()[1])
        for secret in secrets:
            assert secret not in repr(logged)
            assert secret not in answer.text

    def test_what_is_remembered_holds_no_password(self, maps: Maps) -> None:
        maps.ask()
        held: list[Any] = [maps.client.app.state.parts.right._known]  # type: ignore[attr-defined]
        seen: set[int] = set()
        while held:
            one = held.pop()
            if id(one) in seen or isinstance(one, type):
                continue
            seen.add(id(one))
            assert PASSWORD not in (one if isinstance(one, str) else "")
            assert PASSWORD.encode() not in (one if isinstance(one, bytes) else b"")
            held += gc.get_referents(one)
        assert len(seen) > 10

    def test_two_processes_remember_the_same_password_by_different_digests(self, maps: Maps) -> None:
        one, other = basic.RightPasswords(maps.clock), basic.RightPasswords(maps.clock)
        assert one.digest("leader", PASSWORD) != other.digest("leader", PASSWORD)
        assert one.digest("leader", PASSWORD) == one.digest("leader", PASSWORD)
        assert one.digest("a", "b:c") != one.digest("a:b", "c")
