"""Put right on the spot, joined, corrected, appealed, called back, taken back: one by one, and by law."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import decisions, ending_decisions, handling_decisions
from dispatch.actors import Actor
from dispatch.correcting import Wanted, correct
from dispatch.ending_facts import Followed
from dispatch.entries import SYSTEM, Place
from dispatch.errors import (
    BrokenHistory,
    CannotJoin,
    EvidenceMissing,
    NobodyReached,
    NoMore,
    NotForThisRole,
    NothingApplied,
    NothingToCorrect,
    NothingToTakeBack,
    NotInThisStage,
    NotLate,
    NotYours,
    ReasonMissing,
    TooLate,
    UnknownStandard,
)
from dispatch.handling_facts import Wish
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import TAKEABLE, Act, Role
from dispatch.permissions import TAKE_BACK_WITHIN, open_to
from dispatch.task_decisions import sent
from dispatch.tasks import Candidate
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, HANDLER, INSPECTOR, LEADER, NORTH, File
from tests.dispatch.strategies import COVER, LAMP, NOISE, RUBBISH, at, local, rules, units

CITY = rules()
MORNING = "2026-03-05 08:00"
NOW = at("2026-03-05 09:00")
SOUTH = Place(lon=114.02, lat=22.4, path=("44", "02"), edition=1)
MANAGER = Actor("man", frozenset({Role.MANAGER}))


class TestOnTheSpot:
    def reported(self, *photos: str) -> File:
        file = File()
        fact = decisions.report(CITY, scene.draft(photos=photos), INSPECTOR, "N-1", NOW)
        file.add(fact, NOW, "ins")
        return file

    def test_it_is_closed_with_a_photo_of_before_and_one_of_after(self) -> None:
        file = self.reported("before")
        fact = ending_decisions.self_handle(file.now, INSPECTOR, " swept ", ("before", "after"))
        assert (fact.result, fact.before, fact.after) == ("swept", ("before",), ("after",))
        now = file.add(fact, NOW, "ins")
        assert (now.stage, now.self_handled, now.photos) == ("closed", True, ("before", "after"))
        assert (now.closed_at, now.handled_by, now.clock, now.filed_at) == (NOW, "ins", None, None)

    def test_a_photo_of_before_may_come_with_it(self) -> None:
        fact = ending_decisions.self_handle(self.reported().now, INSPECTOR, "swept", ("a",), ("b",))
        assert (fact.before, fact.after) == (("b",), ("a",))

    def test_it_is_refused_without_either_or_without_words_or_to_others(self) -> None:
        now = self.reported("before").now
        with pytest.raises(EvidenceMissing, match="of after"):
            ending_decisions.self_handle(now, INSPECTOR, "swept", ("before",))
        with pytest.raises(EvidenceMissing, match="of before"):
            ending_decisions.self_handle(self.reported().now, INSPECTOR, "swept", ("after",))
        with pytest.raises(ReasonMissing):
            ending_decisions.self_handle(now, INSPECTOR, " ", ("after",))
        with pytest.raises(NotYours, match="who reported it"):
            ending_decisions.self_handle(now, replace(INSPECTOR, person="other"), "swept", ("after",))
        with pytest.raises(NotForThisRole):
            ending_decisions.self_handle(now, CLERK, "swept", ("after",))

    def test_a_leader_opens_it_again_and_then_it_is_like_any_other(self) -> None:
        file = self.reported("before")
        file.add(ending_decisions.self_handle(file.now, INSPECTOR, "swept", ("after",)), NOW, "ins")
        now = file.add(decisions.reopen(CITY, file.now, LEADER, "it is not", NOW), NOW, "lea")
        assert (now.stage, now.self_handled, now.closed_at, now.filed_at) == ("dispatch", False, None, NOW)


class TestJoining:
    def two(self) -> tuple[File, Incident]:
        leader = scene.reported(when="2026-03-05 08:30")
        other = Place(lon=114.01, lat=22.5101, path=("44", "01"), edition=1)
        return scene.reported(place=other), replace(leader.now, id="case-0", case_number="N-0")

    def test_it_follows_for_good_and_its_leader_knows(self) -> None:
        file, leader = self.two()
        joined, followed = ending_decisions.join(file.now, CLERK, leader, " twice ")
        assert (joined.leader, joined.leader_case, joined.reason) == ("case-0", "N-0", "twice")
        assert (joined.distance_m, joined.age_s) == (pytest.approx(11.07, abs=0.01), 1800.0)
        assert followed == Followed("case-1", "N-1", "ins")
        now = file.add(joined, NOW, "clk")
        assert (now.stage, now.leader, now.clock, now.next_look) == ("joined", "case-0", None, None)
        assert not now.is_open
        assert open_to(now, LEADER, NOW) == (Act.NOTE,)
        for again in (
            lambda: decisions.reopen(CITY, now, LEADER, "x", NOW),
            lambda: ending_decisions.take_back(now, CLERK, NOW),
            lambda: ending_decisions.join(now, CLERK, leader),
        ):
            with pytest.raises(NotInThisStage):
                again()

    def test_only_what_is_open_and_ours_and_follows_nobody_leads(self) -> None:
        file, leader = self.two()
        closed = replace(scene.closed().now, id="case-0")
        for other, why in (
            (file.now, "follow itself"),
            (replace(leader, leader="case-9"), "follows another"),
            (closed, "is closed"),
            (replace(scene.imported().now, id="case-0"), "is imported"),
        ):
            with pytest.raises(CannotJoin, match=why):
                ending_decisions.join(file.now, CLERK, other)

    def test_one_that_is_being_handled_is_not_joined_any_more(self) -> None:
        _, leader = self.two()
        with pytest.raises(NotInThisStage):
            ending_decisions.join(scene.dispatched().now, LEADER, leader)
        assert ending_decisions.join(scene.filed().now, DISPATCHER, leader)

    def test_what_has_no_point_is_joined_without_a_distance(self) -> None:
        file, leader = self.two()
        assert ending_decisions.join(file.now, CLERK, replace(leader, place=Place()))[0].distance_m is None

    def test_followers_are_counted_once_and_change_nothing_else(self) -> None:
        file = scene.reported()
        clock = file.now.clock
        for follower in ("a", "b", "a"):
            file.add(Followed(follower, f"N-{follower}", "x"), NOW, "clk")
        assert file.now.followers == ("a", "b")
        assert (file.now.stage, file.now.clock) == ("intake", clock)


class TestCorrecting:
    def by(
        self, file: File, wanted: Wanted, who: Actor = DISPATCHER, when: str = "2026-03-05 09:00"
    ) -> object:
        place = wanted.place or file.now.place
        return correct(CITY, file.now, who, wanted, units(place.path), (), "looked again", at(when))

    def test_moved_to_another_ground_it_goes_to_whose_that_is(self) -> None:
        """What the rules said before is asked with the units of the place as it was."""
        file = scene.filed(place=Place())
        scene.dispatch(file, "2026-03-05 09:00")
        assert file.now.lead == "desk"
        moved, there = Wanted(place=NORTH), units(NORTH.path)
        lamp = correct(CITY, file.now, DISPATCHER, moved, there, (), "found it", NOW, units_before=())
        assert (lamp.route.department, lamp.elsewhere) == ("north", True)

    def test_at_intake_it_is_located_and_routed_again(self) -> None:
        file = scene.reported(NOISE.key)
        fact = self.by(file, Wanted(place=SOUTH), CLERK)
        now = file.add(fact, NOW, "clk")  # type: ignore[arg-type]
        assert (now.stage, now.place, now.department) == ("intake", SOUTH, "south")
        assert now.clock == scene.reported(NOISE.key).now.clock

    def test_another_category_brings_its_urgency_and_department_unless_said(self) -> None:
        file = scene.filed(NOISE.key)
        now = file.add(self.by(file, Wanted(category="manhole")), NOW, "dis")  # type: ignore[arg-type]
        assert (now.category, now.urgency, now.department) == (COVER.key, "critical", "water")
        now = file.add(self.by(file, Wanted(urgency="urgent")), NOW, "dis")  # type: ignore[arg-type]
        assert (now.category, now.urgency) == (COVER.key, "urgent")

    def test_being_handled_it_stays_where_neither_department_nor_limit_is_another(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING)
        nearby = replace(NORTH, lat=22.52)
        now = file.add(self.by(file, Wanted(place=nearby)), NOW, "dis")  # type: ignore[arg-type]
        assert (now.stage, now.lead, now.place.lat) == ("handling", "north", 22.52)
        assert local(now.due_at) == "2026-03-05 12:00"  # type: ignore[arg-type]

    def test_elsewhere_it_goes_back_to_dispatch_with_what_was_left(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING)
        now = file.add(self.by(file, Wanted(place=SOUTH)), NOW, "dis")  # type: ignore[arg-type]
        assert (now.stage, now.lead, now.department) == ("dispatch", None, "lamps")
        assert (now.remaining_s, now.returns, now.clock and now.clock.clock) == (3 * 3600.0, 0, "dispatch")
        back = scene.dispatch(file, "2026-03-05 09:30", "north")
        assert local(back.due_at) == "2026-03-05 14:30"  # type: ignore[arg-type]

    def test_another_limit_is_a_fresh_one(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING)
        now = file.add(self.by(file, Wanted(category=NOISE.key)), NOW, "dis")  # type: ignore[arg-type]
        assert (now.stage, now.remaining_s, now.department) == ("dispatch", None, "north")
        again = scene.dispatch(file, "2026-03-05 09:30")
        assert (again.limit, again.clock and again.clock.run) == ("3ed", 5)

    def test_another_limit_is_a_fresh_one_also_after_a_return(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING)
        scene.return_(file, "2026-03-05 09:00")
        kept = file.add(self.by(file, Wanted(place=SOUTH)), NOW, "dis")  # type: ignore[arg-type]
        assert kept.remaining_s == 3 * 3600.0
        now = file.add(self.by(file, Wanted(category=NOISE.key)), NOW, "dis")  # type: ignore[arg-type]
        assert (now.stage, now.remaining_s, now.last_lead) == ("dispatch", None, "north")
        assert scene.dispatch(file, "2026-03-05 09:30", "north").limit == "3ed"

    def test_what_is_sent_elsewhere_was_not_dispatched_accurately(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING)
        file.add(self.by(file, Wanted(place=SOUTH)), NOW, "dis")  # type: ignore[arg-type]
        assert scene.dispatch(file, "2026-03-05 09:30").redirected == 1

    def test_a_department_chosen_against_the_rules_keeps_it_where_they_say_the_same(self) -> None:
        file = scene.dispatched(LAMP.key, MORNING, to="water")
        nearby = replace(NORTH, lat=22.52)
        now = file.add(self.by(file, Wanted(place=nearby)), NOW, "dis")  # type: ignore[arg-type]
        assert (now.stage, now.lead) == ("handling", "water")

    def test_it_needs_something_to_correct_and_a_reason(self) -> None:
        file = scene.filed()
        for nothing in (Wanted(), Wanted(category=LAMP.key), Wanted(urgency="ordinary"), Wanted(place=NORTH)):
            with pytest.raises(NothingToCorrect):
                self.by(file, nothing)
        with pytest.raises(ReasonMissing):
            correct(CITY, file.now, DISPATCHER, Wanted(category=RUBBISH.key), (), (), " ", NOW)
        with pytest.raises(NothingToCorrect):
            correct(CITY, file.now, DISPATCHER, Wanted(), (), (), " ", NOW)
        with pytest.raises(UnknownStandard):
            self.by(file, Wanted(standard="loud"))
        with pytest.raises(NotForThisRole):
            self.by(file, Wanted(category=RUBBISH.key), HANDLER)

    def test_a_category_named_anew_has_no_case_standard_unless_said(self) -> None:
        now = replace(scene.filed().now, standard="lost")
        file = scene.filed()
        file.incident = now
        assert self.by(file, Wanted(category=LAMP.key)).standard is None  # type: ignore[attr-defined]


class TestAfterClosing:
    def test_an_appeal_is_made_once_by_whose_it_was_and_decided_by_those_above(self) -> None:
        file = scene.closed_late()
        with pytest.raises(NothingApplied):
            ending_decisions.decide(file.now, MANAGER, True, "right")
        with pytest.raises(NotYours):
            ending_decisions.appeal(file.now, replace(HANDLER, departments=frozenset({"water"})), "not late")
        fact = ending_decisions.appeal(file.now, HANDLER, "the road was closed")
        assert fact.department == "north"
        file.add(fact, NOW, "han")
        assert file.now.appeal == "open"
        with pytest.raises(NotForThisRole):
            ending_decisions.decide(file.now, LEADER, True, "right")
        file.add(ending_decisions.decide(file.now, MANAGER, True, "it was"), NOW, "man")
        assert (file.now.appeal, file.now.stage) == ("granted", "closed")
        with pytest.raises(NoMore):
            ending_decisions.appeal(file.now, HANDLER, "once more")

    def test_what_was_closed_within_its_limit_has_nothing_to_appeal_against(self) -> None:
        with pytest.raises(NotLate):
            ending_decisions.appeal(scene.closed().now, HANDLER, "the road was closed")

    def test_an_exemption_is_the_departments_that_appealed(self) -> None:
        file = scene.closed_late()
        file.add(ending_decisions.appeal(file.now, HANDLER, "the road was closed"), NOW, "han")
        file.add(ending_decisions.decide(file.now, MANAGER, True, "it was"), NOW, "man")
        file.add(decisions.reopen(CITY, file.now, LEADER, "dark again", NOW), NOW, "lea")
        assert scene.dispatch(file, "2026-03-05 11:00").appeal == "granted"
        scene.return_(file, "2026-03-05 11:10")
        assert scene.dispatch(file, "2026-03-05 11:20", "water").appeal is None

    def test_a_call_back_that_is_not_content_lets_the_clerk_reopen(self) -> None:
        file = scene.closed()
        with pytest.raises(NotForThisRole, match="call-back"):
            decisions.reopen(CITY, file.now, CLERK, "not solved", NOW)
        for contacted, solved, satisfied, opens in (
            (False, None, None, False),
            (True, None, None, False),
            (True, True, True, False),
            (True, True, False, True),
            (True, False, None, True),
        ):
            told = ending_decisions.call_back(file.now, CLERK, contacted, solved, satisfied, "w1")
            file.add(told, NOW, "clk")
            assert (Act.REOPEN in open_to(file.now, CLERK, NOW)) is opens
            assert Act.REOPEN in open_to(file.now, MANAGER, NOW)
        file.add(decisions.reopen(CITY, file.now, CLERK, "not solved", NOW), NOW, "clk")
        assert (file.now.stage, file.now.call_back) == ("dispatch", told)

    def test_after_another_closing_only_another_call_back_counts(self) -> None:
        file = scene.closed()
        file.add(ending_decisions.call_back(file.now, CLERK, True, False), NOW, "clk")
        file.add(decisions.reopen(CITY, file.now, CLERK, "not solved", NOW), NOW, "clk")
        scene.dispatch(file, "2026-03-05 11:00")
        scene.handle(file, "2026-03-05 11:10")
        scene.check(file, "2026-03-05 11:20")
        file.add(decisions.close(file.now, DISPATCHER), NOW, "dis")
        assert Act.REOPEN not in open_to(file.now, CLERK, NOW)

    @pytest.mark.parametrize("said", [(True, None), (None, False)])
    def test_nobody_who_was_not_reached_has_said_anything(
        self, said: tuple[bool | None, bool | None]
    ) -> None:
        with pytest.raises(NobodyReached):
            ending_decisions.call_back(scene.closed().now, CLERK, False, *said)


class TestTakingBack:
    def test_ones_own_last_act_within_five_minutes(self) -> None:
        file = scene.filed(when=MORNING)
        before, later = file.now, at(MORNING) + TAKE_BACK_WITHIN
        scene.dispatch(file, MORNING)
        with pytest.raises(NothingToTakeBack):
            ending_decisions.take_back(file.now, LEADER, later)
        with pytest.raises(TooLate, match="within 5 minutes"):
            ending_decisions.take_back(file.now, DISPATCHER, later + timedelta(seconds=1))
        fact = ending_decisions.take_back(file.now, DISPATCHER, later, " wrong one ")
        assert (fact.number, fact.taken, fact.stage, fact.reason) == (3, "dispatch", "dispatch", "wrong one")
        assert same(file.add(fact, later, "dis"), before)
        with pytest.raises(NothingToTakeBack):
            ending_decisions.take_back(file.now, DISPATCHER, later)

    def test_nothing_that_somebody_built_on(self) -> None:
        file = scene.dispatched(when=MORNING)
        file.add(decisions.note(file.now, LEADER, "w1"), at(MORNING), "lea")
        assert Act.TAKE_BACK not in open_to(file.now, DISPATCHER, at(MORNING))
        with pytest.raises(NothingToTakeBack):
            ending_decisions.take_back(file.now, DISPATCHER, at(MORNING))

    def test_who_was_sent_to_look_because_of_it_comes_home(self) -> None:
        file = scene.dispatched(when=MORNING)
        before = file.now
        scene.handle(file, MORNING)
        (task,) = sent(CITY, file.now, [Candidate("insp", 2, None)], at(MORNING))
        file.add(task, at(MORNING), SYSTEM)
        assert file.now.task is not None
        fact = ending_decisions.take_back(file.now, HANDLER, at(MORNING))
        assert (fact.number, fact.taken) == (4, "handle")
        assert same(file.add(fact, at(MORNING), "han"), before)

    def test_what_rules_or_nobody_did_is_nobodys_to_take_back(self) -> None:
        file = scene.filed(when=MORNING)
        fact = decisions.dispatch(CITY, file.now, DISPATCHER, at(MORNING))
        file.add(fact, at(MORNING), SYSTEM)
        for by in (DISPATCHER, LEADER, replace(LEADER, person="auto:x")):
            with pytest.raises(NothingToTakeBack):
                ending_decisions.take_back(file.now, by, at(MORNING))

    def test_a_history_that_takes_back_what_is_not_the_last_act_is_broken(self) -> None:
        file = scene.dispatched(when=MORNING)
        wrong = replace(ending_decisions.take_back(file.now, DISPATCHER, at(MORNING)), number=2)
        with pytest.raises(BrokenHistory, match="not the last act"):
            file.add(wrong, at(MORNING), "dis")

    @given(st.data())
    def test_all_is_as_it_was_whatever_is_taken_back_wherever_it_is_added_up(
        self, data: st.DataObject
    ) -> None:
        """fold == extend, and both give the incident before the act but for number, time and who acted last."""
        file = scene.reported(when=MORNING)
        for turn in range(data.draw(st.integers(1, 12))):
            when = at(MORNING) + timedelta(minutes=turn)
            before = file.now
            acts = [step for step in STEPS if step[0] in open_to(before, step[1], when)]
            _, by, decide = data.draw(st.sampled_from(acts))
            after = file.add(decide(before, when), when, by.person)
            if data.draw(st.booleans()) and after.last_act in TAKEABLE:
                back = ending_decisions.take_back(after, by, when)
                assert same(file.add(back, when, by.person), before)
            assert fold(file.entries) == file.now
            cut = data.draw(st.integers(1, len(file.entries)))
            assert extend(fold(file.entries[:cut]), file.entries[cut:]) == file.now


def same(one: Incident, other: Incident) -> bool:
    """The same incident, but for the entry that says that something was taken back?"""
    passing = ("number", "updated_at", "last_by", "last_act", "last_number")
    return one == replace(other, **{name: getattr(one, name) for name in passing})


#: What people do with a lamp, as far as it is open to them: act, who, what it comes to.
STEPS = (
    (Act.FILE, CLERK, lambda one, now: decisions.file(CITY, one, CLERK, units(one.place.path), now)),
    (Act.ASK, CLERK, lambda one, now: decisions.ask(CITY, one, CLERK, now)),
    (Act.VERIFY, LEADER, lambda one, now: decisions.verify(CITY, one, LEADER, True, now)),
    (Act.REJECT, CLERK, lambda one, _: decisions.reject(one, CLERK, "no")),
    (
        Act.DISPATCH,
        DISPATCHER,
        lambda one, now: decisions.dispatch(CITY, one, DISPATCHER, now, None, ("water",)),
    ),
    (Act.CORRECT, DISPATCHER, lambda one, now: _south(one, now)),
    (Act.ACCEPT, HANDLER, lambda one, _: handling_decisions.accept(one, HANDLER)),
    (Act.REPORT_PART, HANDLER, lambda one, _: handling_decisions.report_part(one, HANDLER, "drained")),
    (Act.RETURN, HANDLER, lambda one, now: decisions.return_(CITY, one, HANDLER, "no", now)),
    (Act.APPLY, HANDLER, lambda one, now: _apply(one, now)),
    (Act.GRANT, DISPATCHER, lambda one, now: handling_decisions.grant(CITY, one, DISPATCHER, now)),
    (Act.REFUSE, DISPATCHER, lambda one, _: handling_decisions.refuse(one, DISPATCHER, "no")),
    (Act.RESUME, LEADER, lambda one, now: handling_decisions.resume(CITY, one, LEADER, now)),
    (Act.SUPERVISE, LEADER, lambda one, now: handling_decisions.supervise(CITY, one, LEADER, "why", now)),
    (Act.ANSWER, HANDLER, lambda one, _: handling_decisions.answer(one, HANDLER, "soon")),
    (Act.HANDLE, HANDLER, lambda one, now: decisions.handle(CITY, one, HANDLER, "done", now, ("p",))),
    (Act.CHECK, INSPECTOR, lambda one, now: decisions.check(CITY, one, INSPECTOR, True, now)),
    (Act.CLOSE, DISPATCHER, lambda one, _: decisions.close(one, DISPATCHER)),
    (Act.REOPEN, LEADER, lambda one, now: decisions.reopen(CITY, one, LEADER, "again", now)),
    (Act.CANCEL, LEADER, lambda one, _: decisions.cancel(one, LEADER, "a test")),
    (Act.NOTE, LEADER, lambda one, _: decisions.note(one, LEADER, "w1")),
)


def _south(incident: Incident, now: object) -> object:
    place = NORTH if incident.place == SOUTH else SOUTH
    return correct(CITY, incident, DISPATCHER, Wanted(place=place), units(place.path), (), "there", now)  # type: ignore[arg-type]


def _apply(incident: Incident, now: object) -> object:
    wish = Wish.SUSPENSION if incident.suspensions == 0 else Wish.EXTENSION
    until = now + timedelta(days=3)  # type: ignore[operator]
    return handling_decisions.apply(incident, HANDLER, wish, "more", now, until)  # type: ignore[arg-type]
