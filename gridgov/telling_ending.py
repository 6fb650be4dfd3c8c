"""What happened, of facts of how an incident ends and what comes after: told by `gridgov.telling_facts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from dispatch.ending_facts import (
    Appealed,
    CalledBack,
    Decided,
    Followed,
    Joined,
    SelfHandled,
    TakenBack,
)
from dispatch.entries import Cancelled, Closed, Reopened
from dispatch.lifecycle import ACT_ZH, STAGE_ZH
from gridgov.due_times import hours
from gridgov.telling_names import Names, Said, both, joined, photos, quoted, reason, started

_ACT: Final = {str(act): zh for act, zh in ACT_ZH.items()}
_STAGE: Final = {str(stage): zh for stage, zh in STAGE_ZH.items()}


def _self_handled(fact: SelfHandled, _: Names) -> Said:
    return joined(
        both("现场自行处置，结案", "put it right on the spot; it is closed"),
        quoted("结果", "result", fact.result),
        photos(fact.before, "处置前照片", "photos of before"),
        photos(fact.after, "处置后照片", "photos of after"),
    )


def _joined(fact: Joined, _: Names) -> Said:
    distance = None
    if fact.distance_m is not None:
        distance = both(f"相距 {fact.distance_m:.1f} 米", f"{fact.distance_m:.1f} m apart")
    age = hours(timedelta(seconds=fact.age_s))
    return joined(
        both(
            f"并入案卷 {fact.leader_case}（{fact.leader}），以其结果为准",
            f"joined it to {fact.leader_case} ({fact.leader}), whose outcome is its own",
        ),
        distance,
        both(f"该案先于本案 {age}", f"that was reported {age} h before it"),
        reason(fact.reason),
    )


def _followed(fact: Followed, names: Names) -> Said:
    who = names.person(fact.reported_by)
    return joined(
        both(
            f"将案卷 {fact.follower_case}（{fact.follower}）并入本案",
            f"took {fact.follower_case} ({fact.follower}) in as a follower",
        ),
        both(f"其上报人 {who.zh}", f"which {who.en} reported"),
    )


def _closed(_: Closed, __: Names) -> Said:
    return both("结案", "closed it")


def _appealed(fact: Appealed, names: Names) -> Said:
    whose = names.department(fact.department)
    return joined(both(f"{whose.zh} 申诉", f"appealed for {whose.en}"), reason(fact.reason))


def _decided(fact: Decided, _: Names) -> Said:
    granted = both("申诉成立，统计上免责", "granted the appeal: statistics exempt it")
    refused = both("申诉不成立", "refused the appeal")
    return joined(granted if fact.granted else refused, reason(fact.reason))


def _called_back(fact: CalledBack, _: Names) -> Said:
    reached = both("回访：已联系上", "called back: reached")
    missed = both("回访：未联系上", "called back: not reached")
    return joined(
        reached if fact.contacted else missed,
        _answer(fact.solved, "已解决", "未解决", "solved"),
        _answer(fact.satisfied, "满意", "不满意", "satisfied"),
    )


def _answer(yes: bool | None, zh: str, not_zh: str, en: str) -> Said | None:
    if yes is None:
        return None
    return both(zh, en) if yes else both(not_zh, f"not {en}")


def _reopened(fact: Reopened, names: Names) -> Said:
    return joined(both("重新立案", "reopened it"), reason(fact.reason), started(fact.starts, names))


def _cancelled(fact: Cancelled, _: Names) -> Said:
    return joined(both("作废", "cancelled it"), reason(fact.reason))


def _taken_back(fact: TakenBack, _: Names) -> Said:
    act, stage = _ACT.get(fact.taken, fact.taken), _STAGE.get(fact.stage, fact.stage)
    return joined(
        both(
            f"撤回第 {fact.number} 条（{act}），回到{stage}环节",
            f"took back entry {fact.number} ({fact.taken}); it is in the stage {fact.stage} again",
        ),
        reason(fact.reason),
    )


#: Of each of these facts, what tells it.
ENDING: Final[Mapping[type, Callable[[Any, Names], Said]]] = {
    SelfHandled: _self_handled,
    Joined: _joined,
    Followed: _followed,
    Closed: _closed,
    Appealed: _appealed,
    Decided: _decided,
    CalledBack: _called_back,
    Reopened: _reopened,
    Cancelled: _cancelled,
    TakenBack: _taken_back,
}
