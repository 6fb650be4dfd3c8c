"""The city's rules and grids as dated versions in the store: put in force, given back, loaded for the writer.

What a file may say stands in `gridgov.city_text` and `gridgov.city_tables`, how it becomes rules in
`gridgov.city_rules`, what one version changes of another in `gridgov.city_plan` and `gridgov.city_effects`,
what is to be known of one in `gridgov.city_notes`, how grids go in and out in `gridgov.editions`; all are
reached through here.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, update
from sqlmodel import col

from dispatch.entries import to_micros
from dispatch.lifecycle import ENDED
from geodata.grids import Hierarchy
from gridgov import specialised
from gridgov.city_effects import Effect, effects
from gridgov.city_limits import require_ends
from gridgov.city_notes import notes
from gridgov.city_plan import Change, plan
from gridgov.city_rules import City, parse, require_no_secret
from gridgov.city_text import BadCityFile, Problem, read_file
from gridgov.clock import new_token
from gridgov.editions import (
    ATLASES,
    Imported,
    atlas_of,
    changes_of,
    compare_in_store,
    edition_in_force,
    editions,
    findings_of,
    hierarchy_of,
    import_edition,
    in_force_at,
    withdraw,
)
from gridgov.errors import ServiceError
from gridgov.in_force import InForce
from gridgov.outbox import keeping
from gridgov.storage.ledger import Head, read_head
from gridgov.storage.tables import IncidentRow, RulesRow, StreamHead
from gridgov.storage.writer import Chore

__all__ = [
    "Applied",
    "BadCityFile",
    "Change",
    "City",
    "Effect",
    "Imported",
    "Problem",
    "RulesMoved",
    "StillInUse",
    "apply",
    "atlas_of",
    "changes_of",
    "compare_in_store",
    "current",
    "drawn",
    "edition_in_force",
    "editions",
    "effects",
    "export",
    "findings_of",
    "hierarchy_of",
    "import_edition",
    "in_force_at",
    "load_in_force",
    "notes",
    "notes_in_store",
    "parse",
    "plan",
    "read_file",
    "require_ends",
    "stranded",
    "withdraw",
]

_rules = RulesRow.__table__  # type: ignore[attr-defined]
_incident = IncidentRow.__table__  # type: ignore[attr-defined]
_ENDED: Final = tuple(str(stage) for stage in ENDED)


class RulesMoved(ServiceError):
    """Other rules came into force since you looked; look at what they changed, and plan again."""


class StillInUse(ServiceError):
    """Open incidents stand in a category, or lie with a department, that these rules do not have any more."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a city's file led to; ``new`` is False where it was in force already, word for word."""

    version: int
    new: bool
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stranded:
    """Open incidents that rules would leave without their category or department."""

    what: str
    name: str
    incidents: int

    def __str__(self) -> str:
        return f"{self.incidents} open in {self.what} {self.name!r}"


def load_in_force(connection: Connection, head: Head) -> InForce | None:
    """The rules, edition and specialised grids that the head names, ready for decisions; None while rules or
    edition are missing.

    A change of rules leaves the atlas as it is. Raises BadCityFile where the stored file is one
    that this program does not read: a newer one put it in force.
    """
    if head.rules is None or head.edition is None:
        return None
    city = _stored(connection, head.rules)
    atlas = ATLASES.atlas(connection, head.edition)
    if city is None or atlas is None:
        return None
    return InForce(city.facts, city.rules, atlas, specialised.load(connection, head, atlas))


def current(connection: Connection) -> City | None:
    """The city whose rules are in force; None before the first."""
    version = connection.execute(select(func.max(col(StreamHead.rules)))).scalar()
    return None if version is None else _stored(connection, version)


def export(city: City) -> str:
    """The city's file as it was applied, comments and all."""
    return city.text


def apply(text: str, by: str, seen: int | None = None) -> Chore:
    """Put a city's file in force as a new version; the chore's result is :class:`Applied`.

    ``by`` is a person's id, ``seen`` the version the caller planned against (0 before the first, None
    whatever is in force). Raises BadCityFile at once, also for a file that holds a password, which would be
    kept and given back with it; the chore raises RulesMoved, StillInUse where open
    incidents would be left without their category or department, and BadCityFile where a limit would never
    end. The file in force, applied again, changes nothing.
    """
    require_no_secret(parse(text, 0))

    def run(connection: Connection, now: datetime) -> Applied:
        old = current(connection)
        in_force = old.version if old else 0
        if seen is not None and seen != in_force:
            raise RulesMoved(
                f"you planned on version {seen}, version {in_force} is in force now",
                seen=seen,
                version=in_force,
            )
        if old is not None and old.text == text:
            return Applied(in_force, False, (), ())
        version = (connection.execute(select(func.max(_rules.c.version))).scalar() or 0) + 1
        new = parse(text, version)
        _require_kept(connection, new)
        require_ends(new, now)
        known = notes_in_store(connection, new)
        connection.execute(
            _rules.insert().values(version=version, applied_at=to_micros(now), by=by, text=text)
        )
        connection.execute(update(StreamHead).values(rules=version))
        keeping.follow(connection, new.telling, now, read_head(connection).position, new_token)
        return Applied(version, True, tuple(plan(old, new)), known)

    return Chore(run)


def drawn(connection: Connection) -> Hierarchy | None:
    """The hierarchy in force; None before the first edition."""
    edition = connection.execute(select(func.max(col(StreamHead.edition)))).scalar()
    atlas = None if edition is None else ATLASES.atlas(connection, edition)
    return None if atlas is None else atlas.hierarchy


def notes_in_store(connection: Connection, city: City) -> tuple[str, ...]:
    """What is in order and yet to be known of a city's file, beside the grids and the layers in force, and
    beside the open incidents, before it comes into force itself.
    """
    return (
        *notes(city, drawn(connection), specialised.codes(connection)),
        *specialised.notes(connection, city.rules.categories),
        *_standards_gone(connection, city),
    )


def _standards_gone(connection: Connection, city: City) -> Iterator[str]:
    """Open incidents in case standards that these rules do not have: they go on by their category's own."""
    there = {(one.key, norm.code) for one in city.rules.categories for norm in one.standards}
    row = _incident.c
    query = (
        select(row.category, row.standard, func.count())
        .where(row.stage.not_in(_ENDED), row.standard.is_not(None))
        .group_by(row.category, row.standard)
        .order_by(row.category, row.standard)
    )
    for name, code, many in connection.execute(query):
        if name in city.rules.categories and (city.rules.categories.get(name).key, code) not in there:
            yield (
                f"{many} open in case standard {code!r} of {name}, which these rules do not have: limit and"
                " department of the category itself are theirs from now on"
            )


def stranded(connection: Connection, city: City) -> tuple[Stranded, ...]:
    """The open incidents that these rules would leave without their category or department, most first.

    Imported history may stand in a category that no rules ever had; that is not for them to keep.
    """
    old = current(connection)
    if old is None:
        return ()
    before, after = old.rules, city.rules
    lost = [
        *_lost(connection, _incident.c.category, "category", before.categories, after.categories),
        *_lost(
            connection,
            _incident.c.lead,
            "department",
            before.routing.departments,
            after.routing.departments,
        ),
    ]
    return tuple(sorted(lost, key=lambda found: (-found.incidents, found.name)))


def _lost(
    connection: Connection, column: Any, what: str, before: Container[str], after: Container[str]
) -> list[Stranded]:
    open_ones = _incident.c.stage.not_in(_ENDED)
    query = select(column, func.count()).where(open_ones, column.is_not(None)).group_by(column)
    found = connection.execute(query)
    return [Stranded(what, name, many) for name, many in found if name in before and name not in after]


def _require_kept(connection: Connection, city: City) -> None:
    if lost := stranded(connection, city):
        raise StillInUse(
            "these rules would leave open incidents behind: "
            + "; ".join(map(str, lost[:10]))
            + ". Keep what they need, make the old key an alias of the new category, or close them first",
            stranded=[{"what": one.what, "name": one.name, "incidents": one.incidents} for one in lost],
        )


def _stored(connection: Connection, version: int) -> City | None:
    text = connection.execute(select(_rules.c.text).where(_rules.c.version == version)).scalar()
    return None if text is None else parse(text, version)
