"""What is no package, or a hostile one, is refused before any harm is done."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from gridgov.casefile.opening import BadPackage
from gridgov.casefile.packing import ENTRIES, PAGE
from gridgov.casefile.verifying import verify
from tests.gridgov.casefile.packages import (
    faults,
    packed,
    packed_again,
    unpacked,
)
from tests.gridgov.casefile.told import Told


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
    assert {one.name for one in tmp_path.iterdir()} == {"case.zip", "var"}, "nothing is unpacked"


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


def _named(name: bytes, *, utf8: bool = False, needed: int = 20) -> bytes:
    """A ZIP of one empty file, whose directory says so."""
    flags = 0x800 if utf8 else 0
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, needed, flags, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    entry = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, needed, flags, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
    )
    directory = entry + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(directory), len(local), 0)
    return local + directory + end


@pytest.mark.parametrize(
    "content",
    [_named(b"\xff\xff", utf8=True), _named(b"file.html", needed=99)],
    ids=["a name that is no text", "of a version to come"],
)
def test_a_directory_that_cannot_be_read_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(BadPackage, match="cannot be read"):
        verify(path)
