"""The feed as the server gives it: cursors that fit the lists, scopes of assignments, sessions that end."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from dispatch.lifecycle import Act
from gridgov.settings import Settings
from gridgov.watching import Picture, watch
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, Server, Site
from tests.gridgov.histories import Play, work

#: Desks of different scopes.
WATCHING = ("dispatcher", "dispatcher_n", "water", "cleaning", "leader", "inspector_s", "manager_n", "clerk")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """As elsewhere, with heartbeats that a test can wait for."""
    return Settings(data=tmp_path / "var", feed_coalesce_ms=1, feed_heartbeat_s=0.2)


def follow(site: Site, who: str, cursor: str | None = None) -> WebSocketTestSession:
    return site.client.websocket_connect(
        "/api/feed" if cursor is None else f"/api/feed?cursor={cursor}", headers=site.as_(who).headers
    )


def until_live(socket: WebSocketTestSession) -> list[dict[str, Any]]:
    """Frames up to the heartbeat that says that the past is over."""
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] != "heartbeat":
        frames += socket.receive_json()
    return frames


def news(socket: WebSocketTestSession) -> list[dict[str, Any]]:
    """The next frames that are no heartbeats."""
    frames: list[dict[str, Any]] = []
    while not frames:
        frames = [frame for frame in socket.receive_json() if frame["type"] != "heartbeat"]
    return frames


def listed(server: Server, token: str) -> tuple[dict[str, Any], str]:
    """Everything that a list shows, page by page, and the cursor of its first page."""
    rows: list[dict[str, Any]] = []
    cursor, page = "", None
    with httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        while not cursor or page is not None:
            asked = {"limit": 20} | ({} if page is None else {"page": page})
            answer = client.get("/api/incidents", params=asked).raise_for_status().json()
            rows += answer["rows"]
            cursor, page = cursor or answer["cursor"], answer["next"]
    return {row["id"]: row for row in rows}, cursor


@pytest.mark.slow
def test_list_and_feed_make_the_fresh_list_over_http(server: Server) -> None:
    """The law of the feed between two lists that a client gets, for several people at once, while others work."""
    # Whom it would be handed to, or who would be sent, is not known to this store.
    play = Play(5, never=frozenset({Act.ASSIGN, Act.TASK}))
    service = server.service
    told: list[Any] = []
    service.on_commit.append(told.extend)

    async def desk(token: str) -> dict[str, Any]:
        rows, cursor = await asyncio.to_thread(listed, server, token)
        picture = Picture.of(rows.values())
        async with aclosing(watch(server.url, token, cursor, drop_after=13)) as frames:
            async for frame in frames:
                picture.apply(frame)
                if int(frame["cursor"].split(".")[1]) >= 220:
                    return picture.rows
        raise AssertionError("the feed ended")

    async def run() -> None:
        work(play, service.writer, told, 60)
        tokens = {who: server.token(who) for who in WATCHING}
        desks = {who: asyncio.create_task(desk(token)) for who, token in tokens.items()}
        await asyncio.to_thread(work, play, service.writer, told, 160)
        for who, token in tokens.items():
            rows = await asyncio.wait_for(desks[who], 60)
            assert rows == (await asyncio.to_thread(listed, server, token))[0], who

    asyncio.run(run())


def test_a_report_appears_at_the_desk_it_belongs_to_and_nowhere_else(site: Site) -> None:
    names = ("dispatcher_n", "dispatcher", "inspector_s", "water", "manager_n", "administrator")
    start = {who: site.as_(who).get("/api/incidents").json()["cursor"] for who in names}
    receipt = site.as_("inspector_n").report(scene.COVER, "N1", address="北街 12 号")
    told = {}
    for who in names:
        with follow(site, who, start[who]) as socket:
            told[who] = [frame for frame in until_live(socket) if frame["type"] == "entry"]
    assert {who for who in names if told[who]} == {"dispatcher_n", "dispatcher", "manager_n"}
    (frame,) = told["dispatcher_n"]
    assert (frame["change"], frame["incident"]) == ("entered", receipt["incident"])
    assert frame["row"] == site.as_("dispatcher_n").get("/api/incidents").json()["rows"][0]
    shown = site.as_("leader").get(f"/api/incidents/{receipt['incident']}").json()["history"][0]
    assert frame["entry"].items() <= shown.items()


def test_frames_of_an_entry_are_at_the_desk_live(site: Site) -> None:
    with follow(site, "leader") as socket:
        until_live(socket)
        receipt = site.as_("inspector").report(scene.COVER, "S1")
        (frame,) = news(socket)
        assert (frame["incident"], frame["position"]) == (receipt["incident"], receipt["position"])


def test_who_is_not_signed_in_is_told_to_sign_in_with_a_code_a_page_can_see(site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        with site.client.websocket_connect("/api/feed", headers=headers) as socket:
            assert closing(socket) == 4401


def test_who_signs_out_is_sent_away_at_once(site: Site) -> None:
    with follow(site, "leader") as socket:
        until_live(socket)
        assert site.as_("leader").delete("/api/sessions/current").status_code == 204
        assert closing(socket) == 4401


def test_an_assignment_that_is_ended_ends_what_is_seen_at_once(site: Site) -> None:
    with follow(site, "dispatcher_n") as socket:
        until_live(socket)
        ended = site.as_("administrator").post("/api/people/dispatcher_n/assignments/as-dispatcher_n/end", {})
        assert ended.status_code < 300, ended.text
        site.as_("inspector_n").report(scene.COVER, "N1")
        assert news(socket) == [{"type": "resync", "reason": "scope"}]
        assert closing(socket) == 4409


def test_a_cursor_of_somebody_else_is_of_another_scope(site: Site) -> None:
    cursor = site.as_("leader").get("/api/incidents").json()["cursor"]
    with follow(site, "dispatcher_n", cursor) as socket:
        assert news(socket) == [{"type": "resync", "reason": "scope"}]
        assert closing(socket) == 4409


def test_rubbish_is_no_cursor(site: Site) -> None:
    with follow(site, "leader", "rubbish") as socket:
        assert closing(socket) == 4400


@pytest.mark.parametrize(
    ("origin", "refused"),
    [("http://testserver", False), ("http://elsewhere.example", True), ("null", True), (None, True)],
)
def test_with_a_cookie_only_this_sites_own_pages_may_follow(
    site: Site, origin: str | None, refused: bool
) -> None:
    """Browsers send a site's cookies with any page's websocket: the Origin is what tells them apart."""
    sent = {"name": "leader", "password": PASSWORD, "kind": "cookie"}
    assert site.client.post("/api/sessions", json=sent).status_code == 201
    headers = {} if origin is None else {"Origin": origin}
    if refused:
        with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)):
            site.client.websocket_connect("/api/feed", headers=headers).__enter__()
        return
    with site.client.websocket_connect("/api/feed", headers=headers) as socket:
        assert until_live(socket)[0]["type"] == "hello"


def closing(socket: WebSocketTestSession) -> int:
    """The code with which the server closes."""
    for _ in itertools.count():
        received = socket.receive()
        if received["type"] == "websocket.close":
            return int(received["code"])
    raise AssertionError
