"""Layers of specialised grids (专业网格) in the store: put in force as new versions, loaded for the writer,
carried over to another edition of the grids.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import orjson
import shapely
from sqlalchemy import Connection, func, select, update
from sqlmodel import col

from dispatch.categories import Categories
from dispatch.entries import SYSTEM, from_micros, to_micros
from geodata.findings import Finding
from geodata.specialised.check import cover, lost
from geodata.specialised.layers import FieldLayer, Form, SpecialisedGrid
from geodata.specialised.sets import Points, rederive
from gridgov.city_rules import parse
from gridgov.errors import BadInput, LayerOfAnotherEdition, UnknownField, UnknownLayerVersion
from gridgov.fields import Field, Fields, matters
from gridgov.in_force import Atlas
from gridgov.rows import iso
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.ledger import MAIN, Head
from gridgov.storage.tables import FieldLayerRow, IncidentRow, RulesRow, SpecialisedGridRow, StreamHead
from gridgov.storage.writer import Chore

_layer = FieldLayerRow.__table__  # type: ignore[attr-defined]
_grid = SpecialisedGridRow.__table__  # type: ignore[attr-defined]
_rules = RulesRow.__table__  # type: ignore[attr-defined]
_incident = IncidentRow.__table__  # type: ignore[attr-defined]

#: So many incidents, the newest, are enough to tell a share of one in a thousand to a tenth of itself.
MOST_PAST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A layer that was settled, to be put in force: what it matters for (see `gridgov.fields`), the findings
    of its check as plain values, and the edition that it was checked with.
    """

    layer: FieldLayer
    edition: int
    classes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """What putting a layer in force led to: its version, and whether it is new or was in force already."""

    version: int
    new: bool


def put(sent: Sent, by: str) -> Chore:
    """Put a layer in force as a new version, in place of the one of its field; the result is :class:`Put`.

    ``by`` is a person's id. The layer in force, put again, changes nothing; incidents keep the specialised
    grids that they were located in. The chore raises NoRulesYet before the first rules
    and edition, LayerOfAnotherEdition where another edition came into force meanwhile, BadInput for classes
    and categories that the rules do not have.
    """

    def run(connection: Connection, now: datetime) -> Put:
        rules, edition = _categories(connection), _edition(connection)
        if rules is None or edition is None:
            raise NoRulesYet()
        if sent.edition != edition:
            said = f"these specialised grids were checked with edition {sent.edition}, {edition} is in force"
            raise LayerOfAnotherEdition(f"{said}: check and import them again", edition=edition)
        _require_known(sent, rules)
        current = _newest(connection).get(sent.layer.key)
        version, row = _next(connection), _row(sent, now, by)
        if current is not None and _same(connection, current, row, sent.layer):
            return Put(current["version"], new=False)
        _store(connection, version, row, sent.layer)
        return Put(version, new=True)

    return Chore(run)


def remove(key: str, by: str) -> Chore:
    """Take a field's layer off: from now on no incident is located in it. The chore raises UnknownField."""

    def run(connection: Connection, now: datetime) -> None:
        current = _newest(connection).get(key)
        if current is None:
            raise UnknownField(f"no field {key!r} has a layer of specialised grids in force", field=key)
        named = {name: current[name] for name in ("key", "name_zh", "name_en")}
        nothing = {"classes": "[]", "categories": "[]", "findings": "[]", "moved": "[]"}
        about = {"version": _next(connection), "form": None, "imported_at": to_micros(now), "by": by}
        connection.execute(_layer.insert().values(**named, **nothing, **about))
        connection.execute(update(StreamHead).values(specialised=about["version"]))

    return Chore(run)


def load(connection: Connection, head: Head, atlas: Atlas) -> Fields | None:
    """The layers in force, ready for decisions; None where no field has one."""
    if head.specialised is None:
        return None
    found = [_field(connection, row) for row in _newest(connection).values()]
    return Fields.over(atlas.locator, atlas.edition, found) if found else None


def carry(
    connection: Connection,
    before: int,
    after: int,
    atlas_of: Callable[[Connection, int], Atlas],
    now: datetime,
) -> None:
    """Make the sets in force of another edition's micro-grids, as it comes into force in this transaction.

    Each becomes a new version, with what moved and what was lost: see `geodata.specialised.sets.rederive`.
    """
    sets = [row for row in _newest(connection).values() if row["form"] == Form.sets]
    rules = _categories(connection)
    if not sets or rules is None:
        return
    old, new = atlas_of(connection, before), atlas_of(connection, after)
    for row in sets:
        field = _field(connection, row)
        past = past_points(connection, field.classes, field.categories, rules)
        done = rederive(field.layer, old, new, past)
        findings: list[Finding] = [*cover(done.layer, new.hierarchy), *lost(field.layer.key, done.loss)]
        made = dict(row) | {
            "edition": after,
            "carried_from": row["version"],
            "imported_at": to_micros(now),
            "by": SYSTEM,
            "findings": _json([found.to_dict() for found in findings]),
            "moved": _json([asdict(moved) for moved in done.moved]),
        }
        _store(connection, _next(connection), made, done.layer)


def past_points(
    connection: Connection, classes: Collection[str], categories: Collection[str], rules: Categories
) -> Points | None:
    """Where incidents lie that a field of these classes and categories matters for, the newest of them; None
    where there are none.
    """
    here = _incident.c.stream == MAIN, _incident.c.lon.is_not(None)
    query = select(_incident.c.lon, _incident.c.lat).where(*here)
    if classes or categories:
        wanted = [one.key for one in rules if matters(one.key, classes, categories, rules)]
        query = query.where(_incident.c.category.in_([*wanted, *categories]))
    found = connection.execute(query.order_by(_incident.c.first.desc()).limit(MOST_PAST)).all()
    return Points([row.lon for row in found], [row.lat for row in found]) if found else None


def versions(connection: Connection) -> list[dict[str, Any]]:
    """All versions of all layers there have been, newest first, each with its state: in_force or past."""
    current = {row["version"] for row in _newest(connection).values()}
    counts = select(_grid.c.version, func.count()).group_by(_grid.c.version)
    grids = {row[0]: int(row[1]) for row in connection.execute(counts)}
    query = select(_layer).order_by(_layer.c.version.desc())
    return [_shown(dict(row), current, grids) for row in connection.execute(query).mappings()]


def findings_of(connection: Connection, version: int) -> dict[str, Any]:
    """What the check of a version found, and which micro-grids changed hands when it was carried over; raises
    UnknownLayerVersion.
    """
    query = select(_layer.c.findings, _layer.c.moved).where(_layer.c.version == version)
    row = connection.execute(query).first()
    if row is None:
        raise UnknownLayerVersion(version=version)
    return {"findings": orjson.loads(row.findings), "moved": orjson.loads(row.moved)}


def require_known(classes: Sequence[str], categories: Sequence[str], key: str, rules: Categories) -> None:
    """Raise BadInput naming every class and category, of those a field matters for, that is in no rules."""
    if wrong := _unknown(classes, categories, rules):
        raise BadInput(f"field {key!r} matters for what the rules in force do not have: {'; '.join(wrong)}")


def notes(connection: Connection, rules: Categories) -> tuple[str, ...]:
    """Which layers in force matter for classes and categories that these rules do not have."""
    found = []
    for key, row in _newest(connection).items():
        unknown = _unknown(orjson.loads(row["classes"]), orjson.loads(row["categories"]), rules)
        if unknown:
            found.append(f"field {key} matters for what these rules do not have: {'; '.join(unknown)}")
    return tuple(found)


def codes(connection: Connection) -> dict[str, frozenset[str]]:
    """The codes of the specialised grids in force, by the key of their field."""
    newest = {row["version"]: key for key, row in _newest(connection).items()}
    found: dict[str, set[str]] = {key: set() for key in newest.values()}
    query = select(_grid.c.version, _grid.c.code).where(_grid.c.version.in_(list(newest)))
    for version, code in connection.execute(query):
        found[newest[version]].add(code)
    return {key: frozenset(there) for key, there in found.items()}


def _unknown(classes: Iterable[str], categories: Iterable[str], rules: Categories) -> list[str]:
    names = [one.key for one in rules]
    return [
        *(f"class {one!r}{_near(one, rules.classes)}" for one in classes if one not in rules.classes),
        *(f"category {one!r}{_near(one, names)}" for one in categories if one not in rules),
    ]


def _require_known(sent: Sent, rules: Categories) -> None:
    require_known(sent.classes, sent.categories, sent.layer.key, rules)


def _near(wrong: str, known: Iterable[str]) -> str:
    near = get_close_matches(wrong, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _categories(connection: Connection) -> Categories | None:
    version = connection.execute(select(func.max(col(StreamHead.rules)))).scalar()
    text = connection.execute(select(_rules.c.text).where(_rules.c.version == version)).scalar()
    return None if version is None or text is None else parse(text, version).rules.categories


def _edition(connection: Connection) -> int | None:
    found: int | None = connection.execute(select(func.max(col(StreamHead.edition)))).scalar()
    return found


def _newest(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """The version in force of each field that has a layer, by its key."""
    newest = select(func.max(_layer.c.version)).group_by(_layer.c.key)
    query = select(_layer).where(_layer.c.version.in_(newest), _layer.c.form.is_not(None))
    return {row["key"]: dict(row) for row in connection.execute(query.order_by(_layer.c.key)).mappings()}


def _next(connection: Connection) -> int:
    return int(connection.execute(select(func.max(_layer.c.version))).scalar() or 0) + 1


def _row(sent: Sent, now: datetime, by: str) -> dict[str, Any]:
    return {
        "key": sent.layer.key,
        "name_zh": sent.layer.name_zh,
        "name_en": sent.layer.name_en,
        "form": str(sent.layer.form),
        "classes": _json(sorted(set(sent.classes))),
        "categories": _json(sorted(set(sent.categories))),
        "edition": sent.edition if sent.layer.form is Form.sets else None,
        "carried_from": None,
        "imported_at": to_micros(now),
        "by": by,
        "findings": _json(list(sent.findings)),
        "moved": "[]",
    }


def _same(
    connection: Connection, current: Mapping[str, Any], row: Mapping[str, Any], layer: FieldLayer
) -> bool:
    asked = ("name_zh", "name_en", "form", "classes", "categories", "edition")
    if any(current[name] != row[name] for name in asked):
        return False
    return _field(connection, current).layer == layer


def _store(connection: Connection, version: int, row: Mapping[str, Any], layer: FieldLayer) -> None:
    connection.execute(_layer.insert().values(dict(row) | {"version": version}))
    grids = [
        {
            "version": version,
            "code": one.code,
            "name": one.name,
            "team": one.team,
            "micro_grids": _json(one.micro_grids),
            "geometry": None if one.geometry is None else shapely.to_wkb(one.geometry),
        }
        for one in layer.grids
    ]
    connection.execute(_grid.insert(), grids)
    connection.execute(update(StreamHead).values(specialised=version))


def _field(connection: Connection, row: Mapping[str, Any]) -> Field:
    grids = [
        SpecialisedGrid(
            one["code"],
            one["name"],
            one["team"],
            tuple(orjson.loads(one["micro_grids"])),
            None if one["geometry"] is None else shapely.from_wkb(one["geometry"]),
        )
        for one in connection.execute(select(_grid).where(_grid.c.version == row["version"])).mappings()
    ]
    layer = FieldLayer.build(row["key"], row["name_zh"], row["name_en"], Form(row["form"]), grids)
    classes, categories = (frozenset(orjson.loads(row[name])) for name in ("classes", "categories"))
    return Field(row["version"], layer, classes, categories, row["edition"])


def _shown(row: dict[str, Any], current: set[int], grids: Mapping[int, int]) -> dict[str, Any]:
    findings = orjson.loads(row["findings"])
    return {
        "version": row["version"],
        "key": row["key"],
        "name_zh": row["name_zh"],
        "name_en": row["name_en"],
        "as": row["form"],
        "state": "in_force" if row["version"] in current else "removed" if row["form"] is None else "past",
        "grids": grids.get(row["version"], 0),
        "classes": orjson.loads(row["classes"]),
        "categories": orjson.loads(row["categories"]),
        "edition": row["edition"],
        "carried_from": row["carried_from"],
        "imported_at": iso(from_micros(row["imported_at"])),
        "by": row["by"],
        "findings": len(findings),
        "moved": len(orjson.loads(row["moved"])),
        "lost": [one["message"] for one in findings if one["code"] in ("AREA_LOST", "INCIDENTS_LOST")],
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
