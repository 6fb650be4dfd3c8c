"""Deriving the projections from the ledger again: to compare them with what is stored, or to replace it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, RowMapping, Table, func, select, text

from dispatch.entries import Entry, Imported, Reported
from dispatch.errors import UnknownEntry
from dispatch.incidents import Incident, extend
from gridgov.storage import ledger, projections, sight, words
from gridgov.storage.errors import LedgerDamaged
from gridgov.storage.ledger import MAIN, Head
from gridgov.storage.tables import CommandRow, EntryRow, IncidentRow, PrivateRow, SerialRow, SightRow

#: Incidents derived at a time: a few megabytes of entries.
_AT_ONCE: Final = 2000

_incidents: Table = IncidentRow.__table__  # type: ignore[attr-defined]
_entries: Table = EntryRow.__table__  # type: ignore[attr-defined]
_commands: Table = CommandRow.__table__  # type: ignore[attr-defined]
_private: Table = PrivateRow.__table__  # type: ignore[attr-defined]
_serials: Table = SerialRow.__table__  # type: ignore[attr-defined]
_sight: Table = SightRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row that is not what the ledger says; ``column`` is None where the row is missing or
    too many.
    """

    table: str
    key: str
    column: str | None
    stored: Any
    derived: Any

    @property
    def is_derived(self) -> bool:
        """Would rebuilding put it right? The ledger, words and receipts cannot be had again from anything."""
        return self.table in ("incident", "sight", "search", "serial")

    def __str__(self) -> str:
        if self.column is None:
            what = "is missing" if self.stored is None else "should not be there"
            return f"{self.table} {self.key} {what}"
        return f"{self.table} {self.key}: {self.column} is {self.stored!r}, the ledger says {self.derived!r}"


def differences(
    connection: Connection, stream: str = MAIN, progress: Callable[[int, int], None] | None = None
) -> Iterator[Difference]:
    """Derive every projection from the ledger and name each column of each row that differs from what is
    stored.

    ``progress`` is told (incidents done, incidents in all). The chain of hashes is walked too: an entry whose
    bytes were changed shows as a difference in the hash that the next one holds.
    """
    head = ledger.read_head(connection, stream)
    yield from _broken_chain(connection, head)
    total = connection.execute(_count_incidents(stream)).scalar_one()
    addresses, done = _addresses(connection, stream), 0
    for derived in _derived(connection, stream):
        yield from _compare(connection, stream, [one.row(stream, addresses) for one in derived])
        yield from _sight_differences(connection, stream, derived)
        done += len(derived)
        if progress is not None:
            progress(done, total)
    yield from _surplus(connection, stream)
    yield from _words_differences(connection, stream)
    yield from _search_differences(connection, head)
    yield from _serial_differences(connection, stream)
    yield from _receipt_differences(connection, stream)


def rebuild(
    connection: Connection, stream: str = MAIN, progress: Callable[[int, int], None] | None = None
) -> int:
    """Replace the projections by what the ledger says; returns the number of incidents. All in one
    transaction.

    Raises LedgerDamaged where the ledger is not whole: what is stored may then be the only trace of an
    incident.
    """
    head = ledger.read_head(connection, stream)
    for broken in _broken_chain(connection, head):
        raise LedgerDamaged(f"nothing was replaced, the ledger is damaged: {broken}; put a copy back")
    total = connection.execute(_count_incidents(stream)).scalar_one()
    addresses = _addresses(connection, stream)
    for table in (_incidents, _sight):
        connection.execute(table.delete().where(table.c.stream == stream))
    done = 0
    for derived in _derived(connection, stream):
        projections.store(connection, [one.row(stream, addresses) for one in derived], ())
        sight.insert(connection, [row for one in derived for row in one.sight(stream)])
        done += len(derived)
        if progress is not None:
            progress(done, total)
    _rebuild_search(connection, head)
    connection.execute(_serials.delete().where(_serials.c.stream == stream))
    serials = [
        {"stream": stream, "day": day, "last": last}
        for day, last in _last_serials(connection, stream).items()
    ]
    if serials:
        connection.execute(_serials.insert(), serials)
    return done


def _count_incidents(stream: str) -> Any:
    return (
        select(func.count()).select_from(_entries).where(_entries.c.stream == stream, _entries.c.number == 1)
    )


def _addresses(connection: Connection, stream: str) -> dict[str, str]:
    query = select(_private.c.incident, _private.c.address).where(
        _private.c.stream == stream, _private.c.address.is_not(None)
    )
    return {row.incident: row.address for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class _Derived:
    """What the entries of one incident add up to, and the positions of the first and the last of them."""

    incident: Incident
    first: int
    last: int

    def row(self, stream: str, addresses: Mapping[str, str]) -> dict[str, Any]:
        address = addresses.get(self.incident.id)
        return projections.incident_row(stream, self.incident, self.first, self.last, address)

    def sight(self, stream: str) -> list[dict[str, Any]]:
        return sight.rows(stream, self.incident, self.first)


def _derived(connection: Connection, stream: str) -> Iterator[list[_Derived]]:
    """Every incident in order of their first entries, some thousands at a time."""
    position = 0
    while ids := _next_incidents(connection, stream, position):
        found: dict[str, _Derived] = {}
        query = (
            select(_entries)
            .where(_entries.c.stream == stream, _entries.c.incident.in_(list(ids)))
            .order_by(_entries.c.incident, _entries.c.number)
        )
        for row in connection.execute(query).mappings():
            known = found.get(row["incident"])
            before = None if known is None else known.incident
            first = row["position"] if known is None else known.first
            found[row["incident"]] = _Derived(extend(before, (_entry(row),)), first, row["position"])
        yield [found[id_] for id_ in ids]
        position = ids[next(reversed(ids))]


def _entry(row: Mapping[str, Any] | RowMapping) -> Entry:
    """The entry of a stored row; raises LedgerDamaged, which names it, where its bytes are no entry."""
    try:
        return ledger.to_entry(row)
    except (UnknownEntry, AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"entry {row['position']} of stream {row['stream']} cannot be read: {error}"
        raise LedgerDamaged(said, stream=row["stream"], position=row["position"]) from error


def _next_incidents(connection: Connection, stream: str, position: int) -> dict[str, int]:
    query = (
        select(_entries.c.incident, _entries.c.position)
        .where(_entries.c.stream == stream, _entries.c.number == 1, _entries.c.position > position)
        .order_by(_entries.c.position)
        .limit(_AT_ONCE)
    )
    return {row.incident: row.position for row in connection.execute(query)}


def _compare(
    connection: Connection, stream: str, derived: Sequence[Mapping[str, Any]]
) -> Iterator[Difference]:
    query = select(_incidents).where(
        _incidents.c.stream == stream, _incidents.c.id.in_([row["id"] for row in derived])
    )
    stored = {row["id"]: row for row in connection.execute(query).mappings()}
    for row in derived:
        key = f"{row['case_number']} ({row['id']})"
        found = stored.get(row["id"])
        if found is None:
            yield Difference("incident", key, None, None, row["id"])
            continue
        for name, value in row.items():
            if found[name] != value:
                yield Difference("incident", key, name, found[name], value)


def _sight_differences(
    connection: Connection, stream: str, derived: Sequence[_Derived]
) -> Iterator[Difference]:
    """Who sees an incident beside its lead and its reporter is who its entries say."""
    query = select(_sight).where(
        _sight.c.stream == stream, _sight.c.incident.in_([one.incident.id for one in derived])
    )
    stored = {(row["incident"], row["who"]): row["first"] for row in connection.execute(query).mappings()}
    for row in (row for one in derived for row in one.sight(stream)):
        key = f"{row['who']} of {row['incident']}"
        first = stored.pop((row["incident"], row["who"]), None)
        if first is None:
            yield Difference("sight", key, None, None, row["who"])
        elif first != row["first"]:
            yield Difference("sight", key, "first", first, row["first"])
    for incident, who in stored:
        yield Difference("sight", f"{who} of {incident}", None, who, None)


def _surplus(connection: Connection, stream: str) -> Iterator[Difference]:
    known = select(_entries.c.incident).where(_entries.c.stream == stream, _entries.c.number == 1)
    for table in (_incidents, _sight, _private, _commands):
        column = table.c.id if table is _incidents else table.c.incident
        query = select(column).where(table.c.stream == stream, column.not_in(known)).distinct()
        for (id_,) in connection.execute(query):
            yield Difference(table.name, id_, None, id_, None)


def _broken_chain(connection: Connection, head: Head) -> Iterator[Difference]:
    previous, position = b"\0" * 32, 0
    for row in ledger.every_entry(connection, head.stream):
        if row["previous"] != previous:
            yield Difference("entry", str(row["position"]), "previous", row["previous"].hex(), previous.hex())
        if row["position"] != position + 1:
            yield Difference("entry", str(position + 1), "position", row["position"], position + 1)
        previous, position = ledger.entry_hash(row), row["position"]
    if position != head.position:
        yield Difference("stream", head.stream, "position", head.position, position)
    if previous != head.previous:
        yield Difference("stream", head.stream, "previous", head.previous.hex(), previous.hex())


def _words_differences(connection: Connection, stream: str) -> Iterator[Difference]:
    """Words that are not erased are still there, and still those whose hash the ledger holds."""
    yield from _lost_words(connection, stream)
    query = (
        select(_private, _entries.c.body)
        .join(
            _entries, (_entries.c.stream == _private.c.stream) & (_entries.c.position == _private.c.position)
        )
        .where(_private.c.stream == stream, _private.c.erased_at.is_(None))
    )
    for row in connection.execute(query).mappings():
        kept = words.kept(dict(row))
        stated = orjson.loads(row["body"]).get("words")
        if kept.reference() != stated:
            yield Difference(
                "private", f"{row['incident']} entry {row['number']}", "words", kept.reference(), stated
            )


def _lost_words(connection: Connection, stream: str) -> Iterator[Difference]:
    """Entries that refer to words of which not even the erased row is left.

    The name cannot stand in a body as text: quotation marks within texts are escaped there.
    """
    same = (
        (_private.c.stream == _entries.c.stream)
        & (_private.c.incident == _entries.c.incident)
        & (_private.c.number == _entries.c.number)
    )
    query = (
        select(_entries.c.incident, _entries.c.number, _entries.c.body)
        .outerjoin(_private, same)
        .where(
            _entries.c.stream == stream,
            _entries.c.body.like('%"words":"%'),
            _private.c.position.is_(None),
        )
    )
    for row in connection.execute(query):
        stated = orjson.loads(row.body).get("words")
        if stated:
            yield Difference("private", f"{row.incident} entry {row.number}", None, None, stated)


def _search_lines(connection: Connection, head: Head) -> Iterator[tuple[int, str, str]]:
    query = select(_private).where(_private.c.stream == head.stream).order_by(_private.c.position)
    for row in connection.execute(query).mappings():
        line = words.search_row(head.ordinal, dict(row))
        if line is not None:
            yield line["rowid"], line["incident"], line["grams"]


def _search_differences(connection: Connection, head: Head) -> Iterator[Difference]:
    low, high = head.ordinal * words.STRIDE, (head.ordinal + 1) * words.STRIDE
    query = text("SELECT rowid, incident, grams FROM search WHERE rowid >= :low AND rowid < :high")
    stored = {row[0]: (row[1], row[2]) for row in connection.execute(query, {"low": low, "high": high})}
    for id_, incident, grams in _search_lines(connection, head):
        found = stored.pop(id_, None)
        if found is None:
            yield Difference("search", incident, None, None, grams)
        elif found != (incident, grams):
            yield Difference("search", incident, "grams", found[1], grams)
    for incident, grams in stored.values():
        yield Difference("search", incident, None, grams, None)


def _rebuild_search(connection: Connection, head: Head) -> None:
    low, high = head.ordinal * words.STRIDE, (head.ordinal + 1) * words.STRIDE
    connection.execute(
        text("DELETE FROM search WHERE rowid >= :low AND rowid < :high"), {"low": low, "high": high}
    )
    words.index(
        connection,
        [
            {"rowid": id_, "incident": incident, "grams": grams}
            for id_, incident, grams in _search_lines(connection, head)
        ],
    )


def _last_serials(connection: Connection, stream: str) -> dict[str, int]:
    """The last serial of each day, read from the case numbers that the ledger gave."""
    query = select(_entries).where(_entries.c.stream == stream, _entries.c.number == 1)
    last: dict[str, int] = {}
    for row in connection.execute(query).mappings():
        fact = ledger.to_entry(row).fact
        assert isinstance(fact, Reported | Imported)
        _, day, serial = fact.case_number.rsplit("-", 2)
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        last[day] = max(last.get(day, 0), int(serial))
    return last


def _serial_differences(connection: Connection, stream: str) -> Iterator[Difference]:
    stored = {
        row.day: row.last for row in connection.execute(select(_serials).where(_serials.c.stream == stream))
    }
    derived = _last_serials(connection, stream)
    for day in sorted(stored.keys() | derived.keys()):
        if stored.get(day) != derived.get(day):
            yield Difference("serial", day, "last", stored.get(day), derived.get(day))


def _receipt_differences(connection: Connection, stream: str) -> Iterator[Difference]:
    """Every receipt names the last entry its command added to its incident, and every command in the ledger
    has a receipt. A command may have added to others too: who is joined to an incident is told to that one.
    """
    receipt = (_commands.c.id == _entries.c.command) & (_commands.c.stream == _entries.c.stream)
    own = _commands.c.incident.is_(None) | (_commands.c.incident == _entries.c.incident)
    query = (
        select(
            _entries.c.command,
            func.max(_entries.c.position).label("position"),
            func.max(_entries.c.number).label("number"),
            _commands.c.position.label("kept"),
            _commands.c.number.label("kept_number"),
        )
        .select_from(_entries.outerjoin(_commands, receipt))
        .where(_entries.c.stream == stream, own)
        .group_by(_entries.c.command, _commands.c.position, _commands.c.number)
    )
    for row in connection.execute(query):
        if row.kept is None:
            yield Difference("command", row.command, None, None, row.command)
        elif (row.kept, row.kept_number) != (row.position, row.number):
            yield Difference("command", row.command, "position", row.kept, row.position)
