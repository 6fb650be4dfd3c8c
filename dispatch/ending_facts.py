"""Facts of how an incident ends, and of what comes after: joined, appealed, called back, taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dispatch.entries import Fact
from dispatch.lifecycle import Act


@dataclass(frozen=True, slots=True)
class SelfHandled(Fact):
    """Whoever reported it put it right on the spot (自行处置): photos of before and of after."""

    act: ClassVar[Act] = Act.SELF_HANDLE
    result: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined(Fact):
    """It is the same as another one and follows it for good (并案).

    ``leader`` is that one's id. ``distance_m`` metres apart, None where one has no point; ``age_s`` seconds
    that the leader was reported before it, negative where it came later.
    """

    act: ClassVar[Act] = Act.JOIN
    leader: str
    leader_case: str
    age_s: float
    distance_m: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Followed(Fact):
    """Another one follows it from now on (被并入): whoever reported that is one of its reporters."""

    act: ClassVar[Act] = Act.FOLLOW
    follower: str
    follower_case: str
    reported_by: str


@dataclass(frozen=True, slots=True)
class Appealed(Fact):
    """The department holds that being late was not its fault (申诉)."""

    act: ClassVar[Act] = Act.APPEAL
    department: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decided(Fact):
    """The appeal was right, or not (申诉裁定). What was late stays late: statistics read the exemption."""

    act: ClassVar[Act] = Act.DECIDE
    granted: bool
    reason: str

    @property
    def outcome(self) -> str:
        return "granted" if self.granted else "refused"


@dataclass(frozen=True, slots=True)
class CalledBack(Fact):
    """Whoever reported it was rung back (回访): reached, is it solved, are they satisfied.

    ``solved`` and ``satisfied`` are None where nobody was reached or they would not say. ``words`` refers to
    what they said.
    """

    act: ClassVar[Act] = Act.CALL_BACK
    contacted: bool
    solved: bool | None = None
    satisfied: bool | None = None
    words: str | None = None

    @property
    def is_content(self) -> bool:
        """Did nobody say that it is not solved, or not well?"""
        return self.solved is not False and self.satisfied is not False


@dataclass(frozen=True, slots=True)
class TakenBack(Fact):
    """Somebody took back what they did last (撤回): all is as it was before entry ``number``, an act called
    ``taken``; ``stage`` is where it stands again. Its clock runs as if that had not happened.
    """

    act: ClassVar[Act] = Act.TAKE_BACK
    number: int
    taken: str
    stage: str
    reason: str = ""

    @property
    def outcome(self) -> str:
        return self.stage
