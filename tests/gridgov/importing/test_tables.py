"""A table read through: every row counted once, whatever the file is like."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.importing.errors import UnreadableTable
from gridgov.importing.rows import TakenRow
from gridgov.importing.tables import BATCH, Table
from tests.gridgov.importing.mappings import HEADER, MAPPING, line, table, write


def rows_of(read: Table) -> list[TakenRow]:
    """All rows."""
    return [taken for batch in read.batches() for taken in batch]


def test_every_row_is_counted_where_it_ended(tmp_path: Path) -> None:
    lines = [
        line(no="A-1"),
        line(no="A-2", state="处置中"),
        line(no="A-3", way="trial"),
        line(no="A-4", what="nothing"),
        line(no="A-5", x="", y=""),
        line(no="A-6", x="114.9", y="22.5"),
        "A-7,too,short",
    ]
    read = table(write(tmp_path / "t.csv", *lines))
    assert [taken.line for taken in rows_of(read)] == [2, 3, 4, 5, 6, 7, 8]
    tally = read.tally
    assert (tally.read, tally.to_import, tally.closed) == (7, 4, 3)
    assert tally.set_aside == {"trial": 1}
    assert tally.refused == {"unknown_category": 1, "wrong_number_of_cells": 1}
    assert tally.marks == {"closed_time_but_open": 1, "no_position": 1}
    assert (tally.positions, tally.outside) == (5, 1)


def test_what_the_source_states_is_compared_with_what_is_located(tmp_path: Path) -> None:
    """N1 lies in the street N. An unlocated point disagrees; a text that states nothing is left out."""
    lines = [
        line(street="N"),
        line(street="North"),
        line(street="S", way="trial"),
        line(street="N", x="114.9"),
        line(street="unknown"),
        line(street="N", x="", y=""),
    ]
    read = table(write(tmp_path / "t.csv", *lines))
    rows_of(read)
    found = read.tally.agreement["street"]
    assert (found.level, found.agree, found.stated) == ("street", 2, 4)
    assert found.share == 0.5


def test_nothing_stated_has_no_share(tmp_path: Path) -> None:
    read = table(write(tmp_path / "t.csv"))
    assert rows_of(read) == []
    assert read.tally.agreement["street"].share is None


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig"])
def test_a_table_is_read_in_the_encoding_that_the_mapping_states(tmp_path: Path, encoding: str) -> None:
    text = MAPPING.replace('source = "old"', f'source = "old"\nencoding = "{encoding}"', 1)
    (taken,) = rows_of(table(write(tmp_path / "t.csv", line(), encoding=encoding), text))
    assert taken.row is not None
    assert taken.row.words == "井盖坏了"


def test_in_another_encoding_the_rows_that_are_no_text_are_refused(tmp_path: Path) -> None:
    read = table(
        write(tmp_path / "t.csv", line(), line(text="plain", where="", state="x"), encoding="gb18030")
    )
    codes = [taken.refused and taken.refused.code for taken in rows_of(read)]
    assert codes == ["not_text", "unknown_status"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    read = table(write(tmp_path / "t.csv", line(), encoding="utf-8-sig"))
    assert read.header[0] == "no"
    assert len(rows_of(read)) == 1


def test_a_packed_table_is_unpacked_on_the_way(tmp_path: Path) -> None:
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "t.csv", line()).read_bytes()))
    assert len(rows_of(table(packed))) == 1


def test_a_line_that_is_no_csv_is_refused_and_the_next_one_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", line(no="A-1"), line(text="x" * 140_000), line(no="A-3"))
    codes = [taken.refused and taken.refused.code for taken in rows_of(table(path))]
    assert codes == [None, "not_csv", None]


def test_empty_lines_are_no_rows_and_a_cell_may_hold_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "", line(text='"one\ntwo"'), "")
    (taken,) = rows_of(table(path))
    assert taken.row is not None
    assert (taken.row.words, taken.line) == ("one\ntwo", 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: its first line must name its columns"),
        (gzip.compress(b"no,way\n" * 100, mtime=0)[:30], "cannot be read as a table"),
        (gzip.compress(b"no,way\n" * 100, mtime=0)[:12] + b"\xff" * 40, "cannot be read as a table"),
        (b"no,way\n", "cannot be read as a table: Not a gzipped file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / ("t.csv.gz" if content else "t.csv")
    path.write_bytes(content)
    with pytest.raises(UnreadableTable, match=said):
        table(path)


def test_a_text_in_an_encoding_of_another_width_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(",".join(HEADER).encode("utf-16") + b"\x00")
    with pytest.raises(UnreadableTable, match="cannot be read"):
        rows_of(table(path, MAPPING.replace("number", 'encoding = "utf-16"\nnumber', 1)))


def test_an_encoding_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableTable, match="unknown encoding: klingon"):
        table(write(tmp_path / "t.csv"), MAPPING.replace("number", 'encoding = "klingon"\nnumber', 1))


def test_rows_come_in_batches_in_their_order(tmp_path: Path) -> None:
    numbers = [f"A-{n}" for n in range(BATCH + 3)]
    batches = list(table(write(tmp_path / "t.csv", *(line(no=number) for number in numbers))).batches())
    assert [len(batch) for batch in batches] == [BATCH, 3]
    assert [taken.cells[0] for batch in batches for taken in batch] == numbers


def _cells() -> st.SearchStrategy[str]:
    odd = st.text(st.characters(blacklist_characters=',"\n\r\x00', blacklist_categories=["Cs"]), max_size=5)
    return odd | st.just("")


@st.composite
def _lines(draw: st.DrawFn) -> Iterator[str]:
    changed = draw(st.dictionaries(st.sampled_from(HEADER), _cells(), max_size=3))
    return line(**changed)  # type: ignore[return-value]


@given(lines=st.lists(_lines(), max_size=8))
def test_all_rows_add_up(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Read = to import + refused + set aside, for any table."""
    read = table(write(tmp_path_factory.mktemp("t") / "t.csv", *lines))
    rows = rows_of(read)
    tally = read.tally
    assert tally.read == len(rows) == len(lines)
    assert tally.read == tally.to_import + tally.refused.total() + tally.set_aside.total()
