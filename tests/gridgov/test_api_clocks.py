"""Clocks over HTTP and on the command line: how they stand, when something is due, and why."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gridgov import scene
from tests.gridgov.commandline import city_file
from tests.gridgov.conftest import Site
from tests.installation import Installation


def clocks(site: Site, incident: str, who: str = "leader", **asked: str) -> list[dict[str, Any]]:
    answer = site.as_(who).get(f"/api/incidents/{incident}/clocks", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["clocks"])


def test_the_clocks_of_an_incident_at_any_moment(site: Site) -> None:
    """A cover, four working hours, on a Monday at ten: two hours on, lunch does not count."""
    receipt = site.as_("inspector").report(scene.COVER, "N1")
    id_ = str(receipt["incident"])
    site.as_("clerk").act("file", id_, 1)
    site.as_("leader").act("dispatch", id_, 2)
    intake, dispatch, handling = clocks(site, id_)
    assert [one["clock"] for one in (intake, dispatch, handling)] == ["intake", "dispatch", "handling"]
    assert (intake["state"], intake["state_zh"], intake["colour"]) == ("ended", "已结束", "green")
    assert (handling["state"], handling["limit"], handling["working"]) == ("running", "4wh", True)
    then = site.clock.now + timedelta(hours=5)
    later = clocks(site, id_, at=then.isoformat())[2]
    assert later["elapsed_s"] + later["remaining_s"] == 4 * 3600
    assert later["elapsed_s"] == pytest.approx(3 * 3600, abs=60)
    assert clocks(site, id_, at=intake["started_at"])[0]["state"] == "running"
    by_number = clocks(site, str(receipt["case_number"]), at=then.isoformat())
    assert by_number[2] == later


def test_a_paused_clock_has_no_due_time(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "N1")["incident"])
    site.as_("clerk").act("file", id_, 1)
    site.as_("leader").act("dispatch", id_, 2)
    site.as_("water").act("return", id_, 3, reason="不归我们")
    handling = clocks(site, id_)[2]
    assert (handling["state"], handling["due_at"], handling["warn_at"]) == ("paused", None, None)
    assert handling["paused_wall_s"] > 0


def test_clocks_are_seen_by_who_sees_the_incident(site: Site) -> None:
    id_ = str(site.as_("inspector").report(scene.COVER, "S1")["incident"])
    assert site.as_("manager_n").get(f"/api/incidents/{id_}/clocks").status_code == 404
    assert site.as_("leader").get(f"/api/incidents/{uuid.uuid4()}/clocks").status_code == 404
    assert site.client.get(f"/api/incidents/{id_}/clocks").status_code == 401


def due(site: Site, **asked: str) -> Any:
    return site.as_("inspector").get("/api/due", params=asked)


def test_when_something_is_due_and_why(site: Site) -> None:
    told = due(site, limit="2wd", start="2026-03-06T17:55:00+08:00").json()
    assert (told["due_at"], told["warn_at"]) == ("2026-03-10T09:55:00.000000Z", "2026-03-10T06:43:00.000000Z")
    assert [day["counted_s"] for day in told["days"]] == [300, 0, 0, 28_800, 28_500]
    assert [day["kind_zh"] for day in told["days"]] == ["工作日", "周末", "周末", "工作日", "工作日"]
    assert (told["whole_s"], told["zone"], told["unconfirmed_year"]) == (57_600, "Asia/Shanghai", False)


def test_a_category_brings_its_own_limit(site: Site) -> None:
    told = due(site, category=scene.COVER).json()
    assert (told["limit"], told["category"], told["standard"]) == ("4wh", scene.COVER, None)
    assert told["start"].startswith("2026-11-23T02:0"), "left out, it starts now"


def test_an_end_in_a_year_that_is_not_published_is_told(site: Site) -> None:
    assert due(site, limit="4wh", start="2027-03-03T09:00:00+08:00").json()["unconfirmed_year"]
    assert not due(site, limit="4eh", start="2027-03-03T09:00:00+08:00").json()["unconfirmed_year"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "`limit`"),
        ({"limit": "2wd", "category": scene.COVER}, "`limit`"),
        ({"limit": "2wd", "standard": "x"}, "`category`"),
        ({"limit": "two days"}, "such as 4wh"),
        ({"limit": "2wd", "calendar": "hotline"}, "hotline"),
        ({"category": "t:event:rubish"}, "did you mean"),
        ({"category": scene.COVER, "standard": "broken"}, "broken"),
        ({"limit": "2wd", "start": "2026-03-06T17:55:00"}, "start"),
        ({"limit": "9999wd"}, "9999 working days"),
    ],
)
def test_what_cannot_be_asked_is_said(site: Site, asked: dict[str, str], named: str) -> None:
    answer = due(site, **asked)
    assert answer.status_code == 422, answer.text
    assert named in answer.text


def test_only_people_who_are_signed_in_ask(site: Site) -> None:
    assert site.client.get("/api/due", params={"limit": "2wd"}).status_code == 401


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """A store with the town's rules."""
    made = Installation(tmp_path / "store")
    made.done("init")
    made.done("city", "apply", city_file(tmp_path))
    return made


def test_a_clerk_asks_on_the_command_line(town: Installation) -> None:
    told = town.done("due", "2wd", "--start", "2026-03-06 17:55")
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert "起点 start 2026-03-06 17:55 星期五" in lines
    assert "2026-03-06 五 工作日 workday 17:55-18:00 0:05 0:05" in lines
    assert "2026-03-07 六 周末 weekend – 0:05" in lines
    assert "2026-03-09 一 工作日 workday 08:00-12:00 14:00-18:00 8:00 8:05" in lines
    assert "到期 due 2026-03-10 17:55 星期二" in lines
    assert not told.err


def test_the_command_line_warns_of_a_year_without_a_list(town: Installation) -> None:
    told = town.done("due", "1wd", "--start", "2026-12-31 17:00")
    assert "not published" in told.err
    assert "工作日 workday ?" in told.out


def test_the_command_line_gives_what_the_api_gives(town: Installation, site: Site) -> None:
    asked = town.done("due", "--category", scene.RUBBISH, "--start", "2026-03-06T17:55+08:00", "--json").json
    told = due(site, category=scene.RUBBISH, start="2026-03-06T17:55:00+08:00").json()
    assert asked == told | {"rules": asked["rules"]}
    assert asked["limit"] == "2wd"


def test_the_command_line_says_what_cannot_be_asked(town: Installation) -> None:
    ran = town.run("due", "2wd", "--start", "tomorrow")
    assert ran.code == 1
    assert "a local time such as" in ran.err
    assert town.run("due").code == 1
