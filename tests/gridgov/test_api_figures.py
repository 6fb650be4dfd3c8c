"""Figures asked over HTTP in every way: by names of periods, opened, compared, as they stood, with times."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.gridgov import scene
from tests.gridgov.conftest import PEOPLE, Site

MONDAY = "2026-11-23"
WAYS = (
    "/api/closure",
    "/api/closure.csv",
    "/api/closure/definitions",
    "/api/closure/returns",
    "/api/statistics",
)


@pytest.fixture
def town(site: Site) -> Site:
    """On Monday a cover in the north closed, one waiting, rubbish in the south sent back once and closed
    late a week later, noise in the tray; on Tuesday of the next week another cover in the south.
    """
    site.closed(scene.COVER, "N1")
    site.as_("inspector").report(scene.COVER, "N2")
    late = str(site.as_("inspector").report(scene.RUBBISH, "S1")["incident"])
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("clerk", "file", {}),
        ("leader", "dispatch", {}),
        ("cleaning", "return", {"reason": "不属本部门"}),
        ("leader", "dispatch", {"department": "cleaning"}),
    ]
    done(site, late, acts, 1)
    site.as_("clerk").report(scene.NOISE, None, channel="hotline")
    site.later(timedelta(days=7))
    acts = [
        ("cleaning", "handle", {"reason": "清理"}),
        ("leader", "check", {"passed": False, "reason": "没有清干净"}),
        ("cleaning", "handle", {"reason": "清理"}),
        ("leader", "check", {"passed": True}),
        ("leader", "close", {}),
    ]
    done(site, late, acts, 5)
    site.later(timedelta(days=1))
    site.as_("inspector").report(scene.COVER, "S2")
    return site


def done(site: Site, incident: str, acts: list[tuple[str, str, dict[str, Any]]], seen: int) -> None:
    for number, (who, act, asked) in enumerate(acts, seen):
        answer = site.as_(who).act(act, incident, number, **asked)
        assert answer.status_code == 200, (act, answer.text)


def ask(site: Site, query: str = "", who: str = "manager", path: str = "") -> Any:
    answer = site.as_(who).get(f"/api/closure{path}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def reported(told: Any) -> dict[str | None, int]:
    return {group["key"]: group["tally"]["reported"] for group in told["groups"]}


def as_it_was(told: Any) -> str:
    return f"position={told['as_of']['position']}&as_of={told['as_of']['time']}"


def same(told: Any) -> Any:
    return {name: value for name, value in told.items() if name != "generated_at"}


NAMED = {
    "2026": 5,
    "2026-Q4": 5,
    "2026-Q3": 0,
    "2026-11": 4,
    "2026-W48": 4,
    "2026-12-01": 1,
    "2026-11-23..2026-11-23": 4,
    "2026-11-24..": 1,
    "..2026-11": 4,
}


class TestPeriods:
    """Periods by their names, in the city's time zone."""

    def test_a_name_is_a_period(self, town: Site) -> None:
        found = {name: ask(town, f"period={name}")["total"]["tally"]["reported"] for name in NAMED}
        assert found == NAMED

    def test_it_is_the_same_as_its_two_ends(self, town: Site) -> None:
        told = ask(town, "period=2026-11")
        ends = f"from=2026-10-31T16:00:00Z&to=2026-11-30T16:00:00Z&{as_it_was(told)}"
        assert same(ask(town, ends)) == same(told)
        assert told["period"]["name"] == "2026-11"

    NONSENSE = (
        ("period=2026-Q5", "is no period: expected a year (2026)"),
        ("period=2026&from=2026-01-01T00:00:00Z", "not by both"),
        ("from=2026-01-01T00:00:00.5Z", "whole seconds"),
        ("by=day&period=1990..", "more than"),
        ("more=time", "expected times, survival, ageing"),
        ("compare=previous", "a period with a start and an end"),
        ("compare=last", "is no period"),
        ("specialised=river", "expected its layer and code"),
        ("specialised=river/7", "layer of specialised grids"),
        ("position=999999", "the ledger ends at"),
        ("as_of=2030-01-01T00:00:00Z", "it is to come"),
        ("inspector=nobody", "no incident has the inspector 'nobody'"),
        ("class=zz", "no incident has the class 'zz'"),
    )

    def test_what_makes_no_sense_is_refused_with_the_reason(self, town: Site) -> None:
        for query, said in self.NONSENSE:
            answer = town.as_("manager").get(f"/api/closure?{query}")
            assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("crew", {None: 5}),
        ("inspector", {"inspector": 4, None: 1}),
        ("month", {"2026-11": 4, "2026-12": 1}),
        ("week", {"2026-W48": 4, "2026-W49": 1}),
        ("year", {"2026": 5}),
    ],
)
def test_figures_are_by_whatever_is_asked(town: Site, by: str, expected: dict[str | None, int]) -> None:
    assert reported(ask(town, f"by={by}")) == expected


def test_a_trend_is_a_row_for_every_day(town: Site) -> None:
    told = ask(town, "by=day&period=2026-11-23..2026-12-01")
    assert list(reported(told).values()) == [4, 0, 0, 0, 0, 0, 0, 0, 1]
    assert {group["figures"]["closure"]["rank"] for group in told["groups"]} == {None}


class TestOpened:
    """Every figure opens into the incidents behind it."""

    @pytest.mark.parametrize("by", ["none", "street", "department", "month", "inspector"])
    def test_the_incidents_behind_a_figure_are_as_many_as_it_says(self, town: Site, by: str) -> None:
        counts = ask(town, path="/definitions")["counts"]
        told = ask(town, f"by={by}&period=2026-11..2026-12")
        asked = f"by={by}&period=2026-11..2026-12&{as_it_was(told)}"
        definitions = {one["key"]: one for one in told["definitions"]}
        for group, key in [*((g, f"&key={g['key'] or ''}") for g in told["groups"]), (told["total"], "")]:
            numbers = dict(group["tally"])
            for name, figure in group["figures"].items():
                numbers[definitions[name]["numerator"]] = figure["numerator"]
                numbers[definitions[name]["denominator"]] = figure["denominator"]
            assert set(numbers) == set(counts)
            for count, number in numbers.items():
                assert self.walked(town, f"{asked}&count={count}{key}") == number, (count, key)

    def walked(self, town: Site, query: str) -> int:
        """What all pages of two add up to."""
        after, weights, seen = 0, 0, set()
        while after is not None:
            page = ask(town, f"{query}&limit=2&after={after}", path="/incidents")
            weights += sum(row["weight"] for row in page["rows"])
            assert seen.isdisjoint(row["id"] for row in page["rows"])
            seen |= {row["id"] for row in page["rows"]}
            after = page["next"]
        assert page["count"] == weights
        return weights

    def test_they_are_shown_as_they_stood_then(self, town: Site) -> None:
        before = ask(town)
        opened = ask(town, "count=open", path="/incidents")
        waiting = opened["rows"][0]
        assert town.as_("leader").act("cancel", waiting["id"], 1, reason="测试").status_code == 200
        after = ask(town, "count=cancelled", path="/incidents")
        assert [row["stage"] for row in after["rows"]] == ["cancelled"]
        again = ask(town, f"count=open&{as_it_was(before)}", path="/incidents")
        assert again["rows"] == opened["rows"]
        assert (again["rows"][0]["stage"], again["count"]) == ("intake", before["total"]["tally"]["open"])

    def test_nobody_opens_what_they_do_not_answer_for(self, town: Site) -> None:
        everything = ask(town, "count=reported", path="/incidents")
        assert everything["count"] == 5
        north = ask(town, "count=reported", "manager_n", "/incidents")
        assert {row["path"][1] for row in north["rows"]} == {"N"}
        assert north["count"] == 2
        south = ask(town, "by=street&count=reported&key=D/S", "manager_n", "/incidents")
        assert (south["count"], south["rows"]) == (0, [])

    @pytest.mark.parametrize(
        ("query", "status"),
        [("", 422), ("count=cloosed", 422), ("count=closed&limit=0", 422), ("count=closed&limit=201", 422)],
    )
    def test_what_is_no_count_is_refused(self, town: Site, query: str, status: int) -> None:
        answer = town.as_("manager").get(f"/api/closure/incidents?{query}")
        assert answer.status_code == status
        if "cloosed" in query:
            assert answer.json()["near"][0] == "closed"


def test_a_printed_report_is_given_again(town: Site) -> None:
    """With its position and its moment, whatever has come since."""
    query = "by=street&more=times,survival,ageing"
    printed = ask(town, query)
    table = town.as_("manager").get(f"/api/closure.csv?{query}&{as_it_was(printed)}").text
    site = town.as_("inspector")
    site.report(scene.COVER, "N1")
    town.later(timedelta(days=3))
    assert ask(town, query)["groups"] != printed["groups"]
    assert same(ask(town, f"{query}&{as_it_was(printed)}")) == same(printed)
    assert town.as_("manager").get(f"/api/closure.csv?{query}&{as_it_was(printed)}").text == table
    assert ask(town, f"as_of={printed['as_of']['time']}")["position"] == printed["position"]


class TestCompared:
    """Two periods or two grids side by side."""

    def test_a_month_and_the_one_before(self, town: Site) -> None:
        told = ask(town, "by=street&period=2026-12&compare=previous")
        assert (told["first"]["period"]["name"], told["second"]["period"]["name"]) == ("2026-12", "2026-11")
        total = told["total"]
        assert [total[side]["tally"]["reported"] for side in ("first", "second")] == [1, 4]
        difference = total["differences"]["closed_of_reported"]
        assert difference["rate"] == pytest.approx(0 / 1 - 2 / 4)
        assert difference["interval"][0] < -0.5 < difference["interval"][1]
        assert difference["certain"] is False
        assert total["differences"]["response"] == {"rate": None, "interval": None, "certain": None}
        assert [pair["key"] for pair in told["groups"]] == ["D/N", "D/S", None]
        north, south, _ = told["groups"]
        assert north["first"] is None or north["first"]["tally"]["reported"] == 0
        assert south["differences"]["rework"]["interval"] is None
        assert {"first", "second"} <= told.keys()

    def test_each_side_is_what_it_is_by_itself(self, town: Site) -> None:
        told = ask(town, "by=department&period=2026-12&compare=2026-11")
        alone = {
            side: ask(town, f"by=department&period={period}&{as_it_was(told)}")
            for side, period in (("first", "2026-12"), ("second", "2026-11"))
        }
        for side, one in alone.items():
            assert told["total"][side] == one["total"]
            groups = [pair[side] for pair in told["groups"] if pair[side] is not None]
            assert groups == one["groups"]
            assert told[side] == {name: one[name] for name in told[side]}

    def test_parts_of_a_trend_stand_beside_each_other(self, town: Site) -> None:
        told = ask(town, "by=month&period=2026-Q4&compare=year_before")
        pairs = [(pair["first"]["key"], pair["second"]["key"]) for pair in told["groups"]]
        assert pairs == [("2026-10", "2025-10"), ("2026-11", "2025-11"), ("2026-12", "2025-12")]

    def test_two_grids(self, town: Site) -> None:
        told = ask(town, "by=category&under=D/N&against=D/S")
        assert [told[side]["only"] for side in ("first", "second")] == [{"under": "D/N"}, {"under": "D/S"}]
        pairs = {
            pair["key"]: tuple(pair[side] and pair[side]["tally"]["reported"] for side in ("first", "second"))
            for pair in told["groups"]
        }
        assert pairs == {scene.COVER: (2, 1), scene.RUBBISH: (None, 1)}
        assert told["groups"][1]["differences"] is None

    def test_as_a_table(self, town: Site) -> None:
        query = "by=month&period=2026-Q4&compare=year_before"
        told = ask(town, query)
        table = town.as_("manager").get(f"/api/closure.csv?{query}&{as_it_was(told)}").text
        lines = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
        assert [line["second_key"] for line in lines] == ["2025-10", "2025-11", "2025-12", "total"]
        total = told["total"]
        assert lines[-1]["first_reported"] == "5"
        assert lines[-1]["closure_first_percent"] == total["first"]["figures"]["closure"]["percent"]
        assert lines[-1]["closure_points"] == ""
        assert {line["second_period"] for line in lines} == {"2025-Q4"}
        same_place = ask(town, "period=2026-12&compare=2026-11")
        line = self.lines(town, f"period=2026-12&compare=2026-11&{as_it_was(same_place)}")[-1]
        points = same_place["total"]["differences"]["closed_of_reported"]["rate"] * 100
        assert (line["closed_of_reported_points"], line["closed_of_reported_certain"]) == (
            f"{points:.2f}",
            "no",
        )

    def lines(self, town: Site, query: str) -> list[dict[str, str]]:
        text = town.as_("manager").get(f"/api/closure.csv?{query}").text.removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text)))


class TestMore:
    """What is told besides counts and rates."""

    def test_times_by_hand(self, town: Site) -> None:
        """One closed within minutes, one eight days later; two are open."""
        told = ask(town, "more=times,survival,ageing")["total"]
        times = told["times"]
        assert times["closed"] == 2
        assert times["p50"] == pytest.approx(
            (times["p25"] - (times["p90"] - times["p25"]) / 0.65 * 0.25)
            + (times["p90"] - times["p25"]) / 0.65 * 0.5
        )
        assert 7 * 86_400 / 2 < times["p50"] < 8 * 86_400 / 2
        assert (told["survival"]["closed"], told["survival"]["open"]) == (2, 3)
        assert told["survival"]["p75"] is None, "more than a quarter is open longer than anything took"
        bands = {band["key"]: band["open"] for band in told["ageing"]["bands"]}
        assert (bands["under_1_day"], bands["7_to_30_days"], told["ageing"]["open"]) == (1, 2, 3)

    def test_they_have_columns_and_meanings(self, town: Site) -> None:
        told = ask(town, "by=street&more=ageing,times")
        assert [one["key"] for one in told["meanings"]] == ["interval", "rank", "ageing", "times"]
        assert all(one["formula"] and one["name_zh"] for one in told["meanings"])
        text = town.as_("manager").get("/api/closure.csv?by=street&more=ageing,times").text
        line = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))[-1]
        assert (line["times_closed"], line["ageing_open"], line["ageing_7_to_30_days_open"]) == (
            "2",
            "3",
            "2",
        )


def test_every_rate_has_its_interval_and_its_place(town: Site) -> None:
    groups = ask(town, "by=street")["groups"]
    north, south = (group["figures"]["closed_of_reported"] for group in groups[:2])
    assert (north["numerator"], north["denominator"]) == (1, 2)
    assert north["interval"][0] < 0.5 < north["interval"][1]
    assert (north["rank"], south["rank"]) == (1, 1), "one of two each"
    assert groups[2]["figures"]["closed_of_reported"]["rank"] is None, "what has no place is in no ranking"


def test_returns_between_departments(town: Site) -> None:
    told = ask(town, "period=2026-11", path="/returns")
    (pair,) = told["pairs"]
    assert (pair["from"], pair["to"], pair["count"], pair["back"]) == ("cleaning", "cleaning", 1, 1)
    assert ask(town, "period=2026-12", path="/returns")["total"]["count"] == 0
    assert ask(town, "under=D/N", path="/returns")["total"]["count"] == 0
    page = town.as_("manager").get("/api/returns").json()
    assert page["total"]["count"] == told["total"]["count"]
    assert page["total"]["median_s"] == pytest.approx(told["total"]["median_s"])


class TestWhoMay:
    """Figures and what is behind them are for those who answer for others' work."""

    def test_who_may(self, site: Site) -> None:
        for who in PEOPLE:
            allowed = who in ("manager", "manager_n", "supervisor", "leader")
            for path in (*WAYS, "/api/closure/incidents?count=closed"):
                status = site.as_(who).get(path).status_code
                assert status == (200 if allowed else 403), (who, path)

    def test_what_the_copy_does(self, site: Site) -> None:
        ask(site)
        told = site.as_("manager").get("/api/statistics").json()
        assert (told["state"], told["behind"]) == ("ready", 0)
