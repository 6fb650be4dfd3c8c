"""Who is told of an entry: a pure question asked of the rules, the entry, and the people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid5

from dispatch.bodies import kind_of
from dispatch.entries import Escalated, Fact, Imported, Noticed
from dispatch.incidents import Incident
from dispatch.lifecycle import Stage
from gridgov.accounts import Person
from gridgov.outbox.rules import DEPARTMENT, ESCALATED, RENAMED, Kind, Language, Notice, Target, Telling
from gridgov.scope import Assignment, actor_on, seen_of
from gridgov.storage.ledger import Committed

#: Deliveries of all installations are named under this.
_NAMESPACE: Final = UUID("5d2a53c1-4c1b-5b0e-9d6f-7a4c0e9b6a11")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to tell one recipient of a target: an e-mail address, or empty for a webhook.

    ``id`` is the same whenever the same entry is told to the same recipient, so that whoever gets it twice
    can tell. ``position``, ``incident`` and ``number`` are those of the entry.
    """

    id: str
    target: str
    recipient: str
    notice: str
    event: str
    language: Language
    position: int
    incident: str
    number: int


def event_of(fact: Fact) -> str:
    """What notices call an entry: its kind; of what is noticed of a clock, which threshold it came to."""
    if isinstance(fact, Noticed):
        return fact.threshold
    kind = kind_of(fact)
    return RENAMED.get(kind, kind)


def silent(told: Committed) -> bool:
    """Imported history is silent until somebody adopts it."""
    return isinstance(told.entry.fact, Imported) or told.after.stage is Stage.IMPORTED


def matches(notice: Notice, event: str, incident: Incident) -> bool:
    """Is this notice for that event of the incident as it is after it?

    A department is the one that leads, or has a part in it; before dispatch the one it belongs to.
    """
    path = incident.place.path
    departments = {incident.lead or incident.department, *incident.co_handlers}
    return (
        event in notice.on
        and (not notice.categories or incident.category in notice.categories)
        and (not notice.under or any(path[: len(under)] == under for under in notice.under))
        and (not notice.departments or not departments.isdisjoint(notice.departments))
        and (not notice.urgencies or incident.urgency in notice.urgencies)
        and (not notice.stages or str(incident.stage) in notice.stages)
        and (not notice.channels or incident.channel in notice.channels)
    )


def told(
    telling: Telling,
    committed: Committed,
    people: Sequence[Person],
    levels: Sequence[str],
    epoch: str,
) -> tuple[Delivery, ...]:
    """What is to be told of an entry, to whom: each recipient of a target once, by the first notice that asks
    for it, in the order of the file.

    ``people`` may be anybody; who is active, has an e-mail address and answers for the place when the entry
    was recorded is told. Nobody is told what they did themselves. ``levels`` are the keys of the grids'
    levels, widest first; ``epoch`` is that of the ledger.
    """
    if silent(committed):
        return ()
    event = event_of(committed.entry.fact)
    found: dict[str, Delivery] = {}
    for notice in telling.notices:
        if not matches(notice, event, committed.after):
            continue
        for name in notice.to:
            target = telling.target(name)
            for recipient in () if target is None else recipients(target, committed, people, levels):
                id_ = delivery_id(epoch, committed.stream, name, committed.position, recipient)
                entry = committed.entry
                delivery = Delivery(
                    id_,
                    name,
                    recipient,
                    notice.name,
                    event,
                    notice.language,
                    committed.position,
                    entry.incident,
                    entry.number,
                )
                found.setdefault(id_, delivery)
    return tuple(found.values())


def delivery_id(epoch: str, stream: str, target: str, position: int, recipient: str) -> str:
    """The id of what is told of one entry to one recipient: a UUID (version 5) of what is named here.

    >>> delivery_id("e", "main", "bureau", 7, "") == delivery_id("e", "main", "bureau", 7, "")
    True
    """
    return str(uuid5(_NAMESPACE, json.dumps([epoch, stream, target, position, recipient])))


def recipients(
    target: Target, committed: Committed, people: Sequence[Person], levels: Sequence[str]
) -> tuple[str, ...]:
    """Where a target is told of an entry: "" for a webhook, else e-mail addresses, each once."""
    if target.kind is Kind.WEBHOOK:
        return ("",)
    found = list(target.addresses)
    if target.roles:
        found += _emails(target, committed, people, levels)
    # Mail servers take capitals in an address for the same box.
    return tuple({address.casefold(): address for address in reversed(found)}.values())[::-1]


def _emails(
    target: Target, committed: Committed, people: Sequence[Person], levels: Sequence[str]
) -> Iterator[str]:
    now, by = committed.entry.recorded_at, committed.entry.by
    for person in people:
        if not person.active or person.email is None or person.id == by:
            continue
        held = [assignment for assignment in person.assignments if assignment.runs(now)]
        if any(_is_meant(role, person.id, held, committed, levels) for role in target.roles):
            yield person.email


def _is_meant(
    role: str, person: str, held: Sequence[Assignment], committed: Committed, levels: Sequence[str]
) -> bool:
    """Is it one of those whom a target means? They see the incident, else its link would lead them nowhere;
    whoever is sent to look is an inspector there.
    """
    if role == ESCALATED:
        return _is_asked(held, committed, levels)
    actor = actor_on(person, held, committed.after, committed.entry.recorded_at)
    return bool(actor.departments) if role == DEPARTMENT else role in actor.roles


def _is_asked(held: Iterable[Assignment], committed: Committed, levels: Sequence[str]) -> bool:
    """Does somebody hold what the ladder asks: one of its roles, for the grid of its level or a wider one?"""
    fact, incident = committed.entry.fact, committed.after
    asked = fact if isinstance(fact, Escalated) else incident.escalated
    if asked is None:
        return False
    path = incident.place.path
    # As in gridgov.commands, where they answer: of a level that the grids do not have, the widest.
    depth = levels.index(asked.level) + 1 if asked.level in levels else 1
    return any(
        str(a.role) in asked.roles and a.covers(replace(seen_of(incident), path=path[:depth])) for a in held
    )
