"""`gridgov grids export` and `grids tiles`: an edition given back as files, whichever edition it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas
import pyogrio
import pytest
from pmtiles.reader import MemorySource, Reader

from geodata.synthetic import district
from gridgov import city
from gridgov.cli import entry
from gridgov.service import Service
from gridgov.settings import Settings
from tests.gridgov import scene
from tests.installation import Installation

STREETS = [("440306001", "甲街道"), ("440306002", "乙街道")]


@pytest.fixture
def town(tmp_path: Path, filled: Path) -> Installation:
    """The town's squares as edition 1; as edition 2, in force, a district whose borders are jagged."""
    folder = tmp_path / "var"
    shutil.copytree(filled, folder)
    drawn = district(3, STREETS, communities=4, micro_grids=60, area_km2=40)
    with Service.open(Settings(data=folder), scene.Clock()) as service:
        service.writer.run(city.import_edition(drawn, "jagged", made_up=True, findings=[], by="test"))
    return Installation(folder)


@pytest.mark.parametrize("name", ["g.geojson", "g.gpkg", "g.fgb", "g.shp", "g.shp.zip", "g.parquet"])
def test_the_grids_in_force_in_every_format(town: Installation, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    done = town.done("grids", "export", "community", "-o", file)
    assert (done.out, f"{name}: 4 grids of level community" in done.err) == ("", True)
    frame = geopandas.read_parquet(file) if file.suffix == ".parquet" else geopandas.read_file(file)
    assert sorted(frame["parent"]) == ["440306001", "440306001", "440306002", "440306002"]


def test_a_part_of_a_level_simplified(town: Installation, tmp_path: Path) -> None:
    fine, coarse = tmp_path / "fine.gpkg", tmp_path / "coarse.gpkg"
    part = ("grids", "export", "micro_grid", "--under", "440306/440306002")
    town.done(*part, "-o", fine)
    town.done(*part, "-o", coarse, "--simplified", "300")
    before, after = (geopandas.read_file(file) for file in (fine, coarse))
    assert before["code"].tolist() == after["code"].tolist()
    assert before["code"].str.startswith("440306002").all()
    assert after.count_coordinates().sum() < before.count_coordinates().sum() / 2
    assert after.is_valid_coverage()


def test_an_older_edition(town: Installation, tmp_path: Path) -> None:
    file = tmp_path / "old.geojson"
    town.done("grids", "export", "grid", "--edition", 1, "-o", file)
    codes = [feature["properties"]["code"] for feature in json.loads(file.read_bytes())["features"]]
    assert codes == ["N1", "N2", "S1", "S2"]
    assert town.run("grids", "export", "grid", "-o", file).code == 1
    refused = town.run("grids", "export", "grid", "--edition", 7, "-o", file)
    assert (refused.code, "no such edition" in refused.err) == (1, True)


def test_geojson_goes_to_standard_output(
    town: Installation, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for options in ([], ["--format", "geojson"]):
        assert entry.main(["--data", str(town.folder), "grids", "export", "street", *options]) == 0
        out = json.loads(capsysbinary.readouterr().out)
        assert [feature["properties"]["name"] for feature in out["features"]] == ["甲街道", "乙街道"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--format", "gpkg"], "gpkg goes into a file: name one with --output"),
        (["-o", "grids.dwg"], "no format is known by its name"),
        (["-o", "grids.gpkg", "--simplified", "0"], "--simplified takes metres above 0"),
        (["-o", "grids.gpkg", "--simplified", "nan"], "--simplified takes metres above 0"),
        (["-o", "grids.gpkg", "--under", "440306/x"], "no grid 440306/x"),
        (["-o", "nowhere/grids.gpkg"], "nowhere/grids.gpkg cannot be written"),
        (["-o", "nowhere/grids.geojson"], "No such file or directory"),
        (["-o", "nowhere/grids.parquet"], "nowhere/grids.parquet"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    town: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    ran = town.run("grids", "export", "street", *options)
    assert (ran.code, ran.err.count("\n"), list(empty.iterdir())) == (1, 1, [])
    assert says in ran.err


class TestTiles:
    """`gridgov grids tiles`"""

    def test_all_levels_in_one_archive(self, town: Installation, tmp_path: Path) -> None:
        file = tmp_path / "town.pmtiles"
        told = town.done("grids", "tiles", file, "--max-zoom", 13, "--json").json
        assert (told["file"], told["bytes"]) == (str(file), file.stat().st_size)
        assert told["zooms"]["micro_grid"][1] == 13
        assert list(told["zooms"]) == ["district", "street", "community", "micro_grid"]
        frame = pyogrio.read_dataframe(file, layer="micro_grid")
        assert frame["code"].nunique() == 60
        metadata = Reader(MemorySource(file.read_bytes())).metadata()
        assert (metadata["name"], metadata["version"]) == ("jagged", "2.0.0")
        assert "虚构" in metadata["description"]

    def test_some_levels_of_an_older_edition(self, town: Installation, tmp_path: Path) -> None:
        file = tmp_path / "old.pmtiles"
        said = town.done("grids", "tiles", file, "--levels", "street,grid", "--edition", 1, "--max-zoom", 12)
        assert "tiles," in said.err
        assert "grid: zoom 10 to 12" in said.err
        assert sorted(pyogrio.list_layers(file)[:, 0]) == ["district", "grid", "street"]

    @pytest.mark.parametrize(
        ("options", "code", "says"),
        [
            (["--levels", "block"], 1, "the levels are district, street"),
            (["--levels", "street,"], 1, "no level ''"),
            (["--max-zoom", "17"], 2, "less than or equal to 16"),
            (["--edition", "9"], 1, "no such edition"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, town: Installation, tmp_path: Path, options: list[str], code: int, says: str
    ) -> None:
        ran = town.run("grids", "tiles", tmp_path / "x.pmtiles", *options)
        assert ran.code == code
        assert says in ran.err
        assert not list(tmp_path.glob("x.pmtiles*"))
