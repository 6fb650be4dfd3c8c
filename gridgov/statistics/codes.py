"""Texts as numbers, to group by: DuckDB groups by whole numbers several times faster than by texts, and works
out a number but once for each text that a column's pages hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

from gridgov.statistics.rows import Asked, execute

#: The text of every number that was met so far; a number is DuckDB's hash of the text.
_TEXTS: Final[dict[int, str | None]] = {}


class Ambiguous(Exception):
    """Two texts have the same number: they have to be grouped as texts."""


def coded(text: str) -> str:
    """The SQL for the number of a text."""
    return f"hash({text})"


def texts_of(db: duckdb.DuckDBPyConnection, asked: Asked, codes: Iterable[int]) -> dict[int, str | None]:
    """The texts of these numbers, which are those of what is asked for; no text has a number too. Raises
    Ambiguous.
    """
    wanted = set(codes)
    if not wanted <= _TEXTS.keys():
        each = f"SELECT {asked.key} AS text {asked.rows()} GROUP BY text"
        query = f"SELECT {coded('text')}, text FROM ({each})"
        for code, text in execute(db, query, asked.values).fetchall():
            learn(code, text)
    return {code: _TEXTS[code] for code in wanted}


def learn(code: int, text: str | None) -> None:
    """Know the text of a number. Raises Ambiguous."""
    if _TEXTS.setdefault(code, text) != text:
        raise Ambiguous(text, _TEXTS[code])
