"""How the clocks of an incident stand, and when something is due and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from gridgov import due_times
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment
from gridgov.api.dependencies import GridGov, Reader

router = APIRouter(prefix="/api", tags=["clocks 时限"])


class When(Body):
    """At which moment the clocks are read."""

    at: Annotated[Moment | None, Field(description="a moment, also a past one; left out: now")] = None


class Due(Body):
    """What is to be done by when: a limit, or the one of a category."""

    limit: Annotated[str | None, Field(max_length=40, description="such as 2wd, 4wh, 2eh, 15wm")] = None
    category: Annotated[Line | None, Field(description="key or alias")] = None
    standard: Annotated[Code | None, Field(description="a case standard of the category")] = None
    calendar: Annotated[str | None, Field(max_length=40, description="a key of [[calendars]]")] = None
    start: Annotated[Moment | None, Field(description="when the clock starts; left out: now")] = None


@router.get("/incidents/{reference}/clocks")
def clocks(reference: str, when: Annotated[When, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """Every run of every clock of an incident: elapsed, paused, remaining, its colour (时限), at a moment."""
    service, moment = gridgov.service, when.at or reader.now
    told = due_times.clocks_of(service.reader, reader.scope, service.in_force.rules, reference, moment)
    return Answer(told)


@router.get("/due")
def due(sent: Annotated[Due, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """When something is due, when it turns yellow, and day by day what counted and what did not (期限)."""
    asked = due_times.Asked(sent.limit, sent.category, sent.standard, sent.calendar)
    told = due_times.due_time(gridgov.service.in_force.rules, asked, sent.start or reader.now)
    return Answer(due_times.due_dict(told))
