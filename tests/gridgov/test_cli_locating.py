"""`gridgov grids locate`: one point, or a table of them, in a store that has grids and no rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gridgov.commandline import GRIDS, city_file
from tests.installation import Installation


@pytest.fixture
def grids(tmp_path: Path) -> Installation:
    """A store with the town's grids alone."""
    made = Installation(tmp_path / "var")
    made.done("init")
    made.done("grids", "import", city_file(tmp_path, GRIDS))
    return made


def test_a_point_lies_in_a_grid_so_far_from_its_border(grids: Installation) -> None:
    said = grids.done("grids", "locate", "114.005", "22.515", "--datum", "wgs84").out
    assert said == "D/N/N1 (D > N > 网格N1), 514.4 m from its border\n"
    told = grids.done(
        "grids", "locate", "114.0099", "22.515", "--datum", "wgs84", "--accuracy", "15", "--json"
    ).json
    assert told["path"] == ["D", "N", "N1"]
    assert [one["path"] for one in told["near_border"]] == [["D", "N", "N2"]]
    said = grids.done("grids", "locate", "114.0099", "22.515", "--datum", "wgs84", "--accuracy", "15").out
    assert said.splitlines()[1] == "or D/N/N2, 10.3 m away"


def test_a_point_outside_is_told_the_nearest(grids: Installation) -> None:
    said = grids.done("grids", "locate", "114.03", "22.515", "--datum", "wgs84").out
    assert said == "in no grid; the nearest is D/N/N2, 1,028.9 m away\n"
    assert (
        grids.done("grids", "locate", "114.03", "22.515", "--datum", "cgcs2000", "--json").json["path"]
        is None
    )


def test_a_point_is_taken_in_the_datum_named(grids: Installation) -> None:
    """GCJ-02 puts a place some 600 m to the south-east of where WGS-84 has it."""
    told = grids.done("grids", "locate", "114.0149", "22.5122", "--datum", "gcj02", "--json").json
    assert told["path"] == ["D", "N", "N1"]


def test_a_table_gets_the_grid_of_each_row(grids: Installation, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text('no,x,y,words\n1,114.005,22.505,"a, b"\n2,,,\n3,0,0,far\n', encoding="utf-8-sig")
    done = grids.done("grids", "locate", "--csv", table, "--columns", "x,y", "--datum", "wgs84")
    assert done.out.splitlines() == [
        "no,x,y,words,grid,edition",
        '1,114.005,22.505,"a, b",D/S/S1,1',
        "2,,,,,1",
        "3,0,0,far,,1",
    ]
    assert "3 points: 1 in a grid, 2 in none" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("114.005", "22.515"), "--datum"),
        (("--datum", "wgs84"), "--csv"),
        (("22.515", "114.005", "--datum", "wgs84"), "look swapped"),
        (("114.005", "22.515", "--datum", "mars"), "mars"),
        (("114.005", "22.515", "--datum", "wgs84", "--edition", "7"), "edition"),
        (("--csv", "{table}", "--datum", "wgs84"), "no column 'lon' and 'lat'; it has: x, y"),
        (("--csv", "{table}", "--columns", "x", "--datum", "wgs84"), "two names"),
        (("--csv", "{table}", "--columns", "x,y", "--datum", "wgs84"), "row 3"),
    ],
)
def test_what_cannot_be_located_is_told(
    grids: Installation, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    table = tmp_path / "points.csv"
    table.write_text("x,y\n114.005,22.505\n114.005,95\n", encoding="utf-8")
    refused = grids.run("grids", "locate", *(word.format(table=table) for word in words))
    assert refused.code != 0
    assert said in refused.err
    assert "Traceback" not in refused.err


def test_a_table_with_a_quotation_mark_left_open_is_told(grids: Installation, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text('lon,lat,words\n114.005,22.515,"' + "left open\n" * 20_000, encoding="utf-8")
    said = grids.run("grids", "locate", "--csv", table, "--datum", "wgs84")
    assert said.code == 1
    assert "no sound CSV: field larger than field limit" in said.err


def test_a_table_in_gbk_is_named_with_what_to_do(grids: Installation, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("lon,lat,备注\n114.005,22.515,路口\n", encoding="gbk")
    said = grids.run("grids", "locate", "--csv", table, "--datum", "wgs84")
    assert said.code == 1
    assert said.err.startswith(f"gridgov: {table} is no UTF-8 text, GBK perhaps")
    assert "iconv -f GB18030 -t UTF-8 points.csv" in said.err


def test_a_store_without_grids_says_how_to_bring_them_in(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")
    made.done("init")
    refused = made.run("grids", "locate", "114", "22", "--datum", "wgs84")
    assert refused.code == 1
    assert "gridgov grids import" in refused.err
