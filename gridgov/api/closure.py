"""Closure figures over HTTP, as JSON or as CSV, and the incidents behind each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from dispatch.categories import Urgency
from dispatch.figures import DEFINITIONS
from gridgov.accounts import Person
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment
from gridgov.api.dependencies import FIGURE_ROLES, FiguresReader, GridGov, Parts
from gridgov.api.figures_queue import Queued
from gridgov.api.incidents import codes
from gridgov.scope import Scope, scope_of
from gridgov.statistics.comparing import compared
from gridgov.statistics.counting import COUNTS
from gridgov.statistics.listing import listed
from gridgov.statistics.meanings import CERTAINTY, MEANINGS
from gridgov.statistics.question import Narrowed, Opening, Question, Reach
from gridgov.statistics.tables import compared_table, to_table
from gridgov.statistics.telling import told
from gridgov.statistics.wording import Words, question_of, specialised_of

router = APIRouter(prefix="/api", tags=["closure 结案率"])
_LARGEST: Final = 1 << 53


class Asked(Body):
    """Figures of what, by what, for when."""

    by: Annotated[
        Line,
        Field(
            description="none, department, crew, category, class, field, channel, urgency, inspector, day,"
            " week, month, quarter, year, the key of a level, or that of a layer of specialised grids"
        ),
    ] = "none"
    period: Annotated[
        Line | None,
        Field(description="2026, 2026-Q3, 2026-07, 2026-W28, 2026-07-03, or A..B; the city's time zone"),
    ] = None
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
    crew: Code | None = None
    category: Code | None = None
    class_: Annotated[Code | None, Field(alias="class", description="a class of categories (大类)")] = None
    field: Annotated[Code | None, Field(description="a field of governance (领域)")] = None
    channel: Code | None = None
    urgency: Urgency | None = None
    inspector: Annotated[Code | None, Field(description="reported by the inspector of this id")] = None
    specialised: Annotated[Line | None, Field(description="a specialised grid: layer/code")] = None
    position: Annotated[
        int | None, Field(ge=0, le=_LARGEST, description="as it stood at this position of the ledger")
    ] = None
    as_of: Annotated[
        Moment | None,
        Field(description="as it stood at this moment; with `position`, the two of a printed report"),
    ] = None


class AskedFigures(Asked):
    """The same, with what is told besides, and with what it is compared."""

    more: Annotated[
        Line | None, Field(description="of times, survival, ageing: what is told of each group besides")
    ] = None
    compare: Annotated[
        Line | None,
        Field(description="previous, year_before, or a period: what the period asked for stands beside"),
    ] = None
    against: Annotated[Line | None, Field(description="a grid path: the grid that `under` stands beside")] = (
        None
    )


class AskedIncidents(Asked):
    """The same, and which count of which group is to be opened."""

    count: Annotated[
        Line,
        Field(description="a counter, as `tally` and the definitions name it: closed, due, standing ..."),
    ]
    key: Annotated[
        Line | None, Field(description="the group's key; empty for the row without one; left out: the total")
    ] = None
    after: Annotated[int, Field(ge=0, le=_LARGEST, description="`next` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("/closure")
async def figures(
    asked: Annotated[AskedFigures, Query()],
    by: FiguresReader,
    gridgov: GridGov,
    queue: Queued,
    request: Request,
) -> Response:
    """Closure figures (结案率) of what I answer for, each with definition, numerator, denominator and
    interval; `compare` and `against` put two periods or grids side by side. `as_of` in the answer has the
    `position` and time with which the same question gives the same figures again.
    """
    as_csv = "text/csv" in request.headers.get("accept", "")
    return await queue.work_out(partial(_csv if as_csv else _json, gridgov, by, asked))


@router.get("/closure.csv")
async def figures_csv(
    asked: Annotated[AskedFigures, Query()], by: FiguresReader, gridgov: GridGov, queue: Queued
) -> Response:
    """The same as a table for spreadsheets."""
    return await queue.work_out(partial(_csv, gridgov, by, asked))


@router.get("/closure/incidents")
async def incidents(
    asked: Annotated[AskedIncidents, Query()], by: FiguresReader, gridgov: GridGov, queue: Queued
) -> Response:
    """The incidents behind a figure of mine, oldest first, as they stood when it was counted: `count` is the
    figure's number, to which the `weight`s of all pages add up.
    """
    return await queue.work_out(partial(_incidents, gridgov, by, asked))


@router.get("/closure/returns")
async def returns(
    asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov, queue: Queued
) -> Response:
    """Returns (退回) for each pair of departments, of whatever figures can be narrowed down to, as of any
    position; `by` is not looked at. How long departments held them is at /api/returns.
    """
    return await queue.work_out(partial(_returns, gridgov, by, asked))


@router.get("/closure/definitions")
async def definitions(_: FiguresReader) -> Response:
    """What each figure means, and which counts there are."""
    return Answer(
        {
            "figures": [asdict(one) for one in DEFINITIONS.values()],
            "meanings": [asdict(one) for one in chain(CERTAINTY, *MEANINGS.values())],
            "counts": list(COUNTS),
        }
    )


@router.get("/statistics")
async def status(_: FiguresReader, gridgov: GridGov, queue: Queued) -> Response:
    """How far the copy that figures are asked of has come: ready, building or catching_up."""
    return await queue.work_out(lambda: Answer(gridgov.service.statistics.status()))


def answers_for(by: Person, gridgov: Parts) -> Scope:
    """What somebody answers for: what those of their assignments cover to which figures belong.

    Whoever answers for a whole grid of the widest level is shown the tray's row as well: what has no place is
    nobody's street, and would otherwise be missing from the roll-up of the city.
    """
    held = [a for a in by.assignments if a.role in FIGURE_ROLES]
    scope = scope_of(by.id, held, gridgov.service.clock())
    return replace(scope, claims=tuple(replace(c, tray=c.tray or len(c.path) == 1) for c in scope.claims))


def _question(gridgov: Parts, by: Person, asked: Asked, more: str | None = None) -> Question:
    service = gridgov.service
    only = Narrowed(
        under=codes(asked.under),
        department=asked.department,
        crew=asked.crew,
        category=asked.category,
        class_=asked.class_,
        field=asked.field,
        channel=asked.channel,
        urgency=asked.urgency,
        inspector=asked.inspector,
        specialised=specialised_of(asked.specialised),
    )
    words = Words(
        by=asked.by,
        period=asked.period,
        start=asked.start,
        end=asked.end,
        position=asked.position,
        at=asked.as_of,
        edition=asked.edition,
        only=only,
        more=tuple(more.split(",")) if more else (),
    )
    reach = tuple(Reach.of(claim) for claim in answers_for(by, gridgov).claims)
    return question_of(words, service.zone, service.clock(), reach)


def _compares(asked: AskedFigures) -> bool:
    return asked.compare is not None or asked.against is not None


def _figures(gridgov: Parts, by: Person, asked: AskedFigures) -> dict[str, Any]:
    service, question = gridgov.service, _question(gridgov, by, asked, asked.more)
    if _compares(asked):
        against = None if asked.against is None else codes(asked.against)
        return compared(service.statistics, question, service.zone, asked.compare, against)
    return told(service.statistics, question, service.zone)


def _json(gridgov: Parts, by: Person, asked: AskedFigures) -> Response:
    return Answer(_figures(gridgov, by, asked))


def _csv(gridgov: Parts, by: Person, asked: AskedFigures) -> Response:
    found = _figures(gridgov, by, asked)
    return _table(compared_table(found) if _compares(asked) else to_table(found))


def _table(lines: Iterable[Iterable[str]]) -> Response:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    headers = {"Content-Disposition": 'attachment; filename="closure.csv"', "Cache-Control": "no-store"}
    # The mark at the beginning makes spreadsheets read it as UTF-8, without which Chinese is unreadable
    # there.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _returns(gridgov: Parts, by: Person, asked: Asked) -> Response:
    return Answer(gridgov.service.statistics.returns(_question(gridgov, by, asked)))


def _incidents(gridgov: Parts, by: Person, asked: AskedIncidents) -> Response:
    service = gridgov.service
    opening = Opening(
        question=_question(gridgov, by, asked),
        count=asked.count,
        key=asked.key or None,
        total=asked.key is None,
        after=asked.after,
        limit=asked.limit,
    )
    return Answer(listed(service.statistics, service.reader, opening, service.stream))
