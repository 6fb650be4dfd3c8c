"""How the facts of an incident's end, and of what comes after, change it; see `dispatch.applying`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dispatch.building import Builder, runs, with_name
from dispatch.ending_facts import Appealed, CalledBack, Decided, Followed, Joined, SelfHandled
from dispatch.entries import Entry, Fact

#: How an appeal stands.
APPEAL_OPEN, APPEAL_GRANTED, APPEAL_REFUSED = "open", "granted", "refused"


def _self_handled(b: Builder, entry: Entry, fact: SelfHandled) -> None:
    b.self_handled = True
    b.photos += tuple(photo for photo in (*fact.before, *fact.after) if photo not in b.photos)
    b.handled_at = b.closed_at = entry.recorded_at
    b.handled_by, b.call_back_stands = entry.by, False
    runs(b, entry, None)


def _joined(b: Builder, entry: Entry, fact: Joined) -> None:
    b.leader = fact.leader
    b.remaining_s = b.supervision = b.task = None
    b.passed_over = ()
    runs(b, entry, None)


def _followed(b: Builder, _entry: Entry, fact: Followed) -> None:
    b.followers = with_name(b.followers, fact.follower)


def _appealed(b: Builder, _entry: Entry, fact: Appealed) -> None:
    b.appeal, b.appealed_by = APPEAL_OPEN, fact.department


def _decided(b: Builder, _entry: Entry, fact: Decided) -> None:
    b.appeal = APPEAL_GRANTED if fact.granted else APPEAL_REFUSED


def _called_back(b: Builder, _entry: Entry, fact: CalledBack) -> None:
    b.call_back, b.call_back_stands = fact, True


APPLY: Final[Mapping[type[Fact], Callable[[Builder, Entry, Any], None]]] = {
    SelfHandled: _self_handled,
    Joined: _joined,
    Followed: _followed,
    Appealed: _appealed,
    Decided: _decided,
    CalledBack: _called_back,
}
