"""`gridgov grids repair` as it is typed: what it prints, writes, refuses, and that the import takes the result."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import pytest
from shapely.geometry import box

from gridgov.cli import main

CITY = """\
[grids]
file = "wards.geojson"

[[grids.levels]]
key = "ward"
code = "code"
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city of three wards: one overlap of 0.4 m, one of 2.9 m."""
    shapes = [
        box(10, 50, 10.0010056, 50.001),
        box(10.001, 50, 10.00204, 50.001),
        box(10.002, 50, 10.003, 50.001),
    ]
    frame = geopandas.GeoDataFrame({"code": ["1", "2", "3"]}, geometry=shapes, crs="EPSG:4326")
    frame.to_file(tmp_path / "wards.geojson")
    (tmp_path / "city.toml").write_text(CITY)
    return tmp_path / "city.toml"


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_it_writes_files_that_the_check_takes(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = city.parent / "mended"
    assert run("grids", "repair", city, "--out", out, "--tolerance-m", 3) == 0
    printed = capsys.readouterr()
    assert "2 places changed hands under a tolerance of 3 m" in printed.out
    assert f"gridgov grids check {out / 'city.toml'}" in printed.err
    assert run("grids", "check", out / "city.toml") == 0
    assert run("grids", "check", city) == 1


def test_what_is_too_wide_is_left_and_told(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = city.parent / "mended"
    assert run("grids", "repair", city, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "1 left as drawn:\n  overlap of 2, 3 of level ward" in printed
    assert "it is 2.87 m wide" in printed
    assert run("grids", "check", out / "city.toml") == 1


def test_a_dry_run_writes_nothing(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(city.parent.iterdir())
    assert run("grids", "repair", city, "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (len(told["moved"]), len(told["stays"]), told["tolerance_m"]) == (1, 1, 1.0)
    assert sorted(city.parent.iterdir()) == before


def test_it_wants_to_know_where_to_write(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grids", "repair", city) == 1
    assert "--out FOLDER" in capsys.readouterr().err


def test_it_never_writes_over_the_citys_file(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grids", "repair", city, "--out", city.parent) == 1
    assert "city.toml cannot be written: it is there already" in capsys.readouterr().err
    assert city.read_text() == CITY


def test_a_tolerance_that_is_none_is_refused(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grids", "repair", city, "--dry-run", "--tolerance-m", 0) == 1
    assert "above 0 and up to 25 m" in capsys.readouterr().err


def test_findings_that_the_city_accepts_are_marked(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept = '\n[[grids.accept]]\nfinding = "OVERLAP"\nreason = "being surveyed"\n'
    city.write_text(CITY + accept)
    assert run("grids", "repair", city, "--dry-run") == 0
    assert "findings after: 1 OVERLAP (accepted)" in capsys.readouterr().out
