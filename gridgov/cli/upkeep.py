"""`gridgov rebuild`: the projections derived from the ledger again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from gridgov.cli.headings import UPKEEP
from gridgov.cli.output import AsJson, print_json, progress, say
from gridgov.cli.reading import reader_of, settings_of
from gridgov.errors import ServiceError
from gridgov.settings import Settings
from gridgov.storage import rebuild as derived
from gridgov.storage.engine import WriterLock, database_file, open_engine, snapshot
from gridgov.storage.errors import StoreHeld

#: Differences listed for people; the rest is in --json.
SHOWN = 20


class Different(ServiceError):
    """The store is not what its ledger says."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=UPKEEP)(rebuild)


def rebuild(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare, and name every difference; changes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Derive the projections from the ledger again. 重建

    With --check they are compared with what is stored, column by column, also beside a running server; exit
    code 1 where something differs. Without it they are replaced, for which a server must be stopped and the
    ledger be whole.
    """
    settings = settings_of(context)
    if check:
        _compare(settings, as_json)
        return
    done = _replace(settings)
    if as_json:
        print_json({"incidents": done})
    else:
        say(f"derived {done:,} incidents from the ledger again")


def _compare(settings: Settings, as_json: bool) -> None:
    with reader_of(settings) as engine, snapshot(engine) as connection, progress("comparing") as told:
        found = list(derived.differences(connection, progress=told))
    if as_json:
        print_json({"differences": [_plain(one) for one in found]})
    else:
        for one in found[:SHOWN]:
            print(one)
        if len(found) > SHOWN:
            say(f"and {len(found) - SHOWN} more: --json lists them all")
    if found:
        raise Different(f"differences: {len(found)}; {_what_to_do(found)}")
    say("everything stored is what the ledger says")


def _what_to_do(found: Sequence[derived.Difference]) -> str:
    lost = sum(not one.is_derived for one in found)
    if not lost:
        return "`gridgov rebuild` would put the projections right"
    return f"{lost} of them in what can be derived from nothing: put a copy of the store back"


def _replace(settings: Settings) -> int:
    with _alone(settings), reader_of(settings):
        engine = open_engine(settings.database_url, writes=True)
        try:
            with engine.begin() as connection, progress("rebuilding") as told:
                return derived.rebuild(connection, progress=told)
        finally:
            engine.dispose()


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """The store to ourselves; raises StoreHeld."""
    try:
        lock = WriterLock(database_file(settings.database_url)).acquire()
    except StoreHeld as held:
        who = held.about.get("pid", "unknown")
        raise StoreHeld(
            f"rebuilding needs the store to itself: stop process {who} first", **held.about
        ) from None
    try:
        yield
    finally:
        lock.release()


def _plain(one: derived.Difference) -> dict[str, Any]:
    return {
        "table": one.table,
        "key": one.key,
        "column": one.column,
        "stored": _value(one.stored),
        "derived": _value(one.derived),
    }


def _value(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
