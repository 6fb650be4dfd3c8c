"""The temporary PostgreSQL server: it runs, asks for its password, and is gone afterwards whatever happened."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from scripts import postgres

pytestmark = pytest.mark.slow


def folder_of(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def process_of(url: str) -> int:
    return int((folder_of(url) / "data" / "postmaster.pid").read_text().split()[0])


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_and_nobody_gets_in_without_the_password(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 40 + 2").fetchone() == (42,)
    wrong = postgres_url.replace(urlsplit(postgres_url).password or "", "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_it_listens_on_no_network_and_its_folder_is_closed_to_others(postgres_url: str) -> None:
    assert postgres.query(postgres_url, "SHOW listen_addresses") == ""
    assert folder_of(postgres_url).stat().st_mode & 0o077 == 0


def test_postgis_is_switched_on(postgis_url: str) -> None:
    assert postgres.query(postgis_url, "SELECT ST_Area('POLYGON((0 0, 2 0, 2 3, 0 3, 0 0))')") == "6"


def test_a_bad_statement_is_told_in_the_servers_words(postgres_url: str) -> None:
    with pytest.raises(postgres.FailedPostgres, match='relation "nothing" does not exist'):
        postgres.query(postgres_url, "SELECT * FROM nothing")


def test_it_is_gone_after_an_error_and_its_settings_are_ours(postgres_url: str) -> None:
    del postgres_url  # only so that this is skipped where there is no PostgreSQL
    seen: list[str] = []

    def work() -> None:
        with postgres.server({"work_mem": "7MB"}) as url:
            seen.extend([str(folder_of(url)), str(process_of(url)), postgres.query(url, "SHOW work_mem")])
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        work()
    folder, process, memory = seen
    assert memory == "7MB"
    assert not Path(folder).exists()
    assert not is_alive(int(process))


def test_a_server_that_cannot_start_says_why(postgres_url: str) -> None:
    del postgres_url
    with (
        pytest.raises(postgres.FailedPostgres, match='unrecognized configuration parameter "no_such"'),
        postgres.server({"no_such": "1"}),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_ends_with_a_parent_that_was_killed(postgres_url: str) -> None:
    text = "from scripts import postgres\nwith postgres.server() as url:\n    print(url, flush=True)\n    input()\n"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        process = process_of(url)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while is_alive(process) and time.monotonic() < end:
        time.sleep(0.05)
    shutil.rmtree(folder_of(url))
    assert not is_alive(process)


def test_without_postgresql_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(()))
    with pytest.raises(postgres.MissingPostgres, match="apt-get install postgresql"):
        postgres.programs()
