"""One transaction's worth of commands: decided one after another, written with one statement a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from dispatch.bodies import kind_of, to_body
from dispatch.ending_facts import Followed
from dispatch.entries import Entry, Escalated, Fact, Noticed, Relocated, to_micros
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import Act
from dispatch.task_facts import Tasked, TaskExpired
from gridgov.in_force import InForce
from gridgov.storage import ledger, projections, sight, words
from gridgov.storage.bulk import Bulk
from gridgov.storage.desk import Desk, Duty, NobodyOnDuty
from gridgov.storage.errors import IdReused, Stale, UnknownIncident
from gridgov.storage.ledger import Committed, Head
from gridgov.storage.offline import Offline
from gridgov.storage.tables import CommandRow, SerialRow
from gridgov.storage.words import Words

_command = CommandRow.__table__  # type: ignore[attr-defined]
_RECEIPTS = Bulk(_command.insert(), _command.columns.keys())
_serial = SerialRow.__table__  # type: ignore[attr-defined]
_INSERT = insert(_serial)
_LAST = select(_serial.c.last).where(_serial.c.stream == bindparam("of"), _serial.c.day == bindparam("on"))
#: Put together once: doing it for every batch took 2 ms each, as much as ten reports.
_SERIALS = Bulk(
    _INSERT.on_conflict_do_update(index_elements=["stream", "day"], set_={"last": _INSERT.excluded.last}),
    _serial.columns.keys(),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command comes to: the facts to append, and words that stay beside the ledger.

    ``by_itself`` are facts that follow from those without a human hand: by whom (``auto:<rule>``), and what.
    ``elsewhere`` are facts on other incidents, by their ids, that the command named as ``others``.
    """

    facts: tuple[Fact, ...]
    words: Words | None = None
    address: str | None = None
    by_itself: tuple[tuple[str, Fact], ...] = ()
    elsewhere: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person does with an incident.

    ``id`` is the client's, ``digest`` stands for the content: the same pair again gets the first receipt.
    ``seen`` is the number of the entry the caller last saw; None for a command that begins an incident.
    ``happened_at`` None means now. ``words`` are not in the digest: they are compared where they are kept.
    ``sees`` asks whether its author may know of the incident at all, before
    an answer tells anything of it. ``strict``: what its author saw has to be the last entry, also where the
    later ones change nothing for other acts. ``others`` are the ids of incidents that it is about too.
    ``offline`` is the act where it was made without network: it is decided again on the present state.
    """

    id: str
    digest: bytes
    incident: str
    by: str
    seen: int | None
    happened_at: datetime | None
    decide: Callable[[Incident | None, Desk], Decision]
    sees: Callable[[Incident, datetime], bool] | None = None
    words: Words | None = None
    strict: bool = False
    others: tuple[str, ...] = ()
    offline: Act | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command led to. ``repeated``: it had been done before, nothing was added now.

    ``after`` and ``fact`` are the incident right after it and the last fact added; None on a repetition.
    """

    id: str
    incident: str
    case_number: str
    number: int
    position: int
    repeated: bool = False
    after: Incident | None = field(default=None, compare=False, repr=False)
    fact: Fact | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class _Loaded:
    incident: Incident | None
    entries: list[Entry]
    first: int
    address: str | None
    new: bool
    before: Incident | None = None
    touched: bool = False


@dataclass(slots=True)
class _Line:
    """The end of the ledger while entries are being added: what is taken over once nothing was refused."""

    position: int
    previous: bytes
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """Commands of one transaction. Nothing is written before :meth:`write`."""

    connection: Connection
    head: Head
    in_force: InForce
    now: datetime
    duty: Duty = field(default_factory=NobodyOnDuty)
    committed: list[Committed] = field(default_factory=list)
    _loaded: dict[str, _Loaded] = field(default_factory=dict)
    _receipts: dict[str, tuple[bytes, Receipt]] = field(default_factory=dict)
    _new_receipts: list[dict[str, Any]] = field(default_factory=list)
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _words: list[dict[str, Any]] = field(default_factory=list)
    _sent_words: dict[str, Words] = field(default_factory=dict)
    _serials: dict[str, int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _position: int = 0
    _previous: bytes = b""

    def __post_init__(self) -> None:
        self.now = ledger.after(self.now, self.head)
        self._position, self._previous = self.head.position, self.head.previous

    def prepare(self, commands: Sequence[Command]) -> None:
        """Read what the commands are about: earlier receipts and the incidents they touch."""
        for row in self._select(_command, _command.c.id, [c.id for c in commands]):
            receipt = Receipt(
                row["id"], row["incident"], row["case_number"], row["number"], row["position"], True
            )
            self._receipts[row["id"]] = (row["digest"], receipt)
        ids = sorted(
            {c.incident for c in commands if c.seen is not None}.union(*(c.others for c in commands))
        )
        facts = ledger.incident_facts(self.connection, ids, self.head.stream)
        for incident, entries in ledger.history(self.connection, ids, self.head.stream).items():
            first, address = facts[incident]
            there = fold(entries)
            self._loaded[incident] = _Loaded(there, entries, first, address, new=False, before=there)

    def decide(self, command: Command) -> Receipt:
        """Decide one command on the present state; raises what refuses it and then has changed nothing."""
        known = self._receipts.get(command.id)
        if known is not None:
            if known[0] != command.digest or not self._same_words(command, known[1]):
                raise IdReused(f"the id {command.id} was used before for something else", id=command.id)
            return known[1]
        loaded = self._loaded.get(command.incident)
        again = self._offline(command, loaded)
        if again is not None:
            return self._add(command, loaded, again.again(_told))
        self._require(command, loaded)
        desk = self._desk(command, self.now)
        decision = command.decide(None if loaded is None else loaded.incident, desk)
        if desk.taken is not None:
            self._serials[desk.taken[0]] = desk.taken[1]
            self._taken.add(desk.taken[0])
        return self._add(command, loaded, decision)

    def _desk(self, command: Command, moment: datetime) -> Desk:
        return Desk(moment, self.in_force, self._last_serial, self.duty, self._others(command))

    def _offline(self, command: Command, loaded: _Loaded | None) -> Offline[Decision] | None:
        """An act made without network on entries that there are; None where it is none."""
        there, sees = None if loaded is None else loaded.incident, command.sees
        if command.offline is None or command.seen is None or loaded is None or there is None:
            return None
        if not 1 <= command.seen <= there.number:
            return None
        return Offline(
            command.offline,
            command.seen,
            command.happened_at,
            loaded.entries,
            there,
            self.now,
            lambda incident, moment: command.decide(incident, self._desk(command, moment)),
            lambda incident: sees is None or sees(incident, self.now),
        )

    def _others(self, command: Command) -> dict[str, Incident]:
        """The other incidents that a command named, as far as they exist."""
        found = {id_: self._loaded.get(id_) for id_ in command.others}
        return {
            id_: loaded.incident
            for id_, loaded in found.items()
            if loaded is not None and loaded.incident is not None
        }

    def _same_words(self, command: Command, receipt: Receipt) -> bool:
        sent = self._sent_words.get(command.id)
        if sent is not None:
            return command.words is None or sent.says_same(command.words)
        stream, incident = self.head.stream, receipt.incident
        return words.same_again(self.connection, stream, command.id, incident, command.words)

    def _require(self, command: Command, loaded: _Loaded | None) -> None:
        if command.seen is None:
            if loaded is not None:
                raise IdReused(f"incident {command.incident} exists already", id=command.incident)
            return
        if loaded is None or loaded.incident is None:
            raise UnknownIncident(incident=command.incident)
        if command.sees is not None and not command.sees(loaded.incident, self.now):
            raise UnknownIncident(incident=command.incident)
        same = not command.strict and _same_still(loaded.entries, command.seen)
        if loaded.incident.number != command.seen and not same:
            raise Stale(
                command.incident,
                command.seen,
                loaded.incident.number,
                _told(loaded.entries[max(command.seen, 0) :]),
            )

    def _add(self, command: Command, loaded: _Loaded | None, decision: Decision) -> Receipt:
        if loaded is None:
            loaded = _Loaded(None, [], self._position + 1, None, new=True)
        happened = self.now if command.happened_at is None else min(command.happened_at, self.now)
        if decision.address is not None:
            loaded.address = decision.address
        done = [(happened, command.by, fact) for fact in decision.facts]
        done += [(self.now, by, fact) for by, fact in decision.by_itself]
        # Nothing of the batch is changed before all that can be refused has been.
        line = _Line(self._position, self._previous)
        told = self._append(line, command, loaded, command.incident, done)
        position = line.position
        for other, fact in decision.elsewhere:
            told += self._append(line, command, self._loaded[other], other, [(happened, command.by, fact)])
        if decision.words is not None:
            self._sent_words[command.id] = decision.words
            number = told[0].entry.number
            self._words.append(
                decision.words.row(self.head.stream, command.incident, number, told[0].position)
            )
        for one in told:
            there = loaded if one.entry.incident == command.incident else self._loaded[one.entry.incident]
            there.incident, there.touched = one.after, True
            there.entries.append(one.entry)
        self._loaded[command.incident] = loaded
        self._entries += line.rows
        self.committed += told
        self._position, self._previous = line.position, line.previous
        assert loaded.incident is not None
        return self._receipt(command, loaded.incident, done[-1][2], position)

    def _append(
        self,
        line: _Line,
        command: Command,
        loaded: _Loaded,
        incident: str,
        done: Sequence[tuple[datetime, str, Fact]],
    ) -> list[Committed]:
        """The entries of one incident that a command comes to, at the end of the line; ``done`` are (when,
        by whom, what).
        """
        stream, there, told = self.head.stream, loaded.incident, []
        for when, by, fact in done:
            number = 1 if there is None else there.number + 1
            entry = Entry(incident, number, when, self.now, by, fact)
            before, there = there, extend(there, (entry,))
            line.position += 1
            row = ledger.entry_row(stream, line.position, entry, command.id, line.previous)
            line.previous = ledger.entry_hash(row)
            line.rows.append(row)
            told.append(Committed(stream, line.position, entry, before, there, loaded.first, loaded.address))
        return told

    def _receipt(self, command: Command, incident: Incident, fact: Fact, position: int) -> Receipt:
        receipt = Receipt(
            command.id,
            incident.id,
            incident.case_number,
            incident.number,
            position,
            after=incident,
            fact=fact,
        )
        self._new_receipts.append(
            {
                "stream": self.head.stream,
                "id": command.id,
                "digest": command.digest,
                "incident": incident.id,
                "number": incident.number,
                "position": position,
                "case_number": incident.case_number,
            }
        )
        again = Receipt(
            command.id, incident.id, incident.case_number, incident.number, position, repeated=True
        )
        self._receipts[command.id] = (command.digest, again)
        return receipt

    def write(self) -> None:
        """Append what was decided, bring the projections along, and move the head; one statement a table."""
        if not self._entries:
            return
        stream = self.head.stream
        ledger.append(self.connection, self._entries)
        touched = [(id_, item) for id_, item in self._loaded.items() if item.touched]
        last = {told.entry.incident: told.position for told in self.committed}
        rows: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for id_, item in touched:
            assert item.incident is not None
            rows[item.new].append(
                projections.incident_row(stream, item.incident, item.first, last[id_], item.address)
            )
        projections.store(self.connection, rows[True], rows[False])
        sight.write(
            self.connection,
            stream,
            [(item.first, item.before, item.incident) for _, item in touched if item.incident is not None],
        )
        if self._words:
            words.store(self.connection, self.head.ordinal, self._words)
        _RECEIPTS.execute(self.connection, self._new_receipts)
        self._write_serials()
        ledger.move_head(self.connection, self.head, self._position, to_micros(self.now), self._previous)

    def _write_serials(self) -> None:
        rows = [
            {"stream": self.head.stream, "day": day, "last": self._serials[day]}
            for day in sorted(self._taken)
        ]
        _SERIALS.execute(self.connection, rows)

    def _last_serial(self, day: str) -> int:
        if day not in self._serials:
            of = {"of": self.head.stream, "on": day}
            self._serials[day] = self.connection.execute(_LAST, of).scalar() or 0
        return self._serials[day]

    def _select(self, table: Any, column: Any, ids: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        query = select(table).where(table.c.stream == self.head.stream, column.in_(ids))
        return [dict(row) for row in self.connection.execute(query).mappings()]


def _same_still(entries: Sequence[Entry], seen: int) -> bool:
    """Has nothing happened since but that boundaries were drawn anew in which it lies in the same grid, that
    its clock was noticed, somebody asked about it, was sent to look, or another came to follow it?

    Else everybody's next act would be refused after each change of the boundaries, and after each warning.
    """
    since = [entry.fact for entry in entries[max(seen, 0) :]]
    return bool(since) and all(_changes_nothing(fact) for fact in since)


def _changes_nothing(fact: Fact) -> bool:
    """Whoever acts has seen all that matters, whether they know of this or not."""
    return isinstance(fact, _ASIDE) or (isinstance(fact, Relocated) and not fact.moved)


#: What happens beside an act and changes nothing of what it is about.
_ASIDE: Final = (Noticed, Escalated, Tasked, TaskExpired, Followed)


def _told(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Entries as somebody is told who missed them: without words of citizens, which entries never hold."""
    return [
        {
            "number": e.number,
            "kind": kind_of(e.fact),
            "by": e.by,
            "recorded_at": e.recorded_at.isoformat(),
            "body": to_body(e.fact),
        }
        for e in entries
    ]
