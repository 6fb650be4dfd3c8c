"""The minutes of the week at which a rule's days and hours hold, against asking minute by minute."""

from datetime import datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.deadlines import Calendar
from dispatch.weeks import DAY, EVERY, WEEK, held, minute_of, minutes, possible

MONDAY = datetime.fromisoformat("2026-03-02T00:00")
clocks = st.integers(0, DAY - 1).map(lambda n: time(n // 60, n % 60))


def bits(number: int) -> set[int]:
    return {n for n, bit in enumerate(reversed(f"{number:b}")) if bit == "1"}


@given(st.frozensets(st.integers(0, 6)), st.lists(st.tuples(clocks, clocks), max_size=2).map(tuple))
def test_a_week_is_laid_out_minute_by_minute(
    days: frozenset[int], hours: tuple[tuple[time, time], ...]
) -> None:
    """Every range is walked from its begin on each of its days until the clock shows its end."""
    expected = set()
    for day in days or range(7):
        for begin, end in hours or ((time(0), time(0)),):
            moment = datetime.combine(MONDAY + timedelta(days=day), begin)
            while True:
                expected.add(minute_of(moment))
                moment += timedelta(minutes=1)
                if moment.time() == end:
                    break
    assert bits(minutes(days, hours)) == expected


def test_a_rule_that_does_not_ask_holds_always() -> None:
    assert minutes(frozenset(), ()) == EVERY
    assert bits(EVERY) == set(range(WEEK))
    assert held(frozenset(), (), None) == EVERY | EVERY << WEEK
    assert held(frozenset(), (), False) == EVERY
    assert held(frozenset(), (), True) == EVERY << WEEK


def test_working_time_lies_within_the_calendars_hours_on_any_day() -> None:
    office = possible(Calendar("Asia/Shanghai"))
    assert office & EVERY == EVERY
    assert (office >> WEEK).bit_count() == 7 * 8 * 60
    assert bits(office >> WEEK) >= {12 * 60 - 1, 14 * 60, 6 * DAY + 8 * 60}
    assert not bits(office >> WEEK) & {12 * 60, 14 * 60 - 1}
    around_the_clock = Calendar("Asia/Shanghai", hours=((time(0), time(0)),))
    assert possible(around_the_clock) == EVERY | EVERY << WEEK
    assert possible(None) == EVERY
