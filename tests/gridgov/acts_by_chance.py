"""What people put into each act, by chance: always something that is not refused where the act is open to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dispatch.entries import Place
from dispatch.incidents import Incident
from dispatch.lifecycle import Act, Stage
from dispatch.tasks import Candidate
from gridgov.scope import scope_of, seen_of
from gridgov.siting import SentPosition
from tests.gridgov import scene

SQUARES = ("N1", "N2", "S1", "S2")
CATEGORIES = (scene.COVER, scene.RUBBISH, scene.NOISE)
DEPARTMENTS = (None, "water", "cleaning", "office", "north_office")
#: Those of the departments of which somebody is there to do their part.
MANNED = ("water", "cleaning", "north_office")
#: Who can be sent to look; the second has a grid of their own, and sees others only when sent there.
SENT = ("inspector", "square")


class SomeOnDuty:
    """Two inspectors are on duty for the north and the tray; in the south nobody is ever sent by itself."""

    def __init__(self, *_: object) -> None:
        """Takes what any other takes."""

    def on_duty(self, place: Place) -> Sequence[Candidate]:
        """The second one first: where they are sent, they see what else they would not."""
        if place.path[1:2] == ("S",):
            return ()
        return (Candidate("square", 2, 10.0), Candidate("inspector", 1, 20.0))

    def is_inspector(self, person: str, path: tuple[str, ...]) -> bool:
        """Only those two are."""
        return person in SENT

    def may_handle(self, person: str, department: str, path: tuple[str, ...]) -> bool:
        """Each department has one."""
        return {"water": "water", "cleaning": "cleaning", "north": "north_office"}.get(person) == department


@dataclass(frozen=True)
class Moment:
    """Somebody is about to act on an incident: what there is besides, and when it is."""

    chance: Random
    incident: Incident
    by: scene.Somebody
    incidents: Mapping[str, Incident]
    now: datetime


More = dict[str, Any]


def more(act: Act, moment: Moment) -> More | None:
    """The fields of the act beside its ids and number; None where they have nothing to put in."""
    given = _FIELDS.get(act, lambda _: {})(moment)
    return None if given is None else {"reason": "因为"} | given


def _photo(m: Moment) -> str:
    return f"{m.chance.getrandbits(256):064x}"


def _somewhere(m: Moment) -> SentPosition:
    middle = scene.at(m.chance.choice(SQUARES))
    return replace(middle, lon=middle.lon + m.chance.uniform(-0.003, 0.003))


def _dispatch(m: Moment) -> More:
    others = None if m.chance.random() < 0.3 else _some(m)
    return {"department": m.chance.choice(DEPARTMENTS), "co_handlers": others}


def _some(m: Moment) -> tuple[str, ...]:
    return tuple(m.chance.sample(MANNED, m.chance.randrange(3)))


def _correct(m: Moment) -> More:
    return {"position": _somewhere(m), "category": m.chance.choice([None, *CATEGORIES])}


def _join(m: Moment) -> More | None:
    mine = scope_of(m.by.id, m.by.assignments, scene.MONDAY)
    leaders = [
        one.id
        for one in m.incidents.values()
        if one.is_open
        and one.stage is not Stage.IMPORTED
        and one.id != m.incident.id
        and mine.sees(seen_of(one))
    ]
    return {"leader": m.chance.choice(leaders)} if leaders else None


def _assign(m: Moment) -> More | None:
    return None if m.by.id in m.incident.eyes else {"person": m.by.id}


def _apply(m: Moment) -> More | None:
    incident, wishes = m.incident, []
    if incident.extended < 2 and incident.due_at is not None and incident.due_at > m.now + _AWHILE:
        wishes.append("extension")
    if not incident.suspensions:
        wishes.append("suspension")
    if not wishes:
        return None
    wish = m.chance.choice(wishes)
    return {"wish": wish, "until": m.now + timedelta(days=20) if wish == "suspension" else None}


def _grant(m: Moment) -> More | None:
    asked = m.incident.application
    assert asked is not None
    return None if asked.until is not None and asked.until < m.now + _AWHILE else {}


def _task(m: Moment) -> More | None:
    who = [person for person in SENT if person not in m.incident.hands]
    return {"person": m.chance.choice(who)} if who else None


def _call_back(m: Moment) -> More:
    if m.chance.random() < 0.2:
        return {"contacted": False}
    return {"contacted": True, "solved": m.chance.random() < 0.5, "satisfied": m.chance.random() < 0.5}


#: Longer than it takes until what is sent is decided.
_AWHILE = timedelta(hours=1)
_FIELDS: Mapping[Act, Callable[[Moment], More | None]] = {
    Act.DISPATCH: _dispatch,
    Act.INVOLVE: lambda m: {"co_handlers": _some(m)},
    Act.CORRECT: _correct,
    Act.JOIN: _join,
    Act.ASSIGN: _assign,
    Act.APPLY: _apply,
    Act.GRANT: _grant,
    Act.TASK: _task,
    Act.CALL_BACK: _call_back,
    Act.DECIDE: lambda m: {"granted": m.chance.random() < 0.5},
    Act.SELF_HANDLE: lambda m: {"before": (_photo(m),), "photos": (_photo(m),)},
    Act.ENFORCE: lambda _: {"measure": "罚款", "legal_basis": "条例", "document": "一号", "words": "某人"},
    Act.VERIFY: lambda m: {"found": m.chance.random() < 0.6},
    Act.CHECK: lambda m: {"passed": m.chance.random() < 0.6},
    Act.PLACE: lambda m: {"position": m.chance.choice([*map(scene.at, SQUARES), scene.OUTSIDE])},
    Act.NOTE: lambda _: {"words": "备注"},
    Act.ATTACH: lambda m: {"photos": (_photo(m),)},
    Act.FILE: lambda m: {"category": m.chance.choice([None, *CATEGORIES])},
}
