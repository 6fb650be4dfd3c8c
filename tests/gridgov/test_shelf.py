"""The shelf draws each thing once, away from the event loop, and keeps what there is room for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from gridgov.api.shelf import Shelf
from gridgov.errors import MapsBusy


def shelf(room: float = 100, **more: int) -> Shelf[str]:
    return Shelf[str](room, len, **more)


class Drawer:
    """Draws a text once it is let, and counts how often."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self.threads: set[int] = set()
        self.let = threading.Event()
        self.let.set()

    def of(self, text: str) -> Callable[[], str]:
        def draw() -> str:
            assert self.let.wait(10)
            self.drawn.append(text)
            self.threads.add(threading.get_ident())
            return text

        return draw


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run on until something has come about."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_what_many_ask_for_at_once_is_drawn_once_and_not_on_the_loop() -> None:
    async def ask() -> None:
        one, drawer = shelf(), Drawer()
        drawer.let.clear()
        asking = [asyncio.create_task(one.take("a", drawer.of("map"))) for _ in range(50)]
        await asyncio.sleep(0.02)
        drawer.let.set()
        assert await asyncio.gather(*asking) == ["map"] * 50
        assert await one.take("a", drawer.of("another")) == "map"
        assert drawer.drawn == ["map"]
        assert threading.get_ident() not in drawer.threads

    asyncio.run(ask())


def test_the_room_is_kept_and_what_was_asked_for_longest_ago_gives_way() -> None:
    async def ask() -> None:
        one, drawer = shelf(room=8), Drawer()
        for key in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
            assert await one.take(key, drawer.of(key)) == key
        assert drawer.drawn == ["aaaa", "bbbb", "cccc", "bbbb"]
        assert await one.take("huge", drawer.of("x" * 1000)) == "x" * 1000
        assert list(one._kept) == ["huge"]
        await one.take("dddd", drawer.of("dddd"))
        assert (list(one._kept), one._weight) == (["dddd"], 4)

    asyncio.run(ask())


def test_an_error_reaches_everybody_who_asked_and_is_not_kept() -> None:
    def fail() -> str:
        raise KeyError("no such level")

    async def ask() -> None:
        one, drawer = shelf(), Drawer()
        answers = await asyncio.gather(*(one.take("a", fail) for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [KeyError] * 3
        assert await one.take("a", drawer.of("map")) == "map"

    asyncio.run(ask())


def test_whoever_goes_away_takes_it_from_nobody() -> None:
    async def ask() -> None:
        one, drawer = shelf(), Drawer()
        drawer.let.clear()
        first = asyncio.create_task(one.take("a", drawer.of("map")))
        await asyncio.sleep(0)
        second = asyncio.create_task(one.take("a", drawer.of("another")))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        drawer.let.set()
        assert await second == "map"
        assert first.cancelled()

    asyncio.run(ask())


def test_all_who_asked_may_go_away_and_it_is_there_for_the_next() -> None:
    async def ask() -> None:
        one, drawer = shelf(), Drawer()
        asking = asyncio.create_task(one.take("a", drawer.of("map")))
        await asyncio.sleep(0)
        asking.cancel()
        await until(lambda: "a" in one._kept)
        assert await one.take("a", drawer.of("another")) == "map"

    asyncio.run(ask())


def test_too_much_waiting_is_refused_and_what_is_there_still_given() -> None:
    async def ask() -> None:
        one, drawer = shelf(at_once=1, waiting=3), Drawer()
        assert await one.take("there", drawer.of("map")) == "map"
        drawer.let.clear()
        asking = [asyncio.create_task(one.take(key, drawer.of(key))) for key in "abc"]
        await asyncio.sleep(0)
        with pytest.raises(MapsBusy):
            await one.take("d", drawer.of("d"))
        assert await one.take("there", drawer.of("another")) == "map"
        joining = asyncio.create_task(one.take("c", drawer.of("another")))
        await asyncio.sleep(0)
        drawer.let.set()
        assert await asyncio.gather(*asking, joining) == ["a", "b", "c", "c"]

    asyncio.run(ask())
