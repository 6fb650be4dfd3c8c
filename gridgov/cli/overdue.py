"""`gridgov overdue`: what is yellow or red now, for whoever has to see to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dispatch.clocks import Clock
from dispatch.readings import Colour
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import EVERYTHING, in_force_of, path_ever, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.due_times import hours
from gridgov.overdue import MOST, USUAL, Pressing
from gridgov.overdue import overdue as pressing

HEAD = (
    *("案卷号", "颜色", "环节", "时限", "类别", "网格", "部门", "升级 escalated", "答复期限"),
    *("到期 due", "超期 late"),
)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(overdue)


def overdue(
    context: typer.Context,
    red: Annotated[bool, typer.Option("--red", help="Only what is past its end.")] = False,
    clock: Annotated[Clock | None, typer.Option(help="Only clocks of this stage.")] = None,
    under: Annotated[
        str | None, typer.Option(help="Only within this grid: its path, codes joined by /.")
    ] = None,
    department: Annotated[str | None, typer.Option(help="Only what belongs to this department.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Rows to show.")] = USUAL,
    as_json: AsJson = False,
) -> None:
    """What is yellow or red now, the longest overdue first. 预警与超期

    By how much, in the limit's own kind of time (working time stands still at night), whose it is, who was
    asked to answer and until when. The totals count all of it.
    """
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
        wanted = Pressing(red, clock, path_ever(under, engine), department)
        told = pressing(engine, in_force, EVERYTHING, wanted, utcnow(), limit=limit)
    if as_json:
        print_json(told | {"next": None, "more": told["next"] is not None})
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    zone, totals = ZoneInfo(told["zone"]), told["totals"]
    parts = [f"{one['clock_zh']} {one['red']}/{one['yellow']}" for one in totals["by_clock"]]
    tell(f"超期 overdue {totals['red']}  预警 warning {totals['yellow']}  {'  '.join(parts)}".rstrip())
    if told["rows"]:
        print_table("", HEAD, [_cells(row, zone) for row in told["rows"]], numbers=1)
    if told["next"] is not None:
        say(f"the first {len(told['rows'])} are shown 仅显示前 {len(told['rows'])} 件: --limit shows more")


def _cells(row: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    asked = row["escalated"]
    return (
        row["case_number"],
        f"{row['colour_zh']} {'超期' if row['colour'] == Colour.RED else '预警'}",
        row["clock_zh"],
        row["limit"],
        row["category_zh"],
        "/".join(row["grids"][-2:]) or "未定位",
        row["lead_zh"] or row["department_zh"],
        "" if asked is None else f"{asked['grid'] or asked['level_zh']} {'、'.join(asked['roles_zh'])}",
        "" if asked is None else _answer(asked, zone),
        _local(row["due_at"], zone),
        hours(timedelta(seconds=-row["remaining_s"])),
    )


def _answer(asked: dict[str, Any], zone: ZoneInfo) -> str:
    """Until when it is to be answered, or by whom it was."""
    if asked["acknowledged_by"] is not None:
        return f"已确认 {asked['acknowledged_by_name'] or asked['acknowledged_by']}"
    return "无 none" if asked["answer_by"] is None else _local(asked["answer_by"], zone)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%m-%d %H:%M}"
