"""`gridgov due`: when something is due and why, for a clerk who is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from dispatch.deadlines import UNIT_ZH
from dispatch.reckoning import DAY_ZH, Day
from gridgov.city import current
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.due_times import COUNTS_EN, COUNTS_ZH, Answered, Asked, due_dict, due_time, hours
from gridgov.storage.errors import NoRulesYet

WEEKDAY_ZH: Final = "一二三四五六日"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(due)


def due(
    context: typer.Context,
    limit: Annotated[
        str | None, typer.Argument(help="A time limit such as 2wd, 4wh, 2eh, 3ed, 15wm.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Instead of a limit: that of this category, by key or alias.")
    ] = None,
    standard: Annotated[str | None, typer.Option(help="The case standard of that category.")] = None,
    start: Annotated[
        str | None,
        typer.Option(help="When it starts, in the city's time, such as '2026-03-06 17:55'; left out, now."),
    ] = None,
    calendar: Annotated[str | None, typer.Option(help="The key of another calendar than its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """When something is due and why: what of each day counted. 期限如何算出

    Nights, days off and make-up workdays are told one by one, with a warning where the days off of a year
    are not published yet.
    """
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        city = current(connection)
    if city is None:
        raise NoRulesYet("there are no rules yet: bring them in with `gridgov city apply`")
    begins = moment_of(start, city.facts.zone, "--start") or utcnow()
    found = due_time(city.rules, Asked(limit, category, standard, calendar), begins)
    if as_json:
        print_json(due_dict(found))
    else:
        _show(found)


def _show(told: Answered) -> None:
    found, zone = told.reckoning, told.by.tz
    unit = found.limit.unit
    if told.category is not None:
        tell(f"类别 category  {told.category} {told.standard or ''}".rstrip())
    tell(f"时限 limit     {found.limit}  {found.limit.amount}{UNIT_ZH[unit]}  {COUNTS_ZH[unit]}")
    tell(f"               {COUNTS_EN[unit]}")
    tell(f"日历 calendar  {told.calendar or '本市 city'}  {told.by.zone}")
    tell(f"起点 start     {_local(found.start, zone)}")
    if found.counts_from != found.start:
        tell(f"起算 counts    {_local(found.counts_from, zone)}")
    print_table(
        "", ("日期 date", "星期", "", "时段 hours", "计入 counted", "累计 spent"), _rows(told), numbers=2
    )
    tell(f"预警 warning   {_local(found.warn_at, zone)}")
    tell(f"到期 due       {_local(found.due_at, zone)}")
    if told.limit_is_default:
        say("nobody stated this limit: it is the city's to set 该时限为默认值，由本市设定")
    if found.unconfirmed_year:
        say(
            "the days off of a year it runs through are not published: the end may move"
            " 所涉年份的放假安排尚未公布，期限可能变动"
        )


def _rows(told: Answered) -> list[tuple[str, ...]]:
    return [
        (
            day.date.isoformat(),
            WEEKDAY_ZH[day.date.weekday()],
            f"{DAY_ZH[day.kind]} {day.kind.replace('_', ' ')}{'' if day.confirmed else ' ?'}",
            _stretches(day, told.by.tz),
            hours(day.counted) if day.counted else "–",
            hours(day.spent),
        )
        for day in told.reckoning.days
    ]


def _stretches(day: Day, zone: ZoneInfo) -> str:
    """From when to when it counted, by the clock on the wall; midnight at the end is 24:00."""
    return "  ".join(
        f"{begin.astimezone(zone):%H:%M}-"
        + (f"{end.astimezone(zone):%H:%M}" if end.astimezone(zone).date() == day.date else "24:00")
        for begin, end in day.stretches
    )


def _local(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M}{f':{local:%S}' if local.second else ''} 星期{WEEKDAY_ZH[local.weekday()]}"
