"""Specialised grids on the command line: looked over, put in force, listed, given back, taken off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from tests.gridgov import scene
from tests.gridgov.commandline import GRIDS, city_file, history
from tests.gridgov.conftest import OPERATOR, TOWN, Server
from tests.gridgov.importing.mappings import line
from tests.gridgov.precincts import BORDER
from tests.installation import Installation

LAYERS = """
[[specialised]]
key = "fire"
zh = "消防"
categories = ["t:component:manhole"]
file = "fire.csv"
micro_grid = "square"
code = "station"
team = "squad"

[[specialised]]
key = "police"
zh = "警务"
file = "precincts.geojson"
as = "sets"
code = "precinct"
"""
FIRE = "square,station,squad\nN1,F1,one\nN2,F1,one\nS1,F2,two\nS2,F2,two\n"


def files(folder: Path, layers: str = LAYERS, fire: str = FIRE) -> Path:
    """The town's file with its squares, fire stations and precincts."""
    shapes = {"1": shapely.box(114.00, 22.50, BORDER, 22.52), "2": shapely.box(BORDER, 22.50, 114.02, 22.52)}
    features = [
        {"type": "Feature", "properties": {"precinct": code}, "geometry": shapely.geometry.mapping(shape)}
        for code, shape in shapes.items()
    ]
    (folder / "precincts.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (folder / "fire.csv").write_text(fire)
    return city_file(folder, TOWN + GRIDS + layers)


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """A store with the town's rules and grids."""
    made = Installation(tmp_path / "var")
    file = files(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        made.done(*command)
    return made


def specialised(town: Installation, *arguments: object) -> Any:
    return town.done("grids", "specialised", *arguments)


def test_a_check_says_what_sets_lose_of_the_area(town: Installation, tmp_path: Path) -> None:
    told = specialised(town, "check", files(tmp_path), "--json").json
    fire, police = told["layers"]
    assert (told["edition"], fire["as"], fire["grids"], fire["findings"], fire["loss_as_sets"]) == (
        1,
        "sets",
        2,
        [],
        None,
    )
    # A third of the eastern squares, half of the town, lies in precinct 1.
    assert police["loss_as_sets"]["area_share"] == pytest.approx(0.33 / 2, abs=1e-3)
    assert [one["code"] for one in police["findings"]] == ["AREA_LOST"]
    ran = specialised(town, "check", files(tmp_path))
    assert (
        'police: as sets 16.50% of the area would fall to another team; consider as = "polygons"' in ran.err
    )
    assert "checked with edition 1" in ran.err


def test_past_incidents_of_the_store_are_counted(town: Installation, tmp_path: Path) -> None:
    between = line(no="A-2", x="114.011", y="22.515")
    table, mapping = history(tmp_path, line(), between, line(no="A-3", x="", y=""))
    town.done("incidents", "import", table, "--mapping", mapping)
    ran = specialised(town, "check", files(tmp_path), "--only", "police")
    assert (
        'as sets 50.00% of past incidents (1 of 2) would fall to another team; consider as = "polygons"'
        in ran.err
    )
    own = specialised(
        town, "check", files(tmp_path, LAYERS.replace('"sets"', '"polygons"')), "--only", "police"
    )
    assert "nothing is lost as polygons; as sets 16.50% of the area and 50.00% of past incidents" in own.err


def test_without_a_store_the_files_own_grids_are_taken(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path / "nowhere")
    told = nowhere.done("grids", "specialised", "check", files(tmp_path), "--json").json
    assert (told["edition"], len(told["layers"])) == (None, 2)
    assert not (tmp_path / "nowhere").exists()
    ran = nowhere.run("grids", "specialised", "import", files(tmp_path))
    assert (ran.code, "run `gridgov init`" in ran.err) == (1, True)


def test_without_a_store_and_grids_there_is_nothing_to_check_with(tmp_path: Path) -> None:
    files(tmp_path)
    file = city_file(tmp_path, TOWN + LAYERS)
    ran = Installation(tmp_path / "nowhere").run("grids", "specialised", "check", file)
    assert (ran.code, "no table [grids] to check with" in ran.err) == (1, True)


@pytest.mark.slow
def test_layers_are_put_in_force_listed_given_back_and_taken_off(town: Installation, tmp_path: Path) -> None:
    done = specialised(town, "import", files(tmp_path), "--json").json
    assert [(one["key"], one["version"], one["new"]) for one in done["layers"]] == [
        ("fire", 1, True),
        ("police", 2, True),
    ]
    assert "nothing changed" in specialised(town, "import", files(tmp_path)).err
    listed = specialised(town, "list", "--json").json["layers"]
    assert [(one["key"], one["version"], one["categories"]) for one in listed] == [
        ("police", 2, []),
        ("fire", 1, [scene.COVER]),
    ]
    assert "as sets 16.50% of the area" in specialised(town, "list").out
    specialised(town, "export", "fire", "-o", tmp_path / "fire.geojson")
    features = json.loads((tmp_path / "fire.geojson").read_bytes())["features"]
    assert [(one["properties"]["code"], one["properties"]["team"]) for one in features] == [
        ("F1", "one"),
        ("F2", "two"),
    ]
    specialised(town, "remove", "fire")
    assert [one["key"] for one in specialised(town, "list", "--json").json["layers"]] == ["police"]
    assert len(specialised(town, "list", "--all", "--json").json["layers"]) == 3
    for command in ("export", "remove"):
        ran = town.run("grids", "specialised", command, "fire")
        assert (ran.code, "no field 'fire' has a layer" in ran.err) == (1, True)


def test_imported_history_says_its_specialised_grids(town: Installation, tmp_path: Path) -> None:
    specialised(town, "import", files(tmp_path, LAYERS.replace('"sets"', '"polygons"')))
    table, mapping = history(tmp_path, line(), line(no="A-2", x="114.011", y="22.515"))
    town.done("incidents", "import", table, "--mapping", mapping)
    with town.served() as people:
        rows = people["shift_leader"].get("/api/incidents")["rows"]
    assert {row["source_number"]: row["specialised"] for row in rows} == {
        "A-1": ["fire/F1", "police/1"],
        "A-2": ["fire/F1", "police/1"],
    }


def test_a_dry_run_puts_nothing_in_force(town: Installation, tmp_path: Path) -> None:
    told = specialised(town, "import", files(tmp_path), "--dry-run", "--json").json
    assert told["dry_run"] is True
    assert specialised(town, "list", "--json").json == {"layers": []}


def test_one_layer_that_is_refused_keeps_all_out(town: Installation, tmp_path: Path) -> None:
    file = files(tmp_path, fire=FIRE + "N1,F2,two\n")
    ran = town.run("grids", "specialised", "import", file)
    assert (ran.code, "DOUBLE_COVER" in ran.err, "[[specialised.accept]]" in ran.err) == (1, True, True)
    assert specialised(town, "list", "--json").json == {"layers": []}
    ran = town.run("grids", "specialised", "check", file)
    assert (ran.code, "N1 F1 F2" in ran.out) == (1, True)
    accepted = LAYERS.replace(
        'team = "squad"',
        'team = "squad"\n[[specialised.accept]]\nfinding = "DOUBLE_COVER"\nreason = "two stations"',
    )
    specialised(town, "import", files(tmp_path, accepted, FIRE + "N1,F2,two\n"))
    assert "(accepted)" in specialised(town, "check", files(tmp_path, accepted, FIRE + "N1,F2,two\n")).out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("categories = [", 'categories = ["t:event:rubish", '), "did you mean 't:event:rubbish'?"),
        (("micro_grid = ", "microgrid = "), "'microgrid', which means nothing there"),
        (('as = "sets"', 'as = "set"'), 'as = "sets" or as = "polygons"'),
        (('"fire.csv"', '"fires.csv"'), "fires.csv"),
        (('"squad"', '"squat"'), "no column 'squat'; it has: square, station, squad"),
    ],
)
def test_mistakes_in_the_file_are_named(
    town: Installation, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    ran = town.run("grids", "specialised", "check", files(tmp_path, LAYERS.replace(*change)))
    assert (ran.code, said in ran.err) == (1, True), ran.err


def test_a_field_that_the_file_does_not_have(town: Installation, tmp_path: Path) -> None:
    ran = town.run("grids", "specialised", "check", files(tmp_path), "--only", "water")
    assert "no [[specialised]] 'water'; it has: fire, police" in ran.err
    ran = town.run("grids", "specialised", "check", city_file(tmp_path))
    assert "has no [[specialised]]" in ran.err


def test_a_plan_says_that_layers_come_from_elsewhere(town: Installation, tmp_path: Path) -> None:
    plan = town.done("city", "plan", files(tmp_path, LAYERS.replace('"sets"', '"polygons"')), "--json").json
    assert [(change["what"], change["kind"]) for change in plan["changes"]] == [("specialised", "changed")]


@pytest.mark.slow
def test_another_edition_carries_the_sets_over(town: Installation, tmp_path: Path) -> None:
    file = files(tmp_path)
    specialised(town, "import", file)
    squares = json.loads((tmp_path / "squares.geojson").read_text())
    for feature in squares["features"]:
        feature["properties"]["code"] += "x"
        feature["properties"]["path"] += "x"
    (tmp_path / "squares.geojson").write_text(json.dumps(squares))
    town.done("grids", "import", file, "--name", "second")
    listed = {one["key"]: one for one in specialised(town, "list", "--json").json["layers"]}
    assert (listed["fire"]["carried_from"], listed["fire"]["edition"], listed["fire"]["moved"]) == (1, 2, 8)
    specialised(town, "export", "fire", "-o", tmp_path / "fire.geojson")
    told = json.loads((tmp_path / "fire.geojson").read_bytes())
    assert told["features"][0]["properties"]["micro_grids"] == ["N1x", "N2x"]


class TestBesideAServer:
    """While a server holds the store, what is written goes through it."""

    @pytest.fixture
    def beside(self, server: Server) -> Installation:
        server.service.lock.describe(url=server.url, token=OPERATOR)
        return Installation(server.service.settings.data)

    def test_layers_go_through_the_server_and_count_at_once(
        self, beside: Installation, server: Server, tmp_path: Path
    ) -> None:
        own = LAYERS.replace('"sets"', '"polygons"')
        done = beside.done("grids", "specialised", "import", files(tmp_path, own), "--json").json
        assert [(one["version"], one["new"]) for one in done["layers"]] == [(1, True), (2, True)]
        fields = server.service.in_force.fields
        assert fields is not None
        assert [field.layer.key for field in fields.fields] == ["fire", "police"]
        assert "nothing changed" in beside.done("grids", "specialised", "import", files(tmp_path, own)).err
        beside.done("grids", "specialised", "remove", "fire")
        ran = beside.run("grids", "specialised", "remove", "fire")
        assert (ran.code, "the running server refused: no field 'fire'" in ran.err) == (1, True)
