"""The ledger under whatever people and machines do to it: random commands, repeats, restarts, clocks that jump."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
    run_state_machine_as_test,
)

from dispatch.building import DONE
from dispatch.entries import SYSTEM
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Stage
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.errors import MissingNumber
from gridgov.storage.batch import Receipt
from gridgov.storage.errors import IdReused, UnknownIncident
from gridgov.storage.setup import init
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.storage.ledger_cast import (
    CATEGORIES,
    HANDLERS,
    KEEPER,
    NOBODYS,
    OFFICE,
    ONWARD,
    PARTS,
    PHOTOS,
    PLACES,
    REASONS,
    WORDED,
    WORDS,
    DrawnAnew,
    RanOut,
    Sent,
    ids,
    offsets,
    people,
)
from tests.gridgov.storage.ledger_known import KnownLedger

#: Who does what happens by itself.
NOBODY = scene.Somebody(SYSTEM)


class LedgerMachine(KnownLedger):
    """People send things to a town, right and wrong, and the town's ledger keeps its promises."""

    # What is sent.

    @rule(
        id_=ids,
        by=people,
        category=st.sampled_from(CATEGORIES),
        position=st.sampled_from(PLACES),
        words=st.sampled_from(WORDS),
        urgency=st.sampled_from((None, "urgent", "at once")),
        offset=offsets,
    )
    def report(self, id_: str, by: Any, offset: int | None, **more: Any) -> None:
        happened = None if offset is None else self.clock.now + timedelta(seconds=offset)
        self._send(
            Sent(by, SentReport(id=id_, channel="inspector", happened_at=happened, address="北街", **more))
        )

    @rule(id_=ids, position=st.sampled_from(PLACES), category=st.sampled_from(CATEGORIES[:3]))
    def report_well(self, id_: str, **more: Any) -> None:
        more["standard"] = "loud" if more["category"] == scene.NOISE else None
        outcome = self._send(Sent(scene.INSPECTOR, SentReport(id=id_, channel="inspector", **more)))
        assert isinstance(outcome, Receipt)

    @rule(
        number=st.integers(1, 4),
        closed=st.booleans(),
        category=st.sampled_from((scene.NOISE, "dragons")),
        day=st.integers(0, 3),
        words=st.sampled_from(WORDS),
        inside=st.booleans(),
    )
    def import_row(
        self, number: int, closed: bool, category: str, day: int, words: str | None, inside: bool
    ) -> None:
        reported = scene.LONG_AGO + timedelta(days=day, hours=15)
        row = ImportedRow(
            source="old",
            number=str(number),
            channel="phone",
            category=category,
            department="police",
            status="Closed" if closed else "Open",
            closed=closed,
            reported_at=reported,
            closed_at=reported + timedelta(days=1) if closed else None,
            lon=114.005 if inside else None,
            lat=22.505 if inside else None,
            datum=Datum.wgs84,
            words=words,
        )
        self._send(Sent(KEEPER, row))

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), id_=ids, by=people, act=st.sampled_from(Act), offset=offsets)
    def act(self, data: st.DataObject, id_: str, by: Any, act: Act, offset: int | None) -> None:
        sent = self._drawn_act(data, id_, by, act, offset)
        if data.draw(st.integers(0, 19)) == 0:
            sent = replace(sent, content=replace(sent.content, words=data.draw(st.sampled_from(WORDS))))
        self._send(sent)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), steps=st.integers(1, 6))
    def move_on(self, data: st.DataObject, steps: int) -> None:
        """What the next people in the line do, with the right numbers: it must succeed."""
        id_ = data.draw(st.sampled_from(sorted(self.numbers)))
        for _ in range(steps):
            incident = self._incident(id_)
            if incident.stage in ONWARD:
                assert isinstance(self._send(self._next_step(data, incident)), Receipt)

    def _next_step(self, data: st.DataObject, incident: Incident) -> Sent:
        act = data.draw(st.sampled_from(ONWARD[incident.stage]))
        waiting = [part.department for part in incident.parts if part.state != DONE]
        lead = HANDLERS.get(incident.lead or "", OFFICE)
        if act in (Act.ADOPT, Act.DISPATCH) and incident.category == "dragons":
            act = Act.CANCEL
        by = lead if incident.stage is Stage.HANDLING else scene.LEADER
        if act is Act.HANDLE and waiting:
            act, by = Act.REPORT_PART, HANDLERS[waiting[0]]
        if act is Act.CLOSE and incident.supervision is not None:
            act, by = Act.ANSWER, lead
        department = data.draw(st.sampled_from(sorted(HANDLERS))) if act is Act.DISPATCH else None
        passed = data.draw(st.booleans()) if act is Act.CHECK else None
        number, id_ = incident.number, data.draw(ids)
        found = data.draw(st.booleans()) if act is Act.VERIFY else None
        more = {"department": department, "passed": passed, "found": found}
        return Sent(by, SentAct(id_, incident.id, act, number, reason="因为", **more))

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), edition=st.integers(2, 3))
    def boundaries_are_drawn_anew(self, data: st.DataObject, edition: int) -> None:
        """What is open is located again; what has ended, or has moved on meanwhile, is left as it is."""
        id_ = data.draw(st.sampled_from(sorted(self.numbers)))
        incident = self._incident(id_)
        seen = incident.number + data.draw(st.sampled_from((0, 0, 0, -1)))
        sent = Sent(NOBODY, DrawnAnew(id_, seen, edition))
        new = sent.id not in self.receipts
        outcome = self._send(sent)
        if seen == incident.number and new:
            assert isinstance(outcome, Receipt) == incident.is_open

    @precondition(lambda self: self.numbers)
    @rule(data=st.data())
    def a_clock_runs_out(self, data: st.DataObject) -> None:
        """It is said once, however many sweepers see it; what moved on meanwhile is left as it is."""
        id_ = data.draw(st.sampled_from(sorted(self.numbers)))
        incident = self._incident(id_)
        if incident.next_look is None:
            return
        self.clock.now = max(self.clock.now, incident.next_look)
        sent = Sent(NOBODY, RanOut(id_, incident.number, incident.next_look))
        assert isinstance(self._send(sent), Receipt)
        outcome = self._send(sent)
        assert isinstance(outcome, Receipt)
        assert outcome.repeated
        after = self._incident(id_)
        if after.next_look is None or after.next_look > self.clock.now + timedelta(minutes=1):
            stale = Sent(NOBODY, RanOut(id_, incident.number - 1, incident.next_look))
            assert not isinstance(self._send(stale), Receipt)

    @rule(data=st.data())
    def nobody_knows_it(self, data: st.DataObject) -> None:
        sent = SentAct(data.draw(ids), data.draw(ids), Act.NOTE, 1, words="?")
        assert isinstance(self._send(Sent(scene.LEADER, sent)), UnknownIncident)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data())
    def without_the_number_seen(self, data: st.DataObject) -> None:
        before = self._contents()
        incident = data.draw(st.sampled_from(sorted(self.numbers)))
        with pytest.raises(MissingNumber):
            commands.act(scene.LEADER, SentAct(data.draw(ids), incident, Act.NOTE, None))
        assert self._contents() == before

    # What is sent again.

    @precondition(lambda self: self.receipts)
    @rule(data=st.data())
    def the_same_again(self, data: st.DataObject) -> None:
        sent = self.sent[data.draw(st.sampled_from(sorted(self.receipts)))]
        receipt = self._send(sent)
        assert receipt == replace(self.receipts[sent.id], repeated=True)

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), by=people)
    def the_same_id_with_other_content(self, data: st.DataObject, by: Any) -> None:
        sent = self.sent[data.draw(st.sampled_from(sorted(self.receipts)))]
        content = sent.content
        if isinstance(content, DrawnAnew | RanOut):
            return
        if isinstance(content, SentReport):
            others = [
                Sent(sent.by, replace(content, category=scene.NOISE + "!")),
                Sent(sent.by, replace(content, words="别的")),
                Sent(sent.by, SentAct(sent.id, sent.id, Act.NOTE, 1, words="别的")),
            ]
        elif isinstance(content, SentAct):
            others = [
                Sent(sent.by, replace(content, reason=content.reason + "!")),
                Sent(sent.by, replace(content, seen=(content.seen or 0) + 1)),
                Sent(sent.by, SentReport(sent.id, scene.NOISE, "inspector")),
            ]
        else:
            others = [Sent(sent.by, replace(content, status=content.status + "?"))]
        if by is not sent.by and not isinstance(content, ImportedRow):
            others.append(Sent(by, content))
        assert isinstance(self._send(data.draw(st.sampled_from(others))), IdReused)

    # Many at once, in one transaction.

    @rule(data=st.data(), many=st.integers(2, 6))
    def together(self, data: st.DataObject, many: int) -> None:
        """Commands that queued while the writer was busy share a transaction; each is decided after the one before."""
        batch = [self._anything(data) for _ in range(many)]
        begun, go = threading.Event(), threading.Event()

        def hold(*_: Any) -> None:
            begun.set()
            assert go.wait(30)

        held = self.town.writer.submit(Chore(hold))
        assert begun.wait(30)
        waiting: list[tuple[Sent, Future[Any]]] = [
            (sent, self.town.writer.submit(sent.command())) for sent in batch
        ]
        go.set()
        held.result(30)
        for sent, future in waiting:
            self._learn(sent, future.exception(30) or future.result())

    def _anything(self, data: st.DataObject) -> Sent:
        kinds = ["report"] + ["act"] * 2 * bool(self.numbers) + ["again"] * bool(self.receipts)
        kind = data.draw(st.sampled_from(kinds))
        if kind == "again":
            return self.sent[data.draw(st.sampled_from(sorted(self.receipts)))]
        if kind == "report":
            category, place = data.draw(st.sampled_from(CATEGORIES)), data.draw(st.sampled_from(PLACES))
            return Sent(scene.INSPECTOR, SentReport(data.draw(ids), category, "inspector", None, place))
        act = data.draw(st.sampled_from((Act.FILE, Act.DISPATCH, Act.NOTE, Act.CANCEL, Act.JOIN)))
        return self._drawn_act(data, data.draw(ids), scene.LEADER, act, None)

    def _drawn_act(self, data: st.DataObject, id_: str, by: Any, act: Act, offset: int | None) -> Sent:
        if act in NOBODYS:
            act = Act.NOTE
        incident = data.draw(st.sampled_from(sorted(self.numbers)))
        seen = self.numbers[incident] + data.draw(st.sampled_from((0, 0, 0, 0, -1, 1, -100)))
        drawn = SentAct(
            id=id_,
            incident=incident,
            act=act,
            seen=seen,
            happened_at=None if offset is None else self.clock.now + timedelta(seconds=offset),
            reason=data.draw(st.sampled_from(REASONS)),
            department=data.draw(st.sampled_from((None, *HANDLERS, "police"))),
            category=data.draw(st.sampled_from((None, *CATEGORIES))),
            passed=data.draw(st.booleans()),
            found=data.draw(st.booleans()) if act is Act.VERIFY else None,
            position=data.draw(st.sampled_from(PLACES)),
            words=data.draw(st.sampled_from(WORDS[2:] if act in WORDED else WORDS[:2])),
        )
        return Sent(by, replace(drawn, **self._fields(data, act, by)))

    def _fields(self, data: st.DataObject, act: Act, by: Any) -> dict[str, Any]:
        """What only some acts have, often good enough for them."""
        if act in (Act.DISPATCH, Act.INVOLVE):
            return {"co_handlers": data.draw(st.sampled_from(PARTS[act is Act.INVOLVE :]))}
        if act in (Act.ACCEPT, Act.DECLINE, Act.ASSIGN, Act.REPORT_PART):
            mine = next((code for code, handler in HANDLERS.items() if handler is by), None)
            who = data.draw(st.sampled_from((by.id, "water", "nobody")))
            return {"department": data.draw(st.sampled_from((None, mine))), "person": who}
        if act is Act.JOIN:
            return {"leader": data.draw(st.sampled_from(sorted(self.numbers)) | ids)}
        if act is Act.APPLY:
            days = data.draw(st.sampled_from((-1, 1, 30, 400)))
            until = self.clock.now + timedelta(days=days)
            return {"wish": data.draw(st.sampled_from(("extension", "suspension"))), "until": until}
        if act is Act.TASK:
            return {"person": data.draw(st.sampled_from(("inspector", "square", "water")))}
        if act is Act.CALL_BACK:
            said = data.draw(st.sampled_from((None, True, False)))
            return {"contacted": data.draw(st.booleans()), "solved": said, "satisfied": said}
        if act is Act.ENFORCE:
            return {"measure": "罚款", "legal_basis": "条例", "document": data.draw(st.sampled_from(REASONS))}
        if act in (Act.SELF_HANDLE, Act.ATTACH):
            photos = st.sampled_from(PHOTOS)
            return {"before": data.draw(photos), "photos": data.draw(photos)}
        return {"granted": True} if act is Act.DECIDE else {}

    # What happens to the server.

    @rule()
    def the_server_starts_again(self) -> None:
        before = self._contents()
        self.told += self.town.committed
        self.town.close_down()
        self.town = self._open()
        assert self._contents() == before

    @rule(hours=st.sampled_from((-72, -5, -1, 1, 5, 30, 24 * 9)))
    def the_clock_jumps(self, hours: int) -> None:
        self.clock.jump(timedelta(hours=hours))

    # What must hold of each answer.


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """The file of a store in which nothing has happened, to be copied: making one takes the migrations' time."""
    file = tmp_path / "empty.db"
    init(f"sqlite:///{file}", "epoch-1")
    return file


def play(empty: Path, games: int, steps: int) -> None:
    class Here(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(empty)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=games,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            # Explaining a failure traces every line run, which takes minutes here and says little.
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )


@pytest.mark.slow
def test_the_ledger_keeps_its_promises(empty: Path) -> None:
    play(empty, games=15, steps=50)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_ledger_keeps_its_promises_for_longer(empty: Path) -> None:
    play(empty, games=400, steps=80)
