"""The small town as random lives are played in it: who its people are to an incident, and who is on duty, written
down plainly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dispatch.lifecycle import Role
from dispatch.tasks import Candidate
from gridgov import accounts
from gridgov.accounts import Person as Account
from gridgov.commands import SentAct
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.siting import SentPosition
from tests.dispatch.plain_board import Board
from tests.dispatch.plain_ground import Ground
from tests.dispatch.plain_playbook import Asked, Person
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, PEOPLE, QUICK

Path = tuple[str, ...]
N, S = ("D", "N"), ("D", "S")
SQUARES = {code: ("D", code[0], code) for code in ("N1", "N2", "S1", "S2")}
#: Two who hold two roles: so that it happens that somebody patrols and would handle.
BOTH = {
    "jack": ((Role.INSPECTOR, ("D",), None), (Role.HANDLER, (), "water")),
    "jill": ((Role.INSPECTOR, N, None), (Role.HANDLER, N, "north_office"), (Role.HANDLER, S, "cleaning")),
}
#: Everybody but who only administers: name -> (role, path, department), several.
CAST: dict[str, tuple[tuple[Role, Path, str | None], ...]] = {
    name: (held,) for name, held in PEOPLE.items() if name != "administrator"
} | BOTH
INSPECTORS = {
    "inspector": (("D",), N, S, *SQUARES.values()),
    "inspector_n": (N, SQUARES["N1"], SQUARES["N2"]),
    "inspector_s": (S, SQUARES["S1"], SQUARES["S2"]),
    "jack": (("D",), SQUARES["N1"]),
}


def add_both(service: Service) -> None:
    """Add those who hold two roles to the town's people."""
    for name in BOTH:
        service.writer.run(accounts.add(account(name), QUICK.hash(PASSWORD)))


def account(name: str) -> Account:
    """One of the people, with what they hold."""
    held = tuple(
        Assignment(f"as-{name}" if not number else f"as-{name}-{number}", *one, scene.LONG_AGO)
        for number, one in enumerate(CAST[name])
    )
    return Account(name, name, name.capitalize(), held)


def units(path: Path) -> tuple[tuple[str, str], ...]:
    """Whose ground it is: the district's office answers for all of it, the north office for the north."""
    found = [("district", "office")] if path else []
    return (*found, ("street", "north_office")) if path[:2] == N else tuple(found)


# -- who somebody is to an incident


def departments_of(board: Board) -> set[str]:
    """The departments that have it in hand."""
    return set() if board.lead is None else {board.lead, *board.with_them}


def reaches(held: tuple[Role, Path, str | None], board: Board) -> bool:
    """Does what somebody holds reach an incident? What has no place is intake's and the shift leaders', of
    those who answer for everything, and of the departments that have it in hand.
    """
    role, path, department = held
    if department is not None and department not in departments_of(board):
        return False
    if board.path:
        return board.path[: len(path)] == path
    return not path or department is not None or role in (Role.INTAKE_CLERK, Role.SHIFT_LEADER)


def is_sent(board: Board, name: str) -> bool:
    return board.task_person == name and board.task_state in ("offered", "accepted")


def sees(board: Board, name: str) -> bool:
    """Who reported it, is sent to it, or was handed it sees it, beside those whose grid or department it is."""
    if name == board.reporter or is_sent(board, name):
        return True
    handed = {board.own.assignee, *(part.assignee for part in board.parts.values())}
    if board.lead is not None and name in handed:
        return True
    return any(reaches(held, board) for held in CAST[name])


def person_on(board: Board, name: str, act: str = "") -> Person:
    """Somebody with the roles they have on an incident. Who takes back something is who they were before it."""
    if act == "take_back" and board.last is not None and board.last[0] == name:
        board = board.last[2]
    held = [one for one in CAST[name] if reaches(one, board)]
    roles = {str(role) for role, _, _ in held}
    looks = {role for role, _, _ in CAST[name]} & {Role.INSPECTOR, Role.SHIFT_LEADER}
    if is_sent(board, name) and looks:
        roles.add("inspector")
    return Person(name, frozenset(roles), frozenset(d for _, _, d in held if d is not None))


def sees_for(board: Board, name: str, act: str) -> bool:
    """The same for seeing."""
    if act == "take_back" and board.last is not None and board.last[0] == name:
        board = board.last[2]
    return sees(board, name)


# -- who is on duty


@dataclass
class PlainRota:
    """Who is on duty where until when, and where they said they were."""

    duties: list[tuple[str, Path, datetime, datetime]] = field(default_factory=list)
    said: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def until(self, name: str, now: datetime) -> datetime | None:
        """When their duty ends, where they are on duty."""
        ends = [end for who, _, since, end in self.duties if who == name and since <= now < end]
        return ends[0] if ends else None

    def on_duty(self, path: Path, now: datetime) -> list[Candidate]:
        """All on duty, as seen from an incident; nobody is near to what lies nowhere."""
        if not path:
            return []
        found = []
        for name, grid, since, end in self.duties:
            if since <= now < end:
                where = self.said.get(name)
                far = away(where[0], path[-1]) if where is not None and now < where[1] else None
                depth = len(grid) if path[: len(grid)] == grid else 0
                found.append(Candidate(name, depth, far))
        return found


def away(one: str, other: str) -> float:
    """How far the middles of two squares are from each other, in metres, as if the earth were flat there."""
    a, b = scene.at(one), scene.at(other)
    return math.hypot((a.lon - b.lon) * 102_800, (a.lat - b.lat) * 110_750)


def ground(service: Service, rota: PlainRota) -> Ground:
    """What a plain life in the town stands on."""
    rules = service.in_force.rules
    return Ground(rules.categories, rules.routing, units, rota.on_duty, 10)


def may_handle(name: str, department: str | None, path: Path) -> bool:
    """Is somebody a handler of that department there?"""
    return any(d == department and d is not None and path[: len(p)] == p for _, p, d in CAST[name])


def is_inspector(name: str) -> bool:
    return any(role is Role.INSPECTOR for role, _, _ in CAST[name])


# -- how an act is sent


#: Acts that say yes or no, and under which name.
YES = {"verify": "found", "check": "passed", "decide": "granted"}


def sent(id_: str, act: Any, incident: str, seen: int, asked: Asked) -> SentAct:
    """What the act comes in as."""
    named, words = str(act), asked.words
    more: dict[str, Any] = {"reason": words, "department": asked.department, "photos": asked.photos}
    of: dict[str, dict[str, Any]] = {
        "note": {"words": "那家店"},
        "enforce": {"words": "那家店", "measure": words, "legal_basis": words, "document": words},
        "place": {"position": position(asked)},
        "correct": {"category": asked.category, "standard": asked.standard, "position": position(asked)},
        "file": {"category": asked.category, "standard": asked.standard},
        "dispatch": {"co_handlers": asked.co_handlers},
        "involve": {"co_handlers": asked.co_handlers},
        "assign": {"person": asked.person, "crew": asked.crew},
        "task": {"person": asked.person},
        "apply": {"wish": asked.wish, "until": asked.until if asked.wish == "suspension" else None},
        "call_back": {
            "contacted": asked.contacted,
            "solved": asked.content,
            "satisfied": asked.content,
        },
        "join": {"leader": asked.other},
    }
    if named in YES:
        more[YES[named]] = asked.yes
    return SentAct(id_, incident, act, seen, **more, **of.get(named, {}))


def position(asked: Asked) -> SentPosition | None:
    """The middle of the square that was named."""
    return scene.at(asked.path[-1]) if asked.path else None
