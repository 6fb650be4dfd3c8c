"""`gridgov rules` and `gridgov city plan --days`, on the store that a server holds: the same that the API says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.gridgov import scene
from tests.gridgov.commandline import GRIDS, city_file
from tests.gridgov.conftest import TOWN, Site
from tests.gridgov.test_api_routing import CHANGED
from tests.installation import Installation

NORTH = ("--at", "114.005,22.515", "--datum", "wgs84")
MONDAY = ("--when", "2026-11-23T10:00:00+08:00")


@pytest.fixture
def town(site: Site) -> Installation:
    """The command line beside the process that has the store open for writing."""
    return Installation(site.service.settings.data)


def test_an_explanation_is_the_one_of_the_api(town: Installation, site: Site) -> None:
    asked = ("--category", scene.RUBBISH, *NORTH, *MONDAY, "--channel", "hotline", "--json")
    query = f"category={scene.RUBBISH}&lon=114.005&lat=22.515&datum=wgs84&channel=hotline"
    over_http = site.as_("clerk").get(f"/api/routing/explain?{query}&when=2026-11-23T10:00:00%2B08:00")
    assert town.done("rules", "explain", *asked).json == over_http.json()


def test_people_read_it_in_both_languages(town: Installation) -> None:
    out = town.done("rules", "explain", "--category", scene.RUBBISH, *NORTH, *MONDAY).out
    assert "goes to 派往: 北街道办 (north_office)" in out
    assert "by 依据: rule north rubbish: 垃圾 under D/N goes to 北街道办" in out
    assert "D/N/N1 (小镇 > 街道N > 网格N1), edition 1" in out
    assert "street 北街道办 (north_office)" in out
    assert "2026-11-23 Mon 10:00 Asia/Shanghai" in out
    assert "2026-11-25 Wed 10:00 Asia/Shanghai" in out
    other = town.done("rules", "explain", "--category", scene.RUBBISH, "--path", "D/S/S1").out
    assert "环卫所 (cleaning)" in other
    assert "类别默认部门 category" in other
    assert "it is for places under D/N" in other
    nowhere = town.done("rules", "explain", "--category", scene.NOISE).out
    assert "no grid 未定位" in nowhere
    assert "兜底部门 fallback" in nowhere
    assert "1 rules are about other categories" in nowhere


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--category", "manhole"), "did you mean t:component:manhole"),
        (("--category", scene.COVER, "--at", "114.005"), "expected degrees as LON,LAT"),
        (("--category", scene.COVER, "--at", "114.005,22.515"), "names no datum"),
        (("--category", scene.COVER, "--at", "22.515,114.005", "--datum", "wgs84"), "look swapped"),
        (("--category", scene.COVER, "--path", "D/X"), "'X' is no code"),
        (("--category", scene.COVER, "--path", "D", *NORTH), "a point or about a grid, not both"),
        (("--category", scene.COVER, "--when", "yesterday"), "expected a local date"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    town: Installation, arguments: tuple[str, ...], words: str
) -> None:
    ran = town.run("rules", "explain", *arguments)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert words in ran.err


def test_the_rules_are_listed(town: Installation, site: Site) -> None:
    assert town.done("rules", "list", "--json").json == site.as_("clerk").get("/api/routing").json()
    assert "垃圾 under D/N: 北街道办" in town.done("rules", "list").out
    assert "none 无" in town.done("rules", "list", "--category", scene.COVER).out


def test_why_an_incident_went_where_it_went(town: Installation, site: Site) -> None:
    told = site.as_("inspector").report(scene.COVER)
    over_http = site.as_("leader").get(f"/api/incidents/{told['incident']}/routing").json()
    assert town.done("rules", "why", told["case_number"], "--json").json == over_http
    assert site.as_("administrator").put("/api/city", {"text": CHANGED}).status_code == 200
    ran = town.done("rules", "why", told["case_number"])
    assert "水务局 (water)" in ran.out
    assert "goes to 派往: 区办 (office)" in ran.out
    assert "与当时派遣不同" in ran.err
    assert "no such incident" in town.run("rules", "why", "D-0").err.lower()


def test_a_file_is_tried_on_what_was_reported(town: Installation, site: Site, tmp_path: Path) -> None:
    # The command line asks the machine what time it is: everything was reported before that.
    site.clock.now = datetime(2021, 1, 4, 2, tzinfo=UTC)
    numbers = [site.as_("inspector").report(scene.COVER)["case_number"] for _ in range(3)]
    file = city_file(tmp_path, CHANGED.replace('limit = "4wh"', 'limit = "2wh"') + GRIDS)
    days = ("--days", 36_500)
    told = town.done("city", "plan", file, *days, "--json").json["rerouted"]
    assert (told["reported"], told["elsewhere"], told["sooner"]["incidents"]) == (3, 3, 3)
    ran = town.done("city", "plan", file, *days).out
    assert "of 3 incidents reported since" in ran
    assert "3 would go elsewhere" in ran
    assert "水务局 (water)" in ran
    assert "区办 (office)" in ran
    assert numbers[0] in ran
    assert "3 would be due sooner" in ran
    cut = town.done("city", "plan", file, *days, "--most", 2).out
    assert "of the newest 2 of 3 (the others were not looked at) incidents" in cut
    assert town.done("city", "export").out == TOWN


def test_without_rules_there_is_nothing_to_try(tmp_path: Path) -> None:
    empty = Installation(tmp_path / "var")
    empty.done("init")
    told = empty.done("city", "plan", city_file(tmp_path), "--days", 7, "--json").json
    assert (told["version"], "rerouted" in told) == (0, False)
    assert "gridgov city apply" in empty.run("rules", "list").err
