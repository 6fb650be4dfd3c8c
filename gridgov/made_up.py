"""What the acts of the demo's people carry: reasons, photos, places, departments, made up by weight."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import numpy as np
from PIL import Image

from dispatch.lifecycle import Act, Role, Stage, Transition
from geodata.datum import Datum, from_wgs84
from gridgov.errors import ServiceError
from gridgov.played import Case
from gridgov.players import Player
from gridgov.scope import Seen
from gridgov.terrain import Terrain

AS_ROUTED, SAME_AGAIN, ANOTHER = "as routed", "to the same department again", "to another department"
FILED: Final[Mapping[str, float]] = {"as it came": 9, "in another category": 1}
#: What comes of ringing back: what is sent, and how often.
CALLED_BACK: Final[Mapping[str, float]] = {"content": 6, "not solved": 1, "not content": 1, "nobody there": 2}
_TOLD: Final[Mapping[str, dict[str, bool]]] = {
    "content": {"contacted": True, "solved": True, "satisfied": True},
    "not solved": {"contacted": True, "solved": False, "satisfied": False},
    "not content": {"contacted": True, "solved": True, "satisfied": False},
    "nobody there": {"contacted": False},
}
#: So long something stands suspended in the demo, where a city would say weeks: then it goes on by itself.
SUSPENDED_FOR: Final = timedelta(minutes=3)

_REASONS: Final[Mapping[Act, tuple[str, ...]]] = {
    Act.REJECT: ("演示:现场未发现该问题", "演示:与既有案卷重复"),
    Act.ASK: ("演示:照片看不清,请现场核实",),
    Act.UNDO: ("演示:误派,改由人工受理",),
    Act.ACKNOWLEDGE: ("演示:已督促责任部门",),
    Act.PASS_ON: ("演示:超出本级权限,请上级协调",),
    Act.RETURN: ("演示:不属本部门职责", "演示:权属单位有误"),
    Act.REOPEN: ("演示:回访不满意", "演示:问题再次出现"),
    Act.CANCEL: ("演示:误报,按值班长意见作废",),
    Act.DECLINE: ("演示:本部门无此职责",),
    Act.GRANT: ("演示:情况属实,同意",),
    Act.REFUSE: ("演示:理由不充分",),
    Act.RESUME: ("演示:条件已具备",),
    Act.SUPERVISE: ("演示:市民多次来电", "演示:领导批示"),
    Act.ANSWER: ("演示:已安排人员,今日完成",),
    Act.APPEAL: ("演示:停电导致超期",),
    Act.DECLINE_TASK: ("演示:正在处理其他警情", "演示:离现场太远"),
    Act.TAKE_BACK: ("演示:误操作",),
    Act.CORRECT: ("演示:原先登记有误",),
    Act.JOIN: ("演示:同一地点同一问题",),
}
_DONE: Final = ("演示:已清理完毕", "演示:已修复并恢复通行", "演示:已更换部件")
_NOT_FOUND: Final = ("演示:现场未发现该问题",)
_FAILED_CHECKS: Final = ("演示:现场仍有残留", "演示:修复不到位")
#: What is sent beside the reason where it is always the same.
_ALWAYS: Final[Mapping[Act, dict[str, Any]]] = {
    Act.NOTE: {"words": "演示:备注"},
    Act.ENFORCE: {
        "measure": "演示:责令改正",
        "legal_basis": "演示:市容条例第十四条",
        "document": "演示〔2026〕1号",
        "words": "演示:当事人为虚构",
    },
}

T = TypeVar("T")


class NobodyThere(ServiceError):
    """None of the people played may do what comes next."""


@dataclass(slots=True)
class Choices:
    """Picks by weight; an option never picked before goes first, so that a short run picks them all."""

    rng: np.random.Generator
    taken: Counter[str] = field(default_factory=Counter)

    def pick(self, kind: str, options: Mapping[str, float]) -> str:
        """One of the options, counted as ``kind: option``."""
        names = [name for name in options if not self.taken[f"{kind}: {name}"]] or list(options)
        weights = np.array([options[name] for name in names], float)
        name = names[int(self.rng.choice(len(names), p=weights / weights.sum()))]
        self.taken[f"{kind}: {name}"] += 1
        return name

    def one(self, options: Sequence[T]) -> T:
        """Any one of them."""
        return options[int(self.rng.integers(len(options)))]


class MadeUp:
    """What the people know of their city, its categories, departments and grids, and what they make up."""

    def __init__(
        self, people: Sequence[Player], leader: Player, choices: Choices, clock: Callable[[], datetime]
    ) -> None:
        self.people, self.choices, self.clock = people, choices, clock
        self.listed: list[dict[str, Any]] = leader.get("/api/categories")["categories"]
        self.categories = [one["key"] for one in self.listed]
        told = leader.get("/api/departments")["departments"]
        self.departments = [one["code"] for one in told]
        self._crews = {one["code"]: [crew["code"] for crew in one.get("crews", ())] for one in told}
        self._leads = {one["key"]: one["department"] for one in self.listed}
        self._demands: dict[tuple[str, str | None], Mapping[str, int]] = {
            (one["key"], standard["code"]): standard["photos"]
            for one in self.listed
            for standard in one["standards"]
        }
        self.terrain = Terrain(leader, choices.rng)

    def demands(self, row: Mapping[str, Any]) -> Mapping[str, int]:
        """How many photos each act should bring, by the case standard that an incident stands under."""
        none: Mapping[str, int] = {}
        return self._demands.get((row["category"], row["standard"]), none)

    def anybody(self, role: Role, of: tuple[str, ...] | None = None) -> Player:
        """Somebody in a role; ``of`` the grid that it is for."""
        now = self.clock()
        able = [
            p
            for p in self.people
            if any(a.role is role and a.runs(now) and of in (None, a.path) for a in p.assignments)
        ]
        if not able:
            raise NobodyThere(f"there is no {role} among the people played")
        return self.choices.one(able)

    def area(self, who: Player) -> tuple[str, ...]:
        """Somewhere among the grids that somebody looks after."""
        now = self.clock()
        return self.choices.one([a.path for a in who.assignments if a.runs(now)])

    def photo(self, who: Player) -> str:
        """Upload a made-up photo: patches of colour, another one each time."""
        pixels = self.choices.rng.integers(0, 255, (6, 8, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).resize((320, 240), Image.Resampling.NEAREST).save(file, "JPEG")
        return str(who.upload("/api/photos", file.getvalue(), "image/jpeg")["digest"])

    # -- what an act carries -----------------------------------------------------------------------

    def more(self, move: Transition, case: Case, who: Player) -> dict[str, Any]:
        """What an act carries beside its id and the number seen."""
        if move.act in _REASONS:
            reason = {"reason": self.choices.one(_REASONS[move.act])}
            special = _SPECIAL.get(move.act)
            return reason | ({} if special is None else special(self, move, case, who))
        special = _SPECIAL.get(move.act)
        return dict(_ALWAYS.get(move.act, {})) if special is None else special(self, move, case, who)

    def _photos(self, act: Act, case: Case, who: Player) -> dict[str, Any]:
        count = case.demands.get(act, 0)
        return {"photos": [self.photo(who) for _ in range(count)]} if count else {}

    def _verify(self, move: Transition, case: Case, who: Player) -> dict[str, Any]:
        found = move.outcome == "found"
        reason = {} if found else {"reason": self.choices.one(_NOT_FOUND)}
        return {"found": found} | reason | self._photos(Act.VERIFY, case, who)

    def _check(self, move: Transition, case: Case, who: Player) -> dict[str, Any]:
        passed = move.outcome == "passed"
        reason = {} if passed else {"reason": self.choices.one(_FAILED_CHECKS)}
        return {"passed": passed} | reason | self._photos(Act.CHECK, case, who)

    def _done(self, _: Transition, case: Case, who: Player) -> dict[str, Any]:
        return {"reason": self.choices.one(_DONE)} | self._photos(Act.HANDLE, case, who)

    def _self_handle(self, _: Transition, __: Case, who: Player) -> dict[str, Any]:
        return {"reason": self.choices.one(_DONE), "photos": [self.photo(who)]}

    def _place(self, _: Transition, __: Case, ___: Player) -> dict[str, Any]:
        somewhere = self.area(self.anybody(Role.INSPECTOR))
        return {"position": position(*self.terrain.point(somewhere), Datum.wgs84)}

    def _file(self, _: Transition, __: Case, ___: Player) -> dict[str, Any]:
        if self.choices.pick("file", FILED) == "as it came":
            return {}
        return {"category": self.choices.one(self.categories), "urgency": "urgent"}

    def _correct(self, move: Transition, case: Case, _: Player) -> dict[str, Any]:
        """While it is handled: a step aside, or another department's business; before that, how urgent."""
        row = case.row
        if move.stage is not Stage.HANDLING:
            return {"urgency": "critical" if row["urgency"] == "urgent" else "urgent"}
        if move.outcome == "here":
            return {"position": position(row["lon"] + 1e-6, row["lat"], Datum.wgs84)}
        others = [key for key in self.categories if self._leads[key] not in (None, row["lead"])]
        return {"category": self.choices.one(others)}

    def _join(self, _: Transition, case: Case, __: Player) -> dict[str, Any]:
        assert case.twin is not None, "it makes no sense without one"
        return {"leader": case.twin["id"]}

    def _assign(self, _: Transition, case: Case, who: Player) -> dict[str, Any]:
        crews = self._crews.get(case.row["lead"], [])
        return {"person": who.id} | ({"crew": self.choices.one(crews)} if crews else {})

    def _involve(self, _: Transition, case: Case, __: Player) -> dict[str, Any]:
        """One more department, and those that have begun with their part."""
        row = case.row
        others = [code for code in self._able(row) if code not in (row["lead"], *row["co_handlers"])]
        kept = [part["department"] for part in row["parts"] if part["state"] != "open"]
        return {"co_handlers": kept + ([self.choices.one(others)] if others else [])}

    def _apply(self, move: Transition, case: Case, __: Player) -> dict[str, Any]:
        until = {} if move.outcome == "extension" else {"until": (case.now + SUSPENDED_FOR).isoformat()}
        return {"wish": move.outcome, "reason": "演示:等待配件到货"} | until

    def _task(self, _: Transition, __: Case, ___: Player) -> dict[str, Any]:
        return {"person": self.anybody(Role.INSPECTOR).id}

    def _dispatch(self, _: Transition, case: Case, __: Player) -> dict[str, Any]:
        row = case.row
        able = self._able(row)
        others = [code for code in able if code != row["department"]]
        returned = row["returns"] > 0 and row["last_lead"] == row["department"]
        usual = SAME_AGAIN if returned else AS_ROUTED
        options = ({usual: 6.0} if row["department"] in able else {}) | ({ANOTHER: 1.0} if others else {})
        if not options:
            where = "/".join(row["path"]) or "the tray"
            raise NobodyThere(f"none of the people played handles anything in {where}", incident=row["id"])
        kind = "dispatch after a return" if returned else "dispatch"
        if self.choices.pick(kind, options) == ANOTHER:
            return {"department": self.choices.one(others)}
        return {}

    def _able(self, row: Mapping[str, Any]) -> list[str]:
        """The departments that somebody played handles things for where it lies."""
        path, now = tuple(row["path"]), self.clock()
        return [
            code
            for code in self.departments
            if any(Role.HANDLER in one.roles(Seen(path, (code,)), now) for one in self.people)
        ]


_SPECIAL: Final[Mapping[Act, Callable[[MadeUp, Transition, Case, Player], dict[str, Any]]]] = {
    Act.PLACE: MadeUp._place,
    Act.FILE: MadeUp._file,
    Act.VERIFY: MadeUp._verify,
    Act.CHECK: MadeUp._check,
    Act.HANDLE: MadeUp._done,
    Act.REPORT_PART: lambda made, *_: {"reason": made.choices.one(_DONE)},
    Act.SELF_HANDLE: MadeUp._self_handle,
    Act.CORRECT: MadeUp._correct,
    Act.JOIN: MadeUp._join,
    Act.DISPATCH: MadeUp._dispatch,
    Act.ASSIGN: MadeUp._assign,
    Act.INVOLVE: MadeUp._involve,
    Act.APPLY: MadeUp._apply,
    Act.TASK: MadeUp._task,
    Act.DECIDE: lambda _, move, *__: {"granted": move.outcome == "granted", "reason": "演示:有证明材料"},
    Act.CALL_BACK: lambda made, *_: _TOLD[made.choices.pick("call back", CALLED_BACK)],
    Act.ATTACH: lambda made, _, __, who: {"photos": [made.photo(who)]},
}


def position(lon: float, lat: float, datum: Datum) -> dict[str, Any]:
    """A WGS-84 point as a phone that speaks ``datum`` sends it."""
    sent_lon, sent_lat = from_wgs84(lon, lat, datum)
    return {"lon": sent_lon, "lat": sent_lat, "datum": str(datum), "accuracy_m": 8.0}
