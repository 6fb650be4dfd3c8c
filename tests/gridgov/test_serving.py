"""The server process: where it listens, what it leaves in the lock file, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from gridgov import logs
from gridgov.clock import new_id
from gridgov.service import Service
from gridgov.serving import PortTaken, _config, serve, url_of
from gridgov.settings import Settings
from gridgov.storage.errors import StoreNotReady
from gridgov.storage.setup import init

#: Seconds a process may take to start on a busy machine, and to stop.
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def log_lines_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server sets up its log lines for its process; in this one they are those of all tests."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)


@pytest.mark.parametrize(
    ("family", "host", "expected"),
    [
        (socket.AF_INET, "127.0.0.1", "http://127.0.0.1:{}"),
        (socket.AF_INET, "0.0.0.0", "http://127.0.0.1:{}"),
        (socket.AF_INET6, "::1", "http://[::1]:{}"),
        (socket.AF_INET6, "::", "http://[::1]:{}"),
    ],
)
def test_the_machine_itself_reaches_a_server_that_listens_everywhere(
    family: int, host: str, expected: str
) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no address {host}")
        assert url_of(listener) == expected.format(listener.getsockname()[1])


def test_a_port_that_something_else_listens_on_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port}: .*choose another GRIDGOV_PORT"):
            serve(Settings(data=tmp_path, port=port, log_level="error"))


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_this_machines_is_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(PortTaken, match=f"cannot listen on {host}"):
        serve(Settings(data=tmp_path, host=host, port=0, log_level="error"))


def test_without_a_store_it_does_not_start_and_leaves_the_signals_as_they_were(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoreNotReady):
        serve(Settings(data=tmp_path, port=0, log_level="error"))
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("trusted", "last"), [(None, 429), ("127.0.0.1", 401), ("192.0.2.7", 429)])
def test_a_forwarded_address_is_believed_from_a_trusted_proxy_alone(
    service: Service, trusted: str | None, last: int
) -> None:
    """Else whoever guesses has a fresh count of tries with every header they make up."""
    changed = service.settings.model_copy(update={"trusted_proxies": trusted})
    object.__setattr__(service, "settings", changed)
    config = _config(service, "token")
    config.load()
    with TestClient(config.loaded_app, client=("127.0.0.1", 50_000)) as client:
        answers = [
            client.post(
                "/api/sessions",
                json={"name": "clerk", "password": "wrong"},
                headers={"X-Forwarded-For": f"198.51.100.{n}"},
            )
            for n in range(6)
        ]
    assert [answer.status_code for answer in answers] == [401] * 5 + [last]


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_answers_and_ends_in_order(tmp_path: Path, told: signal.Signals) -> None:
    init(f"sqlite:///{tmp_path / 'gridgov.db'}", new_id())
    lock = tmp_path / "gridgov.db.lock"
    program = "from gridgov.cli import main; raise SystemExit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0"],
        env=os.environ | {"GRIDGOV_DATA": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        url = next(line.split()[-1] for line in process.stderr if "gridgov listens on" in line)
        assert httpx2.get(f"{url}/healthz", timeout=PATIENCE_S, trust_env=False).status_code in (200, 503)
        holder = json.loads(lock.read_text())
        assert (holder["pid"], holder["url"]) == (process.pid, url)
        me = httpx2.get(
            f"{url}/api/me", headers={"Authorization": f"Bearer {holder['token']}"}, trust_env=False
        )
        assert me.json()["person"]["name"] == "operator"
        process.send_signal(told)
        started = time.monotonic()
        process.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - started < PATIENCE_S
        assert process.returncode == 0
        assert lock.read_text() == ""
    finally:
        process.kill()
        process.communicate()
