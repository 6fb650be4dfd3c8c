"""Sets the scene for tests of incidents: people of the small city, and a file on which one act follows another."""

from dataclasses import replace
from datetime import datetime

from dispatch import decisions
from dispatch.actors import Actor
from dispatch.decisions import Draft
from dispatch.entries import Entry, Fact, Imported, Place
from dispatch.incidents import Incident, extend
from dispatch.lifecycle import Role
from tests.dispatch.strategies import DEPARTMENTS, LAMP, at, rules, units

INSPECTOR = Actor("ins", frozenset({Role.INSPECTOR}))
CLERK = Actor("clk", frozenset({Role.INTAKE_CLERK}))
DISPATCHER = Actor("dis", frozenset({Role.DISPATCHER}))
#: Of whichever department has it.
HANDLER = Actor("han", frozenset({Role.HANDLER}), frozenset(one.code for one in DEPARTMENTS))
LEADER = Actor("lea", frozenset({Role.SHIFT_LEADER}))

NORTH = Place(lon=114.01, lat=22.51, path=("44", "01"), edition=1)
TRAY = Place()


def draft(
    category: str = LAMP.key, place: Place = NORTH, urgency: str | None = None, **more: object
) -> Draft:
    """A report as an inspector sends it."""
    sent = {"words": None, "photos": (), "happened_at": at("2026-03-05 09:00")} | more
    return Draft("phone", category, urgency, place, units(place.path), **sent)  # type: ignore[arg-type]


class File:
    """The file on one incident, kept as the ledger keeps it: each fact is an entry, the incident what they add up to."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.incident: Incident | None = None

    def add(self, fact: Fact, now: datetime, by: str = "somebody") -> Incident:
        entry = Entry("case-1", len(self.entries) + 1, now, now, by, fact)
        self.incident = extend(self.incident, [entry])
        self.entries.append(entry)
        return self.incident

    @property
    def now(self) -> Incident:
        assert self.incident is not None
        return self.incident


def reported(category: str = LAMP.key, when: str = "2026-03-05 09:00", place: Place = NORTH) -> File:
    """A file with a report in it."""
    file = File()
    file.add(decisions.report(rules(), draft(category, place), INSPECTOR, "N-1", at(when)), at(when), "ins")
    return file


def filed(category: str = LAMP.key, when: str = "2026-03-05 09:00", place: Place = NORTH) -> File:
    """Reported and filed at the same time."""
    file = reported(category, when, place)
    file.add(decisions.file(rules(), file.now, CLERK, units(place.path), at(when)), at(when), "clk")
    return file


def dispatched(category: str = LAMP.key, when: str = "2026-03-05 09:00", to: str | None = None) -> File:
    """Reported, filed and dispatched at the same time."""
    file = filed(category, when)
    dispatch(file, when, to)
    return file


def dispatch(file: File, when: str, to: str | None = None) -> Incident:
    return file.add(decisions.dispatch(rules(), file.now, DISPATCHER, at(when), to), at(when), "dis")


def handler_of(file: File) -> Actor:
    """Somebody of the department that handles it."""
    assert file.now.lead is not None
    return replace(HANDLER, departments=frozenset({file.now.lead}))


def return_(file: File, when: str) -> Incident:
    fact = decisions.return_(rules(), file.now, handler_of(file), "not ours", at(when))
    return file.add(fact, at(when), "han")


def handle(file: File, when: str) -> Incident:
    fact = decisions.handle(rules(), file.now, handler_of(file), "repaired", at(when))
    return file.add(fact, at(when), "han")


def check(file: File, when: str, passed: bool = True) -> Incident:
    fact = decisions.check(rules(), file.now, INSPECTOR, passed, at(when), "" if passed else "still dark")
    return file.add(fact, at(when), "ins")


def closed(when: str = "2026-03-05 11:00") -> File:
    """All the way from report to closure."""
    file = dispatched()
    handle(file, when)
    check(file, when)
    file.add(decisions.close(file.now, DISPATCHER), at(when), "dis")
    return file


def closed_late() -> File:
    """Closed a week after its limit: there is something to appeal against."""
    return closed("2026-03-12 11:00")


def imported(is_closed: bool = False, department: str = "water") -> File:
    """A file that holds only what another system stated."""
    file = File()
    fact = Imported(
        *("N-1", "old system", "77", "phone", LAMP.key, department, NORTH),
        "Closed" if is_closed else "Open",
        is_closed,
        reported_at=at("2020-01-02 10:00"),
        closed_at=at("2020-01-03 10:00") if is_closed else None,
        due_at=at("2020-01-04 10:00"),
    )
    file.add(fact, at("2026-03-05 09:00"), "importer")
    return file
