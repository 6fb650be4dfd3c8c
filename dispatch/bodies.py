"""How facts are written down, and read again: plain values that JSON can hold, lifted from older versions."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from dispatch.ending_facts import (
    Appealed,
    CalledBack,
    Decided,
    Followed,
    Joined,
    SelfHandled,
    TakenBack,
)
from dispatch.entries import (
    Acknowledged,
    Adopted,
    Asked,
    Attached,
    Cancelled,
    Checked,
    Closed,
    Dispatched,
    Escalated,
    Fact,
    Filed,
    Handled,
    Imported,
    Noted,
    Noticed,
    PassedOn,
    Place,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
    Route,
    Started,
    Undone,
    Verified,
    from_micros,
    to_micros,
)
from dispatch.errors import UnknownEntry
from dispatch.handling_facts import (
    Accepted,
    Answered,
    Applied,
    Assigned,
    Corrected,
    Declined,
    Enforced,
    Granted,
    Involved,
    PartDone,
    Refused,
    Resumed,
    Supervised,
)
from dispatch.task_facts import TaskAccepted, TaskDeclined, Tasked, TaskExpired

KINDS: Mapping[str, type[Fact]] = {
    cls.__name__.lower(): cls
    for cls in (
        Reported,
        Placed,
        Relocated,
        Corrected,
        SelfHandled,
        Joined,
        Followed,
        Filed,
        Asked,
        Verified,
        Rejected,
        Dispatched,
        Undone,
        Accepted,
        Declined,
        Assigned,
        Involved,
        PartDone,
        Returned,
        Applied,
        Granted,
        Refused,
        Resumed,
        Supervised,
        Answered,
        Enforced,
        Handled,
        Checked,
        Closed,
        Appealed,
        Decided,
        CalledBack,
        Reopened,
        Cancelled,
        Adopted,
        Tasked,
        TaskAccepted,
        TaskDeclined,
        TaskExpired,
        TakenBack,
        Noticed,
        Escalated,
        Acknowledged,
        PassedOn,
        Noted,
        Attached,
        Imported,
    )
}

#: (kind, version) -> a function that lifts a body of that version to the next one.
UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


def kind_of(fact: Fact) -> str:
    """The kind under which a fact is written down.

    >>> kind_of(Closed())
    'closed'
    """
    return type(fact).__name__.lower()


def to_body(fact: Fact) -> dict[str, Any]:
    """A fact as plain values that JSON can hold; times as UTC microseconds. Empty fields are left out.

    >>> to_body(Rejected(reason="twice reported"))
    {'reason': 'twice reported'}
    """
    return _plain(fact)


def from_body(kind: str, version: int, body: dict[str, Any]) -> Fact:
    """The fact that :func:`to_body` wrote, lifted from older versions; raises UnknownEntry."""
    cls = KINDS.get(kind)
    if cls is None or version > cls.version:
        raise UnknownEntry(
            f"entry kind {kind!r} version {version} is newer than this program: update it",
            kind=kind,
            version=version,
        )
    while version < cls.version:
        lift = UPCASTERS.get((kind, version))
        if lift is None:
            raise UnknownEntry(
                f"entry kind {kind!r} never had a version {version}", kind=kind, version=version
            )
        body, version = lift(body), version + 1
    fact = _READERS[cls](body)
    assert isinstance(fact, Fact)
    return fact


def _plain(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, default in _FIELDS[type(value)]:
        item = getattr(value, name)
        if item is None or item == default:
            continue
        if isinstance(item, datetime):
            out[name] = to_micros(item)
        elif isinstance(item, StrEnum):
            out[name] = str(item)
        elif isinstance(item, tuple):
            out[name] = list(item)
        elif type(item) in _FIELDS:
            out[name] = _plain(item)
        else:
            out[name] = item
    return out


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    """How a plain value becomes a field of this type; None where it is the same."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        return _converter(inner[0])
    if get_origin(hint) is tuple:
        return tuple
    if hint is datetime:
        return from_micros
    if isinstance(hint, type) and hint in _FIELDS:
        return _reader(hint)
    return None


def _reader(cls: type) -> Callable[[dict[str, Any]], Any]:
    hints = get_type_hints(cls)
    converters = {
        field.name: convert for field in fields(cls) if (convert := _converter(hints[field.name])) is not None
    }

    def read(body: dict[str, Any]) -> Any:
        if not converters:
            return cls(**body)
        return cls(**{k: converters[k](v) if k in converters else v for k, v in body.items()})

    return read


_FIELDS: Mapping[type, tuple[tuple[str, object], ...]] = {
    cls: tuple((field.name, field.default) for field in fields(cls))
    for cls in (Place, Route, Started, *KINDS.values())
}
_READERS: Mapping[type, Callable[[dict[str, Any]], Any]] = {cls: _reader(cls) for cls in KINDS.values()}
