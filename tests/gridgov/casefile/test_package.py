"""The package of an incident: what is in it, the same bytes every time, and what verifying it finds."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from gridgov.casefile import reading
from gridgov.casefile.packing import ENTRIES, HOW, PAGE, SUMS, VALUES, package
from gridgov.casefile.verifying import verify
from gridgov.storage.ledger import HASHED, entry_hash
from tests.gridgov import scene
from tests.gridgov.casefile.packages import (
    Files,
    faults,
    lines_of,
    packed,
    packed_again,
    unpacked,
    with_lines,
)
from tests.gridgov.casefile.told import PHONE, Told, photo
from tests.gridgov.conftest import person


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


#: Files that are nothing.
NONSENSE: Final[tuple[Files, ...]] = (
    {ENTRIES: b"[]\nnull\n{}\n\xff"},
    {ENTRIES: b""},
    {VALUES: b"[1]"},
    {VALUES: b'{"history": [[], {"number": []}], "row": 1, "photos": 3}'},
    {VALUES: b"[" * 100_000},
    {PAGE: b"\xff"},
)


def test_nonsense_is_named_and_breaks_nothing(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    whole = unpacked(path)
    for change in NONSENSE:
        assert faults(packed_again(path, whole | change)), change
        assert faults(packed_again(path, whole | change, sums=False)), change


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


#: What a field of an entry cannot be.
OTHER_KINDS: Final[tuple[tuple[str, Any], ...]] = (
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
)


def test_a_field_of_another_kind_is_named_and_breaks_nothing(told: Told, tmp_path: Path) -> None:
    path = packed(told, tmp_path)
    whole = unpacked(path)
    for name, value in OTHER_KINDS:
        lines = lines_of(whole)
        lines[0][name] = value
        written = b"".join(_with_long_number(line) + b"\n" for line in lines)
        assert faults(packed_again(path, whole | {ENTRIES: written})), (name, value)


def _with_long_number(line: Any) -> bytes:
    return orjson.dumps({k: v if v != 10**30 else "LONG" for k, v in line.items()}).replace(
        b'"LONG"', b"1" + b"0" * 30
    )
