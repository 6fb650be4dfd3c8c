"""The whiteboard about one incident, as a newcomer would keep it: slow, flat, no tables shared with the code."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatch.categories import CaseStandard
from dispatch.deadlines import Limit
from dispatch.routing import Situation, route
from tests.dispatch.plain_ground import Ground
from tests.dispatch.plain_time import MINUTES, end_of, own_time


@dataclass
class Clock:
    """What runs, since which entry, by when."""

    name: str
    run: int
    due: datetime


@dataclass
class Part:
    """What a department has done with what is its own."""

    state: str = "open"
    taken_by: str | None = None
    crew: str | None = None
    assignee: str | None = None


@dataclass
class Board:
    """What is on the whiteboard about one incident."""

    ground: Ground
    name: str
    stage: str
    category: str
    standard: str | None
    path: tuple[str, ...]
    urgency: str = ""
    owner: str = ""
    with_them: tuple[str, ...] = ()
    entries: int = 1
    reporter: str = ""
    photos: tuple[str, ...] = ()
    clock: Clock | None = None
    handling: Clock | None = None
    limit: Limit | None = None
    due_at: datetime | None = None
    left: timedelta | None = None
    left_by: str | None = None
    returned: bool = False
    overdue: list[str] = field(default_factory=list)
    lead: str | None = None
    last_lead: str | None = None
    own: Part = field(default_factory=Part)
    parts: dict[str, Part] = field(default_factory=dict)
    applied: tuple[str, datetime | None] | None = None
    extensions: int = 0
    extended: int = 0
    suspensions: int = 0
    until: datetime | None = None
    supervision: Clock | None = None
    supervisions: int = 0
    task: str | None = None
    task_person: str | None = None
    task_state: str | None = None
    task_by: datetime | None = None
    passed_over: list[str] = field(default_factory=list)
    eyes: set[str] = field(default_factory=set)
    hands: set[str] = field(default_factory=set)
    leader: str | None = None
    followers: list[str] = field(default_factory=list)
    self_handled: bool = False
    appeal: str | None = None
    appealed_by: str | None = None
    unhappy: bool = False
    call_backs: int = 0
    enforcements: int = 0
    filed_at: datetime | None = None
    closed_at: datetime | None = None
    handled_by: str | None = None
    given_to: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("dispatches", "redirected", "returns", "reworks", "reopenings"), 0
        )
    )
    #: Who did the last act that can be taken back, when, and the board before it.
    last: "tuple[str, datetime, Board] | None" = None

    # -- clocks

    def norm(self) -> CaseStandard:
        """What the book says of this kind of thing."""
        return self.ground.categories.get(self.category).standard_of(self.standard)

    def starts(self, name: str, now: datetime) -> None:
        """A clock of so many working minutes starts with this entry."""
        minutes = {"intake": 15, "verify": 30, "dispatch": 15, "check": 30, "closing": 30}[name]
        self.clock = Clock(name, self.entries, end_of(Limit(minutes, MINUTES), now))

    def pauses(self, now: datetime) -> None:
        """The clock of handling stops; what is left of it is written down."""
        assert self.limit is not None
        assert self.due_at is not None
        self.left, self.due_at, self.clock = own_time(self.limit.unit, now, self.due_at), None, None

    def goes_on(self, due: datetime) -> None:
        """The clock of handling runs again, or still, until then: the same run."""
        assert self.handling is not None
        self.left, self.due_at, self.handling.due = None, due, due
        self.clock = deepcopy(self.handling)

    def moments(self) -> list[datetime]:
        """When something comes to its end."""
        clocks = [clock.due for clock in (self.clock, self.supervision) if clock is not None]
        return clocks + [moment for moment in (self.until, self.task_by) if moment is not None]

    # -- where it belongs

    def routed(self) -> None:
        category = self.ground.categories.get(self.category)
        found = route(
            self.ground.routing,
            Situation(category, self.path, self.ground.units(self.path), department=self.norm().department),
        )
        self.owner, self.with_them = found.department, found.co_handlers

    def dispatched(self, chosen: str, co_handlers: tuple[str, ...], now: datetime) -> None:
        """To this department. `goes_on` has to follow where it had it before and has something left."""
        self.stage, self.returned = "handling", False
        self.counts["dispatches"] += 1
        self.counts["redirected"] += bool(self.given_to) and self.given_to[-1] != chosen
        self.given_to.append(chosen)
        self.owner = self.lead = self.last_lead = chosen
        if self.appealed_by != chosen:
            self.appeal = None
        self.handled_by = None
        self.own = Part()
        self.parts = {one: self.parts.get(one, Part()) for one in co_handlers if one != chosen}
        if self.left is not None and self.left_by == chosen:
            return
        self.left, self.extended, self.limit = None, 0, self.norm().limit
        self.due_at = end_of(self.limit, now)
        self.handling = Clock("handling", self.entries, self.due_at)
        self.clock = deepcopy(self.handling)

    def sends(self, kind: str, now: datetime) -> None:
        """Somebody on duty is sent to look: the deepest grid that holds it, the nearest, the first name."""
        here = self.ground.on_duty(self.path, now)
        going = [c for c in here if c.person not in self.passed_over and c.person not in self.hands]
        far = 10.0**9
        if not here and self.task is None:
            return
        going.sort(key=lambda c: (-c.depth, far if c.distance_m is None else c.distance_m, c.person))
        self.task, self.entries = kind, self.entries + 1
        self.task_person = going[0].person if going else None
        self.task_state = "offered" if going else "unassigned"
        self.task_by = end_of(Limit(self.ground.task_minutes, MINUTES), now) if going else None

    def looked(self) -> None:
        """Nobody is sent any more."""
        self.task = self.task_person = self.task_state = self.task_by = None
        self.passed_over = []

    def leaves_handling(self) -> None:
        self.applied = None
