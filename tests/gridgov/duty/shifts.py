"""The town's rota in tests: who is put on duty, where they say they are, and acts on incidents by name."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Act
from gridgov import commands
from gridgov.accounts import find_person
from gridgov.duty import keeping, whereabouts
from gridgov.duty.reading import Where
from gridgov.duty.rota import Asked, Shift
from gridgov.service import Service
from gridgov.storage.ledger import MAIN, history
from tests.gridgov import scene

N, S = ("D", "N"), ("D", "S")
GRIDS = {code: ("D", code[0], code) for code in ("N1", "N2", "S1", "S2")}


def may(_: tuple[str, ...]) -> None:
    """Whoever asks may."""


def hours(number: float) -> datetime:
    """So many hours after the town's clock began to run."""
    return scene.MONDAY + timedelta(hours=number)


def asked(person: str, path: Any, since: float | None = None, until: float = 8, for_: Any = None) -> Asked:
    grid = GRIDS.get(path, path)
    return Asked(str(uuid.uuid4()), person, grid, None if since is None else hours(since), hours(until), for_)


def put(service: Service, person: str, path: Any, *more: Any, **named: Any) -> Shift:
    """Put somebody on duty, from now until in eight hours unless told."""
    shift: Shift = service.writer.run(keeping.add(asked(person, path, *more, **named), "leader"))
    return shift


def says(service: Service, person: str, grid: str, east: float = 0.0) -> None:
    """Somebody on duty says that they are in the middle of a grid, or a little east of it, in degrees."""
    at = scene.at(grid)
    service.writer.run(whereabouts.note(person, Where(at.lon + east, at.lat, 5.0)))


def report(service: Service, grid: str | None = "N1", by: str = "clerk") -> str:
    """Something is reported; its id."""
    position = None if grid is None else scene.at(grid)
    sent = commands.SentReport(str(uuid.uuid4()), scene.COVER, "phone", position=position)
    service.writer.run(commands.report(who(service, by), sent))
    return sent.id


def act(service: Service, by: str, act: Act, incident: str, **more: Any) -> Incident:
    """Somebody does something with an incident as it is; the incident after it."""
    seen = now(service, incident).number
    sent = commands.SentAct(str(uuid.uuid4()), incident, act, seen, **more)
    service.writer.run(commands.act(who(service, by), sent))
    return now(service, incident)


def asked_to_look(service: Service, grid: str | None = "N1") -> str:
    """Something is reported, and verification asked for; its id."""
    id_ = report(service, grid)
    act(service, "clerk", Act.ASK, id_, reason="在不在?")
    return id_


def now(service: Service, incident: str) -> Incident:
    """An incident as the ledger has it."""
    return fold(entries(service, incident))


def entries(service: Service, incident: str) -> list[Any]:
    with service.reader.connect() as connection:
        return list(history(connection, [incident], MAIN)[incident])


def told(service: Service, incident: str) -> list[tuple[str, str, str | None]]:
    """Its entries about tasks: what, by whom, for whom."""
    acts = (Act.TASK, Act.ACCEPT_TASK, Act.DECLINE_TASK, Act.EXPIRE_TASK)
    return [
        (str(e.fact.act), e.by, getattr(e.fact, "person", None))
        for e in entries(service, incident)
        if e.fact.act in acts
    ]


def who(service: Service, name: str) -> Any:
    with service.reader.connect() as connection:
        return find_person(connection, name)
