"""Boston's targets of 2011, reproduced by our limits and calendars; what is not, by class and count."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatch.deadlines import Limit
from gridgov.calendars import calendar
from tests.boston_targets import Fate, Request, city, classified, reproduced_by

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("America/New_York")
FATES = (
    Fate.SAME,
    Fate.LAG,
    Fate.MOVED,
    Fate.LATER_LAG,
    Fate.OTHER_LIMIT,
    Fate.SET_BY_HAND,
    Fate.NO_DATE,
    Fate.HOLIDAY,
    Fate.TOO_FEW,
)

#: Rows with a target, by the limit of their type: in how far our rules lead to the city's target.
COUNTED = """
limit  | second | minute | moved | late | other | hand | none | holiday | few
2wd    |   6819 |   8472 |  2736 |   77 |    18 |   45 |    0 |       0 |   0
10wd   |   4488 |   1701 |  1220 |   13 |    45 |   54 |   15 |       2 |   0
1wd    |   1592 |   1066 |  2155 |   24 |     9 |   14 |    2 |       0 |   0
120ed  |   2195 |    684 |     0 |    0 |     0 |    0 |    0 |       0 |   0
20wd   |    952 |   1026 |   373 |    4 |     3 |   10 |    0 |       0 |   0
45wd   |   1020 |    255 |   614 |    0 |    47 |    7 |    0 |       0 |   0
545ed  |    332 |   1536 |     0 |   25 |     0 |    2 |    0 |       0 |   0
30ed   |   1103 |    458 |     0 |    2 |     1 |    0 |    0 |       0 |   0
5wd    |    698 |    291 |   149 |    4 |     1 |    4 |    0 |       0 |   0
365ed  |    680 |    338 |     0 |   27 |     7 |    7 |    0 |       0 |   0
90ed   |    518 |    265 |     0 |    2 |     3 |    0 |    0 |       0 |   0
45ed   |    311 |    336 |     0 |   72 |     2 |   15 |    1 |       0 |   0
720ed  |    120 |    496 |     0 |    9 |     0 |    0 |    0 |       0 |   0
3wd    |    323 |    117 |   136 |    0 |     0 |    1 |    0 |       0 |   0
2ed    |    269 |    124 |     0 |    1 |     0 |    0 |    0 |       0 |   0
1ed    |    305 |     82 |     0 |    0 |     0 |    0 |    0 |       0 |   0
7wd    |     27 |     68 |    17 |    0 |     0 |    0 |    0 |       0 |   0
15wd   |     43 |     21 |     9 |    0 |     0 |    0 |    0 |       0 |   0
180ed  |     36 |     25 |     0 |    0 |     0 |    0 |    0 |       0 |   0
       |      0 |      0 |     0 |    0 |     0 |    0 |    0 |       0 |  94
"""

#: The limits that the rows of the commonest types tell.
LIMITS = {
    "Schedule a Bulk Item Pickup": "2wd",
    "Street Light Outages": "10wd",
    "Missed Trash/Recycling/Yard Waste/Bulk Item": "2wd",
    "Unsatisfactory Living Conditions": "120ed",
    "Tree Emergencies": "1wd",
    "Graffiti Removal": "45wd",
    "Tree Maintenance Requests": "545ed",
    "General Comments For a Program or Policy": "10wd",
    "Request for Pothole Repair": "2wd",
    "Sidewalk Repair (Make Safe)": "2wd",
    "Request for Recycling Cart": "20wd",
    "Sticker Request": "2wd",
    "Traffic Signal Repair": "1wd",
    "Abandoned Vehicles": "20wd",
    "Pick up Dead Animal": "1wd",
    "Sidewalk Repair": "365ed",
    "Rodent Activity": "30ed",
    "Requests for Street Cleaning": "2wd",
    "Sign Repair": "10wd",
    "New Tree Requests": "720ed",
    "Building Inspection Request": "3wd",
}


@dataclass(frozen=True)
class Told:
    """What the table tells: the limits of the types, and the fates of the rows."""

    requests: list[Request]
    limits: Mapping[str, Limit]
    fates: Mapping[str, Counter[Fate]]
    with_holidays: Counter[Fate]

    @property
    def total(self) -> Counter[Fate]:
        return sum(self.fates.values(), Counter[Fate]())


@pytest.fixture(scope="module")
def told(shared_data: Path) -> Told:
    requests = list(_requests(shared_data / "boston" / "requests_2011h2.csv.gz"))
    holidays = calendar("America/New_York", "US", "MA", range(2010, 2022)).days_off
    assert date(2011, 10, 10) in holidays
    without, observed = city(), city(holidays)
    limits, fates = classified(requests, without, observed)
    _, other = classified(requests, observed, without)
    return Told(requests, limits, fates, sum(other.values(), Counter[Fate]()))


def _requests(file: Path) -> list[Request]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        return [
            Request(row["type"], _moment(row["open_dt"]), _moment(row["target_dt"]))
            for row in csv.DictReader(text)
            if row["target_dt"]
        ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def test_every_row_with_a_target_is_explained_or_counted(told: Told) -> None:
    """By the limit of its type, as the table above has it: nothing is left out."""
    counted = {}
    for line in COUNTED.strip().splitlines()[1:]:
        limit, *numbers = (cell.strip() for cell in line.split("|"))
        counted[limit] = {
            fate: int(number) for fate, number in zip(FATES, numbers, strict=True) if int(number)
        }
    assert {limit: dict(found) for limit, found in told.fates.items()} == counted
    assert told.total.total() == len(told.requests) == 47_270


def test_the_limits_that_the_rows_tell(told: Told) -> None:
    assert {type_: str(told.limits[type_]) for type_ in LIMITS} == LIMITS
    assert len(told.limits) == 91, "of 116 types; the others have fewer than ten rows with a target"


def test_our_rules_as_they_are_lead_to_five_targets_in_six(told: Told) -> None:
    """A calendar of Monday to Friday, 08:30 to 17:00, and nothing else."""
    same = told.total[Fate.SAME]
    near = same + told.total[Fate.LAG]
    assert (same, near) == (21_831, 39_192)
    assert near / len(told.requests) == pytest.approx(0.8291, abs=0.0001)


def test_with_the_citys_way_of_moving_odd_starts_they_lead_to_almost_all(told: Told) -> None:
    """Opened before the doors do, it keeps its time of the day; at a weekend it moves to Monday with it."""
    reproduced = sum(told.total[fate] for fate in (Fate.SAME, Fate.LAG, Fate.MOVED))
    assert reproduced == 46_601
    assert reproduced / len(told.requests) == pytest.approx(0.9858, abs=0.0001)


def test_what_remains_is_a_lag_another_limit_a_hand_or_no_date(told: Told) -> None:
    rest = {fate: told.total[fate] for fate in FATES[3:]}
    assert rest == {
        Fate.LATER_LAG: 260,
        Fate.OTHER_LIMIT: 136,
        Fate.SET_BY_HAND: 159,
        Fate.NO_DATE: 18,
        Fate.HOLIDAY: 2,
        Fate.TOO_FEW: 94,
    }


def test_the_citys_targets_know_no_holidays(told: Told) -> None:
    """With Massachusetts' holidays as days off, 4,183 targets are right only where the day is worked."""
    reproduced = sum(told.with_holidays[fate] for fate in (Fate.SAME, Fate.LAG, Fate.MOVED))
    assert (reproduced, told.with_holidays[Fate.HOLIDAY]) == (40_571, 4_183)


def test_two_types_have_a_second_limit_all_through_the_half_year(told: Told) -> None:
    """Which case has it, no column tells: our case standards keep both under one category."""
    second = {
        (type_, limit): reproduced_by(told.requests, type_, Limit.parse(limit), city())
        for type_, limit in (("Graffiti Removal", "4wd"), ("Missing Sign", "2wd"))
    }
    assert second == {("Graffiti Removal", "4wd"): 42, ("Missing Sign", "2wd"): 26}
