"""Rows that are alike, counted kind by kind in the copy, and added up to the counts of groups here: of
millions of rows there are some hundreds of kinds in a group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from gridgov.statistics.codes import texts_of
from gridgov.statistics.facts import BIT
from gridgov.statistics.rows import Asked, execute
from gridgov.statistics.shares import Counts

#: Cells of groups and kinds up to which they are added up at once.
_MOST_CELLS: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Alike:
    """Kinds of rows: ``codes`` of the group that each is in, masked where there is none, and how many rows it
    is of, ``n``. ``looks`` number those kinds that differ by their group alone, each of which has its
    ``flags``, its ``reworks`` and further ``words`` that hold of it or do not.
    """

    codes: Any
    n: Counts
    looks: Counts
    flags: Counts
    reworks: Counts
    words: Mapping[str, Any]

    def holds(self, word: str) -> Any:
        """Of which looks does a word hold: a flag, or one of ``words``?"""
        return (self.flags & BIT[word]) != 0 if word in BIT else self.words[word]

    def of_groups(self, places: Counts, groups: int, weights: Sequence[Any]) -> Counts:
        """A row for each of the weights, which are whole numbers for each look: their sums over each group.
        ``places`` are the groups of the kinds.
        """
        looks, table = len(self.flags), np.array(weights, dtype=np.float64).reshape(len(weights), -1)
        # As floating point, which is exact up to 2**53.
        if groups * looks <= _MOST_CELLS:
            cells = np.bincount(places * looks + self.looks, self.n, groups * looks).reshape(groups, looks)
            found = table @ cells.T
        else:
            found = np.array([np.bincount(places, self.n * row[self.looks], groups) for row in table])
        return np.rint(found).astype(np.int64)


def alike(
    db: duckdb.DuckDBPyConnection, asked: Asked, rows: str, words: Mapping[str, str], *, reworked: bool
) -> Alike:
    """The kinds of ``rows``, which are FROM and WHERE; ``words`` are conditions, which do not hold where they
    are NULL. A condition that is the same for all costs nothing, any other some milliseconds a million rows.
    """
    columns = {"k": asked.code or asked.key, "flags": "flags"} | ({"reworks": "reworks"} if reworked else {})
    columns |= {word: condition for word, condition in words.items() if condition not in _PLAIN}
    said = ", ".join(f"{condition} AS {name}" for name, condition in columns.items())
    found = execute(db, f"SELECT {said}, count(*) AS n {rows} GROUP BY ALL", asked.values).fetchnumpy()
    told = [word for word in words if word in columns]
    packed = found["flags"].astype(np.int64)
    for at, word in enumerate(told):
        packed |= np.ma.filled(found[word], False).astype(np.int64) << (_FLAG_BITS + at)
    if reworked:
        packed |= found["reworks"].astype(np.int64) << (_FLAG_BITS + len(told))
    looks, kinds = pd.factorize(packed)
    return Alike(
        codes=found["k"],
        n=found["n"],
        looks=looks,
        flags=kinds & ((1 << _FLAG_BITS) - 1),
        reworks=kinds >> (_FLAG_BITS + len(told)),
        words={
            word: (kinds >> (_FLAG_BITS + told.index(word)) & 1) != 0
            if word in told
            else np.full(len(kinds), _PLAIN[condition])
            for word, condition in words.items()
        },
    )


#: Conditions that need not be looked at.
_PLAIN: Final = {"true": True, "false": False}
_FLAG_BITS: Final = 32


def groups_of(
    db: duckdb.DuckDBPyConnection, asked: Asked, columns: Sequence[Any]
) -> tuple[list[Any], list[Counts]]:
    """The keys of all groups, None that of what has none, and for each column of codes the places of its
    codes among them. Raises `codes.Ambiguous`.
    """
    at: dict[Any, int] = {}
    places = [_placed(column, at) for column in columns]
    known = keys_of(db, asked, at)
    # No text has a code, and so has what is joined to nothing: both are None.
    keys: dict[Any, int] = {}
    moved = [keys.setdefault(known[code], len(keys)) for code in at]
    lookup = np.array(moved, dtype=np.int64)
    return list(keys), [lookup[column] for column in places]


def keys_of(db: duckdb.DuckDBPyConnection, asked: Asked, codes: Iterable[Any]) -> dict[Any, Any]:
    """The keys of what was grouped by ``asked.code``, or by its key itself. Raises `codes.Ambiguous`."""
    some = [code for code in codes if code is not None]
    if not asked.code:
        found = {code: code for code in some}
    elif asked.coding:
        found = dict(execute(db, asked.coding, asked.values).fetchall())
    else:
        found = texts_of(db, asked, some)
    return {**found, None: None}


def _placed(codes: Any, at: dict[Any, int]) -> Counts:
    """The places of codes in ``at``, to which new ones are added; masked ones are None."""
    if codes.dtype == object:
        return np.array([at.setdefault(code, len(at)) for code in codes.tolist()], dtype=np.int64)
    values, missing = np.ma.getdata(codes), np.ma.getmaskarray(codes)
    # By hashing: several times quicker than numpy's unique, which sorts.
    inverse, each = pd.factorize(values)
    told = np.zeros(len(each), dtype=bool)
    told[inverse[~missing]] = True
    pairs = zip(each.tolist(), told.tolist(), strict=True)
    found = np.array([at.setdefault(code, len(at)) if there else 0 for code, there in pairs], dtype=np.int64)
    places = found[inverse] if len(each) else np.zeros(0, dtype=np.int64)
    if missing.any():
        places[missing] = at.setdefault(None, len(at))
    return places
