"""The city's categories, case standards, fields, departments and calendars as the outside is shown them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import KIND_ZH, URGENCY_ZH, CaseStandard, Category
from dispatch.clocks import CLOCK_ZH, Clock, StageLimit
from dispatch.deadlines import UNIT_ZH, YEARS_AHEAD, Calendar, Limit
from dispatch.lifecycle import ROLE_ZH
from dispatch.routing import Department
from dispatch.routing_rules import fields_of
from dispatch.rules import Rules
from gridgov.calendars import unconfirmed
from gridgov.city_values import WEEK

#: What a case standard may leave to the city, in the order in which it is said.
TO_SET_ZH: Final = {"condition": "立案条件待本市设定", "limit": "时限待本市设定"}
TO_SET_EN: Final = {
    "condition": "the condition is the city's to set",
    "limit": "the limit is the city's to set",
}
DOES_ZH: Final = {Does.FILE: "自动立案", Does.DISPATCH: "自动立案并派遣"}


def category(rules: Rules, one: Category) -> dict[str, Any]:
    """A category with its case standards; what is filed under none of them has its own limit and so on."""
    return {
        "key": one.key,
        "standard": one.standard,
        "kind": str(one.kind),
        "kind_zh": KIND_ZH[one.kind],
        "code": one.code,
        "name_zh": one.name_zh,
        "name_en": one.name_en,
        "class": one.class_key,
        "class_zh": one.class_zh,
        "class_en": one.class_en,
        "fields": list(fields_of(one, rules.fields)),
        "urgency": str(one.urgency),
        "urgency_zh": URGENCY_ZH[one.urgency],
        "limit": str(one.limit),
        "limit_zh": limit_zh(one.limit),
        "limit_is_default": one.limit_is_default,
        "department": one.department,
        "calendar": one.calendar,
        "automatic": one.automatic,
        "aliases": list(one.aliases),
        "origin": one.origin,
        "standards": [standard(one, norm) for norm in one.standards],
    }


def standard(of: Category, one: CaseStandard) -> dict[str, Any]:
    """A case standard (立案标准); urgency and department are the category's where it has none of its own.

    ``to_set`` names what is the city's to set, because the list it comes from does not tell it.
    """
    urgency = one.urgency or of.urgency
    left = to_set(one)
    return {
        "code": one.code,
        "condition_zh": one.condition_zh,
        "condition_en": one.condition_en,
        "closing_zh": one.closing_zh,
        "closing_en": one.closing_en,
        "limit": str(one.limit),
        "limit_zh": limit_zh(one.limit),
        "limit_is_default": one.limit_is_default,
        "urgency": str(urgency),
        "urgency_zh": URGENCY_ZH[urgency],
        "department": one.department or of.department,
        "calendar": one.calendar,
        "photos": dict(one.photos),
        "automatic": one.automatic,
        "origin": one.origin,
        "to_set": left,
        "to_set_zh": "，".join(TO_SET_ZH[what] for what in left),
        "to_set_en": ", ".join(TO_SET_EN[what] for what in left),
    }


def to_set(one: CaseStandard) -> list[str]:
    """What of a case standard is the city's to set.

    >>> to_set(CaseStandard("2eh", Limit.parse("2eh"), origin="cn2026"))
    ['condition']
    """
    left = {"condition": one.condition_is_missing, "limit": one.limit_is_default}
    return [what for what, missing in left.items() if missing]


def limit_zh(limit: Limit) -> str:
    """A limit in Chinese.

    >>> limit_zh(Limit.parse("4wh"))
    '4工作小时'
    """
    return f"{limit.amount}{UNIT_ZH[limit.unit]}"


def classes(rules: Rules) -> list[dict[str, Any]]:
    """The classes of categories, each with how many it has."""
    return [
        {
            "key": key,
            "kind": str(members[0].kind),
            "name_zh": members[0].class_zh,
            "name_en": members[0].class_en,
            "categories": len(members),
        }
        for key, members in rules.categories.classes.items()
    ]


def fields(rules: Rules) -> list[dict[str, Any]]:
    """The fields (专业领域), each with the keys of its classes and categories."""
    return [
        {
            "key": one.key,
            "name_zh": one.name_zh,
            "name_en": one.name_en,
            "classes": sorted(one.classes),
            "categories": sorted(one.categories),
        }
        for one in rules.fields.values()
    ]


def automatic(one: AutomaticRule) -> dict[str, Any]:
    """A rule by which reports are filed, and perhaps dispatched, without a human hand."""
    return {
        "name": one.name,
        "does": str(one.does),
        "does_zh": DOES_ZH[one.does],
        "channels": sorted(one.channels),
        "photos": one.photos,
        "near_border": one.near_border,
    }


def department(one: Department) -> dict[str, Any]:
    """A department; ``parent`` is whose branch it is, for the ground ``under`` a grid path."""
    return {
        "code": one.code,
        "name_zh": one.name_zh,
        "name_en": one.name_en,
        "parent": one.parent,
        "under": list(one.under),
        "crews": [asdict(crew) for crew in one.crews],
    }


def calendars(rules: Rules, now: datetime) -> list[dict[str, Any]]:
    """The calendars, the city's first, under the key "".

    ``unconfirmed``: the years from this one on whose days off nobody has published yet, as far as an end is
    looked for; a deadline in them may move.
    """
    named = {"": rules.calendar, **rules.calendars}
    return [_calendar(key, one, now) for key, one in named.items()]


def _calendar(key: str, one: Calendar, now: datetime) -> dict[str, Any]:
    year = now.astimezone(one.tz).year
    return {
        "key": key,
        "zone": one.zone,
        "hours": [
            f"{a:%H:%M}-{'24:00' if not any((b.hour, b.minute)) else f'{b:%H:%M}'}" for a, b in one.hours
        ],
        "week": [WEEK[day] for day in sorted(one.week)],
        "days_off": sorted(day.isoformat() for day in one.days_off if day.year >= year),
        "workdays": sorted(day.isoformat() for day in one.workdays if day.year >= year),
        "unconfirmed": list(unconfirmed(one, year, year + YEARS_AHEAD)),
    }


def clocks(rules: Rules) -> dict[str, Any]:
    """How long each stage may take, and who is asked where it took longer."""
    stages = [clock for clock in Clock if clock is not Clock.HANDLING]
    return {
        "clocks": [
            {"clock": str(clock), "clock_zh": CLOCK_ZH[clock], **_stage(rules.clocks.of(clock))}
            for clock in stages
        ],
        "task": _stage(rules.clocks.task),
        "warn_percent": rules.clocks.warn_percent,
        "escalation": {
            "clocks": [str(clock) for clock in Clock if clock in rules.ladder.clocks],
            "steps": [
                {
                    "level": step.level,
                    "roles": sorted(map(str, step.roles)),
                    "roles_zh": [ROLE_ZH[role] for role in sorted(step.roles)],
                    **_stage(step.answer_within),
                }
                for step in rules.ladder.steps
            ],
        },
    }


def likeness(rules: Rules) -> dict[str, Any]:
    """How near and how soon after each other two reports may be of the same thing."""
    like = rules.likeness
    one_zh, one_en = ("同一大类", "one class") if like.whole_class else ("同一类别", "one category")
    return {
        "within_m": like.within_m,
        "within": str(like.within),
        "whole_class": like.whole_class,
        "text_zh": f"并案建议：{one_zh}，{like.within_m:g} 米、{limit_zh(like.within)}内",
        "text_en": f"suggested as the same: of {one_en}, within {like.within_m:g} m and {like.within}",
    }


def _stage(stage: StageLimit) -> dict[str, str]:
    return {"limit": str(stage.limit), "limit_zh": limit_zh(stage.limit), "calendar": stage.calendar}
