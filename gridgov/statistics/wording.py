"""What people ask for in words, made a question: a period by its name, everything in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from dispatch.closure import Period
from gridgov.errors import BadInput
from gridgov.statistics.periods import period_of
from gridgov.statistics.question import MORE, Narrowed, Question, Reach, whole_second

_EDGES: Final = ("from", "to")


@dataclass(frozen=True, slots=True)
class Words:
    """A question as it is put: see `gridgov.statistics.question.Question`. ``period`` is a name such as
    2026-Q3; ``start`` and ``end`` say the same by moments; ``more`` are words of MORE.
    """

    by: str = "none"
    period: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    position: int | None = None
    at: datetime | None = None
    edition: Literal["as_recorded"] | int | None = None
    only: Narrowed = field(default_factory=Narrowed)
    more: tuple[str, ...] = ()


def question_of(words: Words, zone: str, now: datetime, reach: tuple[Reach, ...]) -> Question:
    """The question; periods are those of a time zone. Raises BadInput, BadPeriod."""
    unknown = sorted(set(words.more) - set(MORE))
    if unknown:
        raise BadInput(f"there is no more of {', '.join(unknown)}: expected {', '.join(MORE)}", more=unknown)
    period = _period(words, zone)
    told: Mapping[str, Any] = {
        "by": words.by,
        "start": period.start,
        "end": period.end,
        "now": whole_second(now),
        "only": words.only,
        "edition": words.edition,
        "position": words.position,
        "at": words.at,
        "reach": reach,
        "more": frozenset(words.more),
    }
    return Question(**told)


def _period(words: Words, zone: str) -> Period:
    edges = (words.start, words.end)
    if words.period is not None:
        if edges != (None, None):
            raise BadInput("a period is asked for by its name, or by from and to: not by both")
        return period_of(words.period, zone)
    for name, moment in zip(_EDGES, edges, strict=True):
        if moment is not None and moment.microsecond:
            raise BadInput(f"{name} is {moment.isoformat()}: a period begins and ends at whole seconds")
    return Period(*edges)


def specialised_of(text: str | None) -> tuple[str, str] | None:
    """A specialised grid written as its layer and code with a slash between. Raises BadInput.

    >>> specialised_of("river/R-07")
    ('river', 'R-07')
    """
    if text is None:
        return None
    layer, slash, code = text.partition("/")
    if not (layer and slash and code):
        raise BadInput(f"{text!r} names no specialised grid: expected its layer and code, such as river/R-07")
    return layer, code
