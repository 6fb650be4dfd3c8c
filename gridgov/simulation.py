"""Made-up traffic for the demo: people who report, file, dispatch, handle, check and close, over HTTP alone.

Every branch of the lifecycle's table is taken, and everything that can be odd about a report happens. By seed
go who does what, where and in which order; ids and times are always fresh.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

import numpy as np

from dispatch.lifecycle import ACT_ZH, ENDED, STAGE_ZH, TRANSITIONS, Act, Role, Stage, Transition
from geodata.datum import Datum
from gridgov.clock import new_id, utcnow
from gridgov.errors import ServiceError
from gridgov.made_up import Choices, MadeUp, NobodyThere, position
from gridgov.played import Case, Did, makes_sense, who_may
from gridgov.players import Player, Refused
from gridgov.rota_played import go_on_duty

#: What is played: the table without what happens by itself, and without imported history, which comes in
#: through a file and not through people.
PLAYED: Final = tuple(
    row
    for row in TRANSITIONS
    if row.roles
    and row.act not in (Act.IMPORT, Act.ADOPT, Act.REPORT)
    and Stage.IMPORTED not in (row.stage, row.outcome)
)
#: How often a branch is taken beside the others of its stage, once each has been taken; 1 unless said here.
WEIGHTS: Final[Mapping[Act, float]] = {
    Act.FILE: 40,
    Act.REJECT: 3,
    Act.ASK: 8,
    Act.JOIN: 12,
    Act.VERIFY: 24,
    Act.DISPATCH: 40,
    Act.ACKNOWLEDGE: 60,
    Act.PASS_ON: 20,
    Act.ACCEPT: 40,
    Act.ACCEPT_TASK: 60,
    Act.ASSIGN: 3,
    Act.REPORT_PART: 60,
    Act.APPLY: 6,
    Act.APPEAL: 6,
    Act.GRANT: 30,
    Act.REFUSE: 10,
    Act.ANSWER: 60,
    Act.HANDLE: 40,
    Act.RETURN: 5,
    Act.CHECK: 40,
    Act.CLOSE: 40,
    Act.CALL_BACK: 10,
    Act.DECIDE: 20,
    Act.ATTACH: 2,
    Act.NOTE: 2,
    Act.TAKE_BACK: 0.2,
}
#: How often a check fails, and somebody who goes and looks finds nothing, beside the other outcome.
SELDOM: Final[Mapping[tuple[Act, str], float]] = {
    (Act.CHECK, "failed"): 5,
    (Act.VERIFY, "not_found"): 6,
}
#: An incident that has ended is left alone this much oftener than it is reopened or remarked upon.
LEFT_ALONE: Final = 60.0

#: What can be done only for a moment goes before all else the first time.
FLEETING: Final = 1000.0
_FLEETING: Final = frozenset({Act.TAKE_BACK, Act.JOIN, Act.DECLINE_TASK, Act.DECLINE, Act.REPORT_PART})

ON_THE_SPOT, AGAIN_THE_SAME = "put right on the spot", "the same as somebody else's"
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
    ON_THE_SPOT: 5,
    AGAIN_THE_SAME: 20,
}
PLACED: Final = "put on the map"
TRAY: Final[Mapping[str, float]] = {PLACED: 4, "dealt with where it is": 1}
#: An incident's next act comes after this many times the pause between two reports, on average: with about
#: a dozen acts an incident, some two dozen are open at any time, at any pace.
THINKING: Final = 2.0
#: More than the two minutes that the rules tolerate.
AHEAD: Final = timedelta(minutes=10)
#: Seconds between two lines about what was done.
SAY_EVERY_S: Final = 10.0
#: So many of the last reports may be reported again by somebody else.
REMEMBERED: Final = 20


class NotOffered(ServiceError):
    """The server does not offer an act that the lifecycle's table allows."""


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
        self.leader = next(one for one in self.people if _leads_all(one))
        self.city = MadeUp(self.people, self.leader, self.choices, clock)
        self.by_rule = list(_by_rule(self.city.listed))
        go_on_duty(self.people, self.leader, self.city.terrain, clock(), ids)
        self._reported: list[dict[str, Any]] = []
        self._twins: dict[str, str] = {}
        self._did: dict[str, Did] = {}

    def report(self) -> str:
        """Somebody reports something; the incident's id."""
        how = self.choices.pick("report", REPORTS)
        by_phone = how == "by telephone"
        who = self.city.anybody(Role.INTAKE_CLERK if by_phone else Role.INSPECTOR)
        sent = self._report_body(how, who)
        if how == AGAIN_THE_SAME:
            sent |= self._again(sent["id"])
        receipt = who.post("/api/incidents", sent)
        if how == "sent twice":
            receipt = who.post("/api/incidents", sent)
        self.tally.reports += 1
        self.tally.done[_REPORT] += 1
        if how == ON_THE_SPOT:
            self.tally.done[_SELF_HANDLED] += 1
        elif "position" in sent:
            self._reported = [*self._reported[1 - REMEMBERED :], sent]
        self._say(receipt["case_number"], Act.REPORT, Stage(receipt["stage"]), f"{who.name} ({how})")
        return str(sent["id"])

    def _report_body(self, how: str, who: Player) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.ids(),
            "category": self.choices.one(self.city.categories),
            "words": "演示:虚构的上报,并非真实情况",
            "channel": "hotline" if how == "by telephone" else "inspector",
        }
        if how in ("by telephone", "without a position"):
            body["address"] = f"演示路{int(self.rng.integers(1, 400))}号"
        if how == "by telephone":
            body["reporter"] = {"name": "演示市民", "phone": f"000-{int(self.rng.integers(10_000)):04d}"}
        if how == "taken by a rule":
            body |= self.choices.one(self.by_rule)
        if how in ("with a photo", "taken by a rule", ON_THE_SPOT):
            body["photos"] = [self.city.photo(who)]
        if how == ON_THE_SPOT:
            body["self_handled"] = {"result": "演示:随手清理", "photos": [self.city.photo(who)]}
        if how == "by a clock that runs ahead":
            body["happened_at"] = (self.clock() + AHEAD).isoformat()
        if how == "outside every grid":
            body["position"] = position(*self.city.terrain.outside(), Datum.wgs84)
        elif how != "without a position":
            datum = self.choices.one([Datum.gcj02, Datum.bd09, Datum.cgcs2000])
            point = self.city.terrain.point(self.city.area(who))
            body["position"] = position(*point, datum if how == "in another datum" else Datum.wgs84)
        return body

    def _again(self, id_: str) -> dict[str, Any]:
        """What somebody else reported, where and as what, if it is still open; nothing where none is."""
        for sent in reversed(self._reported):
            row = self.leader.get(f"/api/incidents/{sent['id']}")["row"]
            if Stage(row["stage"]) not in ENDED and row["path"]:
                self._twins[id_] = sent["id"]
                return {"category": row["category"], "position": sent["position"]}
        return {}

    def advance(self, incident: str) -> bool:
        """Somebody takes an incident one step further; False where it has ended and is left alone."""
        case = self._case(incident)
        stage = Stage(case.row["stage"])
        moves = {
            _name(t): t
            for t in PLAYED
            if t.stage is stage and makes_sense(t, case) and who_may(t, case, self.people)
        }
        if not moves:
            where = "/".join(case.row["path"]) or "the tray"
            raise NobodyThere(
                f"nobody has anything to do in {where}, led by {case.row['lead']}", incident=incident
            )
        options = {name: self._weight(name, move) for name, move in moves.items()}
        if stage in ENDED and all(self.choices.taken[f"{stage}: {name}"] for name in options):
            options["nothing"] = LEFT_ALONE
        in_tray = stage is Stage.INTAKE and not case.row["path"]
        placed = in_tray and self.choices.pick("tray", TRAY) == PLACED
        name = str(Act.PLACE) if placed else self.choices.pick(str(stage), options)
        if name == "nothing":
            return False
        self._act(case, moves[name])
        return True

    def _weight(self, name: str, move: Transition) -> float:
        usual = SELDOM.get((move.act, move.outcome)) or WEIGHTS.get(move.act, 1.0)
        taken = self.choices.taken[f"{move.stage}: {name}"]
        return FLEETING if move.act in _FLEETING and not taken else usual

    def _case(self, incident: str) -> Case:
        told = self.leader.get(f"/api/incidents/{incident}")
        row = told["row"]
        return Case(
            row,
            frozenset(told["acts"]),
            self.city.demands(row),
            self._twin(incident),
            self._last(incident),
            self.clock(),
        )

    def _twin(self, incident: str) -> dict[str, Any] | None:
        """The row of what it may be the same as, while that can lead."""
        other = self._twins.get(incident)
        row = None if other is None else self.leader.get(f"/api/incidents/{other}")["row"]
        return None if row is None or Stage(row["stage"]) in ENDED else dict(row)

    def _last(self, incident: str) -> Did | None:
        """What was done last, where whoever did it is offered to take it back."""
        did = self._did.get(incident)
        if did is None:
            return None
        try:
            offered = did.who.get(f"/api/incidents/{incident}")["acts"]
        except Refused as refused:
            # Who gave it away does not see it any more.
            if refused.status != _NOT_THERE:
                raise
            return None
        return did if Act.TAKE_BACK in offered else None

    def _act(self, case: Case, move: Transition) -> None:
        incident = case.row["id"]
        who = self.choices.one(who_may(move, case, self.people))
        seen = who.get(f"/api/incidents/{incident}")
        if move.act not in seen["acts"]:
            raise NotOffered(
                f"{who.name} is not offered {move.act} in stage {case.row['stage']}", incident=incident
            )
        body = {"id": self.ids(), "seen": seen["row"]["number"], **self.city.more(move, case, who)}
        receipt = who.post(f"/api/incidents/{incident}/{move.act}", body)
        done = _as_it_came(move, Stage(receipt["stage"]))
        self.tally.acts += 1
        self.tally.done[done] += 1
        self._did[incident] = Did(who, done)
        self._say(case.row["case_number"], move.act, done.to, who.name)

    def _say(self, case_number: str, act: Act, to: Stage, who: str) -> None:
        self.tally.last = f"{case_number} {act} {ACT_ZH[act]} by {who} -> {to} {STAGE_ZH[to]}"


def _leads_all(one: Player) -> bool:
    """Is this the shift leader of the whole city?"""
    return any(a.role is Role.SHIFT_LEADER and not a.path for a in one.assignments)


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


def _as_it_came(move: Transition, stage: Stage) -> Transition:
    """The row that was taken: whose it is after a correction, the server says."""
    if move.to is stage:
        return move
    (came,) = (t for t in TRANSITIONS if (t.stage, t.act, t.to) == (move.stage, move.act, stage))
    return came


_NOT_THERE: Final = 404
(_REPORT,) = (row for row in TRANSITIONS if row.act is Act.REPORT)
(_SELF_HANDLED,) = (row for row in TRANSITIONS if row.act is Act.SELF_HANDLE)
