"""Made-up traffic for the demo: people who report, file, dispatch, handle, check and close, over HTTP alone.

Every branch of the lifecycle's table is taken, and everything that can be odd about a report happens. By seed
go who does what, where and in which order; ids and times are always fresh.
"""

from __future__ import annotations

import heapq
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final, TypeVar

import numpy as np
from PIL import Image

from dispatch.lifecycle import ACT_ZH, ENDED, STAGE_ZH, TRANSITIONS, Act, Role, Stage, Transition
from geodata.datum import Datum, from_wgs84
from gridgov.clock import new_id, utcnow
from gridgov.errors import ServiceError
from gridgov.players import Player, Refused
from gridgov.scope import Seen
from gridgov.terrain import Terrain

#: What is played: the table without what happens by itself, and without imported history, which comes in
#: through a file and not through people.
PLAYED: Final = tuple(
    row
    for row in TRANSITIONS
    if row.roles and row.act not in (Act.IMPORT, Act.ADOPT, Act.REPORT) and row.stage is not Stage.IMPORTED
)
#: What can be done only sometimes: where a rule did something by itself, where nobody answered in time.
SOMETIMES: Final = frozenset({Act.UNDO, Act.ACKNOWLEDGE, Act.PASS_ON})
#: How often a branch is taken beside the others of its stage, once each has been taken; 1 unless said here.
WEIGHTS: Final[Mapping[tuple[Act, str], float]] = {
    (Act.FILE, ""): 40,
    (Act.REJECT, ""): 3,
    (Act.ASK, ""): 8,
    (Act.VERIFY, "found"): 40,
    (Act.VERIFY, "not_found"): 8,
    (Act.DISPATCH, ""): 40,
    (Act.ACKNOWLEDGE, ""): 60,
    (Act.PASS_ON, ""): 20,
    (Act.HANDLE, ""): 40,
    (Act.RETURN, ""): 5,
    (Act.CHECK, "passed"): 40,
    (Act.CHECK, "failed"): 5,
    (Act.CLOSE, ""): 40,
    (Act.ATTACH, ""): 2,
    (Act.NOTE, ""): 2,
}
#: An incident that has ended is left alone this much oftener than it is reopened or remarked upon.
LEFT_ALONE: Final = 40.0

REPORTS: Final[Mapping[str, float]] = {
    "on the spot": 60,
    "with a photo": 12,
    "by telephone": 10,
    "in another datum": 8,
    "without a position": 4,
    "outside every grid": 3,
    "by a clock that runs ahead": 3,
    "sent twice": 4,
    "taken by a rule": 12,
}
AS_ROUTED, SAME_AGAIN, ANOTHER = "as routed", "to the same department again", "to another department"
FILED: Final[Mapping[str, float]] = {"as it came": 9, "in another category": 1}
PLACED: Final = "put on the map"
TRAY: Final[Mapping[str, float]] = {PLACED: 4, "dealt with where it is": 1}
#: An incident's next act comes after this many times the pause between two reports, on average: with about
#: eight acts an incident, some sixteen are open at any time, at any pace.
THINKING: Final = 2.0
#: More than the two minutes that the rules tolerate.
AHEAD: Final = timedelta(minutes=10)
#: Seconds between two lines about what was done.
SAY_EVERY_S: Final = 10.0

_REASONS: Final[Mapping[Act, tuple[str, ...]]] = {
    Act.REJECT: ("演示:现场未发现该问题", "演示:与既有案卷重复"),
    Act.ASK: ("演示:照片看不清,请现场核实",),
    Act.UNDO: ("演示:误派,改由人工受理",),
    Act.ACKNOWLEDGE: ("演示:已督促责任部门",),
    Act.PASS_ON: ("演示:超出本级权限,请上级协调",),
    Act.RETURN: ("演示:不属本部门职责", "演示:权属单位有误"),
    Act.HANDLE: ("演示:已清理完毕", "演示:已修复并恢复通行", "演示:已更换部件"),
    Act.REOPEN: ("演示:回访不满意", "演示:问题再次出现"),
    Act.CANCEL: ("演示:误报,按值班长意见作废",),
}
_NOT_FOUND: Final = ("演示:现场未发现该问题",)
_FAILED_CHECKS: Final = ("演示:现场仍有残留", "演示:修复不到位")


T = TypeVar("T")


class NobodyThere(ServiceError):
    """None of the people played may do what comes next."""


class NotOffered(ServiceError):
    """The server does not offer an act that the lifecycle's table allows."""


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


@dataclass(slots=True)
class Tally:
    """What a simulation has done so far. ``done``: how often each row of the lifecycle's table was taken."""

    reports: int = 0
    acts: int = 0
    open: int = 0
    done: Counter[Transition] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    last: str = ""

    def __str__(self) -> str:
        refused = f", {self.refused.total()} refused" if self.refused else ""
        return f"{self.reports} reports, {self.acts} acts, {self.open} open{refused}; last: {self.last}"


class Simulation:
    """The people of a made-up city at work. They know of an incident what the server tells them, and no more.

    They leave alone what they did not report themselves: it waits for whoever tries the system by hand.
    """

    def __init__(
        self,
        people: Sequence[Player],
        rng: np.random.Generator,
        clock: Callable[[], datetime] = utcnow,
        ids: Callable[[], str] = new_id,
    ) -> None:
        self.people, self.clock, self.ids = tuple(people), clock, ids
        self.rng, self.choices, self.tally = rng, Choices(rng), Tally()
        self.leader = self._anybody(Role.SHIFT_LEADER, of=())
        listed = self.leader.get("/api/categories")["categories"]
        self.categories = [one["key"] for one in listed]
        self.by_rule = list(_by_rule(listed))
        self.departments = [one["code"] for one in self.leader.get("/api/departments")["departments"]]
        self.terrain = Terrain(self.leader, rng)

    def report(self) -> str:
        """Somebody reports something; the incident's id."""
        how = self.choices.pick("report", REPORTS)
        by_phone = how == "by telephone"
        who = self._anybody(Role.INTAKE_CLERK if by_phone else Role.INSPECTOR)
        sent = self._report_body(how, who)
        receipt = who.post("/api/incidents", sent)
        if how == "sent twice":
            receipt = who.post("/api/incidents", sent)
        self.tally.reports += 1
        self.tally.done[_REPORT] += 1
        if receipt["automatic"]:
            self.tally.done.update(_AUTOMATIC[: 2 if receipt["lead"] else 1])
        self._say(receipt["case_number"], Act.REPORT, Stage(receipt["stage"]), f"{who.name} ({how})")
        return str(sent["id"])

    def _report_body(self, how: str, who: Player) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.ids(),
            "category": self.choices.one(self.categories),
            "words": "演示:虚构的上报,并非真实情况",
            "channel": "hotline" if how == "by telephone" else "inspector",
        }
        if how in ("by telephone", "without a position"):
            body["address"] = f"演示路{int(self.rng.integers(1, 400))}号"
        if how == "by telephone":
            body["reporter"] = {"name": "演示市民", "phone": f"000-{int(self.rng.integers(10_000)):04d}"}
        if how == "taken by a rule":
            body |= self.choices.one(self.by_rule)
        if how in ("with a photo", "taken by a rule"):
            body["photos"] = [self._photo(who)]
        if how == "by a clock that runs ahead":
            body["happened_at"] = (self.clock() + AHEAD).isoformat()
        if how == "outside every grid":
            body["position"] = _position(*self.terrain.outside(), Datum.wgs84)
        elif how != "without a position":
            datum = self.choices.one([Datum.gcj02, Datum.bd09, Datum.cgcs2000])
            point = self.terrain.point(self._area(who))
            body["position"] = _position(*point, datum if how == "in another datum" else Datum.wgs84)
        return body

    def _area(self, who: Player) -> tuple[str, ...]:
        """Somewhere among the grids that somebody looks after."""
        now = self.clock()
        return self.choices.one([a.path for a in who.assignments if a.runs(now)])

    def advance(self, incident: str) -> bool:
        """Somebody takes an incident one step further; False where it has ended and is left alone."""
        told = self.leader.get(f"/api/incidents/{incident}")
        row, offered = told["row"], told["acts"]
        stage = Stage(row["stage"])
        options = {
            _name(t): WEIGHTS.get((t.act, t.outcome), 1.0)
            for t in PLAYED
            if t.stage is stage and (t.act not in SOMETIMES or t.act in offered)
        }
        if stage in ENDED and all(self.choices.taken[f"{stage}: {name}"] for name in options):
            options["nothing"] = LEFT_ALONE
        in_tray = stage is Stage.INTAKE and not row["path"]
        placed = in_tray and self.choices.pick("tray", TRAY) == PLACED
        name = str(Act.PLACE) if placed else self.choices.pick(str(stage), options)
        if name == "nothing":
            return False
        (move,) = (t for t in PLAYED if t.stage is stage and _name(t) == name)
        self._act(incident, row, move)
        return True

    def _act(self, incident: str, row: dict[str, Any], move: Transition) -> None:
        who = self._somebody_for(row, move)
        seen = who.get(f"/api/incidents/{incident}")
        if move.act not in seen["acts"]:
            raise NotOffered(
                f"{who.name} is not offered {move.act} in stage {row['stage']}", incident=incident
            )
        more = self._more(move, seen["row"], who)
        body = {"id": self.ids(), "seen": seen["row"]["number"], **more}
        who.post(f"/api/incidents/{incident}/{move.act}", body)
        self.tally.acts += 1
        self.tally.done[move] += 1
        self._say(row["case_number"], move.act, move.to, who.name)

    def _somebody_for(self, row: dict[str, Any], move: Transition) -> Player:
        now, path, lead = self.clock(), tuple(row["path"]), row["lead"]
        able = [
            one
            for one in self.people
            if not move.roles.isdisjoint(one.roles(Seen(path, () if lead is None else (lead,)), now))
            and not (move.act is Act.CHECK and one.id == row["handled_by"])
        ]
        if not able:
            where = "/".join(path) or "the tray"
            raise NobodyThere(f"nobody may {move.act} in {where}, led by {lead}", incident=row["id"])
        return self.choices.one(able)

    def _more(self, move: Transition, row: dict[str, Any], who: Player) -> dict[str, Any]:
        """What an act carries beside its id and the number seen."""
        if move.act in _REASONS:
            return {"reason": self.choices.one(_REASONS[move.act])}
        if move.act is Act.VERIFY:
            found = move.outcome == "found"
            return {"found": found} | ({} if found else {"reason": self.choices.one(_NOT_FOUND)})
        if move.act is Act.CHECK:
            passed = move.outcome == "passed"
            return {"passed": passed} | ({} if passed else {"reason": self.choices.one(_FAILED_CHECKS)})
        if move.act is Act.PLACE:
            somewhere = self._area(self._anybody(Role.INSPECTOR))
            return {"position": _position(*self.terrain.point(somewhere), Datum.wgs84)}
        if move.act is Act.FILE and self.choices.pick("file", FILED) != "as it came":
            return {"category": self.choices.one(self.categories), "urgency": "urgent"}
        if move.act is Act.DISPATCH:
            return self._department(row)
        if move.act is Act.NOTE:
            return {"words": "演示:备注"}
        return {"photos": [self._photo(who)]} if move.act is Act.ATTACH else {}

    def _department(self, row: dict[str, Any]) -> dict[str, Any]:
        path, now = tuple(row["path"]), self.clock()
        able = [
            code
            for code in self.departments
            if any(Role.HANDLER in one.roles(Seen(path, (code,)), now) for one in self.people)
        ]
        others = [code for code in able if code != row["department"]]
        returned = row["returns"] > 0 and row["last_lead"] == row["department"]
        usual = SAME_AGAIN if returned else AS_ROUTED
        options = ({usual: 6.0} if row["department"] in able else {}) | ({ANOTHER: 1.0} if others else {})
        if not options:
            where = "/".join(path) or "the tray"
            raise NobodyThere(f"none of the people played handles anything in {where}", incident=row["id"])
        kind = "dispatch after a return" if returned else "dispatch"
        if self.choices.pick(kind, options) == ANOTHER:
            return {"department": self.choices.one(others)}
        return {}

    def _anybody(self, role: Role, of: tuple[str, ...] | None = None) -> Player:
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

    def _photo(self, who: Player) -> str:
        """Upload a made-up photo: patches of colour, another one each time."""
        pixels = self.rng.integers(0, 255, (6, 8, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).resize((320, 240), Image.Resampling.NEAREST).save(file, "JPEG")
        return str(who.upload("/api/photos", file.getvalue(), "image/jpeg")["digest"])

    def _say(self, case_number: str, act: Act, to: Stage, who: str) -> None:
        self.tally.last = f"{case_number} {act} {ACT_ZH[act]} by {who} -> {to} {STAGE_ZH[to]}"


def play(
    simulation: Simulation,
    *,
    per_minute: float | None,
    reports: int | None,
    stop: Event,
    say: Callable[[str], None],
) -> Tally:
    """Play until ``reports`` have come in and each has been brought to its end, or until ``stop`` is set.

    ``per_minute`` None means as fast as the server answers; the order of things is the same at any pace. A
    refusal is said and counted, and its incident let be: somebody may have done something with it meanwhile.
    """
    pause, tally, turn = 60 / (per_minute or 60), simulation.tally, 0
    began = said = time.monotonic()
    agenda: list[tuple[float, int, str | None]] = [(0.0, turn, None)]
    while agenda and not stop.is_set():
        due, _, incident = heapq.heappop(agenda)
        if per_minute is not None and stop.wait(max(0.0, began + due - time.monotonic())):
            break
        going_on = _take_turn(simulation, incident, say)
        tally.open = len({one for _, _, one in agenda if one} | ({going_on} if going_on else set()))
        if going_on:
            turn += 1
            heapq.heappush(agenda, (due + simulation.rng.exponential(THINKING * pause), turn, going_on))
        if incident is None and (reports is None or tally.reports + tally.refused["report"] < reports):
            turn += 1
            heapq.heappush(agenda, (due + simulation.rng.exponential(pause), turn, None))
        if time.monotonic() - said >= SAY_EVERY_S:
            said = time.monotonic()
            say(str(tally))
    return tally


def _take_turn(simulation: Simulation, incident: str | None, say: Callable[[str], None]) -> str | None:
    """Report something new, or take an incident further; the incident where there is more to come of it."""
    try:
        if incident is None:
            return simulation.report()
        return incident if simulation.advance(incident) else None
    except (Refused, NobodyThere, NotOffered) as refusal:
        simulation.tally.refused["report" if incident is None else "act"] += 1
        say(f"refused: {refusal.message}")
        return None


def _by_rule(categories: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What a report has to name so that a rule of the city files it by itself: category, perhaps standard."""
    for one in categories:
        if one["automatic"]:
            yield {"category": one["key"]}
        for standard in one["standards"]:
            if standard["automatic"]:
                yield {"category": one["key"], "standard": standard["code"]}


def _name(row: Transition) -> str:
    return f"{row.act} {row.outcome}".strip()


def _position(lon: float, lat: float, datum: Datum) -> dict[str, Any]:
    """A WGS-84 point as a phone that speaks ``datum`` sends it."""
    sent_lon, sent_lat = from_wgs84(lon, lat, datum)
    return {"lon": sent_lon, "lat": sent_lat, "datum": str(datum), "accuracy_m": 8.0}


_AUTOMATIC: Final = tuple(
    row
    for row in TRANSITIONS
    if (row.stage, row.act) in ((Stage.INTAKE, Act.FILE), (Stage.DISPATCH, Act.DISPATCH))
)
(_REPORT,) = (row for row in TRANSITIONS if row.act is Act.REPORT)
