"""The life of one incident as a newcomer would write it down after reading the rule-book: slow, flat, no tables shared.

It knows nothing of entries or decisions; only the calendar's plain questions (is this moment working time?), the
routing of a category at a place, and the kinds of error are taken from `dispatch`, each tested by itself.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatch.categories import Category
from dispatch.deadlines import Limit, Unit, due
from dispatch.errors import (
    DispatchError,
    NotForThisRole,
    NotInThisStage,
    ReasonMissing,
    UnknownCategory,
    UnknownDepartment,
)
from dispatch.routing import Situation, route
from tests.dispatch.strategies import CATEGORIES, DEPARTMENTS, china, rules, units

#: The machine moves time in these steps, and working hours begin and end on them: so counting steps is exact.
STEP = timedelta(minutes=15)
EVERYBODY = "inspector intake_clerk dispatcher handler shift_leader supervisor manager"
OPEN = ("intake", "verifying", "dispatch", "handling", "checking", "closing", "imported")


def own_time(unit: Unit, start: datetime, end: datetime) -> timedelta:
    """How much of the unit's kind of time passes, counted step by step; negative backwards."""
    if unit in (Unit.EH, Unit.ED):
        return end - start
    if end < start:
        return -own_time(unit, end, start)
    steps = (start + n * STEP for n in range((end - start) // STEP))
    return sum(china().is_working(moment) for moment in steps) * STEP


@dataclass
class PlainIncident:
    """What is on the whiteboard about one incident."""

    stage: str = "unreported"
    category: Category | None = None
    path: tuple[str, ...] = ()
    owner: str = ""
    lead: str | None = None
    left_by: str | None = None
    left: timedelta | None = None
    limit: Limit | None = None
    due_at: datetime | None = None
    handled_by: str | None = None
    filed_at: datetime | None = None
    closed_at: datetime | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: {
            "dispatches": 0,
            "redirected": 0,
            "returns": 0,
            "reworks": 0,
            "reopenings": 0,
        }
    )
    given_to: list[str] = field(default_factory=list)

    def may(self, act: str) -> str | None:
        """The roles an act belongs to now; None where the stage does not allow it."""
        leader, desk, intake = "shift_leader", "dispatcher shift_leader", "intake_clerk shift_leader"
        if act == "report":
            return "inspector intake_clerk shift_leader" if self.stage == "unreported" else None
        if self.stage == "unreported":
            return None
        if act == "note":
            return EVERYBODY
        if act == "attach":
            return EVERYBODY if self.stage in OPEN else None
        if act == "cancel":
            return leader if self.stage in OPEN else None
        if act == "reopen":
            return "shift_leader manager" if self.stage in ("closed", "rejected") else None
        stages = {
            "place": ("intake", intake),
            "file": ("intake verifying", intake),
            "ask": ("intake", intake),
            "verify": ("verifying", "inspector shift_leader"),
            "reject": ("intake verifying", intake),
            "dispatch": ("dispatch", desk),
            "return": ("handling", "handler"),
            "handle": ("handling", "handler"),
            "check": ("checking", "inspector shift_leader"),
            "close": ("closing", desk),
            "adopt": ("imported", leader),
        }
        stage, roles = stages[act]
        return roles if self.stage in stage.split() else None

    def refuses(
        self,
        act: str,
        roles: frozenset[str],
        person: str,
        words: str = "-",
        passed: bool = True,
        category: str | None = None,
        department: str | None = None,
    ) -> type[DispatchError] | None:
        """The error an act must end with, None where it must be allowed."""
        allowed = self.may(act)
        if allowed is None:
            return NotInThisStage
        if not roles & set(allowed.split()):
            return NotForThisRole
        if act == "check" and person == self.handled_by:
            return NotForThisRole
        if act == "dispatch" and department and department not in {d.code for d in DEPARTMENTS}:
            return UnknownDepartment
        if category is not None and category not in CATEGORIES:
            return UnknownCategory
        needs_words = {"reject", "return", "handle", "reopen", "cancel"} | (
            {"check", "verify"} if not passed else set()
        )
        if act in needs_words and not words.strip():
            return ReasonMissing
        return None

    def route(self) -> None:
        assert self.category is not None
        found = route(rules().routing, Situation(self.category, self.path, units(self.path)))
        self.owner = found.department

    def place(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.route()

    def file(self, now: datetime, category: str | None) -> None:
        self.stage, self.filed_at = "dispatch", now
        if category is not None:
            self.category = CATEGORIES.get(category)
        self.route()

    def handle(self, person: str) -> None:
        self.stage, self.handled_by = "checking", person

    def close(self, now: datetime) -> None:
        self.stage, self.closed_at = "closed", now

    def adopt(self) -> None:
        self.stage, self.due_at = "intake", None
        self.route()

    def dispatch(self, now: datetime, department: str | None) -> None:
        self.stage = "handling"
        self.counts["dispatches"] += 1
        chosen = department or self.owner
        assert self.category is not None
        resumes = self.left is not None and self.left_by == chosen
        self.counts["redirected"] += bool(self.given_to) and self.given_to[-1] != chosen
        self.given_to.append(chosen)
        self.owner = self.lead = chosen
        self.handled_by = None
        if resumes:
            self.due_at = None
        else:
            self.limit = self.category.limit
            self.left = None
            self.due_at = due(china(), self.limit, now)

    def return_(self, now: datetime) -> None:
        assert self.limit is not None
        assert self.due_at is not None
        self.stage = "dispatch"
        self.counts["returns"] += 1
        self.left = own_time(self.limit.unit, now, self.due_at)
        self.left_by, self.lead, self.due_at = self.lead, None, None

    def check(self, passed: bool) -> None:
        self.stage = "closing" if passed else "handling"
        if not passed:
            self.counts["reworks"] += 1
            self.handled_by = None

    def reopen(self) -> None:
        self.counts["reopenings"] += 1
        self.stage = "dispatch" if self.stage == "closed" else "intake"
        self.lead = self.left_by = self.left = self.limit = self.due_at = None
        self.handled_by = self.closed_at = None

    def stands(self, stage: str) -> None:
        self.stage = stage

    def end(self, stage: str) -> None:
        self.stage, self.left = stage, None
