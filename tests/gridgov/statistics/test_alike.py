"""Texts as numbers and back, and kinds of rows added up to groups."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.statistics import codes, counting, times
from gridgov.statistics.alike import Alike, alike, groups_of
from gridgov.statistics.codes import Ambiguous, coded, learn, texts_of
from gridgov.statistics.rows import Asked

ROWS = [("a", 1, 0), ("b", 1, 2), (None, 3, 0), ("a", 3, 1), ("a", 1, 0), ("", 2, 0), (None, 1, 0)]


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE few (word VARCHAR, flags UINTEGER, reworks USMALLINT)")
        connection.executemany("INSERT INTO few VALUES (?, ?, ?)", ROWS)
        yield connection


ASKED = Asked("few", "few", 0).by("word", code=coded("word"))


@pytest.mark.parametrize("code", [coded("word"), ""])
def test_kinds_add_up_to_groups_whether_by_number_or_by_text(
    db: duckdb.DuckDBPyConnection, code: str
) -> None:
    asked = Asked("few", "few", 0).by("word", code=code)
    found = alike(db, asked, asked.rows(), {"odd": "flags % 2 = 1", "never": "false"}, reworked=True)
    keys, (places,) = groups_of(db, asked, [found.codes])
    one = np.ones(len(found.flags))
    rows = found.of_groups(places, len(keys), [one, found.holds("odd") * one, found.reworks])
    told = {key: tuple(column) for key, column in zip(keys, rows.T.tolist(), strict=True)}
    assert told == {"a": (3, 3, 1), "b": (1, 1, 2), "": (1, 0, 0), None: (2, 2, 0)}
    assert not found.holds("never").any()


def test_a_word_that_is_null_does_not_hold(db: duckdb.DuckDBPyConnection) -> None:
    found = alike(db, ASKED, ASKED.rows(), {"is_a": "word = 'a'"}, reworked=False)
    assert found.n[found.holds("is_a")[found.looks]].sum() == 3


def test_two_texts_of_one_number_are_told_apart_as_texts(
    db: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if all texts had the same number."""
    monkeypatch.setattr(codes, "_TEXTS", {})
    same = Asked("few", "few", 0).by("word", code="1")
    learn(7, "a")
    with pytest.raises(Ambiguous):
        learn(7, "b")

    def ambiguous(*_: object) -> dict[int, str | None]:
        raise Ambiguous

    monkeypatch.setattr("gridgov.statistics.alike.texts_of", ambiguous)
    seen = []

    def together(_: duckdb.DuckDBPyConnection, asked: Asked) -> str:
        seen.append(asked.code)
        if asked.code:
            raise Ambiguous
        return "by text"

    monkeypatch.setattr(counting, "_together", together)
    assert counting.counted(db, same) == "by text"
    assert seen == ["1", ""]

    @times._coded
    def words(told: duckdb.DuckDBPyConnection, asked: Asked) -> times.Groups:
        rows = told.execute(f"SELECT {asked.code or asked.key}, count(*) FROM few GROUP BY 1").fetchall()
        return {key: {"n": n} for key, n in rows}

    assert words(db, same) == {"a": {"n": 3}, "b": {"n": 1}, "": {"n": 1}, None: {"n": 2}}


def test_what_is_not_known_yet_is_looked_up(db: duckdb.DuckDBPyConnection) -> None:
    (number,) = db.execute("SELECT hash('b')").fetchone() or (0,)
    assert texts_of(db, ASKED, [number]) == {number: "b"}
    (nothing,) = db.execute("SELECT hash(NULL::VARCHAR)").fetchone() or (0,)
    assert texts_of(db, ASKED, [nothing]) == {nothing: None}


kinds = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(1, 10**6)), max_size=40)


@given(kinds, st.booleans())
def test_adding_up_is_adding_one_after_another(found: list[tuple[int, int, int]], many: bool) -> None:
    """In one table of groups and looks, or, where that would be too large, weight by weight."""
    places, looks, n = (np.array([one[at] for one in found], dtype=np.int64) for at in range(3))
    some = np.arange(4)
    of = Alike(places, n, looks, flags=some, reworks=some * 2, words={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gridgov.statistics.alike._MOST_CELLS", 10**9 if many else 0)
        rows = of.of_groups(places, 7, [some == 1, of.reworks])
    expected = [[0] * 7, [0] * 7]
    for place, look, times_ in found:
        expected[0][place] += times_ * (look == 1)
        expected[1][place] += times_ * look * 2
    assert rows.tolist() == expected
