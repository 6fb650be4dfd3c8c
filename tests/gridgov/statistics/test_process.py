"""The process that has the copy: asked over its socket, killed, started again, lied to, left alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from dispatch.errors import BadPeriod, UnknownDepartment
from geodata.errors import UnknownGrid
from gridgov.errors import BadInput, FiguresBusy, UnknownEdition
from gridgov.service import Service
from gridgov.statistics import wire
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyHeld, NotReadyYet
from gridgov.statistics.keeping import Keeper
from gridgov.statistics.making import file_of
from gridgov.statistics.process import HELD, LONGEST_PATH, listening
from gridgov.statistics.question import Narrowed, Opening, Question
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import database_file
from tests.gridgov import redrawn, scene

#: Seconds that a process may take to start, or to end, on a busy machine.
PATIENCE_S = 60
NOW = scene.MONDAY + timedelta(days=1)


def until(holds: Callable[[], Any]) -> Any:
    """Wait for something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{holds} did not come true")


class Process:
    """The process of a service, kept running."""

    def __init__(self, service: Service) -> None:
        self.service = service
        settings = service.settings
        self.file = file_of(settings.statistics_folder, service.stream)
        self.store = database_file(settings.database_url)
        self.keeper = Keeper(settings.database_url, self.store, self.file)
        self.remote = Remote(self.file)

    @property
    def reported(self) -> int:
        """How many incidents it knows of, once it can say."""
        total = self.answer(Question(now=NOW))["total"]
        return int(total["tally"]["reported"])

    def answer(self, question: Question) -> Any:
        while True:
            try:
                return self.remote.ask(question)
            except NotReadyYet:
                time.sleep(0.05)

    def ready(self) -> Process:
        until(lambda: self.remote.status()["state"] == "ready")
        return self

    def line(self, sent: bytes, *, end: bool = False) -> bytes:
        """What it says to something sent as it is."""
        where = json.loads(self.file.with_name(self.file.name + ".lock").read_text())["socket"]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            connection.connect(where)
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").readline()


@pytest.fixture
def process(service: Service) -> Iterator[Process]:
    for grid in ("N1", "N2", "S1"):
        redrawn.report(service, scene.at(grid))
    made = Process(service)
    made.keeper.start()
    yield made
    made.keeper.stop()


@pytest.mark.slow
def test_it_answers_as_a_desk_in_this_process_does(process: Process, service: Service) -> None:
    questions = [
        Question(now=NOW),
        Question(by="street", now=NOW, more=frozenset({"times", "survival", "ageing"})),
        Question(by="category", now=NOW, only=Narrowed(under=("D", "N")), edition="as_recorded", position=2),
    ]
    told = [process.ready().answer(question) for question in questions]
    opening = Opening(question=questions[1], count="reported", key="D/N")
    opened, returns = process.remote.open(opening), process.remote.returns(questions[0])
    process.keeper.stop()
    assert not process.remote.listens
    with Desk(service.reader, process.store, process.file) as desk:
        assert [orjson.loads(orjson.dumps(desk.ask(one))) for one in questions] == told
        assert orjson.loads(orjson.dumps(desk.open(opening))) == opened
        assert orjson.loads(orjson.dumps(desk.returns(questions[0]))) == returns
    assert told[0]["total"]["tally"]["reported"] == 3
    assert opened["firsts"] == [1, 2]


@pytest.mark.slow
def test_what_was_committed_before_the_question_is_in_the_answer(process: Process) -> None:
    for expected in range(4, 14):
        redrawn.report(process.service, scene.at("S2"))
        assert process.ready().reported == expected


@pytest.mark.slow
def test_it_refuses_as_a_desk_does(process: Process) -> None:
    process.ready()
    for question, error, about in [
        (Question(by="planet", now=NOW), BadInput, {"by": "planet"}),
        (Question(now=NOW, only=Narrowed(department="wter")), UnknownDepartment, {"near": ["water"]}),
        (Question(now=NOW, edition=9), UnknownEdition, {"edition": 9}),
        (Question(now=NOW, only=Narrowed(under=("D", "Z"))), UnknownGrid, {}),
        (Question(now=NOW, start=NOW, end=NOW), BadPeriod, {}),
    ]:
        with pytest.raises(error) as refused:
            process.remote.ask(question)
        assert type(refused.value) is error
        assert about.items() <= refused.value.about.items()  # type: ignore[attr-defined]
        assert len(str(refused.value)) > 20


@pytest.mark.slow
def test_killed_under_load_it_is_started_again_and_has_lost_nothing(process: Process) -> None:
    assert process.reported == 3
    first, said, stop = process.keeper.pid, [], threading.Event()

    def asks() -> None:
        while not stop.is_set():
            try:
                said.append(process.remote.ask(Question(by="grid", now=NOW)))
            except NotReadyYet as why:
                said.append(why)

    threads = [threading.Thread(target=asks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        redrawn.report(process.service, scene.at("N1"))
    until(lambda: len(said) > 10)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    for _ in range(20):
        redrawn.report(process.service, scene.at("S1"))
    until(lambda: process.keeper.pid not in (None, first))
    assert process.reported == 43
    stop.set()
    for thread in threads:
        thread.join()
    assert any(isinstance(one, NotReadyYet) for one in said)


@pytest.mark.slow
def test_two_processes_do_not_share_a_copy(process: Process, service: Service) -> None:
    holder = process.ready().keeper.pid
    with pytest.raises(CopyHeld, match=f"process {holder} has the copy"):
        Desk(service.reader, process.store, process.file).start()
    with pytest.raises(CopyHeld):
        Desk(service.reader, process.store, process.file).ask(Question(now=NOW))
    second = subprocess.run(process.keeper._command, stdin=subprocess.PIPE, capture_output=True)
    assert (second.returncode, b"cannot start" in second.stderr) == (HELD, True)
    assert process.reported == 3


@pytest.mark.slow
def test_it_ends_with_the_process_that_started_it(process: Process) -> None:
    """However that ends."""
    process.keeper.stop()
    program = (
        "import sys, time; from gridgov.statistics.keeping import Keeper; from pathlib import Path;"
        "keeper = Keeper(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])); keeper.start();"
        "print(keeper.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, process.service.settings.database_url]
    with subprocess.Popen(
        [*command, str(process.store), str(process.file)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert process.ready().reported == 3
        parent.kill()
        until(lambda: not Path(f"/proc/{pid}").exists())
    lock = process.file.with_name(process.file.name + ".lock")
    assert lock.read_text() == ""
    assert not (process.file.parent / "ask.sock").exists()


def refused(said: bytes) -> str:
    with pytest.raises(BadInput) as why:
        wire.answered_in(said)
    return str(why.value)


@pytest.mark.slow
def test_hostile_lines_are_refused_and_harm_nobody(process: Process) -> None:
    process.ready()
    for line in (
        b"\n",
        b"no json\n",
        b"[]\n",
        b'{"do": "ask"}\n',
        b'{"do": "__init__", "what": null}\n',
        b'{"do": "close", "what": null}\n',
        b'{"do": ["ask"], "what": {}}\n',
        b'{"do": "ask", "what": {"now": "yesterday"}}\n',
        b'{"do": "ask", "what": {"now": "2026-11-23T00:00:00Z", "more": ["rm"]}}\n',
        b"[" * 100_000 + b"\n",
        b'{"do": "ask", "what": "\xff\xfe"}\n',
    ):
        assert "no question" in refused(process.line(line)), line
    assert "too long" in refused(process.line(b"x" * wire.LONGEST_QUESTION))
    assert "no line" in refused(process.line(b'{"do": "sta', end=True))
    injected = Question(now=NOW, by="'; DROP TABLE ended; --", only=Narrowed(crew="' OR 1=1 --"))
    with pytest.raises(BadInput):
        process.remote.ask(injected)
    assert process.reported == 3
    assert len({process.keeper.pid}) == 1


def test_only_errors_of_the_table_are_raised_again() -> None:
    for name in ("SystemExit", "KeyError", "os.system", "Exception"):
        told = wire.again(name, "gone", {})
        assert isinstance(told, wire.StatisticsFault)
    assert wire.error_line(ValueError("a secret")).find(b"secret") < 0
    for name, cls in wire.ERRORS.items():
        told = wire.again(name, "said", {"about": 1})
        assert (type(told), str(told), told.about) == (cls, "said", {"about": 1})  # type: ignore[attr-defined]
    for line in (b"", b"{}", b"[]", b'{"error": 1, "message": 2, "about": 3}', b"\xff"):
        with pytest.raises(wire.StatisticsFault):
            wire.answered_in(line)


def test_too_many_are_told_so(service: Service, tmp_path: Path) -> None:
    """Two are worked on, sixteen wait, and the rest is told at once."""
    redrawn.report(service, scene.at("N1"))
    go, said = threading.Event(), []
    with Desk(
        service.reader, database_file(service.settings.database_url), tmp_path / "c" / "m.duckdb"
    ) as desk:
        desk.start()

        def waits(*_: Any) -> dict[str, Any]:
            assert go.wait(PATIENCE_S)
            return {}

        threads = [threading.Thread(target=lambda: said.append(desk.work(waits))) for _ in range(18)]
        for thread in threads:
            thread.start()
        until(lambda: desk._turns._waiting == 16)
        with pytest.raises(FiguresBusy):
            desk.ask(Question(now=NOW))
        go.set()
        for thread in threads:
            thread.join()
        assert said == [{}] * 18
        assert desk.ask(Question(now=NOW))["total"]["tally"]["reported"] == 1


def test_its_socket_is_for_its_user_alone_however_long_the_path(tmp_path: Path) -> None:
    short, long = tmp_path / "short", tmp_path / ("long" * 30)
    for folder in (short, long):
        folder.mkdir()
        with listening(folder) as (_, path):
            assert len(os.fsencode(path)) <= LONGEST_PATH
            assert Path(path).stat().st_mode & 0o777 == 0o600
            assert Path(path).parent.stat().st_mode & 0o777 == 0o700
            assert (Path(path).parent == folder) == (folder == short)
            made = Path(path).parent
        assert not Path(path).exists()
    assert not made.exists()


def test_where_nobody_listens_figures_are_not_ready_yet(tmp_path: Path) -> None:
    remote = Remote(tmp_path / "main.duckdb")
    with pytest.raises(NotReadyYet):
        remote.ask(Question(now=NOW))
    assert remote.status()["state"] == "building"
    assert not remote.listens
