"""A package beside the ledger, and on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from gridgov.casefile.comparing import compare
from gridgov.casefile.packing import ENTRIES, PAGE, VALUES
from gridgov.casefile.verifying import Verified, verify
from gridgov.storage.ledger import HASHED, entry_hash, read_head
from tests.gridgov.casefile.packages import (
    lines_of,
    packed,
    packed_again,
    unpacked,
    with_lines,
)
from tests.gridgov.casefile.told import PHONE, Told, long_life
from tests.gridgov.conftest import Site
from tests.installation import Installation

# -- with the ledger -------------------------------------------------------------------------------


def compared(told: Told, found: Verified) -> list[str]:
    with told.site.service.reader.connect() as connection:
        return [str(one) for one in compare(connection, found)]


def test_a_package_agrees_with_the_ledger_also_after_more_has_happened(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    told.do("water", "accept")
    assert compared(told, verify(path)) == []


def test_what_was_forged_throughout_is_found_by_the_ledger(told: Told, tmp_path: Path) -> None:
    """Entry, hash, what the next one holds, values, page and sums, all made anew: only the ledger tells."""
    path = packed(told, tmp_path)
    files = unpacked(path)
    lines = lines_of(files)
    last = lines[-1]
    old = last["hash"]
    last["body"] = last["body"].replace('"water"', '"cleaning"')
    row = {name: last[name] for name in HASHED} | {"previous": bytes.fromhex(last["previous"])}
    last["hash"] = last["next_previous"] = entry_hash(row).hex()
    files = with_lines(files, lines)
    for name in (PAGE, VALUES):
        changed = files[name].replace(old.encode(), last["hash"].encode())
        files[name] = changed.replace(
            b'"department": "water",\n        "rule"', b'"department": "cleaning",\n        "rule"'
        )
    found = verify(packed_again(path, files))
    wrong = compared(told, found)
    assert any("is another in the ledger: body differ" in one for one in wrong)
    assert any("has another hash than is said" in one for one in wrong)


def test_an_entry_left_out_is_found_by_the_ledger(told: Told, tmp_path: Path) -> None:
    found = verify(packed(told, tmp_path))
    cut = replace(found, entries=found.entries[:-1])
    assert compared(told, cut) == ["entry 5 (position 6): is missing from the package"]
    stranger = replace(found, incident="11111111-1111-4111-8111-111111111111")
    assert compared(told, stranger) == ["ledger: has no incident 11111111-1111-4111-8111-111111111111"]
    later = replace(found, head_position=10_000)
    assert any("no entry at position 10000" in one for one in compared(told, later))


def test_a_damaged_ledger_is_told_from_a_forged_package(told: Told, tmp_path: Path) -> None:
    found = verify(packed(told, tmp_path))
    with told.site.service.writer._engine.begin() as connection:
        connection.execute(text("UPDATE entry SET body = replace(body, '看看', '算了')"))
    assert any("the ledger itself is damaged here" in one for one in compared(told, found))


# -- on the command line ---------------------------------------------------------------------------


def test_the_command_line_writes_and_verifies(told: Told, tmp_path: Path) -> None:
    town = Installation(told.site.service.settings.data)
    page = town.done("incidents", "file", "D-20261123-00001").out
    assert page.startswith("<!doctype html>")
    assert "对阅读者保密" in page
    assert PHONE in town.done("incidents", "file", told.id, "--reporters").out
    path = tmp_path / "out.zip"
    town.done("incidents", "file", told.id, "--zip", "-o", path, "--photos")
    told_of = town.done("incidents", "verify", path, "--ledger", "--json").json
    assert (told_of["whole"], told_of["entries"], told_of["faults"]) == (True, 5, [])
    assert told_of["compared_with_ledger"] is True
    assert "与台账一致" in town.done("incidents", "verify", path, "--ledger").out
    assert "--ledger" in Installation(tmp_path / "nowhere").done("incidents", "verify", path).out
    (tmp_path / "page.html").write_text("old")
    town.done("incidents", "file", told.id, "-o", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_the_command_line_says_what_is_wrong_where(told: Told, tmp_path: Path) -> None:
    town = Installation(told.site.service.settings.data)
    path = packed(told, tmp_path)
    files = unpacked(path)
    files[ENTRIES] = files[ENTRIES].replace("看看".encode(), "算了".encode())
    ran = town.run("incidents", "verify", packed_again(path, files))
    assert ran.code == 1
    assert "✗ entry 2 (position 2): its bytes were changed" in ran.out
    path.write_bytes(b"nonsense")
    ran = town.run("incidents", "verify", path)
    assert (ran.code, ran.out) == (1, "")
    assert "no ZIP" in ran.err
    assert "-o FILE.zip" in town.run("incidents", "file", told.id, "--zip").err
    assert town.run("incidents", "file", "D-1").code == 1


def test_a_long_life_verifies_too(site: Site, tmp_path: Path) -> None:
    told = long_life(site)
    path = packed(told, tmp_path, photos=True)
    found = verify(path)
    assert found.faults == ()
    assert len(found.entries) == told.number
    with site.service.reader.connect() as connection:
        assert found.head_position == read_head(connection).position
