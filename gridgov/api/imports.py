"""Another system's history, row by row in batches, for administrators: the command line sends it beside
a server.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import Field

from gridgov import commands
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment, NamedDatum, Number
from gridgov.api.dependencies import Administrator, GridGov
from gridgov.api.problems import status_of
from gridgov.commands import ImportedRow
from gridgov.storage.batch import Receipt

router = APIRouter(prefix="/api/imports", tags=["imports 历史导入"])

#: Rows of one batch at most: two or three commits' worth.
MOST_ROWS: Final = 1000


#: History is kept as it was written, whatever it holds; only its length is bounded.
Text = Annotated[str, Field(max_length=100_000)]


class SentRow(Body):
    """One incident as the other system's history states it."""

    source: Code
    number: Code
    channel: Line
    category: Code
    department: Line
    status: Line
    closed: bool
    reported_at: Moment
    closed_at: Moment | None = None
    due_at: Moment | None = None
    lon: Annotated[Number, Field(ge=-180, le=180)] | None = None
    lat: Annotated[Number, Field(ge=-90, le=90)] | None = None
    datum: NamedDatum
    words: Text | None = None
    address: Text | None = None
    marks: Annotated[tuple[Line, ...], Field(max_length=20)] = ()

    def row(self) -> ImportedRow:
        """As commands take it."""
        return ImportedRow(**{name: getattr(self, name) for name in SentRow.model_fields})


class Rows(Body):
    """A batch. Rows are settled one by one: one that is refused holds up no other."""

    rows: Annotated[tuple[SentRow, ...], Field(min_length=1, max_length=MOST_ROWS)]


@router.post("")
async def bring_in(sent: Rows, by: Administrator, gridgov: GridGov) -> Response:
    """Bring in a batch: what became of each row, in their order. Sending it again changes nothing."""
    service = gridgov.service
    work = [service.writer.act(commands.import_row(by.id, row.row())) for row in sent.rows]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    told = [_outcome(row, outcome) for row, outcome in zip(sent.rows, outcomes, strict=True)]
    counts = {key: sum(one["outcome"] == key for one in told) for key in ("added", "repeated", "refused")}
    return Answer(counts | {"rows": told})


def _outcome(row: SentRow, outcome: Receipt | BaseException) -> dict[str, Any]:
    if isinstance(outcome, Receipt):
        return {
            "number": row.number,
            "outcome": "repeated" if outcome.repeated else "added",
            "incident": outcome.incident,
            "case_number": outcome.case_number,
        }
    if not isinstance(outcome, Exception) or status_of(outcome) >= 500:
        raise outcome
    return {
        "number": row.number,
        "outcome": "refused",
        "error": type(outcome).__name__,
        "detail": str(outcome),
    }
