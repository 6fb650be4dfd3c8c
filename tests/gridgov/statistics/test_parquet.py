"""From its snapshot the copy is there again without being made anew, and says the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gridgov.service import Service
from gridgov.statistics import making, parquet
from gridgov.statistics.copy import Copy
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyUnusable
from gridgov.storage.engine import database_file
from tests.gridgov import redrawn, scene
from tests.gridgov.histories import LiveTown, Play, work
from tests.gridgov.statistics.copies import content, drawn_town, store_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[LiveTown]:
    with drawn_town(tmp_path) as made:
        made.play(120)
        yield made


def opened(town: LiveTown, file: Path, monkeypatch: pytest.MonkeyPatch, most: int = 0) -> Copy:
    """As a desk opens it; what it would have to make of the store fails, unless that is small."""

    def no_build(*_: Any) -> None:
        raise AssertionError("it was made anew")

    monkeypatch.setattr(making, "build", no_build)
    monkeypatch.setattr(making, "SMALL", most)
    return making.opened(town.reader, store_of(town), file, "main", lambda *_: None)


def followed(town: LiveTown, file: Path) -> None:
    with Desk(town.reader, store_of(town), file) as desk:
        desk.start()
        assert desk.catch_up(60)
        desk.write_snapshot()


def gone(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 500)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def scribbled(file: Path) -> None:
    """The header is whole; what comes after is not."""
    whole = file.read_bytes()
    file.write_bytes(whole[: 3 * 4096] + bytes(len(whole) - 3 * 4096))


def another_ledger(file: Path) -> None:
    with Copy(file) as copy, copy.writing() as db:
        Copy.note(db, epoch="another")


def no_copy(file: Path) -> None:
    file.unlink()
    with duckdb.connect(str(file)) as db:
        db.execute("CREATE TABLE something AS SELECT 1 AS one")


@pytest.mark.parametrize("harm", [gone, empty, garbage, cut, scribbled, another_ledger, no_copy])
def test_whatever_became_of_the_file_it_is_there_again(
    town: LiveTown, tmp_path: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "copies" / "main.duckdb"
    followed(town, file)
    with Copy(file) as before:
        expected, known = content(before), before.known()
    harm(file)
    with opened(town, file, monkeypatch) as again:
        assert content(again) == expected
        assert again.known() == known


def test_it_follows_from_there(town: LiveTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written since the snapshot comes from the ledger, the same as if it had never stopped."""
    file, other = tmp_path / "copies" / "main.duckdb", tmp_path / "other" / "main.duckdb"
    followed(town, file)
    work(Play(9), town.writer, town.committed, 60)
    file.unlink()
    opened(town, file, monkeypatch).close()
    followed(town, file)
    monkeypatch.undo()
    followed(town, other)
    with Copy(file) as copy, Copy(other) as plain:
        assert content(copy) == content(plain)


def lost(folder: Path) -> None:
    (folder / "ended.parquet").unlink()


def cut_off(folder: Path) -> None:
    table = folder / "standing.parquet"
    table.write_bytes(table.read_bytes()[:-20])


def exchanged(folder: Path) -> None:
    """Both are whole, and neither what it should be."""
    one, other = folder / "standing.parquet", folder / "ended.parquet"
    rows = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(rows)


def says_nothing(folder: Path) -> None:
    (folder / "meta.json").write_text("[]")


def of_another_version(folder: Path) -> None:
    about = folder / "meta.json"
    about.write_text(about.read_text().replace('"version":1', '"version":999'))


@pytest.mark.parametrize("harm", [lost, cut_off, exchanged, says_nothing, of_another_version, shutil.rmtree])
def test_a_snapshot_that_is_not_whole_is_not_used(
    town: LiveTown, tmp_path: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "copies" / "main.duckdb"
    followed(town, file)
    folder = parquet.snapshot_of(file)
    harm(folder)
    with pytest.raises(CopyUnusable):
        parquet.read(tmp_path / "read.duckdb", folder, "epoch-1", 120)
    file.unlink()
    with opened(town, file, monkeypatch, most=10_000) as anew:
        assert anew.known().position == 0


@pytest.mark.parametrize(("epoch", "position"), [("another", 120), ("epoch-1", 119)])
def test_a_snapshot_of_another_ledger_is_not_used(
    town: LiveTown, tmp_path: Path, epoch: str, position: int
) -> None:
    file = tmp_path / "copies" / "main.duckdb"
    followed(town, file)
    with pytest.raises(CopyUnusable):
        parquet.read(tmp_path / "read.duckdb", parquet.snapshot_of(file), epoch, position)


def test_what_was_carried_over_is_carried_over_again(service: Service, tmp_path: Path) -> None:
    """The columns of other editions are not kept: they come again with the first question."""
    file = tmp_path / "copies" / "main.duckdb"
    for grid in ("N1", "S2"):
        redrawn.report(service, scene.at(grid))
    redrawn.import_(service, scene.redrawn())
    redrawn.report(service, scene.at("N1"))

    def paths(db: Any, _: Any, drawings: Any) -> dict[str, Any]:
        column = drawings.column_of(db, 2)
        found = db.execute(
            f"SELECT seq, path_text FROM standing LEFT JOIN grid ON grid.id = {column} ORDER BY seq"
        )
        return dict(found.fetchall())

    expected = {1: "D/N/N3/", 2: "D/S/S2/", 3: "D/N/N3/"}
    with Desk(service.reader, database_file(service.settings.database_url), file) as desk:
        assert desk.work(paths) == expected
        desk.write_snapshot()
        desk.close()
        file.unlink()
        assert desk.work(paths) == expected
