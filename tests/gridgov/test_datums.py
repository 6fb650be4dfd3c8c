"""Wherever a point comes in it says which datum it is in, or the city's file says so for it; nothing is guessed."""

from __future__ import annotations

import csv
import io
import uuid
from pathlib import Path
from typing import Any

import pytest

from geodata.datum import Datum, from_wgs84
from gridgov import city, exporting
from gridgov.city import notes, parse, plan
from gridgov.city_text import BadCityFile
from gridgov.commands import ImportedRow, import_row
from gridgov.storage.incidents import Wanted
from tests.gridgov import scene
from tests.gridgov.commandline import city_file, history
from tests.gridgov.conftest import TOWN, Site
from tests.gridgov.importing.mappings import MAPPING, line
from tests.installation import Installation

#: Close to the border of its square: in GCJ-02 or BD-09 read as WGS-84 it would lie in another, or in none.
LON, LAT = 114.0105, 22.5105
MONDAY = "2026-11-23T02:00:00Z"
REMEDIES = ("send `datum` with it (wgs84, gcj02, bd09, cgcs2000)", 'under [city], such as datum = "gcj02"')


def town_with(datum: str) -> str:
    """The town's file with a default."""
    return TOWN.replace("[city]\n", f'[city]\ndatum = "{datum}"\n', 1)


def sent(datum: str | None, **more: Any) -> dict[str, Any]:
    """A position that is LON, LAT in WGS-84, as a phone that speaks this datum sends it."""
    lon, lat = from_wgs84(LON, LAT, datum or Datum.wgs84)
    named = {} if datum is None else {"datum": datum}
    return {"lon": lon, "lat": lat, "accuracy_m": 12.5} | named | more


def unnamed(datum: str) -> dict[str, Any]:
    """The same, without saying so."""
    position = sent(datum)
    del position["datum"]
    return position


def imported_row(position: dict[str, Any], number: str = "1") -> dict[str, Any]:
    """A row of another system's history."""
    row = {
        "source": "old",
        "number": number,
        "channel": "phone",
        "category": scene.COVER,
        "department": "water",
    }
    row |= {"status": "open", "closed": False, "reported_at": MONDAY}
    return row | {key: value for key, value in position.items() if key != "accuracy_m"}


class TestNamed:
    """The point says its datum."""

    @pytest.mark.parametrize("datum", list(Datum))
    def test_raw_point_datum_and_accuracy_are_kept_from_the_report_to_the_export(
        self, site: Site, datum: Datum
    ) -> None:
        raw = sent(datum)
        receipt = site.as_("inspector").report(position=raw)
        assert receipt["path"] == ["D", "N", "N2"]
        told = site.as_("leader").get(f"/api/incidents/{receipt['incident']}").json()
        kept = {"raw_lon": raw["lon"], "raw_lat": raw["lat"], "datum": datum, "accuracy_m": 12.5}
        assert {key: told["row"][key] for key in kept} == kept
        assert {key: told["history"][0]["body"]["place"][key] for key in kept} == kept
        assert (told["row"]["lon"], told["row"]["lat"]) == pytest.approx((LON, LAT), abs=1e-9)
        (row,) = exported(site)
        assert {key: row[key] for key in kept} == {key: str(value) for key, value in kept.items()}
        assert (float(row["lon"]), float(row["lat"])) == pytest.approx((LON, LAT), abs=1e-9)

    @pytest.mark.parametrize("datum", list(Datum))
    def test_placed_later_it_is_kept_too(self, site: Site, datum: Datum) -> None:
        id_ = site.as_("inspector").report(grid=None)["incident"]
        raw = sent(datum)
        placed = site.as_("clerk").act("place", id_, 1, position=raw).json()
        assert placed["path"] == ["D", "N", "N2"]
        row = site.as_("leader").get(f"/api/incidents/{id_}").json()["row"]
        assert (row["raw_lon"], row["raw_lat"], row["datum"]) == (raw["lon"], raw["lat"], datum)
        assert row["accuracy_m"] == 12.5

    @pytest.mark.parametrize("datum", list(Datum))
    def test_imported_it_is_kept_too(self, site: Site, datum: Datum) -> None:
        raw = sent(datum)
        told = site.as_("administrator").post("/api/imports", {"rows": [imported_row(raw)]}).json()
        assert told["added"] == 1, told
        (row,) = exported(site)
        assert (row["path"], row["datum"]) == ("D/N/N2", datum)
        assert (float(row["raw_lon"]), float(row["raw_lat"])) == (raw["lon"], raw["lat"])

    @pytest.mark.parametrize("datum", list(Datum))
    def test_one_and_many_are_located_alike(self, site: Site, datum: Datum) -> None:
        inspector, raw = site.as_("inspector"), sent(datum)
        one = inspector.get(f"/api/locate?lon={raw['lon']}&lat={raw['lat']}&datum={datum}").json()
        many = inspector.post("/api/locate", {"points": [[raw["lon"], raw["lat"]]], "datum": datum}).json()
        assert many["paths"] == [one["path"]] == [["D", "N", "N2"]]
        assert one["from_datum"] == many["from_datum"] == datum
        assert (one["datum"], one["lon"], one["lat"]) == ("wgs84", pytest.approx(LON), pytest.approx(LAT))


class TestUnnamed:
    """The point does not say, and neither does the city: it is refused, and told what to do."""

    def test_a_report(self, site: Site) -> None:
        body = {"id": str(uuid.uuid4()), "category": scene.COVER, "position": sent(None)}
        refused(site.as_("inspector").post("/api/incidents", body))

    def test_a_place_act(self, site: Site) -> None:
        id_ = site.as_("inspector").report(grid=None)["incident"]
        refused(site.as_("clerk").act("place", id_, 1, position=sent(None)))

    def test_locating_one_and_many(self, site: Site) -> None:
        refused(site.as_("inspector").get(f"/api/locate?lon={LON}&lat={LAT}"))
        refused(site.as_("inspector").post("/api/locate", {"points": [[LON, LAT]]}))

    def test_an_imported_row_alone(self, site: Site) -> None:
        rows = [imported_row(sent(None)), imported_row(sent("wgs84"), "2"), imported_row({}, "3")]
        told = site.as_("administrator").post("/api/imports", {"rows": rows}).json()
        assert [row["outcome"] for row in told["rows"]] == ["refused", "added", "added"]
        assert told["rows"][0]["error"] == "UnnamedDatum"

    def test_a_table_whose_mapping_names_none(self, tmp_path: Path) -> None:
        made = Installation(tmp_path / "var")
        file = city_file(tmp_path)
        for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
            made.done(*command)
        table, mapping = history(tmp_path, line())
        mapping.write_text(MAPPING.replace('datum = "wgs84"', ""), encoding="utf-8")
        ran = made.run("incidents", "import", table, "--mapping", mapping)
        assert ran.code == 1
        assert "[position] names no datum, and the city's file sets none" in ran.err

    @pytest.mark.parametrize(
        "path", ["/api/locate?lon=1&lat=2&datum=wgs85", "/api/locate?lon=1&lat=2&datum="]
    )
    def test_one_that_is_none_is_refused_with_the_list(self, site: Site, path: str) -> None:
        answer = site.as_("inspector").get(path)
        assert answer.status_code == 422
        assert "'wgs84', 'gcj02', 'bd09' or 'cgcs2000'" in answer.json()["detail"]


class TestCityDefault:
    """The city's file names the datum of points that name none."""

    @pytest.fixture
    def town(self, site: Site) -> Site:
        site.service.writer.run(city.apply(town_with("gcj02"), "test"))
        return site

    def test_a_report_takes_it_and_keeps_it(self, town: Site) -> None:
        receipt = town.as_("inspector").report(position=unnamed("gcj02"))
        assert receipt["path"] == ["D", "N", "N2"]
        row = town.as_("leader").get(f"/api/incidents/{receipt['incident']}").json()["row"]
        assert (row["datum"], row["lon"]) == ("gcj02", pytest.approx(LON, abs=1e-9))

    def test_what_names_another_is_in_that(self, town: Site) -> None:
        receipt = town.as_("inspector").report(position=sent("bd09"))
        row = town.as_("leader").get(f"/api/incidents/{receipt['incident']}").json()["row"]
        assert (row["datum"], row["lon"]) == ("bd09", pytest.approx(LON, abs=1e-9))

    def test_place_acts_locating_and_imports_take_it(self, town: Site) -> None:
        id_ = town.as_("inspector").report(grid=None)["incident"]
        assert town.as_("clerk").act("place", id_, 1, position=unnamed("gcj02")).json()["path"][-1] == "N2"
        lon, lat = from_wgs84(LON, LAT, "gcj02")
        one = town.as_("inspector").get(f"/api/locate?lon={lon}&lat={lat}").json()
        many = town.as_("inspector").post("/api/locate", {"points": [[lon, lat]]}).json()
        assert (one["path"], one["from_datum"]) == (["D", "N", "N2"], "gcj02")
        assert (many["paths"], many["from_datum"]) == ([["D", "N", "N2"]], "gcj02")
        town.as_("administrator").post("/api/imports", {"rows": [imported_row(unnamed("gcj02"))]})
        assert [row["datum"] for row in exported(town)] == ["gcj02", "gcj02"]

    def test_a_report_sent_again_gets_its_receipt_after_the_default_has_changed(self, town: Site) -> None:
        body = {"id": str(uuid.uuid4()), "category": scene.COVER, "position": unnamed("gcj02")}
        first = town.as_("inspector").post("/api/incidents", body).json()
        for text in (town_with("bd09"), TOWN):
            town.service.writer.run(city.apply(text, "test"))
            again = town.as_("inspector").post("/api/incidents", body)
            assert (again.status_code, again.json()) == (200, first | {"repeated": True})

    def test_the_file_may_name_one_of_four(self) -> None:
        assert parse(town_with("cgcs2000"), 1).facts.datum is Datum.cgcs2000
        assert parse(TOWN, 1).facts.datum is None
        with pytest.raises(
            BadCityFile, match=r"city\.datum: 'gcj' is not known: write wgs84 or gcj02 or bd09"
        ):
            parse(town_with("gcj"), 1)

    def test_a_change_of_it_is_planned_and_noted(self) -> None:
        old, new = parse(TOWN, 1), parse(town_with("gcj02"), 2)
        assert [str(change) for change in plan(old, new)] == ["city: datum – → gcj02"]
        said = "points that name no datum are taken as gcj02: a program that sends another has to say so"
        assert said in notes(new)
        assert not any("datum" in note for note in notes(old))

    def test_it_goes_out_as_it_came_in(self, town: Site) -> None:
        assert town.as_("administrator").get("/api/city").json()["text"] == town_with("gcj02")


def test_a_row_without_a_point_is_the_same_row_as_in_the_first_version() -> None:
    """It was taken down as WGS-84 then, and its digest with it: imported again it must not be called another."""
    about: dict[str, Any] = {
        "source": "old",
        "number": "1",
        "channel": "c",
        "category": "c",
        "department": "d",
    }
    about |= {"status": "s", "closed": False, "reported_at": scene.MONDAY}
    bare, stated = ImportedRow(**about), ImportedRow(**about, datum=Datum.wgs84)
    assert import_row("operator", bare).digest == import_row("operator", stated).digest
    point = {"lon": LON, "lat": LAT}
    bare, stated = ImportedRow(**about, **point), ImportedRow(**about, **point, datum=Datum.wgs84)
    assert import_row("operator", bare).digest != import_row("operator", stated).digest


def exported(site: Site) -> list[dict[str, str]]:
    """The town's incidents as the CSV that other programs get."""
    out = io.StringIO()
    with site.service.reader.connect() as connection:
        exporting.write_csv(exporting.lines(connection, Wanted()), out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def refused(answer: Any) -> None:
    """It was refused for want of a datum, and both remedies are named."""
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:gridgov:problem:unnamed-datum"), problem
    assert all(remedy in problem["detail"] for remedy in REMEDIES)
    assert problem["datums"] == ["wgs84", "gcj02", "bd09", "cgcs2000"]
