"""What people do with incidents, in the order they do it: each verb brings the facts together and hands the
decision to `dispatch`.

A command is decided later, on the writer's thread, on the incident as it then is: who somebody is to an
incident, what is in force and what the incident's number is are all looked at there.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import orjson
import structlog

from dispatch import automation, decisions, noticing
from dispatch.actors import Actor
from dispatch.decisions import Draft
from dispatch.entries import SYSTEM, Entry, Fact, Imported, Reported
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Act
from dispatch.routing import Units
from geodata.datum import Datum
from gridgov.clock import new_salt
from gridgov.errors import BadInput, MissingNumber
from gridgov.scope import Assignment, roles_anywhere, roles_on, scope_of
from gridgov.siting import SentPosition, locate, specialised, units
from gridgov.storage.batch import Command, Decision, Desk
from gridgov.storage.words import Words

#: Names under which ids of imported incidents are made from their source's number: the same row, the same id.
IMPORTED: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gridgov:imported")
#: Names under which ids of relocations are made: the same incident for the same edition, the same id.
RELOCATED: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gridgov:relocated")
#: Names under which ids of notices are made: the same incident, as it stood, at the same moment, the same id.
NOTICED: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:gridgov:noticed")


log = structlog.get_logger(__name__)


class Somebody(Protocol):
    """Whoever acts: their id in the ledger and their assignments."""

    @property
    def id(self) -> str: ...
    @property
    def assignments(self) -> tuple[Assignment, ...]: ...


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report as it came in. ``id`` is the client's and becomes the incident's; ``channel`` how it came."""

    id: str
    category: str
    channel: str
    happened_at: datetime | None = None
    position: SentPosition | None = None
    address: str | None = None
    words: str | None = None
    reporter_name: str | None = None
    reporter_phone: str | None = None
    urgency: str | None = None
    photos: tuple[str, ...] = ()
    standard: str | None = None


@dataclass(frozen=True, slots=True)
class SentAct:
    """An act on an incident as it came in; which of the fields count is the act's business.

    ``id`` is the client's; ``seen`` is the number of the entry its author last saw, None raises
    MissingNumber.
    """

    id: str
    incident: str
    act: Act
    seen: int | None
    happened_at: datetime | None = None
    reason: str = ""
    department: str | None = None
    category: str | None = None
    urgency: str | None = None
    passed: bool | None = None
    photos: tuple[str, ...] = ()
    position: SentPosition | None = None
    words: str | None = None
    standard: str | None = None
    co_handlers: tuple[str, ...] | None = None
    found: bool | None = None


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One row of another system's history; ``number`` is that system's. Positions in ``datum`` degrees,
    None for the city's.
    """

    source: str
    number: str
    channel: str
    category: str
    department: str
    status: str
    closed: bool
    reported_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    words: str | None = None
    address: str | None = None
    marks: tuple[str, ...] = ()


def report(by: Somebody, sent: SentReport) -> Command:
    """Take a report in (上报): located, routed and given its case number when it is decided, and filed and
    dispatched in the same breath where the rules say so.

    Outside every grid or without a position it goes to the unlocated tray; nothing well-formed is refused.
    """
    words = Words(new_salt(), sent.words, sent.address, sent.reporter_name, sent.reporter_phone)

    def decide(_: Incident | None, desk: Desk) -> Decision:
        where = locate(desk.in_force, sent.position)
        draft = Draft(
            channel=sent.channel,
            category=sent.category,
            urgency=sent.urgency,
            place=where,
            units=units(desk.in_force.atlas, where.path),
            words=words.reference(),
            photos=sent.photos,
            happened_at=sent.happened_at or desk.now,
            specialised=specialised(desk.in_force, where, sent.category),
            standard=sent.standard,
        )
        actor = Actor(by.id, roles_anywhere(by.assignments, desk.now))
        fact = decisions.report(desk.in_force.rules, draft, actor, desk.case_number(), desk.now)
        return Decision((fact,), words, sent.address, _by_itself(sent.id, by.id, fact, draft, desk))

    digest = _digest(
        by.id, replace(sent, words=None, address=None, reporter_name=None, reporter_phone=None), True
    )
    return Command(sent.id, digest, sent.id, by.id, None, sent.happened_at, decide, words=words)


def _by_itself(
    incident: str, by: str, fact: Reported, draft: Draft, desk: Desk
) -> tuple[tuple[str, Fact], ...]:
    """What the rules do with a report without a human hand: by whom, and what. No fault of theirs costs the
    report: it is logged, and a person takes it up.
    """
    rules = desk.in_force.rules
    if not rules.automatic:
        return ()
    reported = extend(None, (Entry(incident, 1, desk.now, desk.now, by, fact),))
    try:
        return automation.by_itself(rules, reported, draft.units, desk.now)
    except Exception:
        log.exception("a rule could not do with a report what it should", incident=incident)
        return ()


def act(by: Somebody, sent: SentAct) -> Command:
    """Do something with an incident: file, dispatch, handle, check, close and so on, as `dispatch` decides.

    Raises MissingNumber at once, and BadInput for words that are not a note's: a note alone refers to words,
    and words that no entry refers to could not be proven later. Everything else is found out when it is
    decided, there too that the incident lies outside what its author may see (UnknownIncident, so that nobody
    learns that it exists).
    """
    if sent.seen is None:
        raise MissingNumber(incident=sent.incident)
    if bool(sent.words) != (sent.act is Act.NOTE):
        raise BadInput("words come with a note, and a note with words", incident=sent.incident, act=sent.act)
    verb = _VERBS[sent.act]
    words = Words(new_salt(), sent.words) if sent.words else None

    def decide(incident: Incident | None, desk: Desk) -> Decision:
        assert incident is not None
        roles = roles_on(by.assignments, _asked_at(sent.act, incident, desk), incident.lead, desk.now)
        done = verb(sent, incident, Actor(by.id, roles), desk, words)
        return Decision(done if isinstance(done, tuple) else (done,), words)

    def sees(incident: Incident, now: datetime) -> bool:
        scope = scope_of(by.id, by.assignments, now)
        return scope.sees(incident.place.path, incident.lead, incident.reported_by)

    digest = _digest(by.id, sent if words is None else replace(sent, words=None), words is not None)
    happened, strict = sent.happened_at, sent.act in _ANSWERS
    return Command(sent.id, digest, sent.incident, by.id, sent.seen, happened, decide, sees, words, strict)


def _asked_at(act: Act, incident: Incident, desk: Desk) -> tuple[str, ...]:
    """The grid for which somebody's roles count: that of the incident, or the wider one of the level that an
    escalation asks.
    """
    path, asked = incident.place.path, incident.escalated
    if act not in _ANSWERS or asked is None:
        return path
    keys = [level.key for level in desk.in_force.atlas.hierarchy.levels]
    return path[: keys.index(asked.level) + 1] if asked.level in keys else path[:1]


def notice(incident: str, seen: int, look_at: datetime) -> Command:
    """Say what is to be said of an incident's clock (时限提醒), by nobody: its warning, its end, or that an
    escalation was not answered.

    ``seen`` is the number of its last entry, ``look_at`` its ``next_look``. Two sweepers that see the same
    give it the same id, so that it is said once; the decision raises NotRunning where it was said already, or
    there is nothing to say any more.
    """

    def decide(found: Incident | None, desk: Desk) -> Decision:
        assert found is not None
        keys = [level.key for level in desk.in_force.atlas.hierarchy.levels][: len(found.place.path)]
        return Decision(noticing.notice(desk.in_force.rules, found, keys, desk.now))

    id_ = str(uuid.uuid5(NOTICED, f"{incident}\n{seen}\n{look_at.isoformat()}"))
    digest = hashlib.sha256(id_.encode()).digest()
    return Command(id_, digest, incident, SYSTEM, seen, None, decide)


def import_row(by: str, row: ImportedRow) -> Command:
    """Bring in one incident of another system's history, as what its source states and nothing more.

    Its ids are made from source and number, so that importing it twice changes nothing.
    """
    id_ = str(uuid.uuid5(IMPORTED, f"{row.source}\n{row.number}"))
    has_words = row.words is not None or row.address is not None
    words = Words(new_salt(), row.words, row.address) if has_words else None
    sent = None if row.lon is None or row.lat is None else SentPosition(row.lon, row.lat, row.datum)

    def decide(_: Incident | None, desk: Desk) -> Decision:
        where = locate(desk.in_force, sent)
        day = row.reported_at.astimezone(ZoneInfo(desk.in_force.city.zone)).date()
        fact = Imported(
            case_number=desk.case_number(day),
            source=row.source,
            source_number=row.number,
            channel=row.channel,
            category=row.category,
            department=row.department,
            place=where,
            status=row.status,
            closed=row.closed,
            reported_at=row.reported_at,
            closed_at=row.closed_at,
            due_at=row.due_at,
            words=None if words is None else words.reference(),
            marks=row.marks,
            specialised=specialised(desk.in_force, where, row.category),
        )
        return Decision((fact,), words, row.address)

    # A row without a point stated WGS-84 in the first version: it stays the same row when it comes again.
    datum = Datum.wgs84 if sent is None and row.datum is None else row.datum
    digest = _digest(row.source, replace(row, words=None, address=None, datum=datum), has_words)
    return Command(id_, digest, id_, by, None, None, decide, words=words)


def relocate(incident: str, seen: int, edition: int) -> Command:
    """Locate the kept point of an open incident again (重新定位), in the edition in force when it is decided.

    ``edition`` is the one that makes it necessary; ``seen`` the number of the incident's last entry.
    """

    def decide(found: Incident | None, desk: Desk) -> Decision:
        assert found is not None
        place, sent = found.place, None
        if place.raw_lon is not None and place.raw_lat is not None and place.datum is not None:
            sent = SentPosition(place.raw_lon, place.raw_lat, Datum(place.datum), place.accuracy_m)
        where = locate(desk.in_force, sent)
        there = units(desk.in_force.atlas, where.path)
        matter = specialised(desk.in_force, where, found.category)
        return Decision((decisions.relocate(desk.in_force.rules, found, where, there, desk.now, matter),))

    id_ = str(uuid.uuid5(RELOCATED, f"{incident}\n{seen}\n{edition}"))
    digest = hashlib.sha256(id_.encode()).digest()
    return Command(id_, digest, incident, SYSTEM, seen, None, decide)


Verb = Callable[[SentAct, Incident, Actor, Desk, Words | None], Fact | tuple[Fact, ...]]


def _units(incident: Incident, desk: Desk) -> Units:
    return units(desk.in_force.atlas, incident.place.path)


def _place(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    where = locate(desk.in_force, sent.position)
    there, matter = (
        units(desk.in_force.atlas, where.path),
        specialised(desk.in_force, where, incident.category),
    )
    return decisions.place(desk.in_force.rules, incident, by, where, there, desk.now, matter)


def _file(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    matter = None if sent.category is None else specialised(desk.in_force, incident.place, sent.category)
    return decisions.file(
        desk.in_force.rules,
        incident,
        by,
        _units(incident, desk),
        desk.now,
        sent.category,
        sent.urgency,
        matter,
        sent.standard,
    )


def _ask(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.ask(desk.in_force.rules, incident, by, desk.now, sent.reason)


def _verify(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    found = bool(sent.found)
    return decisions.verify(desk.in_force.rules, incident, by, found, desk.now, sent.reason, sent.photos)


def _dispatch(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    rules = desk.in_force.rules
    return decisions.dispatch(rules, incident, by, desk.now, sent.department, sent.co_handlers)


def _undo(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.undo(desk.in_force.rules, incident, by, sent.reason, desk.now)


def _return(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.return_(desk.in_force.rules, incident, by, sent.reason, desk.now)


def _handle(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.handle(desk.in_force.rules, incident, by, sent.reason, desk.now, sent.photos)


def _check(sent: SentAct, incident: Incident, by: Actor, _: Desk, __: Words | None) -> Fact:
    return decisions.check(incident, by, bool(sent.passed), sent.reason, sent.photos)


def _adopt(_sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.adopt(desk.in_force.rules, incident, by, _units(incident, desk), desk.now)


def _reopen(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> Fact:
    return decisions.reopen(desk.in_force.rules, incident, by, sent.reason, desk.now)


def _pass_on(sent: SentAct, incident: Incident, by: Actor, desk: Desk, _: Words | None) -> tuple[Fact, ...]:
    return noticing.pass_on(desk.in_force.rules, incident, by, sent.reason, desk.now)


def _note(_sent: SentAct, incident: Incident, by: Actor, _: Desk, words: Words | None) -> Fact:
    return decisions.note(incident, by, "" if words is None else words.reference())


_ANSWERS: Final = frozenset({Act.ACKNOWLEDGE, Act.PASS_ON})
_VERBS: Final[dict[Act, Verb]] = {
    Act.PLACE: _place,
    Act.FILE: _file,
    Act.ASK: _ask,
    Act.VERIFY: _verify,
    Act.REJECT: lambda sent, incident, by, *_: decisions.reject(incident, by, sent.reason),
    Act.DISPATCH: _dispatch,
    Act.UNDO: _undo,
    Act.RETURN: _return,
    Act.HANDLE: _handle,
    Act.CHECK: _check,
    Act.CLOSE: lambda _sent, incident, by, *_: decisions.close(incident, by),
    Act.REOPEN: _reopen,
    Act.CANCEL: lambda sent, incident, by, *_: decisions.cancel(incident, by, sent.reason),
    Act.ADOPT: _adopt,
    Act.ACKNOWLEDGE: lambda sent, incident, by, *_: noticing.acknowledge(incident, by, sent.reason),
    Act.PASS_ON: _pass_on,
    Act.NOTE: _note,
    Act.ATTACH: lambda sent, incident, by, *_: decisions.attach(incident, by, sent.photos),
}


def _digest(who: str, sent: SentReport | SentAct | ImportedRow, has_words: bool) -> bytes:
    """What stands for the content of a command but its words, which are compared where they are kept: a hash
    of them beside the ledger would outlive their erasure, and who has it could try names and numbers on it.
    """
    content = {name: getattr(sent, name) for name in (field.name for field in fields(sent))}
    # What came into use later is left out where it is not used: what was sent before is still the same.
    content = {name: value for name, value in content.items() if value is not None or name not in _LATER}
    return hashlib.sha256(orjson.dumps([who, content, has_words])).digest()


_LATER: Final = frozenset({"standard", "co_handlers", "found"})
