"""New York's police precincts through the whole system: as polygons every request lies in the one it states, as
sets of tracts the loss is told before anybody puts them in force.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from gridgov.storage.engine import open_engine
from gridgov.storage.tables import IncidentRow
from tests.installation import CITIES, Asker, Installation

pytestmark = pytest.mark.slow
_incident = IncidentRow.__table__  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "nyc"


@pytest.fixture(scope="module")
def installation(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Rules, tracts and precincts in force, then the requests that state a precinct, as history."""
    made = Installation(tmp_path_factory.mktemp("precincts"))
    city = CITIES / "new_york.toml"
    made.done("init")
    made.done("city", "apply", city)
    made.done("grids", "import", city, "--folder", folder)
    made.done("grids", "specialised", "import", city, "--folder", folder)
    rows = pd.read_csv(folder / "requests.csv.gz", dtype=str)
    stated = rows[rows["police_precinct"].str.match(r"^Precinct \d+$", na=False) & rows["longitude"].notna()]
    table = made.folder / "stated.csv"
    stated.to_csv(table, index=False)
    made.done("incidents", "import", table, "--mapping", CITIES / "new_york.mapping.toml")
    return made


@pytest.fixture(scope="module")
def stated(installation: Installation) -> dict[str, str]:
    """The precinct that each request states, by its number."""
    rows = pd.read_csv(installation.folder / "stated.csv", dtype=str)
    precincts = rows["police_precinct"].str.removeprefix("Precinct ")
    return dict(zip(rows["unique_key"], precincts, strict=True))


def recorded(installation: Installation) -> dict[str, Any]:
    """What was recorded of each request's specialised grids, by its number."""
    engine = open_engine(f"sqlite:///{installation.folder / 'gridgov.db'}")
    with engine.connect() as connection:
        rows = connection.execute(select(_incident.c.source_number, _incident.c.specialised)).all()
    engine.dispose()
    return {row.source_number: json.loads(row.specialised) for row in rows}


def test_every_request_is_recorded_in_the_precinct_that_it_states(
    installation: Installation, stated: dict[str, str]
) -> None:
    assert recorded(installation) == {number: [f"police/{code}"] for number, code in stated.items()}
    assert len(stated) == 985


def test_as_sets_of_tracts_the_loss_is_told(installation: Installation, folder: Path, tmp_path: Path) -> None:
    text = (CITIES / "new_york.toml").read_text(encoding="utf-8")
    assert text.count('as = "polygons"') == 1
    as_sets = tmp_path / "sets.toml"
    as_sets.write_text(text.replace('as = "polygons"', 'as = "sets"'), encoding="utf-8")
    ran = installation.done("grids", "specialised", "check", as_sets, "--folder", folder)
    assert (
        'police: as sets 2.13% of past incidents (21 of 985) would fall to another team; consider as = "polygons"'
        in ran.err
    )
    assert "3.39% of the area" in ran.err
    own = installation.done("grids", "specialised", "check", CITIES / "new_york.toml", "--folder", folder)
    assert "nothing is lost as polygons; as sets 3.39% of the area and 2.13% of past incidents" in own.err


@pytest.fixture(scope="module")
def people(installation: Installation) -> Iterator[dict[str, Asker]]:
    with installation.served() as people:
        yield people


def test_the_precincts_are_shown_with_their_polygons(people: dict[str, Asker]) -> None:
    (police,) = people["inspector"].get("/api/specialised")["layers"]
    assert (police["as"], len(police["grids"])) == ("polygons", 77)
    features = people["inspector"].get("/api/specialised/police.geojson")["features"]
    assert len(features) == 77


def test_many_points_at_once_lie_where_they_were_recorded(
    people: dict[str, Asker], installation: Installation, stated: dict[str, str]
) -> None:
    rows = pd.read_csv(installation.folder / "stated.csv", dtype=str)
    points = [[float(lon), float(lat)] for lon, lat in zip(rows["longitude"], rows["latitude"], strict=True)]
    answer = people["inspector"].post("/api/locate", {"points": points, "datum": "wgs84"})
    assert answer["specialised"]["police"] == [stated[number] for number in rows["unique_key"]]
