"""Who is told what, how that stands, and what is done where it does not arrive; for administrators."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from gridgov import city
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Line
from gridgov.api.dependencies import Administrator, GridGov
from gridgov.errors import FiguresBusy
from gridgov.outbox import acts, status, trying
from gridgov.outbox.rules import Telling

router = APIRouter(prefix="/api/outbox", tags=["outbox 通知"])

#: A dry run reads days of history: one at a time.
_ONE: Final = BoundedSemaphore(1)


class OfTarget(Body):
    """Which target."""

    target: Annotated[Line, Field(min_length=1, max_length=200)]


class Dead(OfTarget):
    """What is dead at a target: one delivery, or all."""

    id: Annotated[Line, Field(max_length=100)] | None = None


class Discarded(Dead):
    """What is thrown away, and why."""

    reason: Annotated[str, Field(max_length=acts.LONGEST_REASON)] = ""


class DryRun(Body):
    """A city's file, the one in force unless told; over how many days, and how many entries at most."""

    text: str | None = None
    days: Annotated[int, Field(ge=1, le=trying.MOST_DAYS)] = 7
    most: Annotated[int, Field(ge=1, le=trying.MOST)] = trying.MOST


@router.get("")
def outbox(_: Administrator, gridgov: GridGov) -> Response:
    """How each target stands: how far it is, what waits and since when, what is dead."""
    service = gridgov.service
    with service.reader.connect() as connection:
        return Answer(status.status(connection, service.settings, service.clock(), service.stream))


@router.get("/dead")
def dead(
    _: Administrator,
    gridgov: GridGov,
    target: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """What could not be delivered, the newest first."""
    with gridgov.service.reader.connect() as connection:
        return Answer({"dead": status.dead(connection, target, limit, offset, gridgov.service.stream)})


@router.post("/resend")
def resend(sent: Dead, _: Administrator, gridgov: GridGov) -> Response:
    """Send again what is dead."""
    return Answer(acts.resend(gridgov.service, sent.target, sent.id))


@router.post("/discard")
def discard(sent: Discarded, by: Administrator, gridgov: GridGov) -> Response:
    """Throw away what is dead, with a reason."""
    return Answer(acts.discard(gridgov.service, sent.target, sent.id, sent.reason, by.id))


@router.post("/secret")
def secret(sent: OfTarget, _: Administrator, gridgov: GridGov) -> Response:
    """Give a webhook another secret; it is told this once."""
    return Answer(acts.rotate(gridgov.service, sent.target))


@router.post("/test")
def test(sent: OfTarget, _: Administrator, gridgov: GridGov) -> Response:
    """Send a message that says it is a test."""
    return Answer(acts.trial(gridgov.service, sent.target))


@router.post("/try")
def dry_run(sent: DryRun, _: Administrator, gridgov: GridGov) -> Response:
    """What would have been told to whom over the last days; nothing is sent."""
    if not _ONE.acquire(blocking=False):
        raise FiguresBusy("another dry run is under way; try again in a few seconds")
    try:
        service = gridgov.service
        with service.reader.connect() as connection:
            found = city.current(connection) if sent.text is None else city.parse(sent.text, 0)
            telling = Telling() if found is None else found.telling
            return Answer(
                trying.dry_run(connection, telling, sent.days, service.clock(), sent.most, service.stream)
            )
    finally:
        _ONE.release()
