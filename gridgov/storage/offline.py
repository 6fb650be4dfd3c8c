"""An act made without network, decided again on the present state: done where it means what it meant, else
handed back with what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from dispatch.entries import Entry, Fact
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import STEPS, Act
from dispatch.meaning import Change, changes
from gridgov.storage.errors import ChangedMeanwhile, StorageError, UnknownIncident


class Decided(Protocol):
    """What an act comes to, as far as it matters here."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts to append, at least one."""
        ...


D = TypeVar("D", bound=Decided)
Refusal = DispatchError | StorageError


@dataclass(frozen=True, slots=True)
class Offline(Generic[D]):
    """An act that was made without network, before it is decided.

    ``entries`` are all of the incident ``now``, of which its author had seen ``seen``; ``happened_at`` is
    when they say that they did it. ``decide`` gives what it comes to on a state at a moment, or raises what
    refuses it; ``sees`` asks whether its author may know of the incident in that state.
    """

    act: Act
    seen: int
    happened_at: datetime | None
    entries: Sequence[Entry]
    now: Incident
    moment: datetime
    decide: Callable[[Incident, datetime], D]
    sees: Callable[[Incident], bool]

    def again(self, meanwhile: Callable[[Sequence[Entry]], list[dict[str, Any]]]) -> D:
        """What it comes to on the present state; ``meanwhile`` writes entries as their author is told them.

        Raises ChangedMeanwhile where it means another thing than it did, or is not possible any more although
        it was; what refuses it where it was not possible then either; UnknownIncident where its author may
        not know of the incident, and might not then.
        """
        then = fold(self.entries[: self.seen])
        if not self.sees(self.now):
            raise self._out_of_sight(then)
        meant, means = self._on(then, self._when()), self._on(self.now, self.moment)
        if isinstance(means, Refusal) and isinstance(meant, Refusal):
            raise means
        different = changes(then, self.now, self.act)
        if not different and not isinstance(means, Refusal):
            return means
        raise ChangedMeanwhile(
            incident=self.now.id,
            act=str(self.act),
            seen=self.seen,
            number=self.now.number,
            then=self._told(then, meant),
            now=self._told(self.now, means),
            changes=[_plain(change) for change in different],
            meanwhile=meanwhile(self.entries[self.seen :]),
        )

    def _when(self) -> datetime:
        """When it was done, as far as that can be: not before what its author had seen, and not later than
        now.
        """
        seen_at = self.entries[self.seen - 1].recorded_at
        return max(seen_at, min(self.happened_at or self.moment, self.moment))

    def _on(self, incident: Incident, moment: datetime) -> D | Refusal:
        try:
            return self.decide(incident, moment)
        except (DispatchError, UnknownIncident) as refused:
            return refused

    def _told(self, incident: Incident, outcome: D | Refusal) -> dict[str, Any]:
        """What it means on a state: the stage there, and where it leads or why it cannot be."""
        told: dict[str, Any] = {"stage": str(incident.stage)}
        if isinstance(outcome, Refusal):
            return told | {"refused": outcome.message, "why": type(outcome).__name__}
        fact = outcome.facts[0]
        return told | {"leads_to": str(STEPS[incident.stage, fact.act, fact.outcome])}

    def _out_of_sight(self, then: Incident) -> StorageError:
        """It went to where its author may not see it: what they did is theirs, what became of it is not."""
        unknown = UnknownIncident(incident=self.now.id)
        if not self.sees(then):
            return unknown
        meant = self._on(then, self._when())
        if isinstance(meant, Refusal):
            return unknown
        return ChangedMeanwhile(
            incident=self.now.id,
            act=str(self.act),
            seen=self.seen,
            number=None,
            then=self._told(then, meant),
            now={"stage": None, "refused": unknown.message, "why": type(unknown).__name__},
            changes=[],
            meanwhile=[],
        )


def _plain(change: Change) -> dict[str, Any]:
    return {"what": str(change.what), "then": change.then, "now": change.now}
