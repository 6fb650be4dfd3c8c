"""The search for cycles waits for whoever is within, and goes on as before once all have left."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from gridgov.statistics.uncollected import uncollected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


def test_it_waits_until_the_last_has_left() -> None:
    one, other = uncollected(), uncollected()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert not gc.isenabled()
    other.__exit__(None, None, None)
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="within"), uncollected():
        raise ValueError("within")
    assert gc.isenabled()


def test_where_it_does_not_run_it_is_not_started() -> None:
    gc.disable()
    with uncollected(), uncollected():
        pass
    assert not gc.isenabled()


def test_cycles_made_within_are_found_later() -> None:
    class Ring:
        me: Ring

    with uncollected():
        ring = Ring()
        ring.me = ring
        gone = weakref.ref(ring)
        del ring
        assert gone() is not None
    gc.collect()
    assert gone() is None
