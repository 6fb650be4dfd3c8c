"""Making very many small objects without Python looking through all of them, again and again, for cycles."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside: list[bool] = []


@contextmanager
def uncollected() -> Iterator[None]:
    """The search for garbage in cycles waits until this is left, in all threads: an answer of thousands of
    groups is parsed in a quarter of the time without it. What is in no cycle goes as ever. Keep it short.

    >>> with uncollected():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    with _lock:
        _inside.append(gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            # Whoever came first knows how it was before, and whoever is last leaves it so.
            before = _inside[0]
            _inside.pop()
            if not _inside and before:
                # What was made counts as old now, or else all of it would be looked through at once.
                gc.freeze()
                gc.unfreeze()
                gc.enable()
