"""What people do with incidents, in the order they do it: each verb brings the facts together and hands the
decision to `dispatch`.

A command is decided later, on the writer's thread, on the incident as it then is: who somebody is to an
incident, what is in force and what the incident's number is are all looked at there.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import fields, replace
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import orjson
import structlog

from dispatch import automation, decisions, ending_decisions, noticing
from dispatch.actors import Actor
from dispatch.decisions import Draft
from dispatch.ending_facts import SelfHandled
from dispatch.entries import SYSTEM, Entry, Fact, Imported, Reported
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Act
from dispatch.noticing import Around
from geodata.datum import Datum
from gridgov import verbs
from gridgov.clock import new_salt
from gridgov.errors import BadInput, MissingNumber
from gridgov.scope import Assignment, actor_on, roles_anywhere, scope_of, seen_of
from gridgov.sent import ImportedRow, SentAct, SentReport, SentSelfHandled
from gridgov.siting import SentPosition, locate, specialised, units
from gridgov.storage.batch import Command, Decision
from gridgov.storage.desk import Desk
from gridgov.storage.words import Words
from gridgov.verbs import Case

__all__ = [
    "IMPORTED",
    "NOTICED",
    "RELOCATED",
    "ImportedRow",
    "SentAct",
    "SentReport",
    "SentSelfHandled",
    "Somebody",
    "act",
    "import_row",
    "notice",
    "relocate",
    "report",
]

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
        if sent.self_handled is not None:
            done = _on_the_spot(sent.id, fact, actor, sent.self_handled, desk)
            return Decision((fact, done), words, sent.address)
        return Decision((fact,), words, sent.address, _by_itself(sent.id, by.id, fact, draft, desk))

    digest = _digest(
        by.id, replace(sent, words=None, address=None, reporter_name=None, reporter_phone=None), True
    )
    return Command(sent.id, digest, sent.id, by.id, None, sent.happened_at, decide, words=words)


def _on_the_spot(incident: str, fact: Reported, by: Actor, told: SentSelfHandled, desk: Desk) -> SelfHandled:
    """What is reported as put right already. Where that is refused, so is the report: it is sent again
    without.
    """
    reported = extend(None, (Entry(incident, 1, desk.now, desk.now, by.person, fact),))
    return ending_decisions.self_handle(reported, by, told.result, told.photos)


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

    Raises MissingNumber at once, and BadInput for words with an act that has none, or without them where they
    belong to it: words that no entry refers to could not be proven later. Everything else is found out when
    it is decided, there too that the incident lies outside what its author may see (UnknownIncident, so that
    nobody learns that it exists).
    """
    if sent.seen is None:
        raise MissingNumber(incident=sent.incident)
    words = _words_of(sent)

    def sees(incident: Incident, now: datetime) -> bool:
        return scope_of(by.id, by.assignments, now).sees(seen_of(_as_it_was_theirs(sent.act, incident, by)))

    def decide(incident: Incident | None, desk: Desk) -> Decision:
        assert incident is not None
        asked_at = _asked_at(sent.act, incident, desk)
        theirs = _as_it_was_theirs(sent.act, incident, by)
        actor = actor_on(by.id, by.assignments, theirs, desk.now, asked_at)
        case = Case(sent, incident, actor, desk, words, lambda other: sees(other, desk.now))
        return verbs.decide(case)

    digest = _digest(by.id, sent if words is None else replace(sent, words=None), words is not None)
    return Command(
        sent.id,
        digest,
        sent.incident,
        by.id,
        sent.seen,
        sent.happened_at,
        decide,
        sees,
        words,
        strict=sent.act in _ANSWERS,
        others=() if sent.leader is None else (sent.leader,),
        offline=sent.act if sent.offline else None,
    )


def _as_it_was_theirs(act: Act, incident: Incident, by: Somebody) -> Incident:
    """The incident for which somebody's scope and roles count. Who gave it away with their last act, as a
    department that returns it, does not see it any more, and still can take that back.
    """
    before = incident.before if act is Act.TAKE_BACK and incident.last_by == by.id else None
    return incident if before is None else before


def _words_of(sent: SentAct) -> Words | None:
    """The words that stay beside the ledger; raises BadInput."""
    words = (sent.words or "").strip()
    if words and sent.act not in (*_WORDED, Act.CALL_BACK):
        raise BadInput(
            "words come with a note, an enforcement or a call-back", incident=sent.incident, act=sent.act
        )
    if not words and sent.act in _WORDED:
        raise BadInput(f"{sent.act} needs words: {_WORDED[sent.act]}", incident=sent.incident, act=sent.act)
    return Words(new_salt(), sent.words) if words else None


#: What has to be said in words that can be erased, and what they are.
_WORDED: Final = {
    Act.NOTE: "the remark",
    Act.ENFORCE: "against whom the measure was taken",
}
#: What only those do who were asked, and who have to have seen the question.
_ANSWERS: Final = frozenset({Act.ACKNOWLEDGE, Act.PASS_ON})


def _asked_at(act: Act, incident: Incident, desk: Desk) -> tuple[str, ...] | None:
    """The wider grid of the level that an escalation asks, where somebody answers it: their roles count for
    that; None: for the incident's own.
    """
    path, asked = incident.place.path, incident.escalated
    if act not in _ANSWERS or asked is None:
        return None
    keys = [level.key for level in desk.in_force.atlas.hierarchy.levels]
    return path[: keys.index(asked.level) + 1] if asked.level in keys else path[:1]


def notice(incident: str, seen: int, look_at: datetime) -> Command:
    """Say what is to be said of an incident (时限提醒), by nobody: the warning or the end of a clock, that an
    escalation or a task was not answered, that a suspension is over.

    ``seen`` is the number of its last entry, ``look_at`` its ``next_look``. Two sweepers that see the same
    give it the same id, so that it is said once; the decision raises NotRunning where it was said already, or
    there is nothing to say any more.
    """

    def decide(found: Incident | None, desk: Desk) -> Decision:
        assert found is not None
        place, atlas = found.place, desk.in_force.atlas
        keys = [level.key for level in atlas.hierarchy.levels][: len(place.path)]
        around = Around(keys, units(atlas, place.path), lambda: desk.duty.on_duty(place))
        return Decision(noticing.notice(desk.in_force.rules, found, around, desk.now))

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


def _digest(who: str, sent: SentReport | SentAct | ImportedRow, has_words: bool) -> bytes:
    """What stands for the content of a command but its words, which are compared where they are kept: a hash
    of them beside the ledger would outlive their erasure, and who has it could try names and numbers on it.
    """
    # How it came here is no content: what was sent before there was a network is the same after.
    content = {field.name: getattr(sent, field.name) for field in fields(sent) if field.name != "offline"}
    # What came into use later is left out where it is not used: what was sent before is still the same.
    content = {name: value for name, value in content.items() if value is not None or name not in _LATER}
    return hashlib.sha256(orjson.dumps([who, content, has_words])).digest()


#: Every field of an act, and of a report, that came after the first version.
_LATER: Final = frozenset(
    {
        *("standard", "co_handlers", "found", "self_handled", "before", "leader", "crew", "person", "wish"),
        *("until", "measure", "legal_basis", "document", "granted", "contacted", "solved", "satisfied"),
    }
)
