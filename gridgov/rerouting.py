"""What other rules would have made of the incidents of the last days (规则试算): each is decided under both,
from what was recorded of it. Nothing is written.

An incident is put to the rules as it stands now: in the category, under the case standard and with the
urgency that it was filed with, where it lies, as it came; the moment is that of its report, and the
territorial units are those of the grids in force. Limits are counted from the report. What polygons a file
names, and how long the stages before handling may take, is no part of this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, and_, func, select

from dispatch.automatic import AutomaticRule, Does
from dispatch.automation import hindrance, rule_of
from dispatch.categories import CaseStandard, Category, Urgency
from dispatch.deadlines import due
from dispatch.entries import Place, from_micros, to_micros
from dispatch.results import standard_in_force
from dispatch.routing import Routed, Situation, Units, route
from dispatch.rules import Rules
from gridgov.editions import atlas_of, edition_in_force
from gridgov.in_force import Atlas
from gridgov.rows import iso
from gridgov.siting import units
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import EntryRow, IncidentRow, text_path

_c = IncidentRow.__table__.c  # type: ignore[attr-defined]
_entry = EntryRow.__table__.c  # type: ignore[attr-defined]
_READ: Final = tuple(
    _c[name]
    for name in (
        *("case_number", "category", "standard", "urgency", "channel", "path", "near_border"),
        *("specialised", "reported_at", "imported", "first"),
    )
)

#: So many incidents, the newest, are decided unless more are asked for: three seconds of a core, where New
#: York's took 28 µs each.
MOST: Final = 100_000
#: A hundred years: all of any history.
MOST_DAYS: Final = 36_525
#: Incidents in memory at a time.
PART: Final = 500
#: Examples kept of each way in which a decision changes.
EXAMPLES: Final = 3
#: What a rule does by itself, by how far it goes.
_FAR: Final = {None: 0, Does.FILE: 1, Does.DISPATCH: 2}

#: Told how many are decided, and of how many.
Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Example:
    """An incident that shows a change: its case number and category, and the rules before and after."""

    case_number: str
    category: str
    before: str
    after: str


@dataclass(slots=True)
class Change:
    """How many incidents something changes for, with a few of them."""

    incidents: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        """Count one more."""
        self.incidents += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


#: What changes, before and after: departments by their codes, or limits.
Pair = tuple[str, str]


@dataclass(slots=True)
class Rerouted:
    """What would have become of the incidents reported from ``since`` up to ``until``.

    ``reported``: how many there are; ``decided``: how many of them, the newest, are counted here, fewer where
    there are more than were to be looked at; ``imported`` of these are another system's history. ``missing``
    are in a category that the new rules do not have, by category; ``unknown`` in one that the rules in force
    do not have. All others were ``compared``: ``moved`` to another department, or with it still but with
    other ``co_handlers``; due ``sooner`` or ``later``, by limit before and after.

    ``filed`` and ``dispatched``: by a rule, under the rules in force and under the new ones; ``newly`` done
    more by themselves, ``no_longer`` as much. Another system's history was never for our rules to do.
    """

    since: datetime
    until: datetime
    reported: int = 0
    decided: int = 0
    imported: int = 0
    compared: int = 0
    unknown: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    moved: dict[Pair, Change] = field(default_factory=dict)
    co_handlers: Change = field(default_factory=Change)
    sooner: dict[Pair, Change] = field(default_factory=dict)
    later: dict[Pair, Change] = field(default_factory=dict)
    filed: Counter[str] = field(default_factory=Counter)
    dispatched: Counter[str] = field(default_factory=Counter)
    newly: Change = field(default_factory=Change)
    no_longer: Change = field(default_factory=Change)

    @property
    def cut(self) -> bool:
        """Were there more than were to be looked at?"""
        return self.decided < self.reported


def rerouted(
    connection: Connection,
    rules: tuple[Rules, Rules],
    until: datetime,
    days: int,
    *,
    most: int = MOST,
    told: Told | None = None,
    stream: str = MAIN,
) -> Rerouted:
    """Decide the incidents reported in the ``days`` before ``until`` under the rules in force and under
    others (``rules``, in this order); of more than ``most``, the newest.

    The connection is best one of a snapshot. Raises CalendarTooShort.
    """
    found = Rerouted(until - timedelta(days=days), until)
    edition = edition_in_force(connection)
    trial = _Trial(found, *rules, None if edition is None else atlas_of(connection, edition))
    begin = _position_at(connection, to_micros(found.since), stream)
    within = and_(
        _c.stream == stream,
        _c.first >= begin,
        _c.reported_at >= to_micros(found.since),
        _c.reported_at < to_micros(until),
    )
    found.reported = connection.execute(select(func.count()).where(within)).scalar_one()
    query = select(*_READ).where(within).order_by(_c.first.desc()).limit(most)
    for part in connection.execute(query.execution_options(yield_per=PART)).partitions():
        trial.decide(part, _photos(connection, [row.first for row in part if trial.asks_photos(row)], stream))
        if told is not None:
            told(found.decided, min(found.reported, most))
    return found


def _position_at(connection: Connection, micros: int, stream: str) -> int:
    """The first position recorded at a moment or after it; one behind the last where there is none.

    ``recorded_at`` never goes back within a stream, so it can be searched by halves. Nothing reported since
    then was recorded before, but for history whose source states times to come.
    """
    low, high = 1, read_head(connection, stream).position + 1
    while low < high:
        middle = (low + high) // 2
        at = select(_entry.recorded_at).where(_entry.stream == stream, _entry.position == middle)
        if connection.execute(at).scalar_one() < micros:
            low = middle + 1
        else:
            high = middle
    return low


def _photos(connection: Connection, positions: Sequence[int], stream: str) -> dict[int, int]:
    """How many photos came with reports, by the position of their first entry."""
    if not positions:
        return {}
    asked = select(_entry.position, _entry.body).where(
        _entry.stream == stream, _entry.position.in_(positions)
    )
    return {at: len(orjson.loads(body).get("photos", ())) for at, body in connection.execute(asked)}


@dataclass(frozen=True, slots=True)
class _Side:
    """What one set of rules has for a category and a case standard."""

    category: Category
    norm: CaseStandard
    automatic: AutomaticRule | None


class _Trial:
    """Two sets of rules, and what they make of incidents, counted."""

    def __init__(self, found: Rerouted, old: Rules, new: Rules, atlas: Atlas | None) -> None:
        self._found, self._rules, self._atlas = found, (old, new), atlas
        self._units: dict[str, Units] = {}
        self._sides: dict[tuple[str, str | None], tuple[_Side | None, _Side | None]] = {}
        self._same_clock: dict[Pair, bool] = {}

    def asks_photos(self, row: Row[Any]) -> bool:
        """Does an automatic rule ask how many photos came with this report?"""
        if row.imported:
            return False
        sides = self._both(row)
        return any(
            side is not None and side.automatic is not None and side.automatic.photos for side in sides
        )

    def decide(self, rows: Sequence[Row[Any]], photos: Mapping[int, int]) -> None:
        """Count some more incidents."""
        found = self._found
        for row in rows:
            found.decided += 1
            found.imported += row.imported
            before, after = self._both(row)
            if before is None:
                found.unknown += 1
            elif after is None:
                found.missing[row.category] += 1
            else:
                found.compared += 1
                self._compare(row, before, after, photos.get(row.first, 0))

    def _compare(self, row: Row[Any], before: _Side, after: _Side, photos: int) -> None:
        path = text_path(row.path)
        moment = from_micros(row.reported_at)
        old, new = self._rules
        routed = (
            route(old.routing, self._situation(row, path, before, moment)),
            route(new.routing, self._situation(row, path, after, moment)),
        )
        self._count_route(row, *routed)
        self._count_limit(row, before.norm, after.norm, moment)
        if not row.imported and (before.automatic or after.automatic):
            place = Place(path=path, near_border=tuple(orjson.loads(row.near_border)))
            self._count_automatic(row, before.automatic, after.automatic, place, photos)

    def _situation(self, row: Row[Any], path: tuple[str, ...], side: _Side, moment: datetime) -> Situation:
        matter = () if row.specialised == "[]" else tuple(orjson.loads(row.specialised))
        usual = side.norm.department
        urgency = Urgency(row.urgency)
        there = self._units_of(row.path, path)
        return Situation(side.category, path, there, matter, urgency, row.channel, moment, usual)

    def _units_of(self, text: str, path: tuple[str, ...]) -> Units:
        known = self._units.get(text)
        if known is None:
            known = self._units[text] = () if self._atlas is None else units(self._atlas, path)
        return known

    def _both(self, row: Row[Any]) -> tuple[_Side | None, _Side | None]:
        asked = (row.category, row.standard)
        known = self._sides.get(asked)
        if known is None:
            old, new = self._rules
            known = self._sides[asked] = (_side(old, *asked), _side(new, *asked))
        return known

    def _count_route(self, row: Row[Any], before: Routed, after: Routed) -> None:
        example = Example(row.case_number, row.category, before.rule, after.rule)
        if before.department != after.department:
            _add(self._found.moved, (before.department, after.department), example)
        elif set(before.co_handlers) != set(after.co_handlers):
            self._found.co_handlers.add(example)

    def _count_limit(
        self, row: Row[Any], before: CaseStandard, after: CaseStandard, moment: datetime
    ) -> None:
        if before.limit == after.limit and self._same_calendar(before.calendar, after.calendar):
            return
        old, new = self._rules
        ends = due(old.calendar_of(before.calendar), before.limit, moment)
        other = due(new.calendar_of(after.calendar), after.limit, moment)
        if ends != other:
            counts = self._found.sooner if other < ends else self._found.later
            pair = _limit(before), _limit(after)
            _add(counts, pair, Example(row.case_number, row.category, iso(ends), iso(other)))

    def _same_calendar(self, before: str, after: str) -> bool:
        known = self._same_clock.get((before, after))
        if known is None:
            old, new = self._rules
            known = self._same_clock[before, after] = old.calendar_of(before) == new.calendar_of(after)
        return known

    def _count_automatic(
        self,
        row: Row[Any],
        before: AutomaticRule | None,
        after: AutomaticRule | None,
        place: Place,
        photos: int,
    ) -> None:
        far = []
        for when, rule in (("before", before), ("after", after)):
            takes = rule is not None and hindrance(rule, place, row.channel, photos) is None
            does = rule.does if rule is not None and takes else None
            self._found.filed[when] += does is not None
            self._found.dispatched[when] += does is Does.DISPATCH
            far.append(_FAR[does])
        example = Example(
            row.case_number, row.category, before.name if before else "", after.name if after else ""
        )
        if far[0] < far[1]:
            self._found.newly.add(example)
        elif far[0] > far[1]:
            self._found.no_longer.add(example)


def _side(rules: Rules, key: str, code: str | None) -> _Side | None:
    if key not in rules.categories:
        return None
    category = rules.categories.get(key)
    norm = standard_in_force(category, code)
    return _Side(category, norm, rule_of(rules, norm))


def _limit(norm: CaseStandard) -> str:
    return f"{norm.limit} {norm.calendar}".strip()


def _add(counts: dict[Pair, Change], pair: Pair, example: Example) -> None:
    counts.setdefault(pair, Change()).add(example)
