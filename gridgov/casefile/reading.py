"""Reading the file of an incident out of the store, in one snapshot, as somebody may see it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, select

from dispatch.entries import Entry, from_micros
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import Act, Role, open_acts
from dispatch.readings import readings
from gridgov.accounts import Person, display_names, find_person
from gridgov.casefile.stored import entry_of, stored
from gridgov.casefile.values import (
    DAMAGED,
    MISSING,
    WHOLE,
    CaseFile,
    Kept,
    Leader,
    Ledger,
    Line,
    Picture,
    Reporter,
    Stored,
    photos_in,
)
from gridgov.errors import UnknownPerson
from gridgov.in_force import InForce
from gridgov.reading import TOLD_OF_REPORTERS
from gridgov.rows import public_row
from gridgov.scope import Assignment, Scope, actor_on, seen_of
from gridgov.storage import grids, incidents, words
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.ledger import MAIN, history, read_head
from gridgov.storage.photos import PhotoFolder
from gridgov.storage.tables import PhotoRow
from gridgov.telling_facts import by_whom, grids_in, people_in, sentence
from gridgov.telling_names import Names, both

_photo = PhotoRow.__table__  # type: ignore[attr-defined]
#: What may be answered by somebody of a wider grid than the incident's own.
_FROM_ABOVE: Final = frozenset({Act.ACKNOWLEDGE, Act.PASS_ON})
_CHUNK: Final = 1 << 20


def read(
    engine: Engine,
    in_force: InForce,
    folder: PhotoFolder,
    person: Person,
    reference: str,
    now: datetime,
    stream: str = MAIN,
) -> CaseFile:
    """All there is on an incident, by id or case number, as ``person`` may read it at ``now``.

    Every entry's hash is recomputed from its stored bytes, and every photo's from its file. Raises
    UnknownIncident, also where their scope does not reach; LedgerDamaged where an entry cannot be read.
    """
    scope = person.scope(now)
    with snapshot(engine) as connection:
        row = incidents.one(connection, reference, scope, stream)
        head = read_head(connection, stream)
        found = stored(connection, head, row["id"])
        entries = [entry_of(one) for one in found]
        followers = _followers(connection, fold(entries), stream)
        names = _names(connection, in_force, [*entries, *(one for all_ in followers for one in all_)])
        kept = _kept(connection, stream, row["id"])
        held = _assignments(connection, entries)
        reporters = _reporters(connection, [entries, *followers], names, person, scope, now, stream)
        leader = _leader(connection, row, scope, stream)
        noted = _noted(connection, entries)
    return CaseFile(
        read_at=now,
        read_by=both(person.display_name),
        city=both(in_force.city.name_zh, in_force.city.name_en),
        made_up=in_force.city.made_up or in_force.atlas.made_up,
        names=names,
        row=public_row(row),
        incident=fold(entries),
        lines=_lines(found, entries, names, _Private(kept, reporters[0].withheld), held),
        reporters=reporters,
        clocks=readings(in_force.rules, entries, now),
        pictures=_pictures(folder, entries, noted),
        leader=leader,
        ledger=Ledger(stream, head.epoch, head.position, head.previous),
    )


# -- entries ---------------------------------------------------------------------------------------


def _lines(
    found: Sequence[Stored],
    entries: Sequence[Entry],
    names: Names,
    private: _Private,
    held: Mapping[str, Sequence[Assignment]],
) -> tuple[Line, ...]:
    lines, before = [], None
    for one, entry in zip(found, entries, strict=True):
        after = extend(before, (entry,))
        roles = _roles(held.get(entry.by, ()), before, after, entry)
        lines.append(
            Line(
                stored=one,
                entry=entry,
                roles=tuple(str(role) for role in Role if role in roles),
                by=by_whom(entry.by, names, roles),
                said=sentence(entry.fact, names),
                kept=private.words(entry),
                photos=photos_in(entry.fact),
            )
        )
        before = after
    return tuple(lines)


def _roles(
    held: Sequence[Assignment], before: Incident | None, after: Incident, entry: Entry
) -> frozenset[Role]:
    """In which of their roles somebody could do what they did; none where nothing is known of that."""
    act = entry.fact.act
    actor = actor_on(entry.by, held, before or after, entry.recorded_at)
    roles = actor.roles | (actor.anywhere if act in _FROM_ABOVE else frozenset())
    stage = None if before is None else before.stage
    return frozenset(role for role in roles if act in open_acts(stage, {role}))


@dataclass(frozen=True, slots=True)
class _Private:
    """What is kept beside the entries of an incident, by their numbers. ``withheld``: not all of it is for
    whoever reads the file.
    """

    rows: Mapping[int, Mapping[str, Any]]
    withheld: bool

    def words(self, entry: Entry) -> Kept | None:
        """The words of an entry; None where it never had any."""
        row, stated = self.rows.get(entry.number), getattr(entry.fact, "words", None)
        if row is None:
            return None if stated is None else Kept(None, None, None, None)
        if row["erased_at"] is not None:
            return Kept(row["words"], row["address"], from_micros(row["erased_at"]), None)
        hidden = self.withheld and (row["reporter_name"] or row["reporter_phone"])
        matches = words.kept(row).reference() == stated
        return Kept(row["words"], row["address"], None, matches, None if hidden else row["salt"])


def _kept(connection: Connection, stream: str, incident: str) -> dict[int, dict[str, Any]]:
    return {row["number"]: row for row in words.of_incident(connection, stream, incident)}


# -- people and names ------------------------------------------------------------------------------


def _names(connection: Connection, in_force: InForce, entries: Sequence[Entry]) -> Names:
    people = display_names(connection, [id_ for entry in entries for id_ in people_in(entry)])
    named = grids.names(connection, {path for entry in entries for path in grids_in(entry.fact)})
    return Names(in_force.rules, people, named, in_force.city.zone)


def _assignments(connection: Connection, entries: Sequence[Entry]) -> dict[str, Sequence[Assignment]]:
    """What everybody who did something is and was assigned to; whoever is nobody here, to nothing."""
    found: dict[str, Sequence[Assignment]] = {}
    for id_ in dict.fromkeys(entry.by for entry in entries):
        try:
            found[id_] = find_person(connection, id_).assignments
        except UnknownPerson:
            # The system, a rule, the operator of the machine, a reporter of imported history.
            found[id_] = ()
    return found


def _followers(connection: Connection, incident: Incident, stream: str) -> list[list[Entry]]:
    """The histories of all that was joined to it, and of what had been joined to that before."""
    found: dict[str, list[Entry]] = {}
    wanted = list(incident.followers)
    while wanted:
        new = history(connection, wanted, stream)
        found.update(new)
        further = [id_ for entries in new.values() for id_ in fold(entries).followers]
        wanted = [id_ for id_ in further if id_ not in found and id_ != incident.id]
    return list(found.values())


def _reporters(
    connection: Connection,
    histories: Sequence[Sequence[Entry]],
    names: Names,
    person: Person,
    scope: Scope,
    now: datetime,
    stream: str,
) -> tuple[Reporter, ...]:
    """Who reported it, and who reported what was joined to it, in the order in which that was reported."""
    found = []
    for entries in histories:
        incident = fold(entries)
        actor = actor_on(person.id, person.assignments, incident, now)
        told = incident.reported_by == person.id or not actor.roles.isdisjoint(TOLD_OF_REPORTERS)
        told = told and scope.sees(seen_of(incident))
        kept = words.of_incident(connection, stream, incident.id)
        found.append(_reporter(incident, entries[0], kept, names, told))
    return (found[0], *sorted(found[1:], key=lambda one: (one.reported_at, one.case_number)))


def _reporter(
    incident: Incident, first: Entry, kept: Sequence[Mapping[str, Any]], names: Names, told: bool
) -> Reporter:
    named = next((row for row in kept if row["reporter_name"] or row["reporter_phone"]), None)
    shown = named if told else None
    erased = any(row["erased_at"] is not None for row in kept if row["number"] == first.number)
    return Reporter(
        incident=incident.id,
        case_number=incident.case_number,
        by=names.person(incident.reported_by),
        channel=incident.channel,
        reported_at=incident.reported_at,
        name=None if shown is None else shown["reporter_name"],
        phone=None if shown is None else shown["reporter_phone"],
        withheld=named is not None and not told,
        erased=erased,
    )


def _leader(connection: Connection, row: RowMapping, scope: Scope, stream: str) -> Leader | None:
    if row["leader"] is None:
        return None
    try:
        leader = incidents.one(connection, row["leader"], scope, stream)
    except UnknownIncident:
        # Its case number stands in the entry that joined them; how it stands is not theirs to see.
        return None
    return Leader(leader["case_number"], leader["stage"])


# -- photos ----------------------------------------------------------------------------------------


def _noted(connection: Connection, entries: Sequence[Entry]) -> dict[str, RowMapping]:
    """What was noted down of each photo when it came, by digest."""
    digests = {digest for entry in entries for digest in photos_in(entry.fact)}
    query = select(_photo).where(_photo.c.digest.in_(digests))
    return {row["digest"]: row for row in connection.execute(query).mappings()}


def _pictures(
    folder: PhotoFolder, entries: Sequence[Entry], noted: Mapping[str, RowMapping]
) -> tuple[Picture, ...]:
    named: dict[str, list[int]] = {}
    for entry in entries:
        for digest in photos_in(entry.fact):
            named.setdefault(digest, []).append(entry.number)
    return tuple(_picture(folder, digest, numbers, noted.get(digest)) for digest, numbers in named.items())


def _picture(folder: PhotoFolder, digest: str, numbers: Sequence[int], row: RowMapping | None) -> Picture:
    told: Mapping[str, Any] = {} if row is None else dict(row)
    return Picture(
        digest=digest,
        media_type=told.get("media_type"),
        size=told.get("size"),
        width=told.get("width"),
        height=told.get("height"),
        state=_state(folder, digest),
        entries=tuple(numbers),
    )


def _state(folder: PhotoFolder, digest: str) -> str:
    path = folder.path(digest)
    if not path.is_file():
        return MISSING
    found = hashlib.sha256()
    for part in file_parts(folder, digest):
        found.update(part)
    return WHOLE if found.hexdigest() == digest else DAMAGED


def file_parts(folder: PhotoFolder, digest: str) -> Iterator[bytes]:
    """The bytes of a photo's file, a megabyte at a time."""
    with folder.path(digest).open("rb") as file:
        while part := file.read(_CHUNK):
            yield part
