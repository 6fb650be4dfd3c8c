"""Reading the store from the command line: always possible, also beside a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Connection, Engine

from gridgov.city import atlas_of, edition_in_force, load_in_force
from gridgov.errors import BadInput, UnknownEdition
from gridgov.importing.run import OPERATOR
from gridgov.in_force import Atlas, InForce
from gridgov.scope import Claim, Scope
from gridgov.settings import Settings
from gridgov.storage.engine import open_engine, snapshot
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.grids import require_ever
from gridgov.storage.ledger import read_head
from gridgov.storage.setup import require_current

#: Whoever may read the store's file sees all of it.
EVERYTHING = Scope(OPERATOR, (Claim((), None, True),))


def settings_of(context: typer.Context) -> Settings:
    """The settings that the options and the environment gave."""
    settings: Settings = context.obj
    return settings


@contextmanager
def reader_of(settings: Settings) -> Iterator[Engine]:
    """An engine that only reads; raises StoreNotReady."""
    engine = open_engine(settings.database_url, readers=4)
    try:
        require_current(engine)
        yield engine
    finally:
        engine.dispose()


def in_force_of(engine: Engine) -> InForce:
    """The rules and grids in force; raises NoRulesYet."""
    with snapshot(engine) as connection:
        found = load_in_force(connection, read_head(connection))
    if found is None:
        raise NoRulesYet()
    return found


def atlas_in(connection: Connection, edition: int | None) -> Atlas:
    """An edition, or the one in force, which needs no rules; raises UnknownEdition."""
    number = edition if edition is not None else edition_in_force(connection)
    if number is None:
        raise UnknownEdition("there is no edition of the grids yet: bring one in with `gridgov grids import`")
    return atlas_of(connection, number)


def path_of(text: str | None, in_force: InForce) -> tuple[str, ...]:
    """The path of a grid in force, written with slashes, () for none; raises UnknownGrid."""
    path = codes(text)
    if path:
        in_force.atlas.hierarchy.grid(path)
    return path


def path_ever(text: str | None, engine: Engine) -> tuple[str, ...]:
    """The same of any edition: incidents keep the paths of grids that are no more."""
    path = codes(text)
    if path:
        with engine.connect() as connection:
            require_ever(connection, path)
    return path


def codes(text: str | None) -> tuple[str, ...]:
    """The codes of a path written with slashes, () for none; whether there is such a grid is not asked."""
    return tuple(text.split("/")) if text else ()


def moment_of(text: str | None, zone: str, option: str) -> datetime | None:
    """A local date (its first moment), or a time, local unless it names its zone; raises BadInput.

    >>> print(moment_of("2011-07-01", "America/New_York", "--from"))
    2011-07-01 00:00:00-04:00
    >>> print(moment_of("2011-07-01 17:55", "America/New_York", "--from"))
    2011-07-01 17:55:00-04:00
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"{option} is {text!r}: expected a local date such as 2026-11-01, a local time such as"
            ' "2026-11-01 08:00", or one with its zone such as 2026-11-01T08:00+08:00'
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
