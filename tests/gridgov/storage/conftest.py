"""A store in a temporary folder, with the small town in force and a writer at work."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from dispatch.lifecycle import Act
from gridgov import commands
from gridgov.commands import SentAct, SentReport
from gridgov.in_force import InForce
from gridgov.siting import SentPosition
from gridgov.storage.batch import Receipt
from gridgov.storage.desk import NobodyOnDuty, ReadsDuty
from gridgov.storage.engine import open_engine
from gridgov.storage.ledger import Committed
from gridgov.storage.setup import init
from gridgov.storage.writer import Writer
from tests.gridgov import scene


class Town:
    """A store with its writer, and short words for what people do."""

    def __init__(
        self,
        url: str,
        clock: Any | None = None,
        in_force: InForce | None = None,
        duty: ReadsDuty = NobodyOnDuty,
    ) -> None:
        init(url, "epoch-1")
        self.url = url
        self.reader: Engine = open_engine(url)
        self.written: Engine = open_engine(url, writes=True)
        self.committed: list[Committed] = []
        self.clock = clock or scene.Clock()
        self.in_force = in_force or scene.in_force()
        self.writer = Writer(
            self.written, "main", self.clock, lambda *_: self.in_force, self._tell, duty=duty
        )
        self.writer.start()

    def _tell(self, committed: Sequence[Committed]) -> None:
        self.committed += committed

    def report(
        self,
        category: str = scene.COVER,
        position: SentPosition | None = None,
        by: Any = scene.INSPECTOR,
        **more: Any,
    ) -> Receipt:
        sent = SentReport(
            id=more.pop("id", str(uuid.uuid4())),
            category=category,
            channel="inspector",
            position=position,
            **more,
        )
        receipt: Receipt = self.writer.run(commands.report(by, sent))
        return receipt

    def act(self, by: Any, act: Act, incident: str, seen: int | None, **more: Any) -> Receipt:
        sent = SentAct(id=more.pop("id", str(uuid.uuid4())), incident=incident, act=act, seen=seen, **more)
        receipt: Receipt = self.writer.run(commands.act(by, sent))
        return receipt

    def close_down(self) -> None:
        self.writer.stop()
        self.reader.dispose()
        self.written.dispose()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A fresh town, open for writing."""
    made = Town(f"sqlite:///{tmp_path / 'town.db'}")
    yield made
    made.close_down()
