"""The one process that has the copy and answers all servers: `python -m gridgov.statistics.process`.

It listens on a Unix socket that its own user alone can reach, and ends in order when it is told to, or when
the server that started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog

from gridgov import logs
from gridgov.errors import BadInput, FiguresBusy
from gridgov.statistics import wire
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyHeld
from gridgov.storage.engine import open_engine

#: Bytes that the path of a Unix socket may have (man 7 unix; the last of 108 is its end).
LONGEST_PATH: Final = 107
#: Connections at a time: more than can wait for their turn, so that whoever is too many is told so.
CONNECTIONS: Final = 64
#: Seconds that a question may take to arrive.
ARRIVES_S: Final = 10.0
#: What it exits with where another process has the copy.
HELD: Final = 3

log = structlog.get_logger(__name__)


class Server:
    """Answers whoever connects to a socket, each connection in a thread of its own."""

    def __init__(self, desk: Desk, listener: socket.socket) -> None:
        self._desk, self._listener = desk, listener
        self._places = threading.Semaphore(CONNECTIONS)

    def serve(self) -> None:
        """Until the listening socket is shut down."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(ARRIVES_S)
            if not self._places.acquire(blocking=False):
                with connection, suppress(OSError):
                    connection.sendall(wire.error_line(FiguresBusy()))
                continue
            threading.Thread(target=self._answer_all, args=(connection,), daemon=True).start()

    def _answer_all(self, connection: socket.socket) -> None:
        """Line by line; whoever sends half a line, or one too long, is not heard any further."""
        try:
            with connection, connection.makefile("rb") as lines:
                while (line := lines.readline(wire.LONGEST_QUESTION)).endswith(b"\n"):
                    connection.settimeout(None)
                    connection.sendall(self._answer(line))
                    connection.settimeout(ARRIVES_S)
                if line:
                    connection.sendall(wire.error_line(BadInput("this is no question: no line, or too long")))
        except OSError as why:
            log.debug("whoever asked for figures is gone", why=str(why))
        finally:
            self._places.release()

    def _answer(self, line: bytes) -> bytes:
        try:
            do, what = wire.asked_in(line)
            return wire.answer_line(self._answered(do, what))
        except Exception as error:
            told = wire.error_line(error)
            if wire.is_fault(error):
                log.exception("a question for figures has met a fault")
            return told

    def _answered(self, do: str, what: Any) -> Any:
        if do == "status":
            return self._desk.status()
        if do == "snapshot":
            return {"position": self._desk.write_snapshot()}
        if do == "rebuild":
            self._desk.rebuild()
            return {}
        return getattr(self._desk, do)(what)


@contextmanager
def listening(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket in a folder, and its path; where that would be too long, in a temporary folder. Both
    are for this user alone.
    """
    os.chmod(folder, 0o700)
    path, made = folder / "ask.sock", None
    if len(os.fsencode(path)) > LONGEST_PATH:
        made = Path(tempfile.mkdtemp(prefix="gridgov-"))
        path = made / "ask.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(CONNECTIONS)
        try:
            yield listener, str(path)
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            path.unlink(missing_ok=True)
            if made is not None:
                made.rmdir()


def run(url: str, store: Path, file: Path, stream: str, stop: threading.Event) -> None:
    """Have the copy and answer, until told to stop. Raises CopyHeld."""
    engine = open_engine(url, readers=6)
    desk = Desk(engine, store, file, stream)
    try:
        desk.hold()
        with listening(file.parent) as (listener, path):
            desk.begin(socket=path)
            server = threading.Thread(target=Server(desk, listener).serve, name="answering", daemon=True)
            server.start()
            stop.wait()
    finally:
        desk.close()
        engine.dispose()


def _until_parent_ends(stop: threading.Event) -> None:
    """Standard input ends when the process that holds its other end does, however that came."""
    while os.read(0, 4096):
        pass
    stop.set()


def main(given: str) -> int:
    """Run as told by a JSON object: url, store, file, stream, log_format, log_level. The exit code."""
    told = json.loads(given)
    logs.configure(told["log_format"], told["log_level"])
    stop = threading.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: stop.set())
    threading.Thread(target=_until_parent_ends, args=(stop,), daemon=True).start()
    try:
        run(told["url"], Path(told["store"]), Path(told["file"]), told["stream"], stop)
    except CopyHeld as held:
        log.warning("the process for figures cannot start", why=str(held))
        return HELD
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
