"""What a routing rule is for, whose that is, and what it failed at, in Chinese, for clerks who are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dispatch.categories import URGENCY_ZH
from dispatch.routing import RoutingRule
from dispatch.rules import Rules
from geodata.grids import Hierarchy
from gridgov.in_force import grid_name

_DAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
#: What a rule failed at, by `dispatch.routing.Failed.condition`.
_FAILED: Final[Mapping[str, str]] = {
    "subject": "适用于其他类别",
    "specialised": "不在其专业网格内",
    "under": "不在其网格范围内",
    "time": "不在其时段内",
    "urgency": "紧急程度不符",
    "channel": "来源渠道不符",
    "territorial": "该层级没有属地单位",
    "rank": "条件均符合，但有更具体的规则",
}


def failed(condition: str) -> str:
    """What a rule failed at.

    >>> failed("time")
    '不在其时段内'
    """
    return _FAILED[condition]


def sentence(rules: Rules, hierarchy: Hierarchy, rule: RoutingRule) -> str:
    """What a rule is for, and whose that is: ``新安街道 私搭乱建 → 新安街道办事处``."""
    where = [] if not rule.under else [" > ".join(_names(hierarchy, rule.under))]
    parts = [*where, *_place(rule), _subject(rules, rule), *_when(rule), *_how(rule)]
    return f"{' '.join(parts)} → {_taker(rules, hierarchy, rule)}"


def _names(hierarchy: Hierarchy, path: tuple[str, ...]) -> list[str]:
    """The names of the grids below the widest, which all lie in; the widest where it is that itself."""
    return [grid_name(hierarchy, path[:depth]) for depth in range(min(2, len(path)), len(path) + 1)]


def _subject(rules: Rules, rule: RoutingRule) -> str:
    if rule.category is not None:
        return rules.categories.get(rule.category).name_zh
    if rule.category_class is not None:
        first = rules.categories.classes[rule.category_class][0]
        return f"{first.class_zh or first.class_code}（大类）"
    if rule.field is not None:
        return f"{rules.fields[rule.field].name_zh}（专业领域）"
    return "所有类别"


def _place(rule: RoutingRule) -> list[str]:
    if rule.specialised is None:
        return []
    field, _, code = rule.specialised.partition("/")
    return [f"专业网格 {rule.specialised}" if code else f"{field} 的任一专业网格"]


def _when(rule: RoutingRule) -> list[str]:
    parts = ["、".join(_DAYS[day] for day in sorted(rule.days))] if rule.days else []
    parts += [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in rule.hours]
    if rule.working is not None:
        parts.append("工作时间内" if rule.working else "工作时间外")
    return parts


def _how(rule: RoutingRule) -> list[str]:
    parts = ["或".join(URGENCY_ZH[one] for one in sorted(rule.urgencies))] if rule.urgencies else []
    return parts + ([f"来源 {'、'.join(sorted(rule.channels))}"] if rule.channels else [])


def _taker(rules: Rules, hierarchy: Hierarchy, rule: RoutingRule) -> str:
    if rule.territorial is not None:
        levels = {level.key: level.name_zh for level in hierarchy.levels}
        return f"{levels.get(rule.territorial, rule.territorial)}级属地单位"
    name = rules.routing.departments[rule.department].name_zh
    return f"{name}在当地的派出机构" if rule.branch else name
