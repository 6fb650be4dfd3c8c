"""The copy's file: what it is, who may write, and what becomes of half a change."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gridgov.statistics.copy import Copy, Version, relation
from gridgov.statistics.errors import CopyOfAnother, CopyUnusable, TookTooLong
from gridgov.statistics.facts import BIT, SOURCE
from gridgov.statistics.turns import Turns


def incident(first: int, position: int, stage: str = "intake", **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = dict.fromkeys(SOURCE)
    counts = dict.fromkeys(("dispatches", "redirected", "returns", "reworks", "extensions"), 0)
    marks = dict.fromkeys(("imported", "auto_dispatched", "self_handled"), False)
    words = {"channel": "phone", "category": "t", "urgency": "ordinary", "path": "D/N/", "edition": 1}
    given = {"first": first, "position": position, "stage": stage, "reported_at": first * 1_000_000}
    return plain | counts | marks | words | given | more


@pytest.fixture
def copy(tmp_path: Path) -> Any:
    with Copy(tmp_path / "copy.duckdb") as made:
        made.begin("epoch-1")
        made.add_grids([(1, ("D",)), (1, ("D", "N")), (2, ("D",))])
        yield made


def stages(copy: Copy, position: int | None = None) -> list[tuple[int, str]]:
    with copy.asking() as db:
        found: list[tuple[int, str]] = db.execute(
            f"SELECT seq, stage FROM {relation(position)} ORDER BY seq"
        ).fetchall()
    return found


def test_what_an_incident_was_is_superseded_where_the_next_begins(copy: Copy) -> None:
    """One that ends, one that ends and is taken up again, and one that changes twice at once."""
    copy.change([Version(incident(1, 1)), Version(incident(2, 2))], 2, 20)
    copy.change([Version(incident(1, 3, "closed", closed_at=3_000_000))], 3, 30)
    copy.change([Version(incident(2, 4, "dispatch"), 5), Version(incident(2, 5, "handling"))], 5, 50)
    copy.change([Version(incident(1, 6, "handling"))], 6, 60)
    expected = {
        0: [],
        1: [(1, "intake")],
        2: [(1, "intake"), (2, "intake")],
        3: [(1, "closed"), (2, "intake")],
        4: [(1, "closed"), (2, "dispatch")],
        5: [(1, "closed"), (2, "handling")],
        6: [(1, "handling"), (2, "handling")],
    }
    assert {position: stages(copy, position) for position in expected} == expected
    assert stages(copy) == expected[6]
    with copy.asking() as db:
        assert db.execute("SELECT count(*) FROM ended").fetchone() == (0,)


def test_grids_and_all_that_is_around_them_are_known(copy: Copy) -> None:
    with copy.asking() as db:
        assert db.execute("SELECT drawing, path_text, depth FROM grid ORDER BY id").fetchall() == [
            (1, "D/", 1),
            (1, "D/N/", 2),
            (2, "D/", 1),
        ]
        assert db.execute("SELECT id, depth, path_text FROM ancestor ORDER BY id, depth").fetchall() == [
            (1, 1, "D/"),
            (2, 1, "D/"),
            (2, 2, "D/N/"),
            (3, 1, "D/"),
        ]


@pytest.mark.parametrize(
    ("edition", "path", "grid"), [(1, "D/N/", 2), (2, "D/", 3), (2, "D/N/", 0), (None, "", 0), (1, "", 0)]
)
def test_an_incident_lies_in_the_grid_of_its_own_edition(
    copy: Copy, edition: int | None, path: str, grid: int
) -> None:
    copy.change([Version(incident(1, 1, edition=edition, path=path))], 1, 10)
    with copy.asking() as db:
        assert db.execute("SELECT grid FROM standing").fetchone() == (grid,)


@pytest.mark.parametrize(
    ("closed_at", "due_at", "seconds", "on_time"),
    [
        (2_000_000, 2_000_000, 2, True),
        (2_000_001, 2_000_000, 2, False),
        (1_999_999, 2_000_000, 1, True),
        (-1, -1, -1, True),
        (-1_000_001, 0, -2, True),
    ],
)
def test_microseconds_are_settled_before_they_are_cut(
    copy: Copy, closed_at: int, due_at: int, seconds: int, on_time: bool
) -> None:
    """Whole seconds, downward also before 1970; closed at the limit itself is on time."""
    row = incident(1, 1, "closed", closed_at=closed_at, due_at=due_at, reported_at=-9_000_000)
    copy.change([Version(row)], 1, 10)
    with copy.asking() as db:
        ((at, flags),) = db.execute("SELECT closed_at, flags FROM ended").fetchall()
    assert (at, bool(flags & BIT["on_time"])) == (seconds, on_time)


def test_half_a_change_is_none(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it fails before its end, nothing of it is there, and the copy goes on from where it was."""
    copy.change([Version(incident(1, 1))], 1, 10)
    before = copy.known()

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    closed = [Version(incident(1, 2, "closed", closed_at=1))]
    with monkeypatch.context() as broken:
        broken.setattr(Copy, "note", fails)
        with pytest.raises(OSError, match="no space"):
            copy.change(closed, 2, 20)
    assert (copy.known(), stages(copy)) == (before, [(1, "intake")])
    copy.change(closed, 2, 20)
    assert stages(copy) == [(1, "closed")]


def test_what_is_asked_stays_as_it_was_while_it_is_written(copy: Copy) -> None:
    copy.change([Version(incident(1, 1))], 1, 10)
    with copy.asking() as db:
        assert db.execute("SELECT count(*) FROM standing").fetchone() == (1,)
        copy.change([Version(incident(2, 2)), Version(incident(1, 3, "closed", closed_at=1))], 3, 30)
        assert db.execute("SELECT count(*) FROM standing").fetchone() == (1,)
    assert stages(copy) == [(1, "closed"), (2, "intake")]


def test_a_file_of_another_ledger_version_or_kind_is_told_apart(copy: Copy, tmp_path: Path) -> None:
    assert copy.known("epoch-1").position == 0
    with pytest.raises(CopyOfAnother):
        copy.known("epoch-2")
    with copy.writing() as db:
        Copy.note(db, version=0)
    with pytest.raises(CopyUnusable, match="another version"):
        copy.known()
    (tmp_path / "garbage.duckdb").write_bytes(b"garbage" * 1000)
    with pytest.raises(CopyUnusable, match=r"garbage\.duckdb cannot be opened"):
        Copy(tmp_path / "garbage.duckdb")
    with Copy(tmp_path / "empty.duckdb") as empty, pytest.raises(CopyUnusable, match="no copy"):
        empty.known()


def test_nothing_but_what_lies_beside_it_is_read_or_written_through_it(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "inside.csv").write_text("a\n1\n")
    outside = tmp_path.parent / "outside.csv"
    outside.write_text("a\n1\n")
    with copy.asking() as db:
        assert db.execute(f"SELECT a FROM read_csv('{tmp_path}/inside.csv')").fetchall() == [(1,)]
        for statement in (
            f"SELECT * FROM read_csv('{outside}')",
            f"COPY standing TO '{outside}.out'",
            f"ATTACH '{outside}.db'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error), db.cursor() as another:
                another.execute(statement)


def test_a_question_that_takes_too_long_is_given_up(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridgov.statistics.turns.LIMIT_S", 0.2)
    forever = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(1000000) AS b"
    started = time.monotonic()
    with pytest.raises(TookTooLong), copy.asking() as db, Turns().limited(db):
        db.execute(forever)
    assert time.monotonic() - started < 20


def test_what_is_under_way_can_be_cut_off(copy: Copy) -> None:
    turns, said = Turns(), []

    def asks() -> None:
        forever = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(1000000) AS b"
        with turns.one(), copy.asking() as db:
            try:
                with turns.limited(db):
                    db.execute(forever)
            except TookTooLong as why:
                said.append(why)

    thread = threading.Thread(target=asks)
    thread.start()
    while not said:
        turns.cut()
        time.sleep(0.01)
    with turns.all():
        thread.join()
    assert len(said) == 1
