"""Opening a package that somebody else may have made: nothing is unpacked, nothing it says believed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from gridgov.casefile.packing import ENDINGS, ENTRIES, HOW, PAGE, SUMS, VALUES
from gridgov.errors import BadInput

NEEDED: Final = (PAGE, VALUES, ENTRIES, HOW, SUMS)
_PHOTO: Final = re.compile(rf"photos/[0-9a-f]{{64}}\.({'|'.join(ENDINGS.values())}|photo)")
#: An incident of a thousand entries has a page of some 4 MB and as much JSON.
MOST_TEXT: Final = 64_000_000
#: No photo that was taken in is larger than the service is set to take, which is 15 MB.
MOST_PHOTO: Final = 64_000_000
MOST_FILES: Final = 2_000
MOST_BYTES: Final = 4_000_000_000
#: The directory of so many files, with room; a longer one is read by nobody.
_MOST_DIRECTORY: Final = MOST_FILES * 256
_END: Final = b"PK\x05\x06"
_END_OF_LARGE: Final = b"PK\x06\x07"
#: The end of a ZIP with the longest comment there can be, and what stands before it in a large one.
_TAIL: Final = 22 + 65_535 + 20
_CHUNK: Final = 1 << 20


class BadPackage(BadInput):
    """This is not the file of an incident in a ZIP, as `gridgov incidents file --zip` writes it."""


class Unreadable(Exception):
    """A file of the package breaks off, or is not what its own check says."""


@contextmanager
def opened(path: Path) -> Iterator[dict[str, Member]]:
    """The files of a package by name. Raises BadPackage for what is no ZIP, and for a ZIP with files that no
    package has, twice the same, or of sizes that none has.
    """
    _require_small_directory(path)
    try:
        archive = ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise BadPackage(f"{path.name} cannot be read as a ZIP: {error}") from error
    with archive:
        try:
            members = _members(archive)
        except BadZipFile as error:
            raise BadPackage(f"{path.name} cannot be read as a ZIP: {error}") from error
        yield members


def _require_small_directory(path: Path) -> None:
    """Raise BadPackage unless the ZIP's directory, read into memory whole, is as small as any of ours."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise BadPackage(f"{path.name} is no ZIP, or breaks off before its end")
    if _END_OF_LARGE in tail[max(0, at - 20) : at]:
        raise BadPackage(f"{path.name} is a ZIP larger than any file of an incident is")
    entries = int.from_bytes(tail[at + 10 : at + 12], "little")
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    if entries > MOST_FILES or size > _MOST_DIRECTORY:
        raise BadPackage(f"{path.name} holds more than the {MOST_FILES} files that one may have")


def _members(archive: ZipFile) -> dict[str, Member]:
    found: dict[str, Member] = {}
    total = 0
    for info in archive.infolist():
        name = info.filename
        if info.orig_filename != name or (name not in NEEDED and not _PHOTO.fullmatch(name)):
            raise BadPackage(f"a file of an incident has nothing called {info.orig_filename[:100]!r}")
        if name in found:
            raise BadPackage(f"it holds {name} twice: nobody could say which one counts")
        if info.flag_bits & 0x1 or info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadPackage(f"{name} is encrypted, or packed in a way that we do not write")
        if info.file_size > (MOST_TEXT if name in NEEDED else MOST_PHOTO):
            raise BadPackage(f"{name} would be {info.file_size:,} bytes: none of ours is so large")
        total += info.file_size
        found[name] = Member(archive, info)
    if total > MOST_BYTES:
        raise BadPackage(f"it would be {total:,} bytes unpacked, more than the {MOST_BYTES:,} looked through")
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise BadPackage(f"this is no file of an incident: it lacks {', '.join(missing)}")
    return found


class Member:
    """One file of a package."""

    def __init__(self, archive: ZipFile, info: ZipInfo) -> None:
        self._archive, self._info = archive, info

    def parts(self) -> Iterator[bytes]:
        """Its bytes, a megabyte at a time, never more than its size says; raises Unreadable."""
        try:
            with self._archive.open(self._info) as file:
                while part := file.read(_CHUNK):
                    yield part
        except (BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Unreadable(str(error) or type(error).__name__) from error

    def content(self) -> bytes:
        """All of its bytes; raises Unreadable."""
        return b"".join(self.parts())
