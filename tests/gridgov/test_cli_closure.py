"""`gridgov closure`: asked, compared and opened in a terminal, as the API answers."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from gridgov.errors import BadInput
from gridgov.statistics.desk import Desk
from gridgov.statistics.errors import NotReadyYet
from gridgov.statistics.making import file_of, hold
from tests.gridgov.commandline import city_file, history
from tests.gridgov.importing.mappings import line
from tests.installation import Installation, again


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A history of five, one of which has no place."""
    folder = tmp_path_factory.mktemp("closure")
    made = Installation(folder / "var")
    for command in (("init",), ("city", "apply", city_file(folder)), ("grids", "import", city_file(folder))):
        made.done(*command)
    rows = [line(no=f"A-{n}") for n in range(4)] + [line(no="A-9", x="", y="")]
    table, mapping = history(folder, *rows)
    made.done("incidents", "import", table, "--mapping", mapping)
    return made


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_it_shows_figures_with_their_meanings_and_how_to_get_them_again(town: Installation) -> None:
    ran = town.done("closure", "--by", "street")
    assert "上报结案率" in ran.out
    assert "未定位" in ran.out
    assert "closed of reported: closed / reported in the period" in ran.err
    assert "all time, edition 1" in ran.err
    assert "fewer than 30" in ran.err
    told = town.done("closure", "--by", "street", "--json").json
    assert told["total"]["tally"]["reported"] == 5
    same = town.done("closure", "--by", "street", *again(told), "--json").json
    assert same["groups"] == told["groups"]
    assert same["as_of"] == told["as_of"]
    assert f"the same again: --position {told['as_of']['position']} --as-of" in ran.err


def test_times_survival_and_ages_are_tables_of_their_own(town: Installation) -> None:
    ran = town.done("closure", "--by", "street", "--more", "times,survival,ageing")
    for said in ("中位数 median h:m", "survival", "ageing", ">1年"):
        assert said in ran.out
    assert "Kaplan-Meier" in ran.err


def test_a_table_for_spreadsheets(town: Installation) -> None:
    found = rows(town.done("closure", "--by", "channel", "--csv").out)
    assert [row["key"] for row in found][-1] == "total"
    assert found[-1]["reported"] == "5"
    assert found[-1]["position"] == "5"


def test_two_periods_side_by_side(town: Installation) -> None:
    told = town.done("closure", "--period", "2026", "--compare", "previous", "--json").json
    ran = town.done("closure", "--period", "2026", "--compare", "previous")
    assert "first: period 2026," in ran.err
    assert "second: period 2025," in ran.err
    table = rows(town.done("closure", "--period", "2026", "--compare", "previous", "--csv").out)
    assert table[-1]["first_reported"] == str(told["total"]["first"]["tally"]["reported"])
    assert table[-1]["second_reported"] == str(told["total"]["second"]["tally"]["reported"])


def test_the_incidents_behind_a_figure(town: Installation) -> None:
    command = ("closure", "--by", "street", "--open", "reported")
    told = town.done(*command, "--json").json
    assert (told["count"], len(told["rows"])) == (5, 5)
    without = town.done(*command, "--key", "", "--json").json
    assert [row["source_number"] for row in without["rows"]] == ["A-9"]
    shown = town.done(*command, "--limit", "2")
    assert "5 in all, as of position 5" in shown.err
    after = shown.err.rsplit("more: --after ", 1)[1].strip()
    assert len(rows(town.done(*command, "--after", after, "--csv").out)) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--period", "2026-13"), "'2026-13' is no period: expected a year"),
        (("--period", "2026", "--from", "2026-01-01"), "not by both"),
        (("--more", "all"), "expected times, survival, ageing"),
        (("--open", "clsed"), "there is no count 'clsed'"),
        (("--by", "colour"), "not by 'colour'"),
        (("--as-of", "yesterday"), "--as-of is 'yesterday': expected a local date"),
        (("--position", "77"), "the ledger ends at 5"),
    ],
)
def test_what_makes_no_sense_is_refused(town: Installation, options: tuple[str, ...], said: str) -> None:
    ran = town.run("closure", *options)
    assert (ran.code, said in ran.err) == (1, True), ran.err


def test_beside_who_has_the_copy_another_is_made_and_thrown_away(
    town: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridgov.cli.figures_source.HELD_S", 0.1)
    folder = town.folder / "statistics"
    before = sorted(folder.iterdir())
    lock = hold(file_of(folder, "main"))
    try:
        ran = town.done("closure", "--json")
    finally:
        lock.release()
    assert ran.json["total"]["tally"]["reported"] == 5
    assert "making another for this command" in ran.err
    assert sorted(folder.iterdir()) == before


def test_it_waits_while_the_copy_is_made_ready(town: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever: where nothing goes on, it says why it has nothing to tell."""
    asked, times = Desk.ask, iter([True, True, False])

    def late(self: Desk, question: Any) -> Any:
        if next(times):
            raise NotReadyYet()
        return asked(self, question)

    monkeypatch.setattr(Desk, "ask", late)
    assert town.done("closure", "--json").json["total"]["tally"]["reported"] == 5

    def never(self: Desk, question: Any) -> Any:
        raise NotReadyYet()

    monkeypatch.setattr(Desk, "ask", never)
    monkeypatch.setattr("gridgov.cli.figures_source.PATIENCE_S", 0.5)
    ran = town.run("closure")
    assert (ran.code, "Figures are being made ready" in ran.err) == (1, True)


def test_a_bad_question_is_not_asked_again(town: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    times = []

    def refused(self: Desk, question: Any) -> Any:
        times.append(question)
        raise BadInput("no")

    monkeypatch.setattr(Desk, "ask", refused)
    assert town.run("closure").code == 1
    assert len(times) == 1
