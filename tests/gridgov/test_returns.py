"""Returns per pair of departments: over HTTP and on the command line, and the sums of the matrix by law."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, select

from dispatch.closure import Period
from dispatch.entries import from_micros, to_micros
from gridgov.cli import returns as command_line
from gridgov.returns import returns
from gridgov.scope import Claim, Scope
from gridgov.storage.tables import EntryRow, IncidentRow, path_text
from tests.gridgov import scene
from tests.gridgov.conftest import Site
from tests.gridgov.storage.conftest import Town
from tests.installation import Installation

_table = IncidentRow.__table__  # type: ignore[attr-defined]
_entry = EntryRow.__table__  # type: ignore[attr-defined]
HOUR = 3_600_000_000
MINUTE = timedelta(minutes=1)


def told(site: Site, who: str = "leader", **asked: Any) -> Any:
    answer = site.as_(who).get("/api/returns", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pairs(found: Any) -> list[tuple[str, str | None, int]]:
    return [(one["from"], one["to"], one["count"]) for one in found["pairs"]]


def dispatched(site: Site, grid: str) -> str:
    """A cover that lies with water; its last entry is number 3."""
    id_ = str(site.as_("inspector").report(scene.COVER, grid)["incident"])
    assert site.as_("clerk").act("file", id_, 1).status_code == 200
    assert site.as_("leader").act("dispatch", id_, 2).status_code == 200
    return id_


def sent_back(site: Site, id_: str, who: str, seen: int) -> None:
    assert site.as_(who).act("return", id_, seen, reason="不归我们").status_code == 200


def taken(site: Site, id_: str, department: str, seen: int) -> None:
    answer = site.as_("leader").act("dispatch", id_, seen, department=department)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def pushed(site: Site) -> Site:
    """Pushed to and fro: water to cleaning and back by one, water to water by another, and nobody took the
    third, in the south.
    """
    first, second, third = dispatched(site, "N1"), dispatched(site, "N2"), dispatched(site, "S1")
    sent_back(site, first, "water", 3)
    site.later(10 * MINUTE)
    taken(site, first, "cleaning", 4)
    sent_back(site, first, "cleaning", 5)
    site.later(30 * MINUTE)
    taken(site, first, "water", 6)
    sent_back(site, second, "water", 3)
    taken(site, second, "water", 4)
    sent_back(site, third, "water", 3)
    return site


def test_each_pair_is_counted_and_each_department_summed_up(pushed: Site) -> None:
    found = told(pushed)
    assert pairs(found) == [
        ("cleaning", "water", 1),
        ("water", "cleaning", 1),
        ("water", "water", 1),
        ("water", None, 1),
    ]
    by_pair = {(one["from"], one["to"]): one for one in found["pairs"]}
    assert 600 < by_pair["water", "cleaning"]["median_s"] < 620
    assert 1800 < by_pair["cleaning", "water"]["median_s"] < 1820
    assert by_pair["water", None]["median_s"] is None
    assert 0 < by_pair["water", "cleaning"]["held_s"] < 60
    assert 0 < by_pair["cleaning", "water"]["held_s"] < 60
    assert 2400 < by_pair["water", "water"]["held_s"] < 2460
    assert 2400 < by_pair["water", None]["held_s"] < 2460
    assert (by_pair["water", None]["from_zh"], by_pair["water", None]["to_zh"]) == ("水务局", "无部门接手")
    water, cleaning = found["departments"]
    assert [water[key] for key in ("from", "count", "untaken", "back")] == ["water", 3, 1, 1]
    assert [cleaning[key] for key in ("from", "count", "untaken", "back")] == ["cleaning", 1, 0, 0]
    assert [found["total"][key] for key in ("count", "untaken", "back")] == [4, 1, 1]
    assert {one["key"] for one in found["definitions"]} == set(found["total"])
    assert all("nights" in one["formula"] for one in found["definitions"] if one["key"].endswith("_s"))


def test_what_was_taken_back_neither_counts_nor_begins_the_time_held(site: Site) -> None:
    id_ = dispatched(site, "N1")
    assert site.as_("leader").act("take_back", id_, 3).status_code == 200
    site.later(10 * MINUTE)
    taken(site, id_, "cleaning", 4)
    site.later(20 * MINUTE)
    sent_back(site, id_, "cleaning", 5)
    assert site.as_("cleaning").act("take_back", id_, 6).status_code == 200
    assert told(site)["total"]["count"] == 0
    site.later(10 * MINUTE)
    sent_back(site, id_, "cleaning", 7)
    (pair,) = told(site)["pairs"]
    assert (pair["from"], pair["to"], pair["count"]) == ("cleaning", None, 1)
    assert 1800 < pair["held_s"] < 1860


def test_a_period_counts_each_return_by_its_own_moment(pushed: Site) -> None:
    ten = scene.MONDAY + 5 * MINUTE
    assert pairs(told(pushed, to=ten.isoformat())) == [("water", "cleaning", 1)]
    later = told(pushed, **{"from": ten.isoformat()})
    assert pairs(later) == [("cleaning", "water", 1), ("water", "water", 1), ("water", None, 1)]
    assert told(pushed, **{"from": "2027-01-01T00:00:00+08:00"})["total"] == {
        "count": 0,
        "held_s": None,
        "median_s": None,
        "untaken": 0,
        "back": 0,
    }


def test_it_is_of_a_grid_and_of_what_one_answers_for(pushed: Site) -> None:
    assert pairs(told(pushed, under="D/S")) == [("water", None, 1)]
    assert told(pushed, under="D/N")["total"]["count"] == 3
    assert told(pushed, "manager_n")["total"]["count"] == 3
    assert told(pushed, "manager_n", under="D/S")["total"]["count"] == 0


@pytest.mark.parametrize(
    ("who", "query", "status"),
    [
        ("leader", "under=D/X", 404),
        ("leader", "from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", 422),
        ("leader", "from=2026-11-24", 422),
        ("leader", "by=grid", 422),
        ("manager", "", 200),
        ("supervisor", "", 200),
        ("inspector", "", 403),
        ("water", "", 403),
        ("dispatcher", "", 403),
        ("administrator", "", 403),
    ],
)
def test_who_may_ask_and_for_what(site: Site, who: str, query: str, status: int) -> None:
    answer = site.as_(who).get(f"/api/returns?{query}")
    assert answer.status_code == status, answer.text
    assert site.client.get("/api/returns").status_code == 401


def test_the_command_line_tells_the_same(pushed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(pushed)
    now = datetime.fromisoformat(found["generated_at"])
    monkeypatch.setattr(command_line, "utcnow", lambda: now)
    town = Installation(pushed.service.settings.data)
    assert town.done("returns", "--json").json == found
    table = list(csv.DictReader(io.StringIO(town.done("returns", "--csv").out)))
    assert [(row["from"], row["to"], row["count"]) for row in table] == [
        ("cleaning", "water", "1"),
        ("water", "cleaning", "1"),
        ("water", "water", "1"),
        ("water", "–", "1"),
        ("water", "–", "3"),
        ("cleaning", "–", "1"),
        ("–", "–", "4"),
    ]
    assert table[3]["median_seconds_until_taken_wall_time"] == "–"
    assert [(row["to_zh"], row["untaken"]) for row in table][3:] == [
        ("无部门接手", "–"),
        ("合计", "1"),
        ("合计", "0"),
        ("合计", "1"),
    ]
    ran = town.done("returns", "--under", "D/S")
    assert ran.out.startswith(
        "退回 returns 1  无部门接手 taken by nobody 1  又派回原部门 back to the same 0\n"
    )
    assert "median of the seconds" in ran.err
    assert town.run("returns", "--under", "D/X").code == 1
    assert town.run("returns", "--from", "yesterday").code == 1


def test_only_what_was_returned_is_read(pushed: Site) -> None:
    asked: list[tuple[str, Any]] = []
    listener: Any = lambda *given_: asked.append((given_[2], given_[3]))  # noqa: E731
    event.listen(pushed.service.reader, "before_cursor_execute", listener)
    told(pushed, under="D/N")
    told(pushed, "manager_n", **{"from": "2026-11-01T00:00:00Z"})
    queries = [one for one in asked if "FROM incident" in one[0] and "returned_at" in one[0]]
    assert len(queries) == 4
    with pushed.service.reader.connect() as connection:
        for sql, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            reads = [row[3] for row in plan if row[3].startswith(("SEARCH", "SCAN", "MULTI"))]
            assert reads[0] == "SEARCH incident USING INDEX incident_returned (stream=? AND returned_at>?)"
            assert [read.partition(" (")[0] for read in reads[1:]] == (
                ["SEARCH entry USING INDEX sqlite_autoindex_entry_2"] if "JOIN entry" in sql else []
            )


DEPARTMENTS = ("water", "cleaning", "office", "gone")
MOMENTS = st.timedeltas(timedelta(), timedelta(days=10)).map(lambda passed: scene.MONDAY + passed)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Any]]:
    """The returns of one incident as its row keeps them: only the last may be taken by nobody."""
    at, found = draw(MOMENTS), []
    for _ in range(draw(st.integers(0, 4))):
        taken_at = at + draw(st.timedeltas(timedelta(), timedelta(days=3)))
        returned = [*draw(st.tuples(*[st.sampled_from(DEPARTMENTS)] * 2)), to_micros(at), to_micros(taken_at)]
        found.append(returned)
        # At once, but no two returns at one moment.
        at = taken_at + draw(st.timedeltas(timedelta(microseconds=1), timedelta(days=3)))
    is_taken = draw(st.booleans())
    if found and not is_taken:
        found[-1][1] = found[-1][3] = None
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, dict[str, Any]]]:
    """A town with one row, which all others are made like."""
    folder: Path = tmp_path_factory.mktemp("returns")
    town = Town(f"sqlite:///{folder / 'town.db'}")
    town.report(scene.COVER, scene.at("N1"))
    with town.reader.connect() as connection:
        row = dict(connection.execute(select(_table)).mappings().one())
    yield town, row
    town.close_down()


def fill(town: Town, like: dict[str, Any], made: list[tuple[tuple[str, ...], list[list[Any]]]]) -> None:
    """Put just these rows, each with its path and its returns, in the place of all others."""
    rows = [
        like
        | {
            "id": f"{n:036}",
            "case_number": f"D-{n}",
            "first": n + 1,
            "path": path_text(path),
            "handovers": orjson.dumps(handovers).decode(),
            "returned_at": handovers[-1][2] if handovers else None,
        }
        for n, (path, handovers) in enumerate(made)
    ]
    entries = [
        {
            "stream": like["stream"],
            "incident": f"{n:036}",
            "number": number,
            "kind": kind,
            "position": 1000 * (n + 1) + number,
            "happened_at": at,
            "recorded_at": at,
            "version": 1,
            "by": "x",
            "command": "x",
            "body": "{}",
            "previous": b"",
        }
        for n, (_, handovers) in enumerate(made)
        for number, (kind, at) in enumerate(begun(n, handovers), 1)
    ]
    with town.written.begin() as connection:
        connection.execute(delete(_table))
        connection.execute(delete(_entry).where(_entry.c.position >= 1000))
        if rows:
            connection.execute(insert(_table), rows)
        if entries:
            connection.execute(insert(_entry), entries)


def begun(n: int, handovers: list[list[Any]]) -> list[tuple[str, int]]:
    """Entries as they would lie around these returns: the first department had it for an hour, after another
    dispatch that was taken back. Of every third incident the beginning is not on record.
    """
    if not handovers:
        return []
    first = handovers[0][2] - HOUR
    found = [] if n % 3 == 2 else [("dispatched", first - HOUR), ("takenback", first), ("dispatched", first)]
    for _, _, returned_at, taken_at in handovers:
        found.append(("returned", returned_at))
        if taken_at is not None:
            found.append(("dispatched", taken_at))
    return found


def held(n: int, handovers: list[list[Any]]) -> list[float | None]:
    """Seconds for which each department had it that returned it, as `begun` has it."""
    first = None if n % 3 == 2 else handovers[0][2] - HOUR if handovers else None
    since = [first, *(one[3] for one in handovers)]
    return [
        None if start is None else (one[2] - start) / 1_000_000
        for start, one in zip(since, handovers, strict=False)
    ]


NORTH, SOUTH, TRAY = ("D", "N", "N1"), ("D", "S", "S1"), ()


@given(
    st.lists(st.tuples(st.sampled_from([NORTH, SOUTH, TRAY]), histories()), max_size=8),
    st.lists(MOMENTS, min_size=2, max_size=2, unique=True).map(sorted),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), ("D",), ("D", "N")]),
    st.sampled_from([(), ("D", "S")]),
)
def test_sums_are_the_number_of_returns(
    store: tuple[Town, dict[str, Any]],
    made: list[tuple[tuple[str, ...], list[list[Any]]]],
    ends: list[datetime],
    has_start: bool,
    has_end: bool,
    under: tuple[str, ...],
    mine: tuple[str, ...],
) -> None:
    """Pairs add up to their department, departments to the total, and that to a plain count of all rows."""
    town, like = store
    fill(town, like, made)
    period = Period(ends[0] if has_start else None, ends[1] if has_end else None)
    scope = Scope("x", (Claim(mine, None, not mine),))
    found = returns(town.reader, town.in_force, scope, period, under, datetime(2026, 12, 31, tzinfo=UTC))
    plain = [
        (one[0], one[1], one[2], one[3], before)
        for n, (path, handovers) in enumerate(made)
        if path[: len(under)] == under and path[: len(mine)] == mine
        for one, before in zip(handovers, held(n, handovers), strict=True)
        if from_micros(one[2]) in period
    ]
    assert {(one["from"], one["to"]): one["count"] for one in found["pairs"]} == Counter(
        one[:2] for one in plain
    )
    assert {one["from"]: one["count"] for one in found["departments"]} == Counter(one[0] for one in plain)
    waits = [(taken_at - at) / 1_000_000 for _, _, at, taken_at, _ in plain if taken_at is not None]
    before = [one[4] for one in plain if one[4] is not None]
    assert found["total"] == {
        "count": len(plain),
        "held_s": pytest.approx(median(before)) if before else None,
        "median_s": pytest.approx(median(waits)) if waits else None,
        "untaken": sum(one[1] is None for one in plain),
        "back": sum(one[0] == one[1] for one in plain),
    }
    for key in ("count", "untaken", "back"):
        assert sum(one[key] for one in found["departments"]) == found["total"][key]
    assert sum(one["count"] for one in found["pairs"]) == found["total"]["count"]
