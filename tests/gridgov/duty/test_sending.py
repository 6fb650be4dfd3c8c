"""Who is sent to look, through the writer: the one on duty there, the next when they do not go, the nearest."""

from datetime import timedelta

import pytest

from dispatch.errors import DispatchError, NoTask
from dispatch.lifecycle import Act, Role
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.scope import Assignment
from tests.gridgov import scene
from tests.gridgov.duty import shifts
from tests.gridgov.duty.shifts import N, act, asked_to_look, put, says, told


@pytest.fixture
def three(service):
    """A third inspector of the whole district, and the town's service."""
    held = Assignment("as-third", Role.INSPECTOR, ("D",), None, scene.LONG_AGO)
    service.writer.run(accounts.add(Person("third", "third", "Third", (held,)), "x"))
    return service


def test_the_one_on_duty_in_the_grid_is_sent(service) -> None:
    put(service, "inspector_n", "N1")
    put(service, "inspector_s", "S1")
    says(service, "inspector_s", "N1")
    task = shifts.now(service, asked_to_look(service)).task
    assert (task.person, task.state, task.because) == ("inspector_n", "offered", "on_duty")
    assert task.distance_m is None
    assert task.answer_by is not None


def test_the_deepest_grid_goes_first(three) -> None:
    put(three, "inspector", ("D",))
    put(three, "inspector_n", N)
    put(three, "third", "N2")
    assert shifts.now(three, asked_to_look(three, "N1")).task.person == "inspector_n"
    assert shifts.now(three, asked_to_look(three, "N2")).task.person == "third"
    assert shifts.now(three, asked_to_look(three, "S1")).task.person == "inspector"


def test_nobody_there_so_the_nearest_goes(three) -> None:
    """S1 and S2 lie side by side; whose place is not known comes last."""
    put(three, "inspector", "N1")
    put(three, "inspector_n", "N2")
    put(three, "third", "S2")
    says(three, "inspector_n", "N2")
    says(three, "third", "S1", east=0.004)
    task = shifts.now(three, asked_to_look(three, "S1")).task
    assert (task.person, task.because) == ("third", "nearest")
    # 0.004 degrees of longitude at 22.505 north.
    assert task.distance_m == pytest.approx(411.6, abs=1)


def test_declining_sends_the_next_and_then_nobody_is_left(service) -> None:
    put(service, "inspector_n", "N1")
    put(service, "inspector", ("D",))
    id_ = asked_to_look(service)
    after = act(service, "inspector_n", Act.DECLINE_TASK, id_, reason="在医院")
    assert (after.task.person, after.passed_over) == ("inspector", ("inspector_n",))
    after = act(service, "inspector", Act.DECLINE_TASK, id_, reason="太远")
    assert (after.task.person, after.task.state) == (None, "unassigned")
    assert told(service, id_) == [
        ("task", "system", "inspector_n"),
        ("decline_task", "inspector_n", None),
        ("task", "system", "inspector"),
        ("decline_task", "inspector", None),
    ]
    after = act(service, "leader", Act.TASK, id_, person="inspector_n")
    assert (after.task.person, after.task.because) == ("inspector_n", "chosen")


def test_declining_says_why(service) -> None:
    put(service, "inspector_n", "N1")
    id_ = asked_to_look(service)
    with pytest.raises(DispatchError, match="reason"):
        act(service, "inspector_n", Act.DECLINE_TASK, id_)


def test_only_who_is_asked_answers(service) -> None:
    put(service, "inspector_n", "N1")
    id_ = asked_to_look(service)
    with pytest.raises(NoTask):
        act(service, "inspector", Act.ACCEPT_TASK, id_)
    assert act(service, "inspector_n", Act.ACCEPT_TASK, id_).task.state == "accepted"


def test_who_does_not_answer_is_passed_over(service) -> None:
    """The sweeper looks when the time to answer is over; an accepted task does not run out."""
    put(service, "inspector_n", "N1")
    put(service, "inspector", ("D",))
    id_ = asked_to_look(service)
    answer_by = shifts.now(service, id_).task.answer_by
    service.clock.now = answer_by + timedelta(seconds=1)
    service.sweeper.sweep()
    after = shifts.now(service, id_)
    assert (after.task.person, after.passed_over) == ("inspector", ("inspector_n",))
    assert told(service, id_)[1:] == [
        ("expire_task", "system", "inspector_n"),
        ("task", "system", "inspector"),
    ]
    act(service, "inspector", Act.ACCEPT_TASK, id_)
    service.clock.now += timedelta(hours=2)
    service.sweeper.sweep()
    assert shifts.now(service, id_).task.person == "inspector"


def test_nobody_on_duty_anywhere_no_task(service) -> None:
    """Without a rota any inspector of the grid may verify, as they always could."""
    id_ = asked_to_look(service)
    assert told(service, id_) == []
    assert shifts.now(service, id_).task is None
    assert act(service, "inspector_n", Act.VERIFY, id_, found=True, photos=("a" * 64,)).stage == "intake"


def test_a_stand_in_is_sent_in_the_others_place(service) -> None:
    put(service, "inspector_n", "N1", None, 8)
    put(service, "inspector", "N1", None, 2, for_="inspector_n")
    task = shifts.entries(service, asked_to_look(service))[-1].fact
    assert (task.person, task.stand_in_for, task.because) == ("inspector", "inspector_n", "on_duty")
    service.clock.now = shifts.hours(3)
    assert shifts.now(service, asked_to_look(service)).task.person == "inspector_n"


def test_a_shift_leader_leads_and_is_not_sent_unless_standing_in(service) -> None:
    put(service, "leader", "N1")
    assert shifts.now(service, asked_to_look(service)).task is None
    service.clock.now = shifts.hours(9)
    put(service, "inspector_n", "N1", None, 20)
    put(service, "leader", "N1", None, 20, for_="inspector_n")
    assert shifts.now(service, asked_to_look(service)).task.person == "leader"


def test_what_lies_nowhere_is_nobodys_way(service) -> None:
    put(service, "inspector_n", "N1")
    assert shifts.now(service, asked_to_look(service, None)).task is None


def test_duty_that_has_ended_sends_nobody(service) -> None:
    put(service, "inspector_n", "N1", None, 1)
    service.clock.now = shifts.hours(1)
    assert shifts.now(service, asked_to_look(service)).task is None


def test_who_is_no_inspector_any_more_is_not_sent(service) -> None:
    put(service, "inspector_n", "N1")
    put(service, "inspector", "N2")
    service.writer.run(accounts.end_assignment("inspector_n", "as-inspector_n"))
    assert shifts.now(service, asked_to_look(service)).task.person == "inspector"
    service.writer.run(accounts.deactivate("inspector"))
    assert shifts.now(service, asked_to_look(service)).task is None


def test_after_handling_the_check_is_a_task_too_and_goes_to_the_grids_own(service) -> None:
    put(service, "inspector_n", "N1")
    id_ = shifts.report(service)
    act(service, "clerk", Act.FILE, id_)
    act(service, "dispatcher", Act.DISPATCH, id_)
    after = act(service, "water", Act.HANDLE, id_, reason="已修复")
    assert (after.task.kind, after.task.person) == ("check", "inspector_n")
    after = act(service, "inspector_n", Act.CHECK, id_, passed=True)
    assert after.task is None


def test_whoever_is_sent_to_another_grid_is_its_inspector(service) -> None:
    """inspector_s has no assignment in N: the task is what lets them verify there."""
    put(service, "inspector_s", "S1")
    id_ = asked_to_look(service, "N1")
    assert shifts.now(service, id_).task.person == "inspector_s"
    after = act(service, "inspector_s", Act.VERIFY, id_, found=False, reason="没看到")
    assert after.stage == "intake"
