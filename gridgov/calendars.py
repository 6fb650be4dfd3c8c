"""Working calendars: what the `holidays` library knows of a country, and what the city's file adds to it.

The library gives dates for years whose list nobody has published yet, and does not say so. A year counts as
confirmed only where that can be told from what it holds:

* In a country that moves working days by a yearly decree (it then has make-up workdays, as China 调休), the
  years from its first to its last decree in the library. A later year is not known yet.
* Elsewhere the days follow from the law, so that every year the library covers is known, but for the years
  in which it calls a date estimated (the ones that depend on the sighting of the moon).
* Without a country there is no list: only the years that the city's file itself confirms.

A city may have several calendars, such as that of a hotline which never closes; a further one without a
country has no holidays at all, so that there is nothing to wait for (`gridgov.city_calendars`).

`Calendar.confirmed` tells; a deadline in an unconfirmed year may move when the list comes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from typing import Final

import holidays
from holidays import HolidayBase

from dispatch.deadlines import OFFICE_HOURS, Calendar
from gridgov.errors import BadInput

#: The years looked up unless told: older than any register of this kind, and longer than rules stay.
YEARS: Final = range(2000, 2051)
#: A substituted day off in the library's tables: month, day, the month and day worked instead.
_SUBSTITUTED: Final = 4


class UnknownCountry(BadInput):
    """The `holidays` library does not know this country or subdivision."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a city's file says itself; it beats the library.

    ``days_off`` and ``workdays`` (make-up workdays) are local dates, ``confirmed_years`` years whose list is
    complete although the library cannot tell, ``hours`` the working ranges of a day, ``week`` the weekdays
    that work, Monday is 0.
    """

    days_off: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    confirmed_years: frozenset[int] = frozenset()
    hours: tuple[tuple[time, time], ...] = OFFICE_HOURS
    week: frozenset[int] = frozenset(range(5))


def calendar(
    zone: str,
    country: str | None = None,
    subdivision: str | None = None,
    years: Iterable[int] = YEARS,
    overrides: Overrides = Overrides(),
) -> Calendar:
    """The working calendar of a place: ``zone`` an IANA name, ``country`` and ``subdivision`` by ISO 3166.

    Raises UnknownCountry, and BadRules for what `dispatch.deadlines.Calendar` refuses.

    >>> china = calendar("Asia/Shanghai", "CN")
    >>> china.is_workday(date(2026, 2, 14)), china.is_workday(date(2026, 2, 23))
    (True, False)
    >>> 2026 in china.confirmed_years, 2035 in china.confirmed_years
    (True, False)
    """
    off, worked, confirmed = _listed(country, subdivision, years) if country else ((), (), ())
    return Calendar(
        zone,
        hours=overrides.hours,
        week=overrides.week,
        days_off=frozenset(off) - overrides.workdays | overrides.days_off,
        workdays=frozenset(worked) - overrides.days_off | overrides.workdays,
        confirmed_years=frozenset(confirmed) | overrides.confirmed_years,
    )


def unconfirmed(calendar: Calendar, first: int, last: int) -> tuple[int, ...]:
    """The years from ``first`` to ``last`` whose days off are not published yet, or only guessed.

    A deadline in one of them may move.

    >>> unconfirmed(calendar("UTC", overrides=Overrides(confirmed_years=frozenset({2026}))), 2026, 2028)
    (2027, 2028)
    """
    return tuple(year for year in range(first, last + 1) if year not in calendar.confirmed_years)


def _listed(
    country: str, subdivision: str | None, years: Iterable[int]
) -> tuple[Iterable[date], Iterable[date], Iterable[int]]:
    """The days off, the make-up workdays and the confirmed years among these years."""
    covered = _open(country, subdivision)
    wanted = [year for year in years if covered.start_year <= year <= covered.end_year]
    listed = _open(country, subdivision, wanted)
    worked = {day for day in listed.weekend_workdays if day.year in wanted}
    decreed = _decreed(listed)
    if decreed:
        return set(listed), worked, [year for year in wanted if decreed[0] <= year <= decreed[-1]]
    guessed = _estimated(listed)
    return set(listed), worked, [year for year in wanted if year not in guessed]


def _open(country: str, subdivision: str | None, years: Iterable[int] = ()) -> HolidayBase:
    try:
        # Looked up only for the years asked for: a question about another year must not make it guess.
        return holidays.country_holidays(country, subdiv=subdivision, years=list(years), expand=False)
    except NotImplementedError as error:
        raise UnknownCountry(
            f"{error}: write ISO 3166 codes that the holidays library knows, such as CN, or none",
            country=country,
            subdivision=subdivision,
        ) from error


def _decreed(listed: HolidayBase) -> list[int]:
    """The years whose decree moving working days the library has, in order; none in most countries."""
    if not listed.has_substituted_holidays:
        return []
    tables = getattr(listed, "special_public_holidays", {})
    return sorted(
        year for year, days in tables.items() if any(len(day) >= _SUBSTITUTED for day in _several(days))
    )


def _several(days: tuple[object, ...]) -> Iterable[tuple[object, ...]]:
    """The library writes a year's only special day without a tuple around it."""
    return days if days and isinstance(days[0], tuple) else (days,)  # type: ignore[return-value]


def _estimated(listed: HolidayBase) -> set[int]:
    labels = [
        listed.tr(label).replace("%s", "").strip(" ()（）")
        for name in ("estimated_label", "observed_estimated_label")
        if (label := getattr(listed, name, None))
    ]
    return {day.year for day, title in listed.items() if any(label in title for label in labels)}
