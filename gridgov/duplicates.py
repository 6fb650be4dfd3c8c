"""What may be the same as a report (并案建议): suggestions for whoever joins or reports; nothing is joined.

Which two reports are alike is `dispatch.duplicates.alike`; here they are looked for in one index, of a
category and the days around, and told with how far and how long they are apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, RowMapping, case, select

from dispatch.duplicates import Sight, alike, distance_m, may_lead, off_m
from dispatch.entries import Place, from_micros, to_micros
from dispatch.lifecycle import STAGE_ZH, Stage
from dispatch.rules import Rules
from gridgov.in_force import InForce
from gridgov.scope import Scope
from gridgov.siting import SentPosition, locate
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import in_scope, one
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import IncidentRow

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_c = _table.c

#: Suggestions shown; more are counted. Nobody compares more.
MOST: Final = 50
#: A degree of latitude is nowhere shorter, in metres: what lies farther north or south is not measured.
_DEGREE_M: Final = 110_500
#: What nobody is to be joined to, whatever it is alike: it stands for nothing, or for another.
_LEFT_OUT: Final = tuple(map(str, (Stage.JOINED, Stage.CANCELLED, Stage.REJECTED)))


@dataclass(frozen=True, slots=True)
class Before:
    """A report before it is sent: what, where, and when it happened, None for now."""

    category: str
    position: SentPosition
    happened_at: datetime | None = None


def of_incident(
    engine: Engine, in_force: InForce, scope: Scope, reference: str, stream: str = MAIN
) -> dict[str, Any]:
    """What may be the same as an incident, by its id or case number; raises UnknownIncident.

    Where it has no point nothing can be said, and ``why_none`` tells so.
    """
    with snapshot(engine) as connection:
        row = one(connection, reference, scope, stream)
        like = _sight(in_force.rules, row)
        found = _alike(connection, in_force.rules, scope, like, row["id"], stream)
    return {"incident": row["id"], "case_number": row["case_number"], **_told(like, found, in_force)}


def before_sending(
    engine: Engine, in_force: InForce, scope: Scope, asked: Before, now: datetime, stream: str = MAIN
) -> dict[str, Any]:
    """What may be the same as a report that is about to be sent; raises UnknownCategory, UnnamedDatum."""
    one = in_force.rules.categories.get(asked.category)
    like = Sight(one.key, locate(in_force, asked.position), asked.happened_at or now, one.class_key)
    with snapshot(engine) as connection:
        found = _alike(connection, in_force.rules, scope, like, None, stream)
    return {"incident": None, "case_number": None, **_told(like, found, in_force)}


def _alike(
    connection: Connection, rules: Rules, scope: Scope, like: Sight, but: str | None, stream: str
) -> list[tuple[float, RowMapping]]:
    """The rows that are alike, each with its distance in metres: nearest first, then newest, then by id."""
    if like.place.lat is None:
        return []
    far = rules.likeness.within_m / _DEGREE_M
    south, north = like.place.lat - far, like.place.lat + far
    span, kinds = rules.likeness.span, _categories(rules, like)
    # Inside an expression no column leads to another index: those hold the other categories and years too.
    asked = [_c.lat.between(south, north), _c.stage.not_in(_LEFT_OUT), in_scope(scope)]
    query = select(_table).where(
        _c.stream == stream,
        _c.category.in_(kinds),
        _c.reported_at.between(to_micros(like.at - span), to_micros(like.at + span)),
        *(case((condition, 1), else_=0) == 1 for condition in asked),
    )
    found = []
    for row in connection.execute(query).mappings():
        other = _sight(rules, row)
        apart = distance_m(like.place, other.place)
        if apart is None or row["id"] == but or _is_history(row):
            continue
        if alike(like, other, rules.likeness):
            found.append((apart, row))
    return sorted(found, key=lambda one: (one[0], -one[1]["reported_at"], one[1]["id"]))


def _categories(rules: Rules, like: Sight) -> tuple[str, ...]:
    """The keys of the categories that are looked through."""
    whole = rules.categories.classes.get(like.category_class, ()) if rules.likeness.whole_class else ()
    return (like.category, *(one.key for one in whole if one.key != like.category))


def _sight(rules: Rules, row: RowMapping) -> Sight:
    """An incident as it was reported; of no class where the rules do not have its category any more."""
    category, known = row["category"], rules.categories
    of_class = known.get(category).class_key if category in known else ""
    return Sight(category, _place(row), from_micros(row["reported_at"]), of_class)


def _is_history(row: RowMapping) -> bool:
    """Did another system close it? Nobody works on it here."""
    return bool(row["imported"]) and row["stage"] == Stage.CLOSED


def _place(row: RowMapping) -> Place:
    return Place(lon=row["lon"], lat=row["lat"], accuracy_m=row["accuracy_m"])


def _told(like: Sight, found: list[tuple[float, RowMapping]], in_force: InForce) -> dict[str, Any]:
    rules = in_force.rules
    known = rules.categories
    pointless = like.place.lat is None
    return {
        "zone": in_force.city.zone,
        "category": like.category,
        "category_zh": known.get(like.category).name_zh if like.category in known else like.category,
        "at": like.at,
        "accuracy_m": like.place.accuracy_m,
        "within_m": rules.likeness.within_m,
        "within_s": rules.likeness.span.total_seconds(),
        "whole_class": rules.likeness.whole_class,
        "count": len(found),
        "why_none_zh": "没有坐标，无从比较远近" if pointless else None,
        "why_none_en": "it has no point: nobody knows what is near" if pointless else None,
        "rows": [_row(like, apart, row, in_force) for apart, row in found[:MOST]],
    }


def _row(like: Sight, apart: float, row: RowMapping, in_force: InForce) -> dict[str, Any]:
    stage, known = Stage(row["stage"]), in_force.rules.categories
    reported_at, category = from_micros(row["reported_at"]), row["category"]
    age = like.at - reported_at
    off = off_m(like.place, _place(row))
    leads = may_lead(stage)
    return {
        "incident": row["id"],
        "case_number": row["case_number"],
        "number": row["number"],
        "category": category,
        "category_zh": known.get(category).name_zh if category in known else category,
        "stage": str(stage),
        "stage_zh": STAGE_ZH[stage],
        "reported_at": reported_at,
        "distance_m": apart,
        "off_m": off,
        "off_zh": "误差未知" if off is None else f"可能偏差 {off:.0f} 米",
        "off_en": "nobody stated how far off" if off is None else f"may be {off:.0f} m off",
        "age_s": age.total_seconds(),
        "age_zh": _ago(age, ("天", "小时", "分钟"), "", ("前", "后"), "一分钟内"),
        "age_en": _ago(age, (" d", " h", " min"), " ", (" before", " after"), "within a minute"),
        "followers": len(orjson.loads(row["followers"])),
        "can_lead": leads,
        "why_not_zh": None if leads else f"{STAGE_ZH[stage]}：只能并入本系统在办的案卷",
        "why_not_en": None if leads else f"{stage}: only what is open and ours can lead",
    }


def _ago(age: timedelta, units: tuple[str, str, str], between: str, ends: tuple[str, str], none: str) -> str:
    """How long before (age above zero) or after something was reported, to the minute, two parts at most."""
    minutes = int(abs(age).total_seconds()) // 60
    counts = (minutes // 1440, minutes // 60 % 24, minutes % 60)
    parts = [f"{count}{unit}" for count, unit in zip(counts, units, strict=True) if count][:2]
    if not parts:
        return none
    return between.join(parts) + ends[age < timedelta()]
