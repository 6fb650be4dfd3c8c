"""The ledger under whatever people and machines do to it: random commands, repeats, restarts, clocks that jump."""

from __future__ import annotations

import shutil
import tempfile
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from dispatch.entries import SYSTEM
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Act, Stage
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.errors import BadInput, MissingNumber
from gridgov.scope import scope_of
from gridgov.storage import ledger, projections
from gridgov.storage.batch import Receipt
from gridgov.storage.errors import IdReused, Stale, UnknownIncident
from gridgov.storage.rebuild import differences
from gridgov.storage.setup import init
from gridgov.storage.tables import IncidentRow
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town
from tests.gridgov.storage.ledger_cast import (
    CATEGORIES,
    HANDLERS,
    KEEPER,
    NOT_REFUSALS,
    ONWARD,
    PLACES,
    REASONS,
    WORDS,
    DrawnAnew,
    Jumping,
    Sent,
    ids,
    offsets,
    people,
)

#: Who does what happens by itself.
NOBODY = scene.Somebody(SYSTEM)


class LedgerMachine(RuleBasedStateMachine):
    """People send things to a town, right and wrong, and the town's ledger keeps its promises."""

    def __init__(self, empty: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=empty.parent))
        shutil.copy(empty, self.folder / "town.db")
        self.clock = Jumping()
        self.town = self._open()
        self.told: list[ledger.Committed] = []
        self.receipts: dict[str, Receipt] = {}
        self.sent: dict[str, Sent] = {}
        self.numbers: dict[str, int] = {}
        self.serials: dict[str, int] = {}
        self.relocated: set[tuple[str, int]] = set()
        self.position = 0

    def _open(self) -> Town:
        return Town(f"sqlite:///{self.folder / 'town.db'}", self.clock)

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
        if act in (Act.ADOPT, Act.DISPATCH) and incident.category == "dragons":
            act = Act.CANCEL
        by = HANDLERS[incident.lead or ""] if incident.stage is Stage.HANDLING else scene.LEADER
        department = data.draw(st.sampled_from(sorted(HANDLERS))) if act is Act.DISPATCH else None
        passed = data.draw(st.booleans()) if act is Act.CHECK else None
        number, id_ = incident.number, data.draw(ids)
        return Sent(
            by, SentAct(id_, incident.id, act, number, reason="因为", department=department, passed=passed)
        )

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
        if isinstance(content, DrawnAnew):
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
        act = data.draw(st.sampled_from((Act.FILE, Act.DISPATCH, Act.NOTE, Act.CANCEL)))
        return self._drawn_act(data, data.draw(ids), scene.LEADER, act, None)

    def _drawn_act(self, data: st.DataObject, id_: str, by: Any, act: Act, offset: int | None) -> Sent:
        if act in (Act.REPORT, Act.IMPORT, Act.RELOCATE):
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
            position=data.draw(st.sampled_from(PLACES)),
            words=data.draw(st.sampled_from(WORDS[2:] if act is Act.NOTE else WORDS[:2])),
        )
        return Sent(by, drawn)

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

    def _send(self, sent: Sent) -> Receipt | Exception:
        before = self._contents()
        outcome: Receipt | Exception
        try:
            outcome = self.town.writer.run(sent.command())
        except Exception as refusal:
            outcome = refusal
        added = self._learn(sent, outcome)
        assert added == (self._contents() != before), f"{outcome!r} of {sent}"
        return outcome

    def _learn(self, sent: Sent, outcome: Receipt | BaseException) -> bool:
        """Hold an answer against what it had to be by then; True where it added an entry."""
        expected = self._expected(sent)
        if isinstance(outcome, BaseException):
            assert not isinstance(outcome, NOT_REFUSALS)
            assert isinstance(outcome, expected or DispatchError), f"{outcome!r} of {sent}"
            if isinstance(outcome, Stale):
                self._require_told(sent, outcome)
            return False
        if expected is Receipt:
            assert outcome == replace(self.receipts[sent.id], repeated=True)
            return False
        assert expected is None, f"{sent} was taken, expected {expected}"
        self._require_receipt(sent, outcome)
        return True

    def _expected(self, sent: Sent) -> type | None:
        """What the answer has to be as far as ids, numbers and scopes say; None where the rules decide."""
        act = sent.content if isinstance(sent.content, SentAct) else None
        if act is not None and bool(act.words) != (act.act is Act.NOTE):
            return BadInput
        if sent.id in self.receipts:
            return Receipt if self.sent[sent.id] == sent else IdReused
        if not isinstance(sent.content, SentAct | DrawnAnew):
            return None
        if sent.content.incident not in self.numbers or not self._sees(sent):
            return UnknownIncident
        seen, number = sent.content.seen or 0, self.numbers[sent.content.incident]
        # All these boundaries are drawn where the old ones were: what was seen before them is still good.
        since = {(sent.content.incident, later) for later in range(max(seen, 0) + 1, number + 1)}
        return None if seen == number or (since and since <= self.relocated) else Stale

    def _sees(self, sent: Sent) -> bool:
        """May the sender see the incident as it was when the command was decided, that is: as we know it now?"""
        if not isinstance(sent.content, SentAct):
            return True
        known = self._incident(sent.content.incident, self.numbers[sent.content.incident])
        scope = scope_of(sent.by.id, sent.by.assignments, self.clock.now)
        return scope.sees(known.place.path, known.lead, known.reported_by)

    def _require_told(self, sent: Sent, stale: Stale) -> None:
        assert isinstance(sent.content, SentAct | DrawnAnew)
        number, seen = self.numbers[sent.content.incident], sent.content.seen or 0
        assert stale.about["number"] == number
        assert [told["number"] for told in stale.about["meanwhile"]] == list(
            range(max(seen, 0) + 1, number + 1)
        )

    def _require_receipt(self, sent: Sent, receipt: Receipt) -> None:
        begun = isinstance(sent.content, SentAct | DrawnAnew)
        incident = sent.content.incident if isinstance(sent.content, SentAct | DrawnAnew) else sent.id
        number = self.numbers[incident] + 1 if begun else 1
        expected = Receipt(sent.id, incident, receipt.case_number, number, self.position + 1)
        assert receipt == expected
        self.position += 1
        self.receipts[sent.id], self.sent[sent.id] = receipt, sent
        self.numbers[incident] = number
        if isinstance(sent.content, DrawnAnew):
            self.relocated.add((incident, number))
        if number == 1:
            day = self._day(sent, receipt)
            self.serials[day] = self.serials.get(day, 0) + 1
            assert receipt.case_number == f"D-{day}-{self.serials[day]:05d}"

    def _day(self, sent: Sent, receipt: Receipt) -> str:
        """The local day whose next case number this report or imported row has to get."""
        if isinstance(sent.content, ImportedRow):
            moment = sent.content.reported_at
        else:
            moment = self._rows()[receipt.position - 1]["recorded_at"]
            moment = datetime.fromtimestamp(moment / 1e6, ZoneInfo("Asia/Shanghai"))
        return moment.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y%m%d")

    # What must hold of the store after every step.

    @invariant()
    def positions_have_no_holes_time_never_goes_back_and_the_chain_holds(self) -> None:
        rows = self._rows()
        assert [row["position"] for row in rows] == list(range(1, self.position + 1))
        times = [row["recorded_at"] for row in rows]
        assert times == sorted(times)
        assert all(row["happened_at"] <= row["recorded_at"] for row in rows)
        previous = b"\0" * 32
        for row in rows:
            assert row["previous"] == previous
            previous = ledger.entry_hash(row)

    @invariant()
    def what_was_told_is_what_the_ledger_says(self) -> None:
        with self.town.reader.connect() as connection:
            assert [*self.told, *self.town.committed] == ledger.since(connection, 0, 1_000_000)

    @invariant()
    def an_incident_is_what_its_entries_add_up_to(self) -> None:
        table = IncidentRow.__table__  # type: ignore[attr-defined]
        with self.town.reader.connect() as connection:
            stored = [dict(row) for row in connection.execute(table.select()).mappings()]
            histories = ledger.history(connection, [row["id"] for row in stored])
        assert {row["id"]: row["number"] for row in stored} == self.numbers
        for row in stored:
            folded = projections.incident_row(
                "main", fold(histories[row["id"]]), row["first"], row["position"], row["address"]
            )
            assert folded == row

    def teardown(self) -> None:
        """At the end the feed can begin anywhere, and deriving everything again gives what is stored."""
        try:
            told = [*self.told, *self.town.committed]
            with self.town.reader.connect() as connection:
                found = [str(difference) for difference in differences(connection)]
                assert not found, found
                for position in range(0, self.position, 7):
                    assert ledger.since(connection, position, 5) == told[position : position + 5]
        finally:
            self.town.close_down()
            shutil.rmtree(self.folder)

    def _rows(self) -> list[dict[str, Any]]:
        with self.town.reader.connect() as connection:
            return [dict(row) for row in ledger.every_entry(connection)]

    def _incident(self, id_: str, upto: int | None = None) -> Incident:
        with self.town.reader.connect() as connection:
            return fold(ledger.history(connection, [id_])[id_][:upto])

    def _contents(self) -> dict[str, list[str]]:
        """Every row of every table, the search index's own included."""
        with self.town.reader.connect() as connection:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            return {
                name: sorted(repr(row) for row in connection.execute(text(f'SELECT * FROM "{name}"')))
                for name in names
            }


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
