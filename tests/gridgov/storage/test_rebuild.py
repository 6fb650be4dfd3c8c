"""What is derived equals what deriving it again gives; deliberate damage is named, row and column."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from dispatch.lifecycle import Act
from gridgov import commands
from gridgov.commands import ImportedRow
from gridgov.storage import words
from gridgov.storage.errors import LedgerDamaged
from gridgov.storage.rebuild import differences, rebuild
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

Busy = Callable[[], str]


@pytest.fixture
def busy(town: Town) -> str:
    """A town with a few incidents in several stages; the id of one that is being handled."""
    id_ = town.report(scene.COVER, scene.at("N1"), words="井盖破损", address="北街").incident
    town.act(scene.CLERK, Act.FILE, id_, 1)
    town.act(scene.DISPATCHER, Act.DISPATCH, id_, 2, co_handlers=("cleaning",))
    town.act(scene.DISPATCHER, Act.NOTE, id_, 3, words="请尽快 phone 123")
    town.report(scene.NOISE, scene.OUTSIDE)
    row = ImportedRow(
        "old", "7", "phone", "x", "police", "Open", False, scene.LONG_AGO, words="噪音", address="南街"
    )
    town.writer.run(commands.import_row("keeper", row))
    return id_


def damage(town: Town, statement: str) -> None:
    with town.written.begin() as connection:
        assert connection.execute(text(statement)).rowcount == 1


def found(town: Town) -> list[str]:
    with town.reader.connect() as connection:
        return [str(difference) for difference in differences(connection)]


def test_nothing_differs_after_ordinary_work(town: Town, busy: str) -> None:
    assert found(town) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE incident SET stage = 'closed' WHERE id = '{id}'",
            ["incident", "{id}", "stage", "closed", "handling"],
        ),
        ("UPDATE incident SET due_at = due_at + 1 WHERE id = '{id}'", ["{id}", "due_at"]),
        (
            "UPDATE incident SET address = 'elsewhere' WHERE id = '{id}'",
            ["{id}", "address", "elsewhere", "北街"],
        ),
        ("DELETE FROM incident WHERE id = '{id}'", ["{id}", "missing"]),
        ("UPDATE incident SET id = 'ghost' WHERE id = '{id}'", ["ghost", "should not be there"]),
        (
            "UPDATE entry SET body = replace(body, 'water', 'fire') WHERE number = 1 AND incident = '{id}'",
            ["previous"],
        ),
        ("UPDATE stream SET position = 4", ["stream main: position is 4"]),
        ("DELETE FROM sight WHERE incident = '{id}'", ["sight d:cleaning of {id} is missing"]),
        ("UPDATE sight SET who = 'd:fire'", ["d:cleaning of {id} is missing", "d:fire of {id} should not"]),
        ("UPDATE sight SET first = 9", ["sight d:cleaning of {id}: first is 9, the ledger says 1"]),
        ("UPDATE sight SET incident = 'ghost'", ["sight ghost should not be there"]),
        ("DELETE FROM search WHERE rowid = 1", ["search", "{id}", "missing"]),
        (
            "UPDATE private SET words = 'other' WHERE incident = '{id}' AND number = 1",
            ["private", "{id}", "entry 1"],
        ),
        (
            "DELETE FROM private WHERE incident = '{id}' AND number = 1",
            ["private", "{id}", "entry 1", "missing"],
        ),
        ("UPDATE private SET number = 7 WHERE incident = '{id}' AND number = 1", ["entry 1", "missing"]),
        ("UPDATE serial SET last = 9 WHERE day = '2026-11-23'", ["serial", "2026-11-23", "9", "2"]),
        ("DELETE FROM command WHERE incident = '{id}' AND number = 3", ["command", "missing"]),
    ],
)
def test_deliberate_damage_is_named(town: Town, busy: str, statement: str, named: list[str]) -> None:
    damage(town, statement.format(id=busy))
    told = "\n".join(found(town))
    for name in named:
        assert name.format(id=busy) in told


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = '{{' WHERE number = 1 AND incident = '{id}'",
        "UPDATE entry SET kind = 'closed' WHERE number = 1 AND incident = '{id}'",
        "UPDATE entry SET kind = 'other' WHERE number = 1 AND incident = '{id}'",
        "UPDATE entry SET version = 9 WHERE number = 1 AND incident = '{id}'",
    ],
)
def test_an_entry_that_cannot_be_read_is_named(town: Town, busy: str, statement: str) -> None:
    damage(town, statement.format(id=busy))
    with pytest.raises(LedgerDamaged, match="entry 1 of stream main cannot be read"):
        found(town)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entry WHERE position = 1",
        "DELETE FROM entry WHERE position = (SELECT max(position) FROM entry)",
        "UPDATE entry SET body = replace(body, 'water', 'fire') WHERE position = 1",
        "UPDATE stream SET position = position + 1",
    ],
)
def test_nothing_is_derived_from_a_damaged_ledger(town: Town, statement: str) -> None:
    for place in ("N1", "N2"):
        town.report(scene.COVER, scene.at(place))
    damage(town, statement)
    with pytest.raises(LedgerDamaged), town.written.begin() as connection:
        rebuild(connection)
    with town.reader.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM incident")).scalar_one() == 2


def test_nothing_differs_where_one_command_added_to_two_incidents(town: Town, busy: str) -> None:
    """An incident that is joined to another tells that one too, in the same breath."""
    second = town.report(scene.COVER, scene.at("N1")).incident
    town.act(scene.CLERK, Act.JOIN, second, 1, leader=busy, reason="同一处")
    assert [told.entry.incident for told in town.committed[-2:]] == [second, busy]
    assert found(town) == []


def test_rebuilding_mends_every_projection(town: Town, busy: str) -> None:
    with town.written.begin() as connection:
        for statement in (
            "UPDATE incident SET stage = 'closed', reworks = 7",
            "DELETE FROM incident WHERE id = (SELECT min(id) FROM incident)",
            "INSERT INTO sight SELECT stream, 'p:ghost', id, first FROM incident",
            "DELETE FROM sight WHERE who = 'd:cleaning'",
            "DELETE FROM search",
            "UPDATE serial SET last = 99",
        ):
            connection.execute(text(statement))
    assert len(found(town)) > 5
    done: list[tuple[int, int]] = []
    with town.written.begin() as connection:
        assert rebuild(connection, progress=lambda *step: done.append(step)) == 3
    assert done[-1] == (3, 3)
    assert found(town) == []


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("井盖", True),
        ("盖破", True),
        ("破损", True),
        ("损", True),
        ("井", True),
        ("北街", True),
        ("123", True),
        ("PHO", True),
        ("井破", False),
        ("暖气", False),
        ("井盖 北街", True),
    ],
)
def test_words_are_found_in_chinese_and_latin(town: Town, busy: str, query: str, finds: bool) -> None:
    with town.reader.connect() as connection:
        hits = connection.execute(
            text("SELECT incident FROM search WHERE grams MATCH :q"), {"q": words.match(query)}
        ).scalars()
        assert (busy in set(hits)) == finds


@pytest.mark.parametrize(
    "query", ['"', "' OR 1=1", "a*b(c)", "NEAR(井 盖)", "井盖:", "-井盖", "{x} ^y", "AND", ""]
)
def test_no_query_can_break_the_index(town: Town, busy: str, query: str) -> None:
    asked = words.match(query)
    if asked:
        with town.reader.connect() as connection:
            connection.execute(text("SELECT incident FROM search WHERE grams MATCH :q"), {"q": asked}).all()
