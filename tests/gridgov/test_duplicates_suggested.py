"""What may be the same as a report: asked over HTTP and on the command line, within a scope, by one index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import delete, event, insert, select

from dispatch.categories import Categories, Kind
from dispatch.deadlines import Limit
from dispatch.duplicates import Likeness
from dispatch.entries import to_micros
from dispatch.lifecycle import Stage
from gridgov.duplicates import Before, before_sending
from gridgov.in_force import InForce
from gridgov.scope import Claim, Scope, Seen
from gridgov.siting import SentPosition
from gridgov.storage.tables import IncidentRow, path_text
from tests.gridgov import scene
from tests.gridgov.conftest import Site, position
from tests.gridgov.storage.conftest import Town
from tests.installation import Installation

_table = IncidentRow.__table__  # type: ignore[attr-defined]
MIDDLE = scene.at("N1")
#: So many degrees are a metre there.
NORTH, EAST = 1 / 110_760, 1 / 102_870


def beside(metres: float, **more: Any) -> dict[str, Any]:
    """A position so many metres north of the middle of N1, to a centimetre."""
    return position("N1") | {"lat": MIDDLE.lat + metres * NORTH} | more


def duplicates(site: Site, incident: str, who: str = "leader") -> Any:
    answer = site.as_(who).get(f"/api/incidents/{incident}/duplicates")
    assert answer.status_code == 200, answer.text
    return answer.json()


def report(site: Site, metres: float, by: str = "inspector", category: str = scene.COVER) -> str:
    return str(site.as_(by).report(category, position=beside(metres))["incident"])


def test_the_nearest_comes_first_each_with_how_far_and_how_long_ago(site: Site) -> None:
    far, near = report(site, 40), report(site, 10)
    report(site, 65)
    report(site, 5, category=scene.RUBBISH)
    site.later(timedelta(hours=2, minutes=5))
    told = duplicates(site, report(site, 0))
    assert [row["incident"] for row in told["rows"]] == [near, far]
    assert (told["count"], told["within_m"], told["within_s"], told["why_none_en"]) == (2, 50, 86400, None)
    row = told["rows"][0]
    assert abs(row["distance_m"] - 10) < 0.1
    assert (row["off_m"], row["off_zh"], row["off_en"]) == (10, "可能偏差 10 米", "may be 10 m off")
    assert 7500 < row["age_s"] < 7520
    assert (row["age_zh"], row["age_en"]) == ("2小时5分钟前", "2 h 5 min before")
    assert (row["stage_zh"], row["category_zh"], row["followers"]) == ("受理", "井盖", 0)
    assert (row["can_lead"], row["why_not_zh"]) == (True, None)
    assert [one["age_en"] for one in duplicates(site, near)["rows"]] == ["2 h 5 min after", "within a minute"]


def test_as_far_away_the_newest_comes_first(site: Site) -> None:
    first, second = report(site, 10), report(site, 10)
    assert [row["incident"] for row in duplicates(site, report(site, 0))["rows"]] == [second, first]


def test_what_stands_for_nothing_or_for_another_is_left_out_and_followers_are_counted(site: Site) -> None:
    leader, joined, cancelled, rejected = (report(site, metres) for metres in (10, 11, 12, 13))
    assert site.as_("clerk").act("join", joined, 1, leader=leader).status_code == 200
    assert site.as_("leader").act("cancel", cancelled, 1, reason="误报").status_code == 200
    assert site.as_("clerk").act("reject", rejected, 1, reason="不归我们").status_code == 200
    (row,) = duplicates(site, report(site, 0))["rows"]
    assert (row["incident"], row["followers"]) == (leader, 1)


def test_what_is_closed_is_shown_and_cannot_lead_as_joining_says(site: Site) -> None:
    closed = site.closed()
    mine = report(site, 20)
    (row,) = duplicates(site, mine)["rows"]
    assert (row["incident"], row["can_lead"], row["why_not_zh"]) == (
        closed,
        False,
        "已结案：只能并入本系统在办的案卷",
    )
    refused = site.as_("clerk").act("join", mine, 1, leader=closed)
    assert refused.status_code == 409
    assert row["why_not_en"].partition(": ")[2] in refused.text


def test_only_what_the_asker_sees_is_suggested(site: Site) -> None:
    theirs = report(site, 10, by="inspector_n")
    mine = report(site, 0, by="inspector_s")
    assert [row["incident"] for row in duplicates(site, mine)["rows"]] == [theirs]
    assert duplicates(site, mine, "inspector_s")["rows"] == []
    assert site.as_("inspector_s").get(f"/api/incidents/{theirs}/duplicates").status_code == 404
    assert site.client.get(f"/api/incidents/{theirs}/duplicates").status_code == 401


def test_without_a_point_it_says_why_there_is_none(site: Site) -> None:
    told = duplicates(site, str(site.as_("leader").report(scene.COVER, None)["incident"]))
    assert (told["rows"], told["count"], told["why_none_zh"]) == ([], 0, "没有坐标，无从比较远近")


def test_before_a_report_is_sent_the_same_is_suggested(site: Site) -> None:
    there = report(site, 10)
    here = beside(0, accuracy_m=8)
    asked: dict[str, Any] = {"category": scene.COVER, "position": here}
    ask = site.as_("inspector").post
    told = ask("/api/duplicates", asked).json()
    assert (told["incident"], [row["incident"] for row in told["rows"]]) == (None, [there])
    assert (told["accuracy_m"], told["rows"][0]["off_en"]) == (8, "may be 13 m off")
    assert told["rows"][0]["age_en"] == "within a minute"
    now = datetime.fromisoformat(told["at"])
    for hours, found in ((-23.9, 1), (-24.1, 0), (24.1, 0)):
        at = (now + timedelta(hours=hours)).isoformat()
        assert ask("/api/duplicates", asked | {"happened_at": at}).json()["count"] == found
    unknown = {name: value for name, value in here.items() if name != "accuracy_m"}
    row = ask("/api/duplicates", asked | {"position": unknown}).json()["rows"][0]
    assert (row["off_m"], row["off_zh"]) == (None, "误差未知")
    # Nothing is kept by asking.
    assert [one["id"] for one in site.as_("inspector").get("/api/incidents").json()["rows"]] == [there]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"category": "t:nothing", "position": position("N1")}, 422),
        ({"category": scene.COVER}, 422),
        ({"category": scene.COVER, "position": {"lon": 22.515, "lat": 114.0, "datum": "wgs84"}}, 422),
        ({"category": scene.COVER, "position": position("N1"), "happened_at": "2026-11-23T10:00"}, 422),
        ({"category": scene.COVER, "position": position("N1"), "words": "x"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, body: dict[str, Any], status: int) -> None:
    answer = site.as_("inspector").post("/api/duplicates", body)
    assert answer.status_code == status, answer.text
    assert site.client.post("/api/duplicates", json=body).status_code == 401


def test_the_command_line_tells_the_same(site: Site) -> None:
    report(site, 10)
    mine = report(site, 0)
    town = Installation(site.service.settings.data)
    assert town.done("incidents", "duplicates", mine, "--json").json == duplicates(site, mine)
    printed = town.done("incidents", "duplicates", "D-20261123-00002").out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines[0] == "D-20261123-00002 井盖：50 米、24 小时内同类 1 件 within 50 m and 24 h: 1"
    assert lines[2].startswith("D-20261123-00001 受理 井盖 11-23 10:00 一分钟内 是 yes 可能偏差 10 米 0 10.0")
    nowhere = str(site.as_("leader").report(scene.COVER, None)["incident"])
    assert "没有坐标" in town.done("incidents", "duplicates", nowhere).err
    assert town.run("incidents", "duplicates", "D-20261123-00099").code == 1


def test_only_a_category_and_its_days_are_read(site: Site) -> None:
    mine = report(site, 0)
    asked: list[tuple[str, Any]] = []
    event.listen(site.service.reader, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    for who in ("leader", "inspector", "dispatcher_n"):
        duplicates(site, mine, who)
    queries = [one for one in asked if "reported_at BETWEEN" in one[0]]
    assert len(queries) == 3
    with site.service.reader.connect() as connection:
        for sql, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            reads = [row[3] for row in plan if row[3].startswith(("SEARCH incident", "SCAN", "MULTI"))]
            (read,) = reads
            assert read.startswith(
                "SEARCH incident USING INDEX incident_kind (stream=? AND category=? AND rep"
            )


class Made(NamedTuple):
    """A row that the law makes up: metres east and north of the middle of N1, hours before now."""

    category: str
    east: float
    north: float
    has_point: bool
    hours: float
    stage: Stage
    imported: bool
    path: tuple[str, ...]
    lead: str | None
    by: str


MADE = st.builds(
    Made,
    st.sampled_from([scene.COVER, scene.RUBBISH, scene.NOISE]),
    st.floats(-60, 60) | st.sampled_from([0.0, 30.0]),
    st.floats(-60, 60) | st.sampled_from([0.0, 40.0]),
    st.sampled_from([True, True, True, False]),
    st.floats(-30, 30) | st.sampled_from([-24.0, 0.0, 24.0]),
    st.sampled_from(Stage),
    st.booleans(),
    st.sampled_from([("D", "N", "N1"), ("D", "S", "S1"), ()]),
    st.sampled_from([None, "water", "cleaning"]),
    st.sampled_from(["a", "b"]),
)
SCOPES = (
    Scope("x", (Claim((), None, True),)),
    Scope("a", (Claim(("D", "N"), None, False),)),
    Scope("b", (Claim((), "water", True), Claim(("D", "S"), None, False))),
    Scope("nobody", ()),
)
WGS84 = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, dict[str, Any]]]:
    """A town with one row, which all others are made like."""
    folder: Path = tmp_path_factory.mktemp("duplicates")
    town = Town(f"sqlite:///{folder / 'town.db'}")
    town.report(scene.COVER, MIDDLE)
    with town.reader.connect() as connection:
        row = dict(connection.execute(select(_table)).mappings().one())
    yield town, row
    town.close_down()


def fill(town: Town, like: dict[str, Any], made: list[Made]) -> None:
    """Put just these rows in the place of all others."""
    rows = [
        like
        | {
            "id": f"{n:036}",
            "case_number": f"D-{n}",
            "first": n + 1,
            "category": one.category,
            "lon": MIDDLE.lon + one.east * EAST if one.has_point else None,
            "lat": MIDDLE.lat + one.north * NORTH if one.has_point else None,
            "reported_at": to_micros(scene.MONDAY) - round(one.hours * 3_600_000_000),
            "stage": str(one.stage),
            "imported": one.imported,
            "path": path_text(one.path),
            "lead": one.lead,
            "reported_by": one.by,
        }
        for n, one in enumerate(made)
    ]
    with town.written.begin() as connection:
        connection.execute(delete(_table))
        if rows:
            connection.execute(insert(_table), rows)


#: What the city may say, and in which of the three categories something is suggested to one that is asked of.
USUAL = Likeness()
LIKE = st.just(USUAL) | st.builds(
    Likeness,
    st.sampled_from([20.0, 70.0]),
    st.sampled_from([Limit.parse("30em"), Limit.parse("29eh")]),
    st.booleans(),
)


def of_events_one_class(in_force: InForce, like: Likeness) -> InForce:
    """The rules with rubbish and noise in one class, and with what the city says of duplicates."""
    known = [
        replace(one, class_code="1") if one.kind is Kind.EVENT else one for one in in_force.rules.categories
    ]
    return replace(in_force, rules=replace(in_force.rules, categories=Categories(known), likeness=like))


def searched(made: list[Made], scope: Scope, category: str, like: Likeness) -> list[str]:
    """The same by a plain search over all rows, with distances measured by another library."""
    kinds = {category}
    if like.whole_class and category != scene.COVER:
        kinds = {scene.RUBBISH, scene.NOISE}
    hours = like.span / timedelta(hours=1)
    found = []
    for n, one in enumerate(made):
        if not one.has_point or one.category not in kinds or abs(one.hours) > hours:
            continue
        if one.stage in (Stage.JOINED, Stage.CANCELLED, Stage.REJECTED):
            continue
        if one.imported and one.stage is Stage.CLOSED:
            continue
        departments = () if one.lead is None else (one.lead,)
        if not scope.sees(Seen(one.path, departments, (one.by,))):
            continue
        lon, lat = MIDDLE.lon + one.east * EAST, MIDDLE.lat + one.north * NORTH
        apart = WGS84.inv(MIDDLE.lon, MIDDLE.lat, lon, lat)[2]
        if apart <= like.within_m:
            found.append((round(apart, 3), one.hours, f"{n:036}"))
    return [id_ for _, _, id_ in sorted(found)]


@given(
    st.lists(MADE, max_size=12),
    st.sampled_from(SCOPES),
    st.sampled_from([scene.COVER, scene.RUBBISH]),
    LIKE,
)
def test_what_is_suggested_is_what_a_plain_search_finds(
    store: tuple[Town, dict[str, Any]],
    made: list[Made],
    scope: Scope,
    category: str,
    like: Likeness,
) -> None:
    """Suggestions through the index are those of a search over all rows, in its order."""
    town, row = store
    # To a microsecond, so that the store and the search speak of the same moments.
    made = [one._replace(hours=round(one.hours * 3_600_000_000) / 3_600_000_000) for one in made]
    fill(town, row, made)
    asked = Before(category, SentPosition(MIDDLE.lon, MIDDLE.lat, MIDDLE.datum), scene.MONDAY)
    in_force = of_events_one_class(town.in_force, like)
    told = before_sending(town.reader, in_force, scope, asked, scene.MONDAY)
    expected = searched(made, scope, category, like)
    assert (told["within_m"], told["within_s"]) == (like.within_m, like.span.total_seconds())
    assert (told["count"], sorted(row["incident"] for row in told["rows"])) == (
        len(expected),
        sorted(expected),
    )
    order = [(row["distance_m"], row["age_s"], row["incident"]) for row in told["rows"]]
    assert order == sorted(order)
