"""The package of an incident: what is in it, the same bytes every time, and what verifying it finds."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from gridgov.casefile import reading
from gridgov.casefile.comparing import compare
from gridgov.casefile.opening import BadPackage
from gridgov.casefile.packing import ENTRIES, HOW, PAGE, SUMS, VALUES, package
from gridgov.casefile.verifying import Verified, verify
from gridgov.storage.ledger import HASHED, entry_hash, read_head
from tests.gridgov import scene
from tests.gridgov.casefile.told import PHONE, Told, long_life, photo, reported
from tests.gridgov.conftest import Site, person
from tests.installation import Installation

Files = dict[str, bytes]


def packed(told: Told, folder: Path, **params: Any) -> Path:
    """The package of an incident, as a shift leader downloads it."""
    answer = told.get("file.zip", **params)
    assert answer.status_code == 200, answer.text
    path = folder / "case.zip"
    path.write_bytes(answer.content)
    return path


def unpacked(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_again(path: Path, files: Files, *, sums: bool = True) -> Path:
    """A package of these files; with ``sums`` their sums are made anew, as whoever forges one would."""
    if sums:
        listed = {
            name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != SUMS
        }
        files = files | {SUMS: "".join(f"{s}  {name}\n" for name, s in sorted(listed.items())).encode()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def faults(path: Path) -> list[str]:
    return [str(one) for one in verify(path).faults]


def lines_of(files: Files) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in files[ENTRIES].splitlines()]


def with_lines(files: Files, lines: list[dict[str, Any]]) -> Files:
    return files | {ENTRIES: b"".join(orjson.dumps(line) + b"\n" for line in lines)}


@pytest.fixture
def told(site: Site) -> Told:
    """An incident of some entries, among others of the ledger, with two photos."""
    told = reported(site).do("clerk", "ask", reason="看看")
    site.as_("inspector").report(scene.RUBBISH, "S1")
    told.do("inspector", "verify", found=True, photos=[photo(site, "green")])
    return told.do("clerk", "file").do("dispatcher", "dispatch")


def test_a_package_has_everything_and_verifies(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    names = {PAGE, VALUES, ENTRIES, HOW, SUMS}
    photos = {f"photos/{photo(told.site, colour)}.jpg" for colour in ("red", "green")}
    assert set(files) == names | photos
    found = verify(path)
    assert found.faults == ()
    assert (found.incident, len(found.entries), found.photos) == (told.id, told.number, 2)
    assert found.case_number == "D-20261123-00001"
    for name, content in files.items():
        if name.startswith("photos/"):
            assert hashlib.sha256(content).hexdigest() in name
    assert PHONE.encode() not in files[ENTRIES], "no words of citizens are in stored entries"


def test_anybody_can_recompute_the_hashes_from_the_text_alone(told: Told, tmp_path: Path) -> None:
    """As the text in the package says, without any of our code."""
    files = unpacked(packed(told, tmp_path))
    assert "SHA-256" in files[HOW].decode()
    for line in lines_of(files):
        summed = hashlib.sha256(bytes.fromhex(line["previous"]))
        for name in HASHED:
            assert name in files[HOW].decode()
            item = str(line[name]).encode()
            summed.update(b"%d:%s" % (len(item), item))
        assert summed.hexdigest() == line["hash"] == line["next_previous"]


def test_the_same_file_at_the_same_moment_is_the_same_bytes(told: Told) -> None:
    service = told.site.service
    found = [
        reading.read(
            service.reader, service.in_force, service.photos, person("leader"), told.id, scene.MONDAY
        )
        for _ in range(2)
    ]
    one, other = (b"".join(package(file, service.photos, {})) for file in found)
    assert one == other


def test_photos_are_written_piece_by_piece(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at a time is a piece of a photo, not the photo."""
    monkeypatch.setattr(reading, "_CHUNK", 100)
    service = told.site.service
    file = reading.read(
        service.reader, service.in_force, service.photos, person("leader"), told.id, scene.MONDAY
    )
    pieces = list(package(file, service.photos, {}))
    size = max(len(service.photos.path(one.digest).read_bytes()) for one in file.pictures)
    assert size > 500
    photos = [len(piece) for piece in pieces[-2 * (size // 100) :] if piece]
    assert sorted(photos)[len(photos) // 2] <= 100


def test_missing_photos_are_told_of_and_no_fault_of_the_package(told: Told, tmp_path: Path) -> None:
    told.site.service.photos.path(photo(told.site, "red")).unlink()
    found = verify(packed(told, tmp_path))
    assert (found.faults, found.photos) == ((), 1)


# -- what was changed ------------------------------------------------------------------------------


def test_a_changed_byte_of_an_entry_is_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    files[ENTRIES] = files[ENTRIES].replace("看看".encode(), "算了".encode())
    assert any(SUMS in one for one in faults(packed_again(path, files, sums=False)))
    found = faults(packed_again(path, files))
    assert any(one.startswith("entry 2 (position 2): its bytes were changed") for one in found)
    assert any("entry 2" in one and "told otherwise in file.json" in one for one in found)


def test_a_changed_entry_with_its_hash_made_anew_is_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    lines = lines_of(files)
    lines[1]["body"] = lines[1]["body"].replace("看看", "算了")
    row = {name: lines[1][name] for name in HASHED} | {"previous": bytes.fromhex(lines[1]["previous"])}
    lines[1]["hash"] = entry_hash(row).hex()
    found = faults(packed_again(path, with_lines(files, lines)))
    assert any(one.startswith("entry 2 (position 2): the ledger held another hash of it") for one in found)
    assert any("file.html" in one for one in found)


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (1, "entry 3 (position 4): entry 2 is missing before it"),
        (0, "entry 2 (position 2): entry 1 is missing before it"),
        (4, "file.json: says that there were 5 entries, the package has 4"),
    ],
)
def test_a_missing_entry_is_found(told: Told, tmp_path: Path, gone: int, said: str) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    lines = lines_of(files)
    del lines[gone]
    assert said in faults(packed_again(path, with_lines(files, lines)))


def test_entries_in_another_order_are_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    lines = lines_of(files)
    lines[1], lines[2] = lines[2], lines[1]
    found = faults(packed_again(path, with_lines(files, lines)))
    assert any("stands out of order" in one for one in found)


def test_a_swapped_photo_is_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    red, green = (f"photos/{photo(told.site, colour)}.jpg" for colour in ("red", "green"))
    found = faults(packed_again(path, files | {red: files[green]}))
    assert len(found) == 1
    assert found[0].startswith(f"{red}: is another photo than its name says")


def test_a_missing_and_a_foreign_photo_are_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    red = f"photos/{photo(told.site, 'red')}.jpg"
    foreign = f"photos/{hashlib.sha256(b'x').hexdigest()}.png"
    del files[red]
    found = faults(packed_again(path, files | {foreign: b"x"}))
    assert f"{red.removesuffix('.jpg')}: is named by an entry but not in the package" in found
    assert f"{foreign}: is named by no entry" in found


def test_a_page_that_hides_an_entry_is_found(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    hidden = lines_of(files)[2]["hash"].encode()
    found = faults(packed_again(path, files | {PAGE: files[PAGE].replace(hidden, b"0" * 64)}))
    assert found == ["file.html: does not show entry 3 (position 4) with its hash"]


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files | {ENTRIES: b"[]\nnull\n{}\n\xff"},
        lambda files: files | {ENTRIES: b""},
        lambda files: files | {VALUES: b"[1]"},
        lambda files: files | {VALUES: b'{"history": [[], {"number": []}], "row": 1, "photos": 3}'},
        lambda files: files | {VALUES: b"[" * 100_000},
        lambda files: files | {PAGE: b"\xff"},
    ],
)
def test_nonsense_is_named_and_breaks_nothing(
    told: Told, tmp_path: Path, change: Callable[[Files], Files]
) -> None:
    path = packed(told, tmp_path)
    assert faults(packed_again(path, change(unpacked(path))))
    assert faults(packed_again(path, change(unpacked(path)), sums=False))


@pytest.mark.parametrize("sums", [b"\xff\xfe", b"", b"x  y\n", b"0" * 64 + b"  file.html\n"])
def test_a_list_of_sums_that_is_none_is_named(told: Told, tmp_path: Path, sums: bytes) -> None:
    path = packed(told, tmp_path)
    assert any(SUMS in one for one in faults(packed_again(path, unpacked(path) | {SUMS: sums}, sums=False)))


def test_other_words_than_those_of_the_ledger_are_found(told: Told, tmp_path: Path) -> None:
    """Words are no part of an entry, but their salted hash is; the salt is not given to whoever could find a
    withheld phone with it.
    """
    told.do("leader", "note", words="原来的话")
    path = packed(told, tmp_path)
    files = unpacked(path)
    forged = {name: files[name].replace("原来的话".encode(), "别的话".encode()) for name in (PAGE, VALUES)}
    found = faults(packed_again(path, files | forged))
    assert found == [
        "entry 6 (position 7): other words stand with it in file.json than those whose hash it holds"
    ]
    found = faults(packed_again(path, files | {PAGE: forged[PAGE]}))
    assert found == ["file.html: does not show what file.json tells of entry 6"]
    salts = [one["words"] and one["words"]["salt"] for one in orjson.loads(files[VALUES])["history"]]
    assert salts[0] is not None
    hidden = told.get("file.json", "dispatcher").json()["history"]
    assert hidden[0]["words"]["salt"] is None
    assert hidden[5]["words"]["salt"] is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hash", None),
        ("previous", None),
        ("previous", "zz"),
        ("next_previous", 5),
        ("next_previous", None),
        ("next_position", "x"),
        ("position", "1"),
        ("position", True),
        ("happened_at", 10**30),
        ("happened_at", 10**18),
        ("version", 7),
        ("kind", "nothing"),
        ("body", 1),
        ("body", "[]"),
        ("body", '{"photos": [[1], {}]}'),
        ("body", '{"photos": 5, "place": 3}'),
        ("number", -4),
    ],
)
def test_a_field_of_another_kind_is_named_and_breaks_nothing(
    told: Told, tmp_path: Path, name: str, value: Any
) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    lines = lines_of(files)
    lines[0][name] = value
    broken = orjson.dumps if value != 10**30 else _with_long_number
    files[ENTRIES] = b"".join(broken(line) + b"\n" for line in lines)
    assert faults(packed_again(path, files))


def _with_long_number(line: Any) -> bytes:
    return orjson.dumps({k: v if v != 10**30 else "LONG" for k, v in line.items()}).replace(
        b'"LONG"', b"1" + b"0" * 30
    )


# -- what is no package ----------------------------------------------------------------------------


def test_no_zip_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"nonsense", b"PK\x05\x06", b"x" * 100_000):
        path = tmp_path / "x.zip"
        path.write_bytes(content)
        with pytest.raises(BadPackage, match="ZIP"):
            verify(path)


def test_a_package_that_breaks_off_is_refused(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadPackage):
        verify(path)


def test_a_changed_byte_anywhere_is_found(told: Told, tmp_path: Path) -> None:
    """Whatever byte is changed, either something is wrong, or nothing that is read is another."""
    path = packed(told, tmp_path)
    whole = path.read_bytes()
    contents = unpacked(path)
    for at in range(0, len(whole), 211):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        try:
            found = faults(path)
        except BadPackage:
            continue
        if not found:
            assert unpacked(path) == contents, at


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/file.html", "photos/x.jpg", "a\\b", "file.html/", "FILE.HTML"]
)
def test_a_file_that_no_package_has_is_refused(told: Told, tmp_path: Path, name: str) -> None:
    path = packed(told, tmp_path)
    with pytest.raises(BadPackage, match="nothing called"):
        verify(packed_again(path, unpacked(path) | {name: b""}))
    assert [one.name for one in tmp_path.iterdir()] == ["case.zip", "var"] or sorted(
        one.name for one in tmp_path.iterdir()
    ) == ["case.zip", "var"]


def test_a_file_twice_is_refused(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(PAGE, "<p>another")
    with pytest.raises(BadPackage, match="twice"):
        verify(path)


def test_what_lacks_a_file_is_refused(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    del files[ENTRIES]
    with pytest.raises(BadPackage, match=r"lacks entries\.jsonl"):
        verify(packed_again(path, files))


def test_a_bomb_is_refused_before_it_is_unpacked(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if name == PAGE:
                archive.writestr(name, b"\0" * 65_000_000)
            else:
                archive.writestr(name, content)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadPackage, match="none of ours is so large"):
        verify(path)


def test_a_bomb_that_lies_of_its_size_is_never_more_than_it_says(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    files = unpacked(path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, b"\0" * 30_000_000 if name == PAGE else content)
    raw = out.getvalue().replace(struct.pack("<L", 30_000_000), struct.pack("<L", 10))
    path.write_bytes(raw)
    assert any(one.startswith("file.html: cannot be read") for one in faults(path))


def test_thousands_of_files_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2_001):
            archive.writestr(f"photos/{number}", b"")
    with pytest.raises(BadPackage, match="more than the 2000 files"):
        verify(path)


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
