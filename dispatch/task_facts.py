"""Facts of who goes and looks: a task to verify or to check is given, taken up, declined, or left lying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from dispatch.entries import Fact
from dispatch.lifecycle import Act


class TaskKind(StrEnum):
    """What somebody is sent for: before filing, is it there; after handling, is it put right."""

    VERIFY = "verify"
    CHECK = "check"


TASK_ZH: Final = {TaskKind.VERIFY: "核实", TaskKind.CHECK: "核查"}


class Because(StrEnum):
    """Why this person: on duty in a grid that it lies in; the nearest; somebody said so; nobody is left."""

    ON_DUTY = "on_duty"
    NEAREST = "nearest"
    CHOSEN = "chosen"
    NOBODY = "nobody"


BECAUSE_ZH: Final = {
    Because.ON_DUTY: "本网格当班",
    Because.NEAREST: "距离最近",
    Because.CHOSEN: "指定",
    Because.NOBODY: "无人可派",
}


@dataclass(frozen=True, slots=True)
class Tasked(Fact):
    """Somebody is sent to look (派单); ``person`` None: nobody is left to send, a desk has to say who goes.

    ``distance_m`` metres from where they were last known to be, None where that is not known;
    ``stand_in_for`` whose place they take; ``answer_by`` when the task goes on to somebody else.
    """

    act: ClassVar[Act] = Act.TASK
    task: str
    because: str
    person: str | None = None
    distance_m: float | None = None
    stand_in_for: str | None = None
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskAccepted(Fact):
    """Whoever was sent goes (接单)."""

    act: ClassVar[Act] = Act.ACCEPT_TASK


@dataclass(frozen=True, slots=True)
class TaskDeclined(Fact):
    """Whoever was sent cannot go (拒单)."""

    act: ClassVar[Act] = Act.DECLINE_TASK
    reason: str


@dataclass(frozen=True, slots=True)
class TaskExpired(Fact):
    """Whoever was sent did not answer in time (派单超时). Nobody did this."""

    act: ClassVar[Act] = Act.EXPIRE_TASK
    person: str
