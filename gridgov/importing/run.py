"""One run of an import: batches are read ahead while others are written, and every outcome is counted."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection, Engine, select

from gridgov import commands
from gridgov.commands import ImportedRow
from gridgov.importing.rows import TakenRow
from gridgov.importing.tables import Table, Tally
from gridgov.storage.batch import Command
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import CommandRow
from gridgov.storage.words import same_again

_commands = CommandRow.__table__  # type: ignore[attr-defined]

#: Batches that may be on their way while the next ones are read: the writer always finds one waiting.
IN_FLIGHT: Final = 4
#: Who brings history in from this machine, as the ledger calls them.
OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row sent: taken, there before (``repeated``), or refused with a code and why."""

    repeated: bool = False
    code: str | None = None
    reason: str = ""


Send = Callable[[Sequence[ImportedRow]], Sequence[Outcome]]


@dataclass(slots=True)
class Result:
    """What an import came to. ``tally`` counts what the table holds; the rest what the store said to it."""

    tally: Tally
    imported: int = 0
    repeated: int = 0
    refused_by_store: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """Rows refused, by the mapping or by the store."""
        return self.tally.refused.total() + self.refused_by_store.total()


class RefusedRows:
    """A CSV of the rows refused, as they stood, with the line and the reason added."""

    def __init__(self, path: Path, header: Sequence[str], encoding: str, delimiter: str) -> None:
        self.path, self.encoding = path, encoding
        self._file = path.open("w", encoding=encoding, errors="surrogateescape", newline="")
        self._csv = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
        self._csv.writerow([*header, "refused_line", "refused_reason"])

    def add(self, taken: TakenRow, code: str, reason: str) -> None:
        """Write one row down."""
        text = f"{code}: {reason}".encode(self.encoding, "replace").decode(self.encoding)
        self._csv.writerow([*taken.cells, taken.line, text])

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def bring_in(
    table: Table,
    send: Send,
    refused: RefusedRows | None = None,
    progress: Callable[[Result], None] | None = None,
) -> Result:
    """Send every row to import, and count what came of it; ``progress`` is told after each batch.

    ``send`` is called from other threads, several batches at a time. What it raises ends the run: rows sent
    before stay imported, and the next run finds them there.
    """
    result = Result(table.tally)
    waiting: deque[tuple[list[TakenRow], Future[Sequence[Outcome]]]] = deque()

    def settle() -> None:
        rows, future = waiting.popleft()
        for taken, outcome in zip(rows, future.result(), strict=True):
            _count(result, taken, outcome, refused)
        if progress is not None:
            progress(result)

    with ThreadPoolExecutor(IN_FLIGHT, "import") as pool:
        try:
            for batch in table.batches():
                _write_refused(batch, refused)
                rows = [taken for taken in batch if taken.row is not None]
                waiting.append((rows, pool.submit(send, [row.row for row in rows if row.row is not None])))
                if len(waiting) > IN_FLIGHT:
                    settle()
            while waiting:
                settle()
        finally:
            pool.shutdown(cancel_futures=True)
    return result


def _count(result: Result, taken: TakenRow, outcome: Outcome, refused: RefusedRows | None) -> None:
    if outcome.code is not None:
        result.refused_by_store[outcome.code] += 1
        if refused is not None:
            refused.add(taken, outcome.code, outcome.reason)
    elif outcome.repeated:
        result.repeated += 1
    else:
        result.imported += 1


def _write_refused(batch: Sequence[TakenRow], refused: RefusedRows | None) -> None:
    if refused is None:
        return
    for taken in batch:
        if taken.refused is not None:
            refused.add(taken, taken.refused.code, taken.refused.message)


@contextmanager
def refused_rows(path: Path | None, table: Table) -> Iterator[RefusedRows | None]:
    """The file of refused rows at ``path``; none, and nothing written, without a path."""
    if path is None:
        yield None
        return
    rows = RefusedRows(path, table.header, table.mapping.encoding, table.mapping.delimiter)
    try:
        yield rows
    finally:
        rows.close()


class Foresight:
    """Sends nothing: tells what the store would answer, by what it holds and what came earlier in the run."""

    def __init__(self, reader: Engine, stream: str = MAIN) -> None:
        self._reader, self._stream = reader, stream
        self._sent: dict[str, Command] = {}
        self._lock = Lock()

    def __call__(self, rows: Sequence[ImportedRow]) -> list[Outcome]:
        """What would come of these rows."""
        made = [commands.import_row(OPERATOR, row) for row in rows]
        query = select(_commands.c.id, _commands.c.digest).where(
            _commands.c.stream == self._stream, _commands.c.id.in_([command.id for command in made])
        )
        with self._reader.connect() as connection, self._lock:
            known = {row.id: row.digest for row in connection.execute(query)}
            return [self._outcome(connection, command, known) for command in made]

    def _outcome(self, connection: Connection, command: Command, known: Mapping[str, bytes]) -> Outcome:
        if command.id in known:
            same = known[command.id] == command.digest and same_again(
                connection, self._stream, command.id, command.incident, command.words
            )
        elif command.id in self._sent:
            same = _same(self._sent[command.id], command)
        else:
            self._sent[command.id] = command
            return Outcome()
        return Outcome(repeated=True) if same else _CONFLICT


def _same(one: Command, other: Command) -> bool:
    if one.digest != other.digest or one.words is None or other.words is None:
        return one.digest == other.digest
    return one.words.says_same(other.words)


_CONFLICT: Final = Outcome(
    code="IdReused", reason="this number was imported before, and said something else then"
)
