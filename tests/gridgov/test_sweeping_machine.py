"""The sweeper under whatever people do meanwhile: what has to be noticed is noticed once, and nothing else is.

What has to be noticed is found by a slow reading of the ledger's entries, which shares nothing with the
reading that the sweeper relies on but the due times that the entries state.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

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
from tests.gridgov.storage.conftest import Town

MINUTE = timedelta(minutes=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
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

#: What was, or should be, said: of which incident; notice or question; clock, run; threshold, or step and why.
Said = tuple[str, str, str, int, str]


class Still(scene.Clock):
    """A clock that moves only when it is set."""

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Known:
    """One incident as the slow reading knows it."""

    running: tuple[str, int, datetime, datetime] | None = None
    handling: tuple[str, int, datetime, datetime] | None = None
    path: tuple[str, ...] = ()
    noticed: set[tuple[str, int, str]] = field(default_factory=set)
    asked: tuple[int, datetime | None] | None = None
    set_aside: tuple[int, datetime | None] | None = None

    def follow(self, entry: Entry) -> None:
        """Bring it up to one more entry."""
        fact, before = entry.fact, self.running
        match fact:
            case facts.Reported() | facts.Placed():
                self.path = fact.place.path
        match fact:
            case facts.Dispatched():
                assert fact.run is not None
                assert fact.warn_at is not None
                self.set_aside = self.set_aside if fact.resumed else None
                self.running = self.handling = ("handling", fact.run, fact.warn_at, fact.due_at)
            case facts.Checked():
                self.running = None if fact.passed else self.handling
            case facts.Closed():
                self.running = None
            case facts.Noticed():
                self.noticed.add((fact.clock, fact.run, fact.threshold))
            case facts.Escalated():
                self.asked = fact.step, fact.answer_by
            case facts.Acknowledged():
                self.asked = None
            case facts.Placed() | facts.PassedOn():
                pass
            case _:
                started = fact.starts  # type: ignore[attr-defined]
                self.running = started.clock, started.run, started.warn_at, started.due_at
        if before is not None and (self.running is None or self.running[:2] != before[:2]):
            self._switch(before)

    def _switch(self, before: tuple[str, int, datetime, datetime]) -> None:
        """Another clock runs, or none: who was asked about handling is asked again when it goes on."""
        if before == self.handling:
            self.set_aside = self.asked
        self.asked = None
        if self.running is not None and self.handling is not None and self.running[:2] == self.handling[:2]:
            self.asked = self.set_aside

    def to_say(self, id_: str, now: datetime) -> list[Said]:
        """What a sweep at this moment has to say of it."""
        if self.running is None:
            return []
        clock, run, warn_at, due_at = self.running
        if (clock, run, "overdue") in self.noticed:
            if self.asked is None or self.asked[1] is None or now < self.asked[1]:
                return []
            return [(id_, "asked", clock, run, f"{self.asked[0] + 1} unanswered")]
        if now >= due_at:
            step = 1 if len(self.path) > 1 else 2
            return [(id_, "noticed", clock, run, "overdue"), (id_, "asked", clock, run, f"{step} overdue")]
        if now >= warn_at and (clock, run, "warning") not in self.noticed:
            return [(id_, "noticed", clock, run, "warning")]
        return []


def said(entry: Entry) -> list[Said]:
    """What an entry says that nobody did."""
    match entry.fact:
        case facts.Noticed(clock=clock, run=run, threshold=threshold):
            return [(entry.incident, "noticed", clock, run, threshold)]
        case facts.Escalated(clock=clock, run=run, step=step, cause=cause) if cause != "passed_on":
            return [(entry.incident, "asked", clock, run, f"{step} {cause}")]
    return []


def two_working_hours(start: datetime) -> datetime:
    """Minute by minute: Monday to Friday, eight to twelve and two to six."""
    now, left = start, 120
    while left:
        local = now.astimezone(SHANGHAI)
        left -= local.weekday() < 5 and (8 <= local.hour < 12 or 14 <= local.hour < 18)
        now += MINUTE
    return now


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
            more: dict[str, Any] = {"reason": "因为"}
            if act in (Act.CHECK, Act.VERIFY):
                more["passed" if act is Act.CHECK else "found"] = data.draw(st.booleans())
            elif act is Act.DISPATCH:
                more["department"] = data.draw(st.sampled_from((None, "water", "cleaning", "north_office")))
            elif act is Act.PLACE:
                more["position"] = scene.at(data.draw(st.sampled_from(("N1", "S2"))))
            try:
                self.town.act(by, act, id_, incident.number, **more)
            except DispatchError as refused:
                # Not asked, the last step of the ladder, or whoever handled it may not check it.
                self.seen[f"refused {type(refused).__name__}"] += 1

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
        """All that has to be said is said, once; nothing else is."""
        due, known = self._due(), self._count()
        threads = [threading.Thread(target=self._sweeper().sweep) for _ in range(sweepers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(self._said_since(known)) == Counter(due)
        assert self._due() == []

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
        due, known = self._due(), self._count()
        ours._say(part, to_micros(self.clock.now))
        self.held = None
        assert not Counter(self._said_since(known)) - Counter(due)

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

    def _said_since(self, known: int) -> list[Said]:
        """What was said after so many entries; whoever was asked has two working hours, at the last step any."""
        found: list[Said] = []
        for entry in self._entries()[known:]:
            found += said(entry)
            match entry.fact:
                case facts.Escalated(step=step, answer_by=answer_by):
                    assert answer_by == (two_working_hours(self.clock.now) if step == 1 else None)
        self.seen.update(f"{kind} {clock} {what}" for _, kind, clock, _, what in found)
        self.seen.update(f"again {kind}" for _, kind, _, run, _ in found if run > 3)
        return found

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
        for clock in ("intake", "verify", "dispatch", "handling", "check")
        for kind, what in (("noticed", "warning"), ("noticed", "overdue"), ("asked", "1 overdue"))
    }
    expected |= {"asked intake 2 unanswered", "asked handling 2 unanswered", "again noticed"}
    assert expected <= seen.keys(), expected - seen.keys()
