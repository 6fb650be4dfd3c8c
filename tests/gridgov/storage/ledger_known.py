"""What is known of a ledger that its machine sends things to: what each answer had to be, and what must hold."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)
from sqlalchemy import text

from dispatch.ending_facts import Followed
from dispatch.entries import Escalated, Noticed, Relocated
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Act
from dispatch.task_facts import Tasked, TaskExpired
from gridgov.commands import ImportedRow, SentAct, SentReport
from gridgov.errors import BadInput
from gridgov.scope import Scope, scope_of, seen_of
from gridgov.storage import ledger, projections
from gridgov.storage.batch import Receipt
from gridgov.storage.errors import IdReused, Stale, UnknownIncident
from gridgov.storage.incidents import Wanted, page
from gridgov.storage.rebuild import differences
from gridgov.storage.tables import IncidentRow
from tests.gridgov.acts_by_chance import SomeOnDuty
from tests.gridgov.storage.conftest import Town
from tests.gridgov.storage.ledger_cast import (
    NOT_REFUSALS,
    PEOPLE,
    WORDED,
    DrawnAnew,
    Jumping,
    RanOut,
    Sent,
)

#: After these, what somebody saw before them is still good, unless they answer an escalation.
HARMLESS = (Relocated, Noticed, Escalated, Tasked, TaskExpired, Followed)
#: How many entries a command may add to its incident; a notice, or handing on, two: that, and who is asked,
#: or sent.
_MAY_ADD = {SentReport: (1, 3), ImportedRow: (1,), DrawnAnew: (1,)}


def _words_belong(act: SentAct) -> bool:
    """Does it come with words if it needs them, and without if it has none?"""
    said = bool((act.words or "").strip())
    return said if act.act in WORDED[:2] else not said or act.act in WORDED


class KnownLedger(RuleBasedStateMachine):
    """A town, what was sent to it and what came of it; each answer is held against what it had to be."""

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
        self.harmless: set[tuple[str, int]] = set()
        self.position = 0

    def _open(self) -> Town:
        return Town(f"sqlite:///{self.folder / 'town.db'}", self.clock, duty=SomeOnDuty)

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
            refused = expected or (DispatchError if self._has_leader(sent) else Exception)
            assert isinstance(outcome, refused), f"{outcome!r} of {sent}"
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
        if act is not None and not _words_belong(act):
            return BadInput
        if sent.id in self.receipts:
            return Receipt if self.sent[sent.id] == sent else IdReused
        if not isinstance(sent.content, SentAct | DrawnAnew | RanOut):
            return None
        if sent.content.incident not in self.numbers or not self._sees(sent):
            return UnknownIncident
        seen, number = sent.content.seen or 0, self.numbers[sent.content.incident]
        # These boundaries are drawn where the old ones were, and a notice changes nothing: what was seen
        # before them is still good.
        since = {(sent.content.incident, later) for later in range(max(seen, 0) + 1, number + 1)}
        answers = act is not None and act.act in (Act.ACKNOWLEDGE, Act.PASS_ON)
        same = since and since <= self.harmless and not answers
        return None if seen == number or same else Stale

    def _sees(self, sent: Sent) -> bool:
        """May the sender see the incident as it was when the command was decided, that is: as we know it now?"""
        if not isinstance(sent.content, SentAct):
            return True
        known = self._incident(sent.content.incident, self.numbers[sent.content.incident])
        if sent.content.act is Act.TAKE_BACK and known.last_by == sent.by.id:
            # Who gave it away with what they did last can still take that back.
            known = known.before or known
        return self._scope(sent.by).sees(seen_of(known))

    def _scope(self, by: Any) -> Scope:
        return scope_of(by.id, by.assignments, self.clock.now)

    def _has_leader(self, sent: Sent) -> bool:
        """Does its sender know of the incident that another is to be joined to?"""
        content = sent.content
        if not isinstance(content, SentAct) or content.act is not Act.JOIN:
            return True
        if content.leader is None or content.leader not in self.numbers:
            return False
        leader = self._incident(content.leader, self.numbers[content.leader])
        return self._scope(sent.by).sees(seen_of(leader))

    def _require_told(self, sent: Sent, stale: Stale) -> None:
        assert isinstance(sent.content, SentAct | DrawnAnew | RanOut)
        number, seen = self.numbers[sent.content.incident], sent.content.seen or 0
        assert stale.about["number"] == number
        assert [told["number"] for told in stale.about["meanwhile"]] == list(
            range(max(seen, 0) + 1, number + 1)
        )

    def _require_receipt(self, sent: Sent, receipt: Receipt) -> None:
        begun = isinstance(sent.content, SentAct | DrawnAnew | RanOut)
        incident = (
            sent.content.incident if isinstance(sent.content, SentAct | DrawnAnew | RanOut) else sent.id
        )
        last = self.numbers[incident] if begun else 0
        added = receipt.number - last
        assert added in _MAY_ADD.get(type(sent.content), (1, 2))
        expected = Receipt(sent.id, incident, receipt.case_number, receipt.number, self.position + added)
        assert receipt == expected
        self.position += added
        self.receipts[sent.id], self.sent[sent.id] = receipt, sent
        self.numbers[incident] = receipt.number
        self._learn_harmless(incident, last)
        if isinstance(sent.content, SentAct) and sent.content.act is Act.JOIN:
            # Its leader is told of it in the same breath.
            assert sent.content.leader is not None
            self.position += 1
            self.numbers[sent.content.leader] += 1
            self.harmless.add((sent.content.leader, self.numbers[sent.content.leader]))
        if last == 0:
            day = self._day(sent, receipt)
            self.serials[day] = self.serials.get(day, 0) + 1
            assert receipt.case_number == f"D-{day}-{self.serials[day]:05d}"

    def _learn_harmless(self, incident: str, last: int) -> None:
        with self.town.reader.connect() as connection:
            entries = ledger.history(connection, [incident])[incident][last:]
        self.harmless |= {(incident, entry.number) for entry in entries if isinstance(entry.fact, HARMLESS)}

    def _day(self, sent: Sent, receipt: Receipt) -> str:
        """The local day whose next case number this report or imported row has to get."""
        if isinstance(sent.content, ImportedRow):
            moment = sent.content.reported_at
        else:
            moment = self._rows()[receipt.position - receipt.number]["recorded_at"]
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
        """At the end the feed can begin anywhere, deriving everything again gives what is stored, and
        everybody's list holds what they see.
        """
        try:
            told = [*self.told, *self.town.committed]
            with self.town.reader.connect() as connection:
                found = [str(difference) for difference in differences(connection)]
                assert not found, found
                for by in PEOPLE:
                    scope = self._scope(by)
                    listed = {row["id"] for row in page(connection, scope, Wanted(), limit=10_000)}
                    assert listed == {id_ for id_ in self.numbers if scope.sees(seen_of(self._incident(id_)))}
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
