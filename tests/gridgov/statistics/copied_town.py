"""A history of the small town with its columnar copy, and the slow, obvious reading of the same: the entries up to a
position are folded, and `dispatch.closure.count` counts one incident after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import shapely

from dispatch.categories import Categories, Category, Field
from dispatch.closure import IncidentFacts, Period, Tally, count, facts, is_counted
from dispatch.errors import DispatchError
from dispatch.incidents import Incident, extend
from geodata.datum import Datum
from gridgov import city, commands, specialised
from gridgov.commands import ImportedRow
from gridgov.fields import Field as LayerInForce
from gridgov.fields import Fields
from gridgov.in_force import InForce
from gridgov.statistics.answering import answer
from gridgov.statistics.carrying import Carrier
from gridgov.statistics.copy import Copy
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.following import Follower
from gridgov.statistics.matrix import matrix
from gridgov.statistics.opening import opened
from gridgov.statistics.periods import Bucket, buckets
from gridgov.statistics.question import AS_RECORDED, Narrowed, Opening, Question, Reach, whole_second
from gridgov.storage import ledger
from gridgov.storage.batch import Command
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import StorageError
from tests.gridgov import precincts, scene
from tests.gridgov.acts_by_chance import SomeOnDuty
from tests.gridgov.conftest import TOWN
from tests.gridgov.histories import Play
from tests.gridgov.storage.conftest import Town

EDITIONS = {1: scene.hierarchy(), 2: scene.redrawn()}
LEVELS = ("district", "street", "grid")
CLASSES = {scene.COVER: "t:component:01", scene.RUBBISH: "t:event:01", scene.NOISE: ""}
FIELDS = {
    "city": Field("city", "城管", "city", categories=frozenset({scene.COVER})),
    "waste": Field("waste", "环卫", "waste", classes=frozenset({"t:event:01", "t:component:01"})),
}
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
#: A category and a department that the rules do not have, as imported history may.
GONE = "gone"


def in_force() -> InForce:
    """The small town, with classes, fields, and layers of specialised grids."""
    town = scene.in_force()
    categories = Categories(_of_class(category) for category in town.rules.categories)
    rules = replace(town.rules, categories=categories, fields=FIELDS)
    layers = [
        LayerInForce(1, precincts.stations(), categories=frozenset({scene.RUBBISH}), edition=1),
        LayerInForce(2, precincts.precincts()),
    ]
    return replace(town, rules=rules, fields=Fields.over(town.atlas.locator, 1, layers))


def _of_class(category: Category) -> Category:
    return replace(category, class_code=CLASSES[category.key][-2:], class_zh="类")


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'town.db'}"


def draw(folder: Path) -> None:
    """A store with both editions and the layers, and its empty copy."""
    town = Town(_url(folder), in_force=in_force())
    town.writer.run(city.apply(TOWN, "test"))
    for number, hierarchy in EDITIONS.items():
        chore = city.import_edition(hierarchy, f"no. {number}", made_up=True, findings=[], by="test")
        assert town.writer.run(chore).edition == number
        if number == 1:
            for layer in (precincts.FIRE, precincts.POLICE):
                town.writer.run(specialised.put(layer, "test"))
    with Copy(folder / "copy.duckdb", threads=1) as copy:
        with town.reader.connect() as connection:
            copy.begin(ledger.read_head(connection).epoch)
        Follower(town.reader, copy).draw()
    town.close_down()


class CopiedTown:
    """A history in a store that was drawn, and its copy, which followed it in several steps."""

    def __init__(self, folder: Path, seed: int, count: int = 60) -> None:
        self.chance = Random(seed)
        self.in_force = in_force()
        self.town = Town(_url(folder), in_force=self.in_force, duty=SomeOnDuty)
        self.copy = Copy(folder / "copy.duckdb", threads=1)
        self.follower = Follower(self.town.reader, self.copy)
        self.carrier = Carrier(self.town.reader, self.copy)
        self._play(seed, count)
        for edition in EDITIONS:
            self.carrier.ensure(edition)
        self._read()

    def close(self) -> None:
        self.copy.close()
        self.town.close_down()

    def _play(self, seed: int, count: int) -> None:
        play = Play(seed, self.town.clock)
        told = 0
        for n, command in enumerate(play.commands(count)):
            for one in (command, *([self._imported()] if self.chance.random() < 0.15 else [])):
                try:
                    self.town.writer.run(one)
                except (DispatchError, StorageError):
                    # What a person may not do is not done; what is done is what counts here.
                    continue
                for committed in self.town.committed[told:]:
                    play.told(committed.after)
                told = len(self.town.committed)
            if self.chance.random() < 0.05:
                self.town.clock.now += timedelta(hours=self.chance.choice([1, 20, 200]))
            if n in (count // 3, count // 2):
                self._follow()
        self._follow()

    def _follow(self) -> None:
        while self.follower.step():
            pass

    def _imported(self) -> Command:
        """An incident of another system, of any time, closed in time, late, or who knows when."""
        chance = self.chance
        reported = scene.MONDAY + timedelta(seconds=chance.uniform(-40 * 86_400, 3_600))
        closed = chance.random() < 0.6
        took = timedelta(seconds=chance.choice([-60, 0.4, 3_600, 30_000, 900_000]) * chance.uniform(0.5, 1))
        return commands.import_row(
            "import",
            ImportedRow(
                source="old",
                number=f"{chance.getrandbits(64)}",
                channel=chance.choice(["phone", "web", "inspector"]),
                category=chance.choice([scene.COVER, scene.RUBBISH, GONE]),
                department=chance.choice(["water", "cleaning", GONE]),
                status="closed" if closed else "open",
                closed=closed,
                reported_at=reported,
                closed_at=reported + took if closed and chance.random() < 0.9 else None,
                due_at=None
                if chance.random() < 0.2
                else reported + timedelta(seconds=chance.uniform(0, 9e5)),
                lon=None if chance.random() < 0.1 else chance.uniform(113.995, 114.025),
                lat=chance.uniform(22.495, 22.525),
                datum=Datum.wgs84,
            ),
        )

    # -- the slow way

    def _read(self) -> None:
        """All incidents after each position."""
        with self.town.reader.connect() as connection:
            entries = list(ledger.every_entry(connection))
        with self.town.reader.connect() as connection:
            self.redrawn_at = datetime.fromisoformat(city.editions(connection)[0]["effective_at"])
        self.recorded_at = {row["position"]: row["recorded_at"] for row in entries}
        self.first: dict[str, int] = {}
        now: dict[str, Incident] = {}
        self.states: list[dict[str, Incident]] = [{}]
        for row in entries:
            id_ = row["incident"]
            self.first.setdefault(id_, row["position"])
            now = {**now, id_: extend(now.get(id_), (ledger.to_entry(row),))}
            self.states.append(now)

    @property
    def end(self) -> int:
        return len(self.states) - 1

    def moments(self) -> list[datetime]:
        """Moments at which something happened, or was to happen."""
        names = ("reported_at", "filed_at", "dispatched_at", "handled_at", "closed_at", "due_at")
        found = {getattr(one, name) for one in self.states[-1].values() for name in names}
        return sorted(moment for moment in found if moment is not None)

    # -- asking

    def ask(self, question: Question) -> dict[str, Any]:
        with self.copy.asking() as db, snapshot(self.town.reader) as connection:
            return answer(db, self.in_force, Drawings(connection, self.carrier.column_of), question)

    def open(self, opening: Opening) -> dict[str, Any]:
        with self.copy.asking() as db, snapshot(self.town.reader) as connection:
            return opened(db, self.in_force, Drawings(connection, self.carrier.column_of), opening)

    def returns(self, question: Question) -> dict[str, Any]:
        with self.copy.asking() as db, snapshot(self.town.reader) as connection:
            return matrix(db, self.in_force, Drawings(connection, self.carrier.column_of), question)


Key = Callable[[Incident], str | None]


@dataclass(frozen=True)
class Plainly:
    """A question read aloud, and answered by looking at one incident after another."""

    town: CopiedTown
    question: Question

    @property
    def position(self) -> int:
        asked = self.question
        if asked.position is not None:
            return asked.position
        if asked.at is None:
            return self.town.end
        at = int(asked.at.timestamp() * 1_000_000)
        return max((p for p, recorded in self.town.recorded_at.items() if recorded <= at), default=0)

    @property
    def now(self) -> datetime:
        asked = self.question
        if asked.at is not None:
            return min(asked.now, whole_second(asked.at))
        if asked.position:
            recorded = self.town.recorded_at[asked.position]
            return min(asked.now, datetime.fromtimestamp(recorded // 1_000_000, UTC))
        return asked.now

    def incidents(self) -> list[Incident]:
        """What is asked for, whatever its period."""
        return [one for one in self.town.states[self.position].values() if self._meant(one)]

    def tallies(self) -> dict[str | None, Tally]:
        groups: dict[str | None, list[IncidentFacts]] = {}
        for one in self.incidents():
            groups.setdefault(self.key(one), []).append(facts(one))
        counted = {key: count(several, self.question.period, self.now) for key, several in groups.items()}
        return {key: tally for key, tally in counted.items() if tally != Tally()}

    def one(self, incident: Incident) -> Tally:
        """What one incident adds."""
        return count([facts(incident)], self.question.period, self.now)

    def parts(self) -> list[Bucket]:
        """The parts of a trend."""
        asked, reported = self.question, [one.reported_at for one in self.incidents()]
        second = timedelta(seconds=1)
        ends = [self.now, *map(whole_second, reported), *([] if asked.start is None else [asked.start])]
        end = asked.end or max(ends) + second
        start = asked.start or min(*map(whole_second, reported or [self.now]), end - second)
        return buckets(Period(start, end), asked.by, "Asia/Shanghai")

    def tally(self, period: Period) -> Tally:
        return count(map(facts, self.incidents()), period, self.now)

    def located_again(self) -> int:
        edition, asked = self.edition, self.question
        if edition is None or not (asked.only.under or asked.by in LEVELS):
            return 0
        return sum(
            one.place.edition != edition and one.place.lon is not None
            for one in self.incidents()
            if is_counted(facts(one), asked.period)
        )

    # -- what is meant

    @property
    def edition(self) -> int | None:
        asked = self.question.edition
        if asked is None:
            end = self.question.end
            last = self.now if end is None else min(self.now, end - timedelta(microseconds=1))
            return 2 if last >= self.town.redrawn_at else 1
        return None if asked == AS_RECORDED else int(asked)

    def _meant(self, one: Incident) -> bool:
        only = self.question.only
        wanted = {name: getattr(only, name) for name in KEYS if name in Narrowed.model_fields}
        wanted["class"] = only.class_
        return (
            any(self._reached(claim, one) for claim in self.question.reach)
            and self.lies_in(one)[: len(only.under)] == only.under
            and all(KEYS[name](one) == value for name, value in wanted.items() if value is not None)
            and (only.specialised is None or "/".join(only.specialised) in one.specialised)
        )

    @staticmethod
    def _reached(claim: Reach, one: Incident) -> bool:
        if claim.department is not None and one.lead != claim.department:
            return False
        path = one.place.path
        return path[: len(claim.path)] == claim.path if path else claim.tray

    def lies_in(self, one: Incident) -> tuple[str, ...]:
        """By looking at one polygon after another."""
        edition = self.edition
        if edition is None or one.place.edition == edition:
            return one.place.path
        if one.place.lon is not None and one.place.lat is not None:
            for grid in EDITIONS[edition].lowest:
                if shapely.intersects_xy(grid.geometry, one.place.lon, one.place.lat):
                    return EDITIONS[edition].path(grid)
        return ()

    def key(self, one: Incident) -> str | None:
        by = self.question.by
        if by in LEVELS:
            depth = LEVELS.index(by) + 1
            path = self.lies_in(one)
            return "/".join(path[:depth]) if len(path) >= depth else None
        if by in ("fire", "police"):
            return next((name.split("/")[1] for name in one.specialised if name.startswith(f"{by}/")), None)
        return KEYS[by](one)


def _field(one: Incident) -> str | None:
    return {scene.COVER: "city", scene.RUBBISH: "waste"}.get(one.category)


KEYS: Mapping[str, Key] = {
    "none": lambda _: "all",
    "department": lambda one: one.department,
    "crew": lambda one: one.crew,
    "category": lambda one: one.category,
    "class": lambda one: CLASSES.get(one.category) or None,
    "field": _field,
    "channel": lambda one: one.channel,
    "urgency": lambda one: one.urgency,
    "inspector": lambda one: one.reported_by or None if one.channel == "inspector" else None,
}


def tallies_of(told: Mapping[str, Any]) -> dict[str | None, Tally]:
    """The tallies of an answer by group, but for those that are empty."""
    found = {group["key"]: Tally(**group["tally"]) for group in told["groups"]}
    return {key: tally for key, tally in found.items() if tally != Tally()}


def added(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, start=Tally())
