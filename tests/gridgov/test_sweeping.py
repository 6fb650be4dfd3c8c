"""The sweeper over a store: what is said, when, once, and at what cost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text, update

from dispatch import automation
from dispatch.bodies import kind_of
from dispatch.entries import to_micros
from dispatch.lifecycle import Act
from gridgov import commands
from gridgov.storage.batch import Command, Decision
from gridgov.storage.tables import IncidentRow
from gridgov.sweeping import PART, Sweeper
from gridgov.tending import Tending
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

_incident = IncidentRow.__table__  # type: ignore[attr-defined]


class Still(scene.Clock):
    """A clock that moves only when it is set."""

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path / 'town.db'}", Still())
    yield made
    made.close_down()


def sweeper(town: Town) -> Sweeper:
    return Sweeper(town.reader, town.writer, town.clock)


def at(town: Town, clock: str) -> None:
    """Set the town's clock: minutes and seconds of MONDAY, ten o'clock."""
    hours, minutes = map(int, clock.split(":"))
    town.clock.now = scene.MONDAY.replace(hour=0) + timedelta(hours=hours - 8, minutes=minutes)


def said(town: Town) -> list[str]:
    """What was said by nobody, in order."""
    return [
        f"{fact.clock} {getattr(fact, 'threshold', None) or fact.cause}"
        for told in town.committed
        if kind_of(fact := told.entry.fact) in ("noticed", "escalated")
    ]


def test_a_report_that_nobody_takes_up_climbs_the_ladder(town: Town) -> None:
    town.report(scene.COVER, scene.at("N1"))
    told = []
    for clock in ("10:11", "10:12", "10:14", "10:15", "12:14", "12:15", "18:00"):
        at(town, clock)
        told.append((clock, sweeper(town).sweep()))
    assert told == [
        ("10:11", 0),
        ("10:12", 1),
        ("10:14", 0),
        ("10:15", 1),
        ("12:14", 0),
        ("12:15", 0),  # two working hours, with the break at noon: a quarter past two
        ("18:00", 1),
    ]
    assert said(town) == ["intake warning", "intake overdue", "intake overdue", "intake unanswered"]
    assert {t.entry.by for t in town.committed[1:]} == {"system"}


def test_many_sweepers_at_once_and_after_each_other_say_it_once(town: Town) -> None:
    many = 3 * PART + 7
    for _ in range(many):
        town.report(scene.NOISE, scene.at("S1"))
    at(town, "10:12")
    threads = [threading.Thread(target=sweeper(town).sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said(town)) == many
    assert sweeper(town).sweep() == 0
    assert len(said(town)) == many


def test_after_a_restart_nothing_is_said_again(tmp_path: Path) -> None:
    url, clock = f"sqlite:///{tmp_path / 'town.db'}", Still()
    first = Town(url, clock)
    first.report(scene.COVER, scene.at("N1"))
    at(first, "10:12")
    assert sweeper(first).sweep() == 1
    first.close_down()
    again = Town(url, clock)
    assert sweeper(again).sweep() == 0
    at(again, "10:15")
    assert sweeper(again).sweep() == 1
    assert said(again) == ["intake overdue", "intake overdue"]
    again.close_down()


def test_a_clock_that_jumps_back_says_nothing_early(town: Town) -> None:
    town.report(scene.COVER, scene.at("N1"))
    at(town, "09:00")
    assert sweeper(town).sweep() == 0
    at(town, "10:12")
    assert sweeper(town).sweep() == 1


def test_imported_history_is_left_alone(town: Town) -> None:
    row = commands.ImportedRow(
        *("old", "1", "phone", scene.COVER, "water", "Open"), closed=False, reported_at=scene.LONG_AGO
    )
    id_ = town.writer.run(commands.import_row("keeper", row)).incident
    at(town, "18:00")
    assert sweeper(town).sweep() == 0
    town.act(scene.LEADER, Act.ADOPT, id_, 1)
    town.clock.now += timedelta(days=1)
    assert sweeper(town).sweep() == 1


def test_what_cannot_be_said_is_left_alone_for_a_while_and_holds_up_nothing(town: Town) -> None:
    broken = town.report(scene.COVER, scene.at("N1")).incident
    # A row that says it is to be looked at, where the ledger knows nothing to say.
    with town.written.begin() as connection:
        early = to_micros(scene.MONDAY - timedelta(days=1))
        connection.execute(update(_incident).where(_incident.c.id == broken).values(look_at=early))
    good = town.report(scene.COVER, scene.at("N1")).incident
    at(town, "10:05")
    ours, asked = sweeper(town), []
    event.listen(town.writer._engine, "begin", lambda _: asked.append(1))
    assert (ours.sweep(), len(asked)) == (0, 1)
    assert (ours.sweep(), len(asked)) == (0, 1)
    at(town, "10:14")
    assert ours.sweep() == 1
    assert town.committed[-1].entry.incident == good


def test_it_says_nothing_of_what_moved_on_and_asks_again(town: Town) -> None:
    """Between the look and the decision somebody files it: its next clock has time yet."""
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    at(town, "10:14")
    ours = sweeper(town)
    part = ours._part(to_micros(town.clock.now), None)
    town.act(scene.CLERK, Act.FILE, id_, 1)
    assert ours._say(part, to_micros(town.clock.now)) == 0
    assert said(town) == []
    town.clock.now += timedelta(minutes=15)
    assert ours.sweep() == 1
    assert said(town)[0] == "dispatch overdue"


def test_a_look_is_one_range_of_an_index_that_holds_nothing_closed(town: Town) -> None:
    asked: list[str] = []
    event.listen(town.reader, "before_cursor_execute", lambda *told: asked.append(told[2]))
    town.report(scene.COVER, scene.at("N1"))
    sweeper(town).sweep()
    query = next(sql for sql in asked if "look_at" in sql)
    with town.reader.connect() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}".replace("?", "1"))).all()
    assert any("incident_look (stream=? AND look_at<?)" in row[3] for row in plan), plan


def test_the_thread_wakes_by_itself_and_stops(town: Town) -> None:
    town.report(scene.COVER, scene.at("N1"))
    at(town, "10:12")
    ours, done = sweeper(town), threading.Event()
    ours.start()
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while not said(town) and datetime.now(UTC) < deadline:
        done.wait(0.05)
    ours.stop()
    assert said(town) == ["intake warning"]


def test_one_incident_with_a_fault_keeps_nothing_from_being_said_of_others(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = town.report(scene.COVER, scene.at("N1")).incident
    town.report(scene.COVER, scene.at("S1"))
    real, tried = commands.notice, []

    def faulty(incident: str, seen: int, look_at: datetime) -> Command:
        found = real(incident, seen, look_at)
        tried.append(incident)

        def fail(*_: object) -> Decision:
            raise KeyError("a fault nobody thought of")

        return replace(found, decide=fail) if incident == bad else found

    monkeypatch.setattr(commands, "notice", faulty)
    at(town, "10:12")
    looks = sweeper(town)
    assert looks.sweep() == 1
    assert looks.sweep() == 0
    assert tried.count(bad) == 1
    at(town, "10:23")
    assert looks.sweep() == 1  # the other is overdue
    assert tried.count(bad) == 2


def test_a_fault_does_not_end_the_thread_that_looks() -> None:
    looked = threading.Semaphore(0)

    class Faulty(Tending):
        def tend(self, woken: bool) -> None:
            looked.release()
            raise ZeroDivisionError("a fault nobody thought of")

    faulty = Faulty("faulty", 0.01)
    faulty.start()
    try:
        assert all(looked.acquire(timeout=5) for _ in range(3))
    finally:
        faulty.stop()


def test_no_fault_of_a_rule_costs_a_report(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a fault nobody thought of")

    monkeypatch.setattr(automation, "by_itself", fail)
    told = town.report(scene.NOISE, scene.at("S1"), standard="loud")
    assert [kind_of(one.entry.fact) for one in town.committed] == ["reported"]
    assert told.number == 1
