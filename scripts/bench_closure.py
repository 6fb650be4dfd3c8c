"""Closure figures over 11 million made-up incidents in 4,833 grids, beside SQLite and PostgreSQL.

The incidents are of three years. The copy is made from a store's rows; questions go through the desk that
the statistics process answers with, from the question to an answer ready to be sent. `quarter_ms` and the
others are the slowest of some questions, each the median of its runs; `machine` names them. SQLite and
PostgreSQL are asked only for counts and the exact median by street, of a narrow table with its best index.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from dispatch.lifecycle import Role
from geodata.datum import Datum
from gridgov import demo
from gridgov.accounts import Person
from gridgov.clock import new_id, utcnow
from gridgov.commands import SentReport, report
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.siting import SentPosition
from gridgov.statistics.desk import Desk
from gridgov.statistics.periods import period_of
from gridgov.statistics.question import Question, whole_second
from gridgov.storage.engine import database_file, open_engine, snapshot
from gridgov.storage.tables import text_path
from scripts import closure_store, postgres

if importlib.util.find_spec("psycopg"):
    import psycopg

ROOT: Final = Path(__file__).resolve().parent.parent
SIZES: Final = {"full": 11_000_000, "small": 110_000}
REPEATS: Final = 5
QUARTER: Final = "2026-Q3"
ZONE: Final = "Asia/Shanghai"
BY: Final = ("street", "community", "micro_grid", "department", "crew", "category", "channel", "inspector")
#: One dimension each: what a page of a manager shows.
ALL_YEARS: Final = ("none", "street", "community", "department", "category", "channel", "year")
MIDDLE: Final = (113.88, 22.66)
#: The same question in the SQL of both other stores: cohort, due, on time, and the exact median.
COUNTS: Final = """
    SELECT street, sum(CASE WHEN reported_at >= {s} AND reported_at < {e} THEN 1 ELSE 0 END),
        sum(CASE WHEN reported_at >= {s} AND reported_at < {e} AND closed_at IS NOT NULL THEN 1 ELSE 0 END),
        sum(CASE WHEN due_at < {e} AND (due_at >= {s} OR closed_at IS NULL OR closed_at >= {s})
            THEN 1 ELSE 0 END),
        sum(CASE WHEN due_at < {e} AND (due_at >= {s} OR closed_at >= {s}) AND closed_at < {e}
            AND closed_at <= due_at THEN 1 ELSE 0 END)
    FROM fact GROUP BY street
"""
MEDIAN_SQLITE: Final = """
    SELECT street, avg(took) FROM (
        SELECT street, closed_at - reported_at AS took,
            row_number() OVER (PARTITION BY street ORDER BY closed_at - reported_at) AS r,
            count(*) OVER (PARTITION BY street) AS n
        FROM fact WHERE reported_at >= {s} AND reported_at < {e} AND closed_at IS NOT NULL
    ) WHERE r IN ((n + 1) / 2, (n + 2) / 2) GROUP BY street
"""
MEDIAN_POSTGRESQL: Final = """
    SELECT street, percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_at - reported_at)
    FROM fact WHERE reported_at >= {s} AND reported_at < {e} AND closed_at IS NOT NULL GROUP BY street
"""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` is a hundredth of it, for a quick look."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gridgov-bench-")))
        store = _store(folder, SIZES[scale])
        ours = _in_process(folder)
        figures, slowest = ours["figures"], ours["slowest"]
        narrow = _narrow(store, folder / "narrow.csv")
        theirs = {"sqlite": _sqlite(folder / "narrow.db", narrow)}
        try:
            address = stack.enter_context(postgres.server())
        except postgres.MissingPostgres:
            print("PostgreSQL is not installed: left out", file=sys.stderr)
        else:
            theirs["postgresql"] = _postgresql(address, narrow)
    for name, took in theirs.items():
        figures[f"{name}_quarter_ms"] = {"value": took * 1000, "unit": "ms"}
    by_street = figures["quarter_by_street_ms"]["value"]
    return {
        "work": "closure",
        "figures": figures,
        "baseline": {"incidents": SIZES[scale], "asked": f"counts and exact median by street, {QUARTER}"},
        "ratios": {f"vs_{name}": took * 1000 / by_street for name, took in theirs.items()},
        "machine": {"slowest": slowest},
    }


def _store(folder: Path, incidents: int) -> Path:
    settings = Settings(data=folder)
    demo.prepare(settings, lambda *_: None)
    store = database_file(settings.database_url)
    engine = open_engine(settings.database_url)
    with snapshot(engine) as connection:
        paths = connection.exec_driver_sql(
            "SELECT path FROM grid WHERE level = (SELECT max(level) FROM grid)"
        ).scalars()
        grids = [text_path(path) for path in paths]
    engine.dispose()
    with Service.open(settings) as service:
        categories = [one.key for one in service.in_force.rules.categories]
    closure_store.fill(store, grids, categories, incidents, lambda done: print(f"made up {done:,}"))
    return store


# -- ours, in a process of its own: its memory is measured --


def _in_process(folder: Path) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, __file__, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return found


def _ours(folder: Path) -> dict[str, Any]:
    settings = Settings(data=folder)
    with Service.open(settings) as service:
        desk = Desk(
            service.reader, database_file(settings.database_url), folder / "statistics" / "main.duckdb"
        )
        began = time.perf_counter()
        desk.start()
        took = time.perf_counter() - began
        incidents = desk.status()["incidents"]
        desk.begin()
        figures = {
            "rebuild_per_s": (incidents / took, "1/s"),
            "rebuild_s": (took, "s"),
            "incidents": (incidents, ""),
        }
        quarter = dict(_each(desk, BY, QUARTER, times=True))
        every = dict(_each(desk, ALL_YEARS, None, times=False))
        percentiles = dict(_each(desk, ALL_YEARS, None, times=True))
        figures |= {
            "quarter_ms": (max(quarter.values()), "ms"),
            "quarter_by_street_ms": (quarter["street"], "ms"),
            "quarter_median_ms": (median(quarter.values()), "ms"),
            "all_years_ms": (max(every.values()), "ms"),
            "all_years_percentiles_ms": (max(percentiles.values()), "ms"),
            "fresh_ms": (_fresh(service, desk), "ms"),
        }
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        made_by = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        figures |= {"memory_mb": (own / 1024, "MB"), "rebuild_memory_mb": (made_by / 1024, "MB")}
        desk.close()
    each = {"quarter": quarter, "all_years": every, "percentiles": percentiles}
    return {
        "figures": {name: {"value": value, "unit": unit} for name, (value, unit) in figures.items()},
        "slowest": {
            f"{name} by {by}": round(took, 1)
            for name, several in each.items()
            for by, took in sorted(several.items(), key=lambda one: -one[1])[:3]
        },
    }


def _each(
    desk: Desk, dimensions: tuple[str, ...], name: str | None, *, times: bool
) -> Iterator[tuple[str, float]]:
    period = None if name is None else period_of(name, ZONE)
    for by in dimensions:
        question = Question(
            by=by,
            start=None if period is None else period.start,
            end=None if period is None else period.end,
            now=whole_second(utcnow()),
            more=frozenset({"times"} if times else ()),
        )
        yield by, _median_ms(lambda question=question: desk.ask(question))


def _median_ms(ask: Callable[[], Any], repeats: int = REPEATS) -> float:
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _fresh(service: Service, desk: Desk) -> float:
    """From the acknowledgement of a report until it is in an answer, milliseconds; asked without a pause."""
    now = utcnow()
    by = Person(
        "bench", "bench", "bench", (Assignment("a", Role.SHIFT_LEADER, (), None, now - timedelta(days=1)),)
    )
    category = next(iter(service.in_force.rules.categories)).key
    waited = []
    for _ in range(REPEATS * 2):
        since = whole_second(utcnow()) - timedelta(seconds=2)

        def reported(since: Any = since) -> int:
            told = desk.ask(Question(start=since, now=whole_second(utcnow())))
            return int(told["total"]["tally"]["reported"])

        before = reported()
        service.writer.run(
            report(
                by, SentReport(new_id(), category, "inspector", position=SentPosition(*MIDDLE, Datum.wgs84))
            )
        )
        began = time.perf_counter()
        while reported() == before:
            pass
        waited.append((time.perf_counter() - began) * 1000)
        time.sleep(2.1)
    return max(waited)


# -- the others --


def _narrow(store: Path, file: Path) -> Path:
    """The columns of the question, as CSV: street, reported, closed and due in whole seconds."""
    db = sqlite3.connect(store)
    rows = db.execute(
        "SELECT substr(path, 8, 9), reported_at / 1000000, closed_at / 1000000, due_at / 1000000"
        " FROM incident ORDER BY reported_at"
    )
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    db.close()
    return file


def _bounds() -> dict[str, int]:
    period = period_of(QUARTER, ZONE)
    assert period.start is not None
    assert period.end is not None
    return {"s": int(period.start.timestamp()), "e": int(period.end.timestamp())}


def _sqlite(file: Path, narrow: Path) -> float:
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE fact (street TEXT, reported_at INTEGER, closed_at INTEGER, due_at INTEGER)")
    with narrow.open(newline="") as rows:
        filled = ([cell or None for cell in row] for row in csv.reader(rows))
        db.executemany("INSERT INTO fact VALUES (?, ?, ?, ?)", filled)
    db.execute("CREATE INDEX fact_reported ON fact (reported_at, street, closed_at, due_at)")
    db.commit()
    db.execute("ANALYZE")

    def ask() -> None:
        for query in (COUNTS, MEDIAN_SQLITE):
            db.execute(query.format(**_bounds())).fetchall()

    took = _median_ms(ask, 3) / 1000
    db.close()
    return took


def _postgresql(address: str, narrow: Path) -> float:
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("CREATE TABLE fact (street text, reported_at bigint, closed_at bigint, due_at bigint)")
        with narrow.open("rb") as rows, db.cursor().copy("COPY fact FROM STDIN (FORMAT csv)") as copy:
            while piece := rows.read(io.DEFAULT_BUFFER_SIZE * 128):
                copy.write(piece)
        db.execute("CREATE INDEX ON fact (reported_at) INCLUDE (street, closed_at, due_at)")
        db.execute("VACUUM ANALYZE fact")

        def ask() -> None:
            for query in (COUNTS, MEDIAN_POSTGRESQL):
                db.execute(query.format(**_bounds())).fetchall()  # type: ignore[call-overload]

        return _median_ms(ask, 3) / 1000


if __name__ == "__main__":
    print(json.dumps(_ours(Path(sys.argv[1]))))
