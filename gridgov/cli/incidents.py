"""`gridgov incidents`: another system's history in, our incidents out, and the file of one."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dispatch.lifecycle import Stage
from gridgov import exporting
from gridgov.cli import casefiles, duplicates
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, Told, print_json, print_table, progress, say
from gridgov.cli.reading import in_force_of, moment_of, path_ever, reader_of, settings_of
from gridgov.errors import BadInput
from gridgov.importing.mapping import read_mapping
from gridgov.importing.run import Foresight, Result, Send, bring_in, refused_rows
from gridgov.importing.tables import Table
from gridgov.operating import operator
from gridgov.settings import Settings
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import Wanted

incidents = typer.Typer(
    no_args_is_help=True, help="Incidents: import a history, export, one file of one. 案卷"
)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    casefiles.register(incidents)
    duplicates.register(incidents)
    app.add_typer(incidents, name="incidents", rich_help_panel=INCIDENTS)


@incidents.command("import")
def import_(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE.csv", help="A CSV file, or one that ends in .gz.", exists=True, dir_okay=False
        ),
    ],
    mapping: Annotated[
        Path,
        typer.Option(help="The mapping file: which column is what.", exists=True, dir_okay=False),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    refused: Annotated[
        Path | None,
        typer.Option(help="File for the refused rows, each with its reason.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import another system's incidents, silently: no clock, task or message starts from them.

    Every row is imported, set aside by a rule of the mapping, or refused with a reason; all is counted.
    Importing the same rows again changes nothing. Exit code 1 where rows were refused.
    """
    settings = settings_of(context)
    if refused is not None and refused.exists() and any(refused.samefile(file) for file in (table, mapping)):
        raise BadInput(f"--refused would overwrite {refused}, which is read: name another file")
    read = read_mapping(mapping.read_text(encoding="utf-8"), mapping.name)
    with reader_of(settings) as engine:
        rows = Table(table, read, mapping.name, in_force_of(engine))
        result = _run(rows, Foresight(engine), refused) if dry_run else _write(settings, rows, refused)
    if as_json:
        print_json(_plain(result, dry_run))
    else:
        _show(result, dry_run)
    if result.refused:
        where = f"they are in {refused}" if refused else "--refused FILE writes them down with their reasons"
        say(f"rows that {'would be' if dry_run else 'were'} refused: {result.refused}; {where}")
        raise typer.Exit(1)


def _write(settings: Settings, rows: Table, refused: Path | None) -> Result:
    with operator(settings) as hand:
        return _run(rows, hand.import_rows, refused)


def _run(rows: Table, send: Send, refused: Path | None) -> Result:
    with refused_rows(refused, rows) as file, progress(f"importing {rows.path.name}") as told:
        return bring_in(rows, send, file, _teller(told))


def _teller(told: Told) -> Any:
    return lambda result: told(result.imported + result.repeated + result.refused, None)


def _plain(result: Result, dry_run: bool) -> dict[str, Any]:
    tally = result.tally
    return {
        "dry_run": dry_run,
        "read": tally.read,
        "imported": result.imported,
        "repeated": result.repeated,
        "refused": {"total": result.refused, "by_reason": dict(tally.refused + result.refused_by_store)},
        "set_aside": {"total": tally.set_aside.total(), "by_rule": dict(tally.set_aside)},
        "to_import": {"total": tally.to_import, "closed": tally.closed, "marks": dict(tally.marks)},
        "positions": {
            "stated": tally.positions,
            "without": tally.read - tally.positions,
            "outside": tally.outside,
        },
        "agreement": {name: asdict(one) | {"share": one.share} for name, one in tally.agreement.items()},
    }


def _show(result: Result, dry_run: bool) -> None:
    tally = result.tally
    lines: list[tuple[str, str]] = [
        ("rows read", f"{tally.read:,}"),
        ("would be imported" if dry_run else "imported", f"{result.imported:,}"),
        ("there already, unchanged", f"{result.repeated:,}"),
    ]
    counted = [
        *((f"set aside: {name}", n) for name, n in tally.set_aside.most_common()),
        *((f"refused: {name}", n) for name, n in (tally.refused + result.refused_by_store).most_common()),
        *((f"marked: {name}", n) for name, n in tally.marks.most_common()),
        ("without a position", tally.read - tally.positions),
        ("outside every grid", tally.outside),
    ]
    lines += [(name, f"{n:,}") for name, n in counted]
    for name, one in tally.agreement.items():
        share = "–" if one.share is None else f"{one.share:.2%}"
        lines.append((f"{name} agrees with the {one.level} located", f"{share} of {one.stated:,}"))
    print_table("what would happen" if dry_run else "", ("", "rows"), lines, numbers=1)
    if not dry_run and not result.imported and not result.refused:
        say("nothing changed: all of it had been imported before")


@incidents.command()
def export(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; left out, standard output.", dir_okay=False),
    ] = None,
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    stage: Annotated[Stage | None, typer.Option(help="Only in this stage.")] = None,
    department: Annotated[str | None, typer.Option(help="Only of this department.")] = None,
    reported_from: Annotated[
        str | None,
        typer.Option("--from", help="Reported at or after: a local date or time."),
    ] = None,
    reported_to: Annotated[str | None, typer.Option("--to", help="Reported before.")] = None,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="With addresses, which are citizens' words.")
    ] = False,
) -> None:
    """Write incidents as CSV, in the order they came in; without words of citizens."""
    with reader_of(settings_of(context)) as engine:
        zone = in_force_of(engine).city.zone
        wanted = Wanted(
            stage=stage,
            under=path_ever(under, engine),
            department=department,
            reported_from=moment_of(reported_from, zone, "--from"),
            reported_to=moment_of(reported_to, zone, "--to"),
        )
        with snapshot(engine) as connection, progress("writing incidents") as told:
            total = exporting.count(connection, wanted)
            rows = _counted(exporting.lines(connection, wanted), told, total)
            if output is None:
                exporting.write_csv(rows, sys.stdout, addresses=addresses)
            else:
                with closing(output.open("w", encoding="utf-8", newline="")) as file:
                    exporting.write_csv(rows, file, addresses=addresses)


def _counted(rows: Any, told: Told, total: int) -> Any:
    for done, row in enumerate(rows, 1):
        if done % 500 == 0 or done == total:
            told(done, total)
        yield row
