"""`gridgov closure`: the closure figures, the same as the API gives, and the incidents behind them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from typing import Final, Literal

import typer

from gridgov.cli import closure_options as options
from gridgov.cli.closure_shown import show, show_compared, show_incidents
from gridgov.cli.figures_source import statistics_of
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json
from gridgov.cli.reading import codes, in_force_of, moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.settings import Settings
from gridgov.statistics.comparing import compared
from gridgov.statistics.listing import listed
from gridgov.statistics.question import AS_RECORDED, Narrowed, Opening, Question, Reach
from gridgov.statistics.tables import compared_table, to_table
from gridgov.statistics.telling import told
from gridgov.statistics.wording import Words, question_of, specialised_of

#: Whoever may read the store's file is told of all of it.
_ALL: Final = (Reach(),)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(closure)


def closure(
    context: typer.Context,
    by: options.By = "none",
    period: options.PeriodName = None,
    start: options.Start = None,
    end: options.End = None,
    under: options.Under = None,
    edition: options.EditionName = None,
    department: options.Department = None,
    crew: options.Crew = None,
    category: options.Category = None,
    class_: options.ClassName = None,
    field: options.Field = None,
    channel: options.Channel = None,
    urgency: options.Urgency = None,
    inspector: options.Inspector = None,
    specialised: options.Specialised = None,
    more: options.More = None,
    compare: options.Compare = None,
    against: options.Against = None,
    as_of: options.AsOf = None,
    position: options.Position = None,
    open_: options.Opened = None,
    key: options.Key = None,
    after: options.After = 0,
    limit: options.Limit = 50,
    as_csv: options.AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Closure figures, each with its definition, numerator, denominator and interval. 结案率

    What lies in no grid is a row of its own, so that the rows add up to the total.
    """
    settings, zone = settings_of(context), _zone(context)
    narrowed = (department, crew, category, class_, field, channel, urgency, inspector)
    only = zip(_ONLY, narrowed, strict=True)
    words = Words(
        by=by,
        period=period,
        start=moment_of(start, zone, "--from"),
        end=moment_of(end, zone, "--to"),
        position=position,
        at=moment_of(as_of, zone, "--as-of"),
        edition=edition_of(edition),
        only=Narrowed(under=codes(under), specialised=specialised_of(specialised), **dict(only)),
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


#: Options that narrow a question down by a word each, by their names there.
_ONLY: Final = ("department", "crew", "category", "class_", "field", "channel", "urgency", "inspector")


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
    csv.writer(sys.stdout, lineterminator="\n").writerows(lines)


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
