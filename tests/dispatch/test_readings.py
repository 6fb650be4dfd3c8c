"""What the clocks show at any moment: a story that a clerk can read, old entries, and the laws of readings."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import decisions
from dispatch.deadlines import Limit, remaining
from dispatch.entries import Dispatched, Entry
from dispatch.errors import NaiveTime
from dispatch.incidents import fold
from dispatch.readings import Colour, Reading, State, readings
from tests.dispatch import scene
from tests.dispatch.strategies import COVER, LAMP, NOISE, RUBBISH, at, local, rules

ZERO = timedelta(0)


def shown(file: scene.File, when: str, clock: str = "handling") -> list[Reading]:
    return [one for one in readings(rules(), file.entries, at(when)) if one.clock == clock]


@pytest.fixture
def file() -> scene.File:
    """A lamp, four working hours: dispatched, returned, again to the same, handled, the check failed, handled."""
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    scene.return_(file, "2026-03-05 11:00")
    scene.dispatch(file, "2026-03-05 15:00")
    scene.handle(file, "2026-03-05 15:30")
    scene.check(file, "2026-03-05 16:00", passed=False)
    scene.handle(file, "2026-03-05 17:30")
    return file


#: When, what the clock of handling does, elapsed, paused (on the wall), remaining (h:mm of work), due, colour, why.
STORY = [
    line.split(" | ")
    for line in """
08:59 | -       | -    | -           | -     | -     | -      | nothing was reported yet
09:00 | running | 0:00 | 0:00 (0:00) | 4:00  | 15:00 | green  | dispatched: lunch is no working time
10:30 | running | 1:30 | 0:00 (0:00) | 2:30  | 15:00 | green  | half past ten
11:00 | paused  | 2:00 | 0:00 (0:00) | 2:00  | -     | green  | returned: it has no due time until it goes on
13:00 | paused  | 2:00 | 1:00 (2:00) | 2:00  | -     | green  | an hour of work has paused, two on the wall
15:00 | resumed | 2:00 | 2:00 (4:00) | 2:00  | 17:00 | green  | to the same department: it has its two hours
15:30 | ended   | 2:30 | 2:00 (4:00) | 1:30  | 17:00 | green  | it says that it is done
15:45 | ended   | 2:30 | 2:00 (4:00) | 1:30  | 17:00 | green  | and waits for the check
16:00 | resumed | 3:00 | 2:00 (4:00) | 1:00  | 17:00 | green  | it was not: its time has never stopped
16:12 | resumed | 3:12 | 2:00 (4:00) | 0:48  | 17:00 | yellow | 80 % of four hours
17:00 | resumed | 4:00 | 2:00 (4:00) | 0:00  | 17:00 | yellow | on its end it is not late yet
17:15 | resumed | 4:15 | 2:00 (4:00) | -0:15 | 17:00 | red    | a quarter of an hour late
17:30 | ended   | 4:30 | 2:00 (4:00) | -0:30 | 17:00 | red    | done, half an hour late
23:00 | ended   | 4:30 | 2:00 (4:00) | -0:30 | 17:00 | red    | and so it stays
""".strip().splitlines()
]


@pytest.mark.parametrize("line", STORY, ids=[line[-1] for line in STORY])
def test_a_clerk_agrees(file: scene.File, line: Sequence[str]) -> None:
    when, *expected, _why = (cell.strip() for cell in line)
    found = shown(file, f"2026-03-05 {when}")
    if expected[0] == "-":
        assert not found
        return
    (one,) = found
    told = [
        str(one.state),
        hours(one.elapsed),
        f"{hours(one.paused)} ({hours(one.paused_wall)})",
        hours(one.remaining),
        "-" if one.due_at is None else local(one.due_at)[-5:],
        str(one.colour),
    ]
    assert told == expected
    assert one.overdue == max(ZERO, -one.remaining)
    assert one.started_at == at("2026-03-05 09:00")


def hours(time: timedelta) -> str:
    """Hours and minutes: ``-0:15``."""
    minutes = abs(time) // timedelta(minutes=1)
    return f"{'-' if time < ZERO else ''}{minutes // 60}:{minutes % 60:02}"


def test_every_clock_of_the_main_line_has_its_reading(file: scene.File) -> None:
    found = readings(rules(), file.entries, at("2026-03-05 17:40"))
    assert [(one.clock, one.run, str(one.state), str(one.colour)) for one in found] == [
        ("intake", 1, "ended", "green"),
        ("dispatch", 2, "ended", "green"),
        ("handling", 3, "ended", "red"),
        ("dispatch", 4, "ended", "red"),
        ("check", 6, "ended", "yellow"),
        ("check", 8, "running", "green"),
    ]


def test_another_department_gets_a_run_of_its_own_and_the_one_that_paused_has_ended() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    scene.return_(file, "2026-03-05 11:00")
    scene.dispatch(file, "2026-03-05 15:00", to="water")
    first, second = shown(file, "2026-03-05 15:30")
    assert (first.state, first.elapsed, first.remaining) == (
        State.ENDED,
        timedelta(hours=2),
        timedelta(hours=2),
    )
    assert (first.ended_at, first.due_at) == (at("2026-03-05 15:00"), None)
    assert (second.state, second.run, second.remaining) == (State.RUNNING, 5, timedelta(hours=3.5))


def test_what_is_cancelled_while_it_pauses_has_ended() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    scene.return_(file, "2026-03-05 11:00")
    now = at("2026-03-05 12:00")
    file.add(decisions.cancel(file.now, scene.LEADER, "a drill"), now)
    (one,) = shown(file, "2026-03-09 12:00")
    assert (one.state, one.ended_at, one.paused_wall) == (State.ENDED, now, timedelta(hours=1))


def test_overnight_a_late_clock_is_red_though_no_work_has_passed() -> None:
    """Due at 18:00 on Friday: on Saturday it is late, by no working time yet."""
    file = scene.dispatched(LAMP.key, "2026-03-06 14:00")
    (one,) = shown(file, "2026-03-07 10:00")
    assert (one.colour, one.overdue, one.remaining) == (Colour.RED, ZERO, ZERO)


def test_a_night_emergency_counts_every_hour() -> None:
    file = scene.dispatched(COVER.key, "2026-10-02 23:30")
    (one,) = shown(file, "2026-10-03 01:10")
    assert not one.working
    assert (hours(one.elapsed), hours(one.remaining), one.colour) == ("1:40", "0:20", Colour.YELLOW)


def test_an_end_in_a_year_without_a_list_says_so() -> None:
    assert shown(scene.dispatched(RUBBISH.key, "2026-12-30 09:00"), "2026-12-30 10:00")[0].unconfirmed_year
    assert not shown(scene.dispatched(NOISE.key, "2026-12-30 09:00"), "2026-12-30 10:00")[0].unconfirmed_year


def test_history_of_another_system_has_no_clock() -> None:
    assert readings(rules(), scene.imported().entries, at("2026-03-09 09:00")) == ()


def test_a_moment_needs_its_zone() -> None:
    with pytest.raises(NaiveTime):
        readings(rules(), scene.reported().entries, datetime.fromisoformat("2026-03-05T10:00:00"))


def old(entries: Sequence[Entry]) -> list[Entry]:
    """The entries as they were written before there were clocks of stages."""
    return [replace(entry, fact=_old(entry)) for entry in entries]


def _old(entry: Entry) -> object:
    fact = entry.fact
    if isinstance(fact, Dispatched):
        return replace(fact, warn_at=None, run=None)
    return replace(fact, starts=None) if "starts" in {f.name for f in fields(fact)} else fact


def test_entries_from_before_there_were_clocks_of_stages_are_read_as_one_run(file: scene.File) -> None:
    """Only handling was timed; when it turned yellow nobody wrote down, nor which run goes on."""
    entries = old(file.entries)
    for line in STORY[1:]:
        when = at(f"2026-03-05 {line[0].strip()}")
        (now,) = readings(rules(), file.entries, when)[2:3] or (None,)
        (then,) = readings(rules(), entries, when)
        assert now is not None
        assert then == now


moves = st.lists(
    st.tuples(st.sampled_from(["return", "again", "other", "handle", "failed"]), st.integers(0, 4000)),
    max_size=8,
)


def lived(category: str, steps: Sequence[tuple[str, int]]) -> scene.File:
    """A file in which one thing followed another, so many minutes apart, where it could."""
    file, now = scene.dispatched(category, "2026-02-10 09:00"), at("2026-02-10 09:00")
    acts = {
        "return": scene.return_,
        "again": lambda file, when: scene.dispatch(file, when, file.now.last_lead),
        "other": lambda file, when: scene.dispatch(
            file, when, "water" if file.now.last_lead != "water" else "lamps"
        ),
        "handle": scene.handle,
        "failed": lambda file, when: scene.check(file, when, passed=False),
    }
    possible = {"handling": {"return", "handle"}, "dispatch": {"again", "other"}, "checking": {"failed"}}
    for name, minutes in steps:
        now += timedelta(minutes=minutes)
        if name in possible.get(str(file.now.stage), set()):
            acts[name](file, local(now))
    return file


categories = st.sampled_from([COVER.key, LAMP.key, RUBBISH.key, NOISE.key])


@given(categories, moves, st.integers(0, 40_000))
def test_what_is_spent_and_what_is_left_is_the_whole_limit(
    category: str, steps: Sequence[tuple[str, int]], later: int
) -> None:
    """elapsed + remaining == the limit, in its own kind of time, whatever the clock does at that moment."""
    moment = at("2026-02-10 09:00") + timedelta(minutes=later)
    for one in readings(rules(), lived(category, steps).entries, moment):
        limit = Limit.parse(one.limit)
        whole = {
            "m": timedelta(minutes=1),
            "h": timedelta(hours=1),
            "d": timedelta(hours=8 if one.working else 24),
        }
        assert one.elapsed + one.remaining == limit.amount * whole[str(limit.unit)[1]]
        assert one.elapsed >= ZERO
        assert one.paused_wall >= one.paused >= ZERO


@given(categories, moves, st.integers(0, 40_000))
def test_a_reading_knows_nothing_of_what_came_after(
    category: str, steps: Sequence[tuple[str, int]], later: int
) -> None:
    """At any moment it shows what it showed then."""
    entries = lived(category, steps).entries
    moment = at("2026-02-10 09:00") + timedelta(minutes=later)
    known = [entry for entry in entries if entry.recorded_at <= moment]
    assert readings(rules(), entries, moment) == readings(rules(), known, moment)


@given(categories, moves)
def test_what_runs_is_the_incidents_clock(category: str, steps: Sequence[tuple[str, int]]) -> None:
    """At the last entry at most one reading runs: the clock that the entries add up to; and it agrees with it."""
    entries = lived(category, steps).entries
    incident, moment = fold(entries), entries[-1].recorded_at
    runs = [one for one in readings(rules(), entries, moment) if one.state in (State.RUNNING, State.RESUMED)]
    clock = incident.clock
    assert clock is not None, "nothing here closes"
    (one,) = runs
    assert (one.clock, one.run, one.due_at) == (clock.clock, clock.run, clock.due_at)
    assert one.warn_at == clock.warn_at or clock.warn_at == clock.due_at, "it goes on with nothing left"
    assert one.remaining == remaining(rules().calendar, Limit.parse(one.limit).unit, moment, clock.due_at)


@given(categories, moves, st.lists(st.integers(0, 40_000), min_size=2, max_size=2).map(sorted))
def test_time_spent_and_paused_never_shrinks(
    category: str, steps: Sequence[tuple[str, int]], when: Sequence[int]
) -> None:
    """elapsed and paused are monotone in the moment."""
    entries = lived(category, steps).entries
    earlier, later = (readings(rules(), entries, at("2026-02-10 09:00") + timedelta(minutes=n)) for n in when)
    assert len(earlier) <= len(later)
    for one, then in zip(earlier, later, strict=False):
        assert (one.clock, one.run, one.started_at) == (then.clock, then.run, then.started_at)
        assert one.elapsed <= then.elapsed
        assert one.paused <= then.paused
