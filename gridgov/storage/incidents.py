"""Reading incidents: lists seen through a scope, one by its id or case number, search by number, address
and words.
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
    and_,
    column,
    false,
    literal,
    or_,
    select,
    table,
    text,
    union,
    union_all,
)

from dispatch.entries import to_micros
from dispatch.lifecycle import ENDED, Stage
from gridgov.scope import Claim, Scope
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.ledger import MAIN, read_head
from gridgov.storage.tables import IncidentRow, path_text
from gridgov.storage.words import STRIDE, match

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c
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
    """The condition that a row is one which ``Scope.sees``."""
    return or_(*_ways(scope))


def in_claims(scope: Scope) -> ColumnElement[bool]:
    """The same without what the person reported: what their assignments alone cover."""
    return or_(false(), *(_claimed(claim) for claim in scope.claims))


def under(path: tuple[str, ...]) -> ColumnElement[bool]:
    """The condition that a row lies in a grid or below it: one range of the index, because "0" follows
    "/".
    """
    low = path_text(path)
    return and_(_c.path >= low, _c.path < f"{low[:-1]}0")


def _claimed(claim: Claim) -> ColumnElement[bool]:
    places: list[ColumnElement[bool]] = []
    if claim.path:
        places.append(under(claim.path))
    else:
        places.append(_c.path != "")
    if claim.tray:
        places.append(_c.path == "")
    place = or_(*places) if claim.path or not claim.tray else literal(True)
    return place if claim.department is None else and_(_c.lead == claim.department, place)


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
    newest = [
        select(select(_c.first).where(way, *asked).order_by(order).limit(limit).subquery())
        for way in _ways(scope)
    ]
    query = (
        select(_table)
        .where(_c.stream == stream, _c.first.in_(union_all(*newest)))
        .order_by(_c.first.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def _ways(scope: Scope) -> list[ColumnElement[bool]]:
    """The ways in which a row can be in a scope. Each is asked for its newest rows by itself: joined by OR,
    they would leave the database no index but that of all incidents.
    """
    return [_c.reported_by == scope.person, *(_claimed(claim) for claim in scope.claims)]


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
