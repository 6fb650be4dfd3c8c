"""A store of made-up incidents at the size of a city, for `bench_closure`: rows as the projection holds them.

The incidents are invented (uniformly over the grids, 94 % of them closed, as in Bao'an); they have rows and
no entries in the ledger, for it is their rows that are read and counted. Nobody's history is like this.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from dispatch.lifecycle import Stage
from gridgov.storage.tables import IncidentRow, path_text

_table = IncidentRow.__table__  # type: ignore[attr-defined]
#: Rows made at a time.
CHUNK: Final = 100_000
#: The first tenth is made up, the others are it once more, later.
COPIES: Final = 10
DAY_US: Final = 86_400_000_000
#: 2023-11-14 22:13:20 UTC; three years from then on.
BEGINS_US: Final = 1_700_000_000_000_000
SPAN_US: Final = 3 * 365 * DAY_US
#: Shares and lengths as they are made up here.
CLOSED, SELF_HANDLED, SUSPENDED, CALLED_BACK = 0.94, 0.05, 0.02, 0.3
LIMITS_H: Final = (2, 24, 48, 120)
DEPARTMENTS, CREWS, INSPECTORS = 56, 400, 5000
CHANNELS: Final = ("inspector", "hotline", "app", "camera")
URGENCIES: Final = ("ordinary", "urgent", "critical")


def fill(
    store: Path,
    paths: list[tuple[str, ...]],
    categories: list[str],
    incidents: int,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Put so many incidents into an empty store, and move the end of its ledger behind them."""
    db = sqlite3.connect(store, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF"):
        db.execute(f"PRAGMA {pragma}")
    # Made for lists and desks; nothing here reads by them, and they would take most of the time.
    for index in _table.indexes:
        db.execute(f'DROP INDEX "{index.name}"')
    names = [column.name for column in _table.columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    insert = f"INSERT INTO incident ({quoted}) VALUES ({', '.join('?' * len(names))})"
    rng = np.random.default_rng(1)
    texts = [path_text(path) for path in paths]
    some = incidents // COPIES
    for start in range(0, some, CHUNK):
        columns = _chunk(rng, start, min(CHUNK, some - start), some, texts, categories)
        db.execute("BEGIN")
        db.executemany(insert, zip(*(columns[name] for name in names), strict=True))
        db.execute("COMMIT")
        told(min(start + CHUNK, some))
    for copy in range(1, COPIES):
        db.execute("BEGIN")
        db.execute(f"INSERT INTO incident ({quoted}) {_again(names, copy, some)}")
        db.execute("COMMIT")
        told(some * (copy + 1))
    db.execute('CREATE INDEX incident_newest ON incident (stream, "first")')
    last = BEGINS_US + SPAN_US + 400 * DAY_US
    db.execute("UPDATE stream SET position = ?, recorded_at = ?", (some * COPIES, last))
    db.execute("PRAGMA journal_mode=WAL")
    db.close()


def _again(names: list[str], copy: int, some: int) -> str:
    """The query that tells the first incidents once more, as those of a later part of the three years."""
    later, number = copy * (SPAN_US // COPIES), f'("first" + {copy * some})'
    told = {name: f'"{name}" + {later}' for name in names if name.endswith("_at")}
    told |= {
        "id": f"printf('00000000-0000-4000-8000-%012d', {number})",
        "case_number": f"printf('B-%09d', {number})",
        "first": number,
        "position": number,
    }
    columns = ", ".join(told.get(name, f'"{name}"') for name in names)
    return f'SELECT {columns} FROM incident WHERE "first" <= {some}'


def _chunk(
    rng: np.random.Generator, start: int, n: int, of: int, paths: list[str], categories: list[str]
) -> dict[str, Any]:
    """The columns of the next ``n`` rows."""
    columns: dict[str, Any] = {column.name: [_blank(column)] * n for column in _table.columns}
    number = np.arange(start + 1, start + n + 1)
    reported = BEGINS_US + (number * (SPAN_US / COPIES / of)).astype(np.int64) + rng.integers(0, 1_000_000, n)
    closed = reported + (rng.exponential(1.5, n) * DAY_US).astype(np.int64)
    due = reported + rng.choice(LIMITS_H, n) * 3_600_000_000
    ended, on_the_spot = rng.random(n) < CLOSED, rng.random(n) < SELF_HANDLED
    suspended = ~ended & (rng.random(n) < SUSPENDED)
    stage = np.where(ended, Stage.CLOSED, np.where(suspended, Stage.SUSPENDED, Stage.HANDLING))
    lead = [f"department_{k}" for k in rng.integers(0, DEPARTMENTS, n)]
    reporter = [f"00000000-0000-4000-9000-{k:012d}" for k in rng.integers(0, INSPECTORS, n)]
    columns |= {
        "stream": ["main"] * n,
        "id": [f"00000000-0000-4000-8000-{k:012d}" for k in number.tolist()],
        "number": [8] * n,
        "first": number.tolist(),
        "position": number.tolist(),
        "case_number": [f"B-{k:09d}" for k in number.tolist()],
        "stage": [str(one) for one in stage],
        "channel": rng.choice(CHANNELS, n).tolist(),
        "category": rng.choice(categories, n).tolist(),
        "urgency": rng.choice(URGENCIES, n).tolist(),
        "path": [paths[k] for k in rng.integers(0, len(paths), n)],
        "edition": [1] * n,
        "lon": (113.8 + rng.random(n) * 0.2).tolist(),
        "lat": (22.5 + rng.random(n) * 0.2).tolist(),
        "department": lead,
        "lead": lead,
        "crew": [f"crew_{k}" for k in rng.integers(0, CREWS, n)],
        "reported_by": reporter,
        "reported_at": reported.tolist(),
        "filed_at": (reported + 60_000_000).tolist(),
        "dispatched_at": (reported + 120_000_000).tolist(),
        "handled_at": _where(ended, closed - 3_600_000_000),
        "closed_at": _where(ended, closed),
        "updated_at": closed.tolist(),
        "due_at": _where(~on_the_spot, due),
        "dispatches": [1] * n,
        "returns": rng.binomial(2, 0.05, n).tolist(),
        "reworks": rng.binomial(2, 0.03, n).tolist(),
        "extensions": rng.binomial(2, 0.02, n).tolist(),
        "auto_dispatched": (rng.random(n) < 0.3).tolist(),
        "self_handled": (ended & on_the_spot).tolist(),
        "contacted": _where(ended & (rng.random(n) < CALLED_BACK), np.ones(n, dtype=bool)),
        "solved": _where(ended & (rng.random(n) < CALLED_BACK), rng.random(n) < 0.8),
        "satisfied": _where(ended & (rng.random(n) < CALLED_BACK), rng.random(n) < 0.7),
    }
    return columns


def _where(condition: Any, values: Any) -> list[Any]:
    """The values where a condition holds, None elsewhere."""
    return [
        value if holds else None for holds, value in zip(condition.tolist(), values.tolist(), strict=True)
    ]


_BLANK: Final = {"Integer": 0, "BigInteger": 0, "Float": 0.0, "Boolean": False}
_JSON_LISTS: Final = ("near_border", "photos", "co_handlers", "followers", "parts", "handovers", "noticed")


def _blank(column: Any) -> Any:
    """What a column holds where nothing is made up."""
    if column.nullable:
        return None
    if column.name == "specialised":
        return "{}"
    return "[]" if column.name in _JSON_LISTS else _BLANK.get(type(column.type).__name__, "")
