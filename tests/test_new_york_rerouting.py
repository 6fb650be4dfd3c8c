"""New York's requests under its rules and under changed ones: who would have got what is counted again with pandas."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest

from tests.installation import CITIES, Installation
from tests.test_new_york import located_by_geopandas

pytestmark = pytest.mark.slow

#: The rules tried: noise at night in the Bronx, parking in Manhattan, animals told of by phone; and two limits.
CHANGES = """
[[routing]]
name = "night noise in the Bronx"
department = "DEP"
category = "nyc311:event:Noise - Residential"
under = "BX"
hours = ["22:00-07:00"]

[[routing]]
name = "parking in Manhattan"
department = "DOT"
category = "nyc311:event:Illegal Parking"
under = "MN"

[[routing]]
name = "animals by phone"
department = "DOHMH"
category = "nyc311:event:Animal-Abuse"
channels = ["hotline"]
"""


@dataclass(frozen=True)
class Trial:
    """The requests with a position, where GeoPandas puts them, and what a trial of the changed file told."""

    table: pd.DataFrame
    told: dict[str, Any]
    shown: str
    seconds: float


def with_all_categories(text: str, table: pd.DataFrame) -> str:
    """The city's file with each kind of request that the table has, of the agency that has most of them."""
    own = [text]
    for kind, agencies in table.groupby("complaint_type")["agency"]:
        if f'code = "{kind}"' not in text:
            usual = agencies.mode()[0]
            own.append(
                f'[[categories.own]]\ncode = "{kind}"\nname_zh = "{kind}"\nname_en = "{kind}"\n'
                f'kind = "event"\nlimit = "2wd"\ndepartment = "{usual}"\n'
            )
    return "\n".join(own)


@pytest.fixture(scope="module")
def trial(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Every request with a position comes in as history, and the changed file is planned against it."""
    data, folder = shared_data / "nyc", tmp_path_factory.mktemp("rerouting")
    table = pd.read_csv(data / "requests.csv.gz", dtype=str)
    table["tract"] = located_by_geopandas(table, data / "tract2020.geojson.gz")
    table = table[table["longitude"].notna()].fillna({"status": "Closed"})
    history = folder / "requests.csv"
    table.drop(columns="tract").to_csv(history, index=False)
    text = with_all_categories((CITIES / "new_york.toml").read_text(encoding="utf-8"), table)
    city, changed = folder / "city.toml", folder / "changed.toml"
    city.write_text(text, encoding="utf-8")
    limits = text.replace(
        'name_en = "Blocked Driveway"\nlimit = "8eh"', 'name_en = "Blocked Driveway"\nlimit = "4eh"'
    )
    limits = limits.replace(
        'name_en = "Animal-Abuse"\nlimit = "8eh"', 'name_en = "Animal-Abuse"\nlimit = "1ed"'
    )
    changed.write_text(limits + CHANGES, encoding="utf-8")
    made = Installation(folder / "store")
    made.done("init")
    made.done("city", "apply", city)
    made.done("grids", "import", city, "--folder", data)
    made.done("incidents", "import", history, "--mapping", CITIES / "new_york.mapping.toml")
    begun = time.perf_counter()
    told = made.done("city", "plan", changed, "--days", 36_500, "--json").json["rerouted"]
    seconds = time.perf_counter() - begun
    boroughs = geopandas.read_file(f"/vsigzip/{data / 'tract2020.geojson.gz'}")
    borough_of = dict(zip(boroughs["boroct2020"], boroughs["cdta2020"].str[:2], strict=True))
    table["borough_located"] = table["tract"].map(borough_of)
    return Trial(table, told, made.done("city", "plan", changed, "--days", 36_500).out, seconds)


def test_all_of_them_are_decided(trial: Trial) -> None:
    told = trial.told
    assert (told["reported"], told["decided"], told["imported"]) == (23_058, 23_058, 23_058)
    assert (told["unknown"], told["missing"], told["cut"]) == (0, [], False)


def test_who_would_have_got_what_is_what_pandas_counts(trial: Trial) -> None:
    table = trial.table
    kind, at = table["complaint_type"], pd.to_datetime(table["created_date"])
    night = (at.dt.hour >= 22) | (at.dt.hour < 7)
    expected = {
        ("NYPD", "DEP"): int(
            (kind.eq("Noise - Residential") & table["borough_located"].eq("BX") & night).sum()
        ),
        ("NYPD", "DOT"): int((kind.eq("Illegal Parking") & table["borough_located"].eq("MN")).sum()),
        ("NYPD", "DOHMH"): int((kind.eq("Animal-Abuse") & table["open_data_channel_type"].eq("PHONE")).sum()),
    }
    assert all(many > 0 for many in expected.values()), expected
    assert {(m["before"], m["after"]): m["incidents"] for m in trial.told["moves"]} == expected
    assert trial.told["elsewhere"] == sum(expected.values())


def test_what_would_be_due_sooner_and_later_is_what_pandas_counts(trial: Trial) -> None:
    kinds = trial.table["complaint_type"]
    (sooner,), (later,) = trial.told["sooner"]["limits"], trial.told["later"]["limits"]
    assert (sooner["before"], sooner["after"], sooner["incidents"]) == (
        *("8eh", "4eh"),
        int(kinds.eq("Blocked Driveway").sum()),
    )
    assert (later["before"], later["after"], later["incidents"]) == (
        *("8eh", "1ed"),
        int(kinds.eq("Animal-Abuse").sum()),
    )


def test_an_example_is_a_case_of_the_store_and_names_its_rule(trial: Trial) -> None:
    move = next(one for one in trial.told["moves"] if one["after"] == "DOT")
    assert {one["after"] for one in move["examples"]} == {"parking in Manhattan"}
    for one in move["examples"]:
        assert one["case_number"].startswith("NYC")
        assert one["case_number"] in trial.shown


def test_it_takes_seconds(trial: Trial) -> None:
    """23,058 incidents, the command's start and both files' reading included; ten times what it took alone."""
    assert trial.seconds < 30
