"""Incidents as CSV: every one, as the API shows it, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from dispatch.lifecycle import Act
from gridgov import exporting
from gridgov.storage.engine import snapshot
from gridgov.storage.incidents import Wanted
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town, town  # noqa: F401 -- the fixture

EVERYTHING = Wanted()


def exported(town: Town, wanted: Wanted = EVERYTHING, **more: bool) -> list[dict[str, str]]:  # noqa: F811
    out = io.StringIO()
    with snapshot(town.reader) as connection:
        written = exporting.write_csv(exporting.lines(connection, wanted), out, **more)
        assert written == exporting.count(connection, wanted)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == written
    return rows


def test_incidents_come_in_the_order_they_came_in_with_paths_and_times_as_text(town: Town) -> None:  # noqa: F811
    first = town.report(position=scene.at("N1"))
    town.report(scene.RUBBISH)
    rows = exported(town)
    assert [row["path"] for row in rows] == ["D/N/N1", ""]
    assert rows[0]["id"] == first.incident
    assert rows[0]["case_number"] == first.case_number
    assert rows[0]["reported_at"].endswith("Z")
    assert (rows[0]["closed_at"], rows[0]["imported"]) == ("", "false")


def test_what_is_wanted_is_exported(town: Town) -> None:  # noqa: F811
    north, south = town.report(position=scene.at("N1")), town.report(position=scene.at("S1"))
    town.act(scene.CLERK, Act.FILE, south.incident, 1)
    assert [row["id"] for row in exported(town, Wanted(under=("D", "N")))] == [north.incident]
    assert [row["stage"] for row in exported(town, Wanted(under=("D", "S")))] == ["dispatch"]


def test_words_of_citizens_are_not_in_it_and_addresses_only_where_asked(town: Town) -> None:  # noqa: F811
    town.report(words="私人的话", address="北街1号", reporter_name="王", reporter_phone="13800000000")
    (plain,), (told,) = exported(town), exported(town, addresses=True)
    assert "address" not in plain
    assert told["address"] == "北街1号"
    for row in (plain, told):
        assert not {"私人的话", "王", "13800000000"} & set(row.values())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1＋1"])
def test_no_text_becomes_a_formula(town: Town, text: str) -> None:  # noqa: F811
    town.report(address=text)
    (row,) = exported(town, addresses=True)
    assert row["address"] == f"'{text}"


def test_numbers_stay_numbers(town: Town) -> None:  # noqa: F811
    """A western longitude begins with a sign, and is no formula."""
    town.report(position=scene.SentPosition(-71.0587, 42.3594, scene.Datum.wgs84))
    (row,) = exported(town)
    assert float(row["lon"]) == -71.0587
