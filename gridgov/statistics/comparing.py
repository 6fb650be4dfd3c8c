"""Two questions side by side: a period with another, or a grid with another, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from dispatch.closure import Period
from dispatch.errors import BadPeriod
from dispatch.intervals import difference
from gridgov.errors import BadInput
from gridgov.statistics.grouping import TREND
from gridgov.statistics.meanings import CERTAINTY
from gridgov.statistics.periods import period_of, previous, year_before
from gridgov.statistics.question import Question, Statistics
from gridgov.statistics.shares import NO_SHARES
from gridgov.statistics.telling import told

#: Other periods by their relation to the one asked for; or any period by its name.
PREVIOUS: Final = "previous"
YEAR_BEFORE: Final = "year_before"
#: What stays the same on both sides.
_SHARED: Final = ("by", "definitions", "rules", "position", "as_of", "generated_at")
#: What each side has of its own.
_OWN: Final = ("period", "only", "edition", "edition_name", "located_again")


def compared(
    statistics: Statistics, question: Question, zone: str, period: str | None, under: tuple[str, ...] | None
) -> dict[str, Any]:
    """A question beside the same of another ``period`` (previous, year_before, or a name) or ``under``
    another grid; of both together, where both are given.

    ``groups`` and ``total`` have the ``first`` and the ``second`` as they are told by themselves, None where
    there is no such group, and ``differences`` of their figures, first less second. Groups are matched by
    their keys; parts of a trend one after the other. Both sides are as of one position, and in the grids of
    one edition, that of the first. Raises BadInput, and what `Statistics.ask` raises.
    """
    if period is None and under is None:
        raise BadInput("compared with what? Name another period, or another grid")
    first = told(statistics, question, zone)
    second = told(statistics, _other(question, first, zone, period, under), zone)
    return {
        **{name: first[name] for name in _SHARED},
        "first": {name: first[name] for name in _OWN},
        "second": {name: second[name] for name in _OWN},
        "groups": [_pair(*pair) for pair in _matched(question.by, first["groups"], second["groups"])],
        "total": _pair(first["total"], second["total"]),
        "meanings": [*first["meanings"], asdict(CERTAINTY[-1])],
    }


def _other(
    question: Question, first: Mapping[str, Any], zone: str, name: str | None, under: tuple[str, ...] | None
) -> Question:
    """The second question: of the same moment as the first, which has been answered."""
    period = question.period if name is None else _period(question.period, name, zone)
    only = question.only if under is None else question.only.model_copy(update={"under": under})
    as_of = first["as_of"]
    same = {"edition": first["edition"], "position": as_of["position"], "at": as_of["time"]}
    return Question.model_validate(
        question.model_dump(by_alias=True)
        | same
        | {"start": period.start, "end": period.end, "only": only.model_dump(by_alias=True)}
    )


def _period(period: Period, name: str, zone: str) -> Period:
    if name not in (PREVIOUS, YEAR_BEFORE):
        return period_of(name, zone)
    if period.start is None or period.end is None:
        raise BadPeriod(f"{name} is of a period with a start and an end: ask for one such as 2026-Q3")
    return previous(period, zone) if name == PREVIOUS else year_before(period, zone)


Group = Mapping[str, Any]


def _matched(
    by: str, first: Sequence[Group], second: Sequence[Group]
) -> Iterator[tuple[Group | None, Group | None]]:
    if by in TREND:
        for n in range(max(len(first), len(second))):
            yield (first[n] if n < len(first) else None), (second[n] if n < len(second) else None)
        return
    one, other = ({group["key"]: group for group in side} for side in (first, second))
    # What has no key stays the last.
    for key in sorted(one.keys() | other.keys(), key=lambda key: (key is None, key or "")):
        yield one.get(key), other.get(key)


def _pair(first: Group | None, second: Group | None) -> dict[str, Any]:
    there = first or second
    assert there is not None
    return {
        **{name: there[name] for name in ("key", "path", "name_zh", "name_en")},
        "first": first,
        "second": second,
        "differences": _differences(first["figures"], second["figures"]) if first and second else None,
    }


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _difference(name, first[name], second[name]) for name in first}


def _difference(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    if one["rate"] is None or other["rate"] is None:
        return {"rate": None, "interval": None, "certain": None}
    if name in NO_SHARES:
        return {"rate": one["rate"] - other["rate"], "interval": None, "certain": None}
    found = difference(*((side["numerator"], side["denominator"]) for side in (one, other)))
    assert found is not None
    interval = [found.interval.low, found.interval.high]
    return {"rate": found.rate, "interval": interval, "certain": found.is_certain}
