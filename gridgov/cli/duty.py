"""`gridgov duty`: the rota, and who is on duty now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine

from gridgov import accounts
from gridgov.api.dependencies import operator_session
from gridgov.cli.headings import PEOPLE
from gridgov.cli.output import AsJson, print_json, print_table, say
from gridgov.cli.reading import codes, in_force_of, moment_of, path_of, reader_of, settings_of
from gridgov.clock import new_id, utcnow
from gridgov.duty import acts
from gridgov.duty.acts import Copied, Wanted
from gridgov.duty.rota import Asked
from gridgov.errors import BadInput, UnknownPerson
from gridgov.in_force import Atlas, InForce
from gridgov.operating import operator
from gridgov.settings import Settings
from gridgov.storage.ledger import MAIN

duty = typer.Typer(no_args_is_help=True, help="Duty: list, now, add, withdraw, copy-week, import. 值班表")

#: Days that a list shows unless told.
USUAL_DAYS = 7
_OPERATOR = operator_session("").person

Times = "a local time such as 2026-11-23 08:00, or one with its zone"
Person = Annotated[str, typer.Argument(metavar="NAME", help="The name they sign in with.")]
Under = Annotated[str | None, typer.Option(help="A grid path, codes joined by /.", show_default="everywhere")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of it; write nothing.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(duty, name="duty", rich_help_panel=PEOPLE)


@dataclass
class _Store:
    """The store for reading, as the questions asked of it need it."""

    reader: Engine
    in_force: InForce
    stream: str = MAIN

    @property
    def atlas(self) -> Atlas:
        return self.in_force.atlas

    @property
    def zone(self) -> str:
        return self.in_force.city.zone

    def clock(self) -> datetime:
        return utcnow()

    def person(self, name: str) -> str:
        """The id of whoever signs in by that name; raises UnknownPerson."""
        with self.reader.connect() as connection:
            found = next((one for one in accounts.everybody(connection) if one.name == name), None)
        if found is None:
            raise UnknownPerson(f"there is nobody called {name!r}", name=name)
        return found.id


@contextmanager
def _store(settings: Settings) -> Iterator[_Store]:
    with reader_of(settings) as engine:
        yield _Store(engine, in_force_of(engine))


@duty.command("list")
def list_(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--from", help=f"From when: {Times}.", show_default="now")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Until before when.", show_default="a week later")
    ] = None,
    under: Under = None,
    person: Annotated[str | None, typer.Option(help="The name somebody signs in with.")] = None,
    as_json: AsJson = False,
) -> None:
    """Who is on duty where and when. 值班表"""
    with _store(settings_of(context)) as store:
        begin = moment_of(since, store.zone, "--from") or store.clock()
        end = moment_of(until, store.zone, "--to") or begin + timedelta(days=USUAL_DAYS)
        who = None if person is None else store.person(person)
        wanted = Wanted(begin, end, path_of(under, store.in_force), who)
        found = acts.rota(store, _OPERATOR, wanted)
    if as_json:
        print_json(found)
        return
    _print(found["duties"], store.zone)
    if found["more"]:
        say("there are more than are shown: ask for less time, or for a grid")


@duty.command()
def now(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Argument(help="A grid path, codes joined by /.", show_default="everywhere")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who is on duty at this moment: in a grid and around it, then in parts of it. 当前值班"""
    with _store(settings_of(context)) as store:
        found = acts.on_duty_now(store, _OPERATOR, codes(path))
    if as_json:
        print_json(found)
        return
    _print([*found["here"], *found["below"]], store.zone)


@duty.command()
def add(
    context: typer.Context,
    name: Person,
    path: Annotated[str, typer.Argument(help="The grid: its path, codes joined by /.")],
    until: Annotated[str, typer.Option("--to", help=f"Until before when: {Times}.")],
    since: Annotated[str | None, typer.Option("--from", help="From when.", show_default="now")] = None,
    stand_in_for: Annotated[str | None, typer.Option(help="Whose place they take, by name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put somebody on duty in a grid and all below it. 排班"""
    settings = settings_of(context)
    with _store(settings) as store:
        end = moment_of(until, store.zone, "--to")
        assert end is not None
        begin = moment_of(since, store.zone, "--from")
        other = None if stand_in_for is None else store.person(stand_in_for)
        asked = Asked(new_id(), store.person(name), path_of(path, store.in_force), begin, end, other)
    with operator(settings) as hand:
        done = hand.add_duty(asked)
    if as_json:
        print_json(done)
        return
    say(f"{name} is on duty in {path}: {done['id']}")


@duty.command()
def withdraw(
    context: typer.Context,
    duty_id: Annotated[str, typer.Argument(metavar="DUTY", help="Its id, as `gridgov duty list` shows it.")],
    at: Annotated[str | None, typer.Option(help=f"When it ends: {Times}.", show_default="now")] = None,
) -> None:
    """Cut a duty short, or withdraw one that has not begun. 撤销排班"""
    settings = settings_of(context)
    with _store(settings) as store:
        moment = moment_of(at, store.zone, "--at")
    with operator(settings) as hand:
        done = hand.end_duty(duty_id, moment)
    say("withdrawn: it had not begun" if done["withdrawn"] else f"cut short: {done['name']}, {at or 'now'}")


@duty.command("copy-week")
def copy_week(
    context: typer.Context,
    week: Annotated[str, typer.Argument(metavar="DAY", help="Any day of the week, such as 2026-11-23.")],
    weeks: Annotated[int, typer.Option(help="How many weeks later.", min=1, max=53)] = 1,
    under: Under = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a week's duties down for a later week, at the same local times; no stand-ins. 复制一周"""
    settings = settings_of(context)
    with _store(settings) as store:
        day = moment_of(week, store.zone, "DAY")
        assert day is not None
        local = day.astimezone(ZoneInfo(store.zone)).date()
        asked = Copied(local, weeks, path_of(under, store.in_force), dry_run)
    with operator(settings) as hand:
        done = hand.copy_week(asked)
    _report(done, as_json)


@duty.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file: person,path,from,to,stand_in_for.")],
    encoding: Annotated[str, typer.Option(help="How its text is written, such as gb18030.")] = "utf-8",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a table of duties down, each row by itself. 导入值班表"""
    try:
        text = file.read_text(encoding=encoding)
    except LookupError as error:
        raise BadInput(f"--encoding is {encoding!r}: there is no such encoding") from error
    with operator(settings_of(context)) as hand:
        done = hand.import_rota(text, dry_run)
    _report(done, as_json)


def _report(done: dict[str, Any], as_json: bool) -> None:
    """What became of each row; the exit code says whether any was refused."""
    if as_json:
        print_json(done)
    else:
        rows = [
            (one["line"], one["outcome"], one["name"], "/".join(one["path"] or ()), one["why"])
            for one in done["rows"]
        ]
        print_table("", ("line", "", "who", "grid", "why not"), rows)
        would = "would be " if done["dry_run"] else ""
        say(f"{done['added']} {would}added, {done['there']} there already, {done['refused']} {would}refused")
    if done["refused"]:
        raise typer.Exit(1)


def _print(duties: list[dict[str, Any]], zone: str) -> None:
    here = ZoneInfo(zone)
    rows = [
        (
            f"{one['starts_at'].astimezone(here):%Y-%m-%d %H:%M}",
            f"{one['ends_at'].astimezone(here):%Y-%m-%d %H:%M}",
            "/".join(one["path"]),
            one["name"],
            one["role_zh"],
            f"代 {one['stand_in_for_name']}" if one["stand_in_for"] else "",
            one["id"],
        )
        for one in duties
    ]
    print_table("", ("from", "to", "grid", "who", "as", "", "duty"), rows)
