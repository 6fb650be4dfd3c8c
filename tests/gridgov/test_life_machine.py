"""Random days in the small town, through the writer into a real store: people with scopes, a rota, tasks, the sweeper,
restarts. A plain model says what must happen; what the store shows is what its ledger adds up to, for everybody.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dispatch.errors import DispatchError
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Act
from gridgov import commands
from gridgov.commands import SentReport, SentSelfHandled
from gridgov.duty import keeping, whereabouts
from gridgov.duty.reading import Where
from gridgov.duty.rota import Asked as AskedDuty
from gridgov.frames import seen_through
from gridgov.reading import page
from gridgov.scope import Scope, scope_of
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.incidents import Wanted
from gridgov.storage.ledger import MAIN, Committed, history
from gridgov.storage.rebuild import differences as store_differences
from gridgov.watching import Picture
from tests.dispatch import life_players as players
from tests.dispatch.plain_board import Board
from tests.dispatch.plain_compare import differences, settle
from tests.dispatch.plain_life import Life
from tests.dispatch.plain_playbook import PLAYBOOK, Asked, Person, Wrong, may
from tests.dispatch.plain_time import STEP
from tests.dispatch.test_life import ONWARD, STORIES
from tests.gridgov import life_town as town
from tests.gridgov import scene

NAMES = sorted(town.CAST)
KINDS = ((scene.COVER, None), (scene.RUBBISH, None), (scene.NOISE, None))
CHOICES = replace(
    players.CHOICES,
    names=tuple(NAMES),
    departments=("water", "cleaning", "north_office"),
    things=KINDS,
    paths=tuple(town.SQUARES.values()),
    crews=("none",),
)


class Still(scene.Clock):
    """A clock that moves only when it is set."""

    def __call__(self) -> Any:
        return self.now


class TownLives(RuleBasedStateMachine):
    """A town with a clock that is set, and whoever watches it."""

    def __init__(self, filled: Path, seen: Counter[str]) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=filled.parent))
        shutil.copytree(filled, self.folder / "var")
        self.clock, self.seen = Still(), seen
        self.rota = town.PlainRota()
        self.news: list[Committed] = []
        self.service = self.open()
        self.life = Life(town.ground(self.service, self.rota))
        self.scopes: dict[str, Scope] = {
            name: scope_of(name, town.account(name).assignments, self.clock.now) for name in NAMES
        }
        self.pictures, self.read = {name: Picture() for name in NAMES}, dict.fromkeys(NAMES, 0)

    def open(self) -> Service:
        service = Service.open(Settings(data=self.folder / "var"), self.clock)
        service.on_commit.append(self.told)
        return service

    def told(self, committed: Sequence[Committed]) -> None:
        self.news += committed

    def teardown(self) -> None:
        self.look()
        self.everybody_sees_what_a_fresh_list_shows()
        self.nothing_differs_from_what_the_ledger_adds_up_to()
        self.service.close()
        shutil.rmtree(self.folder)

    @property
    def now(self) -> Any:
        return self.clock.now

    # -- how it begins

    @initialize(square=st.sampled_from(sorted(town.SQUARES)), kind=st.sampled_from(KINDS))
    def first_report(self, square: str, kind: tuple[str, None]) -> None:
        """Only the south has somebody on duty at first: what lies in the north goes to the nearest."""
        self.on_duty("inspector_s", town.S, hours=160)
        self.report(square, kind, "inspector", on_the_spot=False)

    @precondition(lambda self: len(self.life.boards) < 4)
    @rule(
        square=st.sampled_from((*town.SQUARES, None)),
        kind=st.sampled_from(KINDS),
        who=st.sampled_from(("inspector", "clerk", "leader", "jack", "inspector_n")),
        on_the_spot=st.booleans(),
    )
    def report(self, square: str | None, kind: tuple[str, None], who: str, on_the_spot: bool) -> None:
        name = str(uuid.UUID(int=len(self.life.boards) + 1, version=4))
        put_right = on_the_spot and who in ("inspector", "jack")
        sent = SentReport(
            *(name, kind[0], "inspector"),
            position=None if square is None else scene.at(square),
            photos=("p1",) if put_right else (),
            self_handled=SentSelfHandled("扫了", ("p2",)) if put_right else None,
        )
        self.service.writer.run(commands.report(town.account(who), sent))
        path = () if square is None else town.SQUARES[square]
        asked = Asked(category=kind[0], path=path, photos=sent.photos)
        self.life.report(name, who, asked, self.now)
        if put_right:
            by = town.person_on(self.life.boards[name], who)
            by = replace(by, roles=by.roles | {"inspector"})
            assert not self.life.tries("self_handle", name, by, replace(asked, photos=("p2",)), self.now)
            self.seen["self_handle with the report"] += 1
        self.compare()

    # -- time and the machine

    @rule(steps=st.sampled_from((1, 2, 3, 6, 12, 36, 210)))
    def wait(self, steps: int) -> None:
        self.clock.now += steps * STEP

    @rule(early=st.booleans())
    def wait_for_what_is_next(self, early: bool) -> None:
        moments = [one for board in self.life.boards.values() for one in board.moments() if one > self.now]
        if moments:
            self.clock.now = max(self.now, min(moments) - early * STEP)
            self.look()

    @rule()
    def look(self) -> None:
        """The sweeper says what is to be said, all of it, once."""
        known = self.numbers()
        while self.service.sweeper.sweep():
            self.seen["a sweep"] += 1
        for name, number in self.numbers().items():
            if number > known[name]:
                self.life.something_came_after(name)
            while self.life.one_look(name, self.now):
                self.seen["by itself"] += 1
                self.settles()
        self.compare()
        assert self.service.sweeper.sweep() == 0

    @rule(steps=st.sampled_from((0, 3, 210)))
    def restart(self, steps: int) -> None:
        """The program ends and some time later starts again: nothing is another than before."""
        self.seen["restart"] += 1
        before = self.incidents()
        self.service.close()
        self.clock.now += steps * STEP
        self.service = self.open()
        assert self.incidents() == before

    # -- who is on duty

    @rule(data=st.data(), who=st.sampled_from(sorted(town.INSPECTORS)), hours=st.sampled_from((2, 8, 160)))
    def go_on_duty(self, data: st.DataObject, who: str, hours: int) -> None:
        if self.rota.until(who, self.now) is not None:
            return
        self.on_duty(who, data.draw(st.sampled_from(town.INSPECTORS[who])), hours)

    def on_duty(self, who: str, grid: tuple[str, ...], hours: int) -> None:
        end = self.now + timedelta(hours=hours)
        asked = AskedDuty(str(uuid.uuid4()), who, grid, None, end)
        self.service.writer.run(keeping.add(asked, "leader"))
        self.rota.duties.append((who, grid, self.now, end))

    @rule(who=st.sampled_from(sorted(town.INSPECTORS)), square=st.sampled_from(sorted(town.SQUARES)))
    def say_where_one_is(self, who: str, square: str) -> None:
        until = self.rota.until(who, self.now)
        if until is not None:
            at = scene.at(square)
            self.service.writer.run(whereabouts.note(who, Where(at.lon, at.lat, 5.0)))
            self.rota.said[who] = square, until

    # -- what people try

    @rule(data=st.data(), acts=st.integers(1, 8))
    def a_busy_hour(self, data: st.DataObject, acts: int) -> None:
        """People do what they may, with what is before them."""
        for _ in range(acts):
            name = data.draw(st.sampled_from(sorted(self.life.boards)))
            stage = self.life.boards[name].stage
            open_now = [act for act in ONWARD if stage in PLAYBOOK[act][0].split()]
            if open_now:
                self.goes_on(data, name, data.draw(st.sampled_from(open_now)))

    @rule(data=st.data(), story=st.sampled_from(STORIES))
    def another_story(self, data: st.DataObject, story: str) -> None:
        self.a_story(data, story)

    @rule(data=st.data(), story=st.sampled_from(STORIES))
    def a_story(self, data: st.DataObject, story: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.life.boards)))
        for act, _, wish in (step.partition(":") for step in story.split()):
            if self.life.boards[name].stage in PLAYBOOK[act][0].split():
                self.goes_on(data, name, act, wish)

    def goes_on(self, data: st.DataObject, name: str, act: str, wish: str = "") -> None:
        """Somebody who may, where anybody may; they ask for what makes sense."""
        others = [one for one in sorted(self.life.boards) if one != name] or [name]
        asked = players.asks(data.draw, act, others, self.now, True, CHOICES)
        asked = replace(asked, wish=wish or asked.wish)
        fitting = [who for who in NAMES if self.may(act, name, who, asked)]
        self.tries(act, name, data.draw(st.sampled_from(fitting or NAMES)), asked)

    @rule(data=st.data(), act=st.sampled_from(sorted(PLAYBOOK)), who=st.sampled_from(NAMES))
    def anybody_tries_anything(self, data: st.DataObject, act: str, who: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.life.boards)))
        asked = players.asks(data.draw, act, sorted(self.life.boards), self.now, False, CHOICES)
        self.tries(act, name, who, asked)

    def may(self, act: str, name: str, who: str, asked: Asked) -> bool:
        """Would the model let them?"""
        board = self.life.boards[name]
        if not town.sees_for(board, who, act):
            return False
        by = town.person_on(board, who, act)
        asked = replace(asked, person_may=self.person_may(act, board, by, asked))
        if self.joins_blindly(act, board, by, asked):
            return False
        return not self.life.wrong_with(act, name, by, asked, self.now)

    def tries(self, act: str, name: str, who: str, asked: Asked) -> None:
        """What the model says comes of it comes of it; a refusal changes nothing."""
        board = self.life.boards[name]
        by = town.person_on(board, who, act)
        if act == "involve" and asked.co_handlers is None:
            asked = replace(asked, co_handlers=())
        asked = replace(asked, person_may=self.person_may(act, board, by, asked))
        known = self.incidents()
        command = lambda: commands.act(  # noqa: E731
            town.account(who), town.sent(str(uuid.uuid4()), Act(act), name, known[name].number, asked)
        )
        wrong: type[Exception] | None
        if not town.sees_for(board, who, act):
            wrong = UnknownIncident
        else:
            wrong = self.joins_blindly(act, board, by, asked) or self.life.tries(
                act, name, by, asked, self.now
            )
        if wrong:
            self.seen[f"{act} refused"] += 1
            with pytest.raises((DispatchError, UnknownIncident)) as refused:
                self.service.writer.run(command())
            assert type(refused.value) is wrong, (act, by, asked, wrong)
            assert self.incidents() == known
            return
        self.service.writer.run(command())
        self.seen[f"{act} done"] += 1
        self.compare()

    def joins_blindly(self, act: str, board: Board, by: Person, asked: Asked) -> type[Exception] | None:
        """Is it to be joined to what they do not see? Nobody learns that there is such a thing."""
        if act != "join" or town.sees(self.life.boards[asked.other], by.name):
            return None
        try:
            may(act, board, by)
        except Wrong as wrong:
            return wrong.kind
        return UnknownIncident

    def person_may(self, act: str, board: Any, by: Any, asked: Asked) -> bool:
        if asked.person is None:
            return False
        if act == "task":
            return town.is_inspector(asked.person)
        theirs = asked.department or next(
            (one for one in (board.lead, *board.parts) if one in by.departments), None
        )
        return town.may_handle(asked.person, theirs, board.path)

    # -- what must hold

    def incidents(self) -> dict[str, Incident]:
        """Each as the ledger in the store adds up to it."""
        with self.service.reader.connect() as connection:
            entries = history(connection, sorted(self.life.boards), MAIN)
        return {name: fold(entries[name]) for name in self.life.boards}

    def numbers(self) -> dict[str, int]:
        return {name: told.number for name, told in self.incidents().items()}

    def settles(self) -> None:
        told = self.incidents()
        for name in self.life.owed:
            settle(self.life.boards[name], told[name], self.now)
        self.life.owed.clear()

    def compare(self) -> None:
        """Each is what the model says, has an owner, and a clock that runs or is paused."""
        self.settles()
        for name, told in self.incidents().items():
            different = differences(self.life.boards[name], told)
            assert different == {}, different
            assert told.department in self.life.ground.routing.departments
            if told.is_open:
                paused = told.stage == "suspended" and told.remaining_s is not None and told.suspended_until
                assert paused or told.clock is not None

    def everybody_sees_what_a_fresh_list_shows(self) -> None:
        for name in NAMES:
            self.what_was_shown_and_came_since_is_what_is_shown_now(name)

    @rule(name=st.sampled_from(NAMES))
    def what_was_shown_and_came_since_is_what_is_shown_now(self, name: str) -> None:
        """What somebody had, with the frames since, is what a list made now shows, and what they may see."""
        scope, picture = self.scopes[name], self.pictures[name]
        for _, text in seen_through(scope, self.news[self.read[name] :]):
            picture.apply(orjson.loads(text))
        self.read[name] = len(self.news)
        fresh = {row["id"]: row for row in page(self.service.reader, scope, Wanted())["rows"]}
        assert picture.rows == fresh
        assert set(fresh) == {one for one, board in self.life.boards.items() if town.sees(board, name)}

    def nothing_differs_from_what_the_ledger_adds_up_to(self) -> None:
        with self.service.reader.connect() as connection:
            assert list(store_differences(connection)) == []


@pytest.fixture(scope="module")
def peopled(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town with two more people, to be copied."""
    data = tmp_path_factory.mktemp("life") / "var"
    shutil.copytree(filled, data)
    with Service.open(Settings(data=data), scene.Clock()) as service:
        town.add_both(service)
    return data


def play(peopled: Path, games: int, steps: int) -> Counter[str]:
    """So many games; what was done and refused in them."""
    seen: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: TownLives(peopled, seen),
        settings=settings(
            max_examples=games,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
    return seen


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_town_lives_as_the_rule_book_says(peopled: Path) -> None:
    seen = play(peopled, games=8, steps=30)
    assert seen["restart"]


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_each_act_of_the_table_is_done_and_is_refused_in_hundreds_of_games(peopled: Path) -> None:
    seen = play(peopled, games=400, steps=50)
    expected = {f"{act} {came_of_it}" for act in PLAYBOOK for came_of_it in ("done", "refused")}
    # Nobody's incident is there to be adopted, and a note is refused to nobody who sees the incident.
    expected -= {"adopt done", "note refused"}
    assert expected <= seen.keys(), sorted(expected - seen.keys())
