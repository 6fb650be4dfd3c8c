"""Words of and about citizens: kept beside the ledger so that they can be erased, found by search while they
are there.

The ledger holds a salted hash of them: whoever has the words can prove that they are the ones, nobody can
guess them back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, column, table, text
from sqlmodel import col, select

from gridgov.storage.bulk import Bulk
from gridgov.storage.tables import EntryRow, PrivateRow

#: Row ids of the search index are ``ordinal * STRIDE + position``: room for a trillion entries in each
#: stream.
STRIDE = 1 << 40

_CHINESE = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_CJK = re.compile(f"[{_CHINESE}]+")
#: A run of Chinese, or of other letters and digits: "12号楼" is two, so that 号楼 is found in it.
_TOKEN = re.compile(rf"[{_CHINESE}]+|[^\W_{_CHINESE}]+")


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote and who they are; all of it can be erased."""

    salt: bytes
    words: str | None = None
    address: str | None = None
    reporter_name: str | None = None
    reporter_phone: str | None = None

    def reference(self) -> str:
        """The salted SHA-256 that the ledger keeps in their place, in hex."""
        digest = hashlib.sha256(self.salt)
        for item in (self.words, self.address, self.reporter_name, self.reporter_phone):
            raw = b"" if item is None else b"=" + item.encode()
            digest.update(b"%d:" % len(raw))
            digest.update(raw)
        return digest.hexdigest()

    def says_same(self, other: Words) -> bool:
        """Are these the same words by the same reporter? The salt does not count."""
        return replace(self, salt=b"") == replace(other, salt=b"")

    def row(self, stream: str, incident: str, number: int, position: int) -> dict[str, Any]:
        """As the store keeps them."""
        return {
            "stream": stream,
            "incident": incident,
            "number": number,
            "position": position,
            "salt": self.salt,
            "words": self.words,
            "address": self.address,
            "reporter_name": self.reporter_name,
            "reporter_phone": self.reporter_phone,
            "erased_at": None,
        }


def grams(written: str) -> str:
    """Text as the tokens it is found by: Latin words and numbers whole, Chinese as pairs of neighbouring
    characters.

    >>> grams("井盖破损 Main St.")
    '井盖 盖破 破损 损 main st'
    >>> grams("3号楼")
    '3 号楼 楼'
    """
    found: list[str] = []
    for token in _TOKEN.findall(written.lower()):
        if _CJK.match(token):
            found += [token[i : i + 2] for i in range(len(token))]
        else:
            found.append(token)
    return " ".join(found)


def match(query: str) -> str:
    """What to ask the full-text index for: every run of the query as a phrase, the last token as a beginning.

    Empty where the query has nothing that could be found.

    >>> match("井盖 main")
    '"井盖" AND "main"*'
    """
    phrases = []
    for token in _TOKEN.findall(query.lower()):
        if len(token) == 1 or not _CJK.match(token):
            phrases.append(f'"{token}"*')
        else:
            phrases.append('"' + " ".join(token[i : i + 2] for i in range(len(token) - 1)) + '"')
    return " AND ".join(phrases)


_table = PrivateRow.__table__  # type: ignore[attr-defined]
_KEEP = Bulk(_table.insert(), _table.columns.keys())
_search = table("search", column("rowid"), column("incident"), column("grams"))
_INDEX = Bulk(_search.insert(), ("rowid", "incident", "grams"))
_FORGET = text("DELETE FROM search WHERE rowid = :id")


def search_row(ordinal: int, row: dict[str, Any]) -> dict[str, Any] | None:
    """The line of the search index for a private row; None where it holds nothing to be found by."""
    found = grams(" ".join(item for item in (row["words"], row["address"]) if item))
    if not found:
        return None
    return {"rowid": ordinal * STRIDE + row["position"], "incident": row["incident"], "grams": found}


def store(connection: Connection, ordinal: int, rows: Sequence[dict[str, Any]]) -> None:
    """Keep private rows and make them findable, a statement each."""
    _KEEP.execute(connection, rows)
    lines = [line for row in rows if (line := search_row(ordinal, row)) is not None]
    index(connection, lines)


def index(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Add lines that :func:`search_row` made to the search index."""
    _INDEX.execute(connection, lines)


def forget(connection: Connection, ordinal: int, position: int) -> None:
    """Take the words of one entry out of the search index."""
    connection.execute(_FORGET, {"id": ordinal * STRIDE + position})


def of_command(connection: Connection, stream: str, command: str, incident: str) -> Words | None:
    """The words that came with a command on an incident; None where there are none or they are erased."""
    entries = EntryRow.__table__  # type: ignore[attr-defined]
    query = (
        select(_table)
        .join(entries, (entries.c.stream == _table.c.stream) & (entries.c.position == _table.c.position))
        .where(
            _table.c.stream == stream,
            _table.c.incident == incident,
            _table.c.erased_at.is_(None),
            entries.c.command == command,
        )
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else kept(dict(row))


def kept(row: Mapping[str, Any]) -> Words:
    """The words of a private row."""
    return Words(row["salt"], row["words"], row["address"], row["reporter_name"], row["reporter_phone"])


def same_again(connection: Connection, stream: str, command: str, incident: str, sent: Words | None) -> bool:
    """Are these the words that came with that command the first time? Erased words cannot tell any more: they
    pass for the same, since the rest of the command is.
    """
    if sent is None:
        return True
    before = of_command(connection, stream, command, incident)
    return before is None or before.says_same(sent)


def of_incident(connection: Connection, stream: str, incident: str) -> list[dict[str, Any]]:
    """What is kept of and about citizens for one incident, by number of the entry."""
    query = (
        select(_table)
        .where(col(PrivateRow.stream) == stream, col(PrivateRow.incident) == incident)
        .order_by(col(PrivateRow.number))
    )
    return [dict(row) for row in connection.execute(query).mappings()]
