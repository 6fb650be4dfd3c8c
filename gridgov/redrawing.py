"""What a new drawing of the grids changes, told before it is in force: grids, open incidents, assignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from dispatch.lifecycle import ENDED
from geodata.editions import compare
from geodata.grids import GridPath, Hierarchy
from geodata.locate import Locator
from gridgov.editions import (
    atlas_of,
    changes_of,
    compare_in_store,
    editions,
    findings_of,
    hierarchy_of,
)
from gridgov.errors import BadInput
from gridgov.storage.tables import EditionRow, IncidentRow, path_text, text_path
from gridgov.succession import Compared, Successors, would_carry

_edition = EditionRow.__table__  # type: ignore[attr-defined]
_incident = IncidentRow.__table__  # type: ignore[attr-defined]

#: So many pairs of grids between which open incidents move are named one by one.
MOST_PAIRS: Final = 20


@dataclass(frozen=True, slots=True)
class Incidents:
    """Open incidents with a point: how many, and of these how many will lie in another grid, in none any more
    (``to_tray``), or in one for the first time (``from_tray``); the commonest ``pairs`` (from, to, how many).
    """

    open: int = 0
    moved: int = 0
    to_tray: int = 0
    from_tray: int = 0
    pairs: tuple[tuple[GridPath, GridPath, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Touched:
    """What hangs on the grids: open incidents, assignments to grids that will be no more (see
    `gridgov.succession.would_carry`), and ``displaced`` ones: their grid's code will stand for another place.
    """

    incidents: Incidents = field(default_factory=Incidents)
    assignments: tuple[dict[str, Any], ...] = ()
    displaced: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        pairs = [
            {"from": list(before), "to": list(after), "incidents": many}
            for before, after, many in self.incidents.pairs
        ]
        counted = {name: getattr(self.incidents, name) for name in ("open", "moved", "to_tray", "from_tray")}
        return {
            "incidents": counted | {"pairs": pairs},
            "assignments": list(self.assignments),
            "displaced": list(self.displaced),
        }


def preview(connection: Connection, hierarchy: Hierarchy, now: datetime) -> tuple[Compared, Touched]:
    """What putting a hierarchy in force would change; nothing, before the first edition. Writes nothing."""
    compared = compare_in_store(connection, hierarchy)
    if compared.edition is None:
        return compared, Touched()
    reused = [(found.level, found.grids[0]) for found in compared.reused]
    old = hierarchy_of(connection, compared.edition)
    return compared, _touched(
        connection, (old, hierarchy), Locator(hierarchy), compared.successors, reused, now
    )


def comparison_of(connection: Connection, edition: int, now: datetime) -> dict[str, Any]:
    """What an edition changed of the one before, and while it is still to come, what it will touch.

    ``changes`` is None for the first edition, ``touched`` unless it is scheduled. Raises UnknownEdition.
    """
    changes = changes_of(connection, edition)
    (about,) = (one for one in editions(connection) if one["edition"] == edition)
    touched = None
    if changes is not None and about["state"] == "scheduled":
        atlas, old = atlas_of(connection, edition), hierarchy_of(connection, about["replaces"])
        findings = [one for one in findings_of(connection, edition) if one["code"] == "CODE_REUSED"]
        touched = _touched(
            connection,
            (old, atlas.hierarchy),
            atlas.locator,
            _successors(connection, edition),
            [(one["level"], one["grids"][0]) for one in findings],
            now,
        ).to_dict()
    return about | {"changes": changes, "touched": touched}


def comparison_map(connection: Connection, edition: int) -> bytes:
    """What an edition changed of the one before as GeoJSON, each change with the ground concerned; worked
    out anew, which takes seconds. Raises UnknownEdition, and BadInput for the first edition.
    """
    new = hierarchy_of(connection, edition)
    (about,) = (one for one in editions(connection) if one["edition"] == edition)
    if about["replaces"] is None:
        raise BadInput(
            f"edition {edition} is the first: there is nothing to compare it with", edition=edition
        )
    return compare(hierarchy_of(connection, about["replaces"]), new).to_geojson()


def _successors(connection: Connection, edition: int) -> Successors:
    """Where the grids that are no more lead to, as it was worked out when the edition came in."""
    text = connection.execute(select(_edition.c.changes).where(_edition.c.id == edition)).scalar_one()
    return Compared.successors_of(text)[0]


def _touched(
    connection: Connection,
    drawings: tuple[Hierarchy, Hierarchy],
    locator: Locator,
    successors: Successors,
    reused: Iterable[tuple[str, str]],
    now: datetime,
) -> Touched:
    """What hangs on the old one of two drawings; ``reused``: level and code of what is another place now."""
    old, new = drawings
    codes = set(reused)
    drawn = {path_text(new.path(grid)) for grid in new.grids}
    elsewhere = {
        path_text(old.path(grid)) for grid in old.grids if (old.levels[grid.level].key, grid.code) in codes
    }
    found = would_carry(connection, successors, now)
    displaced = [one for one in found if path_text(tuple(one["from"])) in elsewhere & drawn]
    return Touched(
        _incidents(connection, locator),
        tuple(one for one in found if one not in displaced),
        tuple({name: value for name, value in one.items() if name != "to"} for one in displaced),
    )


def _incidents(connection: Connection, locator: Locator) -> Incidents:
    """The open incidents, located anew by the points that were kept."""
    query = select(_incident.c.path, _incident.c.lon, _incident.c.lat).where(
        _incident.c.stage.not_in([str(stage) for stage in ENDED]), _incident.c.lon.is_not(None)
    )
    rows = connection.execute(query).all()
    if not rows:
        return Incidents()
    numbers = locator.index_many(np.array([row.lon for row in rows]), np.array([row.lat for row in rows]))
    moves = Counter(
        (text_path(row.path), locator.paths[number] if number >= 0 else ())
        for row, number in zip(rows, numbers.tolist(), strict=True)
    )
    changed = {pair: many for pair, many in moves.items() if pair[0] != pair[1]}
    pairs = sorted(((*pair, many) for pair, many in changed.items()), key=lambda one: (-one[2], one[:2]))
    return Incidents(
        open=len(rows),
        moved=sum(many for (before, after), many in changed.items() if before and after),
        to_tray=sum(many for (_, after), many in changed.items() if not after),
        from_tray=sum(many for (before, _), many in changed.items() if not before),
        pairs=tuple(pairs[:MOST_PAIRS]),
    )
