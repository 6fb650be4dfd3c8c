"""Closure figures over HTTP: counted by hand for a small town, adding up, and only for who answers for them."""

from __future__ import annotations

import csv
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from gridgov import city
from gridgov.statistics.telling import told as figures_told
from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, TOWN, Site


@pytest.fixture
def town(site: Site) -> Site:
    """Two covers in the north (one closed), rubbish in the south closed late, noise in the tray, one cancelled."""
    site.closed(scene.COVER, "N1")
    site.as_("inspector").report(scene.COVER, "N2")
    late = str(site.as_("inspector").report(scene.RUBBISH, "S1")["incident"])
    site.as_("clerk").act("file", late, 1)
    site.as_("leader").act("dispatch", late, 2)
    site.as_("clerk").report(scene.NOISE, None, channel="hotline")
    cancelled = str(site.as_("inspector").report(scene.RUBBISH, "S2")["incident"])
    site.as_("leader").act("cancel", cancelled, 1, reason="测试")
    site.later(timedelta(days=7))
    site.as_("cleaning").act("handle", late, 3, reason="清理")
    site.as_("leader").act("check", late, 4, passed=True)
    site.as_("leader").act("close", late, 5)
    return site


def ask(site: Site, query: str = "", who: str = "manager") -> Any:
    answer = site.as_(who).get(f"/api/closure?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def pairs(group: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {key: (one["numerator"], one["denominator"]) for key, one in group["figures"].items()}


def test_figures_are_what_one_counts_by_hand(town: Site) -> None:
    told = ask(town)
    (group,) = told["groups"]
    assert group["tally"]["reported"] == 5
    assert pairs(group) | {"rework": (0, 2), "filing": (2, 4)} == pairs(group)
    assert pairs(group)["closed_of_reported"] == (2, 4)
    assert pairs(group)["closure"] == (2, 2)
    assert pairs(group)["on_time_closure"] == (1, 2)
    assert group["figures"]["on_time_closure"]["percent"] == "50.00"
    assert told["total"]["tally"] == group["tally"]


def test_they_come_with_everything_needed_to_understand_them(town: Site) -> None:
    told = ask(town, "by=street")
    assert {d["key"] for d in told["definitions"]} == set(told["total"]["figures"])
    assert all(d["formula"] and d["name_zh"] for d in told["definitions"])
    assert (told["edition"], told["edition_name"], told["rules"], told["by"]) == (1, "first", 1, "street")
    assert told["position"] == int(town.as_("leader").get("/api/incidents").json()["cursor"].split(".")[1])
    assert told["generated_at"].endswith("Z")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("none", {"all": 5}),
        ("department", {"cleaning": 2, "office": 1, "water": 2}),
        ("category", {scene.COVER: 2, scene.NOISE: 1, scene.RUBBISH: 2}),
        ("channel", {"hotline": 1, "inspector": 4}),
        ("urgency", {"ordinary": 5}),
        ("district", {"D": 4, None: 1}),
        ("street", {"D/N": 2, "D/S": 2, None: 1}),
        ("grid", {"D/N/N1": 1, "D/N/N2": 1, "D/S/S1": 1, "D/S/S2": 1, None: 1}),
    ],
)
def test_groups_add_up_to_the_total_whatever_they_are_by(
    town: Site, by: str, expected: dict[Any, int]
) -> None:
    """What lies in no grid is a row of its own, the last, and never left out."""
    told = ask(town, f"by={by}")
    assert {group["key"]: group["tally"]["reported"] for group in told["groups"]} == expected
    for name, total in told["total"]["tally"].items():
        assert sum(group["tally"][name] for group in told["groups"]) == total
    if None in expected:
        assert told["groups"][-1]["name_zh"] == "未定位"


def test_a_zero_denominator_shows_as_a_dash(town: Site) -> None:
    figure = ask(town, "by=none&category=t:event:noise")["groups"][0]["figures"]["closure"]
    assert (figure["rate"], figure["percent"], figure["denominator"]) == (None, "–", 0)


@pytest.mark.parametrize(
    ("query", "reported"),
    [
        ("under=D/N", 2),
        ("under=D/S/S1", 1),
        ("department=water", 2),
        ("category=t:event:rubbish", 2),
        ("urgency=critical", 0),
        ("from=2026-11-23T00:00:00%2B08:00&to=2026-11-24T00:00:00%2B08:00", 5),
        ("from=2026-11-24T00:00:00%2B08:00", 0),
        ("to=2026-11-23T00:00:00Z", 0),
    ],
)
def test_only_what_was_asked_for_is_counted(town: Site, query: str, reported: int) -> None:
    assert ask(town, query)["total"]["tally"]["reported"] == reported


def test_what_was_due_later_is_counted_where_it_was_due(town: Site) -> None:
    """Reported on Monday, due on Wednesday, closed a week later: due in the days after its report."""
    tally = ask(town, "from=2026-11-24T00:00:00Z&to=2026-11-27T00:00:00Z")["total"]["tally"]
    assert (tally["reported"], tally["due"], tally["due_closed_on_time"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("by=colour", 422),
        ("by=case_number", 422),
        ("under=D/X", 404),
        ("from=2026-11-24", 422),
        ("from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", 422),
        ("start=2026-11-24T00:00:00Z", 422),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, query: str, status: int) -> None:
    assert site.as_("manager").get(f"/api/closure?{query}").status_code == status


def test_what_is_joined_and_what_is_suspended_is_counted_apart(town: Site) -> None:
    """The open cover of N2 waits for dispatch: another report of it follows it; then it is suspended."""
    before = ask(town)["total"]
    (leader,) = [
        r for r in town.as_("leader").get("/api/incidents").json()["rows"] if r["path"][-1:] == ["N2"]
    ]
    again = str(town.as_("inspector").report(scene.COVER, "N2")["incident"])
    town.as_("clerk").act("file", leader["id"], 1)
    assert town.as_("clerk").act("join", again, 1, leader=leader["id"]).status_code == 200
    after = ask(town)["total"]
    assert (after["tally"]["reported"], after["tally"]["joined"]) == (6, 1)
    assert pairs(after)["closed_of_reported"] == pairs(before)["closed_of_reported"]
    town.as_("leader").act("dispatch", leader["id"], 3)
    until = (town.clock.now + timedelta(days=30)).isoformat()
    town.as_("water").act("apply", leader["id"], 4, wish="suspension", reason="等配件", until=until)
    assert town.as_("leader").act("grant", leader["id"], 5).status_code == 200
    suspended = ask(town)["total"]
    assert (suspended["tally"]["suspended"], suspended["tally"]["due_suspended"]) == (1, 1)
    assert pairs(suspended)["closure"] == (2, 2)
    assert pairs(suspended)["closure_with_suspended"] == (2, 3)
    assert ask(town, "by=street")["total"]["tally"] == suspended["tally"]


class TestScope:
    """Figures are of what somebody answers for, and of nothing else."""

    @pytest.mark.parametrize("who", list(PEOPLE))
    def test_who_may_see_figures(self, site: Site, who: str) -> None:
        allowed = who in ("manager", "manager_n", "supervisor", "leader")
        assert site.as_(who).get("/api/closure").status_code == (200 if allowed else 403)

    def test_a_part_of_the_town(self, town: Site) -> None:
        told = ask(town, "by=street", who="manager_n")
        assert [(group["key"], group["tally"]["reported"]) for group in told["groups"]] == [("D/N", 2)]

    def test_other_assignments_add_nothing(self, town: Site) -> None:
        """Who is an inspector in the south besides sees its incidents, and answers for none of its figures."""
        sent = {"role": "inspector", "path": ["D", "S"]}
        town.as_("administrator").post("/api/people/manager_n/assignments", sent)
        assert len(town.as_("manager_n").get("/api/incidents").json()["rows"]) == 4
        assert ask(town, who="manager_n")["total"]["tally"]["reported"] == 2


class TestTables:
    """The same for spreadsheets."""

    def test_a_table_holds_the_same_figures(self, town: Site) -> None:
        told, manager = ask(town, "by=street"), town.as_("manager")
        as_of = told["as_of"]
        query = f"by=street&position={as_of['position']}&as_of={as_of['time']}"
        table = manager.get(f"/api/closure.csv?{query}")
        assert table.text == manager.get(f"/api/closure?{query}", headers={"Accept": "text/csv"}).text
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.content.startswith(b"\xef\xbb\xbf")
        lines = list(csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff"))))
        assert [line["key"] for line in lines] == ["D/N", "D/S", "", "total"]
        assert list(lines[0])[:8] == [
            *("key", "name_zh", "name_en", "reported", "open", "closed", "rejected", "cancelled")
        ], "columns keep their places: what came later stands at the end"
        after = list(lines[0]).index("joined")
        assert list(lines[0])[after : after + 4] == ["joined", "self_handled", "suspended", "due_exempt"]
        assert list(lines[0])[-6:] == ["period", "from", "to", "edition", "position", "as_of"]
        for line, group in zip(lines, [*told["groups"], told["total"]], strict=True):
            for key, figure in group["figures"].items():
                assert line[f"{key}_numerator"] == str(figure["numerator"])
                assert line[f"{key}_percent"] == figure["percent"]

    def test_a_cell_is_never_a_formula(self, site: Site) -> None:
        row = {
            "source": "x", "number": "1", "channel": "=cmd()", "category": "c", "department": "@d", "status": "s",
            "closed": False, "reported_at": "2020-01-01T00:00:00Z",
        }  # fmt: skip
        site.as_("administrator").post(
            "/api/imports", {"rows": [row, row | {"number": "2", "channel": "＝cmd()"}]}
        )
        for by in ("channel", "department"):
            text = site.as_("manager").get(f"/api/closure.csv?by={by}").text
            assert not any(
                cell[:1] in "=@＝" for line in csv.reader(io.StringIO(text)) for cell in line if cell
            )


def test_they_hold_up_nothing_else_and_too_many_are_sent_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more ask than there are threads for readers, somebody reports and reads."""
    go_on, most = threading.Event(), 2 + 16

    def slow(*asked: Any) -> dict[str, Any]:
        assert go_on.wait(30)
        return figures_told(*asked)

    monkeypatch.setattr("gridgov.api.closure.told", slow)
    manager, inspector = site.as_("manager"), site.as_("inspector")
    desk = site.client.app.state.figures  # type: ignore[attr-defined]
    with ThreadPoolExecutor(most) as pool:
        asking = [pool.submit(manager.get, "/api/closure") for _ in range(most)]
        try:
            until = time.monotonic() + 20
            while desk.waiting < most - 2:
                assert time.monotonic() < until
                time.sleep(0.01)
            refused = manager.get("/api/closure.csv")
            assert inspector.report()["number"] == 1
            assert len(inspector.get("/api/incidents").json()["rows"]) == 1
        finally:
            go_on.set()
        assert {future.result().status_code for future in asking} == {200}
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:gridgov:problem:figures-busy")
    assert refused.headers["retry-after"] == "2"
    assert manager.get("/api/closure").status_code == 200


def test_the_manager_of_the_whole_district_is_shown_the_tray_that_of_a_street_is_not(town: Site) -> None:
    sent = {"role": "manager", "path": ["D"]}
    answer = town.as_("administrator").post("/api/people/inspector/assignments", sent)
    assert answer.status_code == 201, answer.text
    rows = {
        group["key"]: group["tally"]["reported"] for group in ask(town, "by=street", "inspector")["groups"]
    }
    assert rows == {group["key"]: group["tally"]["reported"] for group in ask(town, "by=street")["groups"]}
    assert rows[None] == 1
    assert None not in {group["key"] for group in ask(town, "by=street", "manager_n")["groups"]}


class TestMisspelt:
    """A department or category that nobody knows is refused; counted, it would be all zeros."""

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("department=watr", "no department 'watr'; did you mean water?"),
            ("department=CLEANIN", "no department 'CLEANIN'; did you mean cleaning?"),
            ("department=zzz", "no department 'zzz'"),
            ("category=t:event:rubish", "no category 't:event:rubish'; did you mean t:event:rubbish"),
        ],
    )
    def test_it_is_refused_with_the_nearest(self, site: Site, query: str, said: str) -> None:
        answer = site.as_("manager").get(f"/api/closure?{query}")
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text

    def test_what_only_history_knows_is_fine_to_whom_it_is_shown(self, site: Site) -> None:
        """A row of the south in a category and with a department that the rules never had."""
        about: dict[str, Any] = {
            "source": "old",
            "number": "1",
            "channel": "c",
            "status": "s",
            "closed": False,
        }
        about |= {"category": "secret", "department": "secrets", "reported_at": scene.MONDAY.isoformat()}
        about |= {"lon": 114.005, "lat": 22.505, "datum": "wgs84"}
        site.as_("administrator").post("/api/imports", {"rows": [about]})
        for query in ("department=secrets", "category=secret"):
            assert ask(site, query)["total"]["tally"]["reported"] == 1
            answer = site.as_("manager_n").get(f"/api/closure?{query}")
            assert (answer.status_code, answer.json()["near"]) == (422, [])

    def test_an_alias_counts_as_its_category(self, site: Site) -> None:
        named = TOWN.replace('name_zh = "井盖"\n', 'name_zh = "井盖"\naliases = ["盖子"]\n')
        site.service.writer.run(city.apply(named, "test"))
        site.as_("inspector").report(scene.COVER)
        told = site.as_("manager").get("/api/closure?category=盖子").json()
        assert told["total"]["tally"]["reported"] == 1
