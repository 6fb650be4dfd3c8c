"""What is yellow or red now: over HTTP and on the command line, in order, within a scope, at its cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from dispatch.entries import from_micros
from gridgov.cli import overdue as command_line
from gridgov.overdue import Pressing
from gridgov.overdue import overdue as pressing
from gridgov.scope import Claim, Scope
from tests.gridgov import scene
from tests.gridgov.conftest import Site
from tests.installation import Installation

MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def overdue(site: Site, who: str = "leader", **asked: Any) -> Any:
    answer = site.as_(who).get("/api/overdue", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(told: Any) -> list[tuple[str, str, str]]:
    """The rows of an answer: the end of the case number, clock, colour."""
    return [(row["case_number"][-1], row["clock"], row["colour"]) for row in told["rows"]]


@pytest.fixture
def busy(site: Site) -> Site:
    """At a quarter to eleven: 1 and 5 wait for intake too long, 2 for dispatch; 3 is about to, 4 has time, and
    6 is closed.
    """
    site.as_("inspector").report(scene.COVER, "N1")
    second = site.as_("inspector").report(scene.RUBBISH, "N2")["incident"]
    site.later(10 * MINUTE)
    site.as_("clerk").act("file", second, 1)
    site.later(16 * MINUTE)
    third = site.as_("inspector").report(scene.NOISE, "S1")["incident"]
    assert third
    site.later(12 * MINUTE + MINUTE / 6)
    fourth = site.as_("inspector").report(scene.COVER, "S2")["incident"]
    site.as_("clerk").act("file", fourth, 1)
    site.as_("dispatcher").act("dispatch", fourth, 2)
    return site


def test_the_longest_overdue_comes_first_and_what_is_yellow_after_it(busy: Site) -> None:
    told = overdue(busy)
    assert shown(told) == [("1", "intake", "red"), ("2", "dispatch", "red"), ("3", "intake", "yellow")]
    assert told["totals"] == {
        "red": 2,
        "yellow": 1,
        "by_clock": [
            {"clock": "intake", "clock_zh": "受理", "red": 1, "yellow": 1},
            {"clock": "dispatch", "clock_zh": "派遣", "red": 1, "yellow": 0},
        ],
    }
    first, second, third = told["rows"]
    assert 22 * 60 < first["overdue_s"] < 25 * 60
    assert first["overdue_s"] == first["overdue_wall_s"] == -first["remaining_s"]
    assert (third["overdue_s"], third["overdue_wall_s"]) == (0, 0)
    assert 0 < third["remaining_s"] < 3 * 60
    assert (first["department_zh"], first["lead"], first["colour_zh"]) == ("水务局", None, "红")
    assert (first["grids"], first["path"]) == (["小镇", "街道N", "网格N1"], ["D", "N", "N1"])
    assert (second["department"], second["stage_zh"], second["limit"]) == ("north_office", "派遣", "15wm")
    assert [row["escalated"] for row in told["rows"]] == [None, None, None]


@pytest.mark.parametrize(
    ("who", "asked", "numbers", "red", "yellow"),
    [
        ("leader", {"red": True}, "12", 2, 0),
        ("leader", {"clock": "intake"}, "13", 1, 1),
        ("leader", {"clock": "intake", "red": True}, "1", 1, 0),
        ("leader", {"clock": "handling"}, "", 0, 0),
        ("leader", {"under": "D/N"}, "12", 2, 0),
        ("leader", {"under": "D/N/N2"}, "2", 1, 0),
        ("leader", {"department": "water"}, "1", 1, 0),
        ("dispatcher_n", {}, "12", 2, 0),
        ("inspector_s", {}, "3", 0, 1),
        ("inspector_s", {"under": "D/N"}, "", 0, 0),
        ("water", {}, "", 0, 0),
        ("administrator", {}, "", 0, 0),
    ],
)
def test_it_is_what_was_asked_for_within_a_scope(
    busy: Site, who: str, asked: dict[str, Any], numbers: str, red: int, yellow: int
) -> None:
    told = overdue(busy, who, **asked)
    assert "".join(number for number, _, _ in shown(told)) == numbers
    assert (told["totals"]["red"], told["totals"]["yellow"]) == (red, yellow)


def test_pages_follow_each_other_and_totals_count_all(busy: Site) -> None:
    page, seen = None, []
    for _ in range(3):
        told = overdue(busy, limit=1, **({} if page is None else {"page": page}))
        assert (told["totals"]["red"], told["totals"]["yellow"]) == (2, 1)
        seen += shown(told)
        page = told["next"]
    assert [number for number, _, _ in seen] == ["1", "2", "3"]
    assert page is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("page=!!!", 422),
        ("page=bm8=", 422),
        ("page=%F0%9F%98%80", 422),
        ("page=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkgeA==", 422),
        ("limit=0", 422),
        ("clock=lunch", 422),
        ("colour=red", 422),
        ("under=D/X", 404),
    ],
)
def test_what_makes_no_sense_is_refused(busy: Site, query: str, status: int) -> None:
    assert busy.as_("leader").get(f"/api/overdue?{query}").status_code == status


def test_only_people_who_are_signed_in_ask(site: Site) -> None:
    assert site.client.get("/api/overdue").status_code == 401


def test_a_paused_clock_and_one_that_ended_are_no_more_late(busy: Site) -> None:
    late = overdue(busy)["rows"]
    busy.as_("clerk").act("file", late[0]["incident"], 1)
    assert [number for number, _, _ in shown(overdue(busy))] == ["2", "3"]
    busy.as_("leader").act("dispatch", late[1]["incident"], 2)
    busy.as_("north_office").act("return", late[1]["incident"], 3, reason="不归我们")
    assert [number for number, _, _ in shown(overdue(busy))] == ["3"]


def test_nights_count_on_the_wall_and_not_at_work(busy: Site) -> None:
    busy.later(timedelta(days=1))
    row = overdue(busy)["rows"][0]
    assert row["overdue_wall_s"] - row["overdue_s"] == (24 - 8) * 3600


def test_by_its_end_exactly_a_clock_is_yellow_still(site: Site) -> None:
    site.as_("inspector").report(scene.COVER, "N1")
    service, scope = site.service, Scope("x", (Claim((), None, True),))
    with service.reader.connect() as connection:
        row = connection.execute(text("SELECT clock_warn_at, clock_due_at FROM incident")).one()
    warn_at, due_at = map(from_micros, row)
    told = []
    for moment in (warn_at - MICROSECOND, warn_at, due_at, due_at + MICROSECOND):
        found = pressing(service.reader, service.in_force, scope, Pressing(), moment)
        told.append(([one["colour"] for one in found["rows"]], found["totals"]["red"]))
    assert told == [([], 0), (["yellow"], 0), (["yellow"], 0), (["red"], 1)]


def test_no_closed_incident_is_read(busy: Site) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(busy.service.reader, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    everything = {"red": True, "under": "D/N", "department": "water", "clock": "intake"}
    for who in ("leader", "water", "inspector_s", "dispatcher_n"):
        overdue(busy, who, **everything)
    queries = [one for one in asked if "clock_warn_at <=" in one[0]]
    assert len(queries) == 8
    with busy.service.reader.connect() as connection:
        for sql, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            reads = [row[3] for row in plan if row[3].startswith(("SEARCH", "SCAN"))]
            # Who sees it beside lead and reporter is looked up for each of those rows, by its whole key.
            first, *others = reads
            assert first == "SEARCH incident USING INDEX incident_yellow (stream=? AND clock_warn_at<?)"
            assert all(one.startswith("SEARCH sight") for one in others), reads
            assert all("stream=? AND who=? AND incident=?" in one for one in others), reads


def test_the_command_line_tells_the_same(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told = overdue(busy)
    now = datetime.fromisoformat(told["at"])
    monkeypatch.setattr(command_line, "utcnow", lambda: now)
    town = Installation(busy.service.settings.data)
    assert town.done("overdue", "--json").json == told | {"more": False}
    assert town.done("overdue", "--json", "--limit", "2").json["more"] is True
    printed = town.done("overdue", "--red", "--clock", "intake").out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines[0] == "超期 overdue 1 预警 warning 0 受理 1/0"
    assert lines[2].startswith("D-20261123-00001 红 超期 受理 15wm 井盖 街道N/网格N1 水务局 11-23 10:15 0:2")
    assert town.done("overdue", "--clock", "handling").out == "超期 overdue 0  预警 warning 0\n"
    assert "--limit shows more" in town.done("overdue", "--limit", "1").err
    assert town.run("overdue", "--under", "D/X").code == 1


def test_a_supervision_that_nobody_answers_is_a_line_of_its_own(busy: Site) -> None:
    """Incident 4 is handled in time, and still somebody above waits for an answer."""
    fourth = busy.as_("leader").get("/api/incidents").json()["rows"][0]
    assert busy.as_("supervisor").act("supervise", fourth["id"], 3, reason="来电催办").status_code == 200
    assert "supervision" not in {row["clock"] for row in overdue(busy)["rows"]}
    busy.later(timedelta(days=2))
    told = [row for row in overdue(busy)["rows"] if row["incident"] == fourth["id"]]
    assert [(row["clock"], row["clock_zh"], row["colour"]) for row in told] == [
        ("handling", "处置", "red"),
        ("supervision", "督办回复", "red"),
    ]
    assert told[1]["limit"] != told[0]["limit"]
    assert told[1]["overdue_s"] > 0
    assert [row["incident"] for row in overdue(busy, clock="supervision")["rows"]] == [fourth["id"]]
    by_clock = {one["clock"]: one["red"] for one in overdue(busy)["totals"]["by_clock"]}
    assert by_clock["supervision"] == 1
    assert overdue(busy)["totals"]["red"] == sum(by_clock.values())
    pages, page = [], None
    while True:
        answer = overdue(busy, limit=1, **({} if page is None else {"page": page}))
        pages += [(row["incident"], row["clock"]) for row in answer["rows"]]
        page = answer["next"]
        if page is None:
            break
    assert pages == [(row["incident"], row["clock"]) for row in overdue(busy)["rows"]]
    assert busy.as_("water").act("answer", fourth["id"], 4, reason="明天上午完成").status_code == 200
    assert overdue(busy, clock="supervision")["rows"] == []


def test_what_is_supervised_is_found_in_an_index(busy: Site) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(busy.service.reader, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    overdue(busy, clock="supervision")
    queries = [one for one in asked if "supervision_due_at <" in one[0]]
    assert len(queries) == 2
    with busy.service.reader.connect() as connection:
        for sql, values in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            reads = [row[3] for row in plan if row[3].startswith("SEARCH incident")]
            assert reads == [
                "SEARCH incident USING INDEX incident_supervised (stream=? AND supervision_due_at<?)"
            ]
