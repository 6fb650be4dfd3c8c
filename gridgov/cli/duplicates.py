"""`gridgov incidents duplicates`: what may be the same as an incident."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import EVERYTHING, in_force_of, reader_of, settings_of
from gridgov.duplicates import of_incident

HEAD = (
    "案卷号",
    "环节",
    "类别",
    "上报 reported",
    "",
    "可并入 can lead",
    "偏差 off",
    "并入 followers",
    "距离 m",
)


def register(incidents: typer.Typer) -> None:
    """Add this command to those of incidents."""
    incidents.command("duplicates")(duplicates)


def duplicates(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Case number or id.")],
    as_json: AsJson = False,
) -> None:
    """What may be the same as an incident: its category, within 50 m and 24 h. 并案建议

    The city's file may say otherwise, in [duplicates]. Nearest first. Nothing is joined: that is for a person
    to decide.
    """
    with reader_of(settings_of(context)) as engine:
        told = of_incident(engine, in_force_of(engine), EVERYTHING, case)
    if as_json:
        print_json(told)
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    zone = ZoneInfo(told["zone"])
    hours = f"{told['within_s'] / 3600:g}"
    near = f"{told['within_m']:g}"
    tell(
        f"{told['case_number']} {told['category_zh']}："
        f"{near} 米、{hours} 小时内{'同大类' if told['whole_class'] else '同类'} {told['count']} 件"
        f" within {near} m and {hours} h: {told['count']}"
    )
    if told["rows"]:
        print_table("", HEAD, [_cells(row, zone) for row in told["rows"]], numbers=2)
    if told["why_none_en"] is not None:
        say(f"{told['why_none_zh']} {told['why_none_en']}")
    if told["count"] > len(told["rows"]):
        say(f"the nearest {len(told['rows'])} are shown 仅显示最近 {len(told['rows'])} 件")


def _cells(row: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        row["case_number"],
        row["stage_zh"],
        row["category_zh"],
        f"{row['reported_at'].astimezone(zone):%m-%d %H:%M}",
        row["age_zh"],
        row["why_not_zh"] or "是 yes",
        row["off_zh"],
        str(row["followers"]),
        f"{row['distance_m']:.1f}",
    )
