"""Trying other rules on what was reported: counted by hand, held against reporting it all again, and nothing
written.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import SQLModel

from dispatch import automation, decisions, results
from dispatch.actors import Actor
from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import Categories, Urgency
from dispatch.deadlines import Limit
from dispatch.decisions import Draft
from dispatch.entries import Entry
from dispatch.incidents import Incident, extend, fold
from dispatch.lifecycle import Act, Role
from dispatch.routing import Routing, RoutingRule
from dispatch.rules import Rules
from geodata.datum import Datum
from gridgov import commands
from gridgov.commands import ImportedRow, SentReport
from gridgov.rerouting import EXAMPLES, Rerouted, rerouted
from gridgov.rerouting_told import to_dict
from gridgov.service import Service
from gridgov.siting import units
from gridgov.storage.engine import snapshot
from gridgov.storage.ledger import history
from tests.gridgov import scene

ASKER = Actor("system", frozenset({Role.INSPECTOR}))


def changed(
    rules: Rules,
    *extra: RoutingRule,
    without: str = "",
    categories: dict[str, dict[str, Any]] | None = None,
    automatic: Sequence[AutomaticRule] = (),
) -> Rules:
    """The rules with routing rules more, a category less, others with other fields, other automatic rules."""
    told = categories or {}
    kept = Categories(replace(c, **told.get(c.key, {})) for c in rules.categories if c.key != without)
    departments = [*rules.routing.departments.values()]
    routing = Routing(
        departments,
        [*extra, *(r for r in rules.routing.rules if r.name not in {e.name for e in extra})],
        rules.routing.fallback,
        kept,
        calendar=rules.calendar,
    )
    there = {rule.name: rule for rule in automatic} or dict(rules.automatic)
    return replace(rules, version=2, categories=kept, routing=routing, automatic=there)


def tried(service: Service, new: Rules, days: int = 30, old: Rules | None = None, **more: Any) -> Rerouted:
    """What the town's rules and others would have made of the last days."""
    with snapshot(service.reader) as connection:
        sides = (old or scene.rules(), new)
        return rerouted(connection, sides, service.clock(), days, **more)


def report(service: Service, category: str = scene.COVER, grid: str | None = "N1", **more: Any) -> str:
    """Somebody reports something; its case number."""
    sent = SentReport(
        str(uuid.uuid4()),
        category,
        more.pop("channel", "inspector"),
        position=None if grid is None else scene.at(grid),
        **more,
    )
    receipt = service.writer.run(commands.report(scene.INSPECTOR, sent))
    assert receipt.case_number is not None
    return str(receipt.case_number)


def imported(service: Service, number: str, category: str, reported_at: datetime) -> None:
    """One incident of another system's history, in the middle of N1."""
    there = {"lon": 114.005, "lat": 22.515, "datum": Datum.wgs84}
    row = ImportedRow("old", number, "phone", category, "police", "Open", False, reported_at, **there)
    service.writer.run(commands.import_row("operator", row))


TO_OFFICE = {scene.COVER: {"department": "office"}}


def test_the_same_rules_change_nothing(service: Service) -> None:
    for grid in ("N1", "S1", None):
        report(service, scene.RUBBISH, grid)
    found = tried(service, scene.rules())
    assert (found.reported, found.decided, found.compared) == (3, 3, 3)
    assert (found.moved, found.sooner, found.later, found.missing) == ({}, {}, {}, Counter())
    assert (found.newly.incidents, found.no_longer.incidents, found.co_handlers.incidents) == (0, 0, 0)


def test_who_gets_what_that_somebody_else_had(service: Service) -> None:
    covers = [report(service, grid=grid) for grid in ("N1", "S1", "S2", "N2")]
    report(service, scene.RUBBISH, "S1")
    found = tried(service, changed(scene.rules(), categories=TO_OFFICE))
    assert list(found.moved) == [("water", "office")]
    change = found.moved["water", "office"]
    assert change.incidents == 4
    assert [one.case_number for one in change.examples] == covers[::-1][:EXAMPLES], "the newest are shown"
    assert {(one.before, one.after) for one in change.examples} == {("category", "category")}


def test_the_territorial_unit_is_that_of_the_place(service: Service) -> None:
    """Noise belongs to nobody: the street's office takes it in the north, the district's in the south."""
    report(service, scene.NOISE, "N1")
    report(service, scene.NOISE, "S1")
    report(service, scene.NOISE, None)
    found = tried(service, changed(scene.rules(), RoutingRule("noise", "cleaning", category=scene.NOISE)))
    assert {pair: one.incidents for pair, one in found.moved.items()} == {
        ("north_office", "cleaning"): 1,
        ("office", "cleaning"): 2,
    }
    assert {one.before for each in found.moved.values() for one in each.examples} == {
        "territorial",
        "fallback",
    }


def test_the_moment_is_that_of_the_report(service: Service) -> None:
    """Ten in the morning, and eight in the evening of the same day."""
    report(service)
    service.clock.now = scene.MONDAY + timedelta(hours=10)  # type: ignore[attr-defined]
    evening = report(service)
    night = RoutingRule("night", "office", category=scene.COVER, hours=((time(18), time(8)),))
    (change,) = tried(service, changed(scene.rules(), night)).moved.values()
    assert [(one.case_number, one.after) for one in change.examples] == [(evening, "night")]


def test_other_co_handlers_are_no_other_department(service: Service) -> None:
    report(service)
    with_help = RoutingRule("with help", "water", category=scene.COVER, co_handlers=("cleaning",))
    found = tried(service, changed(scene.rules(), with_help))
    assert (found.moved, found.co_handlers.incidents) == ({}, 1)


#: The limit of manhole covers, 4wh, becomes another: sooner, later. It is Monday, ten o'clock.
LIMITS = [("2wh", 1, 0), ("4wh", 0, 0), ("1wd", 0, 1), ("1eh", 1, 0), ("4eh", 1, 0), ("9ed", 0, 1)]


@pytest.mark.parametrize(("limit", "sooner", "later"), LIMITS)
def test_what_would_be_due_sooner_or_later(service: Service, limit: str, sooner: int, later: int) -> None:
    report(service)
    new = changed(scene.rules(), categories={scene.COVER: {"limit": Limit.parse(limit)}})
    found = tried(service, new)
    told = [{pair: one.incidents for pair, one in side.items()} for side in (found.sooner, found.later)]
    assert told == [{("4wh", limit): many} if many else {} for many in (sooner, later)]


def test_another_calendar_moves_ends_too(service: Service) -> None:
    report(service)
    old = scene.rules()
    never_rests = replace(old.calendar, hours=((time(0), time(0)),), week=frozenset(range(7)))
    new = replace(old, calendars={"hotline": never_rests})
    new = replace(new, categories=changed(old, categories={scene.COVER: {"calendar": "hotline"}}).categories)
    found = tried(service, new)
    assert {pair: one.incidents for pair, one in found.sooner.items()} == {("4wh", "4wh hotline"): 1}


def test_a_category_that_the_new_rules_lack_and_one_that_nobody_has(service: Service) -> None:
    report(service)
    report(service, scene.RUBBISH)
    imported(service, "1", "fire", scene.MONDAY - timedelta(days=1))
    found = tried(service, changed(scene.rules(), without=scene.COVER))
    assert (found.missing, found.unknown, found.imported, found.compared) == (
        Counter({scene.COVER: 1}),
        1,
        1,
        1,
    )


def test_an_alias_of_the_new_rules_is_no_missing_category(service: Service) -> None:
    report(service)
    old = scene.rules()
    renamed = [
        replace(c, code="cover", aliases=(c.key,), department="office") if c.key == scene.COVER else c
        for c in old.categories
    ]
    known = Categories(renamed)
    routing = Routing(old.routing.departments.values(), old.routing.rules, "office", known)
    found = tried(service, replace(old, categories=known, routing=routing))
    assert (found.missing, {pair: one.incidents for pair, one in found.moved.items()}) == (
        Counter(),
        {("water", "office"): 1},
    )


LOUD = {scene.COVER: {"automatic": "at once"}}


@pytest.mark.parametrize(
    ("rule", "photos", "filed", "dispatched"),
    [
        (AutomaticRule("at once", Does.FILE), 0, 1, 0),
        (AutomaticRule("at once", Does.DISPATCH), 0, 1, 1),
        (AutomaticRule("at once", Does.DISPATCH, channels=frozenset({"camera"})), 0, 0, 0),
        (AutomaticRule("at once", Does.DISPATCH, photos=2), 1, 0, 0),
        (AutomaticRule("at once", Does.DISPATCH, photos=2), 2, 1, 1),
    ],
)
def test_what_would_be_done_without_a_human_hand(
    service: Service, rule: AutomaticRule, photos: int, filed: int, dispatched: int
) -> None:
    report(service, photos=tuple("ab"[:photos]))
    report(service, grid=None, photos=("a", "b"))
    imported(service, "1", scene.COVER, scene.MONDAY - timedelta(days=1))
    by_hand, by_rule = scene.rules(), changed(scene.rules(), categories=LOUD, automatic=[rule])
    there = tried(service, by_rule)
    assert (there.filed["before"], there.filed["after"], there.dispatched["after"]) == (0, filed, dispatched)
    assert (there.newly.incidents, there.no_longer.incidents) == (filed, 0)
    back = tried(service, by_hand, old=by_rule)
    assert (back.filed["before"], back.filed["after"], back.no_longer.incidents) == (filed, 0, filed)


def test_only_the_photos_that_came_with_the_report_count(service: Service) -> None:
    """What was attached later, no rule can have seen when it was reported."""
    number = report(service, photos=("a",))
    with service.reader.connect() as connection:
        asked = {"n": number}
        found = connection.execute(text("SELECT id FROM incident WHERE case_number = :n"), asked).scalar_one()
    attach = commands.SentAct(str(uuid.uuid4()), found, Act.ATTACH, 1, photos=("b",))
    service.writer.run(commands.act(scene.INSPECTOR, attach))
    rule = AutomaticRule("at once", Does.FILE, photos=2)
    assert tried(service, changed(scene.rules(), categories=LOUD, automatic=[rule])).filed["after"] == 0


class TestPeriod:
    """Which incidents are looked at."""

    def test_what_was_reported_before_it_is_not(self, service: Service) -> None:
        report(service)
        service.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
        report(service)
        assert [tried(service, scene.rules(), days).reported for days in (2, 3, 4)] == [1, 1, 2]

    def test_history_counts_by_the_times_its_source_states(self, service: Service) -> None:
        for days in (1, 5, 40):
            imported(service, str(days), scene.COVER, scene.MONDAY - timedelta(days=days))
        assert [tried(service, scene.rules(), days).reported for days in (3, 30, 60)] == [1, 2, 3]

    def test_of_too_many_the_newest_are_looked_at_and_that_is_said(self, service: Service) -> None:
        numbers = [report(service) for _ in range(5)]
        told: list[tuple[int, int | None]] = []
        new = changed(scene.rules(), categories=TO_OFFICE)
        found = tried(service, new, most=2, told=lambda done, total: told.append((done, total)))
        assert (found.reported, found.decided, found.cut) == (5, 2, True)
        shown = [one.case_number for one in found.moved["water", "office"].examples]
        assert shown == [numbers[4], numbers[3]]
        assert told == [(2, 2)]
        first = to_dict(found, scene.rules().routing, new.routing)["text"][0]
        assert "the newest 2 of 5 (the others were not looked at)" in first

    def test_an_empty_store(self, service: Service) -> None:
        found = tried(service, scene.rules())
        assert (found.reported, found.decided, found.cut) == (0, 0, False)


#: Other rules than the town's, each different in something else.
OTHERS = {
    "departments": changed(scene.rules(), categories={scene.RUBBISH: {"department": "water"}} | TO_OFFICE),
    "limits": changed(
        scene.rules(),
        categories={
            scene.COVER: {"limit": Limit.parse("1wd")},
            scene.RUBBISH: {"limit": Limit.parse("9eh")},
        },
    ),
    "night and urgency": changed(
        scene.rules(),
        RoutingRule("night", "office", hours=((time(18), time(8)),)),
        RoutingRule("urgent", "north_office", category=scene.COVER, urgencies=frozenset({Urgency.URGENT})),
        RoutingRule("by phone", "cleaning", channels=frozenset({"hotline"})),
    ),
    "territorial": changed(scene.rules(), RoutingRule("street", "", scene.COVER, territorial="street")),
    "at once": changed(
        scene.rules(),
        categories={
            scene.COVER: {"automatic": "file"},
            scene.RUBBISH: {"automatic": "dispatch"},
        },
        automatic=[AutomaticRule("file", Does.FILE, photos=2), AutomaticRule("dispatch", Does.DISPATCH)],
    ),
}


@pytest.mark.parametrize("new", OTHERS.values(), ids=list(OTHERS))
@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_what_reporting_it_all_again_would_have_come_to(
    service: Service, new: Rules, seed: int
) -> None:
    """Each incident, taken in again by the decisions themselves under either rules, and counted by itself."""
    chance = Random(seed)
    for _ in range(60):
        service.clock.now += timedelta(hours=chance.randint(0, 30))  # type: ignore[attr-defined]
        report(
            service,
            chance.choice((scene.COVER, scene.RUBBISH, scene.NOISE)),
            chance.choice(("N1", "N2", "S1", "S2", None)),
            urgency=chance.choice((None, "urgent", "critical")),
            channel=chance.choice(("inspector", "hotline")),
            photos=tuple("abc"[: chance.randint(0, 3)]),
        )
    found = tried(service, new, days=100)
    again = [_again(service, rules) for rules in (scene.rules(), new)]
    moved: Counter[tuple[str, str]] = Counter()
    sooner = later = 0
    for before, after in zip(*again, strict=True):
        moved[before[0], after[0]] += before[0] != after[0]
        sooner, later = sooner + (after[1] < before[1]), later + (after[1] > before[1])
    assert {pair: one.incidents for pair, one in found.moved.items()} == dict(+moved)
    assert sum(one.incidents for one in found.sooner.values()) == sooner
    assert sum(one.incidents for one in found.later.values()) == later
    for when, side in zip(("before", "after"), again, strict=True):
        assert found.filed[when] == sum(done >= 1 for *_, done in side)
        assert found.dispatched[when] == sum(done == 2 for *_, done in side)


def _again(service: Service, rules: Rules) -> list[tuple[str, datetime, int]]:
    """Of every incident: its department, its end if it were dispatched at once, and the steps done by a rule."""
    with service.reader.connect() as connection:
        ids = list(connection.execute(text('SELECT id FROM incident ORDER BY "first"')).scalars())
        told = history(connection, ids)
    return [_one_again(service, rules, fold(told[id_])) for id_ in ids]


def _one_again(service: Service, rules: Rules, was: Incident) -> tuple[str, datetime, int]:
    there = units(service.in_force.atlas, was.place.path)
    draft = Draft(was.channel, was.category, was.urgency, was.place, there, None, was.photos, was.reported_at)
    fact = decisions.report(rules, draft, ASKER, "again", was.reported_at)
    now = extend(None, (Entry("again", 1, was.reported_at, was.reported_at, "p", fact),))
    by_itself = automation.by_itself(rules, now, there, was.reported_at)
    route = fact.route
    ends = results.dispatched(rules, now, was.reported_at, route.department, route.rule, route.reason, ())
    return route.department, ends.due_at, len(by_itself)


def test_trying_rules_writes_nothing(service: Service) -> None:
    report(service)
    before = _everything(service)
    tried(service, changed(scene.rules(), categories=TO_OFFICE))
    assert _everything(service) == before


def _everything(service: Service) -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = SQLModel.metadata.sorted_tables
    with service.reader.connect() as connection:
        return {table.name: list(map(tuple, connection.execute(select(table)))) for table in tables}
