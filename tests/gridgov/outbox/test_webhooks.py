"""Webhooks end to end: what is sent, to whom, and what becomes of it when the other side is unwell."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gridgov import city, commands
from gridgov.commands import ImportedRow
from gridgov.outbox import keeping, sending, signing
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN
from tests.gridgov.outbox.conftest import Opened, Town, notice, until, webhook
from tests.gridgov.outbox.receiver import Receiver


def test_what_happens_is_told_signed_with_entry_and_row(town: Town, hook: Receiver) -> None:
    town.apply(webhook(hook.url + "/in?key=k") + notice('"reported", "filed"'))
    town.report(
        "a", address="桥头张三家门口", words="我是张三", reporter_name="张三", reporter_phone="13800000000"
    )
    town.act("clerk", "file", "report-a", 1)
    until(lambda: len(hook.taken) == 2)
    first, second = hook.taken
    assert first.path == "/in?key=k"
    assert (first.told["event"], second.told["event"]) == ("reported", "filed")
    assert (first.told["notice"], first.told["incident"]) == ("news", "report-a")
    assert first.told["position"] + 1 == second.told["position"]
    assert first.told["entry"]["kind"] == "reported"
    assert (first.told["row"]["stage"], second.told["row"]["stage"]) == ("intake", "dispatch")
    assert first.headers["gridgov-delivery"] == first.told["delivery"]
    assert UUID(first.told["delivery"]).version == 5
    secret = town.target("bureau").secret
    for one in hook.taken:
        signing.verify([secret], one.headers["gridgov-signature"], one.body, town.clock.now)
    until(lambda: town.target("bureau").delivered == 2)
    assert {row.state for row in town.rows()} == {"delivered"}


def test_no_word_of_a_citizen_is_told(town: Town, hook: Receiver) -> None:
    town.apply(webhook(hook.url) + notice('"reported", "noted"'))
    town.report(
        "a", address="桥头张三家门口", words="我是张三", reporter_name="张三", reporter_phone="13800000000"
    )
    town.act("clerk", "note", "report-a", 1, words="张三又来电话")
    until(lambda: len(hook.taken) == 2)
    for one in hook.taken:
        text = one.body.decode()
        assert "张三" not in text
        assert "138" not in text
        assert "address" not in one.told["row"]


def test_a_target_is_told_of_nothing_that_was_before_it(town: Town, hook: Receiver) -> None:
    town.report("before")
    town.apply(webhook(hook.url) + notice())
    town.report("after")
    until(lambda: hook.taken)
    assert [one.told["incident"] for one in hook.taken] == ["report-after"]


def test_imported_history_is_silent(town: Town, hook: Receiver) -> None:
    events = '"reported", "noted", "adopted", "closed"'
    town.apply(webhook(hook.url) + notice(events))
    row = ImportedRow("old", "7", "phone", scene.RUBBISH, "cleaning", "open", False, scene.LONG_AGO)
    id_ = town.service.writer.run(commands.import_row("test", row)).incident
    town.act("leader", "note", id_, 1, words="old")
    town.act("leader", "adopt", id_, 2)
    until(lambda: hook.taken)
    assert [one.told["event"] for one in hook.taken] == ["adopted"]


def test_a_target_that_left_the_file_is_told_no_more_and_begins_anew_when_it_is_back(
    town: Town, hook: Receiver
) -> None:
    hook.mode = "503"
    both = webhook(hook.url) + notice()
    town.apply(both)
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    town.service.writer.run(city.apply(TOWN, "test"))
    assert [(row.state, row.error) for row in town.rows()] == [
        ("dead", "the target stands in the city's file no more")
    ]
    town.report("b")
    hook.mode = "take"
    town.apply("\n# again\n" + both)
    town.report("c")
    until(lambda: hook.taken)
    assert [one.told["incident"] for one in hook.taken] == ["report-c"]


def test_a_clock_that_ran_years_ahead_leaves_nothing_waiting_for_them(town: Town, hook: Receiver) -> None:
    hook.mode = "503"
    town.apply(webhook(hook.url) + notice())
    town.later(timedelta(days=5 * 365))
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    hook.mode = "take"
    town.later(-timedelta(days=5 * 365))
    until(lambda: hook.taken)
    assert [one.told["incident"] for one in hook.taken] == ["report-a"]


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("500", "status 500: come back later"),
        ("404", "status 404: come back later"),
        ("hang", "no answer within 1 s"),
        ("drip", "no answer within 1 s"),
        ("redirect", "status 302, a redirect to {url}/elsewhere: name the last address in the file"),
    ],
)
def test_what_is_not_taken_is_tried_again_later_with_the_same_id(
    town: Town, hook: Receiver, mode: str, error: str
) -> None:
    hook.mode = mode
    town.apply(webhook(hook.url) + notice())
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    [row] = town.rows("waiting")
    assert (row.attempts, row.error) == (1, error.format(url=hook.url))
    wait = (row.next_at - row.tried_at) / 1e6
    assert 5 <= wait <= 10
    hook.mode = "take"
    town.later(timedelta(seconds=11))
    until(lambda: hook.taken)
    assert hook.ids == [row.id]
    until(lambda: town.target("bureau").failures == 0)
    assert town.target("bureau").error is None


def test_of_an_answer_of_ten_megabytes_only_the_beginning_is_read(town: Town, hook: Receiver) -> None:
    hook.mode = "large"
    town.apply(webhook(hook.url) + notice())
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    [row] = town.rows()
    assert row.error.startswith("status 500: [31mno")
    assert len(row.error) <= 220
    assert row.error.isprintable()


def test_what_nobody_listens_for_waits(town: Town) -> None:
    town.apply(webhook("http://127.0.0.1:1/hook?key=secret") + notice())
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    [row] = town.rows()
    assert row.error.startswith("ConnectError")
    assert "secret" not in row.error


def test_one_that_is_refused_holds_up_nothing_else(town: Town, hook: Receiver) -> None:
    """400 is about the one delivery; the target is asked again at once for the next."""
    hook.mode = "400"
    town.apply(webhook(hook.url) + notice())
    town.report("a")
    until(lambda: town.rows()[0].attempts == 1 if town.rows() else False)
    hook.mode = "take"
    town.report("b")
    until(lambda: hook.taken)
    assert [one.told["incident"] for one in hook.taken] == ["report-b"]
    assert town.target("bureau").failures == 0


def test_a_target_that_is_down_is_asked_once_and_not_for_each_that_waits(town: Town, hook: Receiver) -> None:
    hook.mode = "503"
    town.apply(webhook(hook.url) + notice())
    town.report("a")
    until(lambda: town.target("bureau").failures == 1)
    for name in "bcdefgh":
        town.report(name)
    until(lambda: len(town.rows()) == 8)
    town.service.outbox.wake()
    time.sleep(0.2)
    assert len(hook.asked) == 1


def test_targets_that_are_down_slow_neither_the_city_nor_each_other(
    town: Town, hooks: Callable[[], Receiver]
) -> None:
    well, hung, dripping = hooks(), hooks(), hooks()
    hung.mode, dripping.mode = "hang", "drip"
    names = ["well", "hung", "dripping", *(f"hung{n}" for n in range(10))]
    urls = [well.url, hung.url, dripping.url, *[hung.url] * 10]
    targets = "".join(webhook(url, name) for name, url in zip(names, urls, strict=True))
    town.apply(targets + notice(to=", ".join(f'"{name}"' for name in names)))
    began = time.monotonic()
    town.reports(50)
    until(lambda: len(well.taken) == 50, 5)
    # The others are given a second each before anybody gives up on them.
    assert time.monotonic() - began < 5
    assert [one.told["incident"] for one in well.taken] == [f"report-{n}" for n in range(50)]


def test_what_was_tried_too_often_or_waited_too_long_is_dead(opened: Opened, hook: Receiver) -> None:
    hook.mode = "400"
    with opened(outbox_attempts=2, outbox_age_hours=1) as town:
        town.apply(webhook(hook.url) + notice())
        town.report("a")
        until(lambda: [row.attempts for row in town.rows()] == [1])
        town.later(timedelta(seconds=11))
        until(lambda: [row.state for row in town.rows()] == ["dead"])
        town.report("b")
        until(lambda: [row.attempts for row in town.rows()] == [2, 1])
        town.later(timedelta(hours=2))
        until(lambda: [row.state for row in town.rows()] == ["dead", "dead"])


def test_after_a_restart_it_goes_on_where_it_was(opened: Opened, hook: Receiver) -> None:
    with opened(start=False) as town:
        town.apply(webhook(hook.url) + notice())
        town.report("a")
    with opened() as town:
        until(lambda: town.target("bureau").delivered == 1)
    with opened(start=False) as town:
        town.report("b")
    with opened() as town:
        until(lambda: len(hook.taken) == 2)
        until(lambda: town.target("bureau").delivered == 2)
    assert [one.told["incident"] for one in hook.taken] == ["report-a", "report-b"]


def test_what_was_under_way_when_it_ended_is_sent_again_with_its_id(opened: Opened, hook: Receiver) -> None:
    hook.mode = "hang"
    with opened() as town:
        town.apply(webhook(hook.url) + notice())
        town.report("a")
        until(lambda: hook.asked)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    hook.mode = "take"
    with opened() as town:
        until(lambda: hook.taken)
        assert hook.ids == [row.id for row in town.rows()]


def test_entries_that_nobody_is_told_of_cost_no_write_each(
    opened: Opened, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = []
    queue = keeping.queue

    def counted(*about: Any) -> Chore:
        writes.append(about)
        return queue(*about)

    monkeypatch.setattr(keeping, "queue", counted)
    monkeypatch.setattr(sending, "LOOK_S", 0.1)
    monkeypatch.setattr(sending, "FLUSH_S", 1.0)
    with opened() as town:
        town.apply(webhook(hook.url) + notice('"closed"'))
        for n in range(100):
            town.report(str(n))
            time.sleep(0.005)
        until(lambda: town.target("bureau").position == 100)
        assert len(writes) < 10
        assert not town.rows()
