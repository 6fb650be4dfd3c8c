"""`gridgov grids check` teaches somebody who knows none of it what is wrong with a file, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import pytest
import shapely
from shapely.geometry import Polygon, box

from gridgov.cli import main


def tile(column: float, row: float, columns: float = 1, rows: float = 1) -> Polygon:
    """A rectangle in Shenzhen, of squares of 0.01 degrees."""
    west, south = 113.88 + column / 100, 22.55 + row / 100
    return box(west, south, west + columns / 100, south + rows / 100)


SOUND = {"101": tile(0, 0), "102": tile(1, 0), "201": tile(2, 0), "202": tile(3, 0)}


def city(folder: Path, shapes: dict[str, Polygon], more: str = "", **options: object) -> Path:
    """A city's file, and its grids with their street as a column."""
    frame = geopandas.GeoDataFrame(
        {"code": list(shapes), "street": [code[0] for code in shapes]},
        geometry=list(shapes.values()),
        crs=4326,
    )
    crs = options.get("crs")
    (frame if crs is None else frame.to_crs(crs)).to_file(folder / "grids.gpkg", layer="grids")
    file = folder / "city.toml"
    file.write_text(
        f"""[grids]
file = "grids.gpkg"
{options.get("keys", "")}
[[grids.levels]]
key = "street"
zh = "街道"
code = "street"
[[grids.levels]]
key = "grid"
zh = "微网格"
code = "{options.get("code", "code")}"
{more}
""",
        encoding="utf-8",
    )
    return file


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_a_sound_file_says_so_and_how_it_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grids", "check", city(tmp_path, SOUND, crs=4547)) == 0
    out = capsys.readouterr().out
    assert (
        "grids.gpkg: 4 features in EPSG:4547; to longitude and latitude by Inverse of 3-degree Gauss-Kruger"
        in out
    )
    assert "CGCS2000 taken as WGS 84 (within 0.1 m)" in out
    assert "error" not in out
    assert "warning" not in out


def test_each_finding_stands_with_its_message_and_errors_are_named_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = city(tmp_path, SOUND | {"102": tile(1, 0, 1.2), "202": tile(3.001, 0)})
    assert run("grids", "check", file) == 1
    said = capsys.readouterr()
    assert "error: OVERLAP grid 102 201" in said.out
    assert "  102 and 201 of level grid both cover 227," in said.out
    assert "give that ground to one of them" in said.out
    assert "warning: GAP grid 201 202" not in said.out, "a lane of 1.03 m may be meant"
    assert "1 error would refuse the import: OVERLAP 102 201." in said.err
    assert "accept by name and reason" in said.err


def test_findings_are_written_for_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = city(tmp_path, SOUND | {"102": tile(1, 0, 1.2)}), tmp_path / "found.geojson"
    assert run("grids", "check", file, "--geojson", out) == 1
    assert f"1 findings are in {out}: open it in QGIS" in capsys.readouterr().err
    (feature,) = json.loads(out.read_bytes())["features"]
    assert feature["properties"]["grids"] == ["102", "201"]
    shared = shapely.from_geojson(json.dumps(feature["geometry"]))
    assert shared.symmetric_difference(tile(2, 0, 0.2)).area < 1e-15


def test_an_acceptance_of_nothing_is_a_warning_beside_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = '[[grids.accept]]\nfinding = "GAP"\nreason = "a lake"\n'
    more += '[[grids.accept]]\nfinding = "OVERLAP"\nreason = "known"\n'
    assert run("grids", "check", city(tmp_path, SOUND | {"102": tile(1, 0, 1.2)}, more)) == 0
    out = capsys.readouterr().out
    assert "[[grids.accept]] number 1 (GAP) accepts nothing" in out
    assert "error (accepted): OVERLAP grid 102 201" in out
    assert "  accepted: known" in out
    assert "found: 1 OVERLAP (error, accepted), 1 UNUSED_ACCEPTANCE (warning)" in out


def test_everything_wrong_with_a_file_is_told_in_one_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column that is not there, and coordinates with their axes swapped: both, and nothing else."""
    turned = {code: shapely.transform(shape, lambda points: points[:, ::-1]) for code, shape in SOUND.items()}
    assert run("grids", "check", city(tmp_path, turned, code="kode")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    swapped, missing = said.err.removeprefix("gridgov: ").rstrip().split("\n")
    assert "longitude and latitude swapped" in swapped
    assert "Say `swap_axes = true` in the city's file" in swapped
    assert "has no column 'kode'; it has: code, street. Did you mean 'code'?" in missing
    assert run("grids", "check", city(tmp_path, turned, keys="swap_axes = true")) == 0


def test_what_cannot_be_accepted_is_only_to_be_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = city(tmp_path, SOUND, keys='crs = "EPSG:2249"')
    assert run("grids", "check", file) == 1
    said = capsys.readouterr()
    assert "grids.gpkg: 4 features in EPSG:2249; not brought to longitude and latitude" in said.out
    assert "that looks like degrees, not US survey feet" in said.out
    assert said.err.rstrip().endswith("MISLABELLED_CRS. Mend what the messages name")


def test_codes_and_names_of_a_file_move_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever sends a file might otherwise hide a finding, or what the next command is."""
    drawn = {"1\x1b]0;title\x07": tile(0, 0), "1\u202e2": tile(0.5, 0)}
    assert main(["grids", "check", str(city(tmp_path, drawn))]) == 1
    shown = "".join(capsys.readouterr())
    assert r"1\x1b]0;title\x07" in shown
    assert r"1\u202e2" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
