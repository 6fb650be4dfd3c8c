"""New York's own table and tracts, through the whole system: every figure is the one that its CSV gives.

Here pandas reads the city's table and GeoPandas its tracts; the system is worked by its command line and asked
over its API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas
import pandas as pd
import pytest

from tests.installation import CITIES, Asker, Installation, Ran, again

pytestmark = pytest.mark.slow

CODES = {"MANHATTAN": "MN", "BROOKLYN": "BK", "BRONX": "BX", "QUEENS": "QN", "STATEN ISLAND": "SI"}
#: The noise floor of the data, measured with GeoPandas against the boroughs as the city drew them, and against
#: the districts built of tracts; an exact engine comes within a tenth of a point of it.
BOROUGH, COMMUNITY_BOARD, WITHIN = 0.9987, 0.9835, 0.001


@dataclass(frozen=True)
class NewYork:
    """The city's table, where GeoPandas puts its points, and an installation that has imported it."""

    table: pd.DataFrame
    table_file: Path
    tracts_folder: Path
    installation: Installation
    dry_run: Ran
    imported: Ran
    again: Ran

    @property
    def mapping(self) -> Path:
        return CITIES / "new_york.mapping.toml"

    @property
    def with_status(self) -> pd.DataFrame:
        return self.table[self.table["status"].notna()]


@pytest.fixture(scope="module")
def city(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> NewYork:
    """Set up as an operator would: init, rules, grids, a dry run, the import, the import again."""
    folder, file = shared_data / "nyc", shared_data / "nyc" / "requests.csv.gz"
    table = pd.read_csv(file, dtype=str)
    table["tract"] = located_by_geopandas(table, folder / "tract2020.geojson.gz")
    made = Installation(tmp_path_factory.mktemp("new_york"))
    made.done("init")
    made.done("city", "apply", CITIES / "new_york.toml")
    made.done("grids", "import", CITIES / "new_york.toml", "--folder", folder, "--name", "tracts of 2020")
    history = ("incidents", "import", file, "--mapping", CITIES / "new_york.mapping.toml", "--json")
    dry_run = made.done(*history, "--dry-run")
    return NewYork(table, file, folder, made, dry_run, made.done(*history), made.done(*history))


def located_by_geopandas(table: pd.DataFrame, tracts_file: Path) -> pd.Series:
    """The code of the tract each row lies in, of two the smaller; missing without coordinates and outside."""
    tracts = geopandas.read_file(f"/vsigzip/{tracts_file}")[["boroct2020", "geometry"]]
    placed = table[table["longitude"].notna()]
    points = geopandas.points_from_xy(placed["longitude"].astype(float), placed["latitude"].astype(float))
    frame = geopandas.GeoDataFrame(index=placed.index, geometry=points, crs=4326)
    found = frame.sjoin(tracts, predicate="intersects").sort_values("boroct2020")
    return found[~found.index.duplicated()]["boroct2020"].reindex(table.index)


@pytest.fixture(scope="module")
def people(city: NewYork) -> Iterator[dict[str, Asker]]:
    """People signed in at the installation."""
    with city.installation.served() as people:
        yield people


def test_the_four_levels_are_built_of_one_file_of_tracts(people: dict[str, Asker]) -> None:
    levels = people["inspector"].get("/api/grids")["levels"]
    assert {level["key"]: level["grids"] for level in levels} == {
        "borough": 5,
        "district": 71,
        "neighborhood": 262,
        "tract": 2325,
    }


def test_every_point_lies_where_geopandas_puts_it(city: NewYork, people: dict[str, Asker]) -> None:
    placed = city.table[city.table["longitude"].notna()]
    assert len(placed) == 23_058
    points = [
        [float(lon), float(lat)] for lon, lat in zip(placed["longitude"], placed["latitude"], strict=True)
    ]
    paths: list[list[str] | None] = []
    for start in range(0, len(points), 10_000):
        asked = {"points": points[start : start + 10_000], "datum": "wgs84"}
        paths += people["inspector"].post("/api/locate", asked)["paths"]
    ours = [None if path is None else path[-1] for path in paths]
    theirs = [None if pd.isna(tract) else tract for tract in placed["tract"]]
    assert ours == theirs


def test_the_citys_own_columns_agree_with_what_is_located(city: NewYork) -> None:
    stated = city.imported.json["agreement"]
    borough, board = stated["borough"], stated["community_board"]
    assert borough["stated"] == 22_822
    assert borough["share"] == pytest.approx(BOROUGH, abs=WITHIN)
    assert board["stated"] == 12_823
    assert board["share"] == pytest.approx(COMMUNITY_BOARD, abs=WITHIN)


def test_a_dry_run_foresees_the_import_and_importing_twice_changes_nothing(city: NewYork) -> None:
    foreseen, first, second = city.dry_run.json, city.imported.json, city.again.json
    assert foreseen | {"dry_run": False} == first
    assert (first["read"], first["imported"], first["repeated"]) == (25_893, 15_893, 0)
    assert (second["imported"], second["repeated"], second["refused"]["total"]) == (0, 15_893, 0)


def test_every_trap_of_the_data_is_met_by_a_rule_and_counted(city: NewYork) -> None:
    told, table, kept = city.imported.json, city.table, city.with_status
    closed, opened = table["closed_date"], table["created_date"]
    assert told["set_aside"]["by_rule"] == {"no_status": int(table["status"].isna().sum())}
    assert told["positions"]["without"] == int(table["longitude"].isna().sum()) == 2835
    assert told["positions"]["outside"] == int((table["longitude"].notna() & table["tract"].isna()).sum())
    marks = told["to_import"]["marks"]
    assert marks["no_position"] == int(kept["longitude"].isna().sum()) == 2721
    assert marks["closed_before_reported"] == int((closed < opened).sum()) == 51
    assert (
        marks["closed_time_but_open"]
        == int((kept["status"].ne("Closed") & kept["closed_date"].notna()).sum())
        == 70
    )
    assert marks["closed_without_time"] == int((table["status"].eq("Closed") & closed.isna()).sum()) == 2


def test_closure_by_agency_is_the_citys_own_to_the_row(city: NewYork, people: dict[str, Asker]) -> None:
    answer = people["manager"].get("/api/closure", by="department")
    ours = {
        group["key"]: (group["tally"]["closed"], group["tally"]["reported"]) for group in answer["groups"]
    }
    by_agency = city.with_status.groupby("agency")["status"]
    theirs = {agency: (int(statuses.eq("Closed").sum()), len(statuses)) for agency, statuses in by_agency}
    assert ours == theirs
    total = answer["total"]["figures"]["closed_of_reported"]
    assert (total["numerator"], total["denominator"], total["percent"]) == (12_692, 15_893, "79.86")


def test_the_unlocated_are_counted_and_visible_as_such(city: NewYork, people: dict[str, Asker]) -> None:
    answer = people["manager"].get("/api/closure", by="borough")
    unplaced = [group for group in answer["groups"] if group["key"] is None]
    kept = city.with_status
    without = kept["longitude"].isna()
    outside = kept["longitude"].notna() & kept["tract"].isna()
    assert (int(without.sum()), int(outside.sum())) == (2721, 6)
    assert [group["tally"]["reported"] for group in unplaced] == [2727]
    assert [group["tally"]["closed"] for group in unplaced] == [
        int(kept[without | outside]["status"].eq("Closed").sum())
    ]
    assert sum(group["tally"]["reported"] for group in answer["groups"]) == 15_893
    tray = people["shift_leader"].get("/api/incidents", unlocated=True, limit=500)
    assert all(row["path"] == [] for row in tray["rows"])
    assert len(tray["rows"]) == 500
    assert tray["next"] is not None


def test_the_command_line_gives_the_figures_of_the_api(city: NewYork, people: dict[str, Asker]) -> None:
    over_http = people["manager"].get("/api/closure", by="district")
    in_terminal = city.installation.done("closure", "--by", "district", *again(over_http), "--json").json
    for answer in (over_http, in_terminal):
        del answer["generated_at"]
    assert in_terminal == over_http


def test_an_imported_incident_says_what_its_source_states(city: NewYork, people: dict[str, Asker]) -> None:
    row = city.with_status[city.with_status["tract"].notna() & city.with_status["due_date"].notna()].iloc[0]
    (found,) = people["shift_leader"].get("/api/incidents", q=row["unique_key"])["rows"]
    assert found["source_number"] == row["unique_key"]
    assert found["source_status"] == row["status"]
    assert found["department"] == row["agency"]
    assert found["path"][-1] == row["tract"]
    local = pd.Timestamp(row["created_date"], tz="America/New_York").tz_convert("UTC")
    assert pd.Timestamp(found["reported_at"]) == local


def test_the_store_is_what_its_ledger_says(city: NewYork) -> None:
    checked = city.installation.done("rebuild", "--check", "--json").json
    assert checked == {"differences": []}


def test_a_mapping_that_names_a_missing_column_is_refused_and_lists_the_columns(
    city: NewYork, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(city.mapping.read_text().replace('"created_date"', '"creation_date"'))
    before = city.installation.done("closure", "--json").json["position"]
    ran = city.installation.run("incidents", "import", city.table_file, "--mapping", wrong)
    assert ran.code == 1
    assert "there is no column 'creation_date'; did you mean 'created_date'?" in ran.err
    assert "unique_key, created_date, closed_date, agency" in ran.err
    assert city.installation.done("closure", "--json").json["position"] == before


def test_without_the_rule_for_its_borough_a_district_of_two_boroughs_is_refused(
    city: NewYork, tmp_path: Path
) -> None:
    """The borough column of two tracts disagrees with their district: the import says so, and changes nothing."""
    text = (CITIES / "new_york.toml").read_text()
    rule = 'code = { from = "cdta2020", take = 2 }'
    assert rule in text
    plain = tmp_path / "plain.toml"
    names = text[text.index('name = { from = "cdta2020"') :].splitlines()[0]
    plain.write_text(text.replace(rule, 'code = "borough"').replace(names, ""))
    ran = city.installation.run("grids", "check", plain, "--folder", city.tracts_folder)
    assert ran.code == 1
    assert "PARENT_CONFLICT" in ran.err
    assert "QN01" in ran.err
