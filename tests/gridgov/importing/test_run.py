"""A run of an import: what was sent, what came of it, and the rows that were refused written down."""

from __future__ import annotations

import csv
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gridgov import commands
from gridgov.commands import ImportedRow
from gridgov.importing.run import IN_FLIGHT, Foresight, Outcome, Result, bring_in, refused_rows
from gridgov.importing.tables import BATCH
from gridgov.storage.errors import IdReused, StoreFailed
from gridgov.storage.writer import Writer
from tests.gridgov.importing.mappings import HEADER, MAPPING, line, table, write
from tests.gridgov.storage.conftest import Town, town  # noqa: F401 -- the fixture


def send_to(writer: Writer) -> object:
    def send(rows: Sequence[ImportedRow]) -> list[Outcome]:
        outcomes = []
        for row in rows:
            try:
                outcomes.append(Outcome(writer.run(commands.import_row("operator", row)).repeated))
            except IdReused as refused:
                outcomes.append(Outcome(code="IdReused", reason=str(refused)))
        return outcomes

    return send


LINES = (
    line(no="A-1"),
    line(no="A-2", what="nothing"),
    line(no="A-3", way="trial"),
    line(no="A-1", text="something else"),
    line(no="A-1"),
)


def counts(result: Result) -> tuple[int, int, dict[str, int]]:
    return result.imported, result.repeated, dict(result.tally.refused + result.refused_by_store)


def test_what_comes_of_every_row(town: Town, tmp_path: Path) -> None:  # noqa: F811
    file = write(tmp_path / "t.csv", *LINES)
    first = bring_in(table(file), send_to(town.writer))  # type: ignore[arg-type]
    assert counts(first) == (1, 1, {"unknown_category": 1, "IdReused": 1})
    assert first.refused == 2
    second = bring_in(table(file), send_to(town.writer))  # type: ignore[arg-type]
    assert counts(second) == (0, 2, {"unknown_category": 1, "IdReused": 1})
    assert len(town.committed) == 1


def test_a_dry_run_foresees_all_of_it_and_writes_nothing(town: Town, tmp_path: Path) -> None:  # noqa: F811
    file = write(tmp_path / "t.csv", *LINES)
    for _ in range(2):
        foreseen = bring_in(table(file), Foresight(town.reader))
        assert counts(foreseen) == (1, 1, {"unknown_category": 1, "IdReused": 1})
    assert town.committed == []
    assert counts(bring_in(table(file), send_to(town.writer))) == counts(foreseen)  # type: ignore[arg-type]
    again = bring_in(table(file), Foresight(town.reader))
    assert counts(again) == (0, 2, {"unknown_category": 1, "IdReused": 1})


def test_refused_rows_are_written_as_they_stood_with_line_and_reason(town: Town, tmp_path: Path) -> None:  # noqa: F811
    rows = table(write(tmp_path / "t.csv", *LINES))
    with refused_rows(tmp_path / "refused.csv", rows) as refused:
        bring_in(rows, send_to(town.writer), refused)  # type: ignore[arg-type]
    with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as written:
        found = list(csv.DictReader(written))
    assert [(row["no"], row["refused_line"]) for row in found] == [("A-2", "3"), ("A-1", "5")]
    assert found[0]["refused_reason"] == (
        "unknown_category: the city's file has no category 't:component:nothing'"
    )
    assert found[1]["refused_reason"].startswith("IdReused: ")
    assert {name: found[1][name] for name in HEADER}["text"] == "something else"


def test_refused_rows_keep_even_bytes_that_are_no_text(tmp_path: Path) -> None:
    """What comes out of one file can be mended and put in again, byte for byte."""
    path = tmp_path / "t.csv"
    path.write_bytes(
        ",".join(HEADER).encode() + b"\n" + line(text="@").encode().replace(b"@", b"\xff") + b"\n"
    )
    rows = table(path)
    with refused_rows(tmp_path / "refused.csv", rows) as refused:
        bring_in(rows, lambda sent: [], refused)
    assert b",\xff," in (tmp_path / "refused.csv").read_bytes()


def test_without_a_path_no_file_is_made(tmp_path: Path) -> None:
    rows = table(write(tmp_path / "t.csv", line(no="")))
    with refused_rows(None, rows) as refused:
        assert bring_in(rows, lambda sent: [], refused).refused == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"]


def test_a_store_that_fails_ends_the_run(tmp_path: Path) -> None:
    def send(_: Sequence[ImportedRow]) -> list[Outcome]:
        raise StoreFailed(cause="disk full")

    with pytest.raises(StoreFailed):
        bring_in(table(write(tmp_path / "t.csv", *(line(no=f"A-{n}") for n in range(3 * BATCH)))), send)


def test_batches_are_sent_ahead_but_not_without_end(tmp_path: Path) -> None:
    """While the first batch is being written others are read and sent, never more than a few."""
    batches = 3 * IN_FLIGHT
    file = write(tmp_path / "t.csv", *(line(no=f"A-{n}") for n in range(batches * BATCH)))
    under_way, most = 0, 0
    guard, several = threading.Lock(), threading.Event()

    def send(rows: Sequence[ImportedRow]) -> list[Outcome]:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
            if under_way > 1:
                several.set()
        assert several.wait(20), "no second batch was sent before the first one was answered"
        with guard:
            under_way -= 1
        return [Outcome()] * len(rows)

    progress: list[int] = []
    result = bring_in(table(file), send, progress=lambda so_far: progress.append(so_far.imported))
    assert result.imported == batches * BATCH
    assert progress == [BATCH * n for n in range(1, batches + 1)]
    assert 1 < most <= IN_FLIGHT


def test_the_mapping_of_the_source_makes_the_ids(town: Town, tmp_path: Path) -> None:  # noqa: F811
    """The same number in another system is another incident."""
    file = write(tmp_path / "t.csv", line())
    bring_in(table(file), send_to(town.writer))  # type: ignore[arg-type]
    other = MAPPING.replace('source = "old"', 'source = "older"')
    assert bring_in(table(file, other), send_to(town.writer)).imported == 1  # type: ignore[arg-type]
