"""What tests of redrawn boundaries do and look at, named as facts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from dispatch.lifecycle import Act, Role
from geodata.grids import Hierarchy
from gridgov import accounts, city, commands
from gridgov.commands import SentAct, SentReport
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.siting import SentPosition
from gridgov.storage import ledger
from gridgov.storage.batch import Receipt
from tests.gridgov import scene

#: When the new boundaries are to take effect.
FRIDAY = scene.MONDAY + timedelta(days=4)


def import_(service: Service, hierarchy: Hierarchy, name: str = "second", **more: Any) -> city.Imported:
    chore = city.import_edition(
        hierarchy, name, made_up=True, findings=more.pop("findings", []), by="test", **more
    )
    done: city.Imported = service.writer.run(chore)
    return done


def report(service: Service, position: SentPosition | None, category: str = scene.COVER) -> str:
    sent = SentReport(str(uuid.uuid4()), category, "inspector", position=position)
    receipt: Receipt = service.writer.run(commands.report(scene.INSPECTOR, sent))
    return receipt.incident


def act(service: Service, by: scene.Somebody, act: Act, incident: str, seen: int, **more: Any) -> Receipt:
    receipt: Receipt = service.writer.run(
        commands.act(by, SentAct(str(uuid.uuid4()), incident, act, seen, **more))
    )
    return receipt


def entries(service: Service, incident: str) -> list[Any]:
    with service.reader.connect() as connection:
        return ledger.history(connection, [incident])[incident]


def place(service: Service, incident: str) -> tuple[tuple[str, ...], int | None]:
    """Where the projection says that an incident lies, and in which edition."""
    with service.reader.connect() as connection:
        since = ledger.since(connection, 0, 10_000)
    found = [told.after.place for told in since if told.entry.incident == incident][-1]
    return found.path, found.edition


def set_clock(service: Service, moment: datetime) -> None:
    assert isinstance(service.clock, scene.Clock)
    service.clock.now = moment


def states(service: Service) -> dict[int, str]:
    with service.reader.connect() as connection:
        return {one["edition"]: one["state"] for one in city.editions(connection)}


def hold(service: Service, name: str, role: Role, path: tuple[str, ...]) -> None:
    """Give somebody of the town a further assignment."""
    service.writer.run(
        accounts.assign(name, Assignment(f"as-{name}-{path[-1]}", role, path, None, scene.LONG_AGO))
    )
