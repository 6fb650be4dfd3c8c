"""Figures asked of the process that has the copy, over its socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from gridgov.statistics.errors import NotReadyYet
from gridgov.statistics.question import Opening, Question
from gridgov.statistics.turns import LIMIT_S
from gridgov.statistics.wire import LONGEST_ANSWER, StatisticsFault, answered_in, question_line

#: Seconds until it is clear that nobody answers: a question may wait for its turn, and take its time then.
_PATIENCE_S: Final = 2 * LIMIT_S + 10
_CONNECT_S: Final = 2.0
#: Bytes of an answer that are read at a time.
_PIECE: Final = 1 << 18


class Remote:
    """See `gridgov.statistics.question.Statistics`. ``file`` is the copy's: where the process that has it
    listens stands in the lock file beside it. Each question has a connection of its own, so it may be asked
    from any thread.
    """

    def __init__(self, file: Path) -> None:
        self._lock = file.with_name(file.name + ".lock")

    def ask(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.ask."""
        return self._told("ask", question)

    def open(self, opening: Opening) -> Mapping[str, Any]:
        """See Statistics.open."""
        return self._told("open", opening)

    def returns(self, question: Question) -> Mapping[str, Any]:
        """See Statistics.returns."""
        return self._told("returns", question)

    def status(self) -> Mapping[str, Any]:
        """See Statistics.status; where nobody listens, it is being started."""
        try:
            return self._told("status")
        except NotReadyYet:
            return {"state": "building", "done": 0, "of": 0, "position": None, "behind": None}

    def write_snapshot(self) -> int:
        """Have a snapshot written; returns the position it is of."""
        return int(self._told("snapshot")["position"])

    def rebuild(self) -> None:
        """Have the copy made anew; `status` says how far it is."""
        self._told("rebuild")

    def close(self) -> None:
        """Nothing is held between two questions."""

    @property
    def listens(self) -> bool:
        """Is anybody there?"""
        try:
            self._connected().close()
        except NotReadyYet:
            return False
        return True

    def _told(self, do: str, what: BaseModel | None = None) -> Mapping[str, Any]:
        with self._connected() as connection:
            try:
                connection.sendall(question_line(do, what))
                with connection.makefile("rb", buffering=_PIECE) as answers:
                    line = answers.readline(LONGEST_ANSWER)
            except TimeoutError as error:
                raise StatisticsFault("the process that works out figures does not answer") from error
            except OSError as error:
                raise NotReadyYet() from error
        if not line.endswith(b"\n"):
            # It ended in the middle, and is started again.
            raise NotReadyYet()
        answer: Mapping[str, Any] = answered_in(line)
        return answer

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            where = json.loads(self._lock.read_text())["socket"]
            connection.settimeout(_CONNECT_S)
            connection.connect(where)
            connection.settimeout(_PATIENCE_S)
        except (OSError, ValueError, KeyError, TypeError) as error:
            connection.close()
            raise NotReadyYet() from error
        return connection
