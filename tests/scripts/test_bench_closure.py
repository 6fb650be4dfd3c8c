"""The work `closure` measures what it says: a copy of made-up incidents, asked beside SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gridgov.storage.setup import init
from scripts import bench, bench_closure, closure_store, postgres


@pytest.mark.long
@pytest.mark.timeout(120)
def test_it_runs_through_on_few_incidents(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that is measured has the incidents made up before it, and those that it reports itself."""

    def missing() -> None:
        raise postgres.MissingPostgres

    monkeypatch.setitem(bench_closure.SIZES, "small", 6_000)
    monkeypatch.setattr(postgres, "server", missing)
    result = bench.checked("closure", bench_closure.run("small"))
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert figures["incidents"] == result["baseline"]["incidents"] == 6_000
    measured = {"quarter_ms", "all_years_ms", "all_years_percentiles_ms", "rebuild_per_s", "fresh_ms"}
    assert measured | {"memory_mb", "sqlite_quarter_ms"} <= figures.keys()
    assert all(value > 0 for value in figures.values())
    assert result["ratios"].keys() == {"vs_sqlite"}
    assert {key.split(" by ")[0] for key in result["machine"]["slowest"]} == {
        *("quarter", "all_years", "percentiles")
    }


def test_the_same_incidents_are_made_up_each_time(tmp_path: Path) -> None:
    first, again = (made_up(tmp_path / name) for name in ("first.db", "again.db"))
    assert len(first) == 2_000
    assert first == again
    assert {row["stage"] for row in first} >= {"closed", "handling"}


def made_up(store: Path) -> list[dict[str, object]]:
    init(f"sqlite:///{store}", "made up")
    closure_store.fill(store, [("D", "N", "N1"), ("D", "S", "S1")], ["cover", "noise"], 2_000)
    with sqlite3.connect(store) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute('SELECT * FROM incident ORDER BY "first"')]
    db.close()
    return found
