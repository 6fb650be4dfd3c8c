"""What README.md says is so: its commands run and print what stands there, its tables are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dispatch.lifecycle import ACT_ZH, ROLE_ZH, STAGE_ZH, TRANSITIONS, Act, Stage, mermaid
from gridgov.settings import Settings
from scripts import readme
from tests.gridgov.made_up import demo_command, demo_in, read_until

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- run: ([\w ]+) -->\n```sh\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)
MARK = "=== the next block ==="


def blocks(name: str) -> list[tuple[str, str]]:
    """The commands marked to be run under this name, each with what it is said to print on standard output."""
    return [(commands, prints) for marked, commands, prints in BLOCK.findall(TEXT) if marked == name]


def run(name: str, **environment: str) -> list[str]:
    """What the blocks print, run in one bash from the first to the last, as somebody would who pastes them."""
    script = f"\necho '{MARK}'\n".join(commands for commands, _ in blocks(name))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GRIDGOV_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill ${{watching:-}} 2>/dev/null || true' EXIT\n{script}"],
        cwd=ROOT,
        env=kept | {"GRIDGOV_VENV": sys.prefix} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.split(f"{MARK}\n")


def unaligned(text: str) -> list[str]:
    """Lines without the spaces that only align them."""
    return [" ".join(line.split()) for line in text.splitlines()]


def assert_prints(name: str, **environment: str) -> None:
    said = run(name, **environment)
    for (commands, prints), printed in zip(blocks(name), said, strict=True):
        assert unaligned(printed) == unaligned(prints), commands


@pytest.mark.slow
def test_the_day_in_the_life_goes_as_it_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo_in(folder)
    with demo_command(folder) as server:
        url = re.search(r"(http://\S+) 已启动", read_until(server, "已启动"))
        assert url is not None
        assert_prints("a day", SERVER=url[1], DEMO=str(folder))


@pytest.mark.slow
def test_new_york_comes_in_as_it_is_told(tmp_path: Path, shared_data: Path) -> None:
    assert_prints("new york", NEW_YORK=str(tmp_path))


@pytest.mark.slow
def test_a_city_of_ones_own_comes_in_as_it_is_told(tmp_path: Path) -> None:
    assert_prints("own city", OWN_CITY=str(tmp_path / "city"))


@pytest.mark.slow
def test_rules_are_explained_as_it_is_told(tmp_path: Path) -> None:
    assert_prints("rules", RULES=str(tmp_path / "rules"))


@pytest.mark.slow
def test_boundaries_change_as_it_is_told(tmp_path: Path, shared_data: Path) -> None:
    assert_prints("council", COUNCIL=str(tmp_path))


def test_there_is_something_to_run() -> None:
    assert len(blocks("a day")) == 7
    assert len(blocks("own city")) == 1
    assert len(blocks("council")) == 1
    assert len(blocks("rules")) == 1
    assert len(blocks("new york")) == 6
    assert len(BLOCK.findall(TEXT)) == TEXT.count("<!-- run:")


def test_the_parts_made_from_code_are_as_the_code_has_them() -> None:
    assert readme.made(TEXT) == TEXT, "run scripts/readme"


def test_a_part_without_its_marks_is_refused() -> None:
    with pytest.raises(readme.NoSuchPart, match="lifecycle"):
        readme.made(TEXT.replace("<!-- end of lifecycle -->", ""))


def test_the_diagram_is_the_codes_own() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in TEXT


def table_after(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its own head."""
    after = TEXT.partition(f"\n{heading}\n")[2]
    lines = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert lines is not None, heading
    rows = lines[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_table_of_rights_says_who_may_do_each_thing_in_each_stage() -> None:
    told = set()
    for act, stages, _, who in table_after("### Who may do what"):
        name, _, outcome = act.partition(": ")
        excepted = who.startswith("anybody but")
        roles = {role for role, zh in ROLE_ZH.items() if (zh in who) != excepted}
        listed: list[Stage | None] = [stage for stage, zh in STAGE_ZH.items() if f"{stage} {zh}" in stages]
        if stages in ("any", "–"):
            listed = list(Stage) if stages == "any" else [None]
        told |= {(stage, Act(name.split()[0]), outcome, frozenset(roles)) for stage in listed}
    assert told == {(t.stage, t.act, t.outcome, t.roles) for t in TRANSITIONS}


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    told = {variable.strip("`"): default.strip("`") for variable, default, _ in table_after("## Settings")}
    wanted = {
        f"GRIDGOV_{name.upper()}": "–" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert told == wanted


def test_the_glossary_and_the_code_use_the_same_words() -> None:
    known: Mapping[str, str] = {**STAGE_ZH, **ROLE_ZH, **ACT_ZH}
    compared = 0
    for words, chinese, _ in table_after("## Words"):
        for word, zh in zip(words.split(", "), chinese.split(", "), strict=True):
            if word in known:
                assert zh in {STAGE_ZH.get(word), ROLE_ZH.get(word), ACT_ZH.get(word)}, word
                compared += 1
    assert compared >= 6


def test_every_place_it_names_is_there() -> None:
    for where, what in table_after("## The parts"):
        folder = ROOT / where.strip("`")
        assert folder.is_dir(), where
        names = re.findall(r"`([\w./]+)`", what)
        missing = [name for name in names if not (folder / name).exists() and not (ROOT / name).exists()]
        assert not missing, f"{where}: {missing}"
    assert {"geodata/", "dispatch/", "gridgov/"} <= {
        where.strip("`") for where, _ in table_after("## The parts")
    }


def test_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in re.findall(r"^#+ .*$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
