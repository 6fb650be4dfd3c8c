"""Boston's own table and precincts, through the whole system: every figure is the one that its CSV gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas
import pandas as pd
import pytest

from tests.installation import CITIES, Asker, Installation, Ran

pytestmark = pytest.mark.slow

#: Agreement with the city's columns as GeoPandas finds it, without the default point.
WARD, PRECINCT, WITHIN = 0.9929, 0.9539, 0.001
DEFAULT_POINT = ("42.3594", "-71.0587")


@dataclass(frozen=True)
class Boston:
    """The city's table, and an installation that has imported it."""

    table: pd.DataFrame
    folder: Path
    installation: Installation
    checked: Ran
    imported: Ran


@pytest.fixture(scope="module")
def city(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Boston:
    """Set up as an operator would: init, rules, check of the grids, grids, history."""
    folder = shared_data / "boston"
    file = folder / "requests_2011h2.csv.gz"
    made = Installation(tmp_path_factory.mktemp("boston"))
    made.done("init")
    made.done("city", "apply", CITIES / "boston.toml")
    grids = (CITIES / "boston.toml", "--folder", folder, "--json")
    checked = made.done("grids", "check", *grids)
    made.done("grids", "import", *grids)
    imported = made.done("incidents", "import", file, "--mapping", CITIES / "boston.mapping.toml", "--json")
    return Boston(pd.read_csv(file, dtype=str), folder, made, checked, imported)


@pytest.fixture(scope="module")
def people(city: Boston) -> Iterator[dict[str, Asker]]:
    """People signed in at the installation."""
    with city.installation.served() as people:
        yield people


def test_the_two_levels_are_built_of_one_file_of_precincts(people: dict[str, Asker]) -> None:
    levels = people["inspector"].get("/api/grids")["levels"]
    assert {level["key"]: level["grids"] for level in levels} == {"ward": 22, "precinct": 255}


def test_its_66_overlaps_are_found_and_accepted_by_name_and_kept_with_the_edition(
    city: Boston, people: dict[str, Asker]
) -> None:
    kept = people["operator"].get("/api/editions/1/findings")["findings"]
    assert kept == city.checked.json["findings"]
    overlaps = [found for found in kept if found["code"] == "OVERLAP"]
    large = [found for found in overlaps if found["measure"] > 1]
    assert (len(overlaps), len(large)) == (66, 44)
    assert max(found["measure"] for found in overlaps) == pytest.approx(956, abs=1)
    assert {found["severity"] for found in large} == {"error"}
    assert all("as the city published them" in found["accepted"] for found in overlaps)


def test_without_the_acceptance_the_import_is_refused_and_every_overlap_named(
    city: Boston, tmp_path: Path
) -> None:
    text = (CITIES / "boston.toml").read_text()
    strict = tmp_path / "strict.toml"
    start, end = text.index("[[grids.accept]]"), text.index("[[departments]]")
    strict.write_text(text[:start] + text[end:])
    ran = city.installation.run("grids", "import", strict, "--folder", city.folder)
    assert ran.code == 1
    assert "the drawing has 44 error(s) that nobody accepted" in ran.err
    assert ran.err.count("OVERLAP") == 44


def test_the_file_with_the_mislabelled_crs_is_refused_with_what_is_wrong_and_what_to_do(
    city: Boston, tmp_path: Path
) -> None:
    published = city.folder / "precinct_raw_mislabelled_crs.geojson.gz"
    raw = tmp_path / "raw.toml"
    text = (CITIES / "boston.toml").read_text()
    raw.write_text(text.replace("precinct.geojson.gz", published.name))
    ran = city.installation.run("grids", "import", raw, "--folder", city.folder)
    assert ran.code == 1
    assert published.name in ran.err
    assert "EPSG:4326" in ran.err
    system, *columns = ran.err.strip().split("\n")
    assert 'crs = "EPSG:2249"' in system
    # Its columns have other names, too: told in the same go.
    assert ["has no column" in column for column in columns] == [True, True]
    assert "Did you mean 'WARD_PRECINCT'?" in columns[1]


def test_every_point_lies_where_geopandas_puts_it(city: Boston, people: dict[str, Asker]) -> None:
    """Of two overlapping precincts it is the one with the smaller code."""
    table = city.table
    lons, lats = table["longitude"].astype(float), table["latitude"].astype(float)
    precincts = geopandas.read_file(f"/vsigzip/{city.folder / 'precinct.geojson.gz'}")
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(lons, lats), crs=4326)
    found = points.sjoin(precincts, how="left", predicate="intersects").sort_values("ward_precinct")
    theirs = found[~found.index.duplicated()]["ward_precinct"].sort_index()
    ours: list[str | None] = []
    pairs = [list(pair) for pair in zip(lons, lats, strict=True)]
    for start in range(0, len(pairs), 20_000):
        asked = {"points": pairs[start : start + 20_000], "datum": "wgs84"}
        answer = people["inspector"].post("/api/locate", asked)["paths"]
        ours += [None if path is None else path[-1] for path in answer]
    assert ours == [None if pd.isna(code) else code for code in theirs]


def test_the_citys_own_columns_agree_with_what_is_located(city: Boston) -> None:
    ward, precinct = (city.imported.json["agreement"][name] for name in ("ward", "precinct"))
    placed = city.table[~at_default_point(city.table)]
    assert ward["stated"] == int(placed["ward"].fillna("").str.strip().ne("").sum())
    assert ward["share"] == pytest.approx(WARD, abs=WITHIN)
    assert precinct["stated"] == int(placed["precinct"].fillna("").str.strip().ne("").sum())
    assert precinct["share"] == pytest.approx(PRECINCT, abs=WITHIN)


def at_default_point(table: pd.DataFrame) -> pd.Series:
    """Which rows stand on the one point that means nobody knew."""
    lat, lon = DEFAULT_POINT
    return (table["latitude"] == lat) & (table["longitude"] == lon)


def test_the_default_point_is_no_place(city: Boston, people: dict[str, Asker]) -> None:
    marked = city.imported.json["to_import"]["marks"]["default_point"]
    assert marked == int(at_default_point(city.table).sum()) == 4775
    answer = people["manager"].get("/api/closure", by="ward")
    (unplaced,) = [group for group in answer["groups"] if group["key"] is None]
    assert unplaced["tally"]["reported"] == 4775 + city.imported.json["positions"]["outside"]


def test_closure_is_the_citys_own_by_department_too(city: Boston, people: dict[str, Asker]) -> None:
    answer = people["manager"].get("/api/closure", by="department")
    total = answer["total"]["figures"]["closed_of_reported"]
    assert (total["numerator"], total["denominator"], total["percent"]) == (54_570, 58_251, "93.68")
    ours = {
        group["key"]: (group["tally"]["closed"], group["tally"]["reported"]) for group in answer["groups"]
    }
    codes = city.table["department"].replace({"PWDx": "PWD", "BPS_": "BPS", "BHA_": "BHA", "No Q": "NONE"})
    by_department = city.table.groupby(codes)["case_status"]
    theirs = {code: (int(statuses.eq("Closed").sum()), len(statuses)) for code, statuses in by_department}
    assert ours == theirs


def test_on_time_is_counted_over_the_rows_with_a_target_and_the_others_apart(
    city: Boston, people: dict[str, Asker]
) -> None:
    """The city calls 10,981 rows without a target ONTIME; here they are no part of any on-time figure."""
    table = city.table
    targeted = table[table["target_dt"].notna()]
    on_time = targeted["case_status"].eq("Closed") & (targeted["closed_dt"] <= targeted["target_dt"])
    judged = targeted[targeted["case_status"].eq("Closed") & targeted["ontime"].notna()]
    assert len(judged) == 43_664
    assert (judged["ontime"].eq("ONTIME") == (judged["closed_dt"] <= judged["target_dt"])).all()

    total = people["manager"].get("/api/closure")["total"]
    figure = total["figures"]["on_time_of_targeted"]
    assert (figure["numerator"], figure["denominator"]) == (int(on_time.sum()), len(targeted))
    assert total["tally"]["without_limit"] == int(table["target_dt"].isna().sum()) == 10_981
    late = table["case_status"].eq("Open") & table["ontime"].eq("OVERDUE")
    assert int(late.sum()) == 3448


def test_the_hour_that_comes_twice_in_autumn_is_counted(city: Boston) -> None:
    """Clocks go back on a Sunday in November: a local time between one and two does not say which it means."""
    doubled = pd.Series(False, index=city.table.index)
    for column in ("open_dt", "closed_dt", "target_dt"):
        local = pd.to_datetime(city.table[column])
        known = local.dt.tz_localize("America/New_York", ambiguous="NaT", nonexistent="shift_forward")
        doubled |= local.notna() & known.isna()
    assert city.imported.json["to_import"]["marks"]["repeated_hour"] == int(doubled.sum()) == 4


def test_a_packed_table_that_ends_in_its_middle_is_refused_as_such(city: Boston, tmp_path: Path) -> None:
    whole = (city.folder / "requests_2011h2.csv.gz").read_bytes()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole[: len(whole) // 10])
    mapping = CITIES / "boston.mapping.toml"
    ran = city.installation.run("incidents", "import", cut, "--mapping", mapping, "--dry-run")
    assert ran.code == 1
    assert f"{cut} cannot be read past line" in ran.err
