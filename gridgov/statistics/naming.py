"""What groups of figures are called, in both languages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from dispatch.categories import URGENCY_ZH, Urgency
from dispatch.rules import Rules
from gridgov.statistics.drawings import Drawings, Drawn
from gridgov.statistics.grouping import TREND, is_level
from gridgov.statistics.question import PLAIN
from gridgov.storage.tables import path_text


@dataclass(frozen=True, slots=True)
class Named:
    """What a group is called; ``path`` is set for grids."""

    name_zh: str
    name_en: str
    path: tuple[str, ...] | None = None


#: The row of what has no such key: it is shown, so that the rows add up to the total.
NONE: Final[Mapping[str, Named]] = {
    "department": Named("无部门", "no department"),
    "crew": Named("未指定班组", "no crew named"),
    "class": Named("无类别大类", "of no class"),
    "field": Named("不属任何领域", "of no field"),
    "inspector": Named("非网格员上报", "not reported by an inspector"),
}
#: The same of grids, and of specialised grids.
UNPLACED: Final = Named("未定位", "unplaced")
NOT_SPECIALISED: Final = Named("不在专业网格内", "in no specialised grid")


def names(
    by: str, keys: Collection[str | None], rules: Rules, drawn: Drawn, drawings: Drawings
) -> dict[str | None, Named]:
    """What the groups of these keys are called."""
    there = sorted(key for key in keys if key is not None)
    if is_level(by, drawn):
        paths = {path_text(path): path for path in (tuple(key.split("/")) for key in there)}
        called = drawings.grid_names(drawn, paths)
        found: dict[str | None, Named] = {None: UNPLACED}
        for key, (text, path) in zip(there, paths.items(), strict=True):
            name = called.get(text, path[-1])
            found[key] = Named(name, name, path)
        return found
    if by not in PLAIN:
        called = drawings.specialised_names(by)
        return {None: NOT_SPECIALISED, **{key: _one(called.get(key, key)) for key in there}}
    called_so: dict[str | None, Named] = {None: NONE[by]} if by in NONE else {}
    return {**called_so, **{key: _plain(by, key, rules) for key in there}, **_people(by, there, drawings)}


def _people(by: str, keys: list[str], drawings: Drawings) -> dict[str | None, Named]:
    if by != "inspector":
        return {}
    return {id_: _one(name) for id_, name in drawings.people(keys).items()}


def _one(name: str) -> Named:
    return Named(name, name)


def _plain(by: str, key: str, rules: Rules) -> Named:
    """What a key is called by the rules in force; itself where they do not know it any more."""
    if by == "department" and key in rules.routing.departments:
        department = rules.routing.departments[key]
        return Named(department.name_zh, department.name_en)
    if by == "category" and key in rules.categories:
        category = rules.categories.get(key)
        return Named(category.name_zh, category.name_en)
    if by == "class" and key in rules.categories.classes:
        first = rules.categories.classes[key][0]
        return Named(first.class_zh or key, first.class_en or first.class_zh or key)
    if by == "field" and key in rules.fields:
        field = rules.fields[key]
        return Named(field.name_zh, field.name_en or field.name_zh)
    if by == "urgency" and key in set(Urgency):
        return Named(URGENCY_ZH[Urgency(key)], key)
    return _one(key)


def is_trend(by: str) -> bool:
    """Is it periods that figures are grouped by?"""
    return by in TREND
