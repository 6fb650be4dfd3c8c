"""New York's police precincts over its census tracts, as sets and as polygons, against the city's own column."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from geodata.check import accept, acceptances
from geodata.check import check as check_drawing
from geodata.check import settle as settle_drawing
from geodata.read import read
from geodata.specialised.check import Checked, check, settle
from geodata.specialised.layers import Layers
from geodata.specialised.read import read_layer, sources
from geodata.specialised.sets import Ground, Points

pytestmark = pytest.mark.slow
CITY = Path(__file__).parents[2] / "cities" / "new_york.toml"

Located = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.object_]]


@pytest.fixture(scope="module")
def tracts(shared_data: Path) -> Ground:
    table = tomllib.loads(CITY.read_text(encoding="utf-8"))["grids"]
    drawing = read(table, shared_data / "nyc")
    return Ground(settle_drawing(drawing, accept(check_drawing(drawing), acceptances(table))))


@pytest.fixture(scope="module")
def stated(shared_data: Path) -> Located:
    """Longitude, latitude and precinct of the rows that state a precinct and have a point."""
    rows = pd.read_csv(shared_data / "nyc" / "requests.csv.gz", dtype=str)
    rows["precinct"] = rows["police_precinct"].str.extract(r"^Precinct (\d+)$")[0]
    rows = rows[rows["precinct"].notna() & rows["longitude"].notna()]
    lons, lats = (rows[name].astype(float).to_numpy() for name in ("longitude", "latitude"))
    return lons, lats, rows["precinct"].to_numpy(dtype=object)


def checked(form: str, folder: Path, tracts: Ground, stated: Located) -> Checked:
    entry = {"key": "police", "file": "police_precinct.geojson.gz", "code": "precinct", "as": form}
    (source,) = sources([entry], folder / "nyc")
    return check(read_layer(source), tracts, Points(stated[0], stated[1]))


def agreeing(found: Checked, tracts: Ground, stated: Located) -> int:
    """How many of the rows lie in the precinct that they state."""
    layer = settle(found, found.findings)
    (numbers,) = Layers(tracts.locator, [layer]).locate_many(stated[0], stated[1]).values()
    codes = np.array([*(one.code for one in layer.grids), None], dtype=object)
    return int((codes[numbers] == stated[2]).sum())


def test_both_ways_agree_with_the_citys_column_as_they_were_measured(
    shared_data: Path, tracts: Ground, stated: Located
) -> None:
    """985 rows state a precinct. The data's README counts the two that say "Unspecified" as well: 964 of 987
    are its 97.67 %.
    """
    as_sets = checked("sets", shared_data, tracts, stated)
    as_polygons = checked("polygons", shared_data, tracts, stated)
    rows, by_sets = len(stated[0]), agreeing(as_sets, tracts, stated)
    assert (rows, by_sets, agreeing(as_polygons, tracts, stated)) == (985, 964, 985)
    assert round(by_sets / 987, 4) == 0.9767
    assert as_sets.loss is not None
    assert as_sets.loss == as_polygons.loss
    assert (as_sets.loss.points, as_sets.loss.of_points) == (rows - by_sets, rows)
    assert as_sets.loss.area_share == pytest.approx(0.0339, abs=5e-4)
    told = [found.message for found in as_sets.findings if found.code == "INCIDENTS_LOST"]
    assert told == [
        'as sets 2.13% of past incidents (21 of 985) would fall to another team; consider as = "polygons"'
    ]


def test_sets_of_tracts_have_no_hole_and_no_double_cover(
    shared_data: Path, tracts: Ground, stated: Located
) -> None:
    found = checked("sets", shared_data, tracts, stated)
    codes = {one.code for one in found.findings}
    assert codes.isdisjoint({"HOLE", "DOUBLE_COVER", "NO_MICRO_GRID", "UNKNOWN_MICRO_GRID"})
    layer = settle(found, found.findings)
    assert sum(len(one.micro_grids) for one in layer.grids) == len(tracts.hierarchy.lowest) == 2325
    assert len(layer.grids) == 77
