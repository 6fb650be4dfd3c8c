"""Random days: many incidents, many people, clocks. People in random roles try random acts, and a plain model that shares
nothing with the rules says what must happen: the stage, the clocks, the tasks, and how a refusal is called.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dispatch import decisions, noticing
from dispatch.actors import Actor
from dispatch.closure import Period, count, facts
from dispatch.decisions import Draft
from dispatch.entries import Entry, Fact, Imported, Place
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import Act, Role
from dispatch.noticing import Around
from dispatch.task_decisions import sent
from tests.dispatch import life_players as players
from tests.dispatch.life_city import GROUND, HANDLING, KINDS_OF_THINGS, city, on_duty
from tests.dispatch.plain_board import Board
from tests.dispatch.plain_compare import differences, settle
from tests.dispatch.plain_life import Life
from tests.dispatch.plain_playbook import PLAYBOOK, Asked, Person
from tests.dispatch.plain_time import STEP
from tests.dispatch.strategies import PATHS, at, units

PERIOD = Period(at("2026-01-01 00:00"), at("2028-01-01 00:00"))
#: The acts by which a story goes on rather than ends.
ENDING = ("note", "attach", "cancel", "reject", "join", "self_handle")
STORIES = (
    "file dispatch",
    "file dispatch handle check close",
    "handle check close",
    "accept report_part handle check",
    "ask accept_task accept_task verify",
    "file dispatch involve accept accept accept handle report_part handle",
    "ask decline_task decline_task",
    "apply grant",
    "file dispatch apply:extension grant apply:extension grant apply:extension grant",
    "file dispatch apply:suspension grant resume apply:suspension grant",
    "file dispatch apply refuse",
    "file dispatch accept assign assign report_part",
    "dispatch return dispatch return",
    "file dispatch return correct correct dispatch",
    "file dispatch involve report_part report_part report_part handle",
    "supervise answer",
    "file dispatch supervise handle check close answer close",
    "ask task task accept_task",
    "file dispatch handle check decide",
    "close call_back reopen",
    "appeal decide",
    "attach self_handle",
    "attach self_handle call_back reopen",
    "reject reopen reject",
    "ask reject",
    "join",
    "ask join",
    "file join",
    "file cancel",
    "ask accept_task verify file dispatch handle check close call_back reopen dispatch",
    "file dispatch involve accept assign report_part handle check supervise answer close appeal decide",
    "file dispatch apply grant apply grant supervise answer enforce return dispatch resume handle",
    "file dispatch handle decline_task accept_task check handle check close appeal decide call_back reopen",
)
#: From handling to what comes after closing, whatever waits on the way.
TO_THE_END = (
    *("report_part", "report_part", "handle", "check", "answer", "close"),
    "appeal",
    "appeal",
    "decide",
)
ONWARD = tuple(act for act in PLAYBOOK if act not in ENDING)


class Lives(RuleBasedStateMachine):
    """Some incidents, from their reports on; a weekend, Spring Festival and make-up days on the way."""

    def __init__(self, seen: Counter[str] | None = None) -> None:
        super().__init__()
        self.entries: dict[str, list[Entry]] = {}
        self.incidents: dict[str, Incident] = {}
        self.life = Life(GROUND)
        self.now = at("2026-02-12 16:00")
        self.seen: Counter[str] = Counter() if seen is None else seen
        self.touched: set[str] = set()

    # -- how it begins

    @initialize(
        thing=st.sampled_from(KINDS_OF_THINGS),
        path=st.sampled_from(PATHS),
        photos=players.photos,
        who=players.names,
    )
    def first_report(
        self, thing: tuple[str, str | None], path: tuple[str, ...], photos: Any, who: str
    ) -> None:
        self.report(thing, path, photos, who)

    @precondition(lambda self: len(self.incidents) < 4)
    @rule(
        thing=st.sampled_from(KINDS_OF_THINGS),
        path=st.sampled_from(PATHS),
        photos=players.photos,
        who=players.names,
    )
    def report(
        self, thing: tuple[str, str | None], path: tuple[str, ...], photos: tuple[str, ...], who: str
    ) -> None:
        draft = Draft(
            "phone", thing[0], None, Place(path=path), units(path), None, photos, self.now, (), thing[1]
        )
        by, name = Actor(who, frozenset({Role.INSPECTOR})), f"i{len(self.incidents) + 1}"
        self.keep(name, decisions.report(city(), draft, by, name, self.now), who)
        asked = Asked(category=thing[0], standard=thing[1], path=path, photos=photos)
        self.life.report(name, who, asked, self.now)

    @precondition(lambda self: len(self.incidents) < 4)
    @rule(path=st.sampled_from(PATHS), is_closed=st.booleans(), department=st.sampled_from(HANDLING))
    def imported(self, path: tuple[str, ...], is_closed: bool, department: str) -> None:
        """Another system's history is how it begins."""
        name, ended = f"i{len(self.incidents) + 1}", at("2025-12-30 10:00") if is_closed else None
        due = at("2026-01-06 10:00")
        category = KINDS_OF_THINGS[1][0]
        fact = Imported(
            *(name, "old", "77", "phone", category, department, Place(path=path), "any", is_closed),
            reported_at=at("2026-01-05 10:00"),
            closed_at=ended,
            due_at=due,
        )
        self.keep(name, fact, "importer")
        board = Board(GROUND, name, "closed" if is_closed else "imported", category, None, path)
        board.owner, board.due_at, board.closed_at = department, due, ended
        board.lead = board.last_lead = department if is_closed else None
        self.life.boards[name] = board

    # -- time

    @rule(steps=st.sampled_from([1, 1, 2, 3, 6, 12, 36, 210, 600]))
    def wait(self, steps: int) -> None:
        self.now += steps * STEP

    @rule(early=st.booleans())
    def wait_for_what_is_next(self, early: bool) -> None:
        """Until the very moment at which something is to be said, or just before."""
        moments = [
            moment for board in self.life.boards.values() for moment in board.moments() if moment > self.now
        ]
        if moments:
            self.now = max(self.now, min(moments) - early * STEP)
            self.somebody_looks_at_the_clock()

    @rule()
    def somebody_looks_at_the_clock(self) -> None:
        """Everything that is to be said is said, each only once."""
        for name in self.incidents:
            known = len(self.entries[name])
            while (look := self.incidents[name].next_look) is not None and look <= self.now:
                told = self.incidents[name]
                path = told.place.path
                around = Around((), units(path), lambda path=path: on_duty(path))  # type: ignore[misc]
                said = noticing.notice(city(), told, around, self.now)
                assert said
                for fact in said:
                    self.keep(name, fact, "system")
                    self.seen[f"{fact.act} by itself"] += 1
            if len(self.entries[name]) > known:
                self.life.something_came_after(name)
            while self.life.one_look(name, self.now):
                self.settles()
            noticed = self.incidents[name].noticed
            assert len(set(noticed)) == len(noticed)

    # -- what people try

    @rule(data=st.data())
    def somebody_goes_on(self, data: st.DataObject) -> None:
        """One of the acts by which the story goes on, by somebody who may."""
        name = data.draw(st.sampled_from(sorted(self.incidents)))
        board = self.life.boards[name]
        acts = [act for act in ONWARD if board.stage in PLAYBOOK[act][0].split()]
        if acts:
            self.goes_on(data, name, data.draw(st.sampled_from(acts)))

    def goes_on(self, data: st.DataObject, name: str, act: str, wish: str = "") -> None:
        who = players.fitting(data.draw, act, self.life.boards[name])
        asked = players.asks(data.draw, act, sorted(self.incidents), self.now, True)
        self.tries(act, name, who, replace(asked, wish=wish or asked.wish))

    @rule(data=st.data())
    def somebody_goes_on_too(self, data: st.DataObject) -> None:
        """The same: so that a story goes on more often than people are in the way."""
        self.somebody_goes_on(data)

    @rule(data=st.data(), act=st.sampled_from(sorted(PLAYBOOK)))
    def wherever_it_can_be_done(self, data: st.DataObject, act: str) -> None:
        """Each act as often as any other."""
        for name in sorted(self.incidents):
            if self.life.boards[name].stage in PLAYBOOK[act][0].split():
                self.goes_on(data, name, act)

    @rule(data=st.data(), story=st.sampled_from(STORIES))
    def a_story(self, data: st.DataObject, story: str) -> None:
        """Some acts that follow from one another, on one incident: so that stories get far."""
        name = data.draw(st.sampled_from(sorted(self.incidents)))
        for act, _, wish in (step.partition(":") for step in story.split()):
            if self.life.boards[name].stage in PLAYBOOK[act][0].split():
                self.goes_on(data, name, act, wish)

    @rule(data=st.data(), story=st.sampled_from(("file dispatch return", "file dispatch apply grant")))
    def what_waits_is_left_lying(self, data: st.DataObject, story: str) -> None:
        """What was returned, until its clock has run out; what is suspended, until that is over."""
        self.a_story(data, story)
        ends = [board.until for board in self.life.boards.values() if board.until is not None]
        if ends:
            self.now = max(self.now, *ends)
        self.wait_for_what_is_next(early=False)

    @rule(data=st.data())
    def more_time_is_given_too_late(self, data: st.DataObject) -> None:
        """It was asked for before the limit was over, and is given after that."""
        self.a_story(data, "file dispatch apply:extension")
        asked = [board for board in self.life.boards.values() if board.applied is not None and board.due_at]
        for board in asked[:1]:
            self.now = max(self.now, board.due_at or self.now)
            self.somebody_looks_at_the_clock()
            self.goes_on(data, board.name, "grant")

    @rule(data=st.data())
    def what_was_closed_late_is_appealed(self, data: st.DataObject) -> None:
        """It was handled only after its limit; whose it was says why, once more, and somebody decides."""
        self.a_story(data, "file dispatch")
        for board in list(self.life.boards.values()):
            if board.stage == "handling" and board.due_at is not None:
                self.now = max(self.now, board.due_at + STEP)
                self.somebody_looks_at_the_clock()
                for act in TO_THE_END:
                    if board.stage in PLAYBOOK[act][0].split():
                        self.goes_on(data, board.name, act)
                return

    @rule(data=st.data(), act=st.sampled_from(sorted(PLAYBOOK)), who=players.anybody)
    def anybody_tries_anything(self, data: st.DataObject, act: str, who: Person) -> None:
        name = data.draw(st.sampled_from(sorted(self.incidents)))
        self.tries(act, name, who, players.asks(data.draw, act, sorted(self.incidents), self.now, False))

    @rule(data=st.data(), act=st.sampled_from(sorted(PLAYBOOK)), who=players.anybody)
    def anybody_tries_more(self, data: st.DataObject, act: str, who: Person) -> None:
        """The same: there are many ways to be refused."""
        self.anybody_tries_anything(data, act, who)

    @rule(data=st.data())
    def whoever_did_it_takes_it_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.incidents)))
        self.goes_on(data, name, "take_back")

    def tries(self, act: str, name: str, who: Person, asked: Asked) -> None:
        """The model says whether an act must be refused, and how. A refusal changes nothing."""
        wrong = self.life.tries(act, name, who, asked, self.now)
        told, leader = self.incidents[name], self.incidents.get(asked.other)
        if wrong:
            self.seen[f"{act} refused"] += 1
            with pytest.raises(DispatchError) as refused:
                players.decide(act, told, who, asked, self.now, leader)
            assert type(refused.value) is wrong, (act, who, asked, wrong)
            self.seen[f"{act} {type(refused.value).__name__}"] += 1
            return
        self.seen[f"{act} done"] += 1
        done = players.decide(act, told, who, asked, self.now, leader)
        self.keep(name, done[0], who.name)
        for fact in done[1:]:
            self.keep(asked.other, fact, "system")
        if act in ("ask", "handle", "decline_task"):
            for task in sent(
                city(), self.incidents[name], on_duty(self.incidents[name].place.path), self.now
            ):
                self.keep(name, task, "system")
                self.seen["task by itself"] += 1
        self.settles()

    def keep(self, name: str, fact: Fact, by: str) -> None:
        entries = self.entries.setdefault(name, [])
        entry = Entry(name, len(entries) + 1, self.now, self.now, by, fact)
        self.incidents[name] = extend(self.incidents.get(name), [entry])
        entries.append(entry)
        self.touched.add(name)

    def settles(self) -> None:
        for name in self.life.owed:
            settle(self.life.boards[name], self.incidents[name], self.now)
        self.life.owed.clear()

    # -- what holds at every moment

    @invariant()
    def each_incident_is_what_the_model_says(self) -> None:
        for name, told in self.incidents.items():
            different = differences(self.life.boards[name], told)
            assert different == {}, different

    @invariant()
    def all_entries_together_are_the_same_as_one_by_one(self) -> None:
        for name in self.touched:
            folded = fold(self.entries[name])
            assert folded == self.incidents[name]
            assert folded.before == self.incidents[name].before
        self.touched.clear()

    @invariant()
    def each_has_an_owner_and_a_clock_that_runs_or_is_paused(self) -> None:
        for told in self.incidents.values():
            assert told.department in city().routing.departments
            if not told.is_open or told.stage == "imported":
                assert told.clock is None
            elif told.stage == "suspended":
                assert told.clock is None
                assert told.remaining_s is not None
                assert told.suspended_until is not None
            else:
                assert told.clock is not None
                assert told.clock.warn_at <= max(told.clock.due_at, self.now)
                assert (told.clock.clock == "handling") == (told.stage == "handling")
                assert told.clock.clock != "handling" or told.clock.due_at == told.due_at

    @invariant()
    def nobody_patrols_and_handles(self) -> None:
        for told in self.incidents.values():
            assert told.self_handled or not set(told.eyes) & set(told.hands)

    @invariant()
    def each_counts_once(self) -> None:
        tally = count([facts(told) for told in self.incidents.values()], PERIOD, self.now)
        ended = tally.closed + tally.rejected + tally.cancelled + tally.joined
        assert tally.open + ended == tally.reported
        assert tally.due == tally.due_closed + tally.overdue_open + tally.due_later


def play(games: int, steps: int, seed: int | None = None) -> Counter[str]:
    """So many days, always the same ones with a seed; what was done and refused in them."""
    seen: Counter[str] = Counter()

    def lives() -> Lives:
        return Lives(seen)

    run_state_machine_as_test(
        lives if seed is None else hypothesis.seed(seed)(lives),
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


#: What is proven elsewhere: how it begins, what only the rules do, and the ladder (test_noticing, test_automation).
ELSEWHERE = {"report", "import", "follow", "relocate", "undo", "notice", "escalate", "acknowledge", "pass_on"}
BY_ITSELF = {"notice", "dispatch", "resume", "expire_task", "task"}
#: Refusals that only an incident's own history brings.
RARE = {"SamePerson", "PartsOpen", "SupervisionOpen", "NoMore", "TooLate", "CannotGo", "NoTask", "CannotJoin"}


@pytest.mark.slow
def test_days_go_as_the_rule_book_says() -> None:
    play(games=100, steps=50)


@pytest.mark.slow
def test_each_act_of_the_table_is_done_and_is_refused() -> None:
    """In so many days of ten seeds: so that the days above cannot go well because nothing happens in them."""
    people = {str(act) for act in Act} - ELSEWHERE - {"expire_task"}
    assert people == set(PLAYBOOK)
    expected = {f"{act} {came_of_it}" for act in people for came_of_it in ("done", "refused")}
    expected |= {f"{act} by itself" for act in BY_ITSELF} | RARE
    for number in range(10):
        seen = play(games=80, steps=50, seed=number)
        expected -= {*seen, *(key.split()[-1] for key in seen)}
        if not expected:
            return
    assert expected == set()


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_thousands_of_days_go_as_the_rule_book_says() -> None:
    play(games=8_000, steps=60)
