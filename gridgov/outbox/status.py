"""How the outbox stands: target by target, and what is dead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from dispatch.entries import from_micros, to_micros
from gridgov import city
from gridgov.outbox import keeping
from gridgov.outbox.keeping import DEAD, WAITING
from gridgov.outbox.rules import Telling
from gridgov.rows import iso
from gridgov.settings import Settings
from gridgov.storage.ledger import MAIN, read_head


def status(connection: Connection, settings: Settings, now: datetime, stream: str = MAIN) -> dict[str, Any]:
    """Every target that the city's file has or had: how far it is, what waits and since when, what is dead,
    and what was the matter last. ``mail_server`` says whether e-mail can be sent at all.
    """
    head = read_head(connection, stream)
    found = city.current(connection)
    telling = Telling() if found is None else found.telling
    counts = keeping.counts(connection, stream)
    rows = keeping.every_target(connection, stream)
    return {
        "position": head.position,
        "mail_server": bool(settings.smtp_host and settings.smtp_from),
        "targets": [_target(row, telling, counts, head.position, now) for row in rows],
    }


def dead(
    connection: Connection, target: str | None, limit: int, offset: int = 0, stream: str = MAIN
) -> list[dict[str, Any]]:
    """What is dead at a target, or at all, the newest first."""
    return [_dead(row) for row in keeping.dead(connection, target, limit, offset, stream)]


def _target(
    row: RowMapping,
    telling: Telling,
    counts: dict[tuple[str, str], tuple[int, int]],
    head: int,
    now: datetime,
) -> dict[str, Any]:
    target = telling.target(row["name"])
    in_force = row["ended_at"] is None and target is not None
    waiting, oldest = counts.get((row["name"], WAITING), (0, None))
    return {
        "name": row["name"],
        "kind": None if target is None else str(target.kind),
        "to": None if target is None else target.shown,
        "in_force": in_force,
        "since": _iso(row["made_at"]),
        "position": row["position"],
        "behind": head - row["position"] if in_force else None,
        "waiting": waiting,
        "oldest_waiting_s": None if oldest is None else max(to_micros(now) - oldest, 0) / 1e6,
        "dead": counts.get((row["name"], DEAD), (0, None))[0],
        "delivered": row["delivered"],
        "delivered_at": _iso(row["delivered_at"]),
        "failures": row["failures"],
        "failed_at": _iso(row["failed_at"]),
        "retry_at": _iso(row["retry_at"]),
        "error": row["error"],
        "secret_at": _iso(row["secret_at"]),
        "both_until": _iso(row["old_until"]) if (row["old_until"] or 0) > to_micros(now) else None,
    }


def _dead(row: RowMapping) -> dict[str, Any]:
    names = ("id", "target", "recipient", "notice", "event", "position", "incident", "number", "attempts")
    times = {name: _iso(row[name]) for name in ("made_at", "tried_at", "settled_at")}
    return {name: row[name] for name in names} | times | {"error": row["error"]}


def _iso(micros: int | None) -> str | None:
    return None if micros is None else iso(from_micros(micros))
