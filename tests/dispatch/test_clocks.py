"""Clocks of stages: when they end and turn yellow, as a table that a clerk can read, pauses, and their laws."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dispatch import decisions
from dispatch.clocks import Clock, StageLimit, resumed, started, warns_at
from dispatch.deadlines import ELAPSED, Calendar, Limit, Unit, advance, remaining
from dispatch.entries import Started
from dispatch.errors import CalendarTooShort
from tests.dispatch import scene
from tests.dispatch.strategies import at, calendars, china, durations, limits, local, moments, new_york, rules

#: A hotline that never closes: every day is a working day of 24 hours.
HOTLINE = Calendar("Asia/Shanghai", hours=((time(0), time(0)),), week=frozenset(range(7)))
#: An office in New York with the holidays that the table below needs.
HOLIDAYS = replace(new_york(), days_off=frozenset({date(2026, 7, 3), date(2026, 11, 26)}))
OFFICE = china()

CALENDARS = {"office": OFFICE, "hotline": HOTLINE, "new york": new_york(), "ny office": HOLIDAYS}


def rows(table: str) -> list[list[str]]:
    """The rows of a table drawn with bars, without its heading."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]


#: Why, whose calendar, when it starts, the limit, when it turns yellow, when it is due.
TABLE = rows("""
why                                                             | whose     | starts           | limit | yellow      | due
five minutes of Friday, ten of Monday                           | office    | 2026-03-06 17:55 | 15wm  | 03-09 08:07 | 03-09 08:10
the same where minutes run on                                   | office    | 2026-03-06 17:55 | 15em  | 03-06 18:07 | 03-06 18:10
the same on the hotline's calendar                              | hotline   | 2026-03-06 17:55 | 15wm  | 03-06 18:07 | 03-06 18:10
17:55, a day's same time two days on; yellow after 12.8 of 16 h | office    | 2026-03-06 17:55 | 2wd   | 03-10 14:43 | 03-10 17:55
17:55 on a day before five days off                             | office    | 2026-04-30 17:55 | 2wd   | 05-07 14:43 | 05-07 17:55
in the lunch break: counts from 14:00                           | office    | 2026-03-05 12:30 | 30wm  | 03-05 14:24 | 03-05 14:30
would end in the lunch break: ends after it                     | office    | 2026-03-05 11:50 | 15wm  | 03-05 14:02 | 03-05 14:05
ends when lunch begins, not when it is over                     | office    | 2026-03-05 11:30 | 30wm  | 03-05 11:54 | 03-05 12:00
yellow falls into lunch: 1.6 of 2 h                             | office    | 2026-03-05 10:30 | 2wh   | 03-05 14:06 | 03-05 14:30
Friday evening; Saturday 14 February is worked                  | office    | 2026-02-13 17:55 | 15wm  | 02-14 08:07 | 02-14 08:10
from that Saturday on, nine days of Spring Festival             | office    | 2026-02-14 17:00 | 2wh   | 02-24 08:36 | 02-24 09:00
the last hour before National Day; 8 October is the next        | office    | 2026-09-30 17:00 | 4wh   | 10-08 10:12 | 10-08 11:00
two days across National Day                                    | office    | 2026-09-30 09:00 | 2wd   | 10-08 15:48 | 10-09 09:00
Saturday 10 October makes up for it                             | office    | 2026-10-09 17:00 | 1wd   | 10-10 15:24 | 10-10 17:00
night emergency: two clock hours, no holiday counts             | office    | 2026-10-02 23:30 | 2eh   | 10-03 01:06 | 10-03 01:30
calendar days run through National Day                          | office    | 2026-09-30 17:00 | 3ed   | 10-03 02:36 | 10-03 17:00
lunch and weekend are nothing to the hotline                    | hotline   | 2026-10-02 23:30 | 2wh   | 10-03 01:06 | 10-03 01:30
a working day of the hotline is 24 hours                        | hotline   | 2026-03-07 23:30 | 1wd   | 03-08 18:42 | 03-08 23:30
when the doors open, four days of five are Friday's opening     | office    | 2026-03-09 08:00 | 5wd   | 03-13 08:00 | 03-16 08:00
clocks go forward at 02:00 on 8 March: hours pass on            | new york  | 2026-03-07 23:30 | 5eh   | 03-08 04:30 | 03-08 05:30
a day of 23 hours: yellow after 18 h 24                         | new york  | 2026-03-07 12:00 | 1ed   | 03-08 07:24 | 03-08 12:00
a day of 25 hours: yellow after 20 h                            | new york  | 2026-10-31 12:00 | 1ed   | 11-01 07:00 | 11-01 12:00
the office sleeps when clocks go back                           | new york  | 2026-10-30 17:00 | 2wh   | 11-02 08:36 | 11-02 09:00
Friday 3 July is off: the fourth is a Saturday                  | ny office | 2026-07-02 17:55 | 15wm  | 07-06 08:07 | 07-06 08:10
Thanksgiving                                                    | ny office | 2026-11-25 16:00 | 1wd   | 11-27 14:24 | 11-27 16:00
""")


@pytest.mark.parametrize(
    ("whose", "start", "limit", "yellow", "red"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_clerk_agrees(whose: str, start: str, limit: str, yellow: str, red: str) -> None:
    city = CALENDARS[whose]
    clock = started(Clock.HANDLING, StageLimit(Limit.parse(limit)), city, at(start, city), 3, 80)
    year = start[:5]
    assert (local(clock.warn_at, city), local(clock.due_at, city)) == (year + yellow, year + red)
    assert (clock.clock, clock.run, clock.limit, clock.unconfirmed_year) == ("handling", 3, limit, False)


#: Why, whose calendar, when it starts, the limit, when it pauses, when it goes on, when it is due then.
PAUSES = rows("""
why                                                                            | whose     | starts           | limit | pauses           | goes on          | due then
half of four hours done; the pause costs nothing                               | office    | 2026-03-05 08:00 | 4wh   | 2026-03-05 10:00 | 2026-03-06 09:00 | 2026-03-06 11:00
paused before National Day, again after it                                     | office    | 2026-09-30 14:00 | 4wh   | 2026-09-30 17:00 | 2026-10-08 10:00 | 2026-10-08 11:00
returned in the holidays: no working time lost, the end stands                 | office    | 2026-09-30 14:00 | 8wh   | 2026-10-02 10:00 | 2026-10-06 10:00 | 2026-10-08 12:00
returned and sent again within a minute at night                               | office    | 2026-03-07 18:00 | 2wd   | 2026-03-07 18:00 | 2026-03-07 18:01 | 2026-03-11 08:00
two days from when the doors opened end when they open                         | office    | 2026-03-09 08:00 | 2wd   | 2026-03-09 10:00 | 2026-03-10 10:00 | 2026-03-12 08:00
elapsed time stands still while it pauses                                      | office    | 2026-03-05 22:00 | 2eh   | 2026-03-05 23:00 | 2026-03-06 09:00 | 2026-03-06 10:00
overdue by an hour stays so: an hour of work before nine is the evening before | office    | 2026-03-05 08:00 | 2wh   | 2026-03-05 11:00 | 2026-03-06 09:00 | 2026-03-05 18:00
paused on the very end: due at once when it goes on                            | office    | 2026-03-05 08:00 | 2wh   | 2026-03-05 10:00 | 2026-03-06 09:30 | 2026-03-06 09:30
clocks go forward while it pauses: two elapsed hours are two                   | new york  | 2026-03-07 22:00 | 4eh   | 2026-03-08 00:00 | 2026-03-08 04:00 | 2026-03-08 06:00
clocks go back while it runs: the hour that comes twice is an hour             | new york  | 2026-10-31 22:00 | 6eh   | 2026-10-31 23:00 | 2026-11-01 00:00 | 2026-11-01 04:00
an office day rests over the jump                                              | new york  | 2026-03-06 09:00 | 2wd   | 2026-03-06 15:00 | 2026-03-09 11:00 | 2026-03-10 17:00
Thanksgiving in the pause, and nothing worked in it                            | ny office | 2026-11-25 09:00 | 1wd   | 2026-11-25 18:00 | 2026-11-27 08:00 | 2026-11-27 09:00
""")


@pytest.mark.parametrize(
    ("whose", "start", "limit", "pauses", "again", "red"),
    [row[1:] for row in PAUSES],
    ids=[row[0] for row in PAUSES],
)
def test_a_clerk_agrees_on_pauses(
    whose: str, start: str, limit: str, pauses: str, again: str, red: str
) -> None:
    city = CALENDARS[whose]
    fresh = handling(city, limit, at(start, city))
    left = remaining(city, Limit.parse(limit).unit, at(pauses, city), fresh.due_at)
    assert local(resumed(fresh, city, at(again, city), left, 80).due_at, city) == red


def handling(city: Calendar, limit: str, start: datetime, percent: int = 80) -> Started:
    return started(Clock.HANDLING, StageLimit(Limit.parse(limit)), city, start, 1, percent)


def test_a_clock_that_was_yellow_when_it_paused_is_yellow_when_it_goes_on() -> None:
    fresh = handling(china(), "5wd", at("2026-03-02 08:00"))
    again = resumed(fresh, china(), at("2026-03-10 09:00"), timedelta(hours=7), 80)
    assert local(again.warn_at) == "2026-03-10 09:00", "seven of forty hours left: yellow at once"
    assert local(again.due_at) == "2026-03-11 08:00", "seven hours from nine, on a day's side of the night"


def test_a_clock_that_an_old_entry_started_turns_yellow_all_the_same() -> None:
    """Old entries told no warning: their clocks count 80 % of the whole limit."""
    old = Started("handling", 3, "4wh", at("2026-03-05 12:00"), at("2026-03-05 12:00"))
    assert local(warns_at(old, china(), 80)) == "2026-03-05 11:12"
    again = resumed(old, china(), at("2026-03-06 08:00"), timedelta(hours=2), 80)
    assert (local(again.warn_at), local(again.due_at)) == ("2026-03-06 09:12", "2026-03-06 10:00")


#: The limit, when it starts, may its end move?
UNCONFIRMED = [
    ("4wh", "2026-12-31 09:00", False),
    ("8wh", "2026-12-31 11:00", True),
    ("15wm", "2026-12-31 17:55", True),
    ("2wd", "2026-12-30 09:00", True),
    ("2wd", "2026-12-29 09:00", False),
    ("300eh", "2026-12-30 09:00", False),
    ("30em", "2026-12-31 23:45", False),
    ("5ed", "2026-12-30 09:00", False),
    ("1wd", "2027-03-03 09:00", True),
]


@pytest.mark.parametrize(("limit", "start", "may_move"), UNCONFIRMED)
def test_an_end_in_a_year_that_nobody_published_may_move_if_it_counts_working_time(
    limit: str, start: str, may_move: bool
) -> None:
    """2026 is published, 2027 is not: nights and holidays are nothing to clock hours and calendar days."""
    assert handling(china(), limit, at(start)).unconfirmed_year is may_move


def test_a_hotline_that_never_closes_waits_for_no_list() -> None:
    """What works every day of the week and has no days off cannot be moved by a list of holidays."""
    assert not HOTLINE.confirmed_years
    assert not handling(HOTLINE, "2wd", at("2031-03-03 09:00")).unconfirmed_year
    closed = replace(HOTLINE, days_off=frozenset({date(2031, 1, 1)}))
    assert handling(closed, "2wd", at("2031-03-03 09:00")).unconfirmed_year


def test_a_calendar_that_ends_is_said_to_be_too_short() -> None:
    last = Calendar("Asia/Shanghai", week=frozenset(), workdays=frozenset({date(2026, 3, 5)}))
    fresh = handling(last, "8wh", at("2026-03-05 08:00"))
    assert local(fresh.due_at) == "2026-03-05 18:00"
    with pytest.raises(CalendarTooShort):
        resumed(fresh, last, at("2026-03-05 12:00"), timedelta(hours=5), 80)


def test_every_clock_starts_when_it_was_recorded_whenever_it_happened() -> None:
    """A report that waited in a phone for a day: intake has its fifteen minutes from when it arrived."""
    happened, arrived = at("2026-03-04 09:00"), at("2026-03-05 09:00")
    sent = scene.draft(happened_at=happened)
    fact = decisions.report(rules(), sent, scene.INSPECTOR, "N-1", arrived)
    assert fact.starts is not None
    assert (fact.starts.clock, fact.starts.due_at) == ("intake", at("2026-03-05 09:15"))


def test_which_entry_starts_which_clock() -> None:
    """The table at the head of the module, along the main line with a return, a failed check and a reopening."""
    file = scene.reported(when="2026-03-05 08:00")
    told = [clock_of(file)]
    file.add(decisions.ask(rules(), file.now, scene.CLERK, at("2026-03-05 08:05")), at("2026-03-05 08:05"))
    told.append(clock_of(file))
    now = at("2026-03-05 08:20")
    file.add(decisions.verify(rules(), file.now, scene.INSPECTOR, True, now), now)
    told.append(clock_of(file))
    now = at("2026-03-05 08:25")
    file.add(decisions.file(rules(), file.now, scene.CLERK, (), now), now)
    told.append(clock_of(file))
    for act, when in (
        (scene.dispatch, "2026-03-05 08:30"),
        (scene.return_, "2026-03-05 09:30"),
        (scene.dispatch, "2026-03-05 10:00"),
        (scene.handle, "2026-03-05 11:00"),
    ):
        act(file, when)
        told.append(clock_of(file))
    scene.check(file, "2026-03-05 11:20", passed=False)
    told.append(clock_of(file))
    scene.handle(file, "2026-03-05 11:30")
    told.append(clock_of(file))
    scene.check(file, "2026-03-05 11:40")
    told.append(clock_of(file))
    assert told == [
        ("intake", 1, "08:15"),
        ("verify", 2, "08:35"),
        ("intake", 3, "08:35"),
        ("dispatch", 4, "08:40"),
        ("handling", 5, "14:30"),
        ("dispatch", 6, "09:45"),
        ("handling", 5, "15:00"),
        ("check", 8, "11:30"),
        ("handling", 5, "15:00"),
        ("check", 10, "12:00"),
        ("closing", 11, "14:10"),
    ]
    now = at("2026-03-05 14:00")
    file.add(decisions.close(file.now, scene.DISPATCHER), now)
    file.add(decisions.reopen(rules(), file.now, scene.LEADER, "it is dark again", now), now)
    assert clock_of(file) == ("dispatch", 13, "14:15")


def clock_of(file: scene.File) -> tuple[str, int, str] | None:
    clock = file.now.clock
    return None if clock is None else (clock.clock, clock.run, local(clock.due_at)[-5:])


percents = st.integers(1, 100)
pauses = st.lists(st.tuples(st.timedeltas(timedelta(0), timedelta(hours=30)), durations), max_size=6)


@given(calendars(), limits, moments, percents)
def test_a_clock_turns_yellow_between_its_start_and_its_end(
    city: Calendar, limit: Limit, start: datetime, percent: int
) -> None:
    """now <= warn_at <= due_at, and all of it in UTC."""
    clock = handling(city, str(limit), start, percent)
    assert start <= clock.warn_at <= clock.due_at
    assert clock.warn_at.tzinfo is UTC


@given(calendars(), limits, moments, percents)
def test_it_turns_yellow_when_that_share_of_its_own_time_is_spent(
    city: Calendar, limit: Limit, start: datetime, percent: int
) -> None:
    """remaining(start, warn_at) is the share of remaining(start, due_at), to the microsecond."""
    clock = handling(city, str(limit), start, percent)
    whole = remaining(city, limit.unit, start, clock.due_at)
    spent = remaining(city, limit.unit, start, clock.warn_at)
    assert abs(spent - whole * percent / 100) <= timedelta(microseconds=1)


@given(calendars(), limits, moments, st.integers(1, 99))
def test_a_greater_share_is_never_yellow_earlier(
    city: Calendar, limit: Limit, start: datetime, percent: int
) -> None:
    """warn_at is monotone in the share, and at 100 % it is the end."""
    asked = [handling(city, str(limit), start, share).warn_at for share in (percent, percent + 1, 100)]
    assert asked == sorted(asked)
    assert asked[-1] == handling(city, str(limit), start).due_at


@given(calendars(), limits, moments, durations)
def test_what_starts_later_is_never_yellow_earlier(
    city: Calendar, limit: Limit, start: datetime, later: timedelta
) -> None:
    """warn_at is monotone in the start, but for days around clocks that jump: theirs are shorter or longer."""
    if limit.unit in (Unit.ED, Unit.WD):
        ends = handling(city, str(limit), start + later).due_at
        assume(start.astimezone(city.tz).utcoffset() == ends.astimezone(city.tz).utcoffset())
        assume(steady(city, start, ends))
    assert handling(city, str(limit), start).warn_at <= handling(city, str(limit), start + later).warn_at


def steady(city: Calendar, start: datetime, ends: datetime) -> bool:
    """Does no clock jump from a day before to a day after?"""
    day, offsets = start - timedelta(days=1), set()
    while day <= ends + timedelta(days=1):
        offsets.add(day.astimezone(city.tz).utcoffset())
        day += timedelta(days=1)
    return len(offsets) == 1


@given(calendars(), limits, moments, percents)
def test_a_pause_of_no_length_changes_nothing(
    city: Calendar, limit: Limit, start: datetime, percent: int
) -> None:
    """resumed(now, all that is left) == started(now)."""
    fresh = handling(city, str(limit), start, percent)
    left = remaining(city, limit.unit, start, fresh.due_at)
    assert resumed(fresh, city, start, left, percent) == fresh


@given(calendars(), limits, moments, durations, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_pause_in_which_nothing_is_worked_moves_no_end(
    city: Calendar, limit: Limit, start: datetime, ran: timedelta, pause: timedelta
) -> None:
    """Where remaining(paused, again) is nothing, the end stands, whichever side of the night it lies on."""
    fresh = handling(city, str(limit), start)
    paused = start + ran
    again = paused + pause
    if limit.unit in ELAPSED or remaining(city, limit.unit, paused, again):
        again = paused
    left = remaining(city, limit.unit, paused, fresh.due_at)
    assert resumed(fresh, city, again, left, 80).due_at == fresh.due_at


@given(calendars(), limits, moments, pauses)
def test_pauses_cost_nothing_and_give_nothing(
    city: Calendar, limit: Limit, start: datetime, rests: list[tuple[timedelta, timedelta]]
) -> None:
    """However often it pauses, what ran adds up to the whole limit, and it never turns yellow twice."""
    clock = handling(city, str(limit), start)
    whole = remaining(city, limit.unit, start, clock.due_at)
    since, ran = start, timedelta(0)
    for works, rest in rests:
        paused = since + works
        left = remaining(city, limit.unit, paused, clock.due_at)
        ran += remaining(city, limit.unit, since, paused)
        assert ran + left == whole
        yellow_before = paused >= clock.warn_at
        since = paused + rest
        clock = resumed(clock, city, since, left, 80)
        assert clock.run == 1
        if left > timedelta(0):
            assert since <= clock.warn_at <= clock.due_at
            assert yellow_before <= (clock.warn_at == since)
    ran += remaining(city, limit.unit, since, clock.due_at)
    assert ran == whole


@given(
    calendars(), st.sampled_from([Unit.WD]), moments, st.timedeltas(timedelta(hours=-60), timedelta(hours=60))
)
def test_what_is_left_of_days_ends_where_work_begins(
    city: Calendar, unit: Unit, start: datetime, left: timedelta
) -> None:
    """advance for wd ends in working time, and with wh it is the same moment of work."""
    assume(left)
    days = advance(city, unit, start, left)
    hours = advance(city, Unit.WH, start, left)
    assert city.is_working(days)
    assert hours <= days
    assert remaining(city, Unit.WH, hours, days) == timedelta(0)
