"""Keeps the process that works out figures running: it is started with the server, again when it ends by
itself, and stopped with the server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import structlog

from gridgov.storage.ledger import MAIN

#: Seconds until it is started again, longer every time up to the last; after so long a run, the first again.
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
RAN_WELL_S: Final = 60.0
#: Seconds that it may take to end in order: it may write a snapshot of many millions of incidents.
ENDS_S: Final = 60.0

log = structlog.get_logger(__name__)


class Keeper:
    """The statistics process as the server sees it."""

    def __init__(
        self,
        url: str,
        store: Path,
        file: Path,
        stream: str = MAIN,
        log_format: str = "json",
        log_level: str = "info",
    ) -> None:
        told = {"url": url, "store": str(store), "file": str(file), "stream": stream}
        logged = {"log_format": log_format, "log_level": log_level}
        self._command = [sys.executable, "-m", "gridgov.statistics.process", json.dumps(told | logged)]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        child = self._child
        return None if child is None or child.returncode is not None else child.pid

    def start(self) -> None:
        """Start it, and keep it running."""
        self._start()
        self._thread = threading.Thread(target=self._keep, name="statistics keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it in order."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        # Its standard input is a pipe that ends with this process: so it ends, whatever becomes of us.
        self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603

    def _keep(self) -> None:
        failed = 0
        while not self._stopping.is_set():
            code, ran_s = self._watch()
            if code is None:
                break
            failed = 0 if ran_s >= RAN_WELL_S else failed + 1
            pause_s = PAUSES_S[min(failed, len(PAUSES_S)) - 1] if failed else PAUSES_S[0]
            log.warning("the process for figures ended, and is started again", code=code, in_s=pause_s)
            if not self._stopping.wait(pause_s):
                self._start()
        self._end()

    def _watch(self) -> tuple[int | None, float]:
        """Its exit code once it ended, None when we are to stop; and how long it ran."""
        child, ran_s = self._child, 0.0
        assert child is not None
        while not self._stopping.wait(0.2):
            ran_s += 0.2
            if child.poll() is not None:
                self._let_go(child)
                return child.returncode, ran_s
        return None, ran_s

    def _end(self) -> None:
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            log.warning("the process for figures does not end, and is killed", pid=child.pid)
            child.kill()
            child.wait()
        self._let_go(child)

    @staticmethod
    def _let_go(child: subprocess.Popen[bytes]) -> None:
        if child.stdin is not None:
            child.stdin.close()
