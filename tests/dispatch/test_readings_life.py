"""What the clocks show where things leave the main line: extended, suspended, corrected, supervised, taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import clocks, decisions
from dispatch.clocks import Clock, StageLimit
from dispatch.deadlines import Limit, remaining
from dispatch.ending_facts import Joined, TakenBack
from dispatch.entries import Closed, Dispatched, Route, Started
from dispatch.handling_facts import Answered, Applied, Corrected, Granted, Resumed, Supervised, Wish
from dispatch.incidents import fold
from dispatch.readings import Reading, State, readings
from tests.dispatch import scene
from tests.dispatch.strategies import COVER, LAMP, RUBBISH, at, local, rules

ZERO = timedelta(0)


def started(file: scene.File, clock: Clock, limit: str, when: str) -> Started:
    """A clock of a stage that starts with the next entry."""
    stage, run = StageLimit(Limit.parse(limit)), len(file.entries) + 1
    return clocks.started(clock, stage, rules().calendar, at(when), run, 80)


def extend(file: scene.File, when: str) -> None:
    """Asked for and granted: its end moves by one original limit."""
    file.add(Applied(Wish.EXTENSION, "等配件"), at(when))
    had = file.now.handling
    assert had is not None
    told = clocks.extended(had, rules().calendar, at(when), file.now.extended + 1, 80)
    file.add(Granted(Wish.EXTENSION, starts=told), at(when))


def left(file: scene.File, when: str) -> timedelta:
    had = file.now.handling
    assert had is not None
    return remaining(rules().calendar, Limit.parse(had.limit).unit, at(when), had.due_at)


def suspend(file: scene.File, when: str, until: str) -> None:
    file.add(Applied(Wish.SUSPENSION, "等雨季过去", at(until)), at(when))
    seconds = left(file, when).total_seconds()
    file.add(Granted(Wish.SUSPENSION, until=at(until), remaining_s=seconds), at(when))


def resume(file: scene.File, when: str) -> None:
    had, rest = file.now.handling, file.now.remaining_s
    assert had is not None
    assert rest is not None
    told = clocks.resumed(had, rules().calendar, at(when), timedelta(seconds=rest), 80)
    file.add(Resumed(told), at(when))


def correct(file: scene.File, when: str, department: str, keeps: bool) -> None:
    """It is somewhere else, and another department's; ``keeps``: the same limit still holds."""
    file.add(
        Corrected(
            *(file.now.category, file.now.urgency, file.now.place),
            Route(department, "rule", "why"),
            *(1, "位置有误"),
            elsewhere=True,
            remaining_s=left(file, when).total_seconds() if keeps else None,
            starts=started(file, Clock.DISPATCH, "15wm", when),
        ),
        at(when),
    )


def go_on(file: scene.File, when: str) -> None:
    """Dispatched after a correction: the same run goes on with what was left of it."""
    had, rest = file.now.handling, file.now.remaining_s
    assert had is not None
    assert rest is not None
    told = clocks.resumed(had, rules().calendar, at(when), timedelta(seconds=rest), 80)
    file.add(
        Dispatched(
            *("water", "rule", "why", told.limit, told.due_at, True, 1),
            run=told.run,
            warn_at=told.warn_at,
        ),
        at(when),
    )


def take_back(file: scene.File, when: str) -> None:
    """Whoever acted last takes it back."""
    taken, before = file.entries[-1], fold(file.entries[:-1])
    file.add(TakenBack(taken.number, taken.fact.act, before.stage), at(when), taken.by)


def shown(file: scene.File, when: str, clock: str = "handling") -> list[Reading]:
    return [one for one in readings(rules(), file.entries, at(when)) if one.clock == clock]


def hours(time: timedelta) -> str:
    """Hours and minutes: ``-0:15``."""
    minutes = abs(time) // timedelta(minutes=1)
    return f"{'-' if time < ZERO else ''}{minutes // 60}:{minutes % 60:02}"


@pytest.fixture
def file() -> scene.File:
    """A lamp, four working hours: extended, suspended for a week, corrected, dispatched again, handled."""
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    extend(file, "2026-03-05 11:00")
    suspend(file, "2026-03-05 17:00", until="2026-03-12 09:00")
    resume(file, "2026-03-12 09:00")
    correct(file, "2026-03-12 09:30", "water", keeps=True)
    go_on(file, "2026-03-12 10:00")
    scene.handle(file, "2026-03-12 10:15")
    return file


#: When, what the clock of handling does, how often extended, elapsed, paused, remaining, due, colour, why.
STORY = [
    line.split(" | ")
    for line in """
03-05 10:30 | running | 0 | 1:30 | 0:00  | 2:30 | 03-05 15:00 | green  | four working hours, lunch is none
03-05 11:00 | running | 1 | 2:00 | 0:00  | 6:00 | 03-06 09:00 | green  | extended: four hours more
03-05 16:30 | running | 1 | 5:30 | 0:00  | 2:30 | 03-06 09:00 | green  | what would be late is not
03-05 17:00 | paused  | 1 | 6:00 | 0:00  | 2:00 | -           | green  | suspended: it has no due time
03-06 09:00 | paused  | 1 | 6:00 | 2:00  | 2:00 | -           | green  | its old end passes by
03-12 08:59 | paused  | 1 | 6:00 | 33:59 | 2:00 | -           | green  | a week later, by the minute
03-12 09:00 | resumed | 1 | 6:00 | 34:00 | 2:00 | 03-12 11:00 | green  | and goes on by itself
03-12 09:30 | paused  | 1 | 6:30 | 34:00 | 1:30 | -           | yellow | it is another department's, yellow with a fifth of the eight hours left
03-12 10:00 | resumed | 1 | 6:30 | 34:30 | 1:30 | 03-12 11:30 | yellow | which has what was left
03-12 10:15 | ended   | 1 | 6:45 | 34:30 | 1:15 | 03-12 11:30 | yellow | put right
""".strip().splitlines()
]


@pytest.mark.parametrize("line", STORY, ids=[line[-1] for line in STORY])
def test_a_clerk_agrees(file: scene.File, line: Sequence[str]) -> None:
    when, *expected, _why = (cell.strip() for cell in line)
    (one,) = shown(file, f"2026-{when}")
    told = [
        str(one.state),
        str(one.extensions),
        hours(one.elapsed),
        hours(one.paused),
        hours(one.remaining),
        "-" if one.due_at is None else local(one.due_at)[5:],
        str(one.colour),
    ]
    assert told == expected
    assert (one.limit, one.run, one.started_at) == ("4wh", 3, at("2026-03-05 09:00"))


def test_a_correction_with_another_limit_ends_the_run() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
    correct(file, "2026-03-05 10:00", "water", keeps=False)
    (one,) = shown(file, "2026-03-05 10:05")
    assert (one.state, one.elapsed, one.ended_at) == (
        State.ENDED,
        timedelta(hours=1),
        at("2026-03-05 10:00"),
    )
    scene.dispatch(file, "2026-03-05 10:10", to="water")
    assert [str(one.state) for one in shown(file, "2026-03-05 10:10")] == ["ended", "running"]


def test_supervision_runs_beside_until_it_is_answered() -> None:
    """A suspension does not stop it: whoever asks wants to be answered."""
    file = scene.dispatched(RUBBISH.key, "2026-03-05 09:00")
    file.add(
        Supervised("市长热线来电", started(file, Clock.SUPERVISION, "4wh", "2026-03-05 10:00")),
        at("2026-03-05 10:00"),
    )
    suspend(file, "2026-03-05 11:00", until="2026-04-05 09:00")
    handling, supervision = readings(rules(), file.entries, at("2026-03-05 11:30"))[-2:]
    assert (handling.clock, handling.state) == ("handling", State.PAUSED)
    assert (supervision.clock, supervision.state, supervision.run) == ("supervision", State.RUNNING, 4)
    file.add(Answered("已进场"), at("2026-03-05 15:00"))
    (answered,) = shown(file, "2026-03-05 18:00", "supervision")
    assert (answered.state, answered.ended_at) == (State.ENDED, at("2026-03-05 15:00"))
    assert hours(answered.elapsed) == "3:00"


def test_what_is_cancelled_ends_supervision_too() -> None:
    file = scene.dispatched(RUBBISH.key, "2026-03-05 09:00")
    file.add(
        Supervised("重大", started(file, Clock.SUPERVISION, "4wh", "2026-03-05 10:00")),
        at("2026-03-05 10:00"),
    )
    file.add(decisions.cancel(file.now, scene.LEADER, "演练"), at("2026-03-05 11:00"))
    found = readings(rules(), file.entries, at("2026-03-05 12:00"))
    assert {one.state for one in found} == {State.ENDED}
    assert [one.ended_at for one in found[-2:]] == [at("2026-03-05 11:00")] * 2


def test_what_is_joined_ends_for_good() -> None:
    file = scene.reported(LAMP.key, "2026-03-05 09:00")
    file.add(Joined("case-0", "N-0", 60.0, 12.0), at("2026-03-05 09:10"))
    (one,) = readings(rules(), file.entries, at("2026-03-06 09:00"))
    assert (one.clock, one.state, one.ended_at) == ("intake", State.ENDED, at("2026-03-05 09:10"))


class TestTakenBack:
    """What is taken back leaves the clocks, from then on, as if it had not been done."""

    def test_a_return_has_paused_nothing(self) -> None:
        file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
        before = file.entries[:]
        scene.return_(file, "2026-03-05 10:00")
        take_back(file, "2026-03-05 10:04")
        (paused,) = shown(file, "2026-03-05 10:03")
        assert (paused.state, paused.elapsed) == (State.PAUSED, timedelta(hours=1)), "so it stood then"
        when = at("2026-03-05 11:00")
        assert readings(rules(), file.entries, when) == readings(rules(), before, when)

    def test_a_handling_has_ended_nothing_and_the_check_never_ran(self) -> None:
        file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
        scene.handle(file, "2026-03-05 10:00")
        take_back(file, "2026-03-05 10:02")
        assert [one.clock for one in readings(rules(), file.entries, at("2026-03-05 10:01"))][-1] == "check"
        found = readings(rules(), file.entries, at("2026-03-05 10:02"))
        assert [(one.clock, str(one.state)) for one in found] == [
            ("intake", "ended"),
            ("dispatch", "ended"),
            ("handling", "running"),
        ]
        scene.handle(file, "2026-03-05 11:00")
        assert shown(file, "2026-03-05 11:00")[0].elapsed == timedelta(hours=2)

    def test_a_granted_extension_has_moved_nothing(self) -> None:
        file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
        extend(file, "2026-03-05 10:00")
        take_back(file, "2026-03-05 10:01")
        (one,) = shown(file, "2026-03-05 10:02")
        assert (one.extensions, one.due_at) == (0, at("2026-03-05 15:00"))

    def test_what_follows_it_goes_on_from_there(self) -> None:
        """A suspension taken back, and another one granted: one pause, from the second."""
        file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
        suspend(file, "2026-03-05 10:00", until="2026-03-09 09:00")
        take_back(file, "2026-03-05 10:03")
        seconds = left(file, "2026-03-05 11:00").total_seconds()
        granted = Granted(Wish.SUSPENSION, until=at("2026-03-06 09:00"), remaining_s=seconds)
        file.add(granted, at("2026-03-05 11:00"))
        (one,) = shown(file, "2026-03-05 11:30")
        assert (hours(one.elapsed), hours(one.paused), hours(one.remaining)) == ("2:00", "0:30", "2:00")

    def test_a_closing_clock_runs_again(self) -> None:
        file = scene.dispatched(LAMP.key, "2026-03-05 09:00")
        scene.handle(file, "2026-03-05 10:00")
        fact = scene.check(file, "2026-03-05 10:10").clock
        before = file.entries[:]
        file.add(Closed(), at("2026-03-05 10:11"), "dis")
        take_back(file, "2026-03-05 10:12")
        when = at("2026-03-05 10:20")
        assert readings(rules(), file.entries, when) == readings(rules(), before, when)
        assert file.now.clock == fact


#: What may follow what: the stage it stands in, and what is done there.
moves = st.lists(
    st.tuples(
        st.sampled_from(["extend", "suspend", "resume", "correct", "go on", "take back"]),
        st.integers(0, 3000),
    ),
    max_size=8,
)
categories = st.sampled_from([COVER.key, LAMP.key, RUBBISH.key])


def lived(category: str, steps: Sequence[tuple[str, int]]) -> scene.File:
    """A file in which one thing followed another, so many minutes apart, where it could."""
    file, now = scene.dispatched(category, "2026-02-10 09:00"), at("2026-02-10 09:00")
    possible = {
        "handling": {"extend", "suspend", "correct", "take back"},
        "suspended": {"resume", "take back"},
        "dispatch": {"go on", "take back"},
    }
    for name, minutes in steps:
        now += timedelta(minutes=min(minutes, 4) if name == "take back" else minutes)
        if name not in possible[str(file.now.stage)] or (name == "take back" and file.now.before is None):
            continue
        when = local(now)
        match name:
            case "extend":
                extend(file, when)
            case "suspend":
                suspend(file, when, local(now + timedelta(days=9)))
            case "resume":
                resume(file, when)
            case "correct":
                correct(file, when, "water", keeps=True)
            case "go on" if file.now.remaining_s is None:
                scene.dispatch(file, when)
            case "go on":
                go_on(file, when)
            case _:
                take_back(file, when)
    return file


@given(categories, moves, st.integers(0, 30_000))
def test_what_is_spent_and_what_is_left_is_the_limit_with_what_was_granted(
    category: str, steps: Sequence[tuple[str, int]], later: int
) -> None:
    """elapsed + remaining == limit * (1 + extensions), whatever was done and taken back."""
    for one in readings(
        rules(), lived(category, steps).entries, at("2026-02-10 09:00") + timedelta(minutes=later)
    ):
        limit = Limit.parse(one.limit)
        whole = {
            "m": timedelta(minutes=1),
            "h": timedelta(hours=1),
            "d": timedelta(hours=8 if one.working else 24),
        }
        assert one.elapsed + one.remaining == limit.amount * (1 + one.extensions) * whole[str(limit.unit)[1]]
        assert one.paused_wall >= one.paused >= ZERO


@given(categories, moves)
def test_what_runs_is_the_incidents_clock(category: str, steps: Sequence[tuple[str, int]]) -> None:
    """At the last entry runs what the entries add up to, and it agrees with it; suspended, nothing runs."""
    file = lived(category, steps)
    moment = file.entries[-1].recorded_at
    found = readings(rules(), file.entries, moment)
    runs = [one for one in found if one.state in (State.RUNNING, State.RESUMED)]
    if file.now.clock is None:
        assert not runs
        assert [one.remaining.total_seconds() for one in found if one.state is State.PAUSED] == [
            file.now.remaining_s
        ]
        return
    (one,) = runs
    clock = file.now.clock
    assert (one.clock, one.run, one.due_at) == (clock.clock, clock.run, clock.due_at)


@given(categories, moves, st.integers(0, 30_000))
def test_what_was_taken_back_might_as_well_not_have_been_done(
    category: str, steps: Sequence[tuple[str, int]], later: int
) -> None:
    """Take back the last act, and the clocks show what they would have shown without it."""
    file = lived(category, steps)
    if file.now.before is None:
        return
    without, when = file.entries[:-1], file.entries[-1].recorded_at
    take_back(file, local(when))
    moment = when + timedelta(minutes=later)
    assert readings(rules(), file.entries, moment) == readings(rules(), without, moment)
