"""What is done without a human hand: filing and dispatching right with the report, by a named rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Does(StrEnum):
    """How far a rule goes: it files, or it files and dispatches."""

    FILE = "file"
    DISPATCH = "dispatch"


@dataclass(frozen=True, slots=True)
class AutomaticRule:
    """A rule by which reports are filed, and perhaps dispatched, at once; case standards name it.

    ``channels``: only reports that came so, empty for all. ``photos``: only with so many at least. A report
    without a place is never taken; one that may lie in a neighbouring grid is left to a person too, unless
    ``near_border``.
    """

    name: str
    does: Does
    channels: frozenset[str] = frozenset()
    photos: int = 0
    near_border: bool = False
