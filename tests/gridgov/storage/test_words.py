"""What is written is found by any part of it, however Chinese, Latin letters and digits follow each other."""

from __future__ import annotations

import sqlite3

import pytest

from gridgov.storage.words import grams, match

WRITTEN = "桥和路12号楼前消防通道被堵 福永街道A区3栋"


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("消防通道", True),
        ("楼前", True),
        ("号楼", True),
        ("12号楼", True),
        ("12 号楼", True),
        ("桥和路12号", True),
        ("a区", True),
        ("区3栋", True),
        ("栋", True),
        ("路号", False),
        ("前楼", False),
        ("13号楼", False),
    ],
)
def test_chinese_is_found_beside_digits_and_letters(query: str, finds: bool) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE search USING fts5(grams)")
        connection.execute("INSERT INTO search VALUES (?)", (grams(WRITTEN),))
        found = connection.execute("SELECT 1 FROM search WHERE search MATCH ?", (match(query),)).fetchall()
    connection.close()
    assert bool(found) is finds
