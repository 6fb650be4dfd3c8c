"""The law of the feed: a list and the frames after it make a fresh list, for every kind of entry and any scope."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.bodies import KINDS, kind_of
from dispatch.lifecycle import Act, Role
from gridgov.frames import BadCursor, Change, Cursor, change, cursor, frame, seen_through
from gridgov.scope import Assignment, Scope, scope_of
from gridgov.storage import ledger
from gridgov.watching import Picture
from tests.gridgov import scene
from tests.gridgov.acts_by_chance import SomeOnDuty
from tests.gridgov.histories import WATCHERS, Recorded, scope
from tests.gridgov.storage.conftest import Town

COUNT = 1000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('frames') / 'town.db'}", duty=SomeOnDuty)
    yield Recorded(town, seed=1, count=COUNT)
    town.close_down()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path / 'town.db'}")
    yield made
    made.close_down()


def followed(recorded: Recorded, seen: Scope, start: int, end: int) -> dict[str, dict[str, object]]:
    """The list at ``start``, brought up to ``end`` by frames that have been through JSON."""
    picture = Picture.of(recorded.shown(seen, start).values())
    for _, text in seen_through(seen, recorded.since(start, end - start)) if end > start else ():
        picture.apply(orjson.loads(text))
    return picture.rows


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_list_and_frame_make_the_fresh_list_for_each_kind_of_entry(recorded: Recorded, kind: str) -> None:
    """Snapshot + frame == fresh snapshot, one step over each entry of the kind, for every scope."""
    positions = [t.position for t in recorded.since(0) if kind_of(t.entry.fact) == kind]
    assert positions
    for position in positions[:20]:
        for somebody in WATCHERS:
            seen = scope(somebody)
            expected = recorded.shown(seen, position)
            assert followed(recorded, seen, position - 1, position) == expected, somebody.id


assignments = st.lists(
    st.builds(
        Assignment,
        id=st.just("x"),
        role=st.sampled_from(Role),
        path=st.sampled_from(
            [(), ("D",), ("D", "N"), ("D", "S"), ("D", "N", "N1"), ("D", "S", "S2"), ("X",)]
        ),
        department=st.sampled_from([None, "water", "cleaning", "office", "north_office"]),
        starts_at=st.just(scene.LONG_AGO),
    ),
    max_size=3,
)
people = st.sampled_from(["inspector", "clerk", "somebody"])
positions = st.integers(0, COUNT)


@given(people, assignments, positions, positions)
def test_list_and_frames_make_the_fresh_list_from_anywhere_to_anywhere(
    recorded: Recorded, person: str, held: list[Assignment], one: int, other: int
) -> None:
    """Snapshot at p + frames (p, q] == fresh snapshot at q, for any assignments and any p <= q."""
    seen, start, end = scope_of(person, held, scene.MONDAY), min(one, other), max(one, other)
    assert followed(recorded, seen, start, end) == recorded.shown(seen, end)


@pytest.mark.slow
@settings(max_examples=30)
@given(people, assignments, positions, st.integers(10, 200))
def test_a_replay_from_any_position_is_the_ledgers_tail_seen_through_the_scope(
    recorded: Recorded, person: str, held: list[Assignment], start: int, step: int
) -> None:
    """However it is cut into parts, a replay tells what live readers were told, in order, once."""
    seen = scope_of(person, held, scene.MONDAY)
    live = list(seen_through(seen, recorded.town.committed[start:]))
    parts: list[tuple[int, str]] = []
    while batch := recorded.since(start, step):
        parts += seen_through(seen, batch)
        start = batch[-1].position
    assert parts == live


def test_every_change_happens_in_the_history_these_laws_are_tested_on(recorded: Recorded) -> None:
    """For the department that handles, incidents come, change and go; for who sees all, none ever leaves."""
    told = recorded.since(0)
    assert {change(t, scope(scene.WATER)) for t in told} == {None, *Change}
    assert {change(t, scope(scene.LEADER)) for t in told} == {Change.ENTERED, Change.CHANGED}


def test_what_left_is_told_without_its_content(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    town.act(scene.CLERK, Act.FILE, id_, 1)
    town.act(scene.DISPATCHER, Act.DISPATCH, id_, 2)
    town.act(scene.WATER, Act.RETURN, id_, 3, reason="这不归我们")
    came, went = town.committed[-2:]
    assert [change(t, scope(scene.WATER)) for t in (came, went)] == [Change.ENTERED, Change.LEFT]
    told = frame(came, Change.ENTERED)
    assert (told["entry"]["body"]["department"], told["row"]["lead"]) == ("water", "water")
    gone = frame(went, Change.LEFT)
    assert gone["row"] is None
    assert "body" not in gone["entry"]
    assert "这不归我们" not in orjson.dumps(gone).decode()
    assert (gone["incident"], gone["position"], gone["entry"]["kind"]) == (id_, 4, "returned")


def test_a_cursor_says_which_ledger_how_far_and_through_which_scope(town: Town) -> None:
    town.report()
    with town.reader.connect() as connection:
        here = cursor(ledger.read_head(connection), scope(scene.CLERK))
    assert here == Cursor("epoch-1", 1, scope(scene.CLERK).digest)
    assert Cursor.parse(str(here)) == here
    assert here.at(7).position == 7


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "e.1", "e..s", ".1.s", "e.1.", "e.-1.s", "e.٣.s", "e." + "9" * 19 + ".s"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor) as refused:
        Cursor.parse(text)
    assert refused.value.about == {"cursor": text}


@given(st.text(max_size=30))
def test_any_text_is_a_cursor_or_a_bad_cursor(text: str) -> None:
    try:
        assert Cursor.parse(text).position >= 0
    except BadCursor:
        return


def test_a_frame_older_than_the_row_changes_nothing(recorded: Recorded) -> None:
    """A list of many pages holds rows newer than its cursor: the frames between must not turn them back."""
    for somebody in WATCHERS:
        seen = scope(somebody)
        picture = Picture.of(recorded.shown(seen, recorded.end).values())
        for _, text in seen_through(seen, recorded.town.committed):
            picture.apply(orjson.loads(text))
        assert picture.rows == recorded.shown(seen, recorded.end), somebody.id
