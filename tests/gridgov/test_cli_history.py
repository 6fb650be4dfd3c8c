"""`gridgov incidents`, `closure` and `rebuild` on the small town."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from tests.gridgov.commandline import city_file, history
from tests.gridgov.importing.mappings import line
from tests.installation import Installation


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """The town, with rules and grids in force."""
    made = Installation(tmp_path / "var")
    file = city_file(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        made.done(*command)
    return made


def test_a_history_comes_in_and_the_same_again_changes_nothing(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path)
    ran = town.done("incidents", "import", table, "--mapping", mapping)
    assert "imported" in ran.out
    assert "nothing changed" not in ran.err
    again = town.done("incidents", "import", table, "--mapping", mapping)
    assert "nothing changed: all of it had been imported before" in again.err
    assert town.done("closure", "--json").json["total"]["tally"]["reported"] == 2


def test_a_dry_run_writes_nothing(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path)
    ran = town.done("incidents", "import", table, "--mapping", mapping, "--dry-run", "--json")
    assert (ran.json["dry_run"], ran.json["imported"]) == (True, 2)
    assert town.done("closure", "--json").json["position"] == 0


def test_refused_rows_are_written_down_and_the_others_imported(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(), line(no="A-2", what="nothing"), line(no="A-3", way="trial"))
    refused = tmp_path / "refused.csv"
    ran = town.run("incidents", "import", table, "--mapping", mapping, "--refused", refused)
    assert ran.code == 1
    assert f"rows that were refused: 1; they are in {refused}" in ran.err
    for told in ("set aside: trial", "refused: unknown_category", "street agrees with the street located"):
        assert told in ran.out
    with refused.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
    assert (row["no"], row["refused_line"]) == ("A-2", "3")
    assert town.done("closure", "--json").json["total"]["tally"]["reported"] == 1


def test_refused_rows_without_a_file_are_told(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(what="nothing"))
    ran = town.run("incidents", "import", table, "--mapping", mapping, "--dry-run")
    assert ran.code == 1
    assert "rows that would be refused: 1; --refused FILE writes them down" in ran.err


def test_the_closure_figures_as_table_csv_and_json(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(), line(no="A-2", state="处置中"), line(no="A-3", x="", y=""))
    town.done("incidents", "import", table, "--mapping", mapping)
    told = town.done("closure", "--by", "street", "--json").json
    counts = [
        (group["key"], group["tally"]["closed"], group["tally"]["reported"]) for group in told["groups"]
    ]
    assert counts == [("D/N", 1, 2), (None, 1, 1)]
    rows = list(csv.DictReader(io.StringIO(town.done("closure", "--by", "street", "--csv").out)))
    assert [(row["key"], row["closed"], row["reported"]) for row in rows] == [
        ("D/N", "1", "2"),
        ("", "1", "1"),
        ("total", "2", "3"),
    ]
    shown = town.done("closure", "--by", "street")
    assert "2 / 3" in shown.out
    assert "66.67" in shown.out
    assert "上报结案率 closed of reported: closed / reported in the period" in shown.err


def test_closure_of_a_period_a_grid_a_department(town: Installation, tmp_path: Path) -> None:
    """A date is a local one: the day begins at midnight in Shanghai, eight hours before UTC's."""
    table, mapping = history(
        tmp_path,
        line(no="A-1", seen="2025-02-28 23:59"),
        line(no="A-2", seen="2025-03-01 00:00"),
        line(no="A-3", seen="2025-03-01 23:59", x="114.005", y="22.505"),
        line(no="A-4", seen="2025-03-02 00:00", who="cleaning"),
    )
    town.done("incidents", "import", table, "--mapping", mapping)

    def reported(*arguments: str) -> int:
        told = town.done("closure", "--json", *arguments).json
        return int(told["total"]["tally"]["reported"])

    assert reported() == 4
    assert reported("--from", "2025-03-01", "--to", "2025-03-02") == 2
    assert reported("--from", "2025-02-28T16:00:00Z", "--to", "2025-03-01T16:00:00Z") == 2
    assert reported("--under", "D/N") == 3
    assert reported("--department", "cleaning") == 1
    assert reported("--category", "t:component:manhole") == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "ward"], "not by 'ward'"),
        (["--from", "yesterday"], "--from is 'yesterday': expected a local date"),
        (["--to", "2025-03-01 8 Uhr"], "--to is '2025-03-01 8 Uhr'"),
        (["--under", "D/X"], "no grid D/X"),
        (["--from", "2025-03-02", "--to", "2025-03-01"], "holds no time"),
        (["--department", "watr"], "no department 'watr'; did you mean water?"),
        (["--category", "t:component:manhol"], "did you mean t:component:manhole"),
    ],
)
def test_what_cannot_be_counted(town: Installation, arguments: list[str], said: str) -> None:
    ran = town.run("closure", *arguments)
    assert ran.code == 1
    assert said in ran.err


def test_incidents_come_out_as_csv(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(), line(no="A-2", x="114.005", y="22.505"))
    town.done("incidents", "import", table, "--mapping", mapping)
    rows = list(csv.DictReader(io.StringIO(town.done("incidents", "export").out)))
    assert [row["source_number"] for row in rows] == ["A-1", "A-2"]
    assert "address" not in rows[0]
    out = tmp_path / "out.csv"
    town.done("incidents", "export", "--under", "D/S", "--addresses", "--output", out, "--from", "2025-01-01")
    with out.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
    assert (row["path"], row["address"]) == ("D/S/S1", "北街1号")


def damage(town: Installation) -> None:
    """Change one column of one projection behind the ledger's back."""
    with sqlite3.connect(town.folder / "gridgov.db") as store:
        store.execute("UPDATE incident SET department = 'nobody' WHERE source_number = 'A-1'")
    store.close()


def test_the_table_itself_is_not_overwritten_by_its_refused_rows(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path)
    before = table.read_bytes(), mapping.read_bytes()
    for file in (table, mapping):
        ran = town.run("incidents", "import", table, "--mapping", mapping, "--dry-run", "--refused", file)
        assert ran.code == 1
        assert f"--refused would overwrite {file}" in ran.err
    assert (table.read_bytes(), mapping.read_bytes()) == before


def test_a_damaged_ledger_is_told_apart_and_not_derived_from(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path)
    town.done("incidents", "import", table, "--mapping", mapping)
    with sqlite3.connect(town.folder / "gridgov.db") as store:
        store.execute("UPDATE entry SET body = replace(body, 'water', 'fire') WHERE position = 1")
    store.close()
    assert "put a copy of the store back" in town.run("rebuild", "--check").err
    ran = town.run("rebuild")
    assert ran.code == 1
    assert "nothing was replaced, the ledger is damaged: entry 2: previous" in ran.err


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\x00" + bytes(8000)])
def test_a_store_that_is_none_is_told_in_one_line(town: Installation, content: bytes) -> None:
    (town.folder / "gridgov.db").write_bytes(content)
    for command in (("closure",), ("rebuild", "--check"), ("init",)):
        ran = town.run(*command)
        assert ran.code == 1
        assert ran.err.startswith("gridgov: the store cannot be used: ")
        assert ran.err.count("\n") == 1


def test_a_check_names_what_was_damaged_and_a_rebuild_puts_it_right(
    town: Installation, tmp_path: Path
) -> None:
    table, mapping = history(tmp_path)
    town.done("incidents", "import", table, "--mapping", mapping)
    assert "everything stored is what the ledger says" in town.done("rebuild", "--check").err
    damage(town)
    ran = town.run("rebuild", "--check")
    assert ran.code == 1
    assert "department is 'nobody', the ledger says 'water'" in ran.out
    assert "differences: 1;" in ran.err
    (difference,) = json.loads(town.run("rebuild", "--check", "--json").out)["differences"]
    assert (difference["table"], difference["column"]) == ("incident", "department")
    assert (difference["stored"], difference["derived"]) == ("nobody", "water")
    assert town.done("rebuild", "--json").json == {"incidents": 2}
    assert town.done("rebuild", "--check", "--json").json == {"differences": []}
