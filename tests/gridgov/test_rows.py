"""What the outside is shown: one row from a table or from an entry, times as text, nothing of citizens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.bodies import KINDS, kind_of
from dispatch.lifecycle import Act
from gridgov.rows import iso, public_entry, public_row, row_after
from tests.gridgov import scene
from tests.gridgov.acts_by_chance import SomeOnDuty
from tests.gridgov.histories import Recorded
from tests.gridgov.storage.conftest import Town


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('rows') / 'town.db'}", duty=SomeOnDuty)
    yield Recorded(town, seed=1, count=1000)
    town.close_down()


@pytest.mark.slow
def test_the_row_after_an_entry_is_the_row_of_the_table_for_every_kind_of_entry(recorded: Recorded) -> None:
    kinds = set()
    for told in recorded.since(0):
        stored = next(r for r in recorded.tables[told.position] if r["id"] == told.entry.incident)
        assert orjson.dumps(row_after(told)) == orjson.dumps(public_row(stored))
        kinds.add(kind_of(told.entry.fact))
    assert kinds == set(KINDS)


def test_a_row_has_lists_for_paths_and_photos_and_text_for_times(recorded: Recorded) -> None:
    located = next(t for t in recorded.since(0) if t.after.place.path and t.after.photos and t.after.due_at)
    row = row_after(located)
    assert row["path"] == list(located.after.place.path)
    assert row["photos"] == list(located.after.photos)
    assert datetime.fromisoformat(row["due_at"]) == located.after.due_at
    assert datetime.fromisoformat(row["reported_at"]) == located.after.reported_at
    assert (row["first"], row["position"]) == (located.first, located.position)
    assert row["closed_at"] is None
    tray = next(t for t in recorded.since(0) if not t.after.place.path)
    assert row_after(tray)["path"] == []


def test_times_in_the_body_of_an_entry_are_text_whatever_its_kind(recorded: Recorded) -> None:
    seen = set()
    for told in recorded.since(0):
        entry = public_entry(told.entry)
        assert datetime.fromisoformat(entry["recorded_at"]) == told.entry.recorded_at
        clock = getattr(told.entry.fact, "starts", None)
        for body, fact in ((entry["body"], told.entry.fact), (entry["body"].get("starts", {}), clock)):
            for name in body.keys() & {"due_at", "warn_at", "answer_by", "closed_at", "reported_at"}:
                assert datetime.fromisoformat(body[name]) == getattr(fact, name)
                seen.add((entry["kind"], name))
    assert seen >= {("imported", name) for name in ("due_at", "closed_at", "reported_at")}
    assert seen >= {("reported", "due_at"), ("reported", "warn_at"), ("dispatched", "warn_at")}
    assert seen >= {("noticed", "due_at"), ("escalated", "answer_by")}


def test_nothing_a_citizen_said_or_is_leaves_with_a_row_or_an_entry(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('private') / 'town.db'}")
    receipt = town.report(
        scene.COVER, scene.at("N1"), words="秘密的话", reporter_name="张三", reporter_phone="13800138000"
    )
    town.act(scene.CLERK, Act.NOTE, receipt.incident, 1, words="他的电话 13800138000")
    town.close_down()
    text = b"".join(orjson.dumps([row_after(t), public_entry(t.entry)]) for t in town.committed).decode()
    assert town.committed[-1].entry.number == 2
    for private in ("秘密", "张三", "13800138000"):
        assert private not in text


@given(
    st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 (zone below)
    st.integers(-14 * 60, 14 * 60),
)
def test_a_moment_as_text_is_the_same_moment_and_sorts_as_time_does(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert datetime.fromisoformat(iso(moment)) == moment
    assert iso(moment).endswith("Z")
    later = moment + timedelta(microseconds=1)
    assert iso(moment) < iso(later)
    assert len(iso(moment.astimezone(UTC).replace(microsecond=0))) == len("2026-01-01T00:00:00.000000Z")
