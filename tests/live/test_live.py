"""Against a running server: every desk is told exactly what is its to know, and a killed server loses nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dispatch.lifecycle import Role
from tests.live import new_york
from tests.live.crowd import Crowd
from tests.live.desks import Desk, Follow, Told, cut_off, dropping_politely, politely
from tests.live.new_york import Row, Somebody
from tests.live.server import RunningServer, gridgov, running

INSPECTORS = tuple(f"inspector {number}" for number in range(8))
#: So many reports each inspector has under way at once.
AT_ONCE = 4
#: Somebody who handles for every department, and one of them.
HANDLERS, ELSEWHERE = "handlers", "DOT"

Sees = Callable[[tuple[str, ...], str | None, str], bool]


@dataclass(frozen=True)
class Watch:
    """A desk to be: who sits there, how they follow, and what is theirs to see, in plain words of the test's own."""

    person: Somebody
    sees: Sees
    follow: Follow = politely
    drops: bool = False


#: Whose eyes: of an incident's grid path, the department that has it, and who reported it.
WATCHES = (
    Watch(Somebody("leader", Role.SHIFT_LEADER), lambda *_: True),
    Watch(Somebody("manager", Role.MANAGER), lambda *_: True, cut_off, drops=True),
    Watch(Somebody("Brooklyn", Role.DISPATCHER, ("BK",)), lambda path, *_: path[:1] == ("BK",)),
    Watch(
        Somebody("Queens", Role.SUPERVISOR, ("QN",)),
        lambda path, *_: path[:1] == ("QN",),
        dropping_politely,
        drops=True,
    ),
    Watch(Somebody("MN03", Role.DISPATCHER, ("MN", "MN03")), lambda path, *_: path[:2] == ("MN", "MN03")),
    Watch(
        Somebody("police", Role.HANDLER, (), "NYPD"), lambda _, lead, __: lead == "NYPD", cut_off, drops=True
    ),
    Watch(
        Somebody("police in the Bronx", Role.HANDLER, ("BX",), "NYPD"),
        # What has no place is handled by its department wherever somebody of it works.
        lambda path, lead, _: lead == "NYPD" and path[:1] in (("BX",), ()),
    ),
    Watch(
        Somebody(INSPECTORS[3], Role.INSPECTOR, ("SI",)),
        lambda path, _, reporter: path[:1] == ("SI",) or reporter == INSPECTORS[3],
    ),
    Watch(Somebody("keeper", Role.ADMINISTRATOR), lambda *_: False),
)


@dataclass(frozen=True)
class Happened:
    """What one acknowledged request came to: where its entry stands, and who could see the incident before and after."""

    position: int
    incident: str
    number: int
    kind: str
    path: tuple[str, ...]
    reporter: str
    before: str | None
    after: str | None

    def told(self, sees: Sees) -> Told | None:
        """What somebody is told of it, if anything."""
        was = self.number > 1 and sees(self.path, self.before, self.reporter)
        now = sees(self.path, self.after, self.reporter)
        if not (was or now):
            return None
        change = "changed" if was and now else "entered" if now else "left"
        return self.position, self.incident, self.number, self.kind, change


@dataclass(frozen=True)
class Step:
    """Something done with an incident after it was reported: who, what, and with whom it lies after it."""

    by: str
    act: str
    kind: str
    lead: str | None
    more: dict[str, Any] = field(default_factory=dict)


def duties(at: int, row: Row) -> list[Step]:
    """What is done with the report number ``at``: one in four is filed, one in eight dispatched, then returned or closed."""
    whose = row.department
    steps = [Step("clerk", "file", "filed", None)] if at % 4 == 0 else []
    if at % 8 == 0:
        steps.append(Step("dispatcher", "dispatch", "dispatched", whose))
    if at % 16 == 8:
        steps += [
            Step(HANDLERS, "handle", "handled", whose, {"reason": "done"}),
            Step("leader", "check", "checked", whose, {"passed": True}),
            Step("leader", "close", "closed", whose),
        ]
    if at % 16 == 0:
        steps.append(Step(HANDLERS, "return", "returned", None, {"reason": "not ours"}))
    if at % 32 == 0:
        steps.append(Step("dispatcher", "dispatch", "dispatched", ELSEWHERE, {"department": ELSEWHERE}))
    return steps


async def report_and_act(crowd: Crowd, rows: Sequence[Row], happened: list[Happened]) -> None:
    """Several inspectors report at once, others act on what they reported; ends when all of it is acknowledged."""
    waiting = list(enumerate(rows))[::-1]

    async def work(name: str) -> None:
        while waiting:
            at, row = waiting.pop()
            receipt, lead = await crowd.report(name, row), None
            assert (tuple(receipt["path"]), receipt["department"]) == (row.path, row.department), row

            def note(kind: str, now: str | None, receipt: dict[str, Any], row: Row, lead: str | None) -> None:
                numbers = receipt["position"], receipt["incident"], receipt["number"]
                happened.append(Happened(*numbers, kind, row.path, name, lead, now))

            note("reported", None, receipt, row, lead)
            for step in duties(at, row):
                receipt = await crowd.act(step.by, step.act, receipt, **step.more)
                note(step.kind, step.lead, receipt, row, lead)
                lead = step.lead

    await asyncio.gather(*(work(name) for name in INSPECTORS for _ in range(AT_ONCE)))


@asynccontextmanager
async def watched(crowd: Crowd) -> AsyncGenerator[list[Desk]]:
    """All desks, open."""
    desks = [Desk(w.person.name, crowd.tokens[w.person.name], w.follow) for w in WATCHES]
    try:
        for desk in desks:
            await desk.open(crowd.url)
        yield desks
    finally:
        for desk in desks:
            await desk.close()


async def with_kills(server: RunningServer, crowd: Crowd, work: Any, after: Sequence[int]) -> None:
    """Do the work, and kill and start the server once so many requests have been acknowledged."""
    reached: dict[int, asyncio.Event] = {many: asyncio.Event() for many in after}

    def tell(many: int) -> None:
        if many in reached:
            reached[many].set()

    async def kill() -> None:
        for many in after:
            await reached[many].wait()
            server.kill()
            await asyncio.to_thread(server.start)

    crowd.on_answer = tell
    killing = asyncio.create_task(kill())
    await work
    await killing


async def require_desks_told(desks: Sequence[Desk], happened: Sequence[Happened], url: str) -> None:
    """Each desk was told exactly the entries of its scope, once, in order; its picture is what a fresh list shows."""
    ordered = sorted(happened, key=lambda one: one.position)
    await asyncio.gather(*(desk.until(ordered[-1].position) for desk in desks))
    for desk, watch in zip(desks, WATCHES, strict=True):
        expected = [told for one in ordered if (told := one.told(watch.sees)) is not None]
        assert desk.told == expected, f"desk {desk.name}"
        rows, _ = await desk.list(url)
        assert desk.picture.rows == {row["id"]: row for row in rows}, f"desk {desk.name}"


async def require_nothing_repeated(crowd: Crowd, desks: Sequence[Desk]) -> None:
    """Everything sent once more, word for word: each answer is the first receipt again, and nothing new stands anywhere."""
    gate = asyncio.Semaphore(32)

    async def again(sent: Any) -> None:
        async with gate:
            receipt = await crowd.send_again(sent)
        assert receipt == sent.receipt | {"repeated": True}

    many = [len(desk.told) for desk in desks]
    await asyncio.gather(*(again(sent) for sent in crowd.acknowledged))
    await asyncio.sleep(1)
    assert [len(desk.told) for desk in desks] == many


@dataclass
class Seen:
    """What a run came to, for the assertions after it."""

    happened: list[Happened]
    desks: list[Desk]
    crowd: Crowd


async def a_day(server: RunningServer, rows: Sequence[Row], kills: Sequence[int]) -> Seen:
    """Reports, acts, desks and kills; everything that can be held against the running server is."""
    happened: list[Happened] = []
    async with Crowd(server.url) as crowd:
        await crowd.sign_in(dict.fromkeys(one.name for one in staff(rows)))
        async with watched(crowd) as desks:
            await with_kills(server, crowd, report_and_act(crowd, rows, happened), kills)
            await require_desks_told(desks, happened, server.url)
            await require_nothing_repeated(crowd, desks)
    return Seen(happened, desks, crowd)


def staff(rows: Sequence[Row]) -> list[Somebody]:
    """Everybody who works: desks, inspectors, a clerk, a dispatcher, and handlers for every department."""
    watching = [watch.person for watch in WATCHES]
    inspectors = [Somebody(name, Role.INSPECTOR, ("SI",)) for name in INSPECTORS if name != INSPECTORS[3]]
    wanted = sorted({row.department for row in rows} | {ELSEWHERE})
    handlers = [Somebody(HANDLERS, Role.HANDLER, (), code) for code in wanted]
    return [
        *watching,
        *inspectors,
        *handlers,
        Somebody("clerk", Role.INTAKE_CLERK),
        Somebody("dispatcher", Role.DISPATCHER),
    ]


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[Row]:
    """2,000 of New York's requests."""
    return new_york.rows(shared_data, 2000)


@pytest.fixture
def server(tmp_path: Path, shared_data: Path, rows: list[Row]) -> Iterator[RunningServer]:
    """A server for New York, with everybody who works there."""
    new_york.install(tmp_path, shared_data, staff(rows))
    with running(tmp_path, feed_heartbeat_s=0.5) as made:
        yield made


def require_sound(server: RunningServer, seen: Seen, rows: Sequence[Row], kills: int) -> None:
    """What must hold after a day, the server stopped: positions without a hole, and rebuilding finds nothing."""
    assert sorted(one.position for one in seen.happened) == list(range(1, len(seen.happened) + 1))
    assert len({one.incident for one in seen.happened}) == len(rows)
    assert server.starts == kills + 1
    assert not server.faults()
    assert {change for desk in seen.desks for *_, change in desk.told} == {"entered", "changed", "left"}
    for desk, watch in zip(seen.desks, WATCHES, strict=True):
        assert desk.connections > kills
        if watch.drops:
            assert desk.connections >= len(desk.told) // 50 > 2
    assert server.stop() == 0
    checked = subprocess.run(
        gridgov("rebuild", "--check", "--json"), env=server.environment, capture_output=True, timeout=120
    )
    assert checked.returncode == 0, checked.stdout.decode() + checked.stderr.decode()
    assert json.loads(checked.stdout)["differences"] == []


@pytest.mark.slow
def test_each_desk_is_told_exactly_what_is_its_to_know_though_the_server_is_killed(
    server: RunningServer, rows: list[Row]
) -> None:
    kills = (1200,)
    seen = asyncio.run(a_day(server, rows, kills))
    require_sound(server, seen, rows, len(kills))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_five_kills_within_all_of_the_citys_reports(tmp_path: Path, shared_data: Path) -> None:
    rows = new_york.rows(shared_data, 1_000_000)
    new_york.install(tmp_path, shared_data, staff(rows))
    with running(tmp_path, feed_heartbeat_s=0.5) as server:
        kills = (500, 5_000, 5_050, 15_000, 30_000)
        seen = asyncio.run(a_day(server, rows, kills))
        require_sound(server, seen, rows, len(kills))
