"""`gridgov closure`: the closure figures, the same as the API gives."""

from __future__ import annotations

import csv
import sys
from typing import Annotated, Any

import typer

from dispatch.closure import Period
from dispatch.figures import DEFINITIONS
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json, print_table, say
from gridgov.cli.reading import EVERYTHING, codes, in_force_of, moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.statistics.closure import Closure, Group, to_dict, to_table
from gridgov.statistics.closure import closure as figures_of
from gridgov.statistics.drawing import AS_RECORDED, Edition
from gridgov.storage.incidents import Wanted


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(closure)


def closure(
    context: typer.Context,
    by: Annotated[
        str, typer.Option(help="none, department, category, channel, urgency, or the key of a level.")
    ] = "none",
    start: Annotated[
        str | None, typer.Option("--from", help="Start of the period: a local date or time.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Its end, not included.")] = None,
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    edition: Annotated[
        str | None,
        typer.Option(
            help="Whose levels and grids: the number of an edition, as_recorded for every incident where it"
            " was recorded; left out, the edition in force at the period's end."
        ),
    ] = None,
    department: Annotated[str | None, typer.Option(help="Only of this department.")] = None,
    category: Annotated[str | None, typer.Option(help="Only in this category.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: AsJson = False,
) -> None:
    """Closure figures, each with its definition, numerator and denominator. 结案率

    What lies in no grid is a row of its own, so that the rows add up to the total.
    """
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
        zone = in_force.city.zone
        period = Period(moment_of(start, zone, "--from"), moment_of(end, zone, "--to"))
        wanted = Wanted(under=codes(under), department=department, category=category)
        drawn = edition_of(edition)
        found = figures_of(engine, in_force, EVERYTHING, by, period, wanted, utcnow(), drawn)
    if as_json:
        print_json(to_dict(found))
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(to_table(found))
    else:
        _show(found)


#: The figures shown to people; the others are in --json and --csv.
SHOWN = ("closed_of_reported", "closure", "on_time_closure", "on_time_of_targeted", "automatic")


def _show(found: Closure) -> None:
    head = ["", "", "reported", "closed", "open", "rejected", "cancelled", "joined", "self-handled"]
    for key in SHOWN:
        head += [DEFINITIONS[key].name_zh, "%"]
    rows = [_line(group) for group in (*found.groups, found.total)]
    print_table("", head, rows, numbers=len(head) - 2)
    for key in SHOWN:
        one = DEFINITIONS[key]
        say(f"{one.name_zh} {one.name_en}: {one.formula}")
    without = found.total.tally.without_limit
    say(f"without a limit, in no on-time figure: {without:,}")
    say(f"suspended now, and so not due: {found.total.tally.suspended:,}")
    say(f"as of position {found.position}, {_drawn(found)}, rules {found.rules}")


def _drawn(found: Closure) -> str:
    """Whose grids these are, and what had to be carried over."""
    if found.edition is None:
        return "each incident in the edition it was recorded in"
    again = (
        f" (recorded in another and located again: {found.located_again:,})" if found.located_again else ""
    )
    return f"edition {found.edition} {found.edition_name}{again}"


def edition_of(text: str | None) -> Edition:
    """An edition's number, or `as_recorded`; raises BadInput.

    >>> edition_of("2"), edition_of("as_recorded"), edition_of(None)
    (2, 'as_recorded', None)
    """
    if text is None:
        return None
    if text == AS_RECORDED:
        return AS_RECORDED
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"--edition is {text!r}: expected the number of an edition, or {AS_RECORDED}")
    return int(text)


def _line(group: Group) -> list[Any]:
    tally = group.tally
    line: list[Any] = [
        group.key or "",
        group.name_zh,
        f"{tally.reported:,}",
        f"{tally.closed:,}",
        f"{tally.open:,}",
        f"{tally.rejected:,}",
        f"{tally.cancelled:,}",
        f"{tally.joined:,}",
        f"{tally.self_handled:,}",
    ]
    shown = {figure.key: figure for figure in group.figures}
    for key in SHOWN:
        figure = shown[key]
        line += [f"{figure.numerator:,} / {figure.denominator:,}", figure.percent()]
    return line
