"""Who is told of an entry is found by an index, and costs what its readers cost, however many others there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.building import ACCEPTED, OFFERED, UNASSIGNED, Part, Task
from dispatch.incidents import Incident
from dispatch.lifecycle import Role
from gridgov.feed import Hub, Index, Reader
from gridgov.scope import Assignment, Scope, scope_of, seen_of
from gridgov.storage import ledger
from gridgov.storage.ledger import Committed
from tests.gridgov import scene
from tests.gridgov.histories import scope
from tests.gridgov.storage.conftest import Town

Told = dict[str, Any]


@pytest.fixture(scope="module")
def an_incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('one') / 'town.db'}")
    town.report(scene.COVER, scene.at("N1"))
    town.close_down()
    return town.committed[0].after


def lying(
    incident: Incident,
    path: tuple[str, ...],
    lead: str | None,
    reporter: str,
    parts: Sequence[tuple[str, str | None]] = (),
    task: tuple[str, str | None] | None = None,
) -> Incident:
    """There, of a lead and ``parts`` (department, whom it was handed to), with a ``task`` (state, person)."""
    return replace(
        incident,
        place=replace(incident.place, path=path),
        lead=lead,
        reported_by=reporter,
        assignee=reporter,
        co_handlers=tuple(department for department, _ in parts),
        parts=tuple(Part(department, assignee=person) for department, person in parts),
        task=None if task is None else Task("check", task[1], task[0], "on_duty"),
    )


paths = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
leads = st.sampled_from([None, "water", "fire"])
people = st.sampled_from(["p", "q", "r"])
held = st.lists(
    st.builds(Assignment, st.just("x"), st.sampled_from(Role), paths, leads, st.just(scene.LONG_AGO)),
    max_size=3,
)


parts = st.lists(st.tuples(leads.filter(bool), st.none() | people), max_size=2)
tasks = st.none() | st.tuples(st.sampled_from([OFFERED, ACCEPTED]), people) | st.just((UNASSIGNED, None))


@given(st.lists(st.tuples(people, held), max_size=6), paths, leads, people, parts, tasks, st.data())
def test_the_index_finds_exactly_those_whose_scope_sees(
    an_incident: Incident,
    watching: list[tuple[str, list[Assignment]]],
    path: tuple[str, ...],
    lead: str | None,
    reporter: str,
    parts: list[tuple[str, str | None]],
    task: tuple[str, str | None] | None,
    data: st.DataObject,
) -> None:
    """For any readers, some of whom left again, and any incident: found == those whose scope sees it."""

    async def run() -> None:
        index = Index()
        readers = [Reader(scope_of(person, some, scene.MONDAY), 1) for person, some in watching]
        for reader in readers:
            index.add(reader)
        gone = data.draw(st.sets(st.sampled_from(readers)) if readers else st.just(set()))
        for reader in gone:
            index.remove(reader)
        incident = lying(an_incident, path, lead, reporter, parts, task)
        expected = {r for r in readers if r not in gone and r.scope.sees(seen_of(incident))}
        assert index.seeing(incident) == expected
        for reader in set(readers) - gone:
            index.remove(reader)
        assert len(index) == 0

    asyncio.run(run())


class Counted(dict[Any, Any]):
    """A dictionary that counts how often it is asked."""

    asked = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)


def test_an_entry_costs_what_its_readers_cost_not_what_all_others_do(
    an_incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand desks of a thousand grids: an entry asks the index a handful of times and touches two desks."""
    offers: list[Reader] = []
    monkeypatch.setattr(Reader, "offer", lambda reader, position, frame: offers.append(reader))

    def watcher(number: int) -> Scope:
        return scope_of(
            f"p{number}", [scene.assignment(Role.INSPECTOR, ("D", "N", f"G{number}"))], scene.MONDAY
        )

    async def run() -> None:
        hub = Hub(10, 0, 60)
        hub.start()
        counted = hub._index._by = Counted()
        mine, leader = hub.subscribe(watcher(500)), hub.subscribe(scope(scene.LEADER))
        for number in (*range(500), *range(501, 1000)):
            hub.subscribe(watcher(number))
        counted.asked = 0
        incident = lying(an_incident, ("D", "N", "G500"), "water", "nobody")
        hub._deliver([Committed("main", 1, an_entry(incident), None, incident, 1, None)])
        assert sorted(map(id, offers)) == sorted(map(id, (mine, leader)))
        assert counted.asked <= 1 + 2 * 4  # reporter, and four depths of path with and without the department
        hub.stop()

    asyncio.run(run())


def an_entry(incident: Incident) -> Any:
    """An entry by which an incident might have come to be as it is."""
    return replace(_ENTRY, incident=incident.id)


_ENTRY = ledger.to_entry(
    {
        "incident": "x",
        "number": 1,
        "kind": "noted",
        "version": 1,
        "happened_at": 0,
        "recorded_at": 0,
        "by": "nobody",
        "body": '{"words":"x"}',
    }
)


def test_one_frame_is_written_for_all_who_are_told_the_same(
    an_incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Reader, "offer", lambda reader, position, frame: told.append(frame))

    async def run() -> None:
        hub = Hub(10, 0, 60)
        hub.start()
        for _ in range(50):
            hub.subscribe(scope(scene.LEADER))
        hub._deliver([Committed("main", 1, an_entry(an_incident), None, an_incident, 1, None)])
        hub.stop()

    asyncio.run(run())
    assert len(told) == 50
    assert len(set(map(id, told))) == 1


def test_frames_of_a_quiet_moment_go_out_at_once_and_the_next_ones_together(an_incident: Incident) -> None:
    async def run() -> None:
        hub = Hub(100, 0.2, 60)
        hub.start()
        reader = hub.subscribe(scope(scene.LEADER))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        hub._deliver([Committed("main", 1, an_entry(an_incident), None, an_incident, 1, None)])
        await reader.wake.wait()
        first = loop.time()
        reader.wake.clear()
        for position in range(2, 12):
            hub._deliver([Committed("main", position, an_entry(an_incident), None, an_incident, 1, None)])
            await asyncio.sleep(0)
        assert not reader.wake.is_set()
        await reader.wake.wait()
        assert [position for position, _ in reader.take()] == list(range(1, 12))
        assert first - begun < 0.2 <= loop.time() - first + 0.01
        hub.stop()

    asyncio.run(run())
