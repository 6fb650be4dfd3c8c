"""`gridgov categories`: the categories in force and their case standards. Reads only."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gridgov import rules_told
from gridgov.cli.headings import RULES
from gridgov.cli.output import AsJson, print_json, print_table, say
from gridgov.cli.reading import in_force_of, reader_of, settings_of


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=RULES)(categories)


def categories(
    context: typer.Context,
    category: Annotated[
        str | None, typer.Argument(help="Only this one, by its key or an alias, with its case standards.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the categories in force, or the case standards of one. 类别与立案标准"""
    with reader_of(settings_of(context)) as engine:
        rules = in_force_of(engine).rules
    chosen = list(rules.categories) if category is None else [rules.categories.get(category)]
    told = [rules_told.category(rules, one) for one in chosen]
    like = rules_told.likeness(rules)
    if as_json:
        print_json({"rules": rules.version, "categories": told, "duplicates": like})
    elif category is None:
        head = (
            "key 编码",
            "name 名称",
            "urgency 紧急程度",
            "department 部门",
            "limit 时限",
            "standards 立案标准",
        )
        rows = [(*_named(one), _limit(one), len(one["standards"])) for one in told]
        print_table(f"rules 规则 version {rules.version}", head, rows, 1)
        say(f"{like['text_zh']} {like['text_en']}")
    else:
        _show(told[0])


def _named(one: dict[str, Any]) -> tuple[str, ...]:
    return one["key"], one["name_zh"], one["urgency_zh"], one["department"] or "–"


def _limit(one: dict[str, Any]) -> str:
    mark = " 待本市设定 the city's to set" if one["limit_is_default"] else ""
    return f"{one['limit']} {one['limit_zh']}{mark}"


def _show(one: dict[str, Any]) -> None:
    facts = [("under none of them 不属任一标准", _limit(one))]
    facts += [(name, one[name]) for name in ("urgency_zh", "department", "automatic", "origin") if one[name]]
    print_table(f"{one['name_zh']} {one['key']}", ("", ""), facts)
    head = (
        "case standard 立案标准",
        "condition 立案条件",
        "closing 结案条件",
        "limit 时限",
        "photos 照片",
        "origin 来源",
    )
    rows = [
        (
            norm["code"],
            _condition(norm),
            norm["closing_zh"] or norm["closing_en"],
            norm["limit_zh"],
            " ".join(f"{act} {many}" for act, many in norm["photos"].items()),
            norm["origin"],
        )
        for norm in one["standards"]
    ]
    print_table("", head, rows or [("none 无", "", "", "", "", "")])


def _condition(norm: dict[str, Any]) -> str:
    if "condition" in norm["to_set"]:
        return f"{rules_told.TO_SET_ZH['condition']} {rules_told.TO_SET_EN['condition']}"
    return str(norm["condition_zh"] or norm["condition_en"])
