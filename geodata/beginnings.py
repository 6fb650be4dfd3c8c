"""What a file that cannot be read is by its first bytes: an archive, a drawing, half of what was sent.

It only words a refusal; what is read, GDAL decides.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

KNOWN: Final = (
    (b"PK\x03\x04", (".zip",), "it is a zip by its content: give it a name that ends in .zip"),
    (b"\x1f\x8b", (".gz",), "it is gzipped by its content: give it a name that ends in .gz"),
    (
        b"PAR1",
        (".parquet", ".geoparquet"),
        "it is Parquet by its content: give it a name that ends in .parquet",
    ),
    (b"Rar!", (), "it is a RAR archive: unpack it, or ask for a .zip"),
    (b"7z\xbc\xaf\x27\x1c", (), "it is a 7-Zip archive: unpack it, or ask for a .zip"),
    (b"AC10", (), "it is an AutoCAD drawing (DWG): have its polygons exported, with their codes as columns"),
    (b"%PDF", (), "it is a PDF, a picture of a map: ask for the polygons themselves"),
    (b"<!doctype html", (), "it is a web page, perhaps an error in place of a download: fetch it again"),
    (b"<html", (), "it is a web page, perhaps an error in place of a download: fetch it again"),
)
"""How content begins (letters in small), the names it may have, and what to say of it elsewhere."""


def told_by_content(file: Path) -> str | None:
    """What a message can say of a file that was refused; None where its content says nothing.

    Raises OSError where it cannot be opened.
    """
    if not file.is_file():
        return None
    with file.open("rb") as content:
        head = content.read(64)
    if not head:
        return "it is empty (0 bytes): whatever wrote or sent it did not finish; send it again"
    for begins, names, said in KNOWN:
        if head.lower().startswith(begins.lower()) and file.suffix.lower() not in names:
            return said
    return None


def cut_short(shp: Path) -> str | None:
    """What to say of a .shp with fewer bytes than its head counts (in words of two); else None."""
    with shp.open("rb") as content:
        head = content.read(28)
    counted, there = int.from_bytes(head[24:28], "big") * 2, shp.stat().st_size
    if there >= counted:
        return None
    return f"it is cut short: its .shp counts {counted:,} bytes and has {there:,}. Send it again"
