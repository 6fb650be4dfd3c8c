"""Following the ledger comes to what making the copy at once comes to, and to the ledger itself, position by
position.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dispatch.closure import Period, count, facts
from dispatch.entries import to_micros
from dispatch.incidents import Incident, extend
from gridgov.statistics.copy import Copy, relation
from gridgov.statistics.errors import CopyOfAnother
from gridgov.statistics.facts import BIT, COHORT
from gridgov.statistics.following import Follower
from gridgov.storage.tables import path_text
from tests.gridgov.histories import LiveTown, Play, work
from tests.gridgov.statistics.copies import Following, content, drawn_town, made

SEEDS = (1, 2, 3)


def then(town: LiveTown, position: int) -> dict[int, Incident]:
    """Every incident as its entries up to a position add up to it, by its first position."""
    found: dict[int, Incident] = {}
    for told in town.committed:
        if told.position <= position:
            found[told.first] = extend(found.get(told.first), (told.entry,))
    return found


def second(moment: object) -> int | None:
    return None if moment is None else to_micros(moment) // 1_000_000  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_in_steps_or_all_at_once_it_is_the_same_copy(tmp_path: Path, seed: int) -> None:
    """A copy followed in random steps, one followed at the end, and one made of the rows with the past read
    afterwards hold the same, column by column.
    """
    chance = Random(seed)
    with drawn_town(tmp_path) as town:
        stepping = Following(town, tmp_path / "steps.duckdb")
        play = Play(seed)
        for _ in range(30):
            work(play, town.writer, town.committed, chance.randrange(2, 12))
            if chance.random() < 0.7:
                stepping.follower.step()
        at_the_end = Following(town, tmp_path / "end.duckdb")
        anew = made(town, tmp_path / "made.duckdb")
        expected = content(at_the_end.catch_up())
        assert content(stepping.catch_up()) == expected
        assert content(anew) == expected
        assert sum(len(rows) > 2 for rows in expected.values()) > 5
        for copy in (stepping.copy, at_the_end.copy, anew):
            copy.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_at_every_position_each_incident_is_there_once_and_as_its_entries_say(
    tmp_path: Path, seed: int
) -> None:
    """Superseded intervals tile: neither gap nor overlap, from the first entry on."""
    with drawn_town(tmp_path) as town:
        town.play(150, seed)
        following = Following(town, tmp_path / "copy.duckdb")
        copy = following.catch_up()
        for position in range(copy.known().position + 1):
            told = then(town, position)
            with copy.asking() as db:
                rows = db.execute(
                    "SELECT seq, stage, reported_at, f.due_at, dispatched_at, department, lead, crew, category,"
                    " reworks, returns, edition, lon, coalesce(path_text, ''), flags"
                    f" FROM {relation(position)} AS f LEFT JOIN grid ON grid.id = f.grid ORDER BY seq"
                ).fetchall()
            expected = []
            for first, one in sorted(told.items()):
                tally = count([facts(one)], Period(), town.clock.now)
                flags = sum(BIT[name] for name in COHORT if getattr(tally, name))
                expected.append((first, one, flags))
            assert [row[0] for row in rows] == [first for first, _, _ in expected]
            for row, (_, one, flags) in zip(rows, expected, strict=True):
                assert row[-1] & (BIT["can_be_due"] - 1) == flags
                assert row[1:4] == (str(one.stage), second(one.reported_at), second(one.due_at))
                assert row[4] == second(one.dispatched_at)
                assert row[8:12] == (one.category, one.reworks, one.returns, one.place.edition)
                assert row[12:14] == (one.place.lon, path_text(one.place.path))
        copy.close()


def test_a_remark_makes_no_version(tmp_path: Path) -> None:
    with drawn_town(tmp_path) as town:
        town.play(200, 4)
        following = Following(town, tmp_path / "copy.duckdb")
        found = content(following.catch_up())
        following.copy.close()
    assert sum(map(len, found.values())) < len(town.committed)


def test_in_small_pieces_the_past_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the past is cut into pieces, and while the ledger goes on."""
    with drawn_town(tmp_path) as town:
        town.play(200, 5)
        from_start = Following(town, tmp_path / "start.duckdb")
        anew = made(town, tmp_path / "made.duckdb")
        with anew.writing() as db:
            db.execute("DELETE FROM superseded")
            Copy.note(db, history_upto=0)
        monkeypatch.setattr("gridgov.statistics.following.WINDOW", 7)
        follower = Follower(town.reader, anew)
        pieces = 0
        while follower.past():
            pieces += 1
            if pieces % 5 == 0:
                town.play(2, pieces)
                follower.step()
        follower.step()
        assert pieces > 20
        assert content(anew) == content(from_start.catch_up())
        assert anew.known().reaches_back_to(1)
        anew.close()
        from_start.copy.close()


def test_a_copy_of_another_ledger_is_not_followed(tmp_path: Path) -> None:
    with drawn_town(tmp_path) as town:
        town.play(5)
        following = Following(town, tmp_path / "copy.duckdb")
        with following.copy.writing() as db:
            Copy.note(db, epoch="another")
        for asked in (following.follower.step, following.follower.behind):
            with pytest.raises(CopyOfAnother):
                asked()
        following.copy.close()
