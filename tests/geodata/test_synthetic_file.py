"""A made-up district as a file comes back from it as it was, and says of every grid that it is synthetic."""

import json
import tomllib

import pyogrio
import pytest

from geodata.check import check, settle
from geodata.errors import UnwritableFile
from geodata.read import read
from geodata.synthetic import district
from geodata.synthetic_file import grids_table, write

ABOUT = 'made for a test, "quoted"'


@pytest.fixture(scope="module")
def made_up():
    return district(
        5, [("990101001", "虚构甲街道"), ("990101002", "虚构乙街道")], 4, 60, "990101", enclaves=4, islands=2
    )


@pytest.mark.parametrize("name", ["town.gpkg", "town.geojson"])
def test_what_is_written_reads_back_as_the_same_hierarchy(made_up, tmp_path, name):
    """Codes, names, parents and every vertex, without a finding."""
    write(tmp_path / name, made_up, ABOUT)
    table = tomllib.loads(grids_table(tmp_path / name, made_up, ABOUT))["grids"]
    drawing = read(table, tmp_path)
    findings = check(drawing)
    assert [found.code for found in findings if found.severity != "info"] == []
    again = settle(drawing, findings)
    assert again.levels == made_up.levels
    assert [(grid.code, grid.name, grid.parent) for grid in again.grids] == [
        (grid.code, grid.name, grid.parent) for grid in made_up.grids
    ]
    assert all(
        one.geometry.equals(other.geometry) for one, other in zip(again.grids, made_up.grids, strict=True)
    )


@pytest.mark.parametrize("name", ["town.gpkg", "town.geojson"])
def test_every_feature_says_that_it_is_synthetic(made_up, tmp_path, name):
    write(tmp_path / name, made_up, ABOUT)
    features = pyogrio.read_dataframe(tmp_path / name)
    assert features["synthetic"].tolist() == [True] * 60
    assert set(features["about"]) == {ABOUT}
    assert set(features["district_name"]) == {"虚构区"}
    if name.endswith(".geojson"):
        whole = json.loads((tmp_path / name).read_text())
        assert whole["synthetic"] is True
        assert whole["about"] == ABOUT


def test_a_file_that_is_there_is_left_alone(made_up, tmp_path):
    (tmp_path / "survey.gpkg").write_bytes(b"years of work")
    with pytest.raises(UnwritableFile, match="there already"):
        write(tmp_path / "survey.gpkg", made_up, ABOUT)
    assert (tmp_path / "survey.gpkg").read_bytes() == b"years of work"


@pytest.mark.parametrize(
    ("name", "why"),
    [("town.shp", "gpkg or .geojson"), ("none/town.gpkg", ""), ("none/town.geojson", "No such file")],
)
def test_a_file_that_cannot_be_written_is_refused(made_up, tmp_path, name, why):
    with pytest.raises(UnwritableFile) as caught:
        write(tmp_path / name, made_up, ABOUT)
    assert why in str(caught.value)
    assert name in str(caught.value)
