"""`gridgov grids made-up`: a stranger tries the check and the import with a district that nobody drew."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from gridgov.storage.engine import open_engine
from gridgov.storage.tables import EditionRow
from tests.installation import Installation

SMALL = ("--streets", 2, "--communities", 4, "--micro-grids", 40)


def test_a_made_up_district_is_checked_and_imported_as_one(tmp_path: Path) -> None:
    """The three commands of its help; the edition says that it is made up."""
    made = Installation(tmp_path / "var")
    drawn = made.done("grids", "made-up", *SMALL, "--enclaves", 3, "-o", tmp_path / "town.gpkg")
    assert "synthetic" in drawn.err
    table = tmp_path / "town.toml"
    table.write_text(drawn.out, encoding="utf-8")
    checked = made.done("grids", "check", table, "--json").json
    assert [level["grids"] for level in checked["levels"]] == [1, 2, 4, 40]
    assert [found for found in checked["findings"] if found["severity"] != "info"] == []
    made.done("init")
    done = made.done("grids", "import", table, "--made-up", "--json").json
    assert (done["edition"], done["new"]) == (1, True)
    with closing(open_engine(f"sqlite:///{tmp_path}/var/gridgov.db").connect()) as connection:
        assert connection.execute(select(EditionRow.made_up)).all() == [(True,)]  # type: ignore[call-overload]


def test_the_same_seed_draws_the_same_district(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")

    def drawn(name: str, seed: int) -> list[object]:
        made.done("grids", "made-up", *SMALL, "--seed", seed, "-o", tmp_path / name)
        features: list[object] = json.loads((tmp_path / name).read_text())["features"]
        return features

    assert drawn("one.geojson", 7) == drawn("two.geojson", 7)
    shapes = [
        [one["geometry"] for one in drawn(name, seed)] for name, seed in (("a.geojson", 7), ("b.geojson", 8))
    ]  # type: ignore[index,call-overload]
    assert shapes[0] != shapes[1]


def test_numbers_that_make_no_district_are_refused(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")
    ran = made.run("grids", "made-up", "--streets", 5, "--communities", 4, "-o", tmp_path / "town.gpkg")
    assert ran.code == 1
    assert "5 streets <= 4 communities" in ran.err
    assert not (tmp_path / "town.gpkg").exists()


def test_no_file_is_written_over(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")
    made.done("grids", "made-up", *SMALL, "-o", tmp_path / "town.gpkg")
    ran = made.run("grids", "made-up", *SMALL, "-o", tmp_path / "town.gpkg")
    assert ran.code == 1
    assert "there already" in ran.err
