"""The city's file: read it, see what another one would change, put it in force. For administrators."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Response
from pydantic import Field

from gridgov import city, rerouting
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body
from gridgov.api.dependencies import Administrator, GridGov, Parts
from gridgov.api.figures_queue import Queued
from gridgov.rerouting_told import to_dict
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import NoRulesYet

router = APIRouter(prefix="/api/city", tags=["city 城市规则"])


class CityFile(Body):
    """A city's file, whole. ``seen`` is the version it was planned against."""

    text: Annotated[str, Field(min_length=1)]
    seen: Annotated[int, Field(ge=0, le=1 << 31)] | None = None


class PlannedFile(CityFile):
    """A file to be planned; with ``days`` also tried on the incidents reported in so many days before now."""

    days: Annotated[int, Field(strict=True, ge=1, le=rerouting.MOST_DAYS)] | None = None


@router.get("")
def text(_: Administrator, gridgov: GridGov) -> Response:
    """The file in force, comments and all."""
    with gridgov.service.reader.connect() as connection:
        found = city.current(connection)
    if found is None:
        raise NoRulesYet()
    return Answer({"version": found.version, "text": city.export(found)})


@router.post("/plan")
async def plan(sent: PlannedFile, _: Administrator, gridgov: GridGov, queue: Queued) -> Response:
    """What putting this file in force would change; nothing is changed. With ``days``, ``rerouted`` tells
    what it would have made of the incidents of that time: of the newest 100,000, where ``cut`` says so.
    """
    question = partial(_plan, sent, gridgov)
    # Deciding many incidents anew takes a core for seconds: they wait their turn with the figures.
    return await (anyio.to_thread.run_sync(question) if sent.days is None else queue.work_out(question))


def _plan(sent: PlannedFile, gridgov: Parts) -> Response:
    with snapshot(gridgov.service.reader) as connection:
        old, new = city.current(connection), city.parse(sent.text, 0)
        city.require_ends(new, gridgov.service.clock())
        changes, left = city.plan(old, new), city.stranded(connection, new)
        notes = city.notes_in_store(connection, new)
        tried: dict[str, Any] = {}
        if sent.days is not None and old is not None:
            sides, now = (old.rules, new.rules), gridgov.service.clock()
            found = rerouting.rerouted(connection, sides, now, sent.days)
            tried = {"rerouted": to_dict(found, old.rules.routing, new.rules.routing)}
    return Answer(
        {
            "version": old.version if old else 0,
            "changes": [asdict(change) | {"text": str(change)} for change in changes],
            "effects": [asdict(effect) | {"text": str(effect)} for effect in city.effects(old, new)],
            "notes": list(notes),
            "stranded": [asdict(one) | {"text": str(one)} for one in left],
            **tried,
        }
    )


@router.put("")
async def apply(sent: CityFile, by: Administrator, gridgov: GridGov) -> Response:
    """Put this file in force as a new version."""
    # Reading a long file takes a second: not on the loop that answers everybody else.
    chore = await anyio.to_thread.run_sync(city.apply, sent.text, by.id, sent.seen)
    applied = await gridgov.service.writer.act(chore)
    return Answer(asdict(applied) | {"changes": [str(change) for change in applied.changes]})
