"""What the rules do with a report by themselves, and how a person takes it back."""

from dataclasses import replace
from datetime import date

import pytest

from dispatch import decisions
from dispatch.automatic import AutomaticRule, Does
from dispatch.automation import by_itself, rule_of
from dispatch.categories import CaseStandard, Categories
from dispatch.clocks import Clocks, StageLimit
from dispatch.closure import facts
from dispatch.deadlines import Calendar, Limit
from dispatch.entries import Dispatched, Filed
from dispatch.errors import EvidenceMissing, NothingToUndo, NotInThisStage, ReasonMissing, UnknownDepartment
from dispatch.lifecycle import Act, Stage
from dispatch.permissions import open_to
from dispatch.results import evidence
from dispatch.routing import Routing
from dispatch.rules import Rules
from tests.dispatch import scene
from tests.dispatch.scene import CLERK, DISPATCHER, HANDLER, INSPECTOR, NORTH, TRAY, File, draft
from tests.dispatch.strategies import CATEGORIES, DEPARTMENTS, LAMP, ROUTES, at, local, rules, units

WHEN = "2026-03-05 09:00"
NOW = at(WHEN)
DARK = CaseStandard("dark", Limit.parse("2eh"), condition_zh="整路不亮", automatic="at once")


def town(does: Does = Does.DISPATCH, **more: object) -> Rules:
    """The small city, where lamps that are dark in a whole road are dispatched at once."""
    listed = [replace(one, standards=(DARK,)) if one.key == LAMP.key else one for one in CATEGORIES]
    categories = Categories(listed)
    rule = AutomaticRule("at once", does, **more)  # type: ignore[arg-type]
    return replace(
        rules(),
        categories=categories,
        routing=Routing(DEPARTMENTS, ROUTES, "desk", categories),
        automatic={rule.name: rule},
    )


def report(city: Rules, **sent: object) -> File:
    """A report as it stands in the ledger, with what the rules did by themselves."""
    file, place = File(), sent.pop("place", NORTH)
    sent = {"standard": "dark", **sent}
    told = draft(place=place, **sent)  # type: ignore[arg-type]
    file.add(decisions.report(city, told, INSPECTOR, "N-1", NOW), NOW, "ins")
    for by, fact in by_itself(city, file.now, units(file.now.place.path), NOW):
        file.add(fact, NOW, by)
    return file


def test_it_is_filed_and_dispatched_in_the_same_breath_by_a_named_rule() -> None:
    file = report(town())
    now, (_, filed, dispatched) = file.now, file.entries
    assert (now.stage, now.lead, now.limit, now.standard) == (Stage.HANDLING, "north", "2eh", "dark")
    assert [entry.by for entry in file.entries] == ["ins", "auto:at once", "auto:at once"]
    assert isinstance(filed.fact, Filed)
    assert isinstance(dispatched.fact, Dispatched)
    assert filed.fact.automatic == dispatched.fact.automatic == "at once"
    assert dispatched.fact.rule == filed.fact.route.rule
    assert local(dispatched.fact.due_at) == "2026-03-05 11:00"
    assert (now.automatic, now.auto_dispatched, now.undoable) == ("at once", True, True)


def test_a_rule_may_only_file() -> None:
    now = report(town(Does.FILE)).now
    assert (now.stage, now.automatic, now.auto_dispatched) == (Stage.DISPATCH, "at once", False)
    assert now.clock is not None
    assert (now.clock.clock, now.clock.run) == ("dispatch", 2)


#: What a report is like, and what the rule asks, that leaves it to a person.
LEFT = [
    ("no such standard", {"standard": None}, {}),
    ("no place", {"place": TRAY}, {}),
    ("may be the neighbours'", {"place": replace(NORTH, near_border=("44/02",))}, {}),
    ("another channel", {}, {"channels": frozenset({"camera"})}),
    ("too few photos", {"photos": ("p1",)}, {"photos": 2}),
]


@pytest.mark.parametrize(("sent", "asked"), [row[1:] for row in LEFT], ids=[row[0] for row in LEFT])
def test_what_is_left_to_a_person(sent: dict[str, object], asked: dict[str, object]) -> None:
    now = report(town(**asked), **sent).now
    assert (now.stage, now.automatic, now.number) == (Stage.INTAKE, None, 1)


def test_what_a_rule_asks_for_may_be_there() -> None:
    asked = {"channels": frozenset({"phone"}), "photos": 2, "near_border": True}
    sent = {"photos": ("p1", "p2"), "place": replace(NORTH, near_border=("44/02",))}
    assert report(town(**asked), **sent).now.auto_dispatched


@pytest.mark.parametrize("does", Does)
def test_a_person_takes_it_back_and_nothing_of_it_counts(does: Does) -> None:
    city = town(does)
    file = report(city)
    assert Act.UNDO in open_to(file.now, DISPATCHER, NOW)
    with pytest.raises(ReasonMissing):
        decisions.undo(city, file.now, CLERK, " ", NOW)
    later = at("2026-03-05 09:05")
    now = file.add(decisions.undo(city, file.now, CLERK, "it is a joke", later), later, "clk")
    assert (now.stage, now.lead, now.due_at, now.filed_at, now.dispatches) == (
        Stage.INTAKE,
        None,
        None,
        None,
        0,
    )
    assert (now.automatic, now.auto_dispatched, now.undoable, now.remaining_s) == (None, False, False, None)
    assert now.clock is not None
    assert (now.clock.clock, now.clock.run, local(now.clock.due_at)) == (
        "intake",
        now.number,
        "2026-03-05 09:20",
    )
    assert facts(now).filed_at is None
    with pytest.raises(NotInThisStage):
        decisions.undo(city, now, CLERK, "again", later)


def test_a_dispatch_that_was_taken_back_redirects_nothing() -> None:
    city = town()
    file = report(city)
    by_rule = file.now.lead
    file.add(decisions.undo(city, file.now, CLERK, "it is a joke", NOW), NOW, "clk")
    file.add(decisions.file(city, file.now, CLERK, (), NOW), NOW, "clk")
    now = file.add(decisions.dispatch(city, file.now, DISPATCHER, NOW, "lamps"), NOW, "dis")
    assert by_rule != now.lead
    assert (now.dispatches, now.redirected) == (1, 0)


def test_nothing_that_somebody_built_on_or_did_can_be_taken_back() -> None:
    city = town()
    by_hand = scene.dispatched().now
    returned = report(city)
    returned.add(decisions.return_(city, returned.now, HANDLER, "not ours", NOW), NOW, "han")
    again = report(city)
    scene.handle(again, WHEN)
    scene.check(again, WHEN, passed=False)
    for told in (by_hand, returned.now, again.now):
        assert Act.UNDO not in open_to(told, DISPATCHER, NOW)
        with pytest.raises(NothingToUndo, match="before anybody built on it"):
            decisions.undo(city, told, DISPATCHER, "never mind", NOW)


def test_a_note_beside_it_is_not_built_on_it() -> None:
    city = town()
    file = report(city)
    file.add(decisions.note(file.now, HANDLER, "w1"), NOW, "han")
    assert decisions.undo(city, file.now, DISPATCHER, "never mind", NOW).rule == "at once"


def test_what_a_person_dispatches_again_needed_a_hand() -> None:
    city = town()
    file = report(city)
    file.add(decisions.return_(city, file.now, HANDLER, "not ours", NOW), NOW, "han")
    now = file.add(decisions.dispatch(city, file.now, DISPATCHER, NOW, "lamps"), NOW, "dis")
    assert (now.automatic, now.auto_dispatched) == ("at once", False)


#: Works on one day, which is over: what a city has whose list of workdays ran out.
NEVER = Calendar("Asia/Shanghai", week=frozenset(), workdays=frozenset({date(2026, 1, 5)}))


@pytest.mark.parametrize("does", Does)
def test_no_report_is_refused_because_a_calendar_never_works(does: Does) -> None:
    city = replace(town(does), calendar=NEVER)
    file = report(city)
    assert file.now.stage is (Stage.HANDLING if does is Does.DISPATCH else Stage.DISPATCH)
    file = report(city, standard=None)
    assert (file.now.stage, file.now.clock, file.now.next_look) == (Stage.INTAKE, None, None)
    assert file.now.department == "north"


def test_what_cannot_be_dispatched_in_time_is_left_to_a_person() -> None:
    working = replace(DARK, limit=Limit.parse("9999wd"))
    listed = [replace(one, standards=(working,)) if one.key == LAMP.key else one for one in CATEGORIES]
    city = replace(town(), categories=Categories(listed))
    file = report(city)
    assert (file.now.stage, file.now.automatic) == (Stage.DISPATCH, "at once")
    assert file.now.undoable


@pytest.mark.parametrize("limit", ["9999wd", "9999wh"])
def test_people_go_on_where_a_stage_has_no_end(limit: str) -> None:
    endless = StageLimit(Limit.parse(limit))
    clocks = Clocks(intake=endless, verify=endless, dispatch=endless, check=endless)
    city, now = replace(rules(), calendar=NEVER, clocks=clocks), NOW
    file = report(city, standard=None)
    file.add(decisions.ask(city, file.now, CLERK, now, "is it there?"), now)
    file.add(decisions.verify(city, file.now, INSPECTOR, True, now), now)
    file.add(decisions.file(city, file.now, CLERK, units(file.now.place.path), now), now)
    assert (file.now.stage, file.now.clock) == (Stage.DISPATCH, None)


def filed_as_dark() -> File:
    """Filed by hand under a case standard that the city may take out of its list."""
    city, file = town(channels=frozenset({"camera"})), File()
    file.add(decisions.report(city, draft(standard="dark"), INSPECTOR, "N-1", NOW), NOW, "ins")
    file.add(decisions.file(city, file.now, CLERK, units(NORTH.path), NOW), NOW, "clk")
    return file


#: What the city took out of its list meanwhile, and the limit and reason of the dispatch.
TAKEN_OUT = [
    (rules(), "4wh", "as routed; the rules have no case standard dark now: the limit is the category's"),
    (
        replace(rules(), categories=Categories([one for one in CATEGORIES if one.key != LAMP.key])),
        "2wd",
        f"as routed; the rules have no category {LAMP.key} now: the limit is a default",
    ),
]


@pytest.mark.parametrize(("city", "limit", "reason"), TAKEN_OUT, ids=["standard", "category"])
def test_what_was_filed_is_dispatched_whatever_the_rules_lost_since(
    city: Rules, limit: str, reason: str
) -> None:
    fact = decisions.dispatch(city, filed_as_dark().now, DISPATCHER, NOW)
    assert (fact.limit, fact.reason) == (limit, reason)


def test_a_dispatch_leaves_out_routed_co_handlers_that_are_no_department_now() -> None:
    file = scene.filed()
    routed = replace(file.now, co_handlers=("lamps", "gone"))
    assert decisions.dispatch(rules(), routed, DISPATCHER, NOW).co_handlers == ("lamps",)
    with pytest.raises(UnknownDepartment, match="gone"):
        decisions.dispatch(rules(), routed, DISPATCHER, NOW, co_handlers=("gone",))


def test_a_rule_asks_for_the_photos_that_the_case_standard_demands() -> None:
    city = town(Does.FILE)
    rule = next(iter(city.automatic.values()))
    for demanded, asked in ((0, 0), (2, 2)):
        norm = CaseStandard("s", photos=(("report", demanded), ("handle", 9)), automatic=rule.name)
        found = rule_of(city, norm)
        assert found is not None
        assert found.photos == max(asked, rule.photos)
    assert rule_of(city, CaseStandard("s", automatic="no such rule")) is None
    assert rule_of(city, CaseStandard("s")) is None


@pytest.mark.parametrize(
    ("photos", "act"), [(1, Act.REPORT), (2, Act.VERIFY), (1, Act.HANDLE), (3, Act.CHECK)]
)
def test_evidence_is_what_the_standard_demands_of_each_act(photos: int, act: Act) -> None:
    norm = CaseStandard("s", photos=((str(act), photos),))
    categories = Categories([replace(LAMP, standards=(norm,))])
    city = replace(rules(), categories=categories)
    enough = tuple(str(n) for n in range(photos))
    evidence(city, LAMP.key, "s", act, enough)
    with pytest.raises(
        EvidenceMissing, match=rf"demands {photos} photo\(s\) to {act}, and there are {photos - 1}"
    ):
        evidence(city, LAMP.key, "s", act, enough[1:])
    evidence(city, LAMP.key, None, act, ())
    evidence(city, "lost", "s", act, ())
