"""One statement for many rows, compiled once: what the write path uses instead of compiling parameters row by
row.

SQLAlchemy works on each row's parameters at every execution, a third of the time of a whole report; here the
compiled text goes to the driver with plain tuples. All columns written this way hold types that the drivers
take as they are: text, whole numbers, floats, bytes, booleans, None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.dml import UpdateBase


class Bulk:
    """A statement to be executed with many rows, each a mapping with its parameters.

    ``names`` are the columns of an insert; a statement that names its parameters itself needs none.
    """

    def __init__(self, statement: UpdateBase, names: Sequence[str] | None = None) -> None:
        self._statement, self._names = statement, None if names is None else list(names)
        self._compiled: dict[str, tuple[str, Any]] = {}

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for every row; nothing at all where there are none."""
        if not rows:
            return
        text, pick = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        connection.exec_driver_sql(text, [pick(row) for row in rows])

    def _compile(self, dialect: Dialect) -> tuple[str, Any]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        pick: Any = itemgetter(*compiled.positiontup) if compiled.positiontup else dict
        self._compiled[dialect.name] = (str(compiled), pick)
        return self._compiled[dialect.name]
