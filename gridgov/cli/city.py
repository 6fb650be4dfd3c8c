"""`gridgov city`: the city's rules as one commented TOML file, planned, applied and given back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gridgov import city as rules
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, say
from gridgov.cli.reading import reader_of, settings_of
from gridgov.errors import ServiceError
from gridgov.operating import operator
from gridgov.storage.errors import NoRulesYet

city = typer.Typer(no_args_is_help=True, help="The city's rules: plan, apply, export. 城市规则")
CityFile = Annotated[Path, typer.Argument(metavar="CITY.toml", exists=True, dir_okay=False, readable=True)]


class NotPlanned(ServiceError):
    """These rules cannot come into force as things stand."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(city, name="city", rich_help_panel=RULES)


@city.command()
def plan(context: typer.Context, file: CityFile, as_json: AsJson = False) -> None:
    """Show what applying a file would change, and what would stand in its way. Changes nothing."""
    new = rules.parse(rules.read_file(file), 0)
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        old, left = rules.current(connection), rules.stranded(connection, new)
        notes = rules.notes_in_store(connection, new)
    changes, effects = rules.plan(old, new), rules.effects(old, new)
    if as_json:
        print_json(
            {
                "version": old.version if old else 0,
                "changes": [asdict(change) for change in changes],
                "effects": [asdict(effect) for effect in effects],
                "notes": list(notes),
                "stranded": [asdict(one) for one in left],
            }
        )
    else:
        title = f"against version {old.version}" if old else "the first rules of this installation"
        print_table(title, ("change",), [(str(change),) for change in changes] or [("none",)])
        _list("from now on goes elsewhere", effects)
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


def _list(title: str, lines: object) -> None:
    rows = [(str(line),) for line in lines]  # type: ignore[attr-defined]
    if rows:
        print_table("", (title,), rows)
