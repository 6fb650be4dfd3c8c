"""Closure figures over HTTP, as JSON or as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from dispatch.categories import Urgency
from dispatch.closure import Period
from gridgov.accounts import Person
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment
from gridgov.api.dependencies import FIGURE_ROLES, FiguresReader, GridGov, Parts
from gridgov.api.incidents import codes
from gridgov.errors import FiguresBusy
from gridgov.exporting import cell
from gridgov.scope import Scope, scope_of
from gridgov.statistics.closure import Closure, closure, to_dict, to_table
from gridgov.storage.incidents import Wanted

router = APIRouter(prefix="/api", tags=["closure 结案率"])


class Asked(Body):
    """Figures of what, by what, for when."""

    by: Annotated[
        Line, Field(description="none, department, category, channel, urgency, or the key of a level")
    ] = "none"
    start: Annotated[Moment | None, Field(alias="from")] = None
    end: Annotated[Moment | None, Field(alias="to", description="not included")] = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    edition: Annotated[
        Literal["as_recorded"] | Annotated[int, Field(ge=1, le=1 << 31)] | None,
        Field(
            description="whose levels and grids: an edition's number, by default the one in force at the end"
            " of the period; as_recorded for every incident where it was recorded"
        ),
    ] = None
    department: Code | None = None
    category: Code | None = None
    urgency: Urgency | None = None


class Desk:
    """Where figures are worked out: few at a time, in threads of their own, so that reports need not wait
    until everybody has theirs. Each looks at every incident.
    """

    def __init__(self, at_once: int = 2, waiting: int = 16) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = waiting

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._limiter.statistics().tasks_waiting

    async def work_out(self, question: Callable[[], Response]) -> Response:
        """What the question answers, in its turn; raises FiguresBusy where too many wait already."""
        if self.waiting >= self._most:
            raise FiguresBusy()
        return await anyio.to_thread.run_sync(question, limiter=self._limiter)


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.figures
    return desk


FiguresDesk = Annotated[Desk, Depends(_desk)]


@router.get("/closure")
async def figures(
    asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov, desk: FiguresDesk, request: Request
) -> Response:
    """Closure figures (结案率) of what I answer for, each with definition, numerator and denominator."""
    as_csv = "text/csv" in request.headers.get("accept", "")
    return await desk.work_out(partial(_csv if as_csv else _json, gridgov, by, asked))


@router.get("/closure.csv")
async def figures_csv(
    asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov, desk: FiguresDesk
) -> Response:
    """The same as a table for spreadsheets."""
    return await desk.work_out(partial(_csv, gridgov, by, asked))


def _asked(gridgov: Parts, by: Person, asked: Asked) -> Closure:
    service = gridgov.service
    now = service.clock()
    wanted = Wanted(
        under=codes(asked.under),
        department=asked.department,
        category=asked.category,
        urgency=asked.urgency,
    )
    period, scope = Period(asked.start, asked.end), answers_for(by, gridgov)
    return closure(service.reader, service.in_force, scope, asked.by, period, wanted, now, asked.edition)


def answers_for(by: Person, gridgov: Parts) -> Scope:
    """What somebody answers for: what those of their assignments cover to which figures belong.

    Whoever answers for a whole grid of the widest level is shown the tray's row as well: what has no place is
    nobody's street, and would otherwise be missing from the roll-up of the city.
    """
    held = [a for a in by.assignments if a.role in FIGURE_ROLES]
    scope = scope_of(by.id, held, gridgov.service.clock())
    return replace(scope, claims=tuple(replace(c, tray=c.tray or len(c.path) == 1) for c in scope.claims))


def _json(gridgov: Parts, by: Person, asked: Asked) -> Response:
    return Answer(to_dict(_asked(gridgov, by, asked)))


def _csv(gridgov: Parts, by: Person, asked: Asked) -> Response:
    out = io.StringIO()
    csv.writer(out).writerows(
        [[cell(value) for value in line] for line in to_table(_asked(gridgov, by, asked))]
    )
    headers = {"Content-Disposition": 'attachment; filename="closure.csv"', "Cache-Control": "no-store"}
    # The mark at the beginning makes spreadsheets read it as UTF-8, without which Chinese is unreadable
    # there.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
