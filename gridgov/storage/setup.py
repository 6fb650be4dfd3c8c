"""Making a store ready, and telling whether it is."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

from gridgov.storage.engine import database_file, open_engine
from gridgov.storage.errors import StoreNotReady
from gridgov.storage.ledger import MAIN
from gridgov.storage.tables import StreamHead

_streams = StreamHead.__table__  # type: ignore[attr-defined]


def init(url: str, epoch: str) -> bool:
    """Make the store at ``url`` ready for this program: create it, or bring an older one along. True if it
    was new.

    ``epoch`` names this life of the ledger in the cursors of feeds. Doing it again changes nothing.
    """
    path = database_file(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The store holds personal data: it is its owner's alone, and the files beside it take its mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.exists():
            file.chmod(0o600)
    engine = open_engine(url, writes=True)
    try:
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return add_stream(connection, MAIN, epoch)
    finally:
        engine.dispose()


def add_stream(connection: Connection, stream: str, epoch: str) -> bool:
    """Begin an empty ledger of that name unless there is one; True if it was new."""
    if connection.execute(select(_streams.c.stream).where(_streams.c.stream == stream)).first():
        return False
    ordinal = connection.execute(select(func.count()).select_from(_streams)).scalar_one()
    connection.execute(
        _streams.insert().values(
            stream=stream, ordinal=ordinal, epoch=epoch, position=0, recorded_at=0, previous=b"\0" * 32
        )
    )
    return True


def require_current(engine: Engine) -> None:
    """Raise StoreNotReady unless the store is there and of this program's version."""
    url = engine.url.render_as_string()
    if not database_file(url).exists():
        raise StoreNotReady(f"there is no store at {database_file(url)}: run `gridgov init`", store=url)
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise StoreNotReady(
            f"the store is at version {found or 'none'}, this program at {newest}: run `gridgov init`",
            found=found,
            expected=newest,
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
