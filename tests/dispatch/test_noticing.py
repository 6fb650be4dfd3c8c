"""Clocks that turn yellow and red, each said once; and the ladder that is climbed when nobody answers."""

from dataclasses import replace

import pytest

from dispatch import decisions, noticing
from dispatch.actors import Actor
from dispatch.building import Handover
from dispatch.clocks import Clock, StageLimit
from dispatch.deadlines import Limit
from dispatch.entries import Dispatched, Escalated, Noticed
from dispatch.errors import NotAsked, NotEscalated, NotRunning, ReasonMissing
from dispatch.escalation import Ladder, Step
from dispatch.incidents import fold
from dispatch.lifecycle import Act, Role
from dispatch.noticing import Around
from dispatch.permissions import open_to
from dispatch.rules import Rules
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, HANDLER, LEADER, TRAY, File
from tests.dispatch.strategies import LAMP, at, local, rules

LEVELS = ("district", "street", "community")
WITHIN = StageLimit(Limit.parse("30em"))
LADDER = Ladder(
    tuple(Step(level, frozenset({Role.SHIFT_LEADER, Role.MANAGER}), WITHIN) for level in reversed(LEVELS))
)
CITY: Rules = replace(rules(), ladder=LADDER)
MANAGER = Actor("man", frozenset({Role.MANAGER}))


def look(file: File, when: str, city: Rules = CITY, levels: tuple[str, ...] = LEVELS) -> list[str]:
    """Everything that is said at a moment, as an attentive sweeper says it."""
    said = []
    while file.now.next_look is not None and file.now.next_look <= at(when):
        for fact in noticing.notice(city, file.now, Around(levels), at(when)):
            file.add(fact, at(when), "system")
            said.append(f"{fact.clock} {fact.threshold}" if isinstance(fact, Noticed) else told(fact))
    return said


def told(fact: object) -> str:
    if isinstance(fact, Dispatched):
        return f"{fact.rule} {fact.department}"
    assert isinstance(fact, Escalated)
    return f"{fact.step} {fact.level} {fact.cause}"


def test_yellow_at_eighty_percent_and_red_at_the_end_each_once() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")  # 4wh: yellow at 11:12, red at 12:00
    table = [(when, look(file, f"2026-03-05 {when}", rules())) for when in ("11:11", "11:12", "11:59")]
    table += [(when, look(file, f"2026-03-05 {when}", rules())) for when in ("12:00", "12:01", "17:00")]
    assert table == [
        ("11:11", []),
        ("11:12", ["handling warning"]),
        ("11:59", []),
        ("12:00", ["handling overdue"]),
        ("12:01", []),
        ("17:00", []),
    ]


def test_who_looks_late_says_only_that_it_is_overdue() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 16:00", rules()) == ["intake overdue"]


def test_every_stage_has_its_clock_and_says_which() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    ends = [file.now]
    file.add(decisions.ask(rules(), file.now, CLERK, at("2026-03-05 09:10")), at("2026-03-05 09:10"))
    ends.append(file.now)
    found = decisions.verify(rules(), file.now, scene.INSPECTOR, True, at("2026-03-05 09:20"))
    file.add(found, at("2026-03-05 09:20"))
    ends.append(file.now)
    file.add(decisions.file(rules(), file.now, CLERK, (), at("2026-03-05 09:30")), at("2026-03-05 09:30"))
    ends.append(file.now)
    ends.append(scene.dispatch(file, "2026-03-05 09:40"))
    ends.append(scene.return_(file, "2026-03-05 10:00"))
    ends.append(scene.dispatch(file, "2026-03-05 10:10"))
    ends.append(scene.handle(file, "2026-03-05 11:00"))
    ends.append(scene.check(file, "2026-03-05 11:10", passed=False))
    ends.append(scene.handle(file, "2026-03-05 11:20"))
    ends.append(scene.check(file, "2026-03-05 11:30"))
    clocks = [one.clock for one in ends]
    assert [c and (c.clock, c.run, c.limit, local(c.due_at)[11:]) for c in clocks] == [
        ("intake", 1, "15wm", "09:15"),
        ("verify", 2, "30wm", "09:40"),
        ("intake", 3, "15wm", "09:35"),
        ("dispatch", 4, "15wm", "09:45"),
        ("handling", 5, "4wh", "15:40"),
        ("dispatch", 6, "15wm", "10:15"),
        ("handling", 5, "4wh", "15:50"),  # the same run: it was paused for ten minutes
        ("check", 8, "30wm", "11:30"),
        ("handling", 5, "4wh", "15:50"),  # the check failed: the clock of handling went on
        ("check", 10, "30wm", "11:50"),
        ("closing", 11, "30wm", "12:00"),
    ]
    ended = file.add(decisions.close(file.now, DISPATCHER), at("2026-03-05 11:40"), "dis")
    assert (ended.clock, ended.clock_started_at) == (None, None)


def test_a_run_that_goes_on_is_not_warned_of_again_and_a_fresh_one_is() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    assert look(file, "2026-03-05 11:30", rules()) == ["handling warning"]
    scene.return_(file, "2026-03-05 11:30")
    scene.dispatch(file, "2026-03-05 11:30")
    assert look(file, "2026-03-05 11:45", rules()) == []
    scene.return_(file, "2026-03-05 11:45")
    scene.dispatch(file, "2026-03-05 11:45", "lamps")
    assert look(file, "2026-03-05 17:30", rules()) == ["handling warning"]
    assert look(file, "2026-03-05 18:00", rules()) == ["handling overdue"]


def test_a_paused_clock_says_nothing() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    scene.return_(file, "2026-03-05 08:01")
    assert look(file, "2026-03-05 08:16", rules()) == ["dispatch overdue", "fallback desk"]
    assert (file.now.stage, file.now.due_at) == ("handling", at("2026-03-05 14:16"))


def test_what_was_returned_and_nobody_dispatched_goes_to_whose_ground_it_is() -> None:
    ground = (("district", "desk"), ("street", "north"), ("community", "no department"))
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00", to="lamps")
    scene.return_(file, "2026-03-05 09:00")
    around = Around(LEVELS, ground)
    warned, taken = (noticing.notice(CITY, file.now, around, at(f"2026-03-05 09:{m}")) for m in (12, 15))
    assert [fact.act for fact in warned] == [Act.NOTICE]
    assert [fact.act for fact in taken] == [Act.NOTICE, Act.DISPATCH]
    for fact in taken:
        file.add(fact, at("2026-03-05 09:15"), "system")
    now = file.now
    assert (now.lead, now.rule, now.limit, now.undoable) == ("north", "territorial", "4wh", False)
    assert now.handovers == (Handover("lamps", "north", at("2026-03-05 09:00"), at("2026-03-05 09:15")),)
    first = scene.filed(LAMP.key, "2026-03-05 08:00")
    assert look(first, "2026-03-05 18:00") == ["dispatch overdue", "1 community overdue"]  # never returned


def test_imported_history_is_not_looked_at_until_it_is_adopted() -> None:
    file = scene.imported()
    assert file.now.next_look is None
    with pytest.raises(NotRunning):
        noticing.notice(CITY, file.now, Around(LEVELS), at("2026-03-05 10:00"))
    file.add(decisions.adopt(CITY, file.now, LEADER, (), at("2026-03-05 10:00")), at("2026-03-05 10:00"))
    assert look(file, "2026-03-05 10:12", rules()) == ["intake warning"]


def test_nothing_is_said_early_or_after_the_end() -> None:
    with pytest.raises(NotRunning):
        noticing.notice(CITY, scene.reported().now, Around(LEVELS), at("2026-03-05 09:00"))
    with pytest.raises(NotRunning):
        noticing.notice(CITY, scene.closed().now, Around(LEVELS), at("2027-03-05 09:00"))


def test_nobody_answers_and_the_ladder_is_climbed() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 09:12") == ["intake warning"]
    assert look(file, "2026-03-05 09:15") == ["intake overdue", "1 community overdue"]
    assert look(file, "2026-03-05 09:44") == []
    assert look(file, "2026-03-05 09:45") == ["2 street unanswered"]
    assert look(file, "2026-03-05 10:15") == ["3 district unanswered"]
    assert look(file, "2026-03-06 10:15") == []
    assert file.now.next_look is None
    assert file.now.escalated is not None
    assert file.now.escalated.answer_by is None


def test_who_takes_it_up_ends_the_climb() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    look(file, "2026-03-05 09:15")
    assert Act.ACKNOWLEDGE in open_to(file.now, MANAGER, at("2026-03-05 12:00"))
    taken = file.add(noticing.acknowledge(file.now, MANAGER, " on it "), at("2026-03-05 09:20"), "man")
    assert (taken.answered_by, taken.next_look) == ("man", None)
    assert Act.ACKNOWLEDGE not in open_to(taken, MANAGER, at("2026-03-05 12:00"))
    with pytest.raises(NotEscalated):
        noticing.acknowledge(taken, MANAGER)


def test_who_cannot_settle_it_passes_it_on_with_a_reason() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    look(file, "2026-03-05 09:15")
    with pytest.raises(ReasonMissing):
        noticing.pass_on(CITY, file.now, LEADER, "", at("2026-03-05 09:20"))
    for when in ("2026-03-05 09:20", "2026-03-05 09:25"):
        for fact in noticing.pass_on(CITY, file.now, LEADER, "too big for us", at(when)):
            file.add(fact, at(when), "lea")
    assert file.now.escalated is not None
    assert told(file.now.escalated) == "3 district passed_on"
    with pytest.raises(NotEscalated, match="district is the last step"):
        noticing.pass_on(CITY, file.now, LEADER, "too big for us", at("2026-03-05 09:30"))


def test_only_those_who_were_asked_answer() -> None:
    file = scene.reported(when="2026-03-05 09:00")
    supervisor = Actor("sup", frozenset({Role.SUPERVISOR}))
    with pytest.raises(NotEscalated):
        noticing.acknowledge(file.now, LEADER)
    look(file, "2026-03-05 09:15")
    for other, is_there in ((supervisor, "supervisor"), (HANDLER, "handler")):
        with pytest.raises(NotAsked, match=f"manager or shift_leader for the community; .* {is_there}"):
            noticing.acknowledge(file.now, other)


def test_when_the_clock_ends_nobody_is_asked_any_more() -> None:
    file = scene.filed(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 09:16") == ["dispatch overdue", "1 community overdue"]
    done = scene.dispatch(file, "2026-03-05 09:20")
    assert (done.escalated, done.answered_by) == (None, None)
    assert Act.ACKNOWLEDGE not in open_to(done, LEADER, at("2026-03-05 12:00"))
    assert look(file, "2026-03-05 10:30") == []


def test_handling_that_stops_and_goes_on_is_asked_about_as_before() -> None:
    """Its end was noticed once and is not again: saying "done" or "not ours" would end the climb for good."""
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    assert look(file, "2026-03-05 12:00") == ["handling overdue", "1 community overdue"]
    stopped = scene.handle(file, "2026-03-05 12:10")
    assert stopped.escalated is None
    assert Act.ACKNOWLEDGE not in open_to(stopped, LEADER, at("2026-03-05 12:00"))
    assert scene.check(file, "2026-03-05 12:20", passed=False).escalated is not None
    assert look(file, "2026-03-05 12:29") == []
    assert look(file, "2026-03-05 12:30") == ["2 street unanswered"]
    scene.return_(file, "2026-03-05 14:00")
    assert look(file, "2026-03-05 14:14") == ["dispatch warning"]
    scene.dispatch(file, "2026-03-05 14:20")
    assert look(file, "2026-03-05 14:20") == ["3 district unanswered"]
    assert fold(file.entries) == file.now


def test_what_was_taken_up_stays_so_when_handling_goes_on() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    look(file, "2026-03-05 12:00")
    file.add(noticing.acknowledge(file.now, MANAGER), at("2026-03-05 12:05"), "man")
    assert scene.handle(file, "2026-03-05 12:10").answered_by is None
    assert scene.check(file, "2026-03-05 12:20", passed=False).answered_by == "man"
    assert look(file, "2026-03-09 18:00") == []


def test_another_department_is_not_asked_about_for_the_one_before() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 08:00")
    look(file, "2026-03-05 12:00")
    scene.return_(file, "2026-03-05 12:10")
    other = scene.dispatch(file, "2026-03-05 12:15", "lamps")
    assert (other.escalated, other.set_aside) == (None, None)
    assert look(file, "2026-03-05 18:00") == ["handling overdue", "1 community overdue"]


#: Where the place lies, and which step is asked first.
FIRST = [
    (("district", "street", "community"), "1 community overdue"),
    (("district", "street"), "2 street overdue"),
    (("district",), "3 district overdue"),
    ((), "3 district overdue"),
]


@pytest.mark.parametrize(("levels", "first"), FIRST)
def test_the_first_step_is_the_nearest_that_the_place_has(levels: tuple[str, ...], first: str) -> None:
    file = scene.reported(place=TRAY)
    assert look(file, "2026-03-05 09:20", levels=levels) == ["intake overdue", first]


def test_a_ladder_may_be_for_some_clocks_alone() -> None:
    city = replace(CITY, ladder=replace(LADDER, clocks=frozenset({Clock.HANDLING})))
    file = scene.reported(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 09:20", city) == ["intake overdue"]
    file.add(decisions.file(city, file.now, CLERK, (), at("2026-03-05 09:20")), at("2026-03-05 09:20"))
    file.add(decisions.dispatch(city, file.now, DISPATCHER, at("2026-03-05 09:20")), at("2026-03-05 09:20"))
    assert look(file, "2026-03-05 18:00", city) == ["handling overdue", "1 community overdue"]


def test_it_is_said_that_something_is_overdue_where_the_time_to_answer_has_no_end() -> None:
    endless = StageLimit(Limit.parse("9999wd"))
    city = replace(CITY, ladder=Ladder(tuple(replace(step, answer_within=endless) for step in LADDER.steps)))
    file = scene.reported(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 16:00", city) == ["intake overdue", "1 community overdue"]
    assert file.now.next_look is None
    assert file.now.escalated is not None


#: How many steps the ladder has left when nobody at its second answered, and who is asked then, for good.
CUT_SHORT = [(3, "3 district unanswered"), (2, "2 street unanswered"), (1, "1 community unanswered")]


@pytest.mark.parametrize(("steps", "last"), [*CUT_SHORT, (0, "2 street unanswered")])
def test_a_ladder_cut_short_ends_where_it_ends(steps: int, last: str) -> None:
    file = scene.reported(when="2026-03-05 09:00")
    assert look(file, "2026-03-05 09:15")[-1] == "1 community overdue"
    assert look(file, "2026-03-05 09:45") == ["2 street unanswered"]
    city = replace(CITY, ladder=Ladder(LADDER.steps[:steps]))
    assert look(file, "2026-03-05 10:15", city) == [last]
    assert file.now.next_look is None
    assert Act.ACKNOWLEDGE in open_to(file.now, MANAGER, at("2026-03-05 12:00"))
