"""The sweeper under whatever people do meanwhile: what has to be noticed is noticed once, and nothing else is.

What has to be noticed is found by the slow reading of `plain_sweeping`.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from dispatch import entries as facts
from dispatch.entries import Entry, to_micros
from dispatch.errors import DispatchError
from dispatch.incidents import fold
from dispatch.lifecycle import Act, Role
from dispatch.permissions import open_to
from gridgov.scope import actor_on
from gridgov.storage import ledger
from gridgov.storage.rebuild import differences
from gridgov.storage.setup import init
from gridgov.sweeping import Sweeper
from tests.gridgov import scene
from tests.gridgov.plain_sweeping import MINUTE, Known, Said, said, two_working_hours
from tests.gridgov.storage.conftest import Town

#: Who answers for the north, beside the leader, who answers everywhere.
NORTH_LEADER = scene.Somebody("north leader", scene.assignment(Role.SHIFT_LEADER, ("D", "N")))
ACTORS = (*scene.PEOPLE, NORTH_LEADER)
#: Minutes that pass: less than a warning, to it, past the end, over the lunch break, a night, a weekend.
PASSING = (1, 3, 9, 12, 15, 16, 31, 60, 125, 250, 900, 1440, 4320)
#: What people do, but for remarks, and for what takes an incident off the books: that would end every game.
ACTS = (
    *(Act.PLACE, Act.FILE, Act.ASK, Act.VERIFY, Act.DISPATCH, Act.UNDO, Act.RETURN, Act.HANDLE, Act.CHECK),
    *(Act.CLOSE, Act.REOPEN, Act.ADOPT, Act.ACKNOWLEDGE, Act.PASS_ON),
)


class Still(scene.Clock):
    """A clock that moves only when it is set."""

    def __call__(self) -> datetime:
        return self.now


class SweepingMachine(RuleBasedStateMachine):
    """A town with a clock that is set; people act, sweepers look, and the program starts again."""

    def __init__(self, empty: Path, seen: Counter[str]) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=empty.parent))
        shutil.copy(empty, self.folder / "town.db")
        self.clock, self.seen = Still(), seen
        self.town = self._open()
        self.held: tuple[Sweeper, list[Any]] | None = None
        self.last: dict[str, list[Entry]] = {}

    def _open(self) -> Town:
        return Town(f"sqlite:///{self.folder / 'town.db'}", self.clock)

    def teardown(self) -> None:
        self.sweep(sweepers=1)
        with self.town.reader.connect() as connection:
            assert list(differences(connection)) == []
        self.town.close_down()
        shutil.rmtree(self.folder)

    # What people do.

    @rule(
        square=st.sampled_from(("N1", "N2", "S1", None)), category=st.sampled_from((scene.COVER, scene.NOISE))
    )
    def report(self, square: str | None, category: str) -> None:
        standard = "loud" if category == scene.NOISE else None
        id_ = str(uuid.UUID(int=len(self.histories) + 1, version=4))
        where = None if square is None else scene.at(square)
        self.town.report(category, where, standard=standard, id=id_)

    @precondition(lambda self: self.histories)
    @rule(data=st.data(), steps=st.integers(1, 4))
    def act(self, data: st.DataObject, steps: int) -> None:
        """People do, one after another, what they can do with one incident."""
        id_ = data.draw(st.sampled_from(sorted(self.histories)))
        for _ in range(steps):
            incident = fold(self.histories[id_])
            choices = [
                (by, act)
                for by in ACTORS
                for act in open_to(
                    incident, actor_on(by.id, by.assignments, incident, self.clock.now), self.clock.now
                )
                if act in ACTS
            ]
            if not choices:
                return
            by, act = data.draw(st.sampled_from(choices))
            more: dict[str, Any] = {}
            if act in (Act.CHECK, Act.VERIFY):
                more["passed" if act is Act.CHECK else "found"] = data.draw(st.booleans())
            elif act is Act.DISPATCH:
                more["department"] = data.draw(st.sampled_from((None, "water", "cleaning", "north_office")))
            elif act is Act.PLACE:
                more["position"] = scene.at(data.draw(st.sampled_from(("N1", "S2"))))
            try:
                self.does(by, act, id_, **more)
            except DispatchError as refused:
                # Not asked, the last step of the ladder, or whoever handled it may not check it.
                self.seen[f"refused {type(refused).__name__}"] += 1

    def does(self, by: scene.Somebody, act: Act, id_: str, **more: Any) -> None:
        """One act on an incident as it stands."""
        self.town.act(by, act, id_, len(self.histories[id_]), reason="因为", **more)

    @rule(minutes=st.sampled_from(PASSING))
    def wait(self, minutes: int) -> None:
        self.clock.now += minutes * MINUTE

    @rule()
    def restart(self) -> None:
        self.town.close_down()
        self.town, self.held = self._open(), None

    # What sweepers do.

    @rule(sweepers=st.integers(1, 2))
    def sweep(self, sweepers: int) -> None:
        """All that has to be said is said at one look, once, and with the next what follows from that at the same
        moment; nothing else is.
        """
        due = self._due()
        self._look(sweepers)
        assert not set(due) & set(self._due())
        self._look(sweepers)
        assert self._due() == []

    def _look(self, sweepers: int) -> None:
        known = self._count()
        threads = [threading.Thread(target=self._sweeper().sweep) for _ in range(sweepers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._said_since(known)

    @precondition(lambda self: self._moments())
    @rule(data=st.data(), sweepers=st.integers(1, 2))
    def watch_a_clock(self, data: st.DataObject, sweepers: int) -> None:
        """Look a minute before it turns yellow or red, or an answer is late, and when it does."""
        moment = data.draw(st.sampled_from(self._moments()[:2]))
        for early in (MINUTE, timedelta(0)):
            self.clock.now = max(self.clock.now, moment - early)
            self.sweep(sweepers=sweepers)

    @rule()
    def look_and_be_held_up(self) -> None:
        """A sweeper finds what is to be said, and then the machine does other things."""
        ours = self._sweeper()
        self.held = ours, ours._part(to_micros(self.clock.now), None)

    @precondition(lambda self: self.held)
    @rule()
    def go_on(self) -> None:
        """It says it much later: no more than has to be said by then."""
        assert self.held is not None
        ours, part = self.held
        known = self._count()
        ours._say(part, to_micros(self.clock.now))
        self.held = None
        self._said_since(known)

    # The slow reading.

    @property
    def histories(self) -> dict[str, list[Entry]]:
        """All entries there are, by incident."""
        found: dict[str, list[Entry]] = {}
        for entry in self._entries():
            found.setdefault(entry.incident, []).append(entry)
        return found

    def _entries(self) -> list[Entry]:
        with self.town.reader.connect() as connection:
            return [told.entry for told in ledger.since(connection, 0, 100_000)]

    def _count(self) -> int:
        return len(self._entries())

    def _due(self) -> list[Said]:
        now = self.clock.now
        return [one for id_, known in self._known().items() for one in known.to_say(id_, now)]

    def _moments(self) -> list[datetime]:
        """When something is going to be late, soonest first."""
        found: set[datetime] = set()
        for known in self._known().values():
            if known.running is not None:
                found.update(known.running[2:])
                if known.asked is not None and known.asked[1] is not None:
                    found.add(known.asked[1])
        return sorted(moment for moment in found if moment > self.clock.now)

    def _known(self) -> dict[str, Known]:
        found: dict[str, Known] = {}
        for entry in self._entries():
            found.setdefault(entry.incident, Known()).follow(entry)
        return found

    def _said_since(self, known: int) -> None:
        """All that was said after so many entries had to be said, of each incident as it stood just before, and
        was said whole; whoever was asked has two working hours, at the last step any.
        """
        incidents: dict[str, Known] = {}
        waits: dict[str, list[Said]] = {}
        for number, entry in enumerate(self._entries()):
            here = incidents.setdefault(entry.incident, Known())
            if number >= known:
                waits[entry.incident] = waits.get(entry.incident) or here.to_say(
                    entry.incident, self.clock.now
                )
                told = said(entry, here)
                assert told == waits[entry.incident][:1]
                waits[entry.incident] = waits[entry.incident][1:]
                self.seen.update(f"{kind} {clock} {what}" for _, kind, clock, _, what in told)
                self.seen.update(f"again {kind}" for _, kind, _, run, _ in told if run > 3)
                match entry.fact:
                    case facts.Escalated(step=step, answer_by=answer_by):
                        assert answer_by == (two_working_hours(self.clock.now) if step == 1 else None)
            here.follow(entry)
        assert not any(waits.values())

    def _sweeper(self) -> Sweeper:
        return Sweeper(self.town.reader, self.town.writer, self.clock)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """The file of a store in which nothing has happened, to be copied: making one takes the migrations' time."""
    file = tmp_path / "empty.db"
    init(f"sqlite:///{file}", "epoch-1")
    return file


def play(empty: Path, games: int, steps: int) -> Counter[str]:
    """So many games; what was seen in them, by kind."""
    seen: Counter[str] = Counter()

    class Here(SweepingMachine):
        def __init__(self) -> None:
            super().__init__(empty, seen)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=games,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
    return seen


@pytest.fixture
def machine(empty: Path) -> Iterator[SweepingMachine]:
    """The town, to be played by hand."""
    played = SweepingMachine(empty, Counter())
    yield played
    played.teardown()


def reported(machine: SweepingMachine, square: str | None = "N1") -> str:
    """A manhole cover, filed and dispatched to water; its id."""
    machine.report(square, scene.COVER)
    (id_,) = machine.histories
    machine.does(scene.CLERK, Act.FILE, id_)
    machine.does(scene.DISPATCHER, Act.DISPATCH, id_)
    return id_


@pytest.mark.parametrize(("square", "unit"), [("N1", "north_office"), ("S1", "office")])
def test_what_was_returned_is_given_and_nobody_asked(
    machine: SweepingMachine, square: str, unit: str
) -> None:
    id_ = reported(machine, square)
    machine.does(scene.WATER, Act.RETURN, id_)
    machine.wait(minutes=15)
    machine.sweep(sweepers=1)
    expected = {
        "noticed dispatch overdue": 1,
        f"given dispatch {unit}": 1,
        "again noticed": 1,
        "again given": 1,
    }
    assert machine.seen == expected


def test_what_is_given_with_nothing_left_is_late_at_once(machine: SweepingMachine) -> None:
    """The street returned it past its limit, and has it again."""
    id_ = reported(machine)
    machine.does(scene.WATER, Act.RETURN, id_)
    machine.does(scene.DISPATCHER, Act.DISPATCH, id_, department="north_office")
    machine.wait(minutes=1440)
    machine.does(scene.NORTH, Act.RETURN, id_)
    machine.wait(minutes=15)
    machine.sweep(sweepers=1)
    assert {"given dispatch north_office", "noticed handling overdue", "asked handling 1 overdue"} <= set(
        machine.seen
    )


def test_what_is_not_closed_in_time_is_asked_about(machine: SweepingMachine) -> None:
    id_ = reported(machine)
    machine.does(scene.WATER, Act.HANDLE, id_)
    machine.does(scene.INSPECTOR, Act.CHECK, id_, passed=True)
    machine.wait(minutes=26)
    machine.sweep(sweepers=2)
    assert "noticed closing warning" in machine.seen
    machine.wait(minutes=30)
    machine.sweep(sweepers=2)
    assert {"noticed closing overdue", "asked closing 1 overdue"} <= set(machine.seen)


@pytest.mark.slow
def test_what_has_to_be_noticed_is_noticed_once(empty: Path) -> None:
    seen = play(empty, games=15, steps=40)
    expected = {"noticed intake warning", "noticed intake overdue", "noticed handling overdue"}
    expected |= {"asked intake 1 overdue", "asked intake 2 overdue", "asked intake 2 unanswered"}
    assert expected <= seen.keys(), seen


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_what_has_to_be_noticed_is_noticed_once_in_many_games(empty: Path) -> None:
    seen = play(empty, games=150, steps=60)
    expected = {
        f"{kind} {clock} {what}"
        for clock in ("intake", "verify", "dispatch", "handling", "check", "closing")
        for kind, what in (("noticed", "warning"), ("noticed", "overdue"), ("asked", "1 overdue"))
    }
    expected |= {"asked intake 2 unanswered", "asked handling 2 unanswered", "again noticed"}
    expected |= {"given dispatch north_office", "given dispatch office"}
    # Its window of six minutes is met too seldom: the written game above meets it.
    expected -= {"noticed closing warning"}
    assert expected <= seen.keys(), expected - seen.keys()
