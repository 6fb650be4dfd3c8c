"""Random days: people in random roles try random acts on an incident, and a plain model says what must happen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dispatch import decisions, noticing
from dispatch.actors import Actor
from dispatch.closure import Period, count, facts
from dispatch.decisions import Draft
from dispatch.entries import Dispatched, Fact, Imported, Place
from dispatch.errors import DispatchError
from dispatch.incidents import fold
from dispatch.lifecycle import Role
from tests.dispatch.plain_model import STEP, PlainIncident, own_time
from tests.dispatch.scene import File
from tests.dispatch.strategies import CATEGORIES, DEPARTMENTS, PATHS, at, rules, units


@dataclass(frozen=True)
class Asked:
    """Who acts, and all that any act could be asked with; each act takes what it needs."""

    person: str
    roles: frozenset[Role]
    words: str
    passed: bool
    place: Place
    category: str | None
    department: str | None


some_places = st.sampled_from(PATHS).map(lambda path: Place(path=path))
some_categories = st.sampled_from([c.key for c in CATEGORIES])
#: What somebody asks for who knows what they are doing, and what anybody might.
sensible = st.builds(
    Asked,
    st.sampled_from(["ann", "bo", "cy"]),
    st.frozensets(st.sampled_from(Role), max_size=2),
    st.just("because"),
    st.booleans(),
    some_places,
    st.none() | some_categories,
    st.none() | st.sampled_from([d.code for d in DEPARTMENTS]),
)
anything = st.builds(
    Asked,
    st.sampled_from(["ann", "bo", "cy"]),
    st.frozensets(st.sampled_from(Role), max_size=5),
    st.sampled_from(["because", " ", ""]),
    st.booleans(),
    some_places,
    st.sampled_from([None, "nothing", *(c.key for c in CATEGORIES)]),
    st.sampled_from([None, "nobody", *(d.code for d in DEPARTMENTS)]),
)
ACTS = (
    "place",
    "file",
    "ask",
    "verify",
    "reject",
    "dispatch",
    "return",
    "handle",
    "check",
    "close",
    "reopen",
    "cancel",
    "adopt",
)
#: The acts by which a story goes on rather than ends.
ONWARD = (
    "place",
    "file",
    "ask",
    "verify",
    "dispatch",
    "return",
    "handle",
    "check",
    "close",
    "reopen",
    "adopt",
)
#: What is timed in each stage; in the others nobody is waited for.
CLOCKS = {
    "intake": "intake",
    "verifying": "verify",
    "dispatch": "dispatch",
    "handling": "handling",
    "checking": "check",
}
PERIOD = Period(at("2026-01-01 00:00"), at("2028-01-01 00:00"))


class Days(RuleBasedStateMachine):
    """One incident, from its report or its import on; a weekend, Spring Festival and make-up days on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.file = File()
        self.model = PlainIncident()
        self.now = at("2026-02-12 16:00")

    # -- how it begins

    @initialize(category=some_categories, place=some_places)
    def report(self, category: str, place: Place) -> None:
        draft = Draft("phone", category, None, place, units(place.path), None, (), self.now)
        fact = decisions.report(rules(), draft, Actor("ann", frozenset({Role.INSPECTOR})), "N-1", self.now)
        self.keep(fact, "ann")
        self.model.stage = "intake"
        self.model.category, self.model.path = CATEGORIES.get(category), place.path
        self.model.route()

    # -- time

    @rule(steps=st.sampled_from([1, 2, 4, 8, 12, 70, 200]))
    def wait(self, steps: int) -> None:
        self.now += steps * STEP

    @rule()
    def somebody_looks_at_the_clock(self) -> None:
        """Everything that is to be said is said, each only once."""
        while (look := self.file.now.next_look) is not None and look <= self.now:
            before = self.file.now.noticed
            for fact in noticing.notice(rules(), self.file.now, (), self.now):
                self.keep(fact, "system")
            event(self.file.now.noticed[-1].split("/")[2])
            assert len(self.file.now.noticed) == len(before) + 1
        said = self.file.now.noticed
        assert len(set(said)) == len(said)
        clock = self.file.now.clock
        if clock is not None:
            name = f"{clock.clock}/{clock.run}"
            assert (f"{name}/overdue" in said) or self.now < clock.due_at
            assert {f"{name}/overdue", f"{name}/warning"} & set(said) or self.now < clock.warn_at

    # -- what people try

    @rule(asked=sensible, choice=st.integers(0, 11))
    def somebody_goes_on(self, asked: Asked, choice: int) -> None:
        """One of the acts by which the story goes on, by somebody who may."""
        if open_now := [act for act in ONWARD if self.model.may(act)]:
            act = open_now[choice % len(open_now)]
            fitting = Role((self.model.may(act) or "").split()[0])
            self.tries(act, replace(asked, roles=asked.roles | {fitting}))

    @rule(asked=sensible, choice=st.integers(0, 11))
    def somebody_goes_on_too(self, asked: Asked, choice: int) -> None:
        """The same: so that a story goes on twice as often as people are in the way."""
        self.somebody_goes_on(asked, choice)

    @rule(act=st.sampled_from([*ACTS, "note", "attach"]), asked=anything)
    def anybody_tries_anything(self, act: str, asked: Asked) -> None:
        self.tries(act, asked)

    def keep(self, fact: Fact, by: str) -> None:
        self.file.add(fact, self.now, by)

    def tries(self, act: str, asked: Asked) -> None:
        """The model says whether an act must be refused, and how. A refusal changes nothing."""
        expected = self.model.refuses(
            act,
            frozenset(map(str, asked.roles)),
            asked.person,
            words=asked.words,
            passed=asked.passed,
            category=asked.category if act == "file" else None,
            department=asked.department,
        )
        before = self.file.incident
        if expected is not None:
            with pytest.raises(DispatchError) as refused:
                self.decide(act, asked)
            assert type(refused.value) is expected
            assert self.file.incident is before
            event(f"{act} refused")
            return
        event(f"{act} done")
        self.keep(self.decide(act, asked), asked.person)
        self.model_does(act, asked)

    def decide(self, act: str, asked: Asked) -> Fact:
        by, told, words = Actor(asked.person, asked.roles), self.file.now, asked.words
        unit, there = units(told.place.path), units(asked.place.path)
        acts: dict[str, Callable[[], Fact]] = {
            "place": lambda: decisions.place(rules(), told, by, asked.place, there, self.now),
            "file": lambda: decisions.file(rules(), told, by, unit, self.now, asked.category),
            "ask": lambda: decisions.ask(rules(), told, by, self.now, words),
            "verify": lambda: decisions.verify(rules(), told, by, asked.passed, self.now, words),
            "reject": lambda: decisions.reject(told, by, words),
            "dispatch": lambda: decisions.dispatch(rules(), told, by, self.now, asked.department),
            "return": lambda: decisions.return_(rules(), told, by, words, self.now),
            "handle": lambda: decisions.handle(rules(), told, by, words, self.now),
            "check": lambda: decisions.check(told, by, asked.passed, words),
            "close": lambda: decisions.close(told, by),
            "reopen": lambda: decisions.reopen(rules(), told, by, words, self.now),
            "cancel": lambda: decisions.cancel(told, by, words),
            "adopt": lambda: decisions.adopt(rules(), told, by, unit, self.now),
            "note": lambda: decisions.note(told, by, "w1"),
            "attach": lambda: decisions.attach(told, by, ("p1",)),
        }
        return acts[act]()

    def model_does(self, act: str, asked: Asked) -> None:
        model = self.model
        acts: dict[str, Callable[[], None]] = {
            "place": lambda: model.place(asked.place.path),
            "file": lambda: model.file(self.now, asked.category),
            "ask": lambda: model.stands("verifying"),
            "verify": lambda: model.stands("intake"),
            "reject": lambda: model.end("rejected"),
            "dispatch": lambda: self.dispatched(asked.department),
            "return": lambda: model.return_(self.now),
            "handle": lambda: model.handle(asked.person),
            "check": lambda: model.check(asked.passed),
            "close": lambda: model.close(self.now),
            "reopen": model.reopen,
            "cancel": lambda: model.end("cancelled"),
            "adopt": model.adopt,
            "note": lambda: None,
            "attach": lambda: None,
        }
        acts[act]()

    def dispatched(self, department: str | None) -> None:
        """A clock that goes on is checked by counting: from now to the end as much passes as was left."""
        left, held_by = self.model.left, self.model.left_by
        self.model.dispatch(self.now, department)
        fact = self.file.entries[-1].fact
        assert isinstance(fact, Dispatched)
        assert fact.resumed == (left is not None and held_by == self.model.lead)
        if fact.resumed:
            assert left is not None
            event("resumed" if left > timedelta(0) else "resumed overdue")
            assert self.model.limit is not None
            assert own_time(self.model.limit.unit, self.now, fact.due_at) == left
            self.model.due_at, self.model.left = fact.due_at, None

    # -- what holds at every moment

    @invariant()
    def the_incident_is_what_the_model_says(self) -> None:
        told, model = self.file.now, self.model
        assert str(told.stage) == model.stage
        assert (told.department, told.lead, told.handled_by) == (model.owner, model.lead, model.handled_by)
        assert told.due_at == model.due_at
        assert told.remaining_s == (None if model.left is None else model.left.total_seconds())
        assert (told.filed_at, told.closed_at) == (model.filed_at, model.closed_at)
        assert {name: getattr(told, name) for name in model.counts} == model.counts

    @invariant()
    def all_entries_together_are_the_same_as_one_by_one(self) -> None:
        assert fold(self.file.entries) == self.file.now

    @invariant()
    def it_has_an_owner_and_a_clock_that_runs_or_is_paused(self) -> None:
        told = self.file.now
        assert told.department in rules().routing.departments
        if told.lead is not None and told.is_open and not told.imported:
            assert told.due_at is not None
            assert told.remaining_s is None

    @invariant()
    def each_stage_has_its_clock(self) -> None:
        """It was started by the entry of its run; that of handling goes on where it comes back."""
        told = self.file.now
        clock = None if told.clock is None else told.clock.clock
        assert clock == CLOCKS.get(str(told.stage))
        if told.clock is not None:
            assert told.clock.warn_at <= max(told.clock.due_at, self.now)
            assert 1 <= told.clock.run <= told.number
            if clock == "handling":
                assert told.clock.due_at == told.due_at

    @invariant()
    def it_counts_once(self) -> None:
        tally = count([facts(self.file.now)], PERIOD, self.now)
        assert tally.open + tally.closed + tally.rejected + tally.cancelled == tally.reported
        assert tally.due == tally.due_closed + tally.overdue_open + tally.due_later


class ImportedDays(Days):
    """The same, where another system's history is how it begins."""

    @initialize(category=some_categories, place=some_places, is_closed=st.booleans())
    def report(self, category: str, place: Place, is_closed: bool) -> None:  # type: ignore[override]
        ended: datetime | None = at("2025-12-30 10:00") if is_closed else None
        fact = Imported(
            *("N-1", "old", "77", "phone", category, "water", place, "any", is_closed),
            reported_at=at("2026-01-05 10:00"),
            closed_at=ended,
            due_at=at("2026-01-06 10:00"),
        )
        self.keep(fact, "importer")
        self.model.stage = "closed" if is_closed else "imported"
        self.model.category, self.model.path = CATEGORIES.get(category), place.path
        self.model.owner, self.model.due_at, self.model.closed_at = "water", fact.due_at, ended
        self.model.lead = "water" if is_closed else None


SAMPLE = settings(max_examples=60, stateful_step_count=40)
MANY = settings(max_examples=3_000, stateful_step_count=60)

TestDays = pytest.mark.slow(Days.TestCase)
TestDays.settings = SAMPLE
TestImportedDays = pytest.mark.slow(ImportedDays.TestCase)
TestImportedDays.settings = SAMPLE


class ManyDays(Days):
    """Thousands of them."""


TestManyDays = pytest.mark.timeout(1_800)(pytest.mark.long(ManyDays.TestCase))
TestManyDays.settings = MANY
