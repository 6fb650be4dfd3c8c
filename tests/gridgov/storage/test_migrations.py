"""The migrations make exactly the tables that the program expects."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from gridgov.storage import ledger, setup, tables
from gridgov.storage.engine import open_engine
from gridgov.storage.setup import init

#: A store of the first version with an edition and an incident in it.
FIRST_VERSION = (
    "INSERT INTO stream VALUES ('main', 0, 'e', 0, 0, zeroblob(32), NULL, 1)",
    "INSERT INTO edition VALUES (1, 'first', 1, 1700000000000000, 'test', '[]', '[]')",
    (
        "INSERT INTO incident (stream, id, number, first, position, stage, case_number, channel, category, urgency, path,"
        " nearest, department, rule, reported_at, reported_by, updated_at, dispatches, returns, reworks, reopenings,"
        " photos, imported) VALUES ('main', 'i', 1, 1, 1, 'intake', 'D-1', 'phone', 'c', 'ordinary', '', '', 'd', 'r', 1,"
        " 'p', 1, 0, 0, 0, 0, '[]', 0)"
    ),
)


def ours(_object: object, name: str | None, kind: str, _reflected: bool, _to: object) -> bool:
    """The full-text index is a virtual table that SQLAlchemy cannot describe; its shadow tables go with it."""
    return not (kind == "table" and (name or "").startswith("search"))


def test_migrations_and_tables_do_not_drift_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}"
    init(url, "e")
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        names = set(inspect(connection).get_table_names())
    assert {tables.EntryRow.__tablename__, "search", "alembic_version"} <= names
    engine.dispose()


def test_the_search_index_is_the_one_the_program_asks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}"
    init(url, "e")
    engine = open_engine(url, writes=True)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO search(rowid, incident, grams) VALUES (1, 'x', '井盖 盖')"))
        found = connection.execute(text("SELECT incident FROM search WHERE search MATCH '\"井盖\"'")).scalar()
    assert found == "x"
    engine.dispose()


def test_a_store_of_the_first_version_opens_with_this_one(tmp_path: Path) -> None:
    """Its edition took effect when it came in; its incidents have no neighbours or specialised grids on record."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url, writes=True)
    with engine.begin() as connection:
        config = setup._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST_VERSION:
            connection.execute(text(statement))
    engine.dispose()
    assert init(url, "e") is False
    engine = open_engine(url)
    with engine.connect() as connection:
        edition = connection.execute(text("SELECT effective_at, replaces, withdrawn_at FROM edition")).one()
        incident = connection.execute(text("SELECT near_border, specialised FROM incident")).one()
        head = ledger.read_head(connection)
    engine.dispose()
    assert tuple(edition) == (1_700_000_000_000_000, None, None)
    assert tuple(incident) == ("[]", "[]")
    assert (head.edition, head.next_edition, head.switch_at) == (1, None, None)


#: What an incident was dispatched to ("": that was taken back), and how often that was another than the time
#: before.
DISPATCHES = [
    ("once", ["a"], 0),
    ("same", ["a", "a"], 0),
    ("other", ["a", "b"], 1),
    ("back", ["a", "b", "a"], 2),
    ("taken back", ["a", "", "b", "b"], 0),
]


def test_how_often_older_incidents_were_redirected_is_counted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url, writes=True)
    with engine.begin() as connection:
        config = setup._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST_VERSION[:2]:
            connection.execute(text(statement))
        for at, (name, given, _) in enumerate(DISPATCHES):
            row = FIRST_VERSION[2].replace("'i', 1, 1, 1", f"'{name}', 1, {at}, {at}")
            row = row.replace("'D-1'", f"'D-{at}'").replace("1, 0, 0, 0, 0", f"1, {len(given)}, 0, 0, 0")
            connection.execute(text(row))
            for number, department in enumerate(given):
                entry = (
                    f"INSERT INTO entry VALUES ('main', {at * 10 + number}, '{name}', {number + 2}, :kind, 1,"
                    " 1, 1, 'p', 'c', :body, zeroblob(32))"
                )
                kind = "dispatched" if department else "undone"
                connection.execute(text(entry), {"kind": kind, "body": f'{{"department":"{department}"}}'})
    engine.dispose()
    init(url, "e")
    engine = open_engine(url)
    with engine.connect() as connection:
        found = {row.id: row.redirected for row in connection.execute(text("SELECT * FROM incident"))}
    engine.dispose()
    assert found == {name: times for name, _, times in DISPATCHES}
