"""The migrations make exactly the tables that the program expects."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from gridgov.storage import tables
from gridgov.storage.engine import open_engine
from gridgov.storage.setup import init


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
