"""The decisions, one by one: what each writes down, and what it refuses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch import decisions
from dispatch.actors import Actor
from dispatch.decisions import CLOCK_TOLERANCE
from dispatch.entries import Attached, Cancelled, Checked, Noted, Rejected, Route
from dispatch.errors import (
    BrokenHistory,
    DispatchError,
    NotForThisRole,
    NotInThisStage,
    NotYours,
    ReasonMissing,
    SamePerson,
    UnknownCategory,
    UnknownDepartment,
    UnknownUrgency,
)
from dispatch.lifecycle import Role, Stage
from dispatch.routing import FALLBACK, OWN, TERRITORIAL
from tests.dispatch import scene
from tests.dispatch.scene import (
    CLERK,
    DISPATCHER,
    HANDLER,
    INSPECTOR,
    LEADER,
    NORTH,
    TRAY,
    draft,
)
from tests.dispatch.strategies import COVER, LAMP, NOISE, RUBBISH, at, local, rules, units

NOW = at("2026-03-05 09:00")
#: The territorial units of the north.
HERE = units(NORTH.path)


def test_a_report_is_routed_and_says_by_which_rules() -> None:
    fact = decisions.report(rules(7), draft("manhole", photos=("p1",), words="w1"), INSPECTOR, "N-1", NOW)
    assert (fact.category, fact.urgency, fact.rules) == (COVER.key, "critical", 7)
    assert fact.route == Route("water", OWN, "no rule: 井盖缺失 usually goes to 水务局")
    assert (fact.photos, fact.words, fact.case_number) == (("p1",), "w1", "N-1")
    assert fact.clock_ahead_s is None


def test_a_report_outside_every_grid_is_kept_with_the_desk() -> None:
    fact = decisions.report(rules(), draft(NOISE.key, TRAY), INSPECTOR, "N-1", NOW)
    assert (fact.place, fact.route.department, fact.route.rule) == (TRAY, "desk", FALLBACK)


def test_the_reporter_may_raise_the_urgency() -> None:
    assert decisions.report(rules(), draft(urgency="urgent"), INSPECTOR, "N-1", NOW).urgency == "urgent"
    assert decisions.report(rules(), draft(), INSPECTOR, "N-1", NOW).urgency == "ordinary"
    with pytest.raises(UnknownUrgency, match="'at once': write ordinary, urgent, critical"):
        decisions.report(rules(), draft(urgency="at once"), INSPECTOR, "N-1", NOW)


@pytest.mark.parametrize("ahead", [timedelta(0), CLOCK_TOLERANCE, -timedelta(days=2)])
def test_a_clock_that_is_right_or_behind_is_not_marked(ahead: timedelta) -> None:
    sent = draft(happened_at=NOW + ahead)
    assert decisions.report(rules(), sent, INSPECTOR, "N-1", NOW).clock_ahead_s is None


def test_a_clock_that_runs_ahead_is_marked() -> None:
    sent = draft(happened_at=NOW + CLOCK_TOLERANCE + timedelta(seconds=1))
    assert decisions.report(rules(), sent, INSPECTOR, "N-1", NOW).clock_ahead_s == 121.0


def test_a_report_is_refused_for_a_wrong_category_or_role() -> None:
    with pytest.raises(UnknownCategory):
        decisions.report(rules(), draft("lamp"), INSPECTOR, "N-1", NOW)
    with pytest.raises(NotForThisRole):
        decisions.report(rules(), draft(), HANDLER, "N-1", NOW)


def test_placing_locates_and_routes_again() -> None:
    file = scene.reported(NOISE.key, place=TRAY)
    fact = decisions.place(rules(2), file.now, CLERK, NORTH, HERE, NOW)
    assert (fact.place, fact.route.department, fact.route.rule, fact.rules) == (
        NORTH,
        "north",
        TERRITORIAL,
        2,
    )


def test_filing_keeps_category_and_urgency_unless_corrected() -> None:
    file = scene.File()
    file.add(decisions.report(rules(), draft(urgency="urgent"), INSPECTOR, "N-1", NOW), NOW)
    same = decisions.file(rules(), file.now, CLERK, HERE, NOW)
    assert (same.category, same.urgency, same.route.department) == (LAMP.key, "urgent", "north")
    other = decisions.file(rules(), file.now, CLERK, HERE, NOW, category="manhole")
    assert (other.category, other.urgency, other.route.department) == (COVER.key, "critical", "water")
    raised = decisions.file(rules(), file.now, CLERK, HERE, NOW, category=RUBBISH.key, urgency="urgent")
    assert (raised.category, raised.urgency) == (RUBBISH.key, "urgent")
    same_again = decisions.file(rules(), file.now, CLERK, HERE, NOW, category=LAMP.key)
    assert (same_again.category, same_again.urgency) == (LAMP.key, "urgent")
    with pytest.raises(UnknownUrgency):
        decisions.file(rules(), file.now, CLERK, HERE, NOW, urgency="soon")


#: category, when it is dispatched (2026-03-05), the limit, when it is due.
LIMITS = [
    (COVER, "2026-03-05 23:30", "2eh", "2026-03-06 01:30"),
    (LAMP, "2026-03-05 16:00", "4wh", "2026-03-06 10:00"),
    (RUBBISH, "2026-03-05 17:55", "2wd", "2026-03-09 17:55"),
    (NOISE, "2026-03-05 17:55", "3ed", "2026-03-08 17:55"),
]


@pytest.mark.parametrize(("category", "when", "limit", "ends"), LIMITS)
def test_a_dispatch_starts_the_categorys_limit(category: object, when: str, limit: str, ends: str) -> None:
    file = scene.filed(category.key, when)  # type: ignore[attr-defined]
    fact = decisions.dispatch(rules(), file.now, DISPATCHER, at(when))
    assert (fact.limit, local(fact.due_at), fact.resumed) == (limit, ends, False)
    assert fact.department == file.now.department
    assert fact.rule == file.now.rule
    assert not fact.unconfirmed_year


def test_a_dispatcher_may_choose_another_department() -> None:
    file = scene.filed()
    fact = decisions.dispatch(rules(), file.now, DISPATCHER, NOW, "lamps")
    assert (fact.department, fact.rule) == ("lamps", "chosen by the dispatcher")
    assert fact.reason == "chosen instead of north"
    routed = decisions.dispatch(rules(), file.now, DISPATCHER, NOW, "north")
    assert (routed.department, routed.rule) == ("north", TERRITORIAL)
    with pytest.raises(UnknownDepartment):
        decisions.dispatch(rules(), file.now, DISPATCHER, NOW, "fire")


def test_an_end_in_a_year_without_a_holiday_list_is_marked() -> None:
    file = scene.filed(RUBBISH.key, "2026-12-31 10:00")
    assert decisions.dispatch(rules(), file.now, DISPATCHER, at("2026-12-31 10:00")).unconfirmed_year


def test_a_return_says_what_was_left() -> None:
    file = scene.dispatched(LAMP.key, "2026-03-05 16:00")
    fact = decisions.return_(rules(), file.now, HANDLER, "  not ours ", at("2026-03-05 17:00"))
    assert (fact.department, fact.reason, fact.remaining_s) == ("north", "not ours", 3 * 3600.0)


def test_a_return_while_overdue_says_by_how_much() -> None:
    file = scene.dispatched(COVER.key, "2026-03-05 09:00")
    fact = decisions.return_(rules(), file.now, HANDLER, "not ours", at("2026-03-05 14:00"))
    assert fact.remaining_s == -3 * 3600.0


def test_who_handled_it_may_not_check_it_whatever_their_roles() -> None:
    roles = frozenset({Role.HANDLER, Role.INSPECTOR, Role.SHIFT_LEADER})
    both = Actor("han", roles, frozenset({"north"}))
    file = scene.dispatched()
    file.add(decisions.handle(rules(), file.now, both, "repaired", NOW), NOW, "han")
    with pytest.raises(SamePerson, match="patrol and handling are separate people"):
        decisions.check(rules(), file.now, both, True, NOW)
    assert decisions.check(rules(), file.now, INSPECTOR, True, NOW).passed


def test_after_a_rework_by_somebody_else_the_first_may_still_not_check() -> None:
    first = Actor("one", frozenset({Role.HANDLER, Role.INSPECTOR}), frozenset({"north"}))
    file = scene.dispatched()
    file.add(decisions.handle(rules(), file.now, first, "repaired", NOW), NOW, "one")
    scene.check(file, "2026-03-05 10:00", passed=False)
    scene.handle(file, "2026-03-05 10:30")
    with pytest.raises(SamePerson):
        decisions.check(rules(), file.now, first, True, NOW)


def test_who_reported_it_may_check_it_and_never_handle_it() -> None:
    reporter = Actor("ins", frozenset({Role.HANDLER, Role.INSPECTOR}), frozenset({"north"}))
    file = scene.dispatched()
    with pytest.raises(SamePerson, match="reported, verified or checked"):
        decisions.handle(rules(), file.now, reporter, "repaired", NOW)
    scene.handle(file, "2026-03-05 10:30")
    assert decisions.check(rules(), file.now, reporter, True, NOW).passed


def test_a_passed_check_needs_no_reason_and_a_failed_one_does() -> None:
    file = scene.dispatched()
    scene.handle(file, "2026-03-05 10:00")
    passed = decisions.check(rules(), file.now, INSPECTOR, True, NOW, " fine ", ("p1",))
    assert (passed.reason, passed.photos) == ("fine", ("p1",))
    assert passed.starts is not None
    assert (passed.starts.clock, passed.starts.limit) == ("closing", "30wm")
    assert decisions.check(rules(), file.now, INSPECTOR, False, NOW, " dark ") == Checked(False, "dark")
    with pytest.raises(ReasonMissing, match="check needs a reason"):
        decisions.check(rules(), file.now, INSPECTOR, False, NOW)


def test_acts_that_need_a_reason_in_words() -> None:
    new, held = scene.reported(), scene.dispatched()
    for nothing in ("", "  \n"):
        for act in (
            lambda: decisions.reject(new.now, CLERK, nothing),  # noqa: B023
            lambda: decisions.cancel(new.now, LEADER, nothing),  # noqa: B023
            lambda: decisions.return_(rules(), held.now, HANDLER, nothing, NOW),  # noqa: B023
            lambda: decisions.handle(rules(), held.now, HANDLER, nothing, NOW),  # noqa: B023
            lambda: decisions.reopen(rules(), scene.closed().now, LEADER, nothing, NOW),  # noqa: B023
        ):
            with pytest.raises(ReasonMissing, match="in words"):
                act()
    assert decisions.reject(new.now, CLERK, " private ground ") == Rejected("private ground")
    assert decisions.cancel(held.now, LEADER, "a test") == Cancelled("a test")
    assert decisions.reopen(rules(), scene.closed().now, LEADER, " dark again ", NOW).reason == "dark again"


def test_beside_the_main_line() -> None:
    file = scene.dispatched()
    assert decisions.note(file.now, HANDLER, "w9") == Noted("w9")
    assert decisions.attach(file.now, HANDLER, ("p1", "p2")) == Attached(("p1", "p2"))


def test_imported_history_is_adopted_by_routing_it() -> None:
    fact = decisions.adopt(rules(3), scene.imported().now, LEADER, HERE, NOW)
    assert fact.route == Route("north", TERRITORIAL, "no rule: goes to 北街道, whose ground it is")
    assert fact.rules == 3


def test_the_stage_is_asked_before_the_role_and_the_role_before_the_words() -> None:
    file = scene.filed()
    with pytest.raises(NotInThisStage):
        decisions.handle(rules(), file.now, CLERK, "", NOW)
    with pytest.raises(NotForThisRole):
        decisions.dispatch(rules(), file.now, CLERK, NOW, "fire")


def test_a_history_that_cannot_be_is_said_to_be_broken() -> None:
    unlimited = replace(scene.dispatched().now, due_at=None)
    assert unlimited.stage is Stage.HANDLING
    with pytest.raises(BrokenHistory, match="case-1"):
        decisions.return_(rules(), unlimited, HANDLER, "not ours", NOW)


def test_only_the_department_that_has_it_returns_or_handles_it() -> None:
    file = scene.dispatched()
    stranger = Actor("other", frozenset({Role.HANDLER}), frozenset({"water"}))
    for act in (
        lambda: decisions.return_(rules(), file.now, stranger, "not ours", NOW),
        lambda: decisions.handle(rules(), file.now, stranger, "repaired", NOW),
    ):
        with pytest.raises(NotYours, match="north"):
            act()


def test_an_errors_docstring_is_its_default_message() -> None:
    assert str(BrokenHistory()) == "The entries of an incident do not follow from one another."
    assert str(DispatchError("said otherwise", incident="x")) == "said otherwise"
    assert DispatchError("said otherwise", incident="x").about == {"incident": "x"}


@pytest.mark.parametrize("path", [("44", "01"), ("44", "02"), ()])
def test_whatever_is_reported_has_an_owner(path: tuple[str, ...]) -> None:
    for category in rules().categories:
        sent = draft(category.key, replace(NORTH, path=path))
        fact = decisions.report(rules(), sent, INSPECTOR, "N-1", NOW)
        assert fact.route.department in rules().routing.departments
        assert sent.units == units(path)
