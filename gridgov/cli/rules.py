"""`gridgov rules`: the routing rules in force, and why something goes where it goes. Reads only, also beside
a running server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from dispatch.categories import URGENCY_ZH, Urgency
from geodata.datum import Datum
from geodata.errors import check_point
from gridgov import explaining
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import EVERYTHING, codes, in_force_of, moment_of, reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput
from gridgov.explaining import Question
from gridgov.places import require_not_swapped
from gridgov.siting import SentPosition

rules = typer.Typer(
    no_args_is_help=True, help="Routing: the rules, and why something goes where it goes. 派遣规则"
)
#: What stands in the place of a rule's name where none decided, in Chinese.
NO_RULE_ZH: Final = {
    "category": "类别默认部门",
    "territorial": "属地兜底",
    "fallback": "兜底部门",
    "imported": "历史导入",
}
When = Annotated[str | None, typer.Option(help="A local date or time; left out, now.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(rules, name="rules", rich_help_panel=RULES)


@rules.command("list")
def list_(
    context: typer.Context,
    category: Annotated[
        str | None, typer.Option(help="Only what is for this category, by its key or an alias.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the routing rules in force, the most specific first. 派遣规则"""
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
    found = explaining.listed(in_force, category)
    if as_json:
        print_json({"rules": in_force.rules.version, "routing": found})
        return
    head = ("rule 规则", "for what, and whose 适用与归属", "co-handlers 协办", "priority 优先级")
    rows = [
        (one["name"], f"{one['text_zh']}\n{one['text']}", _several(one["co_handlers"]), one["priority"])
        for one in found
    ]
    print_table(f"rules 规则 version {in_force.rules.version}", head, rows or [("none 无", "", "", "")], 1)


@rules.command()
def explain(
    context: typer.Context,
    category: Annotated[str, typer.Option(help="Its key or an alias.", show_default=False)],
    at: Annotated[
        str | None, typer.Option(metavar="LON,LAT", help="A point in degrees: --at=-71.06,42.36")
    ] = None,
    datum: Annotated[
        Datum | None, typer.Option(help="What the degrees are counted from.", show_default="the city's")
    ] = None,
    accuracy: Annotated[float | None, typer.Option(min=0, help="Metres that the point may be off.")] = None,
    path: Annotated[str | None, typer.Option(help="A grid instead: its path, codes joined by /.")] = None,
    standard: Annotated[str | None, typer.Option(help="Code of a case standard of the category.")] = None,
    urgency: Annotated[
        Urgency | None, typer.Option(help="How urgent.", show_default="the standard's or the category's own")
    ] = None,
    channel: Annotated[str, typer.Option(help="How it came, such as hotline.")] = "",
    photos: Annotated[int, typer.Option(min=0, help="How many come with it.")] = 0,
    when: When = None,
    as_json: AsJson = False,
) -> None:
    """Tell whose something would be at a place and a moment, and why nobody else's. 派遣说明

    Of every rule that does not win, the first of its conditions that failed. Without a place it lies in no
    grid.
    """
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
    position = _point(at, datum, accuracy)
    require_not_swapped(in_force.atlas, position, in_force.city.datum)
    question = Question(
        category,
        moment_of(when, in_force.city.zone, "--when") or utcnow(),
        position,
        codes(path),
        standard,
        None if urgency is None else str(urgency),
        channel,
        photos,
    )
    found = explaining.to_dict(in_force, explaining.ask(in_force, question))
    if as_json:
        print_json(found)
    else:
        _show(found, in_force.city.zone)


@rules.command()
def why(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its case number or its id.")],
    when: Annotated[
        str | None,
        typer.Option(
            help="Ask the rules in force for this moment: a local date or time.",
            show_default="when it was last routed",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell why an incident went where it went, and what the rules in force would say of it now. 派遣依据"""
    with reader_of(settings_of(context)) as engine:
        in_force = in_force_of(engine)
        moment = moment_of(when, in_force.city.zone, "--when")
        found = explaining.of_incident(engine, in_force, EVERYTHING, incident, moment)
    if as_json:
        print_json(found)
        return
    _show_recorded(found, in_force.city.zone)
    if found["now"] is None:
        say(found["why_not"])
        return
    tell("")
    tell(f"the rules in force now 现行规则 version {found['rules']}:")
    _show(found["now"], in_force.city.zone)
    if found["moved"]:
        say("note: they would give it to another department than it was routed to 与当时派遣不同")


def _point(at: str | None, datum: Datum | None, accuracy: float | None) -> SentPosition | None:
    """The point written as LON,LAT; raises BadInput, BadPoint."""
    if at is None:
        return None
    try:
        lon, lat = map(float, at.split(","))
    except ValueError as error:
        raise BadInput(f"--at is {at!r}: expected degrees as LON,LAT, such as 113.9,22.55") from error
    check_point(lon, lat)
    return SentPosition(lon, lat, datum, accuracy)


def _show(found: dict[str, Any], zone: str) -> None:
    winner = found["winner"]
    print_table("", ("", ""), [(name, value) for name, value in _facts(found, zone) if value])
    tell("")
    tell(f"goes to 派往: {_department(winner)}")
    # The reason of a rule begins with its name.
    none = f"{_rule(winner['rule'])}: " if winner["rule"] in NO_RULE_ZH else ""
    tell(f"  by 依据: {none}{winner['reason']}")
    if winner["co_handlers"]:
        tell(f"  with 协办: {_several(winner['co_handlers'])}")
    if found["others"]:
        rows = [
            (one["rule"], one["department_zh"], f"{one['why_zh']}\n{one['why']}") for one in found["others"]
        ]
        print_table("", ("not by 未采用", "it goes to 归属", "because 原因"), rows)
    if found["elsewhere"]:
        tell(f"{found['elsewhere']} rules are about other categories, classes and fields 与本类别无关")


def _facts(found: dict[str, Any], zone: str) -> list[tuple[str, str]]:
    place, automatic = found["place"], found["automatic"]
    unsure = ", may still move 该年节假日未公布" if found["due_unconfirmed"] else ""
    stand_in = ", a stand-in 待定" if found["limit_is_default"] else ""
    rule = f"{automatic['rule']} ({automatic['does']}): " if automatic["rule"] else ""
    return [
        ("lies in 网格", _where(place)),
        ("may also lie in 邻近", ", ".join(place["near_border"])),
        ("responsible 属地", ", ".join(f"{one['level']} {_department(one)}" for one in found["units"])),
        ("specialised grids 专业网格", ", ".join(_specialised(one) for one in found["specialised"])),
        ("category 类别", f"{found['category_zh']} {found['category_en']} ({found['category']})"),
        ("case standard 立案标准", found["standard"] or ""),
        ("urgency 紧急程度", f"{URGENCY_ZH[Urgency(found['urgency'])]} {found['urgency']}"),
        ("channel 来源", found["channel"]),
        ("moment 时间", _local(found["moment"], zone)),
        ("limit 时限", f"{found['limit']}{stand_in}, calendar {found['calendar']}"),
        ("due if dispatched then 到期", _local(found["due_at"], zone) + unsure),
        ("automatic 自动", rule + ("takes it 自动处理" if automatic["takes"] else automatic["hindrance"])),
    ]


def _where(place: dict[str, Any]) -> str:
    if place["path"]:
        return f"{'/'.join(place['path'])} ({' > '.join(place['names'])}), edition {place['edition']}"
    if place["nearest"]:
        return (
            f"no grid 未定位; the nearest is {'/'.join(place['nearest'])}, {place['outside_m']:,.1f} m away"
        )
    return "no grid 未定位"


def _specialised(one: dict[str, Any]) -> str:
    team = f", {one['team']}" if one["team"] else ""
    return f"{one['field_zh']} {one['grid']} {one['name']}{team}"


def _show_recorded(found: dict[str, Any], zone: str) -> None:
    head = (
        "",
        "when 时间",
        "what 环节",
        "by 经办",
        "goes to 派往",
        "rule 依据",
        "because 原因",
        "rules 版本",
    )
    rows = [
        (
            *(one["number"], _local(one["recorded_at"], zone), one["kind"], one["by_name"] or one["by"]),
            *(_department(one), _rule(one["rule"]), one["reason"], one["rules"]),
        )
        for one in found["recorded"]
    ]
    print_table(f"case 案卷 {found['case_number']}", head, rows)


def _local(moment: str, zone: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)):%Y-%m-%d %a %H:%M} {zone}"


def _rule(name: str) -> str:
    return f"{NO_RULE_ZH[name]} {name}" if name in NO_RULE_ZH else f"rule 规则 {name}"


def _department(one: dict[str, Any]) -> str:
    return f"{one['department_zh']} ({one['department']})"


def _several(found: list[dict[str, Any]]) -> str:
    return ", ".join(map(_department, found))
