"""`gridgov closure`: the closure figures, the same as the API gives, and the incidents behind them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from typing import Annotated, Final, Literal

import typer

from gridgov.cli.closure_shown import show, show_compared, show_incidents
from gridgov.cli.figures_source import statistics_of
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json
from gridgov.cli.reading import codes, in_force_of, moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.exporting import cell
from gridgov.settings import Settings
from gridgov.statistics.comparing import compared
from gridgov.statistics.listing import listed
from gridgov.statistics.periods import EXPECTED
from gridgov.statistics.question import AS_RECORDED, MORE, Narrowed, Opening, Question, Reach
from gridgov.statistics.tables import compared_table, to_table
from gridgov.statistics.telling import told
from gridgov.statistics.wording import Words, question_of, specialised_of

Text = str | None
#: Whoever may read the store's file is told of all of it.
_ALL: Final = (Reach(),)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(closure)


def closure(
    context: typer.Context,
    by: Annotated[
        str,
        typer.Option(
            help="none, department, crew, category, class, field, channel, urgency, inspector; day, week,"
            " month, quarter, year; the key of a level, or that of a layer of specialised grids."
        ),
    ] = "none",
    period: Annotated[Text, typer.Option(help=f"The period: {EXPECTED}.")] = None,
    start: Annotated[Text, typer.Option("--from", help="Its start instead: a local date or time.")] = None,
    end: Annotated[Text, typer.Option("--to", help="Its end, not included.")] = None,
    under: Annotated[Text, typer.Option(help="Only within this grid: its path, codes joined by /.")] = None,
    edition: Annotated[
        Text,
        typer.Option(
            help="Whose levels and grids: the number of an edition, as_recorded for every incident where it"
            " was recorded; left out, the edition in force at the period's end."
        ),
    ] = None,
    department: Annotated[Text, typer.Option(help="Only of this department.")] = None,
    crew: Annotated[Text, typer.Option(help="Only of this crew.")] = None,
    category: Annotated[Text, typer.Option(help="Only in this category.")] = None,
    class_: Annotated[Text, typer.Option("--class", help="Only in this class of categories.")] = None,
    field: Annotated[Text, typer.Option(help="Only in this field of governance.")] = None,
    channel: Annotated[Text, typer.Option(help="Only what came this way.")] = None,
    urgency: Annotated[Text, typer.Option(help="Only of this urgency.")] = None,
    inspector: Annotated[Text, typer.Option(help="Only reported by the inspector of this id.")] = None,
    specialised: Annotated[Text, typer.Option(help="Only within this specialised grid: layer/code.")] = None,
    more: Annotated[Text, typer.Option(help=f"Besides, joined by commas: {', '.join(MORE)}.")] = None,
    compare: Annotated[
        Text, typer.Option(help="Beside it: previous, year_before, or another period.")
    ] = None,
    against: Annotated[Text, typer.Option(help="Beside it: another grid, instead of --under.")] = None,
    as_of: Annotated[Text, typer.Option("--as-of", help="As it stood at this local date or time.")] = None,
    position: Annotated[
        int | None,
        typer.Option(min=0, help="As it stood at this position; with --as-of, those of a printed report."),
    ] = None,
    open_: Annotated[
        Text, typer.Option("--open", help="The incidents behind this count, such as closed or due.")
    ] = None,
    key: Annotated[
        Text, typer.Option(help="Of this group only, with --open; '' is the row that has no key.")
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Where the page before ended, with --open.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, with --open.")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: AsJson = False,
) -> None:
    """Closure figures, each with its definition, numerator, denominator and interval. 结案率

    What lies in no grid is a row of its own, so that the rows add up to the total.
    """
    settings, zone = settings_of(context), _zone(context)
    words = Words(
        by=by,
        period=period,
        start=moment_of(start, zone, "--from"),
        end=moment_of(end, zone, "--to"),
        position=position,
        at=moment_of(as_of, zone, "--as-of"),
        edition=edition_of(edition),
        only=Narrowed(
            under=codes(under),
            department=department,
            crew=crew,
            category=category,
            class_=class_,
            field=field,
            channel=channel,
            urgency=urgency,
            inspector=inspector,
            specialised=specialised_of(specialised),
        ),
        more=tuple(more.split(",")) if more else (),
    )
    question = question_of(words, zone, utcnow(), _ALL)
    if open_ is not None:
        opening = Opening(
            question=question, count=open_, key=key or None, total=key is None, after=after, limit=limit
        )
        _open(settings, opening, as_csv=as_csv, as_json=as_json)
    elif compare is not None or against is not None:
        beside = None if against is None else codes(against)
        _compare(settings, question, zone, compare, beside, as_csv=as_csv, as_json=as_json)
    else:
        _ask(settings, question, zone, as_csv=as_csv, as_json=as_json)


def _zone(context: typer.Context) -> str:
    with reader_of(settings_of(context)) as engine:
        return in_force_of(engine).city.zone


def _ask(settings: Settings, question: Question, zone: str, *, as_csv: bool, as_json: bool) -> None:
    with statistics_of(settings) as statistics:
        found = told(statistics, question, zone)
    if as_json:
        print_json(found)
    elif as_csv:
        _write(to_table(found))
    else:
        show(found)


def _compare(
    settings: Settings,
    question: Question,
    zone: str,
    period: str | None,
    under: tuple[str, ...] | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    with statistics_of(settings) as statistics:
        found = compared(statistics, question, zone, period, under)
    if as_json:
        print_json(found)
    elif as_csv:
        _write(compared_table(found))
    else:
        show_compared(found)


def _open(settings: Settings, opening: Opening, *, as_csv: bool, as_json: bool) -> None:
    with statistics_of(settings) as statistics, reader_of(settings) as engine:
        found = listed(statistics, engine, opening)
    if as_json:
        print_json(found)
    else:
        show_incidents(found, as_csv=as_csv)


def _write(lines: Iterable[Iterable[str]]) -> None:
    rows = [[cell(value) for value in line] for line in lines]
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


def edition_of(text: str | None) -> int | Literal["as_recorded"] | None:
    """An edition's number, or `as_recorded`; raises BadInput.

    >>> edition_of("2"), edition_of("as_recorded"), edition_of(None)
    (2, 'as_recorded', None)
    """
    if text is None:
        return None
    if text == AS_RECORDED:
        return "as_recorded"
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"--edition is {text!r}: expected the number of an edition, or {AS_RECORDED}")
    return int(text)
