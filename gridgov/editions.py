"""Editions of the grids in the store: a hierarchy goes in as a new one, to take effect at once or at a date,
and comes out as an atlas.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import Connection, func, select, update
from sqlmodel import col

from dispatch.entries import from_micros, to_micros
from geodata.errors import UnusableIndex
from geodata.grids import GridRow as Row
from geodata.grids import Hierarchy, Level
from geodata.locate import Locator
from gridgov import specialised
from gridgov.errors import BadInput, EditionInForce, EditionScheduled, UnknownEdition
from gridgov.in_force import Atlas
from gridgov.rows import iso
from gridgov.storage.engine import database_file
from gridgov.storage.ledger import Head
from gridgov.storage.tables import EditionRow, GridRow, StreamHead, path_text
from gridgov.storage.writer import Chore
from gridgov.succession import Compared, carry_assignments, compared_with, require_accepted

_edition = EditionRow.__table__  # type: ignore[attr-defined]
_grid = GridRow.__table__  # type: ignore[attr-defined]
#: So many atlases stay in memory: the one in force, the one before it while commands still hold it, and two
#: that somebody asks figures in. Some 40 MB each for 5,000 polygons.
_KEPT: Final = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import led to: the edition, whether it is new, from when on it is in force (UTC text), and how
    many grids changed in which way.
    """

    edition: int
    new: bool
    effective_at: str
    changes: Mapping[str, int] = field(default_factory=dict)


def import_edition(
    hierarchy: Hierarchy,
    name: str,
    *,
    made_up: bool,
    findings: Sequence[Mapping[str, Any]],
    by: str,
    effective_at: datetime | None = None,
    compared: Compared | None = None,
) -> Chore:
    """Take a hierarchy in as a new edition, in force at once or from ``effective_at`` on; the chore's result
    is :class:`Imported`.

    ``findings`` are those of its check, accepted ones with their reasons, kept with it; ``by`` a person's id;
    ``compared`` what `compare_in_store` said, worked out here where that is left out or out of date. The
    edition in force, imported again with the same name, changes nothing. The chore raises EditionScheduled
    while another one waits for its date, UnacceptedFindings where a retired code comes back for another
    place, BadInput for a date that has passed.
    """
    rows, levels = hierarchy.to_rows(), _levels_text(hierarchy.levels)
    drawn = [
        {**row, "path": path_text(hierarchy.path(grid))}
        for row, grid in zip(rows, hierarchy.grids, strict=True)
    ]
    same = (name, made_up, digest(levels, rows))

    def run(connection: Connection, now: datetime) -> Imported:
        current = edition_in_force(connection)
        known = _known(connection, same, current, effective_at)
        if known is not None:
            return known
        if effective_at is not None and (current is None or effective_at <= now):
            said = "the first edition takes effect" if current is None else "an edition takes effect"
            raise BadInput(f"{said} now (leave the date out)" + ("" if current is None else " or later"))
        found = compared
        if found is None or found.edition != current:
            found = compare_in_store(connection, hierarchy)
        kept = [*findings, *require_accepted(found.reused, findings)]
        effective = now if effective_at is None else effective_at
        number = (connection.execute(select(func.max(_edition.c.id))).scalar() or 0) + 1
        about = {"name": name, "made_up": made_up, "by": by, "levels": levels, "replaces": current}
        times = {"imported_at": to_micros(now), "effective_at": to_micros(effective)}
        texts = {"findings": orjson.dumps(kept).decode(), "changes": found.text()}
        connection.execute(_edition.insert().values(about | times | texts | {"id": number}))
        connection.execute(_grid.insert(), [one | {"edition": number} for one in drawn])
        if effective_at is None:
            put_in_force(connection, number, now)
        else:
            waiting = {"next_edition": number, "switch_at": to_micros(effective)}
            connection.execute(update(StreamHead).values(waiting))
        return Imported(number, True, iso(effective), found.counts)

    return Chore(run)


def _known(
    connection: Connection, same: tuple[str, bool, bytes], current: int | None, effective_at: datetime | None
) -> Imported | None:
    """The edition that this is already, None where it is a new one; raises EditionScheduled."""
    waiting = connection.execute(select(func.max(col(StreamHead.next_edition)))).scalar()
    for number in (waiting, current):
        if number is None or _described(connection, number) != same:
            continue
        since = from_micros(_about(connection, number)["effective_at"])
        if number == waiting and effective_at not in (None, since):
            break
        if waiting is None or number == waiting:
            return Imported(number, False, iso(since))
    if waiting is not None:
        since = from_micros(_about(connection, waiting)["effective_at"])
        raise EditionScheduled(
            f"edition {waiting} waits to take effect at {iso(since)}, and what comes after it has to be "
            "compared with it: withdraw it first, or wait",
            edition=waiting,
            effective_at=iso(since),
        )
    return None


def put_in_force(connection: Connection, edition: int, now: datetime) -> None:
    """From now on this is the edition in force; assignments to grids that it retired are carried over, and
    specialised grids that are sets of micro-grids.
    """
    connection.execute(update(StreamHead).values(edition=edition, next_edition=None, switch_at=None))
    about = _about(connection, edition)
    if about["changes"] is not None:
        carry_assignments(connection, edition, *Compared.successors_of(about["changes"]), now)
    if about["replaces"] is not None:
        specialised.carry(connection, about["replaces"], edition, atlas_of, now)


def switch(connection: Connection, head: Head, now: datetime) -> bool:
    """Put the edition in force whose date has come; True if there was one. Asked before each transaction."""
    if head.next_edition is None or head.switch_at is None or head.switch_at > to_micros(now):
        return False
    put_in_force(connection, head.next_edition, now)
    return True


def withdraw(edition: int, by: str) -> Chore:
    """Call off an edition before it takes effect; it stays on record. The chore raises UnknownEdition, and
    EditionInForce where its date has come.
    """

    def run(connection: Connection, now: datetime) -> None:
        about = _about(connection, edition)
        waiting = connection.execute(select(func.max(col(StreamHead.next_edition)))).scalar()
        if about["withdrawn_at"] is not None:
            return
        if waiting != edition:
            raise EditionInForce(edition=edition)
        connection.execute(
            update(_edition)
            .where(_edition.c.id == edition)
            .values(withdrawn_at=to_micros(now), withdrawn_by=by)
        )
        connection.execute(update(StreamHead).values(next_edition=None, switch_at=None))

    return Chore(run)


def edition_in_force(connection: Connection) -> int | None:
    """The number of the edition in force; None before the first."""
    found: int | None = connection.execute(select(func.max(col(StreamHead.edition)))).scalar()
    return found


def in_force_at(connection: Connection, moment: datetime) -> int:
    """The edition that was, is or by now is to be in force at a moment; before the first, the first.

    Raises UnknownEdition where there is none at all.
    """
    ours = select(_edition.c.id).where(_edition.c.withdrawn_at.is_(None))
    newest = ours.order_by(_edition.c.effective_at.desc(), _edition.c.id.desc())
    found = connection.execute(newest.where(_edition.c.effective_at <= to_micros(moment))).scalar()
    if found is None:
        found = connection.execute(ours.order_by(_edition.c.effective_at, _edition.c.id)).scalar()
    if found is None:
        raise UnknownEdition("there is no edition of the grids yet: import one")
    return int(found)


def editions(connection: Connection) -> list[dict[str, Any]]:
    """All editions there have been, newest first, each with its state: in_force, scheduled, past or
    withdrawn.
    """
    current = edition_in_force(connection)
    query = select(_edition).order_by(_edition.c.id.desc())
    return [_shown(dict(row), current) for row in connection.execute(query).mappings()]


def changes_of(connection: Connection, edition: int) -> dict[str, Any] | None:
    """What an edition changed of the one before, as `geodata.editions.Comparison.to_dict` says it; None for
    the first. Raises UnknownEdition.
    """
    text = _about(connection, edition)["changes"]
    return None if text is None else Compared.changes_of(text)


def findings_of(connection: Connection, edition: int) -> list[dict[str, Any]]:
    """What an edition's check found when it came in, accepted or not; raises UnknownEdition."""
    found: list[dict[str, Any]] = orjson.loads(_about(connection, edition)["findings"])
    return found


def hierarchy_of(connection: Connection, edition: int) -> Hierarchy:
    """The hierarchy of an edition, without an index to locate points in it; raises UnknownEdition."""
    return Hierarchy.from_rows(
        _text_levels(_about(connection, edition)["levels"]), _rows(connection, edition)
    )


def compare_in_store(connection: Connection, hierarchy: Hierarchy) -> Compared:
    """What a new drawing would change of the edition in force, and which retired codes it takes up again."""
    current = edition_in_force(connection)
    if current is None:
        return Compared(None)
    earlier = select(_edition.c.id).where(_edition.c.withdrawn_at.is_(None), _edition.c.id != current)
    numbers = connection.execute(earlier.order_by(_edition.c.id)).scalars().all()
    old = hierarchy_of(connection, current)
    return compared_with(current, old, hierarchy, _hierarchies(connection, numbers))


def _hierarchies(connection: Connection, numbers: Iterable[int]) -> Iterator[Hierarchy]:
    for number in numbers:
        yield hierarchy_of(connection, number)


def digest(levels: str, rows: Iterable[Row]) -> bytes:
    """SHA-256 over levels and grids, whatever order they come in: the same drawing has the same digest."""
    total = hashlib.sha256(levels.encode())
    for row in sorted(rows, key=lambda row: (row["level"], row["code"])):
        named = (row["level"], row["code"], row["name"], row["parent"], row["responsible_unit"])
        total.update(repr((*named, len(row["geometry"]))).encode())
        total.update(row["geometry"])
    return total.digest()


class Atlases:
    """Atlases by the content of their edition: building one takes a second, comparing two milliseconds."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._made: dict[bytes, tuple[Hierarchy, Locator]] = {}
        self._lock = threading.Lock()

    def atlas(self, connection: Connection, edition: int) -> Atlas | None:
        """The atlas of an edition; None where the store has no such edition."""
        about = connection.execute(select(_edition).where(_edition.c.id == edition)).mappings().first()
        if about is None:
            return None
        rows = _rows(connection, edition)
        key = digest(about["levels"], rows)
        with self._lock:
            made = self._made.pop(key, None)
            if made is None:
                hierarchy = Hierarchy.from_rows(_text_levels(about["levels"]), rows)
                made = hierarchy, _locator(hierarchy, _index_file(connection, key))
            self._made[key] = made
            for oldest in list(self._made)[: -self._kept]:
                del self._made[oldest]
        return Atlas(edition, about["name"], about["made_up"], *made)


#: Those of this process, whoever asks for them.
ATLASES: Final = Atlases()


def atlas_of(connection: Connection, edition: int) -> Atlas:
    """The atlas of an edition, in force or not; raises UnknownEdition. The last asked for stay in memory."""
    found = ATLASES.atlas(connection, edition)
    if found is None:
        raise UnknownEdition(edition=edition)
    return found


def _index_file(connection: Connection, key: bytes) -> Path:
    """Where the index of a drawing is kept: beside the store, and lost without harm."""
    return database_file(str(connection.engine.url)).parent / "index" / f"{key.hex()[:32]}.index"


def _locator(hierarchy: Hierarchy, file: Path) -> Locator:
    """The locator of a hierarchy, by its saved index where there is one: building it takes a second."""
    try:
        return Locator.load(hierarchy, file)
    except UnusableIndex as why:
        if file.exists():
            log.warning("a saved index is of no use and is made anew", file=str(file), why=str(why))
    made = Locator(hierarchy)
    try:
        made.save(file)
    except OSError as error:
        # Whoever only reads the store may not be allowed to write beside it.
        log.info("the index could not be saved: it is built at every start", file=str(file), why=str(error))
    return made


def _about(connection: Connection, edition: int) -> Mapping[str, Any]:
    found = connection.execute(select(_edition).where(_edition.c.id == edition)).mappings().first()
    if found is None:
        raise UnknownEdition(edition=edition)
    return dict(found)


def _described(connection: Connection, edition: int) -> tuple[str, bool, bytes]:
    about = _about(connection, edition)
    return about["name"], about["made_up"], digest(about["levels"], _rows(connection, edition))


def _shown(row: Mapping[str, Any], current: int | None) -> dict[str, Any]:
    scheduled = current is None or row["id"] > current
    state = "in_force" if row["id"] == current else "scheduled" if scheduled else "past"
    return {
        "edition": row["id"],
        "name": row["name"],
        "made_up": bool(row["made_up"]),
        "state": state if row["withdrawn_at"] is None else "withdrawn",
        "effective_at": iso(from_micros(row["effective_at"])),
        "imported_at": iso(from_micros(row["imported_at"])),
        "by": row["by"],
        "replaces": row["replaces"],
        "withdrawn_at": None if row["withdrawn_at"] is None else iso(from_micros(row["withdrawn_at"])),
        "withdrawn_by": row["withdrawn_by"],
    }


def _rows(connection: Connection, edition: int) -> list[Row]:
    columns = [_grid.c[name] for name in Row.__annotations__]
    found = connection.execute(select(*columns).where(_grid.c.edition == edition)).mappings()
    return [Row(**row) for row in found]  # type: ignore[typeddict-item]


def _levels_text(levels: Iterable[Level]) -> str:
    return orjson.dumps([asdict(level) for level in levels]).decode()


def _text_levels(text: str) -> tuple[Level, ...]:
    return tuple(Level(**level) for level in orjson.loads(text))
