"""Another system's history, row by row: a table and a mapping become rows to import, and all is counted.

Nothing is written here. Whoever imports takes the batches, hands their rows to the writer or to a server, and
tells the tally what came of them; a dry run stops before that.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from geodata.datum import Datum, to_wgs84_many
from gridgov.errors import UnnamedDatum
from gridgov.importing.errors import BadMapping, RowRefused, UnreadableTable
from gridgov.importing.mapping import Compare, ImportMapping
from gridgov.importing.rows import Reading, TakenRow
from gridgov.in_force import InForce

#: Rows read and located together.
BATCH: Final = 500
#: Bytes read at a time.
_PIECE: Final = 1 << 20
#: What a file is that ends too early, was packed wrongly, or is not in its encoding at all.
_BROKEN: Final = (OSError, EOFError, zlib.error, UnicodeError)

_NO_DATUM: Final = (
    f"names no datum, and the city's file sets none: write `datum` here ({', '.join(Datum)}),"
    " or set it for all points that name none in the city's file, under [city]"
)


@dataclass(slots=True)
class Agreement:
    """How often the grid that the source states is the one located; an unlocated point disagrees."""

    level: str
    agree: int = 0
    stated: int = 0

    @property
    def share(self) -> float | None:
        """The share that agrees; None where nothing was stated."""
        return self.agree / self.stated if self.stated else None


@dataclass(slots=True)
class Tally:
    """What was found in a table. ``read`` = ``to_import`` + refused by the mapping + set aside.

    ``marks`` counts the rows to import that carry one; positions are counted over all rows that have one,
    agreement too, those set aside included: it says something of the grids, not of what is imported.
    """

    read: int = 0
    to_import: int = 0
    closed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    positions: int = 0
    outside: int = 0
    agreement: dict[str, Agreement] = field(default_factory=dict)


def open_table(path: Path, encoding: str) -> TextIO:
    """A CSV file for reading, unpacked where it ends in .gz; bytes that are no text come out as surrogates.

    Raises UnreadableTable.
    """
    known = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
    try:
        codecs.lookup(known)
        raw = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 -- the caller closes
    except (OSError, LookupError) as error:
        raise UnreadableTable(f"{path} cannot be read: {error}", path=str(path)) from error
    # Large pieces: each small one would wait for the thread that writes.
    return io.TextIOWrapper(io.BufferedReader(raw, _PIECE), known, errors="surrogateescape", newline="")


class Table:
    """A table read by a mapping, in batches; ``tally`` is complete when they have all been taken.

    Raises UnreadableTable, MissingColumns, BadMapping where a comparison names no level of the hierarchy or
    positions are in no datum.
    """

    def __init__(self, path: Path, mapping: ImportMapping, mapping_name: str, in_force: InForce) -> None:
        self.path, self.mapping = path, mapping
        self._in_force = in_force
        with closing(open_table(path, mapping.encoding)) as text:
            self.header = _header(text, mapping, path)
        mapping.check_columns(self.header, mapping_name)
        self.tally = Tally()
        try:
            self._reading = Reading(mapping, self.header, in_force)
        except UnnamedDatum as error:
            raise BadMapping(mapping_name, [f"[position] {_NO_DATUM}"]) from error
        self._comparisons = self._prepare_comparisons(mapping_name)

    def _prepare_comparisons(self, mapping_name: str) -> list[tuple[Compare, int, list[str]]]:
        levels = [level.key for level in self._in_force.atlas.hierarchy.levels]
        has = f"the levels are {', '.join(levels)}"
        unknown = [one for one in self.mapping.compare if one.level not in levels]
        if unknown:
            raise BadMapping(
                mapping_name,
                [f"[[compare]] {one.name}: there is no level {one.level!r}; {has}" for one in unknown],
            )
        paths = self._in_force.atlas.locator.paths
        prepared = []
        for one in self.mapping.compare:
            self.tally.agreement[one.name] = Agreement(one.level)
            depth = levels.index(one.level)
            prepared.append((one, self.header.index(one.column), [path[depth] for path in paths]))
        return prepared

    def batches(self) -> Iterator[list[TakenRow]]:
        """All rows in their order, some hundreds at a time; what is found is counted on the way."""
        batch: list[TakenRow] = []
        with closing(open_table(self.path, self.mapping.encoding)) as text:
            reader = csv.reader(text, delimiter=self.mapping.delimiter)
            for line, cells in _lines(reader, self.path):
                batch.append(cells if isinstance(cells, TakenRow) else self._reading.take(line, cells))
                if len(batch) == BATCH:
                    yield self._counted(batch)
                    batch = []
        if batch:
            yield self._counted(batch)

    def _counted(self, batch: list[TakenRow]) -> list[TakenRow]:
        tally = self.tally
        tally.read += len(batch)
        for taken in batch:
            if taken.row is not None:
                tally.to_import += 1
                tally.closed += taken.row.closed
                tally.marks.update(taken.row.marks)
            elif taken.set_aside is not None:
                tally.set_aside[taken.set_aside] += 1
            elif taken.refused is not None:
                tally.refused[taken.refused.code] += 1
        self._locate([taken for taken in batch if taken.position is not None])
        return batch

    def _locate(self, placed: list[TakenRow]) -> None:
        if not placed:
            return
        lons, lats = np.array([taken.position for taken in placed]).T
        if self._reading.datum is not None:
            lons, lats = to_wgs84_many(lons, lats, self._reading.datum)
        found = self._in_force.atlas.locator.index_many(lons, lats)
        self.tally.positions += len(placed)
        self.tally.outside += int((found < 0).sum())
        for one, column, codes in self._comparisons:
            agreement = self.tally.agreement[one.name]
            # A column of codes holds few texts, many times.
            seen: dict[str, str | None] = {}
            for taken, index in zip(placed, found.tolist(), strict=True):
                text = taken.cells[column]
                stated = seen[text] if text in seen else seen.setdefault(text, one.stated(text.strip()))
                if stated is not None:
                    agreement.stated += 1
                    agreement.agree += index >= 0 and codes[index] == stated


def _header(text: TextIO, mapping: ImportMapping, path: Path) -> list[str]:
    try:
        header = next(csv.reader(text, delimiter=mapping.delimiter), None)
    except (csv.Error, *_BROKEN) as error:
        raise UnreadableTable(f"{path} cannot be read as a table: {error}", path=str(path)) from error
    if not header:
        raise UnreadableTable(f"{path} is empty: its first line must name its columns", path=str(path))
    return [name.strip() for name in header]


def _lines(reader: Any, path: Path) -> Iterator[tuple[int, list[str] | TakenRow]]:
    """(line, cells) of every row under the header; what is no CSV comes out refused, and reading goes on."""
    next(reader)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            broken = RowRefused("not_csv", f"this is no row of a CSV table: {error}")
            yield reader.line_num, TakenRow(reader.line_num, (), refused=broken)
            continue
        except _BROKEN as error:
            message = f"{path} cannot be read past line {reader.line_num}: {error}"
            raise UnreadableTable(message, path=str(path), line=reader.line_num) from error
        if cells:
            yield reader.line_num, cells
