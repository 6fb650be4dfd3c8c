"""`gridgov statistics`: the copy that figures are asked of, looked at, made anew and saved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gridgov.cli.headings import UPKEEP
from gridgov.cli.output import AsJson, Told, print_json, print_table, say
from gridgov.cli.reading import reader_of, settings_of
from gridgov.settings import Settings
from gridgov.statistics import parquet
from gridgov.statistics.copy import Copy
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import CopyUnusable
from gridgov.statistics.making import discard, file_of, hold
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import database_file
from gridgov.storage.ledger import MAIN

#: Seconds between two looks at how far a server's process is.
LOOK_S: Final = 0.5
#: Entries behind the ledger with which a copy on a busy server passes for made.
EVEN: Final = 100

statistics = typer.Typer(
    help="The copy that figures are asked of: made from the store, lost without harm. 统计副本",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(statistics, name="statistics", rich_help_panel=UPKEEP)


@statistics.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """How far the copy has come, and how much of the past is in it. 状态

    "ready", "catching_up" or "building" beside a server; "stopped" where nothing has it now.
    """
    settings = settings_of(context)
    remote = Remote(file_of(settings.statistics_folder, MAIN))
    found = remote.status() if remote.listens else _as_left(settings)
    if as_json:
        print_json(found)
    else:
        shown = [(name, f"{value:,}" if isinstance(value, int) else value) for name, value in found.items()]
        print_table("", ("", ""), shown)


@statistics.command()
def rebuild(context: typer.Context, as_json: AsJson = False) -> None:
    """Make the copy anew from the store: in the server's process where one runs, else here. 重建

    Figures are not answered meanwhile. What incidents were before is read again afterwards, while a server
    runs; figures as of an earlier day wait for that.
    """
    settings = settings_of(context)
    remote = Remote(file_of(settings.statistics_folder, MAIN))
    started = time.monotonic()
    with _bar("making the copy") as told:
        incidents = _rebuilt_there(remote, told) if remote.listens else _rebuilt_here(settings, told)
    took_s = time.monotonic() - started
    done = {"incidents": incidents, "seconds": round(took_s, 1), "per_second": round(incidents / took_s)}
    if as_json:
        print_json(done)
    else:
        say(f"made a copy of {incidents:,} incidents in {took_s:.1f} s: {done['per_second']:,} a second")


@statistics.command()
def snapshot(context: typer.Context) -> None:
    """Save the copy as Parquet files, from which it is quickly there again where its file is lost. 快照

    A server's process does so by itself: once made, every day, and when it stops.
    """
    settings = settings_of(context)
    file = file_of(settings.statistics_folder, MAIN)
    remote = Remote(file)
    if remote.listens:
        position = remote.write_snapshot()
    else:
        with _desk(settings) as desk:
            desk.start()
            position = desk.write_snapshot()
    say(f"saved as of position {position:,} in {parquet.snapshot_of(file)}")


def _as_left(settings: Settings) -> Mapping[str, Any]:
    """What a copy that nobody has open says of itself. Raises CopyHeld where a server has it inside."""
    file = file_of(settings.statistics_folder, MAIN)
    if not file.exists():
        return {"state": "none"}
    lock = hold(file)
    try:
        with Copy(file) as copy:
            known = copy.known()
    except (CopyUnusable, duckdb.Error) as why:
        return {"state": "unusable", "why": str(why)}
    finally:
        lock.release()
    return {
        "state": "stopped",
        "position": known.position,
        "history_done": known.history_upto,
        "history_of": known.built_at,
        "file_bytes": file.stat().st_size,
    }


@contextmanager
def _desk(settings: Settings) -> Iterator[Desk]:
    file = file_of(settings.statistics_folder, MAIN)
    store = database_file(settings.database_url)
    with reader_of(settings) as engine, Desk(engine, store, file) as desk:
        desk.hold()
        yield desk


def _rebuilt_here(settings: Settings, told: Told) -> int:
    with _desk(settings) as desk:
        discard(desk.file)
        shutil.rmtree(parquet.snapshot_of(desk.file), ignore_errors=True)
        desk.start(told)
        while not desk.catch_up(LOOK_S):
            told(desk.status()["done"], desk.status()["of"])
        return int(desk.status()["incidents"])


def _rebuilt_there(remote: Remote, told: Told) -> int:
    remote.rebuild()
    while (found := remote.status())["state"] == "building" or found["behind"] > EVEN:
        told(found["done"], found["of"] or None)
        time.sleep(LOOK_S)
    return int(found["incidents"])


@contextmanager
def _bar(what: str) -> Iterator[Told]:
    """A bar on standard error, with how many a second and the time left; none where that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    shown, started = Console(stderr=True), time.monotonic()
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=None, speed="")

        def told(done: int, of: int | None) -> None:
            speed = f"{done / max(time.monotonic() - started, 0.001):,.0f}/s"
            bar.update(task, completed=done, total=of, speed=speed)

        yield told
