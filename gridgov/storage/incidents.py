"""Reading incidents: lists seen through a scope, one by its id or case number, search by number, address
and words.

Beside its lead and its reporter others see an incident: co-handlers, who is sent to look, whom it was handed
to. They stand in a table of their own, as `gridgov.storage.sight` writes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    RowMapping,
    Select,
    and_,
    column,
    exists,
    false,
    or_,
    select,
    table,
    text,
    true,
    union,
    union_all,
)

from dispatch.entries import to_micros
from dispatch.lifecycle import ENDED, Stage
from gridgov.scope import Claim, Scope
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.sight import of_department, of_person
from gridgov.storage.tables import IncidentRow, SightRow, path_text
from gridgov.storage.words import STRIDE, match

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c
_sight = SightRow.__table__.c  # type: ignore[attr-defined]
#: The full-text index; no model of ours, see words.py.
_SEARCH = table("search", column("incident"))

#: The end of a case number, as it is said on the phone: at least three characters of digits and hyphens.
#: Fewer would be found in every hundredth number.
_TAIL: Final = re.compile(r"[0-9-]{3,}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents a list is to hold; None and False ask for nothing. ``under`` is a grid and all below
    it.

    ``department`` is the one it belongs to; ``q`` is looked for in case numbers, addresses and words.
    ``boxes`` are (west, south, east, north) in WGS-84 degrees: those whose point lies in one of them;
    ``on_map``: those that have a point at all.
    """

    stage: Stage | None = None
    under: tuple[str, ...] = ()
    department: str | None = None
    category: str | None = None
    urgency: str | None = None
    is_open: bool | None = None
    unlocated: bool = False
    reported_from: datetime | None = None
    reported_to: datetime | None = None
    reported_by: str | None = None
    q: str | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    on_map: bool = False


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """The condition that a row is one which ``Scope.sees``; it is asked of each row, and leads to none."""
    mine = or_(_c.reported_by == scope.person, _shown_to(of_person(scope.person)))
    return or_(mine, *(and_(_has_part(claim.department), _place(claim)) for claim in scope.claims))


def in_claims(scope: Scope, stream: str = MAIN) -> ColumnElement[bool]:
    """The same without what the person reported or was sent to: what their assignments alone cover, found
    by the departments where those have one.
    """
    return or_(false(), *(and_(_parts_of(claim.department, stream), _place(claim)) for claim in scope.claims))


def _shown_to(who: str) -> ColumnElement[bool]:
    """Does somebody see the row beside its lead and its reporter?"""
    return exists().where(_sight.stream == _c.stream, _sight.who == who, _sight.incident == _c.id)


def _has_part(department: str | None) -> ColumnElement[bool]:
    if department is None:
        return true()
    return or_(_c.lead == department, _shown_to(of_department(department)))


def _parts_of(department: str | None, stream: str) -> ColumnElement[bool]:
    """The same as the incidents of a list: of a department's, not all others are looked at."""
    if department is None:
        return true()
    row = _table.alias("led").c
    led = select(row.first).where(row.stream == stream, row.lead == department)
    shown = select(_sight.first).where(_sight.stream == stream, _sight.who == of_department(department))
    theirs: ColumnElement[bool] = _c.first.in_(union_all(led, shown))
    return theirs


def under(path: tuple[str, ...]) -> ColumnElement[bool]:
    """The condition that a row lies in a grid or below it: one range of the index, because "0" follows
    "/".
    """
    low = path_text(path)
    return and_(_c.path >= low, _c.path < f"{low[:-1]}0")


def _place(claim: Claim) -> ColumnElement[bool]:
    """Does a row lie where a claim reaches?"""
    if not claim.path:
        return true() if claim.tray else _c.path != ""
    return or_(under(claim.path), _c.path == "") if claim.tray else under(claim.path)


def page(
    connection: Connection,
    scope: Scope,
    wanted: Wanted,
    *,
    before: int | None = None,
    down_to: int | None = None,
    limit: int = 50,
    stream: str = MAIN,
) -> list[RowMapping]:
    """At most ``limit`` rows, newest report first, whose first position is below ``before`` and not below
    ``down_to``: of what few have, no more than that many are looked through.
    """
    asked = [_c.stream == stream, *conditions(wanted)]
    if before is not None:
        asked.append(_c.first < before)
    if down_to is not None:
        asked.append(_c.first >= down_to)
    order = _c.first.desc()
    if wanted.q is not None:
        found = _found(connection, wanted.q, stream).cte("found")
        asked.append(_c.id.in_(select(found.c.id)))
        # Not a column, so that what was found is sorted, and not all there is gone through in order.
        order = (_c.first + 0).desc()
    ways = [select(_c.first).where(way, *asked).order_by(order) for way in _ways(scope)]
    for who, few, lies in _others(scope, wanted):
        here = [lies, *asked]
        ways.append(_among(who, here) if few else _through(stream, who, here, before, down_to))
    newest = [select(way.limit(limit).subquery()) for way in ways]
    query = (
        select(_table)
        .where(_c.stream == stream, _c.first.in_(union_all(*newest)))
        .order_by(_c.first.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def _ways(scope: Scope) -> list[ColumnElement[bool]]:
    """The ways in which a row itself can be in a scope. Each is asked for its newest rows by itself: joined
    by OR, they would leave the database no index but that of all incidents.
    """
    led = [
        _place(claim) if claim.department is None else and_(_c.lead == claim.department, _place(claim))
        for claim in scope.claims
    ]
    return [_c.reported_by == scope.person, *led]


def _others(scope: Scope, wanted: Wanted) -> list[tuple[str, bool, ColumnElement[bool]]]:
    """The ways in which somebody sees a row beside its lead and its reporter: by which key, whether what is
    wanted is less than all that has that key, and where the rows lie.
    """
    # One stage's open work is less than what a department has had a part in over the years; so is what was
    # searched for. A person has had a part in less still.
    few = wanted.q is not None or (wanted.stage is not None and wanted.stage not in ENDED)
    departments = [(of_department(c.department), few, _place(c)) for c in scope.claims if c.department]
    return [(of_person(scope.person), False, true()), *departments]


def _among(who: str, asked: list[ColumnElement[bool]]) -> Select[Any]:
    """Of what is asked for, what somebody sees beside lead and reporter, newest first. That is sorted: in
    the order of all incidents, all of them would be looked through.
    """
    return select(_c.first).where(_shown_to(who), *asked).order_by((_c.first + 0).desc())


def _through(
    stream: str, who: str, asked: list[ColumnElement[bool]], before: int | None, down_to: int | None
) -> Select[Any]:
    """The same, beginning with all that they see so. The rows are looked up one by one, no further than a
    page needs.
    """
    mine = [_sight.stream == stream, _sight.who == who]
    if before is not None:
        mine.append(_sight.first < before)
    if down_to is not None:
        mine.append(_sight.first >= down_to)
    found = exists().where(_c.stream == _sight.stream, _c.id == _sight.incident, *asked)
    return select(_sight.first).where(*mine, found).order_by(_sight.first.desc())


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What is wanted, but for the search, as conditions on rows."""
    asked: list[ColumnElement[bool]] = []
    for of, value in (
        (_c.stage, wanted.stage and str(wanted.stage)),
        (_c.department, wanted.department),
        (_c.category, wanted.category),
        (_c.urgency, wanted.urgency),
        (_c.reported_by, wanted.reported_by),
    ):
        if value is not None:
            asked.append(of == value)
    if wanted.under:
        asked.append(under(wanted.under))
    if wanted.unlocated:
        asked.append(_c.path == "")
    if wanted.is_open is not None:
        ended = [str(stage) for stage in ENDED]
        asked.append(_c.stage.not_in(ended) if wanted.is_open else _c.stage.in_(ended))
    if wanted.reported_from is not None:
        asked.append(_c.reported_at >= to_micros(wanted.reported_from))
    if wanted.reported_to is not None:
        asked.append(_c.reported_at < to_micros(wanted.reported_to))
    return [*asked, *_where(wanted)]


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What is wanted of points, as conditions on rows."""
    asked = [_c.lon.is_not(None)] if wanted.on_map or wanted.boxes else []
    if wanted.boxes:
        within = [
            and_(_c.lon.between(west, east), _c.lat.between(south, north))
            for west, south, east, north in wanted.boxes
        ]
        asked.append(or_(*within))
    return asked


def _found(connection: Connection, q: str, stream: str) -> CompoundSelect[str]:
    """The ids of what is searched for: case number or the other system's number, whole; the end of a case
    number; words and address.
    """
    ours = select(_c.id).where(_c.stream == stream)
    ways: list[Any] = [ours.where(_c.case_number == q), ours.where(_c.source_number == q)]
    if _TAIL.fullmatch(q):
        ways.append(ours.where(_c.case_number.endswith(q, autoescape=True)))
    phrase = match(q)
    if phrase:
        ordinal = read_head(connection, stream).ordinal
        ways.append(
            select(_SEARCH.c.incident).where(
                text("search MATCH :phrase AND rowid BETWEEN :low AND :high").bindparams(
                    phrase=phrase, low=ordinal * STRIDE, high=(ordinal + 1) * STRIDE - 1
                )
            )
        )
    return union(*ways)


def one(connection: Connection, reference: str, scope: Scope, stream: str = MAIN) -> RowMapping:
    """The row of an incident, by its id or case number; raises UnknownIncident, also where the scope
    does not reach.
    """
    for known_by in (_c.id, _c.case_number):
        query = select(_table).where(_c.stream == stream, known_by == reference, in_scope(scope))
        row = connection.execute(query).mappings().first()
        if row is not None:
            return row
    raise UnknownIncident(incident=reference)


def id_of(connection: Connection, case_number: str, stream: str = MAIN) -> str | None:
    """The id of the incident of this case number, None where there is none; who asks may not know of it."""
    query = select(_c.id).where(_c.stream == stream, _c.case_number == case_number)
    found: str | None = connection.execute(query).scalar()
    return found
