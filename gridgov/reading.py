"""What people read of incidents: lists with the cursor from which the feed goes on, and one with its
history and words.

Each is read in one snapshot, so that rows, history and cursor belong to the same moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from dispatch.actors import Actor
from dispatch.entries import AUTO, SYSTEM, Entry
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import ACT_ZH, STAGE_ZH, Act, Role
from dispatch.permissions import open_to
from gridgov import joined
from gridgov.accounts import Person, display_names
from gridgov.frames import cursor
from gridgov.rows import public_entry, public_row
from gridgov.scope import Scope, actor_on
from gridgov.storage import incidents, words
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import Wanted
from gridgov.storage.ledger import MAIN, history, read_head

#: What is shown for who did what nobody did, and before the name of a rule that did it by itself.
SYSTEM_NAME: Final = "系统 system"
AUTO_NAME: Final = "自动 automatic: "
#: What only those do who were asked.
_ANSWERS: Final = frozenset({Act.ACKNOWLEDGE, Act.PASS_ON})
#: Who is told what a reporter is called and how to ring them back; everybody else works without.
TOLD_OF_REPORTERS: Final = frozenset({Role.INTAKE_CLERK, Role.SHIFT_LEADER})


def page(
    engine: Engine,
    scope: Scope,
    wanted: Wanted,
    *,
    before: int | None = None,
    limit: int = 50,
    stream: str = MAIN,
) -> dict[str, Any]:
    """Rows, newest report first; ``cursor`` for the feed; ``next`` the position before which the next
    page begins.
    """
    with snapshot(engine) as connection:
        head = read_head(connection, stream)
        found = incidents.page(connection, scope, wanted, before=before, limit=limit + 1, stream=stream)
    rows = found[:limit]
    return {
        "rows": [public_row(row) for row in rows],
        "cursor": str(cursor(head, scope)),
        "next": rows[-1]["first"] if len(found) > limit else None,
    }


def one(engine: Engine, person: Person, reference: str, now: datetime, stream: str = MAIN) -> dict[str, Any]:
    """An incident by id or case number: its row, its history with words, its reporter where allowed, the
    acts open to ``person``. Raises UnknownIncident, also where their scope does not reach.
    """
    scope = person.scope(now)
    with snapshot(engine) as connection:
        head = read_head(connection, stream)
        row = incidents.one(connection, reference, scope, stream)
        entries = history(connection, [row["id"]], stream)[row["id"]]
        kept = words.of_incident(connection, stream, row["id"])
        names = display_names(connection, [entry.by for entry in entries])
        leads = joined.outcome(connection, row, stream)
        follow = joined.followers(connection, row, stream)
    incident = fold(entries)
    actor = actor_on(person.id, person.assignments, incident, now)
    acts = _acts(incident, actor, now)
    told = incident.reported_by == person.id or not actor.roles.isdisjoint(TOLD_OF_REPORTERS)
    return {
        "row": public_row(row),
        "stage_zh": STAGE_ZH[incident.stage],
        "history": [_told(entry, kept, names) for entry in entries],
        "outcome": leads,
        "followers": follow,
        **_reporter(kept, told),
        "acts": [str(act) for act in acts],
        "acts_zh": {str(act): ACT_ZH[act] for act in acts},
        "cursor": str(cursor(head, scope)),
    }


def _acts(incident: Incident, actor: Actor, now: datetime) -> tuple[Act, ...]:
    """What somebody can do now. Whether they are the ones who were asked to answer, an act of
    theirs finds out: the level that was asked may be wider than their grid.
    """
    asked = incident.escalated
    mine = asked is not None and not actor.roles.isdisjoint(asked.roles)
    return tuple(act for act in open_to(incident, actor, now) if mine or act not in _ANSWERS)


def photos_of(engine: Engine, scope: Scope, reference: str, stream: str = MAIN) -> Sequence[str]:
    """The digests of an incident's photos; raises UnknownIncident."""
    with engine.connect() as connection:
        photos: list[str] = public_row(incidents.one(connection, reference, scope, stream))["photos"]
    return photos


def as_it_was(
    connection: Connection, incident: str, number: int, stream: str = MAIN
) -> tuple[Incident, Entry]:
    """An incident right after one of its entries, and that entry."""
    entries = history(connection, [incident], stream)[incident][:number]
    return fold(entries), entries[-1]


def _told(entry: Entry, kept: Sequence[dict[str, Any]], names: dict[str, str]) -> dict[str, Any]:
    told = public_entry(entry) | {"by_name": name_of(entry.by, names), "act_zh": ACT_ZH[entry.fact.act]}
    mine = next((row for row in kept if row["number"] == entry.number), None)
    if mine is not None:
        told["words"] = mine["words"]
        told["address"] = mine["address"]
        told["erased"] = mine["erased_at"] is not None
    return told


def name_of(by: str, names: Mapping[str, str]) -> str | None:
    """What whoever did something is called on screens: a person by ``names``, nobody, or a rule."""
    if by == SYSTEM:
        return SYSTEM_NAME
    return AUTO_NAME + by.removeprefix(AUTO) if by.startswith(AUTO) else names.get(by)


def _reporter(kept: Sequence[dict[str, Any]], told: bool) -> dict[str, Any]:
    """The reporter's name and phone, or that they are withheld."""
    named = next((row for row in kept if row["reporter_name"] or row["reporter_phone"]), None)
    shown = named is not None and told
    return {
        "reporter": {"name": named["reporter_name"], "phone": named["reporter_phone"]}
        if named is not None and shown
        else None,
        "reporter_withheld": named is not None and not shown,
    }
