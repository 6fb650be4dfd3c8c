"""A server killed again and again while it tells: whoever is told misses nothing, and can tell what comes twice."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import httpx2
import pytest

from gridgov import city
from gridgov.service import Service
from gridgov.settings import Settings
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, TOWN, report_body
from tests.gridgov.outbox.conftest import notice, until, webhook
from tests.gridgov.outbox.receiver import Box, Receiver
from tests.live.server import running

LEADERS = '\n[[targets]]\nname = "leaders"\nkind = "email"\naddresses = ["duty@example.org"]\n'


@pytest.mark.slow
def test_killed_again_and_again_it_tells_all_in_the_end(
    tmp_path: Path, filled: Path, hook: Receiver, box: Box
) -> None:
    data = tmp_path / "var"
    shutil.copytree(filled, data)
    with Service.open(Settings(data=data), scene.Clock()) as service:
        service.writer.run(
            city.apply(TOWN + webhook(hook.url) + LEADERS + notice(to='"bureau", "leaders"'), "test")
        )
    mail = {
        "smtp_host": box.host,
        "smtp_port": box.port,
        "smtp_security": "none",
        "smtp_from": "g@example.org",
    }
    reported: set[str] = set()
    with running(data, smtp_gather_s=0, **mail) as server:
        for turn in range(2):
            if turn:
                server.start()
            with httpx2.Client(base_url=server.url, trust_env=False) as client:
                token = _token(client)
                for _ in range(20):
                    answer = client.post("/api/incidents", json=report_body(), headers=token)
                    reported.add(answer.json()["incident"])
                if turn == 1:
                    until(lambda: len(hook.taken) > 15)
            server.kill()
        server.start()
        until(lambda: {one.told["incident"] for one in hook.taken} == reported, 30)
        numbers = {one.told["row"]["case_number"] for one in hook.taken}
        until(lambda: all(any(number in text for text in box.texts) for number in numbers), 30)
        until(lambda: _waiting(server.url) == 0, 30)
        assert not server.faults()
    assert len(reported) == 40
    assert len(set(hook.ids)) == 40
    # What was sent again says the same under the same id.
    first = {one.told["delivery"]: one.told["incident"] for one in hook.taken}
    assert all(first[one.told["delivery"]] == one.told["incident"] for one in hook.taken)


def _token(client: httpx2.Client, name: str = "inspector") -> dict[str, str]:
    sent = {"name": name, "password": PASSWORD, "kind": "bearer"}
    return {"Authorization": f"Bearer {client.post('/api/sessions', json=sent).json()['token']}"}


def _waiting(url: str) -> int:
    time.sleep(0.1)
    with httpx2.Client(base_url=url, trust_env=False) as client:
        found = client.get("/api/outbox", headers=_token(client, "administrator")).json()
    return sum(target["waiting"] + target["dead"] for target in found["targets"])
