"""The city's file: read it, see what another one would change, put it in force. For administrators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from gridgov import city
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body
from gridgov.api.dependencies import Administrator, GridGov
from gridgov.storage.errors import NoRulesYet

router = APIRouter(prefix="/api/city", tags=["city 城市规则"])


class CityFile(Body):
    """A city's file, whole. ``seen`` is the version it was planned against."""

    text: Annotated[str, Field(min_length=1)]
    seen: Annotated[int, Field(ge=0, le=1 << 31)] | None = None


@router.get("")
def text(_: Administrator, gridgov: GridGov) -> Response:
    """The file in force, comments and all."""
    with gridgov.service.reader.connect() as connection:
        found = city.current(connection)
    if found is None:
        raise NoRulesYet()
    return Answer({"version": found.version, "text": city.export(found)})


@router.post("/plan")
def plan(sent: CityFile, _: Administrator, gridgov: GridGov) -> Response:
    """What putting this file in force would change; nothing is changed."""
    with gridgov.service.reader.connect() as connection:
        old, new = city.current(connection), city.parse(sent.text, 0)
        changes, left = city.plan(old, new), city.stranded(connection, new)
        notes = city.notes_in_store(connection, new)
    return Answer(
        {
            "version": old.version if old else 0,
            "changes": [asdict(change) | {"text": str(change)} for change in changes],
            "effects": [asdict(effect) | {"text": str(effect)} for effect in city.effects(old, new)],
            "notes": list(notes),
            "stranded": [asdict(one) | {"text": str(one)} for one in left],
        }
    )


@router.put("")
async def apply(sent: CityFile, by: Administrator, gridgov: GridGov) -> Response:
    """Put this file in force as a new version."""
    applied = await gridgov.service.writer.act(city.apply(sent.text, by.id, sent.seen))
    return Answer(asdict(applied) | {"changes": [str(change) for change in applied.changes]})
