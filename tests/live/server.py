"""A real server in a process of its own, started, killed and stopped by the tests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

#: Seconds a server may take to answer after it was started, on a machine that does other things as well.
START_S = 60.0
#: Seconds it may take to stop once told.
STOP_S = 20.0


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def gridgov(*arguments: str) -> list[str]:
    """The command line `gridgov ARGUMENTS` of the Python that runs the tests."""
    return [sys.executable, "-c", "from gridgov.cli import main; raise SystemExit(main())", *arguments]


class RunningServer:
    """`gridgov serve` over a data folder; the same port and folder at every start, one log for all of them."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.data, self.log = data, data / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        given = {"data": data, "host": "127.0.0.1", "port": self.port, "log_level": "info", **settings}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRIDGOV_")}
        self.environment = kept | {f"GRIDGOV_{name.upper()}": str(value) for name, value in given.items()}

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                gridgov("serve"), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.starts += 1
        end = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.tail()}")
            if time.monotonic() > end:
                raise AssertionError(f"the server is not ready after {START_S:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        return False

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        process = self._running()
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_S)

    def stop(self) -> int:
        """Tell it to stop; returns its exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_S)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._running().pid

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        assert self._process.poll() is None, f"the server has ended already:\n{self.tail()}"
        return self._process

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def faults(self) -> list[str]:
        """The lines of its log that tell of something wrong with the server itself."""
        words = ('"level": "error"', '"level": "critical"', "Traceback")
        return [
            line
            for line in self.log.read_text(errors="replace").splitlines()
            if any(w in line for w in words)
        ]


@contextlib.contextmanager
def running(data: Path, **settings: Any) -> Iterator[RunningServer]:
    """A server that is started, and gone at the end whatever happens; pytest shows its log where a test fails."""
    server = RunningServer(data, **settings)
    try:
        server.start()
        yield server
    finally:
        process = server._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(STOP_S)
        print(server.tail())
