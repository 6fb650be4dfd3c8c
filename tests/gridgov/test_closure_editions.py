"""Figures as recorded or in an edition: what every incident counts for, located one by one, is what they say."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely

from dispatch.closure import IncidentFacts, Period, Tally, count, facts
from dispatch.entries import Place
from dispatch.incidents import Incident, fold
from dispatch.lifecycle import Role
from geodata.datum import Datum, from_wgs84
from geodata.errors import UnknownGrid
from geodata.grids import Hierarchy, Level, measured
from gridgov import city, commands
from gridgov.commands import ImportedRow
from gridgov.errors import BadInput, UnknownEdition
from gridgov.scope import Scope, scope_of
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.statistics.question import AS_RECORDED, Narrowed, Question, Reach, whole_second
from gridgov.storage import ledger
from tests.gridgov import scene
from tests.gridgov.commandline import city_file, history
from tests.gridgov.conftest import Site
from tests.gridgov.importing.mappings import line
from tests.installation import Installation

EVERYBODYS = scope_of("all", (scene.assignment(Role.SHIFT_LEADER),), scene.MONDAY)
DAY = timedelta(days=1)


def drawn(
    levels: tuple[str, ...], strips: dict[tuple[str, ...], tuple[float, float, float, float]]
) -> Hierarchy:
    """A hierarchy whose lowest grids are these boxes; a path is the codes of a grid and all around it."""
    grids = []
    for depth in range(len(levels)):
        for path in dict.fromkeys(path[: depth + 1] for path in strips):
            boxes = [shapely.box(*box) for lowest, box in strips.items() if lowest[: depth + 1] == path]
            parent = path[-2] if depth else None
            grids.append(measured(path[-1], f"网格{path[-1]}", depth, parent, shapely.union_all(boxes)))
    return Hierarchy.build([Level(key, key, key) for key in levels], grids)


#: The second drawing parts the town into west and east where no line was, gives up its north and adds an east end.
SECOND = drawn(
    ("district", "street", "grid"),
    {
        ("D", "W", "W1"): (114.0, 22.5, 114.007, 22.506),
        ("D", "W", "W2"): (114.0, 22.506, 114.007, 22.517),
        ("D", "E", "E1"): (114.007, 22.5, 114.02, 22.517),
        ("D", "E", "E2"): (114.02, 22.5, 114.025, 22.517),
    },
)
#: The third has a level more, and two districts.
THIRD = drawn(
    ("district", "street", "block", "grid"),
    {
        ("D", "W", "Wa", "Wa1"): (114.0, 22.5, 114.005, 22.52),
        ("D", "W", "Wb", "Wb1"): (114.005, 22.5, 114.007, 22.511),
        ("D", "W", "Wb", "Wb2"): (114.005, 22.511, 114.007, 22.52),
        ("F", "X", "Xa", "Xa1"): (114.007, 22.5, 114.025, 22.52),
    },
)
TUESDAY, WEDNESDAY = scene.MONDAY + DAY, scene.MONDAY + 2 * DAY


@pytest.fixture(scope="module")
def town(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Three editions from Monday, Tuesday and Wednesday, a history recorded in each; some of what was open
    at the first switch was located again.
    """
    settings = Settings(data=tmp_path_factory.mktemp("editions") / "var")
    shutil.copytree(filled, settings.data)
    clock = scene.Clock()
    with Service.open(settings, clock) as service:
        chance = random.Random(11)
        for number, (day, hierarchy) in enumerate(
            [(scene.MONDAY, None), (TUESDAY, SECOND), (WEDNESDAY, THIRD)], start=1
        ):
            clock.now = day
            if hierarchy is not None:
                chore = city.import_edition(hierarchy, f"no. {number}", made_up=True, findings=[], by="test")
                assert service.writer.run(chore).edition == number
            if number == 2:
                service.relocator.sweep()
            for n in range(150):
                service.writer.run(commands.import_row("test", row(chance, f"{number}-{n}")))
        yield service


def row(chance: random.Random, number: str) -> ImportedRow:
    """An incident of the week anywhere in the town, around it, on one of its lines, or nowhere."""
    reported = scene.MONDAY + timedelta(hours=chance.uniform(-24, 72))
    closed = chance.random() < 0.6
    lon = chance.choice([chance.uniform(113.995, 114.03), 114.007, 114.01])
    lat = chance.choice([chance.uniform(22.495, 22.525), 22.511, 22.51])
    datum = chance.choice(list(Datum))
    sent = (None, None) if chance.random() < 0.1 else from_wgs84(lon, lat, datum)
    return ImportedRow(
        source="old",
        number=number,
        channel=chance.choice(["hotline", "web"]),
        category=chance.choice([scene.COVER, scene.RUBBISH]),
        department=chance.choice(["water", "cleaning", "gone"]),
        status="closed" if closed else "open",
        closed=closed,
        reported_at=reported,
        closed_at=reported + timedelta(hours=chance.uniform(1, 40)) if closed else None,
        due_at=None if chance.random() < 0.2 else reported + timedelta(hours=20),
        lon=sent[0],
        lat=sent[1],
        datum=datum,
    )


Edition = int | str | None
EDITIONS: tuple[Edition, ...] = (1, 2, 3, AS_RECORDED)
HIERARCHIES = {1: scene.hierarchy(), 2: SECOND, 3: THIRD}
LEVELS = {number: [level.key for level in one.levels] for number, one in HIERARCHIES.items()}
ALWAYS = Period()
TUESDAYS = Period(TUESDAY, WEDNESDAY)


@dataclass(frozen=True)
class Group:
    key: str | None
    path: tuple[str, ...] | None
    name_zh: str
    tally: Tally


class Answered:
    """An answer with its tallies as such."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.groups = [self._group(group) for group in told["groups"]]
        self.total = self._group(told["total"])
        self.edition = None if told["edition"] == AS_RECORDED else told["edition"]
        self.edition_name, self.located_again = told["edition_name"], told["located_again"]

    def _group(self, group: Mapping[str, Any]) -> Group:
        path = None if group["path"] is None else tuple(group["path"])
        return Group(group["key"], path, group["name_zh"], Tally(**group["tally"]))


def ask(
    town: Service,
    by: str = "none",
    edition: Edition = None,
    period: Period = ALWAYS,
    scope: Scope = EVERYBODYS,
    now: datetime = WEDNESDAY + DAY,
    **only: Any,
) -> Answered:
    question = Question(
        by=by,
        start=period.start,
        end=period.end,
        now=whole_second(now),
        only=Narrowed(**only),
        edition=edition,  # type: ignore[arg-type]
        reach=tuple(map(Reach.of, scope.claims)),
    )
    return Answered(town.statistics.ask(question))


def incidents(town: Service) -> list[Incident]:
    """Every incident as its own entries add up to it."""
    with town.reader.connect() as connection:
        ids = connection.exec_driver_sql("SELECT DISTINCT incident FROM entry").scalars().all()
        return [fold(entries) for entries in ledger.history(connection, ids).values()]


def lies_in(place: Place, edition: Edition) -> tuple[str, ...]:
    """By looking at one polygon after another."""
    if edition == AS_RECORDED:
        return place.path
    assert isinstance(edition, int)
    hierarchy = HIERARCHIES[edition]
    if place.lon is not None:
        for grid in hierarchy.lowest:
            if shapely.intersects_xy(grid.geometry, place.lon, place.lat):
                return hierarchy.path(grid)
    return ()


def plainly(
    found: list[Incident], by: str, edition: Edition, period: Period, under: tuple[str, ...]
) -> tuple[dict[str | None, Tally], int]:
    """The tallies by group, and how many were located again, one incident after another."""
    groups: dict[str | None, list[IncidentFacts]] = {}
    again = 0
    for one in found:
        path = lies_in(one.place, edition)
        if path[: len(under)] != under:
            continue
        own = one.place.edition if edition == AS_RECORDED else edition
        key: str | None = "all"
        if by != "none":
            keys = LEVELS.get(own or 0, [])
            depth = keys.index(by) + 1 if by in keys else 99
            key = "/".join(path[:depth]) if len(path) >= depth else None
        if count([facts(one)], period, WEDNESDAY + DAY) != Tally():
            groups.setdefault(key, []).append(facts(one))
            again += edition != AS_RECORDED and one.place.lon is not None and one.place.edition != edition
    tallies = {key: count(several, period, WEDNESDAY + DAY) for key, several in groups.items()}
    return tallies, again if by != "none" or under else 0


@pytest.mark.parametrize("under", [(), ("D",), ("D", "W"), ("D", "N"), ("F", "X", "Xa"), ("D", "E", "E2")])
@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("period", [ALWAYS, TUESDAYS], ids=["always", "tuesday"])
def test_they_are_what_locating_every_incident_by_itself_comes_to(
    town: Service, period: Period, edition: Edition, under: tuple[str, ...]
) -> None:
    asked = [one for number, one in HIERARCHIES.items() if edition in (number, AS_RECORDED)]
    if not any(path[: len(under)] == under for one in asked for path in one.paths):
        with pytest.raises(UnknownGrid, match=f"edition {edition} has none; ask for the edition that has it"):
            ask(town, edition=edition, under=under)
        return
    found = incidents(town)
    levels = LEVELS[edition] if isinstance(edition, int) else LEVELS[3]
    for by in ("none", *levels):
        told = ask(town, by, edition, period, under=under)
        expected, again = plainly(found, by, edition, period, under)
        assert {group.key: group.tally for group in told.groups if group.tally != Tally()} == expected
        assert sum((group.tally for group in told.groups), Tally()) == told.total.tally
        assert told.located_again == again
        assert told.edition == (edition if isinstance(edition, int) else None)


@pytest.mark.parametrize("edition", EDITIONS)
def test_children_add_up_to_their_parent(town: Service, edition: Edition) -> None:
    """As recorded those levels that all editions have in the same place."""
    levels = LEVELS[edition] if isinstance(edition, int) else ["district", "street"]
    for upper, lower in pairwise(levels):
        parents = {group.path: group.tally for group in ask(town, upper, edition).groups}
        children: dict[tuple[str, ...] | None, Tally] = {}
        for group in ask(town, lower, edition).groups:
            parent = None if group.path is None else group.path[:-1]
            children[parent] = children.get(parent, Tally()) + group.tally
        assert children == parents


def test_each_edition_shows_its_own_grids_and_as_recorded_those_of_all(town: Service) -> None:
    def names(edition: Edition) -> dict[str | None, str]:
        return {group.key: group.name_zh for group in ask(town, "street", edition).groups}

    assert names(1) == {"D/N": "街道N", "D/S": "街道S", None: "未定位"}
    assert names(2) == {"D/E": "网格E", "D/W": "网格W", None: "未定位"}
    assert names(3) == {"D/W": "网格W", "F/X": "网格X", None: "未定位"}
    assert names(AS_RECORDED) == names(1) | names(2) | names(3)
    assert ask(town, "street", 2).edition_name == "no. 2"
    blocks = ask(town, "block", AS_RECORDED)
    assert {group.key for group in blocks.groups} == {"D/W/Wa", "D/W/Wb", "F/X/Xa", None}


def test_left_out_it_is_the_edition_in_force_at_the_end_of_the_period(town: Service) -> None:
    """The end itself is not in the period: what takes effect then is not yet the period's."""
    with town.reader.connect() as connection:
        known = city.editions(connection)
    since = {one["edition"]: datetime.fromisoformat(one["effective_at"]) for one in known}
    instant = timedelta(seconds=1)
    ends = {scene.MONDAY - DAY: 1, since[2]: 1, since[2] + instant: 2, since[3]: 2, since[3] + instant: 3}
    for end, edition in {**ends, WEDNESDAY + 30 * DAY: 3, None: 3}.items():
        told = ask(town, "grid", period=Period(None, end))
        assert (told.edition, told.groups) == (edition, ask(town, "grid", edition, Period(None, end)).groups)


def test_a_period_that_still_runs_is_not_counted_in_an_edition_to_come(service: Service) -> None:
    chore = city.import_edition(SECOND, "to come", made_up=True, findings=[], by="test", effective_at=TUESDAY)
    service.writer.run(chore)
    until = Period(None, WEDNESDAY)
    assert ask(service, "street", period=until, now=scene.MONDAY).edition == 1
    assert ask(service, "street", period=until, now=WEDNESDAY).edition == 2
    assert ask(service, "street", 2, until, now=scene.MONDAY).edition == 2


def test_rights_are_decided_by_where_incidents_were_recorded(town: Service) -> None:
    manager = scope_of("m", (scene.assignment(Role.MANAGER, ("D", "N")),), scene.MONDAY)
    theirs = [one for one in incidents(town) if one.place.path[:2] == ("D", "N")]
    for edition in EDITIONS:
        told = ask(town, "district", edition, scope=manager)
        assert told.total.tally == count(map(facts, theirs), ALWAYS, WEDNESDAY + DAY)
        expected, _ = plainly(theirs, "district", edition, ALWAYS, ())
        assert {group.key: group.tally for group in told.groups} == expected
    assert None in {group.key for group in ask(town, "district", 2, scope=manager).groups}


def test_what_is_none_is_refused(town: Service) -> None:
    with pytest.raises(UnknownEdition):
        ask(town, edition=9)
    with pytest.raises(BadInput, match=r"by none, department, .* district, street, grid; not by 'block'"):
        ask(town, "block", 2)
    with pytest.raises(UnknownGrid, match="no edition of the grids has it"):
        ask(town, edition=AS_RECORDED, under=("D", "Z"))


class TestServed:
    """The same over HTTP and on the command line."""

    @pytest.fixture
    def redrawn(self, site: Site) -> Site:
        """A closed cover in N1 and an open one outside; then the second drawing."""
        site.closed(scene.COVER, "N1")
        site.as_("inspector").report(scene.COVER, None)
        chore = city.import_edition(SECOND, "second", made_up=True, findings=[], by="test")
        site.service.writer.run(chore)
        return site

    def told(self, site: Site, query: str) -> Any:
        answer = site.as_("manager").get(f"/api/closure?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    @pytest.mark.parametrize(
        ("query", "keys", "edition", "name", "again"),
        [
            ("by=street", ["D/W", None], 2, "second", 1),
            ("by=street&edition=2", ["D/W", None], 2, "second", 1),
            ("by=street&edition=1", ["D/N", None], 1, "first", 0),
            ("by=street&edition=as_recorded", ["D/N", None], "as_recorded", None, 0),
            ("by=street&edition=1&under=D/N/N1", ["D/N"], 1, "first", 0),
            ("by=street&edition=as_recorded&under=D/N", ["D/N"], "as_recorded", None, 0),
            ("by=grid&under=D/W/W2", ["D/W/W2"], 2, "second", 1),
            ("by=none", ["all"], 2, "second", 0),
        ],
    )
    def test_the_answer_names_the_edition_and_what_was_located_again(
        self, redrawn: Site, query: str, keys: list[str | None], edition: object, name: str | None, again: int
    ) -> None:
        told = self.told(redrawn, query)
        assert [group["key"] for group in told["groups"]] == keys
        assert (told["edition"], told["edition_name"], told["located_again"]) == (edition, name, again)

    @pytest.mark.parametrize(
        ("query", "status", "said"),
        [
            ("edition=3", 404, "no such edition"),
            ("edition=0", 422, "greater than or equal to 1"),
            ("edition=then", 422, "as_recorded"),
            ("under=D/N", 404, "edition 2 has none"),
            ("under=D/Z&edition=as_recorded", 404, "no edition"),
            ("by=block", 422, "not by 'block'"),
        ],
    )
    def test_what_is_none_is_refused(self, redrawn: Site, query: str, status: int, said: str) -> None:
        answer = redrawn.as_("manager").get(f"/api/closure?{query}")
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text

    def test_lists_are_filtered_by_grids_that_are_no_more(self, redrawn: Site) -> None:
        leader = redrawn.as_("leader")
        (row,) = leader.get("/api/incidents?under=D/N").json()["rows"]
        assert row["path"] == ["D", "N", "N1"]
        assert leader.get("/api/incidents?under=D/W").json()["rows"] == []
        assert leader.get("/api/incidents?under=D/Z").status_code == 404

    def test_on_the_command_line(self, tmp_path: Path) -> None:
        made = Installation(tmp_path / "var")
        file = city_file(tmp_path)
        for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
            made.done(*command)
        table, mapping = history(tmp_path, line(), line(no="A-2", x="", y=""))
        made.done("incidents", "import", table, "--mapping", mapping)
        ran = made.done("closure", "--by", "street", "--edition", "1")
        assert ", edition 1 " in ran.err
        assert (
            "each incident in the edition it was recorded in"
            in made.done("closure", "--edition", "as_recorded").err
        )
        assert made.done("closure", "--edition", "as_recorded", "--json").json["edition"] == "as_recorded"
        for text, said in (("2", "no such edition"), ("last", "--edition is 'last': expected the number")):
            ran = made.run("closure", "--edition", text)
            assert (ran.code, said in ran.err) == (1, True), ran.err
