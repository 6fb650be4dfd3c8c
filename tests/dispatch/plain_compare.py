"""Is an incident what the whiteboard says? Every difference, by name."""

from datetime import datetime

from dispatch.entries import Started
from dispatch.incidents import Incident
from tests.dispatch.plain_board import Board, Clock
from tests.dispatch.plain_time import own_time


def differences(board: Board, told: Incident) -> dict[str, tuple[object, object]]:
    """What is not the same, as (whiteboard, incident)."""
    pairs = {
        **_standing(board, told),
        **_clocks(board, told),
        **_handling(board, told),
        **_looking(board, told),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def settle(board: Board, told: Incident, now: datetime) -> None:
    """A clock that goes on is proven by counting: from now to its end as much passes as was left."""
    assert board.limit is not None
    assert board.left is not None
    assert told.due_at is not None
    assert own_time(board.limit.unit, now, told.due_at) == board.left
    board.goes_on(told.due_at)


def _standing(board: Board, told: Incident) -> dict[str, tuple[object, object]]:
    return {
        "stage": (board.stage, str(told.stage)),
        "category": ((board.category, board.standard), (told.category, told.standard)),
        "path": (board.path, told.place.path),
        "owner": (board.owner, told.department),
        "lead": (board.lead, told.lead),
        "co-handlers": (board.with_them, told.co_handlers),
        "photos": (set(board.photos), set(told.photos)),
        "leader": (board.leader, told.leader),
        "followers": (board.followers, list(told.followers)),
        "self-handled": (board.self_handled, told.self_handled),
        "appeal": (board.appeal, told.appeal),
        "filed": (board.filed_at, told.filed_at),
        "closed": (board.closed_at, told.closed_at),
        "counts": (board.counts, {name: getattr(told, name) for name in board.counts}),
    }


def _clocks(board: Board, told: Incident) -> dict[str, tuple[object, object]]:
    supervised = None if told.supervision is None else told.supervision.starts
    return {
        "clock": (_plain(board.clock), _started(told.clock)),
        "due": (board.due_at, told.due_at),
        "left": (None if board.left is None else board.left.total_seconds(), told.remaining_s),
        "suspended until": (board.until, told.suspended_until),
        "suspensions": (board.suspensions, told.suspensions),
        "extensions": ((board.extensions, board.extended), (told.extensions, told.extended)),
        "supervised": (_plain(board.supervision), _started(supervised)),
        "supervisions": (board.supervisions, told.supervisions),
        "overdue": (
            sorted(one.split("/")[0] for one in board.overdue),
            sorted(one.split("/")[0] for one in told.noticed if one.endswith("/overdue")),
        ),
    }


def _handling(board: Board, told: Incident) -> dict[str, tuple[object, object]]:
    own, wish = board.own, told.application
    return {
        "lead's part": (
            (own.taken_by, own.crew, own.assignee),
            (told.accepted_by, told.crew, told.assignee),
        ),
        "parts": (
            [(name, p.state, p.taken_by, p.crew, p.assignee) for name, p in board.parts.items()],
            [(p.department, p.state, p.accepted_by, p.crew, p.assignee) for p in told.parts],
        ),
        "application": (board.applied, None if wish is None else (wish.wish, wish.until)),
        "enforcements": (board.enforcements, told.enforcements),
        "handled by": (board.handled_by, told.handled_by),
    }


def _looking(board: Board, told: Incident) -> dict[str, tuple[object, object]]:
    task = told.task
    return {
        "task": (
            (board.task, board.task_person, board.task_state, board.task_by),
            (None,) * 4 if task is None else (task.kind, task.person, task.state, task.answer_by),
        ),
        "passed over": (set(board.passed_over), set(told.passed_over)),
        "eyes": (board.eyes, set(told.eyes)),
        "hands": (board.hands, set(told.hands)),
    }


def _plain(clock: Clock | None) -> tuple[str, datetime] | None:
    return None if clock is None else (clock.name, clock.due)


def _started(clock: Started | None) -> tuple[str, datetime] | None:
    return None if clock is None else (str(clock.clock), clock.due_at)
