"""A store made by an older program goes on with this one.

`store_of_editions.sql` holds what the program before clocks, standards and automatic hands wrote (its tables are
those of migration 0003), `store_of_rules.sql` what that before parts, suspension and tasks did (0007): each by its
own writer and with people acting a minute apart, reports in every stage and one import open, one closed. The town
is that of `tests/gridgov/town.toml`, and made up.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from alembic import command
from sqlalchemy import select

from dispatch.bodies import kind_of
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Act
from gridgov.commands import SentAct, act
from gridgov.storage import ledger, setup
from gridgov.storage.engine import open_engine
from gridgov.storage.rebuild import differences
from gridgov.storage.setup import init
from gridgov.storage.tables import CommandRow, IncidentRow, SightRow
from gridgov.sweeping import Sweeper
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

HERE = Path(__file__).parent
_incident = IncidentRow.__table__  # type: ignore[attr-defined]
_sight = SightRow.__table__  # type: ignore[attr-defined]


def store(folder: Path, name: str, version: str) -> str:
    """An older store, as its program left it: what is in a file, in the tables of a version."""
    file = folder / "old.db"
    engine = open_engine(f"sqlite:///{file}", writes=True)
    with engine.begin() as connection:
        config = setup._config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()
    with sqlite3.connect(file) as filled:
        filled.executescript((HERE / name).read_text(encoding="utf-8"))
    filled.close()
    return f"sqlite:///{file}"


@pytest.fixture
def old(tmp_path: Path) -> str:
    """The store of before the city's rules."""
    return store(tmp_path, "store_of_editions.sql", "0003")


@pytest.fixture
def town(old: str) -> Iterator[Town]:
    """The same store with this program at work, ten minutes after the last act."""
    made = Town(old, scene.Clock(scene.MONDAY.replace(year=2027, month=1, day=4)))
    yield made
    made.close_down()


def incidents(town: Town) -> list[Incident]:
    with town.reader.connect() as connection:
        ids = list(connection.execute(select(_incident.c.id)).scalars())
        return [fold(entries) for entries in ledger.history(connection, ids).values()]


def test_every_column_is_what_the_ledger_says(old: str) -> None:
    assert init(old, "another") is False
    engine = open_engine(old)
    with engine.connect() as connection:
        assert [str(found) for found in differences(connection)] == []
        stages = Counter(connection.execute(select(_incident.c.stage)).scalars())
        clocks = Counter(map(tuple, connection.execute(select(_incident.c.stage, _incident.c.clock))))
        unconfirmed = connection.execute(
            select(_incident.c.clock_due_at).where(_incident.c.clock_unconfirmed)
        ).all()
    engine.dispose()
    assert set(stages) >= {"intake", "dispatch", "handling", "checking", "closing", "closed", "imported"}
    # Only handling was timed: what stands elsewhere has a clock from its next step on.
    assert {stage: clock for stage, clock in clocks if clock} == {"handling": "handling"}
    assert clocks["handling", "handling"] == stages["handling"] == 7
    assert len(unconfirmed) == 1


def test_parts_returns_and_who_sees_are_what_the_ledger_says(tmp_path: Path) -> None:
    """The town of before parts: with co-handlers in every stage, what was returned once, twice, and again."""
    old = store(tmp_path, "store_of_rules.sql", "0007")
    assert init(old, "another") is False
    engine = open_engine(old)
    with engine.connect() as connection:
        assert [str(found) for found in differences(connection)] == []
        rows = list(connection.execute(select(_incident)).mappings())
        seen = Counter(connection.execute(select(_sight.c.who)).scalars())
    engine.dispose()
    handovers = Counter(
        " ".join(f"{there}>{to}" for there, to, *_ in orjson.loads(row["handovers"]))
        for row in rows
        if row["returned_at"] is not None
    )
    assert handovers == {"water>None": 1, "water>cleaning": 1, "water>water water>office": 1}
    parts = Counter(tuple(part["department"] for part in orjson.loads(row["parts"])) for row in rows)
    assert parts["cleaning", "office"] > 5
    assert seen["d:cleaning"] == seen["d:office"] + 1 > 4


def test_what_is_overdue_is_said_once_and_only_that(town: Town) -> None:
    timed = [one for one in incidents(town) if one.clock is not None]
    sweeper = Sweeper(town.reader, town.writer, town.clock)
    overdue = [one for one in timed if one.clock and one.clock.due_at <= town.clock.now]
    assert 0 < len(overdue) < len(timed)
    assert (sweeper.sweep(), sweeper.sweep()) == (len(overdue), 0)
    said = [told.entry for told in town.committed if kind_of(told.entry.fact) == "noticed"]
    assert {entry.incident for entry in said} == {one.id for one in overdue}
    with town.reader.connect() as connection:
        assert list(differences(connection)) == []


def test_work_goes_on_where_it_stood(town: Town) -> None:
    """Each open incident takes its next step, with a clock; the department that returned it resumes."""
    steps = {
        "intake": (scene.CLERK, Act.FILE, {}),
        "dispatch": (scene.LEADER, Act.DISPATCH, {}),
        "checking": (scene.LEADER, Act.CHECK, {"passed": False, "reason": "没修好"}),
        "imported": (scene.LEADER, Act.ADOPT, {}),
    }
    for one in incidents(town):
        if str(one.stage) in steps:
            by, what, more = steps[str(one.stage)]
            town.act(by, what, one.id, one.number, **more)  # type: ignore[arg-type]
    after = {one.id: one for one in incidents(town)}
    for told in town.committed:
        now = after[told.entry.incident]
        assert now.clock is not None
        assert now.next_look is not None
    resumed = [told for told in town.committed if getattr(told.entry.fact, "resumed", False)]
    assert resumed
    assert all(told.after.clock is not None and told.after.clock.run > 1 for told in resumed)


def test_a_number_seen_and_a_command_sent_before_are_still_good(town: Town) -> None:
    one = next(one for one in incidents(town) if one.handling and one.stage == "handling" and one.number == 3)
    Sweeper(town.reader, town.writer, town.clock).sweep()
    town.act(scene.WATER, Act.RETURN, one.id, 3, reason="不归我们")
    table = CommandRow.__table__  # type: ignore[attr-defined]
    with town.reader.connect() as connection:
        noted = connection.execute(
            select(table).where(table.c.incident == one.id, table.c.number == 2)
        ).mappings()
        filed = noted.one()
    again = act(scene.CLERK, SentAct(filed["id"], one.id, Act.FILE, 1))
    assert again.digest == filed["digest"]
    assert town.writer.run(again).repeated


def test_reports_come_in_beside_it(town: Town) -> None:
    town.clock.now += timedelta(minutes=1)
    assert town.report(scene.NOISE, scene.at("N1"), standard="loud").number == 3
