"""Up the ladder: who has to answer for what is overdue, step by step, and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dispatch.clocks import Clock, StageLimit
from dispatch.lifecycle import Role


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whoever holds one of ``roles`` for the grid of ``level`` (a level's key) around the place, or
    for a wider one, has to answer within the limit; where nobody does, the next step is asked.
    """

    level: str
    roles: frozenset[Role]
    answer_within: StageLimit


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps, the nearest first (as community, street, district), and the clocks that they are for."""

    steps: tuple[Step, ...] = ()
    clocks: frozenset[Clock] = frozenset(Clock)

    def first(self, levels: Sequence[str]) -> int:
        """The number, from 1, of the first step whose level the place has; the last where it has none of
        them, as in the unlocated tray. ``levels`` are the keys of the levels it lies in. 0 without steps.
        """
        for number, step in enumerate(self.steps, 1):
            if step.level in levels:
                return number
        return len(self.steps)
