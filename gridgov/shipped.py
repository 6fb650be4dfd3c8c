"""The lists that come with the program: categories, street names, the made-up city's file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dispatch.categories import DEFAULT_LIMIT, CaseStandard, Category, Kind
from dispatch.deadlines import Limit, Unit

#: Hours of ordinary time that a unit takes up on average: a working day of eight hours, five of them a week.
#: Only to tell which of several limits is the longest.
_HOURS = {
    Unit.EM: 1 / 60,
    Unit.EH: 1.0,
    Unit.WM: 24 * 7 / 5 / 8 / 60,
    Unit.WH: 24 * 7 / 5 / 8,
    Unit.ED: 24.0,
    Unit.WD: 24 * 7 / 5,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A category of a shipped list, and the kind of department that it usually belongs to."""

    category: Category
    department_kind: str


@dataclass(frozen=True, slots=True)
class Street:
    """A street of the made-up district: official code and name, and its office in the made-up city's file."""

    code: str
    name_zh: str
    name_en: str
    department: str


def working_limit(stated: Sequence[Limit]) -> tuple[Limit, bool]:
    """The limit to work with where a list states these, and whether it stands in until the city sets one.

    One limit is that limit. Several stand for conditions that the list does not tell: the longest, because
    with any shorter one a department could be called late that the list would not call late. None: the
    default.

    >>> working_limit([Limit.parse("4wh")])
    (Limit(amount=4, unit=<Unit.WH: 'wh'>), False)
    >>> limit, stand_in = working_limit([Limit.parse("2eh"), Limit.parse("5wd"), Limit.parse("4wh")])
    >>> str(limit), stand_in
    ('5wd', True)
    """
    if not stated:
        return DEFAULT_LIMIT, True
    return max(stated, key=lambda limit: limit.amount * _HOURS[limit.unit]), len(stated) > 1


@cache
def categories() -> tuple[Listed, ...]:
    """Every category of the shipped lists, in their order; `gridgov/data/README.md` describes the lists."""
    return tuple(_listed(row) for row in _rows("categories.csv"))


@cache
def standards() -> tuple[str, ...]:
    """The names of the shipped lists.

    >>> standards()
    ('cn2026', 'cn2013', 'gridgov')
    """
    return tuple(dict.fromkeys(listed.category.standard for listed in categories()))


def streets() -> tuple[Street, ...]:
    """The ten streets of the made-up district.

    >>> streets()[0]
    Street(code='440306017', name_zh='新安街道', name_en="Xin'an Street", department='xinan_street')
    """
    return tuple(
        Street(row["code"], row["name_zh"], row["name_en"], row["department"]) for row in _rows("streets.csv")
    )


def demo_city() -> str:
    """The made-up city's file, as text."""
    return _text("demo_city.toml")


def _listed(row: dict[str, str]) -> Listed:
    stated = [Limit.parse(text) for text in row["limits"].split("|") if text]
    limit, stand_in = working_limit(stated)
    category = Category(
        standard=row["standard"],
        kind=Kind(row["kind"]),
        code=row["code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        class_code=row["class_code"],
        class_zh=row["class_zh"],
        class_en=row["class_en"],
        limit=limit,
        limit_is_default=stand_in,
        aliases=(row["alias"],) if row["alias"] else (),
        origin=row["standard"],
        standards=_standards(stated, row["standard"]),
    )
    return Listed(category, row["department_zh"])


def _standards(stated: Sequence[Limit], origin: str) -> tuple[CaseStandard, ...]:
    """Several limits are those of several case standards, whose conditions the list here does not have."""
    if len(stated) < 2:
        return ()
    return tuple(CaseStandard(str(limit), limit, origin=origin) for limit in stated)


def _rows(name: str) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(_text(name).splitlines()))


def _text(name: str) -> str:
    return (files("gridgov") / "data" / name).read_text(encoding="utf-8")
