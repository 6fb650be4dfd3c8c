"""The file of an incident as a ZIP: the page, the values, the entries as stored, the photos, and their sums.

The same file at the same moment gives the same bytes. It is written while it is sent: no photo is ever in
memory as a whole.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import orjson

from gridgov.casefile.explained import how_to_verify
from gridgov.casefile.page import render
from gridgov.casefile.plain import hashes, plain
from gridgov.casefile.reading import file_parts
from gridgov.casefile.values import WHOLE, CaseFile, Stored
from gridgov.rows import iso
from gridgov.storage.ledger import HASHED
from gridgov.storage.photos import FORMATS, PhotoFolder

PAGE: Final = "file.html"
VALUES: Final = "file.json"
ENTRIES: Final = "entries.jsonl"
HOW: Final = "HOW-TO-VERIFY.txt"
SUMS: Final = "SHA256SUMS"
#: How files of photos end, by media type.
ENDINGS: Final = {media_type: kind.lower().replace("jpeg", "jpg") for kind, media_type in FORMATS.items()}


def package(file: CaseFile, folder: PhotoFolder, pictures: dict[str, str]) -> Iterator[bytes]:
    """The ZIP, piece by piece. Photos that are missing or damaged are not in it; `file.json` says which."""
    sink = _Sink()
    sums: list[tuple[str, str]] = []
    with ZipFile(sink, "w", allowZip64=False) as archive:
        for name, parts, packed in _members(file, folder, pictures):
            yield from _add(archive, sink, _info(file, name, packed), parts, sums)
        listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums))
        yield from _add(archive, sink, _info(file, SUMS, True), (listed.encode(),), [])
    yield sink.taken()


def _members(
    file: CaseFile, folder: PhotoFolder, pictures: dict[str, str]
) -> Iterator[tuple[str, Iterable[bytes], bool]]:
    """Each file with its bytes, and whether it is worth packing."""
    yield PAGE, (render(file, pictures).encode(),), True
    yield VALUES, (json_of(file),), True
    yield ENTRIES, (_entry_line(line.stored) for line in file.lines), True
    yield HOW, (how_to_verify(file.incident.case_number).encode(),), True
    for one in file.pictures:
        if one.state == WHOLE:
            yield photo_name(one.digest, one.media_type), file_parts(folder, one.digest), False


def photo_name(digest: str, media_type: str | None) -> str:
    """What the file of a photo is called in the package."""
    ending = ENDINGS.get(media_type or "", "photo")
    return f"photos/{digest}.{ending}"


def json_of(file: CaseFile) -> bytes:
    """The file of an incident as JSON, indented; times in UTC."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(plain(file), default=iso, option=options)


def _entry_line(one: Stored) -> bytes:
    """An entry's fields as they are stored, on one line; ``body`` is the stored text."""
    told: dict[str, Any] = {name: one.row[name] for name in HASHED}
    return orjson.dumps(told | hashes(one), option=orjson.OPT_APPEND_NEWLINE)


def _info(file: CaseFile, name: str, packed: bool) -> ZipInfo:
    at = file.read_at.astimezone(UTC)
    info = ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    info.compress_type = ZIP_DEFLATED if packed else ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def _add(
    archive: ZipFile, sink: _Sink, info: ZipInfo, parts: Iterable[bytes], sums: list[tuple[str, str]]
) -> Iterator[bytes]:
    summed = hashlib.sha256()
    with archive.open(info, "w") as member:
        for part in parts:
            summed.update(part)
            member.write(part)
            yield sink.taken()
    sums.append((info.filename, summed.hexdigest()))
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Where the archive is written to, and what was written taken from; nobody goes back in it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole
