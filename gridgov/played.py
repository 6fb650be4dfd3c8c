"""What the demo's people find sensible to do with an incident, as its row shows it, and who of them does it.

The lifecycle's table says what is allowed in a stage; here is what it cannot say: that there is something to
grant, to answer, to accept, to take back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatch.lifecycle import Act, Role, Stage, Transition
from gridgov.players import Player
from gridgov.scope import Seen

#: A department may be given so many extensions, and a suspension once.
MOST_EXTENSIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Did:
    """What somebody did last with an incident."""

    who: Player
    move: Transition


@dataclass(frozen=True, slots=True)
class Case:
    """An incident as the server shows it: its ``row``, the acts ``offered`` to a shift leader, how many
    photos its case standard demands by act, the row of the one it may be the same as, what was done last and
    can be taken back, and the moment.
    """

    row: Mapping[str, Any]
    offered: frozenset[str]
    demands: Mapping[str, int]
    twin: Mapping[str, Any] | None
    last: Did | None
    now: datetime

    @property
    def waiting(self) -> list[str]:
        """The departments that have not taken up their part yet, the lead before co-handlers."""
        row = self.row
        lead = [row["lead"]] if row["lead"] and row["accepted_by"] is None else []
        return lead + [part["department"] for part in row["parts"] if part["state"] == "open"]

    @property
    def unfinished(self) -> list[str]:
        """The co-handlers that have not reported their part yet."""
        return [part["department"] for part in self.row["parts"] if part["state"] != "done"]

    @property
    def is_late(self) -> bool:
        """Was it closed after its limit?"""
        due, closed = self.row["due_at"], self.row["closed_at"]
        return bool(due and closed and datetime.fromisoformat(closed) > datetime.fromisoformat(due))

    def is_short_of(self, act: Act) -> bool:
        """Does the case standard demand more photos of the report than there are?"""
        return len(self.row["photos"]) < self.demands.get(act, 0)


def seen(row: Mapping[str, Any]) -> Seen:
    """What of a row decides who sees it."""
    people = [row["reported_by"], row["task_person"], row["assignee"]]
    departments = (row["lead"], *row["co_handlers"]) if row["lead"] else ()
    return Seen(tuple(row["path"]), departments, tuple(one for one in people if one is not None))


# -- what makes sense ------------------------------------------------------------------------------


def makes_sense(move: Transition, case: Case) -> bool:
    """Is there something to do this on?"""
    asked = _SENSE.get(move.act)
    return asked is None or asked(move, case)


def _is_offered(move: Transition, case: Case) -> bool:
    return move.act in case.offered


def _correct(move: Transition, case: Case) -> bool:
    return move.stage is not Stage.HANDLING or case.row["lon"] is not None


def _apply(move: Transition, case: Case) -> bool:
    row = case.row
    if row["application"] is not None:
        return False
    if move.outcome == "suspension":
        return not row["suspensions"]
    due_at = row["due_at"]
    return row["extensions"] < MOST_EXTENSIONS and due_at and datetime.fromisoformat(due_at) > case.now


def _take_back(move: Transition, case: Case) -> bool:
    return case.last is not None and case.last.move.stage == move.outcome


_SENSE: Final[Mapping[Act, Callable[[Transition, Case], bool]]] = {
    Act.UNDO: _is_offered,
    Act.ACKNOWLEDGE: _is_offered,
    Act.PASS_ON: _is_offered,
    Act.SELF_HANDLE: lambda _, case: bool(case.row["photos"]),
    Act.JOIN: lambda _, case: case.twin is not None,
    Act.FILE: lambda _, case: not case.is_short_of(Act.REPORT),
    Act.CORRECT: _correct,
    Act.ACCEPT: lambda _, case: bool(case.waiting),
    Act.DECLINE: lambda _, case: bool(case.unfinished),
    Act.REPORT_PART: lambda _, case: bool(case.unfinished),
    Act.HANDLE: lambda _, case: not case.unfinished,
    Act.APPLY: _apply,
    Act.GRANT: lambda move, case: case.row["application"] == move.outcome,
    Act.REFUSE: lambda _, case: case.row["application"] is not None,
    Act.SUPERVISE: lambda _, case: not case.row["supervised"],
    Act.ANSWER: lambda _, case: bool(case.row["supervised"]),
    Act.CLOSE: lambda _, case: not case.row["supervised"],
    Act.APPEAL: lambda _, case: case.is_late and case.row["appeal"] is None and case.row["lead"] is not None,
    Act.DECIDE: lambda _, case: case.row["appeal"] == "open",
    Act.ACCEPT_TASK: lambda _, case: case.row["task_state"] == "offered",
    Act.DECLINE_TASK: lambda _, case: case.row["task_person"] is not None,
    Act.TAKE_BACK: _take_back,
}

# -- who does it -----------------------------------------------------------------------------------

#: What the lead's own people alone do.
_LEADS: Final = frozenset(
    {Act.RETURN, Act.APPLY, Act.HANDLE, Act.ENFORCE, Act.APPEAL, Act.ANSWER, Act.ASSIGN}
)
_CO_HANDLERS: Final = frozenset({Act.DECLINE, Act.REPORT_PART})
_SENT: Final = frozenset({Act.ACCEPT_TASK, Act.DECLINE_TASK})


def who_may(move: Transition, case: Case, people: Sequence[Player]) -> list[Player]:
    """Those of the people who may do it: by their roles, their departments, and what they did before."""
    row, act = case.row, move.act
    if act is Act.TAKE_BACK:
        return [] if case.last is None else [case.last.who]
    if act in _SENT:
        return [one for one in people if one.id == row["task_person"]]
    if act is Act.SELF_HANDLE:
        return [one for one in people if one.id == row["reported_by"] and _is(one, Role.INSPECTOR)]
    if act in _CO_HANDLERS:
        able = _of(people, case.unfinished)
    elif act is Act.ACCEPT:
        able = _of(people, case.waiting)
    elif act in _LEADS and move.stage is not Stage.DISPATCH:
        able = _of(people, [row["lead"]])
    else:
        able = [one for one in people if one.id is None or one.id != row["handled_by"]]
    roles = move.roles - _only_after_a_call(move)
    able = [one for one in able if not roles.isdisjoint(one.roles(seen(row), case.now))]
    if act is Act.JOIN and case.twin is not None:
        return [one for one in able if one.roles(seen(case.twin), case.now)]
    return able


def _of(people: Iterable[Player], departments: Sequence[str]) -> list[Player]:
    """The handlers of these departments."""
    return [one for one in people if any(a.department in departments for a in one.assignments)]


def _is(one: Player, role: Role) -> bool:
    return any(a.role is role for a in one.assignments)


def _only_after_a_call(move: Transition) -> frozenset[Role]:
    """Who may reopen what is closed only where somebody who was called back was not content."""
    again = move.act is Act.REOPEN and move.stage is Stage.CLOSED
    return frozenset({Role.INTAKE_CLERK}) if again else frozenset()
