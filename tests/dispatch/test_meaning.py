"""What changes the meaning of an act made without network, drawn as a table, and as laws over any history."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import decisions, ending_decisions, handling_decisions
from dispatch.actors import Actor
from dispatch.bodies import KINDS
from dispatch.correcting import Wanted, correct
from dispatch.ending_facts import TakenBack
from dispatch.entries import SYSTEM, Attached, Entry, Escalated, Fact, Noted, Noticed, Relocated, Reported
from dispatch.handling_facts import Granted, Resumed, Wish
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import STEPS, TRANSITIONS, Act, Role
from dispatch.meaning import _TOLD, ASPECT_ZH, MATTERS, Aspect, Change, changes
from dispatch.task_facts import TaskAccepted, Tasked, TaskExpired
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, INSPECTOR, LEADER, File
from tests.dispatch.strategies import FACTS, NOISE, at, codes, moments, rules, units

CITY = rules()
SUPERVISOR = Actor("sup", frozenset({Role.SUPERVISOR}))
T = "2026-03-05 09:00"
NOON = "2026-03-05 11:00"
LATER = "2026-03-12 12:00"

# -- the table -------------------------------------------------------------------------------------

Story = Callable[[File], object]


def verifying() -> File:
    file = scene.reported()
    file.add(decisions.ask(CITY, file.now, CLERK, at(T), "where exactly?"), at(T), "clk")
    return file


def checking() -> File:
    file = scene.dispatched()
    scene.handle(file, NOON)
    return file


def done_again(file: File) -> None:
    scene.check(file, NOON, passed=False)
    scene.handle(file, NOON)


def sent_back(to: str | None) -> Story:
    def story(file: File) -> None:
        scene.return_(file, NOON)
        scene.dispatch(file, NOON, to)

    return story


def applied(wish: Wish) -> Story:
    until = at("2026-04-01 09:00") if wish is Wish.SUSPENSION else None

    def story(file: File) -> None:
        by = scene.handler_of(file)
        fact = handling_decisions.apply(file.now, by, wish, "no parts", at(T), until)
        file.add(fact, at(T), "han")

    return story


def granted(wish: Wish) -> Story:
    def story(file: File) -> None:
        applied(wish)(file)
        file.add(handling_decisions.grant(CITY, file.now, DISPATCHER, at(T)), at(T), "dis")

    return story


def suspended_and_resumed(file: File) -> None:
    granted(Wish.SUSPENSION)(file)
    fact = handling_decisions.resume(CITY, file.now, DISPATCHER, at(NOON), "parts came")
    file.add(fact, at(NOON), "dis")


def became_noise(file: File) -> None:
    """Put right to something that the same department handles."""
    now = file.now
    wanted = Wanted(urgency="urgent")
    fact = correct(CITY, now, DISPATCHER, wanted, units(now.place.path), (), "it hums", at(T))
    assert not fact.elsewhere
    file.add(replace(fact, category=NOISE.key, urgency=now.urgency), at(T), "dis")


def handed_to_somebody(file: File) -> None:
    by = scene.handler_of(file)
    file.add(handling_decisions.assign(CITY, file.now, by, None, "wang", True), at(T), "han")


def with_a_co_handler(file: File) -> None:
    file.add(handling_decisions.involve(CITY, file.now, DISPATCHER, ("water",)), at(T), "dis")


def supervised(file: File) -> None:
    file.add(handling_decisions.supervise(CITY, file.now, SUPERVISOR, "a hospital", at(T)), at(T), "sup")


def joined(file: File) -> None:
    other = replace(scene.reported().now, id="case-2")
    file.add(ending_decisions.join(file.now, CLERK, other, "the same lamp")[0], at(T), "clk")


def placed(file: File) -> None:
    where = replace(scene.NORTH, path=("44", "02"), raw_lon=114.0, raw_lat=22.4, datum="wgs84")
    fact = decisions.place(CITY, file.now, CLERK, where, units(where.path), at(T))
    file.add(fact, at(T), "clk")


def filed(file: File) -> None:
    file.add(decisions.file(CITY, file.now, CLERK, units(file.now.place.path), at(T)), at(T), "clk")


def looked_at(file: File) -> None:
    file.add(decisions.verify(CITY, file.now, INSPECTOR, False, at(T), "no lamp here"), at(T), "ins")
    assert file.now.stage == "intake"


def asked_and_looked_at(file: File) -> None:
    file.add(decisions.ask(CITY, file.now, CLERK, at(T), "where exactly?"), at(T), "clk")
    looked_at(file)


def looked_at_and_asked_again(file: File) -> None:
    looked_at(file)
    file.add(decisions.ask(CITY, file.now, CLERK, at(NOON), "look once more"), at(NOON), "clk")


def sent_somebody(file: File) -> None:
    file.add(Tasked("verify", "on_duty", "ins"), at(T), SYSTEM)


def who_was_sent_goes(file: File) -> None:
    sent_somebody(file)
    file.add(TaskAccepted(), at(T), "ins")


def appealed(file: File) -> None:
    by = replace(scene.handler_of(file), departments=frozenset({file.now.lead or ""}))
    file.add(ending_decisions.appeal(file.now, by, "the road was closed"), at(LATER), "han")


def rung_back(file: File) -> None:
    file.add(ending_decisions.call_back(file.now, CLERK, True, False, False, None), at(NOON), "clk")


def over_once_more(file: File) -> None:
    later = "2026-03-06 11:00"
    file.add(decisions.reopen(CITY, file.now, LEADER, "dark again", at(NOON)), at(NOON), "lea")
    scene.dispatch(file, NOON)
    scene.handle(file, later)
    scene.check(file, later)
    file.add(decisions.close(file.now, DISPATCHER), at(later), "dis")


def handled_and_taken_back(file: File) -> None:
    scene.handle(file, NOON)
    fact = ending_decisions.take_back(file.now, replace(scene.HANDLER, person="han"), at(NOON), "too early")
    file.add(fact, at(NOON), "han")


S, R, D = Aspect.STAGE, Aspect.ROUND, Aspect.DEPARTMENT
TABLE: list[tuple[Callable[[], File], Story, Act, set[Aspect]]] = [
    # A check of the first handling is none of the second.
    (checking, done_again, Act.CHECK, {R}),
    (checking, lambda file: scene.check(file, NOON), Act.CHECK, {S}),
    (checking, supervised, Act.CHECK, set()),
    (
        scene.dispatched,
        lambda file: (scene.handle(file, NOON), scene.check(file, NOON, False)),
        Act.HANDLE,
        {R},
    ),
    (scene.dispatched, lambda file: scene.handle(file, NOON), Act.HANDLE, {S}),
    (scene.dispatched, handled_and_taken_back, Act.HANDLE, set()),
    (scene.dispatched, sent_back(None), Act.HANDLE, {R}),
    (scene.dispatched, sent_back("water"), Act.HANDLE, {R, D}),
    (scene.dispatched, became_noise, Act.HANDLE, {Aspect.CATEGORY}),
    (scene.dispatched, became_noise, Act.REPORT_PART, {Aspect.CATEGORY}),
    (scene.dispatched, became_noise, Act.ENFORCE, {Aspect.CATEGORY}),
    (scene.dispatched, became_noise, Act.APPLY, set()),
    (scene.dispatched, handed_to_somebody, Act.HANDLE, set()),
    (scene.dispatched, handed_to_somebody, Act.ASSIGN, {Aspect.HOLDERS}),
    (scene.dispatched, with_a_co_handler, Act.HANDLE, set()),
    (scene.dispatched, with_a_co_handler, Act.ACCEPT, {Aspect.CO_HANDLERS}),
    (scene.dispatched, with_a_co_handler, Act.INVOLVE, {Aspect.CO_HANDLERS, Aspect.PARTS}),
    # More time is granted once, and does not change what is to be done.
    (scene.dispatched, applied(Wish.EXTENSION), Act.GRANT, {Aspect.APPLICATION}),
    (scene.dispatched, applied(Wish.EXTENSION), Act.APPLY, {Aspect.APPLICATION}),
    (scene.dispatched, granted(Wish.EXTENSION), Act.HANDLE, set()),
    (scene.dispatched, granted(Wish.EXTENSION), Act.APPLY, {Aspect.GRANTED}),
    (scene.dispatched, granted(Wish.SUSPENSION), Act.HANDLE, {S}),
    (scene.dispatched, suspended_and_resumed, Act.HANDLE, set()),
    (scene.dispatched, suspended_and_resumed, Act.APPLY, {Aspect.GRANTED}),
    (scene.dispatched, suspended_and_resumed, Act.RESUME, {Aspect.GRANTED}),
    (scene.dispatched, supervised, Act.ANSWER, {Aspect.SUPERVISION}),
    (scene.dispatched, supervised, Act.SUPERVISE, {Aspect.SUPERVISION}),
    (scene.dispatched, supervised, Act.HANDLE, set()),
    # A measure was taken, wherever it stands since.
    (scene.dispatched, lambda file: scene.handle(file, NOON), Act.ENFORCE, set()),
    (scene.dispatched, sent_back("water"), Act.ENFORCE, {D}),
    # At intake and before dispatch.
    (scene.reported, joined, Act.FILE, {S, Aspect.JOINED}),
    (scene.reported, placed, Act.FILE, {Aspect.PLACE, Aspect.POINT, D}),
    (scene.reported, placed, Act.PLACE, {Aspect.PLACE, Aspect.POINT}),
    (scene.reported, placed, Act.SELF_HANDLE, {Aspect.PLACE, Aspect.POINT}),
    (scene.reported, asked_and_looked_at, Act.FILE, {R}),
    (scene.filed, lambda file: scene.dispatch(file, T), Act.DISPATCH, {S}),
    (verifying, filed, Act.VERIFY, {S}),
    (verifying, looked_at, Act.VERIFY, {S}),
    (verifying, looked_at_and_asked_again, Act.VERIFY, {R}),
    (verifying, sent_somebody, Act.VERIFY, set()),
    (verifying, who_was_sent_goes, Act.VERIFY, set()),
    (verifying, who_was_sent_goes, Act.ACCEPT_TASK, {Aspect.TASK}),
    (verifying, sent_somebody, Act.TASK, {Aspect.TASK}),
    # After the end.
    (scene.closed_late, appealed, Act.DECIDE, {Aspect.APPEAL}),
    (scene.closed_late, appealed, Act.CALL_BACK, set()),
    (scene.closed, rung_back, Act.CALL_BACK, {Aspect.CALL_BACK}),
    (scene.closed, rung_back, Act.REOPEN, {Aspect.CALL_BACK}),
    (scene.closed_late, rung_back, Act.APPEAL, set()),
    (scene.closed, over_once_more, Act.CALL_BACK, {R}),
    (scene.closed, over_once_more, Act.NOTE, set()),
    (scene.closed, over_once_more, Act.ATTACH, set()),
    (scene.closed, rung_back, Act.TAKE_BACK, {Aspect.LAST}),
]


@pytest.mark.parametrize(("begun", "story", "act", "different"), TABLE)
def test_what_matters_for_which_act(
    begun: Callable[[], File], story: Story, act: Act, different: set[Aspect]
) -> None:
    file = begun()
    then = file.now
    story(file)
    assert {change.what for change in changes(then, file.now, act)} == different


def test_a_change_says_what_was_and_what_is() -> None:
    file = scene.dispatched()
    then = file.now
    sent_back("water")(file)
    told = {change.what: change for change in changes(then, file.now, Act.RETURN)}
    assert told[D] == Change(D, "north", "water")
    assert told[R].then == "handling/3, dispatched 1, returned 0, reworked 0, reopened 0"
    assert told[R].now == "handling/5, dispatched 2, returned 1, reworked 0, reopened 0"


def test_every_act_has_its_row_and_every_aspect_its_words() -> None:
    assert set(MATTERS) == set(Act)
    assert set(ASPECT_ZH) == set(_TOLD) == set(Aspect)
    assert frozenset().union(*MATTERS.values()) == set(Aspect)


def test_only_what_is_added_or_nobody_sends_means_the_same_in_every_stage() -> None:
    nobodys = {t.act for t in TRANSITIONS} - {t.act for t in TRANSITIONS if t.roles}
    begins = {t.act for t in TRANSITIONS if t.stage is None}
    everywhere = {act for act, matters in MATTERS.items() if not matters}
    assert everywhere == nobodys | begins | {Act.NOTE, Act.ATTACH}
    assert {act for act, matters in MATTERS.items() if S not in matters} == everywhere | {Act.ENFORCE}


# -- laws ------------------------------------------------------------------------------------------

BY_ACT = {kind.act: kind for kind in KINDS.values()}
#: Acts that are about what happens by itself: that it happened changes what they mean.
ABOUT_THESE = {Act.ACKNOWLEDGE, Act.PASS_ON, Act.TASK, Act.ACCEPT_TASK, Act.DECLINE_TASK, Act.TAKE_BACK}
ACTS = st.sampled_from(Act)


def possible(incident: Incident) -> list[tuple[Act, str]]:
    """What can follow, of which a fact can be made."""
    rows = [(act, outcome) for stage, act, outcome in STEPS if stage is incident.stage]
    sent = incident.task is not None and incident.task.person is not None
    on_task = (Act.ACCEPT_TASK, Act.DECLINE_TASK, Act.EXPIRE_TASK)
    before = incident.before
    return [
        (act, outcome)
        for act, outcome in rows
        if (sent or act not in on_task)
        and (act is not Act.TAKE_BACK or (before is not None and outcome == before.stage))
    ]


@st.composite
def following(draw: st.DrawFn, incident: Incident) -> Fact:
    """Any fact that can be the next one."""
    act, outcome = draw(st.sampled_from(possible(incident)))
    if act is Act.TAKE_BACK:
        return TakenBack(incident.last_number, incident.last_act, outcome)
    fact = draw(FACTS[BY_ACT[act]].filter(lambda made: made.outcome == outcome))
    if isinstance(fact, Granted) and fact.wish == Wish.EXTENSION and fact.starts is None:
        return replace(fact, starts=draw(FACTS[Resumed]).starts)  # type: ignore[attr-defined]
    return fact


def then_also(incident: Incident | None, fact: Fact, by: str = "somebody") -> Incident:
    number = 1 if incident is None else incident.number + 1
    moment = at(T) + timedelta(minutes=number)
    return extend(incident, [Entry("case-1", number, moment, moment, by, fact)])


@st.composite
def incidents(draw: st.DrawFn) -> list[Incident]:
    """An incident after each entry of some history."""
    states = [then_also(None, draw(FACTS[Reported]))]
    for _ in range(draw(st.integers(0, 8))):
        states.append(then_also(states[-1], draw(following(states[-1]))))
    return states


@st.composite
def aside(draw: st.DrawFn, incident: Incident) -> Fact | None:
    """Something that happens beside the acts of people; None where nothing of the kind can."""
    place = incident.place
    moved = replace(place, edition=draw(st.integers(1, 9)), lon=114.0, border_m=draw(st.floats(0, 99)))
    facts: list[Fact] = [
        Noticed(draw(codes), draw(st.integers(1, 9)), "warning", draw(moments)),
        Escalated(1, draw(codes), (), draw(codes), 1, "overdue"),
        Relocated(moved, 2, place.path, place.edition),
        Tasked("verify", "on_duty", draw(codes)),
    ]
    if incident.task is not None and incident.task.person is not None:
        facts.append(TaskExpired(incident.task.person))
    able = [fact for fact in facts if (incident.stage, fact.act, fact.outcome) in STEPS]
    return draw(st.sampled_from(able)) if able else None


@pytest.mark.slow
@given(incidents(), st.data())
def test_what_happens_beside_changes_nothing(states: list[Incident], data: st.DataObject) -> None:
    """Notices, escalations, boundaries drawn anew around the same grid, and tasks given by the system change
    no act but those that are about them.
    """
    then = now = states[-1]
    for _ in range(data.draw(st.integers(1, 4))):
        fact = data.draw(aside(now))
        if fact is not None:
            now = then_also(now, fact, SYSTEM)
    for act in set(Act) - ABOUT_THESE:
        assert changes(then, now, act) == ()


@pytest.mark.slow
@given(incidents(), st.data())
def test_a_remark_or_a_photo_changes_nothing(states: list[Incident], data: st.DataObject) -> None:
    """Whoever said more meanwhile, no act means another thing but taking back the last one."""
    then = states[-1]
    fact = data.draw(st.sampled_from([Noted("ref"), Attached(("photo",))]))
    if (then.stage, fact.act, "") in STEPS:
        for act in set(Act) - {Act.TAKE_BACK}:
            assert changes(then, then_also(then, fact), act) == ()


MOVING = {t.act for t in TRANSITIONS if t.roles and t.stage is not None and t.stage is not t.to}


@pytest.mark.slow
@given(incidents(), st.data())
def test_another_stage_is_another_meaning_for_what_moves_it(
    states: list[Incident], data: st.DataObject
) -> None:
    """then.stage != now.stage implies a change of stage, for every act that leads to another stage."""
    then, now = data.draw(st.sampled_from(states)), states[-1]
    for act in MOVING:
        told = {change.what for change in changes(then, now, act)}
        assert (S in told) == (then.stage is not now.stage)


@pytest.mark.slow
@given(incidents(), st.data(), ACTS)
def test_what_changed_changed_both_ways(states: list[Incident], data: st.DataObject, act: Act) -> None:
    """From now to then it is the same aspects with their values the other way round, each once, each one that
    matters for the act, none that is the same; from now to now there is none.
    """
    then, now = data.draw(st.sampled_from(states)), states[-1]
    there, back = changes(then, now, act), changes(now, then, act)
    assert back == tuple(Change(change.what, change.now, change.then) for change in there)
    assert all(change.then != change.now for change in there)
    assert {change.what for change in there} <= MATTERS[act]
    assert changes(now, now, act) == changes(then, then, act) == ()
    assert [change.what for change in there] == sorted(
        {change.what for change in there}, key=list(Aspect).index
    )
