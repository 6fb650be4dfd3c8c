"""`gridgov city`: the city's rules as one commented TOML file, planned, applied and given back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from gridgov import city as rules
from gridgov import rerouting
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, progress, say
from gridgov.cli.reading import reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import ServiceError
from gridgov.operating import operator
from gridgov.rerouting_told import to_dict
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import NoRulesYet

city = typer.Typer(no_args_is_help=True, help="The city's rules: plan, apply, export. 城市规则")
CityFile = Annotated[Path, typer.Argument(metavar="CITY.toml", exists=True, dir_okay=False, readable=True)]


class NotPlanned(ServiceError):
    """These rules cannot come into force as things stand."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(city, name="city", rich_help_panel=RULES)


@city.command()
def plan(
    context: typer.Context,
    file: CityFile,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=rerouting.MOST_DAYS,
            help="Try it on the incidents reported in so many days before now, too.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Of more incidents than this, only the newest are tried.")
    ] = rerouting.MOST,
    as_json: AsJson = False,
) -> None:
    """Show what applying a file would change, and what would stand in its way. Changes nothing.

    With --days also what would have gone elsewhere, been due sooner or later, or been done without a human
    hand.
    """
    new = rules.parse(rules.read_file(file), 0)
    rules.require_ends(new, utcnow())
    with reader_of(settings_of(context)) as engine, snapshot(engine) as connection:
        old, left = rules.current(connection), rules.stranded(connection, new)
        notes = rules.notes_in_store(connection, new)
        tried = None if days is None or old is None else _tried(connection, old, new, days, most)
    changes, effects = rules.plan(old, new), rules.effects(old, new)
    if as_json:
        print_json(
            {
                "version": old.version if old else 0,
                "changes": [asdict(change) for change in changes],
                "effects": [asdict(effect) for effect in effects],
                "notes": list(notes),
                "stranded": [asdict(one) for one in left],
                **({} if tried is None else {"rerouted": tried}),
            }
        )
    else:
        title = f"against version {old.version}" if old else "the first rules of this installation"
        print_table(title, ("change",), [(str(change),) for change in changes] or [("none",)])
        _list("from now on goes elsewhere", effects)
        if tried is not None:
            _show_tried(tried)
        _list("in the way: open incidents that would be left behind", left)
        _list("to know", notes)
    if left:
        raise NotPlanned(f"{len(left)} categories or departments are still in use; see above")


@city.command()
def apply(
    context: typer.Context,
    file: CityFile,
    seen: Annotated[
        int | None,
        typer.Option(help="The version you planned against; refused where another is in force by now."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a file in force as a new version. The file in force, applied again, changes nothing."""
    text = rules.read_file(file)
    rules.parse(text, 0)
    with operator(settings_of(context)) as hand:
        applied = hand.apply_city(text, seen)
    if as_json:
        print_json(applied)
        return
    if applied["new"]:
        say(f"version {applied['version']} is in force: {len(applied['changes'])} changes")
    else:
        say(f"nothing changed: version {applied['version']} says the same, word for word")
    for note in applied["notes"]:
        say(f"note: {note}")


@city.command()
def export(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; left out, standard output.", dir_okay=False),
    ] = None,
) -> None:
    """Write the file in force, comments and all."""
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        found = rules.current(connection)
    if found is None:
        raise NoRulesYet()
    if output is None:
        sys.stdout.write(rules.export(found))
    else:
        output.write_text(rules.export(found), encoding="utf-8", newline="")


def _tried(connection: Connection, old: rules.City, new: rules.City, days: int, most: int) -> dict[str, Any]:
    """What the new rules would have made of the incidents of the last days."""
    with progress("trying the rules") as told:
        found = rerouting.rerouted(connection, (old.rules, new.rules), utcnow(), days, most=most, told=told)
    return to_dict(found, old.rules.routing, new.rules.routing)


def _show_tried(tried: dict[str, Any]) -> None:
    _list("tried on what was reported 规则试算", tried["text"])
    if tried["moves"]:
        head = ("from 原派往", "to 改派往", "examples 案卷", "by 原依据", "by 新依据", "incidents 件数")
        print_table("", head, [_move(one) for one in tried["moves"]], numbers=1)
    for key in ("sooner", "later"):
        if tried[key]["limits"]:
            limits = [(one["before"], one["after"], *_examples(one)) for one in tried[key]["limits"]]
            titles = (f"due {key}: limit 原时限", "new 新时限", "examples 案卷", "incidents 件数")
            print_table("", titles, limits, numbers=1)


def _move(one: dict[str, Any]) -> tuple[object, ...]:
    shown, many = _examples(one)
    by = [", ".join(dict.fromkeys(each[key] for each in one["examples"])) for key in ("before", "after")]
    names = (f"{one[f'{key}_zh']} ({one[key]})" for key in ("before", "after"))
    return (*names, shown, *by, many)


def _examples(one: dict[str, Any]) -> tuple[str, str]:
    return ", ".join(each["case_number"] for each in one["examples"]), f"{one['incidents']:,}"


def _list(title: str, lines: object) -> None:
    rows = [(str(line),) for line in lines]  # type: ignore[attr-defined]
    if rows:
        print_table("", (title,), rows)
