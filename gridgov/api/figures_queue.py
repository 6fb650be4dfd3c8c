"""Where questions that take their time wait for their turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import anyio
from fastapi import Depends, Request, Response

from gridgov.errors import FiguresBusy


class FiguresQueue:
    """A few at a time, in threads of their own, so that reports need not wait until everybody has theirs."""

    def __init__(self, at_once: int = 2, waiting: int = 16) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = waiting

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._limiter.statistics().tasks_waiting

    async def work_out(self, question: Callable[[], Response]) -> Response:
        """What the question answers, in its turn; raises FiguresBusy where too many wait already."""
        if self.waiting >= self._most:
            raise FiguresBusy()
        return await anyio.to_thread.run_sync(question, limiter=self._limiter)


async def _queue(request: Request) -> FiguresQueue:
    queue: FiguresQueue = request.app.state.figures
    return queue


Queued = Annotated[FiguresQueue, Depends(_queue)]
