"""A question with all its words looked up, before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import duckdb

from dispatch.closure import Period
from gridgov.errors import BadInput
from gridgov.in_force import InForce
from gridgov.statistics.copy import known
from gridgov.statistics.drawings import AsOf, Drawings, Drawn
from gridgov.statistics.errors import NotThatFarBack
from gridgov.statistics.grouping import (
    BY_CATEGORY,
    is_level,
    kinds,
    located_again,
    narrowed_to_grid,
    require_by,
)
from gridgov.statistics.narrowing import covered, narrowed
from gridgov.statistics.periods import Bucket, buckets
from gridgov.statistics.question import Question
from gridgov.statistics.rows import Asked, asked, execute
from gridgov.statistics.trends import Bounds

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """A question with all its words looked up: what is asked of the copy, as of when, and of which drawing.
    ``rows`` are not grouped yet; ``column`` has the numbers of the grids.
    """

    question: Question
    period: Period
    as_of: AsOf
    drawn: Drawn
    column: str
    rows: Asked


def settle(
    db: duckdb.DuckDBPyConnection, in_force: InForce, drawings: Drawings, question: Question
) -> Settled:
    """Look up what a question asks for.

    Raises BadInput, UnknownDepartment, UnknownCategory, UnknownEdition, UnknownGrid for words that nothing
    knows, with the nearest spelling where there is one; BadPeriod; NotThatFarBack, NotReadyYet.
    """
    period, ledger = question.period, known(db)
    as_of = drawings.as_of(question, ledger.position)
    if as_of.position < ledger.position and not ledger.reaches_back_to(as_of.position):
        raise NotThatFarBack()
    drawn = drawings.drawn(drawings.edition(question.edition, period, as_of.time))
    require_by(question.by, drawn, drawings)
    under = question.only.under
    if under:
        drawings.require(drawn, under)
    grids_matter = bool(under) or is_level(question.by, drawn)
    column = "grid"
    if drawn.edition is not None and grids_matter:
        column = drawings.column_of(db, drawn.edition)
    position = None if as_of.position >= ledger.position else as_of.position
    rows = asked(position, _exactly(as_of.time), _seconds(period.start), _seconds(period.end))
    only = question.only
    if question.by in BY_CATEGORY or only.class_ is not None or only.field is not None:
        kinds(db, in_force.rules)
    rows = narrowed(db, covered(rows, question.reach), only, in_force.rules, drawings)
    if under:
        rows = narrowed_to_grid(rows, under, column)
    if drawn.edition is not None and grids_matter:
        rows = located_again(rows, drawn.edition, column)
    return Settled(question, period, as_of, drawn, column, rows)


def laid_out(db: duckdb.DuckDBPyConnection, settled: Settled, zone: str) -> tuple[Asked, Sequence[Bucket]]:
    """The parts of a trend, and the rows of their period, which has to begin and end somewhere: where no
    start is given, with the first report, and where no end is, now, or with the last report where that is
    later.

    Raises BadInput for too many parts.
    """
    rows, now = settled.rows, settled.as_of.time
    first, last = execute(
        db, f"SELECT min(reported_at), max(reported_at) {rows.rows()}", rows.values
    ).fetchone() or (None, None)
    first, last = (now if at is None else datetime.fromtimestamp(at, UTC) for at in (first, last))
    end = settled.period.end or max(now, last, settled.period.start or now) + _SECOND
    start = settled.period.start or min(first, end - _SECOND)
    laid = buckets(Period(start, end), settled.question.by, zone)
    bounds = bounds_of(laid)
    return replace(rows, start=bounds.at[0], end=bounds.at[-1]), laid


def bounds_of(laid: Sequence[Bucket]) -> Bounds:
    """The parts in seconds."""
    ends = [one.period.end for one in laid]
    return Bounds(tuple(map(_exactly, [laid[0].period.start, *ends])))


def part_named(
    db: duckdb.DuckDBPyConnection, settled: Settled, zone: str, name: str | None
) -> tuple[int, int]:
    """From when to when a part of a trend is, in seconds. Raises BadInput where it has no such part."""
    _, laid = laid_out(db, settled, zone)
    for one in laid:
        if one.name == name:
            return _exactly(one.period.start), _exactly(one.period.end)
    some = f"{laid[0].name} to {laid[-1].name}"
    raise BadInput(f"there is no {settled.question.by} {name!r} in this period, but {some}", key=name)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else _exactly(moment)


def _exactly(moment: datetime | None) -> int:
    assert moment is not None
    return int(moment.timestamp())
