"""`gridgov grids compare`, `import --effective`, `editions`, `withdraw`, `carried`, `confirm`, `decline`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geodata.grids import Hierarchy
from geodata.publish import feature_collection
from tests.gridgov import scene
from tests.gridgov.commandline import GRIDS, city_file, history
from tests.gridgov.conftest import OPERATOR, TOWN, Server
from tests.gridgov.importing.mappings import line
from tests.installation import Installation

ACCEPTED = """
[[grids.accept]]
finding = "CODE_REUSED"
reason = "the south is numbered anew"
"""


def redraw(folder: Path, hierarchy: Hierarchy | None = None, more: str = "") -> Path:
    """The town's file over other squares."""
    file = city_file(folder, TOWN + GRIDS + more)
    squares = json.loads(feature_collection(hierarchy or scene.redrawn(), "grid"))
    for feature in squares["features"]:
        feature["properties"]["path"] = "/".join(feature["properties"]["path"])
    (folder / "squares.geojson").write_text(json.dumps(squares))
    return file


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """The town, with rules and grids in force."""
    made = Installation(tmp_path / "var")
    file = city_file(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        made.done(*command)
    return made


def states(town: Installation) -> list[tuple[int, str]]:
    found = town.done("grids", "editions", "--json").json["editions"]
    return [(one["edition"], one["state"]) for one in found]


def add(town: Installation, name: str, path: str) -> None:
    town.done("people", "add", name, "--role", "inspector", "--under", path, "--generate")


def test_a_comparison_shows_what_would_change_and_writes_nothing(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(no="A-1", state="处置中"), line(no="A-2", state="处置中"))
    town.done("incidents", "import", table, "--mapping", mapping)
    add(town, "wang", "D/N/N1")
    before = (tmp_path / "var" / "gridgov.db").read_bytes()
    ran = town.done("grids", "compare", redraw(tmp_path), "--geojson", tmp_path / "changes.geojson")
    assert "split 拆分" in ran.out
    assert "grid S1 was split into S3, S4 (of the old one: S" in ran.out
    assert "grid N1, N2 were merged into N3" in ran.out
    assert "1 split 拆分" in ran.err
    assert "1 assignments are touched" in ran.err
    assert "D/N/N3" in ran.out
    assert "to confirm" in ran.out
    kinds = [
        one["properties"]["kind"]
        for one in json.loads((tmp_path / "changes.geojson").read_text())["features"]
    ]
    assert sorted(kinds) == ["merged", "split"]
    assert states(town) == [(1, "in_force")]
    assert (tmp_path / "var" / "gridgov.db").read_bytes() == before


def test_what_changes_most_is_listed_first(town: Installation, tmp_path: Path) -> None:
    """Whoever reads the first lines only has read what matters."""
    new = scene.redrawn(N3=("N", (114.00, 22.51, 114.012, 22.52)), N2=("N", (114.012, 22.51, 114.02, 22.52)))
    lines = town.done("grids", "compare", redraw(tmp_path, new)).out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["split", "redrawn", "redrawn"]
    assert "grid N2 has another border: 80.0 %" in lines[2]
    assert "grid N1 has another border and the new code N3: 100 %" in lines[3]


def test_a_comparison_for_programs(town: Installation, tmp_path: Path) -> None:
    table, mapping = history(tmp_path, line(no="A-1", state="处置中"), line(no="A-2", state="处置中"))
    town.done("incidents", "import", table, "--mapping", mapping)
    told = town.done("grids", "compare", redraw(tmp_path), "--json").json
    assert told["edition"] == 1
    assert told["comparison"]["counts"]["split"] == 1
    assert told["reused"] == []
    assert told["touched"]["incidents"]["open"] == told["touched"]["incidents"]["moved"] == 2
    again = town.done("grids", "compare", city_file(tmp_path), "--json").json
    assert again["comparison"]["changes"] == []


def test_the_first_drawing_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")
    made.done("init")
    file = city_file(tmp_path)
    assert "this is the first" in made.done("grids", "compare", file).err
    assert made.done("grids", "compare", file, "--json").json["comparison"] is None
    ran = made.run("grids", "compare", file, "--geojson", tmp_path / "out.geojson")
    assert (ran.code, (tmp_path / "out.geojson").exists()) == (1, False)


def test_a_dry_run_of_an_import_writes_nothing(town: Installation, tmp_path: Path) -> None:
    ran = town.done("grids", "import", redraw(tmp_path), "--effective", "2099-01-01", "--dry-run")
    assert "was split into" in ran.out
    assert "nothing was written" in ran.err
    assert states(town) == [(1, "in_force")]


def test_an_edition_is_imported_for_a_date_and_withdrawn(town: Installation, tmp_path: Path) -> None:
    file = redraw(tmp_path)
    ran = town.done("grids", "import", file, "--effective", "2099-01-01")
    assert "takes effect at 2098-12-31T16:00:00" in ran.err, "a local date begins at midnight in Shanghai"
    assert states(town) == [(2, "scheduled"), (1, "in_force")]
    assert "scheduled" in town.done("grids", "editions").out
    again = town.done("grids", "import", file)
    assert "was there already, takes effect at 2098-12-31T16:00:00" in again.err
    again = town.run("grids", "import", file, "--effective", "2099-02-01")
    assert again.code == 1
    assert "edition 2 waits to take effect" in again.err
    assert "edition 2 is withdrawn" in town.done("grids", "withdraw", 2).err
    assert states(town) == [(2, "withdrawn"), (1, "in_force")]
    ran = town.run("grids", "withdraw", 1)
    assert ran.code == 1
    assert states(town)[0] == (2, "withdrawn")


@pytest.mark.parametrize("moment", ["2001-01-01", "soon", "2099-01-01T25:00"])
def test_a_date_that_is_none_is_refused(town: Installation, tmp_path: Path, moment: str) -> None:
    ran = town.run("grids", "import", redraw(tmp_path), "--effective", moment)
    assert ran.code == 1
    assert states(town) == [(1, "in_force")]


@pytest.mark.slow
def test_a_code_that_comes_to_stand_for_another_place_is_refused_unless_accepted(
    town: Installation, tmp_path: Path
) -> None:
    swapped = scene.redrawn(
        S2=("S", (114.02, 22.50, 114.03, 22.51)), S9=("S", (114.01, 22.50, 114.02, 22.51))
    )
    file = redraw(tmp_path, swapped)
    for command in (("compare", file), ("import", file), ("import", file, "--dry-run")):
        ran = town.run("grids", *command)
        assert ran.code == 1
        assert "CODE_REUSED: S2 of level grid stood for another place" in ran.err
        assert states(town) == [(1, "in_force")]
    add(town, "wang", "D/S/S2")
    file = redraw(tmp_path, swapped, ACCEPTED)
    assert "code is another place" in town.done("grids", "compare", file).out
    assert town.done("grids", "compare", file, "--json").json["reused"][0]["accepted"] == (
        "the south is numbered anew"
    )
    done = town.done("grids", "import", file, "--json").json
    assert done["edition"] == 2
    told = {"finding": "CODE_REUSED", "severity": "error", "accepted": True, "count": 1}
    assert told in done["findings"]


@pytest.mark.slow
def test_carried_assignments_are_listed_confirmed_and_declined(town: Installation, tmp_path: Path) -> None:
    add(town, "wang", "D/N/N1")
    add(town, "zhang", "D/S/S1")
    town.done("grids", "import", redraw(tmp_path))
    found = town.done("grids", "carried", "--json").json["carried"]
    ids = {one["to"][-1]: one["id"] for one in found}
    assert set(ids) == {"N3", "S3", "S4"}
    listed = town.done("grids", "carried").out
    assert "D/N/N1" in listed
    assert "waiting" in listed
    assert "2 confirmed" in town.done("grids", "confirm", ids["N3"], ids["S3"]).err
    assert "1 declined" in town.done("grids", "decline", ids["S4"]).err
    assert town.done("grids", "carried", "--json").json["carried"] == []
    decided = town.done("grids", "carried", "--all", "--json").json["carried"]
    assert {one["to"][-1]: one["state"] for one in decided} == {
        "N3": "confirmed",
        "S3": "confirmed",
        "S4": "declined",
    }
    assert {one["decided_by"] for one in decided} == {"operator"}
    ran = town.run("grids", "confirm", ids["S4"])
    assert ran.code == 1
    assert town.run("grids", "decline", "nothing").code == 1


@pytest.mark.slow
def test_beside_a_server_the_same_goes_through_it(server: Server, tmp_path: Path) -> None:
    server.service.lock.describe(url=server.url, token=OPERATOR)
    town = Installation(server.service.settings.data)
    add(town, "wang", "D/N/N1")
    swapped = scene.redrawn(
        S2=("S", (114.02, 22.50, 114.03, 22.51)), S9=("S", (114.01, 22.50, 114.02, 22.51))
    )
    file = redraw(tmp_path, swapped, ACCEPTED)
    assert town.done("grids", "import", file, "--effective", "2099-01-01", "--json").json["new"] is True
    assert states(town)[0] == (2, "scheduled")
    town.done("grids", "withdraw", 2)
    assert states(town)[0] == (2, "withdrawn")
    refused = town.run("grids", "withdraw", 1)
    assert refused.code == 1
    assert "the running server refused" in refused.err
    town.done("grids", "import", file)
    assert server.service.in_force.atlas.edition == 3
    (waiting,) = town.done("grids", "carried", "--json").json["carried"]
    town.done("grids", "confirm", waiting["id"])
    assert town.done("grids", "carried", "--json").json["carried"] == []


def test_a_date_needs_a_time_zone_and_a_time_with_its_zone_does_not(tmp_path: Path) -> None:
    made = Installation(tmp_path / "var")
    made.done("init")
    made.done("grids", "import", city_file(tmp_path, GRIDS))
    file = redraw(tmp_path)
    refused = made.run("grids", "import", file, "--effective", "2099-01-01")
    assert refused.code == 1
    assert "2027-01-01T00:00+08:00" in refused.err
    assert (
        "takes effect at 2098-12-31T16:00"
        in made.done("grids", "import", file, "--effective", "2099-01-01T00:00+08:00").err
    )
