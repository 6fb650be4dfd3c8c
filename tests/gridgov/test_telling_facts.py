"""What happened, in words: every kind of fact has its sentence, and no field is left out of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest

from dispatch.bodies import KINDS, kind_of
from dispatch.ending_facts import CalledBack, Joined, TakenBack
from dispatch.entries import (
    Acknowledged,
    Dispatched,
    Entry,
    Fact,
    Noted,
    Noticed,
    Place,
    Relocated,
    Reported,
    Route,
    Started,
    Verified,
)
from dispatch.handling_facts import Applied, Granted
from dispatch.lifecycle import Role
from dispatch.task_facts import Tasked
from gridgov.telling_facts import TELLERS, by_whom, grids_in, people_in, sentence, told
from gridgov.telling_names import Names
from tests.gridgov import scene

MOMENT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
LATER = MOMENT + timedelta(days=3)
NAMES = Names(
    scene.rules(),
    people={"p1": "王某", "p2": "李某"},
    grids={"D/": "小镇", "D/N/": "街道N", "D/N/N1/": "网格N1"},
    zone="Asia/Shanghai",
)
#: Two values of every field, by its name where its type does not tell what may stand in it.
BY_NAME: dict[str, tuple[Any, Any]] = {
    "clock": ("handling", "check"),
    "limit": ("2wd", "4eh"),
    "category": (scene.COVER, scene.RUBBISH),
    "urgency": ("ordinary", "urgent"),
    "department": ("water", "cleaning"),
    "co_handlers": (("office",), ("cleaning", "office")),
    "near_border": (("D/N/N1",), ("D/N/N2",)),
    "threshold": ("warning", "overdue"),
    "cause": ("overdue", "passed_on"),
    "roles": (("manager",), ("supervisor", "manager")),
    "wish": ("extension", "suspension"),
    "task": ("verify", "check"),
    "because": ("on_duty", "nearest"),
    "taken": ("file", "handle"),
    "stage": ("intake", "handling"),
    "person": ("p1", "p2"),
}
BY_TYPE: dict[Any, tuple[Any, Any]] = {
    str: ("甲", "乙"),
    bool: (False, True),
    int: (3, 7),
    float: (60.0, 7200.0),
    datetime: (MOMENT, LATER),
    tuple: (("一",), ("一", "二")),
}
#: Words that can be erased are not in a sentence. Reasons of rules are written in English alone.
NOT_TOLD = {"words"}
ENGLISH_ALONE = {(Route, "reason"), (Dispatched, "reason")}


def two_values(cls: type, name: str, hint: Any) -> tuple[Any, Any]:
    """Two values that a field may hold."""
    if name in BY_NAME:
        return BY_NAME[name]
    inner = [hint, *(arg for arg in get_args(hint) if arg is not type(None))]
    for one in inner:
        if is_dataclass(one) and isinstance(one, type):
            return made(one, 0), made(one, 1)
        if one in BY_TYPE:
            return BY_TYPE[one]
        if str(one).startswith("tuple"):
            return BY_TYPE[tuple]
    raise AssertionError(f"{cls.__name__}.{name}: what may stand in {hint}?")


def made(cls: type, which: int) -> Any:
    """A fact, or a part of one, with a value in every field."""
    hints = get_type_hints(cls)
    return cls(**{one.name: two_values(cls, one.name, hints[one.name])[which] for one in fields(cls)})


def test_every_kind_has_its_sentence() -> None:
    assert set(TELLERS) == set(KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_says_something_in_both_languages(kind: str) -> None:
    said = sentence(made(KINDS[kind], 0), NAMES)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said.zh)
    assert said.en[0].islower()
    assert "None" not in said.zh + said.en


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_left_out(kind: str) -> None:
    """Whatever is changed in a fact, its sentences change with it."""
    fact = made(KINDS[kind], 0)
    hints = get_type_hints(KINDS[kind])
    for one in fields(fact):
        if one.name in NOT_TOLD:
            continue
        value = getattr(fact, one.name)
        if is_dataclass(value):
            require_told_within(fact, one.name, type(value))
        else:
            other = two_values(KINDS[kind], one.name, hints[one.name])[1]
            require_told(fact, replace(fact, **{one.name: other}), (KINDS[kind], one.name))


def require_told_within(fact: Fact, name: str, cls: type) -> None:
    """The same of the fields of a part of it: its place, its route, its clock."""
    hints = get_type_hints(cls)
    for one in fields(cls):
        part: Any = getattr(fact, name)
        other = replace(part, **{one.name: two_values(cls, one.name, hints[one.name])[1]})
        require_told(fact, replace(fact, **{name: other}), (cls, one.name))


def require_told(fact: Fact, changed: Fact, what: tuple[type, str]) -> None:
    before, after = sentence(fact, NAMES), sentence(changed, NAMES)
    assert before.en != after.en, what
    assert before.zh != after.zh or what in ENGLISH_ALONE, what


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_empty_is_left_out(kind: str) -> None:
    """A fact with nothing but what it needs is told too, without any None."""
    cls = KINDS[kind]
    hints = get_type_hints(cls)
    least = {
        one.name: two_values(cls, one.name, hints[one.name])[0]
        for one in fields(cls)
        if one.default is one.default_factory  # both are missing
    }
    said = sentence(cls(**least), NAMES)
    assert said.zh
    assert "None" not in said.zh + said.en


def entry(fact: Fact, by: str = "p1") -> Entry:
    return Entry("i", 1, MOMENT, MOMENT, by, fact)


def test_a_dispatch_is_told_as_a_desk_would() -> None:
    fact = Dispatched("cleaning", "category", "…", "2wd", MOMENT, False, 1)
    said = told(entry(fact), NAMES, {Role.DISPATCHER})
    assert said.zh.startswith("派遣员 王某 派遣至 环卫所，处置时限 2工作日，至 2026-11-25 18:00")
    assert said.en.startswith(
        "dispatcher 王某 dispatched it to 环卫所, limit of handling 2 working days, until 2026-11-25 18:00"
    )


def test_times_are_the_citys_own() -> None:
    new_york = replace(NAMES, zone="America/New_York")
    fact = Noticed("handling", 4, "overdue", MOMENT)
    assert "2026-11-25 18:00" in sentence(fact, NAMES).zh
    assert "2026-11-25 05:00" in sentence(fact, new_york).zh


def test_a_report_names_its_grids_and_its_clock() -> None:
    place = Place(114.1, 22.5, "wgs84", 5.0, 114.1, 22.5, ("D", "N", "N1"), 1, 12.5)
    clock = Started("intake", 1, "15wm", MOMENT, MOMENT)
    fact = Reported("D-1", "hotline", scene.COVER, "urgent", place, Route("water", "category", "r"), 2)
    said = sentence(replace(fact, starts=clock), NAMES).zh
    for part in (
        "上报 井盖",
        "D-1",
        "hotline",
        "紧急",
        "小镇 > 街道N > 网格N1",
        "归属 水务局",
        "类别默认部门",
        "15工作分钟",
    ):
        assert part in said


def test_nobody_and_rules_are_named() -> None:
    assert by_whom("system", NAMES).zh == "系统"
    assert by_whom("auto:loud noise", NAMES).en == "the automatic rule loud noise"
    assert by_whom("gone", NAMES, {Role.HANDLER}).zh == "处置部门 gone"
    both_roles = by_whom("p1", NAMES, {Role.MANAGER, Role.SHIFT_LEADER})
    assert both_roles.en == "shift leader/manager 王某"


@pytest.mark.parametrize(
    ("fact", "zh"),
    [
        (Verified(False), "核实不属实"),
        (Joined("x", "D-7", -90, 12.34, ""), "并入案卷 D-7（x），以其结果为准，相距 12.3 米"),
        (CalledBack(True, False, None), "回访：已联系上，未解决"),
        (CalledBack(False), "回访：未联系上"),
        (TakenBack(4, "file", "intake"), "撤回第 4 条（立案），回到受理环节"),
        (Applied("suspension", "等材料", MOMENT), "申请挂账，至 2026-11-25 18:00，理由：“等材料”"),
        (Granted("extension"), "批准延期"),
        (Tasked("verify", "nobody"), "核实派单未派出，原因：无人可派"),
        (Tasked("check", "nearest", "p2", 120.4), "派单：请 李某 核查，原因：距离最近，距现场 120 米"),
        (Acknowledged(2), "确认升级第 2 步"),
        (Noted("hash"), "备注"),
    ],
)
def test_sentences(fact: Fact, zh: str) -> None:
    assert sentence(fact, NAMES).zh.startswith(zh), kind_of(fact)


def test_people_and_grids_that_need_a_name_are_found() -> None:
    tasked = entry(Tasked("verify", "on_duty", "p1", stand_in_for="p2"), "system")
    assert list(people_in(tasked)) == ["system", "p1", "p2"]
    moved = Relocated(Place(path=("D", "S"), near_border=("D/N",)), 1, was=("D", "N"))
    assert set(grids_in(moved)) == {"D/", "D/S/", "D/N/"}
