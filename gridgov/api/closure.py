"""Closure figures over HTTP, as JSON or as CSV."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from dispatch.categories import Urgency
from dispatch.closure import Period
from gridgov.accounts import Person
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment
from gridgov.api.dependencies import FIGURE_ROLES, FiguresReader, GridGov, Parts
from gridgov.api.incidents import grid_path
from gridgov.scope import Scope, scope_of
from gridgov.statistics.closure import Closure, closure, to_dict, to_table
from gridgov.storage.incidents import Wanted

router = APIRouter(prefix="/api", tags=["closure 结案率"])

#: Spreadsheets run a cell that begins with one of these as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Asked(Body):
    """Figures of what, by what, for when."""

    by: Annotated[
        Line, Field(description="none, department, category, channel, urgency, or the key of a level")
    ] = "none"
    start: Annotated[Moment | None, Field(alias="from")] = None
    end: Annotated[Moment | None, Field(alias="to", description="not included")] = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    department: Code | None = None
    category: Code | None = None
    urgency: Urgency | None = None


@router.get("/closure")
def figures(
    asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov, request: Request
) -> Response:
    """Closure figures (结案率) of what I answer for, each with definition, numerator and denominator."""
    found = _asked(gridgov, by, asked)
    return _csv(found) if "text/csv" in request.headers.get("accept", "") else Answer(to_dict(found))


@router.get("/closure.csv")
def figures_csv(asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov) -> Response:
    """The same as a table for spreadsheets."""
    return _csv(_asked(gridgov, by, asked))


def _asked(gridgov: Parts, by: Person, asked: Asked) -> Closure:
    service = gridgov.service
    now = service.clock()
    wanted = Wanted(
        under=grid_path(gridgov, asked.under),
        department=asked.department,
        category=asked.category,
        urgency=asked.urgency,
    )
    period, scope = Period(asked.start, asked.end), answers_for(by, gridgov)
    return closure(service.reader, service.in_force, scope, asked.by, period, wanted, now)


def answers_for(by: Person, gridgov: Parts) -> Scope:
    """What somebody answers for: what those of their assignments cover to which figures belong."""
    held = [a for a in by.assignments if a.role in FIGURE_ROLES]
    return scope_of(by.id, held, gridgov.service.clock())


def _csv(found: Closure) -> Response:
    out = io.StringIO()
    csv.writer(out).writerows([[_safe(cell) for cell in line] for line in to_table(found)])
    headers = {"Content-Disposition": 'attachment; filename="closure.csv"', "Cache-Control": "no-store"}
    # The mark at the beginning makes spreadsheets read it as UTF-8, without which Chinese is unreadable
    # there.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
