"""The command line as a whole: a first installation, its manual, and what becomes of errors."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from dispatch.errors import BadPeriod
from gridgov.cli import entry
from gridgov.settings import Settings
from tests.gridgov.commandline import city_file
from tests.installation import Installation

COMMANDS = [
    ["init"],
    ["serve"],
    ["demo"],
    ["city", "plan"],
    ["city", "apply"],
    ["city", "export"],
    ["rules", "list"],
    ["rules", "explain"],
    ["rules", "why"],
    ["grids", "check"],
    ["grids", "import"],
    ["grids", "export"],
    ["grids", "tiles"],
    ["people", "add"],
    ["people", "list"],
    ["incidents", "import"],
    ["incidents", "export"],
    ["incidents", "duplicates"],
    ["closure"],
    ["returns"],
    ["due"],
    ["overdue"],
    ["watch"],
    ["rebuild"],
]


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """A store that is not there yet."""
    return Installation(tmp_path / "var")


def test_a_first_installation_as_the_manual_says(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path)
    assert "made the store" in town.done("init").err
    assert "version 1 is in force" in town.done("city", "apply", file).err
    assert "1 district > 2 street > 4 grid) is in force" in town.done("grids", "import", file).err
    added = town.done("people", "add", "wang", "--role", "inspector", "--under", "D/N", "--generate")
    assert len(added.out.strip()) >= 40
    assert [person["name"] for person in town.done("people", "list", "--json").json] == ["wang"]
    assert town.done("closure", "--json").json["total"]["tally"]["reported"] == 0
    assert town.done("rebuild", "--check", "--json").json == {"differences": []}


def test_doing_it_again_changes_nothing_and_says_so(town: Installation, tmp_path: Path) -> None:
    file = city_file(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        town.done(*command)
    assert "up to date" in town.done("init").err
    assert "nothing changed: version 1" in town.done("city", "apply", file).err
    assert "nothing changed" in town.done("grids", "import", file).err
    assert town.done("grids", "import", file, "--json").json["new"] is False


def test_the_manual_lists_every_command_under_a_heading(town: Installation) -> None:
    manual = town.done("--help").out
    groups = {command[0] for command in COMMANDS}
    assert groups <= set(re.findall(r"^  (\w+)  ", manual, re.MULTILINE))
    for heading in ("Running 运行:", "Rules and grids", "People", "Incidents and figures", "Upkeep"):
        assert heading in manual
    assert "Exit codes:" in manual


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(town: Installation, command: list[str]) -> None:
    text = town.done(*command, "--help").out
    assert f"Usage: gridgov {' '.join(command)}" in text
    found = get_command(entry.app)
    for name in command:
        found = found.commands[name]  # type: ignore[attr-defined]
    assert found.help
    assert [option.name for option in found.params if not getattr(option, "help", None)] in ([], ["file"])


def test_options_that_are_settings_show_their_environment_variable(town: Installation) -> None:
    shown = town.done("--help").out + town.done("serve", "--help").out + town.done("watch", "--help").out
    for name in ("DATA", "DATABASE", "HOST", "PORT", "URL", "NAME"):
        assert f"GRIDGOV_{name}" in re.sub(r"\s+", " ", shown)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["closure"], "there is no store at"),
        (["people", "list"], "run `gridgov init`"),
        (["city", "apply", "{city}"], "run `gridgov init`"),
        (["rebuild"], "run `gridgov init`"),
    ],
)
def test_without_a_store_every_command_says_what_to_do(
    town: Installation, tmp_path: Path, arguments: list[str], said: str
) -> None:
    ran = town.run(*(argument.format(city=city_file(tmp_path)) for argument in arguments))
    assert ran.code == 1
    assert said in ran.err
    assert ran.err.startswith("gridgov: ")
    assert ran.err.count("\n") == 1


def test_before_rules_and_grids_the_commands_that_need_them_say_so(
    town: Installation, tmp_path: Path
) -> None:
    town.done("init")
    for command, remedy in (
        (("closure",), "run `gridgov city apply` and `gridgov grids import`"),
        (("grids", "export", "street"), "bring one in with `gridgov grids import`"),
        (("incidents", "export"), "run `gridgov city apply` and `gridgov grids import`"),
    ):
        ran = town.run(*command)
        assert ran.code == 1
        assert remedy in ran.err
    town.done("people", "add", "root", "--role", "administrator", "--generate")
    ran = town.run("people", "add", "wang", "--role", "inspector", "--under", "D", "--generate")
    assert "No rules or no grids are in force yet" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["people", "add"],
        ["people", "add", "x", "--role", "king"],
        ["serve", "--port", "70000"],
        ["city", "apply", "missing.toml"],
    ],
)
def test_what_is_not_understood_has_its_own_exit_code(town: Installation, arguments: list[str]) -> None:
    assert town.run(*arguments).code == 2


def test_a_setting_that_cannot_be_read_is_named(town: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDGOV_PHOTO_MAX_BYTES", "a lot")
    ran = town.run("init")
    assert ran.code == 2
    assert "the setting GRIDGOV_PHOTO_MAX_BYTES is 'a lot'" in ran.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BadPeriod("a period that holds no time"), 1, "gridgov: a period that holds no time\n"),
        (PermissionError(13, "Permission denied", "/var/x"), 1, "gridgov: /var/x: Permission denied\n"),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
            1,
            "is not utf-8: invalid start byte",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_that_was_to_be_expected_is_one_line(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(entry, "app", fail)
    assert entry.main([]) == code
    assert said in capsys.readouterr().err


def test_a_fault_of_the_program_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(entry, "app", fail)
    with pytest.raises(ZeroDivisionError):
        entry.main([])


@pytest.mark.slow
def test_as_a_program_it_reads_its_settings_from_the_environment(tmp_path: Path) -> None:
    """Nothing but JSON on standard output, in a process of its own; its log lines do not get in between."""
    environment = os.environ | {"GRIDGOV_DATA": str(tmp_path / "elsewhere")}
    program = [sys.executable, "-c", "from gridgov.cli import main; raise SystemExit(main())"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments], env=environment, capture_output=True, text=True, check=True
        )

    run("init")
    assert Settings(data=tmp_path / "elsewhere").data.joinpath("gridgov.db").is_file()
    assert json.loads(run("rebuild", "--check", "--json").stdout) == {"differences": []}
    assert run("init").stdout == ""


def test_a_reader_that_has_seen_enough_is_no_error(
    town: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gridgov city export | head -1` ends without a traceback."""
    town.done("init")
    town.done("city", "apply", city_file(tmp_path))

    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    errors = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Closed())
    monkeypatch.setattr(sys, "stderr", errors)
    assert entry.main(["--data", str(town.folder), "city", "export"]) == 1
    assert errors.closed
