"""Calendars: what the holidays library knows, what it only guesses, and what the city's file adds."""

from datetime import UTC, date, datetime, time

import pytest

from dispatch.deadlines import Limit, due
from dispatch.errors import BadRules
from gridgov.calendars import Overrides, UnknownCountry, calendar, unconfirmed

#: The make-up workdays of 2026, as published by the State Council's office.
MAKE_UP_2026 = {date(2026, *day) for day in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]}
CHINA = calendar("Asia/Shanghai", "CN")


def test_the_make_up_workdays_of_2026_are_worked_though_they_lie_on_weekends() -> None:
    assert {day for day in CHINA.workdays if day.year == 2026} == MAKE_UP_2026
    assert all(CHINA.is_workday(day) and day.weekday() >= 5 for day in MAKE_UP_2026)


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 1, 1), False),  # New Year
        (date(2026, 1, 2), False),  # off, for Sunday the 4th
        (date(2026, 2, 13), True),  # the Friday before the Spring Festival
        (date(2026, 2, 16), False),  # New Year's Eve
        (date(2026, 2, 23), False),  # off, for Saturday the 28th
        (date(2026, 2, 24), True),
        (date(2026, 4, 6), False),  # Tomb-Sweeping falls on Sunday, so Monday is off
        (date(2026, 6, 19), False),  # Dragon Boat
        (date(2026, 10, 7), False),  # off, for Saturday the 10th
        (date(2026, 10, 8), True),
        (date(2026, 10, 11), False),  # an ordinary Sunday
    ],
)
def test_days_of_2026(day: date, worked: bool) -> None:
    assert CHINA.is_workday(day) is worked


def test_a_year_whose_list_is_not_published_is_not_confirmed_although_the_library_gives_days() -> None:
    published = {2024, 2025, 2026}
    assert published <= CHINA.confirmed_years
    beyond = max(CHINA.confirmed_years) + 1
    assert beyond < 2050
    assert any(day.year == beyond for day in CHINA.days_off)
    assert not any(day.year == beyond for day in CHINA.workdays)
    assert not CHINA.confirmed(datetime(beyond, 3, 1, tzinfo=UTC))


def test_the_years_whose_list_is_not_published_are_named() -> None:
    known_to = max(CHINA.confirmed_years)
    assert unconfirmed(CHINA, 2024, known_to + 2) == (known_to + 1, known_to + 2)
    assert unconfirmed(calendar("America/New_York", "US", "NY"), 2024, 2030) == ()
    # the dates of the moon's months are estimated: gaps are named, not only the end
    assert unconfirmed(calendar("Europe/Istanbul", "TR"), 2020, 2020) == ()
    assert 2047 in unconfirmed(calendar("Europe/Istanbul", "TR"), 2020, 2049)


def test_the_city_confirms_a_year_itself() -> None:
    ours = calendar(
        "Asia/Shanghai",
        "CN",
        overrides=Overrides(
            days_off=frozenset({date(2026, 9, 20), date(2049, 6, 1)}),
            workdays=frozenset({date(2026, 1, 2)}),
            confirmed_years=frozenset({2049}),
        ),
    )
    assert ours.confirmed(datetime(2049, 3, 1, tzinfo=UTC))
    # the city's word beats the library's both ways
    assert not ours.is_workday(date(2026, 9, 20))
    assert ours.is_workday(date(2026, 1, 2))
    assert not ours.is_workday(date(2049, 6, 1))


def test_where_days_follow_from_the_law_every_year_is_confirmed() -> None:
    new_york = calendar("America/New_York", "US", "NY", years=range(2010, 2041))
    assert new_york.confirmed_years == frozenset(range(2010, 2041))
    assert not new_york.is_workday(date(2026, 7, 3))  # Independence Day falls on Saturday
    assert not new_york.is_workday(date(2030, 11, 28))  # Thanksgiving


def test_estimated_dates_confirm_nothing() -> None:
    ankara = calendar("Europe/Istanbul", "TR", years=range(2015, 2050))
    assert 2020 in ankara.confirmed_years
    assert 2047 not in ankara.confirmed_years


def test_years_that_the_library_does_not_cover_are_not_confirmed_and_warn_nobody() -> None:
    # warnings are errors here: the library warns where it is asked beyond what it covers
    malaysia = calendar("Asia/Kuala_Lumpur", "MY", years=range(1980, 2060))
    assert malaysia.confirmed_years
    assert not {1980, 2059} & malaysia.confirmed_years


def test_without_a_country_only_the_city_confirms() -> None:
    assert calendar("UTC").confirmed_years == frozenset()
    ours = calendar("UTC", overrides=Overrides(confirmed_years=frozenset({2026})))
    assert ours.confirmed_years == {2026}
    assert ours.is_workday(date(2026, 1, 1))


def test_the_library_guesses_no_further_year_when_asked_about_one() -> None:
    one = calendar("Asia/Shanghai", "CN", years=[2026])
    assert {day.year for day in one.days_off | one.workdays} == {2026}


@pytest.mark.parametrize(("country", "subdivision"), [("QQ", None), ("US", "ZZ")])
def test_an_unknown_country_is_named(country: str, subdivision: str | None) -> None:
    with pytest.raises(UnknownCountry, match=subdivision or country):
        calendar("UTC", country, subdivision)


def test_a_day_that_is_both_off_and_worked_is_refused() -> None:
    day = frozenset({date(2026, 5, 1)})
    with pytest.raises(BadRules, match="2026-05-01"):
        calendar("UTC", overrides=Overrides(days_off=day, workdays=day))


def test_a_deadline_across_the_spring_festival_counts_its_make_up_saturday() -> None:
    # Friday the 13th at ten, three working days: Saturday the 14th is worked, then nine days off.
    start = datetime(2026, 2, 13, 2, 0, tzinfo=UTC)
    assert due(CHINA, Limit.parse("3wd"), start) == datetime(2026, 2, 25, 2, 0, tzinfo=UTC)


def test_hours_and_week_are_the_citys() -> None:
    night = calendar(
        "UTC",
        overrides=Overrides(hours=((time(20), time(0)),), week=frozenset({5, 6})),
    )
    assert night.is_working(datetime(2026, 3, 7, 21, 0, tzinfo=UTC))
    assert not night.is_working(datetime(2026, 3, 6, 21, 0, tzinfo=UTC))
