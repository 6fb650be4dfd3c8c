"""`gridgov returns`: what departments returned, and who took it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from dispatch.closure import Period
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import EVERYTHING, in_force_of, moment_of, path_ever, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.due_times import hours
from gridgov.exporting import cell
from gridgov.returns import NONE, TOTAL_ZH, to_table
from gridgov.returns import returns as returned

HEAD = (
    "退回部门 from",
    "接手部门 to",
    "次数 returns",
    "退回前在手 held h:m",
    "接手用时 until taken h:m",
)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(returns)


def returns(
    context: typer.Context,
    start: Annotated[
        str | None, typer.Option("--from", help="Returned at or after: a local date or time.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Returned before.")] = None,
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: AsJson = False,
) -> None:
    """Returns for each pair of departments: who sent back, who took it, how long both took. 退回与推诿

    Times held and until taken are medians, as time passes, nights and days off included.
    """
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
        zone = in_force.city.zone
        period = Period(moment_of(start, zone, "--from"), moment_of(end, zone, "--to"))
        told = returned(engine, in_force, EVERYTHING, period, path_ever(under, engine), utcnow())
    if as_json:
        print_json(told)
    elif as_csv:
        rows = [[cell(value) for value in line] for line in to_table(told)]
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    else:
        _show(told)


def _show(told: Mapping[str, Any]) -> None:
    total = told["total"]
    tell(
        f"退回 returns {total['count']}  无部门接手 taken by nobody {total['untaken']}"
        f"  又派回原部门 back to the same {total['back']}"
    )
    if told["pairs"]:
        pairs = [_line(one, one["to_zh"]) for one in told["pairs"]]
        sums = [_line(one, TOTAL_ZH) for one in told["departments"]]
        print_table("", HEAD, [*pairs, *sums, _line(total | {"from_zh": TOTAL_ZH}, TOTAL_ZH)], numbers=3)
    for one in told["definitions"]:
        say(f"{one['name_zh']} {one['name_en']}: {one['formula']}")
    say(f"as of position {told['position']}")


def _line(one: Mapping[str, Any], to: str) -> tuple[str, ...]:
    times = (one["held_s"], one["median_s"])
    told = [NONE if time is None else hours(timedelta(seconds=time)) for time in times]
    return (one["from_zh"], to, str(one["count"]), *told)
