"""Incidents as features: those of the asker's scope, those on the map, page by page, and nothing of a citizen."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from gridgov.api.ogc import points
from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, Site, Somebody, position

ITEMS = "/ogc/collections/incidents/items"


def ids(page: dict[str, Any]) -> list[str]:
    return [feature["id"] for feature in page["features"]]


def asked(somebody: Somebody, query: str = "") -> list[str]:
    answer = somebody.get(f"{ITEMS}?{query}" if query else ITEMS)
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


def all_pages(somebody: Somebody, url: str) -> list[dict[str, Any]]:
    pages = []
    while url:
        pages.append(somebody.get(url).json())
        url = {link["rel"]: link["href"] for link in pages[-1]["links"]}.get("next", "")
    return pages


@pytest.fixture
def reported(site: Site) -> dict[str, str]:
    """An incident in each square, one outside every grid and one without a position, oldest first."""
    inspector, found = site.as_("inspector"), {}
    for grid in ("N1", "N2", "S1", "S2"):
        found[grid] = inspector.report(scene.COVER if grid[1] == "1" else scene.RUBBISH, grid)["incident"]
    away = {"lon": 114.5, "lat": 22.5, "datum": "wgs84", "accuracy_m": 5}
    found["outside"] = inspector.report(position=away)["incident"]
    found["nowhere"] = inspector.report(grid=None)["incident"]
    return {name: str(id_) for name, id_ in found.items()}


class TestWhich:
    """Scope, place and time decide; the standard's parameters choose among them."""

    def test_those_with_a_point_newest_first(self, site: Site, reported: dict[str, str]) -> None:
        expected = [reported[name] for name in ("outside", "S2", "S1", "N2", "N1")]
        assert asked(site.as_("leader")) == expected

    def test_what_has_no_point_is_no_feature(self, site: Site, reported: dict[str, str]) -> None:
        leader = site.as_("leader")
        assert leader.get(f"/api/incidents/{reported['nowhere']}").status_code == 200
        assert leader.get(f"{ITEMS}/{reported['nowhere']}").status_code == 404

    @pytest.mark.slow
    def test_everybody_sees_what_lists_show_them(self, site: Site, reported: dict[str, str]) -> None:
        """For every role: the features are the rows of /api/incidents that have a point."""
        site.as_("clerk").act("file", reported["N1"], 1)
        site.as_("leader").act("dispatch", reported["N1"], 2)
        for name in PEOPLE:
            somebody = site.as_(name)
            rows = somebody.get("/api/incidents?limit=100").json()["rows"]
            assert asked(somebody) == [row["id"] for row in rows if row["lon"] is not None], name
            for id_ in reported.values():
                expected = 200 if id_ in asked(somebody) else 404
                assert somebody.get(f"{ITEMS}/{id_}").status_code == expected, name

    def test_some_see_all_and_some_nothing(self, site: Site, reported: dict[str, str]) -> None:
        """So that the test before compares something."""
        assert asked(site.as_("administrator")) == asked(site.as_("water")) == []
        assert asked(site.as_("manager_n")) == [reported["N2"], reported["N1"]]
        assert len(asked(site.as_("inspector"))) == len(asked(site.as_("clerk"))) == 5

    def test_what_is_asked_for(self, site: Site, reported: dict[str, str]) -> None:
        site.as_("clerk").act("reject", reported["S2"], 1, reason="不是问题")
        for query, names in (
            ("bbox=114.0,22.5,114.01,22.51", ["S1"]),
            ("bbox=114.005,22.505,114.005,22.515", ["S1", "N1"]),  # both ends of a line
            ("bbox=114.4,22,-170,23", ["outside"]),
            ("bbox=114.2,22,-170,23&open=true", ["outside"]),
            ("bbox=0,0,1,1", []),
            ("open=true", ["outside", "S1", "N2", "N1"]),
            ("open=false", ["S2"]),
            ("stage=rejected", ["S2"]),
            (f"category={scene.COVER}", ["outside", "S1", "N1"]),
            ("category=t:event:noise", []),
            ("under=D/N", ["N2", "N1"]),
            ("under=D/N/N2&bbox=114,22,115,23", ["N2"]),
            ("under=no/such", []),
            ("urgency=critical", []),
        ):
            assert asked(site.as_("leader"), query) == [reported[name] for name in names], query
        department = site.as_("leader").get(f"{ITEMS}/{reported['N2']}").json()["properties"]["department"]
        assert reported["N2"] in asked(site.as_("leader"), f"department={department}")

    def test_by_the_time_of_the_report_both_ends_included(self, site: Site, reported: dict[str, str]) -> None:
        leader = site.as_("leader")
        at = {
            feature["id"]: feature["properties"]["reported_at"]
            for feature in leader.get(ITEMS).json()["features"]
        }
        first, last = at[reported["N2"]], at[reported["S2"]]
        between = [reported[name] for name in ("S2", "S1", "N2")]
        assert asked(leader, f"datetime={first}/{last}") == between
        assert asked(leader, f"datetime={last}") == [reported["S2"]]
        assert asked(leader, f"datetime=../{first}") == [reported["N2"], reported["N1"]]
        assert asked(leader, f"datetime={last}/") == [reported["outside"], reported["S2"]]
        later = datetime.fromisoformat(last) + timedelta(microseconds=1)
        assert asked(leader, f"datetime={later.isoformat().replace('+', '%2B')}") == []


class TestPages:
    """Stable, by position: what is reported meanwhile moves nothing."""

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
    def test_pages_follow_each_other_to_the_end(
        self, site: Site, reported: dict[str, str], limit: int
    ) -> None:
        leader = site.as_("leader")
        pages = all_pages(leader, f"{ITEMS}?limit={limit}")
        assert [id_ for page in pages for id_ in ids(page)] == asked(leader)
        for page in pages:
            assert 0 < page["numberReturned"] == len(page["features"]) <= limit
            assert "numberMatched" not in page  # counting would look at all there is

    def test_a_report_meanwhile_shifts_no_page(self, site: Site, reported: dict[str, str]) -> None:
        leader = site.as_("leader")
        before = asked(leader)
        first = leader.get(f"{ITEMS}?limit=2").json()
        site.as_("inspector").report()
        (following,) = (link["href"] for link in first["links"] if link["rel"] == "next")
        rest = [id_ for page in all_pages(leader, following) for id_ in ids(page)]
        assert ids(first) + rest == before

    @pytest.mark.parametrize("examined", [1, 2, 3, 100])
    def test_a_request_looks_only_so_far_and_the_next_goes_on(
        self, site: Site, reported: dict[str, str], examined: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However few positions a request may look through, all pages together hold everything once."""
        leader = site.as_("leader")
        expected = asked(leader, "bbox=114.0,22.5,114.01,22.52")
        monkeypatch.setattr(points, "EXAMINED", examined)
        pages = all_pages(leader, f"{ITEMS}?limit=2&bbox=114.0,22.5,114.01,22.52")
        assert [id_ for page in pages for id_ in ids(page)] == expected
        assert len(pages) >= 6 // examined

    def test_answers_are_kept_by_nobody(self, site: Site, reported: dict[str, str]) -> None:
        for path in (ITEMS, f"{ITEMS}/{reported['N1']}"):
            assert site.as_("leader").get(path).headers["cache-control"] == "no-store"


class TestFeatures:
    """What is shown of one."""

    def test_a_point_with_what_lists_show(self, site: Site, reported: dict[str, str]) -> None:
        answer = site.as_("leader").get(f"{ITEMS}/{reported['N1']}")
        assert answer.headers["content-type"] == "application/geo+json"
        told, row = answer.json(), site.as_("leader").get(f"/api/incidents/{reported['N1']}").json()["row"]
        where = position("N1")
        assert told["geometry"] == {"type": "Point", "coordinates": [where["lon"], where["lat"]]}
        assert {link["rel"]: link["href"] for link in told["links"]} == {
            "self": f"http://testserver{ITEMS}/{reported['N1']}",
            "collection": "http://testserver/ogc/collections/incidents",
        }
        shown = told["properties"]
        assert {name: shown[name] for name in points.COLUMNS} == {name: row[name] for name in points.COLUMNS}
        assert (shown["open"], shown["stage_zh"], shown["category_zh"]) == (True, "受理", "井盖")
        assert (shown["path"], shown["urgency_zh"]) == ("D/N/N1", "一般")

    def test_a_point_sent_in_another_datum_is_shown_in_wgs84(self, site: Site) -> None:
        sent = position("N1") | {"datum": "gcj02"}
        incident = site.as_("inspector").report(position=sent)["incident"]
        shown = site.as_("leader").get(f"{ITEMS}/{incident}").json()["geometry"]["coordinates"]
        row = site.as_("leader").get(f"/api/incidents/{incident}").json()["row"]
        assert shown == [row["lon"], row["lat"]] != [sent["lon"], sent["lat"]]

    def test_nothing_of_a_citizen_is_shown(self, site: Site) -> None:
        """Neither words nor who reported it nor the address, to nobody, whatever they may read elsewhere."""
        secrets = {
            "words": "我家门口的井盖",
            "address": "幸福路12号",
            "name": "王小明",
            "phone": "13800138000",
        }
        incident = site.as_("clerk").report(
            words=secrets["words"],
            address=secrets["address"],
            reporter={"name": secrets["name"], "phone": secrets["phone"]},
        )["incident"]
        for name in PEOPLE:
            somebody = site.as_(name)
            for path in (ITEMS, f"{ITEMS}/{incident}"):
                text = json.dumps(somebody.get(path).json(), ensure_ascii=False)
                for secret in secrets.values():
                    assert secret not in text

    def test_a_case_number_is_no_id(self, site: Site, reported: dict[str, str]) -> None:
        leader = site.as_("leader")
        number = leader.get(f"{ITEMS}/{reported['N1']}").json()["properties"]["case_number"]
        assert leader.get(f"/api/incidents/{number}").status_code == 200
        assert leader.get(f"{ITEMS}/{number}").status_code == 404
