"""A server that is killed while it says what is overdue: after it started again, each clock was noticed once."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from dispatch.entries import Entry, Escalated, Noticed, to_micros
from dispatch.lifecycle import Act
from gridgov import city, commands
from gridgov.clock import utcnow
from gridgov.commands import SentAct, SentReport
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage import ledger
from gridgov.storage.engine import open_engine
from gridgov.storage.setup import init
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN
from tests.live.server import RunningServer, gridgov, running

pytestmark = pytest.mark.slow

#: Intake has a minute, dispatch an hour; whoever is asked about intake has more time than the test takes.
RULES = """
[clocks]
intake = "1em"
dispatch = "60em"
warn_percent = 80

[escalation]
clocks = ["intake"]

[[escalation.steps]]
level = "street"
roles = ["shift_leader"]
answer_within = "2ed"
"""
#: Reports of each kind: enough that a sweep of one is not over at once.
MANY = 600
#: Seconds within which a machine that does other things as well has said what is to be said.
PATIENCE_S = 60.0


class Seeding:
    """The town before the server starts, with a clock that stands in the past."""

    def __init__(self, settings: Settings) -> None:
        init(settings.database_url, "e")
        self.ago = timedelta(hours=2)
        self.service = Service.open(settings, self._now)

    def _now(self) -> datetime:
        return utcnow() - self.ago

    def rules(self) -> None:
        run = self.service.writer.run
        run(city.apply(TOWN + RULES, "test"))
        run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="test"))

    def reported(self, ago: timedelta, *, filed: bool = False) -> set[str]:
        """So many reports of that long ago; their ids."""
        self.ago = ago
        ids = [str(uuid.uuid4()) for _ in range(MANY)]
        self._do(
            commands.report(scene.INSPECTOR, SentReport(id_, scene.COVER, "inspector", None, scene.at("N1")))
            for id_ in ids
        )
        if filed:
            self._do(commands.act(scene.CLERK, SentAct(str(uuid.uuid4()), id_, Act.FILE, 1)) for id_ in ids)
        return set(ids)

    def _do(self, sent: Any) -> None:
        for future in [self.service.writer.submit(command) for command in sent]:
            future.result(PATIENCE_S)


def count(store: Engine, query: str, **values: Any) -> int:
    """A number read from the store beside the server."""
    with store.connect() as connection:
        return int(connection.execute(text(query), values).scalar_one())


def noticed(store: Engine) -> int:
    return count(store, "SELECT count(*) FROM entry WHERE kind = 'noticed'")


def waiting(store: Engine) -> int:
    """Incidents of which something is to be said at this moment."""
    return count(store, "SELECT count(*) FROM incident WHERE look_at <= :now", now=to_micros(utcnow()))


def until(question: Callable[[], bool], pause_s: float) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not question():
        assert time.monotonic() < end, "nothing more is said"
        time.sleep(pause_s)


def kill_when_it_speaks(server: RunningServer, store: Engine) -> None:
    """End the server in the middle of a sweep, and start it again."""
    known = noticed(store)
    until(lambda: noticed(store) > known, 0.002)
    server.kill()
    assert waiting(store) > 0, "it was killed too late to prove anything"
    server.start()


def facts(store: Engine) -> dict[str, list[Entry]]:
    """What nobody did, by incident."""
    found: dict[str, list[Entry]] = {}
    with store.connect() as connection:
        for told in ledger.since(connection, 0, 1_000_000):
            if isinstance(told.entry.fact, Noticed | Escalated):
                found.setdefault(told.entry.incident, []).append(told.entry)
    return found


def said(entries: list[Entry]) -> Counter[str]:
    """In short, how often what was said of one incident."""
    return Counter(
        f"{fact.clock} {fact.threshold}" if isinstance(fact, Noticed) else f"{fact.level} asked: {fact.cause}"
        for entry in entries
        for fact in [entry.fact]
        if isinstance(fact, Noticed | Escalated)
    )


def test_a_server_killed_while_it_sweeps_says_everything_once(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    seeding = Seeding(settings)
    with seeding.service:
        seeding.rules()
        yellow = seeding.reported(timedelta(minutes=50), filed=True)
        red = seeding.reported(timedelta(minutes=40))
        soon = seeding.reported(timedelta(seconds=30))
    store = open_engine(settings.database_url)
    with running(tmp_path) as server:
        kill_when_it_speaks(server, store)
        until(lambda: waiting(store) == 0, 0.1)
        # What was reported last turns yellow, or red, while the server looks.
        kill_when_it_speaks(server, store)
        last = "SELECT max(clock_due_at) FROM incident WHERE clock = 'intake'"
        until(lambda: count(store, last) < to_micros(utcnow()) and waiting(store) == 0, 0.1)
        assert not server.faults()
        assert server.stop() == 0
    found = facts(store)
    assert found.keys() == yellow | red | soon
    for id_, entries in found.items():
        told = said(entries)
        warned = told.pop("intake warning", 0)
        expected = {"dispatch warning": 1}
        if id_ not in yellow:
            expected = {"intake overdue": 1, "street asked: overdue": 1}
        assert told == expected, id_
        assert warned <= (id_ in soon), id_
    check = subprocess.run(
        gridgov("rebuild", "--check"), env=server.environment, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr
    store.dispose()
