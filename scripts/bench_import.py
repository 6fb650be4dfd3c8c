"""Another system's history into the store: rows a second, against a plain CSV read into one raw SQLite table.

Ours locates every row, gives it a case number, appends it to the ledger with its hash and brings the
projections along, its words searchable; the plain way parses the same file and inserts its cells as they are,
durably too, in commits of about the same size. Both are run in turns, each into a fresh file, and the medians
compared; opening the store and loading the grids count with ours.
"""

import csv
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import shapely

from geodata.grids import Hierarchy
from geodata.synthetic import district
from gridgov import city, shipped
from gridgov.cli.reading import in_force_of, reader_of
from gridgov.clock import new_id
from gridgov.importing.mapping import ImportMapping, read_mapping
from gridgov.importing.run import bring_in
from gridgov.importing.tables import BATCH, Table
from gridgov.operating import operator
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init

ROWS = {"full": 20_000, "small": 1_000}
REPEATS = 3
SCATTER = 0.001
"""Degrees around the middle of a micro-grid, about a hundred metres: not all stay in it."""
STREETS = [(f"440306{number:03d}", f"第{number}街道") for number in range(1, 11)]
HEADER = ("no", "way", "what", "who", "x", "y", "seen", "done", "until", "state", "text", "where")
MAPPING = """
source = "bench"
number = "no"
words = "text"
address = "where"
channel = { column = "way" }
category = { standard = "cn2026", kind = "event", column = "what" }
department = { column = "who" }
position = { lon = "x", lat = "y", datum = "wgs84" }
status = { column = "state", closed = ["已结案"], open = ["处置中"] }

[times]
format = "%Y-%m-%d %H:%M:%S"
zone = "Asia/Shanghai"
reported = "seen"
closed = "done"
due = "until"
"""


class NotAllImported(Exception):
    """Some rows were refused: a rate over the others would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` imports a twentieth of the rows."""
    rows = ROWS[scale]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        drawn = district(1, STREETS)
        table = _write_table(home / "history.csv", drawn, rows)
        installed = _install(home / "installed", drawn)
        mapping = read_mapping(MAPPING, "bench")
        ours: list[float] = []
        plain: list[float] = []
        for turn in range(REPEATS):
            plain.append(_seconds(lambda n=turn: _plain(table, home / f"plain{n}.db")))
            data = shutil.copytree(installed, home / f"run{turn}")
            ours.append(_seconds(lambda data=data: _import(table, mapping, data, rows)))
    return {
        "work": "import",
        "figures": {
            "rows_per_s": {"value": round(rows / median(ours), 1), "unit": "rows/s"},
            "plain_rows_per_s": {"value": round(rows / median(plain), 1), "unit": "rows/s"},
        },
        "baseline": {
            "name": "csv.reader and sqlite3 executemany, synchronous=FULL",
            "rows": rows,
            "per commit": BATCH,
        },
        "ratios": {"vs_plain_sqlite": median(plain) / median(ours)},
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _install(folder: Path, drawn: Hierarchy) -> Path:
    """A store with the demo's rules and a made-up district, closed."""
    settings = Settings(data=folder)
    init(settings.database_url, new_id())
    with Service.open(settings) as service:
        service.writer.run(city.apply(shipped.demo_city(), "bench"))
        service.writer.run(city.import_edition(drawn, "made up", made_up=True, findings=[], by="bench"))
    return folder


def _write_table(path: Path, drawn: Hierarchy, rows: int) -> Path:
    """A history of so many rows over all micro-grids, a few outside the district, nine of ten closed."""
    rng = np.random.default_rng(20261122)
    rules = city.parse(shipped.demo_city(), 1).rules
    events = [one for one in rules.categories if one.key.startswith("cn2026:event:")]
    departments = list(rules.routing.departments)
    middles = shapely.get_coordinates([shapely.point_on_surface(grid.geometry) for grid in drawn.lowest])
    lons, lats = (middles[rng.integers(len(middles), size=rows)] + rng.normal(0, SCATTER, (rows, 2))).T
    kinds, whose = rng.integers(len(events), size=rows), rng.integers(len(departments), size=rows)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for n in range(rows):
            seen, is_closed = start + timedelta(minutes=11 * n), n % 10 > 0
            times = [seen, seen + timedelta(hours=20) if is_closed else None, seen + timedelta(days=2)]
            written = ["" if one is None else f"{one:%Y-%m-%d %H:%M:%S}" for one in times]
            state = "已结案" if is_closed else "处置中"
            place = [f"{lons[n]:.6f}", f"{lats[n]:.6f}"]
            words = [f"路边有垃圾，第{n}次来电反映", f"宝安大道{n % 900}号"]
            whose_row = departments[whose[n]]
            out.writerow(
                [f"H{n:07d}", "hotline", events[kinds[n]].code, whose_row, *place, *written, state, *words]
            )
    return path


def _import(table: Path, mapping: ImportMapping, data: Path, rows: int) -> None:
    """All that `gridgov incidents import` does, its process already started."""
    settings = Settings(data=data)
    with reader_of(settings) as engine, operator(settings) as hand:
        result = bring_in(Table(table, mapping, "bench", in_force_of(engine)), hand.import_rows)
    if result.imported != rows:
        raise NotAllImported(f"{result.imported} of {rows}: {dict(result.tally.refused)}")


def _plain(table: Path, database: Path) -> None:
    """The same file into one table, the plain way."""
    store = sqlite3.connect(database, isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute(f"CREATE TABLE history ({', '.join(HEADER)}, PRIMARY KEY (no))".replace("where", '"where"'))
    insert = f"INSERT INTO history VALUES ({', '.join('?' * len(HEADER))})"
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        batch: list[list[str]] = []
        for cells in reader:
            batch.append(cells)
            if len(batch) == BATCH:
                _commit(store, insert, batch)
                batch = []
        _commit(store, insert, batch)
    store.close()


def _commit(store: sqlite3.Connection, insert: str, batch: list[list[str]]) -> None:
    store.execute("BEGIN IMMEDIATE")
    store.executemany(insert, batch)
    store.execute("COMMIT")


if __name__ == "__main__":
    print(run())
