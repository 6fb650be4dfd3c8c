"""`gridgov city`, `grids` and `people`: what they change, what they show, what they refuse."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from gridgov.accounts import Passwords
from gridgov.errors import WrongPassword
from gridgov.storage.engine import open_engine
from tests.gridgov import scene
from tests.gridgov.commandline import GRIDS, city_file, history
from tests.gridgov.conftest import TOWN
from tests.gridgov.importing.mappings import line
from tests.installation import Installation


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """The town, with rules and grids in force."""
    made = Installation(tmp_path / "var")
    file = city_file(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        made.done(*command)
    return made


def test_a_plan_shows_what_would_change_and_changes_nothing(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path, (TOWN + GRIDS).replace('limit = "4wh"', 'limit = "2wh"'))
    plan = town.done("city", "plan", file, "--json").json
    assert plan["version"] == 1
    (change,) = plan["changes"]
    assert (change["what"], change["before"], change["after"]) == ("category", "4wh", "2wh")
    assert "4wh → 2wh" in town.done("city", "plan", file).out
    assert 'limit = "4wh"' in town.done("city", "export").out


def test_an_exported_file_is_the_applied_one_word_for_word(town: Installation, tmp_path: Path) -> None:
    given = (tmp_path / "town.toml").read_bytes()
    assert town.done("city", "export").out.encode() == given
    town.done("city", "export", "--output", tmp_path / "out.toml")
    assert (tmp_path / "out.toml").read_bytes() == given


def test_a_version_planned_against_another_one_is_refused(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path, (TOWN + GRIDS).replace('limit = "4wh"', 'limit = "2wh"'))
    ran = town.run("city", "apply", file, "--seen", 0)
    assert ran.code == 1
    assert "version 1 is in force now" in ran.err
    assert town.done("city", "apply", file, "--seen", 1, "--json").json["version"] == 2


def test_a_file_with_mistakes_is_refused_with_all_of_them(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path, TOWN.replace("name_en", "nam_en", 1).replace('zone = "Asia/Shanghai"', ""))
    ran = town.run("city", "apply", file)
    assert ran.code == 1
    assert "nam_en" in ran.err
    assert "zone" in ran.err
    assert town.done("city", "plan", city_file(tmp_path), "--json").json["changes"] == []


def test_rules_that_would_leave_open_incidents_behind_are_not_planned_silently(
    town: Installation, tmp_path: Path
) -> None:
    table, mapping = history(tmp_path)
    town.done("incidents", "import", table, "--mapping", mapping)
    without = TOWN.replace('code = "manhole"', 'code = "lid"')
    ran = town.run("city", "plan", city_file(tmp_path, without), "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["stranded"][0]["name"] == scene.COVER


def test_imported_history_in_a_category_of_nobody_stands_in_no_ones_way(
    town: Installation, tmp_path: Path
) -> None:
    """What no rules ever had, these rules do not take away."""
    table, mapping = history(tmp_path, line(what="odd", state="处置中"))
    kept = 'column = "what"\nunknown = "keep_and_mark"'
    mapping.write_text(mapping.read_text(encoding="utf-8").replace('column = "what"', kept), encoding="utf-8")
    town.done("incidents", "import", table, "--mapping", mapping)
    changed = (TOWN + GRIDS).replace('limit = "4wh"', 'limit = "2wh"')
    assert town.done("city", "apply", city_file(tmp_path, changed), "--json").json["version"] == 2


def test_a_check_names_every_finding_and_fails_on_an_error(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path)
    assert town.done("grids", "check", file, "--json").json["findings"] == []
    squares = json.loads((tmp_path / "squares.geojson").read_text())
    squares["features"][1]["geometry"] = squares["features"][0]["geometry"]
    (tmp_path / "squares.geojson").write_text(json.dumps(squares))
    ran = town.run("grids", "check", file, "--json")
    assert ran.code == 1
    assert "OVERLAP" in ran.err
    assert [found["grids"] for found in json.loads(ran.out)["findings"] if found["code"] == "OVERLAP"] == [
        ["N1", "N2"]
    ]
    before = town.done("closure", "--json").json["edition"]
    assert town.run("grids", "import", file).code == 1
    assert town.done("closure", "--json").json["edition"] == before == 1
    assert "N1 N2" in town.run("grids", "check", file).out


def test_polygon_files_may_lie_elsewhere(town: Installation, tmp_path: Path) -> None:
    elsewhere = tmp_path / "maps"
    elsewhere.mkdir()
    file = city_file(tmp_path)
    (tmp_path / "squares.geojson").rename(elsewhere / "squares.geojson")
    assert "squares.geojson cannot be read" in town.run("grids", "check", file).err
    town.done("grids", "check", file, "--folder", elsewhere)


def test_a_file_without_grids_says_so(town: Installation, tmp_path: Path) -> None:
    ran = town.run("grids", "check", city_file(tmp_path, TOWN))
    assert ran.code == 1
    assert "has no table [grids]" in ran.err


def test_the_grids_in_force_come_out_as_geojson(town: Installation, tmp_path: Path) -> None:
    town.done("grids", "export", "grid", "--under", "D/N", "--output", tmp_path / "n.geojson")
    features = json.loads((tmp_path / "n.geojson").read_bytes())["features"]
    assert [feature["properties"]["code"] for feature in features] == ["N1", "N2"]
    assert "the levels are district, street, grid" in town.run("grids", "export", "ward").err
    assert "D/X" in town.run("grids", "export", "grid", "--under", "D/X").err


def test_people_sign_in_with_the_password_that_came_on_standard_input(
    town: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long enough password\n"))
    town.done("people", "add", "li", "--role", "dispatcher", "--under", "D/N", "--password-stdin")
    made = town.done("people", "add", "zhao", "--role", "manager", "--generate", "--json").json
    engine = open_engine(f"sqlite:///{town.folder / 'gridgov.db'}")
    try:
        person, _ = Passwords().check(engine, "li", "a long enough password")
        assert [(str(a.role), a.path) for a in person.assignments] == [("dispatcher", ("D", "N"))]
        assert Passwords().check(engine, "zhao", made["password"])[0].id == made["id"]
        with pytest.raises(WrongPassword):
            Passwords().check(engine, "zhao", "a long enough password")
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["wang", "--role", "handler"],
            "a handler has a department, and nobody else has one: see --department",
        ),
        (["wang", "--role", "inspector", "--department", "water"], "nobody else has one"),
        (["wang", "--role", "handler", "--department", "fire"], "no department 'fire'"),
        (["wang", "--role", "inspector", "--under", "D/X"], "no grid D/X"),
        (["wang", "--role", "administrator", "--under", "D/N"], "whole installation, not after one grid"),
        (["wang", "--role", "administrator", "--department", "water"], "nobody else has one"),
        (["There", "--role", "inspector"], "somebody called 'there' is there already"),
        (["the\u200bre", "--role", "inspector"], "U+200B"),
        (["there", "--role", "inspector"], "somebody called 'there' is there already"),
    ],
)
def test_who_cannot_be_added(town: Installation, arguments: list[str], said: str) -> None:
    town.done("people", "add", "there", "--role", "manager", "--generate")
    ran = town.run("people", "add", *arguments, "--generate")
    assert ran.code == 1
    assert said in ran.err
    assert [person["name"] for person in town.done("people", "list", "--json").json] == ["there"]


def test_a_weak_password_is_refused(town: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    ran = town.run("people", "add", "li", "--role", "manager", "--password-stdin")
    assert (ran.code, ran.err) == (1, "gridgov: a password has 10 to 200 characters\n")


def test_no_password_stands_in_a_command() -> None:
    """Other users of a machine can read the arguments of its processes."""
    text = "".join(
        Installation(Path("unused")).done(*command, "--help").out
        for command in (("people", "add"), ("watch",))
    )
    assert "--password-stdin" in text
    assert "--password " not in text
    assert "--token" not in text


def test_the_list_of_people_shows_what_they_are_assigned_to(town: Installation) -> None:
    town.done("people", "add", "water1", "--role", "handler", "--department", "water", "--generate")
    assert "处置部门 全部 all water" in town.done("people", "list").out
