"""The closure figures of two real cities, from their published rows alone; expected numbers: the data's README."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatch.closure import IncidentFacts, Period, Tally, count
from dispatch.figures import DEFINITIONS, Figure, figures
from dispatch.lifecycle import Stage

ZONE = ZoneInfo("America/New_York")


def published(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a city's file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def moment(text: str) -> datetime | None:
    """A city's local time; None where it is blank."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC) if text else None


def imported(row: dict[str, str], names: tuple[str, str, str, str]) -> IncidentFacts:
    """A row of a city's file as imported history; ``names``: its columns for reported, closed, due, status."""
    reported, closed_at, due_at = (moment(row[name]) for name in names[:3])
    assert reported is not None
    return IncidentFacts(
        Stage.CLOSED if row[names[3]] == "Closed" else Stage.IMPORTED,
        reported,
        closed_at=closed_at,
        due_at=due_at,
        imported=True,
    )


def by_key(tally: Tally) -> dict[str, Figure]:
    return dict(zip(DEFINITIONS, figures(tally), strict=True))


@pytest.mark.slow
def test_boston_counts_as_the_city_does(shared_data: Path) -> None:
    """On time is compared, row by row, with the city's own word for it; on 157 late closings it has none."""
    rows = list(published(shared_data / "boston" / "requests_2011h2.csv.gz"))
    names = ("open_dt", "closed_dt", "target_dt", "case_status")
    told = [imported(row, names) for row in rows]
    tally = count(told, Period(), now=datetime(2019, 11, 1, tzinfo=UTC))
    assert (tally.closed, tally.reported) == (54_570, 58_251)
    assert by_key(tally)["closed_of_reported"].percent() == "93.68"
    assert tally.without_limit == 10_981

    judged = [
        (row["ontime"], fact)
        for row, fact in zip(rows, told, strict=True)
        if fact.stage is Stage.CLOSED and fact.due_at and row["ontime"]
    ]
    assert len(judged) == 43_664
    for word, fact in judged:
        alone = count([fact], Period(), now=datetime(2019, 11, 1, tzinfo=UTC))
        assert alone.closed_within_limit == alone.due_closed_on_time == (word == "ONTIME")
    assert tally.closed_within_limit == sum(word == "ONTIME" for word, _ in judged)


def test_bostons_open_rows_past_their_target_are_overdue(shared_data: Path) -> None:
    """All 3,449 that have one: the city calls 3,448 of them OVERDUE and has no word for the last."""
    rows = list(published(shared_data / "boston" / "requests_2011h2.csv.gz"))
    names = ("open_dt", "closed_dt", "target_dt", "case_status")
    still = [row for row in rows if row["case_status"] == "Open"]
    tally = count((imported(row, names) for row in still), Period(), now=datetime(2019, 11, 1, tzinfo=UTC))
    assert (tally.overdue_open, tally.due_later) == (3_449, 0)
    assert sum(row["ontime"] == "OVERDUE" for row in still) == 3_448


def test_new_york_counts_as_the_city_does(shared_data: Path) -> None:
    """Over the rows that have a status."""
    rows = [row for row in published(shared_data / "nyc" / "requests.csv.gz") if row["status"]]
    names = ("created_date", "closed_date", "due_date", "status")
    told = [imported(row, names) for row in rows]
    closure = by_key(count(told, Period(), now=datetime(2026, 12, 1, tzinfo=UTC)))["closed_of_reported"]
    assert (closure.numerator, closure.denominator, closure.percent()) == (12_692, 15_893, "79.86")
    assert closure.rate == Fraction(12_692, 15_893)
