"""What readers of the feed are told: cursors, and one frame for each entry and what it means to them.

A message is a JSON array of frames, in this order over a connection:

    hello      cursor, heartbeat_s     where the feed begins; so often there will be a word
    entry      stream, position, change, incident, entry, row
    heartbeat  cursor                  all up to this cursor has been sent; the first one ends the replay
    resync     reason                  epoch, scope or gap: read the list again; the socket closes with 4409

The cursor after an entry is the one before with the middle part replaced by the entry's position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

import orjson

from dispatch.incidents import Incident
from gridgov.errors import ServiceError
from gridgov.rows import public_entry, row_after
from gridgov.scope import Scope, seen_of
from gridgov.storage.ledger import Committed, Head


class BadCursor(ServiceError):
    """This is no cursor: take the one that came with a list of incidents or with the last frame."""

    code: ClassVar[int] = 4400


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader has come: a position in one life (``epoch``) of a ledger, seen through one scope.

    >>> str(Cursor.parse("e1.41.0a1b").at(42))
    'e1.42.0a1b'
    """

    epoch: str
    position: int
    scope: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor that was written as this text; raises BadCursor."""
        epoch, _, rest = text.partition(".")
        position, _, scope = rest.partition(".")
        # No ledger has 10^18 entries, and a longer number would only cost time to read.
        if not (epoch and scope and position.isascii() and position.isdecimal() and len(position) < 19):
            raise BadCursor(cursor=text[:100])
        return cls(epoch, int(position), scope)

    def at(self, position: int) -> Self:
        """The same further on."""
        return replace(self, position=position)

    def __str__(self) -> str:
        return f"{self.epoch}.{self.position}.{self.scope}"


def cursor(head: Head, scope: Scope) -> Cursor:
    """Where a feed goes on that belongs to rows read in the same snapshot as ``head``."""
    return Cursor(head.epoch, head.position, scope.digest)


class Change(StrEnum):
    """What an entry means to a reader: an incident came into its scope, changed in it, or left it."""

    ENTERED = "entered"
    CHANGED = "changed"
    LEFT = "left"


def change(told: Committed, scope: Scope) -> Change | None:
    """What one entry means to whoever sees through ``scope``; None where it is not theirs to know."""
    before, after = _sees(scope, told.before), _sees(scope, told.after)
    if after:
        return Change.CHANGED if before else Change.ENTERED
    return Change.LEFT if before else None


def _sees(scope: Scope, incident: Incident | None) -> bool:
    if incident is None:
        return False
    return scope.sees(seen_of(incident))


class Frames:
    """The frames of one entry as JSON text, each written once, when first asked for, for all its readers."""

    __slots__ = ("_told", "_written")

    def __init__(self, told: Committed) -> None:
        self._told = told
        self._written: dict[Change, str] = {}

    def text(self, meaning: Change) -> str:
        """The frame for readers to whom the entry means this."""
        if meaning not in self._written:
            self._written[meaning] = orjson.dumps(frame(self._told, meaning)).decode()
        return self._written[meaning]


def frame(told: Committed, meaning: Change) -> dict[str, Any]:
    """One entry as readers are told; one that left is told without its content, which is no longer theirs."""
    entry, row = public_entry(told.entry), None
    if meaning is Change.LEFT:
        del entry["body"]
    else:
        row = row_after(told)
    return {
        "type": "entry",
        "stream": told.stream,
        "position": told.position,
        "change": str(meaning),
        "incident": told.entry.incident,
        "entry": entry,
        "row": row,
    }


def seen_through(scope: Scope, batch: Iterable[Committed]) -> Iterator[tuple[int, str]]:
    """(position, frame) of what somebody sees of a part of the ledger."""
    for told in batch:
        meaning = change(told, scope)
        if meaning is not None:
            yield told.position, Frames(told).text(meaning)


def hello(here: Cursor, heartbeat_s: float) -> str:
    """The first frame: where the feed begins, and how many seconds may pass without a word."""
    return orjson.dumps({"type": "hello", "cursor": str(here), "heartbeat_s": heartbeat_s}).decode()


def heartbeat(here: Cursor) -> str:
    """All that a reader may see up to here has been sent."""
    return orjson.dumps({"type": "heartbeat", "cursor": str(here)}).decode()


def resync(reason: str) -> str:
    """The last frame where a cursor cannot be continued: read the list again."""
    return orjson.dumps({"type": "resync", "reason": reason}).decode()


def message(frames: Iterable[str]) -> str:
    """Frames as one message: a JSON array."""
    return f"[{','.join(frames)}]"
