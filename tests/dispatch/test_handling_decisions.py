"""Parts, crews, extension, suspension, supervision, enforcement: what each writes down, and what it refuses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch import decisions, handling_decisions, noticing
from dispatch.actors import Actor
from dispatch.building import Part
from dispatch.errors import (
    AlreadyApplied,
    AlreadyDone,
    AlreadySupervised,
    BadDate,
    CannotGo,
    NoMore,
    NotForThisRole,
    NothingApplied,
    NotInThisStage,
    NotSupervised,
    NotYours,
    PartsOpen,
    ReasonMissing,
    SamePerson,
    SupervisionOpen,
    TooLate,
    UnknownCrew,
    UnknownDepartment,
)
from dispatch.handling_facts import Wish
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Role, Stage
from dispatch.noticing import Around
from dispatch.routing import Routing
from dispatch.routing_rules import Crew
from dispatch.rules import Rules
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, INSPECTOR, LEADER, File
from tests.dispatch.strategies import CATEGORIES, DEPARTMENTS, LAMP, ROUTES, at, local, rules

CITY = rules()
NORTH = Actor("n1", frozenset({Role.HANDLER}), frozenset({"north"}))
WATER = Actor("w1", frozenset({Role.HANDLER}), frozenset({"water"}))
CLEAN = Actor("c1", frozenset({Role.HANDLER}), frozenset({"clean"}))
SUPERVISOR = Actor("sup", frozenset({Role.SUPERVISOR}))
MORNING = "2026-03-05 08:00"


def shared(*co_handlers: str) -> File:
    """A lamp that the north office leads since eight, with these co-handlers."""
    file = scene.filed(LAMP.key, MORNING)
    fact = decisions.dispatch(CITY, file.now, DISPATCHER, at(MORNING), co_handlers=co_handlers)
    file.add(fact, at(MORNING), "dis")
    return file


def with_crews() -> Rules:
    crew = Crew("one", "抢修一班", "repair crew one")
    departments = [replace(one, crews=(crew,)) if one.code == "north" else one for one in DEPARTMENTS]
    return replace(CITY, routing=Routing(departments, ROUTES, "desk", CATEGORIES))


class TestParts:
    def test_each_department_accepts_its_own_part_once(self) -> None:
        file = shared("water", "clean")
        for by, department in ((NORTH, "north"), (WATER, "water")):
            fact = handling_decisions.accept(file.now, by)
            assert fact.department == department
            file.add(fact, at(MORNING), by.person)
            with pytest.raises(AlreadyDone):
                handling_decisions.accept(file.now, by)
        assert file.now.accepted_by == "n1"
        assert file.now.parts == (Part("water", "accepted", "w1"), Part("clean"))

    def test_who_acts_for_several_says_for_which_or_for_the_lead_first(self) -> None:
        both = replace(NORTH, departments=frozenset({"north", "water"}))
        file = shared("water")
        assert handling_decisions.accept(file.now, both).department == "north"
        assert handling_decisions.accept(file.now, both, "water").department == "water"
        file.add(handling_decisions.accept(file.now, both), at(MORNING), "n1")
        assert handling_decisions.accept(file.now, both).department == "water"
        with pytest.raises(NotYours, match="belongs to water"):
            handling_decisions.accept(file.now, both, "clean")
        file.add(handling_decisions.report_part(file.now, both, "drained"), at(MORNING), "n1")
        for again in (handling_decisions.accept, handling_decisions.decline):
            with pytest.raises(AlreadyDone):
                again(file.now, both, *(("no",) if again is handling_decisions.decline else ()), "water")

    def test_a_stranger_has_no_part(self) -> None:
        file = shared("water")
        acts = (
            lambda: handling_decisions.accept(file.now, CLEAN),
            lambda: handling_decisions.decline(file.now, CLEAN, "not ours"),
            lambda: handling_decisions.report_part(file.now, CLEAN, "done"),
            lambda: handling_decisions.assign(CITY, file.now, CLEAN, None, "x", True),
            lambda: handling_decisions.decline(file.now, NORTH, "not ours"),
            lambda: handling_decisions.report_part(file.now, NORTH, "done"),
            lambda: decisions.return_(CITY, file.now, WATER, "not ours", at(MORNING)),
            lambda: handling_decisions.apply(file.now, WATER, Wish.EXTENSION, "more", at(MORNING)),
            lambda: handling_decisions.enforce(file.now, WATER, "fine", "law", "1", "w"),
        )
        for act in acts:
            with pytest.raises(NotYours):
                act()

    def test_the_lead_is_done_when_all_parts_are(self) -> None:
        file = shared("water", "clean")
        with pytest.raises(PartsOpen, match="water, clean"):
            decisions.handle(CITY, file.now, NORTH, "repaired", at(MORNING))
        file.add(handling_decisions.report_part(file.now, WATER, " drained ", ("p1",)), at(MORNING), "w1")
        assert (file.now.parts[0].state, file.now.photos) == ("done", ("p1",))
        with pytest.raises(AlreadyDone):
            handling_decisions.report_part(file.now, WATER, "again")
        file.add(handling_decisions.decline(file.now, CLEAN, "no rubbish there"), at(MORNING), "c1")
        assert (file.now.co_handlers, len(file.now.parts)) == (("water",), 1)
        file.add(decisions.handle(CITY, file.now, NORTH, "repaired", at(MORNING)), at(MORNING), "n1")
        assert file.now.stage is Stage.CHECKING
        assert file.now.hands == ("w1", "n1")
        water_checks = replace(INSPECTOR, person="w1")
        with pytest.raises(SamePerson):
            decisions.check(CITY, file.now, water_checks, True, at(MORNING))

    def test_the_desk_says_who_has_a_part(self) -> None:
        file = shared("water")
        file.add(handling_decisions.accept(file.now, WATER), at(MORNING), "w1")
        fact = handling_decisions.involve(CITY, file.now, DISPATCHER, ["water", "lamps", "north", "lamps"])
        assert fact.co_handlers == ("water", "lamps")
        now = file.add(fact, at(MORNING), "dis")
        assert now.parts == (Part("water", "accepted", "w1"), Part("lamps"))
        assert file.add(handling_decisions.involve(CITY, now, LEADER, []), at(MORNING), "lea").parts == ()
        with pytest.raises(UnknownDepartment):
            handling_decisions.involve(CITY, file.now, DISPATCHER, ["fire"])
        with pytest.raises(NotForThisRole):
            handling_decisions.involve(CITY, file.now, NORTH, ["water"])

    def test_it_is_handed_to_a_crew_or_a_person_of_the_department(self) -> None:
        city, file = with_crews(), shared("water")
        fact = handling_decisions.assign(city, file.now, NORTH, "one", None, False)
        now = file.add(fact, at(MORNING), "n1")
        assert (now.crew, now.assignee) == ("one", None)
        theirs = handling_decisions.assign(city, now, WATER, None, "w2", True, "knows the pipe")
        assert file.add(theirs, at(MORNING), "w1").parts == (Part("water", assignee="w2"),)
        with pytest.raises(UnknownCrew, match="it has one"):
            handling_decisions.assign(city, file.now, NORTH, "two", None, False)
        with pytest.raises(UnknownCrew, match="it has none"):
            handling_decisions.assign(city, file.now, WATER, "one", None, False)
        with pytest.raises(CannotGo, match="no handler of north"):
            handling_decisions.assign(city, file.now, NORTH, None, "w2", False)
        with pytest.raises(SamePerson):
            handling_decisions.assign(city, file.now, NORTH, None, "ins", True)
        with pytest.raises(CannotGo, match="which crew or which person"):
            handling_decisions.assign(city, file.now, NORTH, None, None, False)

    def test_another_dispatch_keeps_the_parts_of_those_who_stay(self) -> None:
        file = shared("water", "clean")
        file.add(handling_decisions.report_part(file.now, WATER, "drained"), at(MORNING), "w1")
        scene.return_(file, "2026-03-05 09:00")
        again = decisions.dispatch(CITY, file.now, DISPATCHER, at(MORNING), co_handlers=("water", "lamps"))
        assert file.add(again, at(MORNING), "dis").parts == (Part("water", "done"), Part("lamps"))


class TestExtension:
    def test_it_adds_one_original_limit_to_the_end_and_turns_yellow_by_all_of_it(self) -> None:
        file = shared()
        assert (file.now.limit, local(file.now.due_at)) == ("4wh", "2026-03-05 12:00")  # type: ignore[arg-type]
        now = granted(file, "09:00")
        assert now.clock == now.handling
        assert now.clock is not None
        assert (now.clock.run, now.clock.limit) == (3, "4wh")
        # Eight working hours: to the end of the day; eighty percent of them are 6.4 hours.
        assert (local(now.clock.due_at), local(now.clock.warn_at)) == ("2026-03-05 18:00", "2026-03-05 16:24")
        assert now.due_at == now.clock.due_at
        assert now.clock_started_at == at(MORNING)
        assert local(granted(file, "10:00").due_at) == "2026-03-06 12:00"  # type: ignore[arg-type]
        assert (file.now.extensions, file.now.extended) == (2, 2)

    def test_nobody_is_asked_why_where_there_is_nothing_to_ask_for(self) -> None:
        """As in every act: whether it is possible comes before the words."""
        late, wrong_day = at("2026-03-05 12:00"), at("2026-03-04 12:00")
        with pytest.raises(TooLate):
            handling_decisions.apply(shared().now, NORTH, Wish.EXTENSION, " ", late)
        with pytest.raises(BadDate):
            handling_decisions.apply(shared().now, NORTH, Wish.SUSPENSION, " ", late, wrong_day)
        for wish in Wish:
            with pytest.raises(ReasonMissing):
                handling_decisions.apply(shared().now, NORTH, wish, " ", at(MORNING), late)

    def test_two_are_granted_for_a_run_and_none_is_asked_for_when_it_is_over(self) -> None:
        file = shared()
        with pytest.raises(TooLate, match="before the limit is over"):
            handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, "more", at("2026-03-05 12:00"))
        assert handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, "more", at("2026-03-05 11:59"))
        for time in ("09:00", "10:00"):
            granted(file, time)
        with pytest.raises(NoMore, match="at most 2"):
            handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, "more", at("2026-03-05 11:00"))
        scene.return_(file, "2026-03-05 11:00")
        scene.dispatch(file, "2026-03-05 11:00", "lamps")
        assert (file.now.extensions, file.now.extended) == (2, 0)
        lamps = replace(NORTH, departments=frozenset({"lamps"}))
        assert handling_decisions.apply(file.now, lamps, Wish.EXTENSION, "more", at("2026-03-05 11:10"))

    def test_what_was_said_of_the_old_end_is_said_again_of_the_new_one(self) -> None:
        file = shared()
        asked = handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, "more", at("2026-03-05 11:50"))
        file.add(asked, at("2026-03-05 11:50"), "n1")
        for _ in range(2):
            for fact in noticing.notice(CITY, file.now, Around(), at("2026-03-05 12:00")):
                file.add(fact, at("2026-03-05 12:00"), "system")
            if len(file.now.noticed) == 1:
                break
        assert file.now.noticed == ("handling/3/overdue",)
        now = file.add(
            handling_decisions.grant(CITY, file.now, LEADER, at("2026-03-05 14:00")),
            at("2026-03-05 14:00"),
            "lea",
        )
        assert (now.noticed, now.escalated) == ((), None)
        assert local(now.next_look) == "2026-03-05 16:24"  # type: ignore[arg-type]
        assert fold(file.entries) == now

    def test_one_application_at_a_time_is_granted_or_refused_by_the_desk(self) -> None:
        file = shared()
        with pytest.raises(NothingApplied):
            handling_decisions.grant(CITY, file.now, DISPATCHER, at(MORNING))
        asked = handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, " parts are missing ", at(MORNING))
        file.add(asked, at(MORNING), "n1")
        assert file.now.application == asked
        with pytest.raises(AlreadyApplied):
            handling_decisions.apply(
                file.now, NORTH, Wish.SUSPENSION, "x", at(MORNING), at("2026-04-01 08:00")
            )
        with pytest.raises(NotForThisRole):
            handling_decisions.grant(CITY, file.now, NORTH, at(MORNING))
        with pytest.raises(ReasonMissing):
            handling_decisions.refuse(file.now, DISPATCHER, " ")
        refused = handling_decisions.refuse(file.now, DISPATCHER, "there is time enough")
        assert file.add(refused, at(MORNING), "dis").application is None
        assert local(file.now.due_at) == "2026-03-05 12:00"  # type: ignore[arg-type]


def granted(file: File, time: str) -> Incident:
    """An extension asked for and granted at once."""
    when = at(f"2026-03-05 {time}")
    file.add(handling_decisions.apply(file.now, NORTH, Wish.EXTENSION, "more", when), when, "n1")
    return file.add(handling_decisions.grant(CITY, file.now, DISPATCHER, when), when, "dis")


class TestSuspension:
    def suspended(self, until: str = "2026-03-20 08:00") -> File:
        file, when = shared(), at("2026-03-05 09:00")
        asked = handling_decisions.apply(file.now, NORTH, Wish.SUSPENSION, "frost", when, at(until))
        file.add(asked, when, "n1")
        file.add(handling_decisions.grant(CITY, file.now, DISPATCHER, when), when, "dis")
        return file

    def test_the_clock_stands_still_and_goes_on_by_itself(self) -> None:
        file = self.suspended()
        now = file.now
        assert (now.stage, now.lead, now.clock, now.due_at) == ("suspended", "north", None, None)
        assert (now.remaining_s, now.suspensions) == (3 * 3600.0, 1)
        assert now.next_look == now.suspended_until == at("2026-03-20 08:00")
        (fact,) = noticing.notice(CITY, now, Around(), at("2026-03-20 08:00"))
        on = file.add(fact, at("2026-03-20 08:00"), "system")
        assert (on.stage, on.suspended_until, on.remaining_s) == ("handling", None, None)
        assert on.clock is not None
        assert (on.clock.run, local(on.clock.due_at)) == (3, "2026-03-20 11:00")

    def test_it_is_ended_before_by_the_desk_or_by_whoever_has_it(self) -> None:
        file, now = self.suspended(), at("2026-03-06 08:00")
        for by in (DISPATCHER, LEADER, NORTH):
            assert (
                local(handling_decisions.resume(CITY, file.now, by, now).starts.due_at) == "2026-03-06 11:00"
            )
        with pytest.raises(NotYours):
            handling_decisions.resume(CITY, file.now, WATER, now)
        with pytest.raises(NotForThisRole):
            handling_decisions.resume(CITY, file.now, CLERK, now)

    def test_it_is_once_and_to_a_date_within_a_year(self) -> None:
        file, now = shared(), at(MORNING)
        for until in (None, now, now - timedelta(days=1), now + timedelta(days=367)):
            with pytest.raises(BadDate):
                handling_decisions.apply(file.now, NORTH, Wish.SUSPENSION, "frost", now, until)
        year = now + timedelta(days=366)
        assert handling_decisions.apply(file.now, NORTH, Wish.SUSPENSION, "frost", now, year).until == year
        again = self.suspended()
        resumed = handling_decisions.resume(CITY, again.now, LEADER, at("2026-03-06 08:00"))
        again.add(resumed, at("2026-03-06 08:00"), "lea")
        with pytest.raises(NoMore):
            handling_decisions.apply(again.now, NORTH, Wish.SUSPENSION, "frost", now, year)

    def test_a_date_that_came_before_it_was_granted_is_none(self) -> None:
        file, now = shared(), at("2026-03-05 09:00")
        until = at("2026-03-05 10:00")
        file.add(handling_decisions.apply(file.now, NORTH, Wish.SUSPENSION, "frost", now, until), now, "n1")
        with pytest.raises(BadDate):
            handling_decisions.grant(CITY, file.now, DISPATCHER, at("2026-03-05 10:00"))

    def test_it_cannot_be_handled_while_it_is_suspended_and_can_be_cancelled(self) -> None:
        file = self.suspended()
        with pytest.raises(NotInThisStage):
            decisions.handle(CITY, file.now, NORTH, "done", at("2026-03-06 08:00"))
        over = file.add(decisions.cancel(file.now, LEADER, "a test"), at("2026-03-06 08:00"), "lea")
        assert (over.next_look, over.suspended_until, over.remaining_s) == (None, None, None)


class TestSupervision:
    def supervised(self) -> File:
        file = shared()
        fact = handling_decisions.supervise(
            CITY, file.now, SUPERVISOR, "the mayor asks", at("2026-03-05 09:00")
        )
        file.add(fact, at("2026-03-05 09:00"), "sup")
        return file

    def test_it_has_a_clock_beside_that_of_handling(self) -> None:
        now = self.supervised().now
        assert now.supervision is not None
        assert now.supervision.starts is not None
        assert (now.supervision.starts.clock, now.supervision.starts.limit) == ("supervision", "1wd")
        assert now.clock == now.handling
        assert now.supervisions == 1

    def test_its_warning_and_its_end_are_noticed_once(self) -> None:
        file, said = self.supervised(), []
        while file.now.next_look is not None and file.now.next_look < at("2026-03-09 08:00"):
            look = file.now.next_look
            for fact in noticing.notice(CITY, file.now, Around(), look):
                said.append((local(look), fact.clock, fact.threshold))  # type: ignore[attr-defined]
                file.add(fact, look, "system")
        assert said == [
            ("2026-03-05 11:12", "handling", "warning"),
            ("2026-03-05 12:00", "handling", "overdue"),
            ("2026-03-05 17:24", "supervision", "warning"),
            ("2026-03-06 09:00", "supervision", "overdue"),
        ]

    def test_it_has_to_be_answered_before_it_is_closed(self) -> None:
        file = self.supervised()
        with pytest.raises(AlreadySupervised):
            handling_decisions.supervise(CITY, file.now, LEADER, "me too", at("2026-03-05 09:10"))
        scene.handle(file, "2026-03-05 10:00")
        scene.check(file, "2026-03-05 10:10")
        with pytest.raises(SupervisionOpen):
            decisions.close(file.now, DISPATCHER)
        with pytest.raises(NotYours):
            handling_decisions.answer(file.now, WATER, "not our business")
        with pytest.raises(ReasonMissing):
            handling_decisions.answer(file.now, NORTH, "")
        file.add(handling_decisions.answer(file.now, NORTH, "repaired at ten"), at("2026-03-05 10:20"), "n1")
        assert file.now.supervision is None
        with pytest.raises(NotSupervised):
            handling_decisions.answer(file.now, NORTH, "once more")
        assert decisions.close(file.now, DISPATCHER)

    def test_where_nobody_has_it_the_desk_answers(self) -> None:
        file = self.supervised()
        scene.return_(file, "2026-03-05 10:00")
        assert handling_decisions.answer(file.now, DISPATCHER, "it goes to the lamps").answer
        with pytest.raises(NotForThisRole):
            handling_decisions.answer(file.now, NORTH, "not ours")


def test_an_enforcement_names_measure_law_and_document_and_only_refers_to_whom() -> None:
    file = shared()
    fact = handling_decisions.enforce(file.now, NORTH, " fine of 200 ", "§ 12", "2026-17", "w9")
    assert (fact.measure, fact.legal_basis, fact.document, fact.words) == (
        "fine of 200",
        "§ 12",
        "2026-17",
        "w9",
    )
    assert file.add(fact, at(MORNING), "n1").enforcements == 1
    for blank in (("", "l", "d"), ("m", " ", "d"), ("m", "l", "\t")):
        with pytest.raises(ReasonMissing):
            handling_decisions.enforce(file.now, NORTH, *blank, "w9")
