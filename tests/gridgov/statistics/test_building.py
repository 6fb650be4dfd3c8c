"""Making the copy anew: of a ledger that stands still, of one that goes on meanwhile, and where it cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridgov.statistics.building import build
from gridgov.statistics.copy import Copy
from gridgov.statistics.errors import CopyUnusable
from gridgov.statistics.following import Follower
from tests.gridgov.histories import Play, work
from tests.gridgov.statistics.copies import Following, content, drawn_town, store_of

#: Builds, but waits for a word between looking where the ledger ends and reading the rows.
WAITING = """
import sys
from gridgov.statistics import building
from gridgov.statistics.copy import Copy
begin = Copy.begin
def wait(copy, epoch):
    begin(copy, epoch)
    building._say(ready=True)
    sys.stdin.readline()
Copy.begin = wait
building._main(*sys.argv[1:])
"""


def test_entries_written_while_it_reads_are_put_right(tmp_path: Path) -> None:
    """The rows that it reads are later than the position it is made at: what changed meanwhile is told, taken
    from the ledger as it was, and then followed like all else.
    """
    with drawn_town(tmp_path) as town:
        play = Play(7)
        work(play, town.writer, town.committed, 150)
        file = tmp_path / "made.duckdb"
        command = [sys.executable, "-c", WAITING, str(store_of(town)), str(file), "main"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert json.loads(child.stdout.readline()) == {"ready": True}
            before = town.committed[-1].position
            work(play, town.writer, town.committed, 80)
            told, _ = child.communicate("\n")
        lacks = json.loads(told.splitlines()[-1])["lacks"]
        changed = {one.first for one in town.committed if one.position > before and one.first <= before}
        assert set(lacks) == changed
        assert len(lacks) > 10

        copy = Copy(file)
        assert copy.known().position == copy.known().built_at == before
        follower = Follower(town.reader, copy)
        follower.complete(lacks)
        followed = Following(town, tmp_path / "followed.duckdb").catch_up()
        with copy.asking() as db, followed.asking() as other:
            present = "SELECT seq FROM (FROM standing UNION ALL FROM ended) WHERE seq <= ? ORDER BY seq"
            assert db.execute(present, [before]).fetchall() == other.execute(present, [before]).fetchall()
        while follower.step() or follower.past():
            pass
        assert content(copy) == content(followed)
        copy.close()
        followed.close()


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with drawn_town(tmp_path) as town:
        town.play(60)
        assert build(store_of(town), tmp_path / "made.duckdb", "main", lambda *at: told.append(at)) == []
        incidents = len({one.first for one in town.committed})
    assert told[-1] == (incidents, incidents)


@pytest.mark.parametrize(
    ("stream", "store", "said"),
    [("other", "town.db", "no stream 'other'"), ("main", "nothing.db", "could not be made")],
)
def test_what_it_cannot_be_made_of_is_named(tmp_path: Path, stream: str, store: str, said: str) -> None:
    with drawn_town(tmp_path), pytest.raises(CopyUnusable, match=said):
        build(tmp_path / store, tmp_path / "made.duckdb", stream)


def test_whoever_stops_waiting_ends_it(tmp_path: Path) -> None:
    """An interruption while it is told of progress ends the process that reads."""

    def interrupted(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with drawn_town(tmp_path) as town:
        town.play(20)
        with pytest.raises(KeyboardInterrupt):
            build(store_of(town), tmp_path / "made.duckdb", "main", interrupted)
    assert not _children()


def _children() -> list[str]:
    """The processes of this one that build."""
    found = []
    for thread in Path(f"/proc/{os.getpid()}/task").iterdir():
        for pid in (thread / "children").read_text().split():
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"statistics.building" in command.read_bytes():
                found.append(pid)
    return found
