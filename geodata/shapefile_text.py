"""The text of a Shapefile: which encoding it is in, who says so, and what it reads as.

A Shapefile's text is bytes. Its encoding stands in a file beside it (.cpg), or as a number in its .dbf, or
nowhere; programs then guess, and Chinese names come out as Western accents without a word. Here nothing is
guessed but UTF-8, which hardly any other text happens to be.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geodata.errors import BadText
from geodata.raw import Column

AS_BYTES: Final = "ISO-8859-1"
"""Each byte is the character of its number: text read so gives the very bytes back."""
TRIED: Final = ("UTF-8", "GBK", "Big5")
"""What a message shows a text in, for somebody to recognise it."""

_CHINESE: Final = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "big5": "cp950"}
"""Programs write the older name of an encoding over text of the newer one, which holds all of the older."""
_LANGUAGES: Final = {
    language: codec
    for codec, languages in {
        "cp437": [0x01],
        "cp850": [0x02],
        "cp1252": [0x03],
        "cp932": [0x13, 0x7B],
        "gb18030": [0x4D, 0x7A],
        "cp949": [0x4E, 0x79],
        "cp950": [0x4F, 0x78],
        "cp1250": [0xC8],
        "cp1251": [0xC9],
    }.items()
    for language in languages
}
"""The number in byte 29 of a .dbf, its language. 0x57, "the ANSI of whoever wrote it", says nothing."""
_LANGUAGE_AT: Final = 29


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding as Python calls it (None where nobody states one), and who says so."""

    codec: str | None
    said_by: str


def encoding_of(shp: Path, told: str | None, shown: object) -> Encoding:
    """The encoding of a Shapefile's text, as told in the city's file, by its .cpg, or by its .dbf.

    `shown` is what messages call the file. Raises BadText where the encoding told is none.
    """
    if told is not None:
        codec = _codec(told)
        if codec is None:
            raise BadText(
                shown, f'encoding = "{told}" in the city\'s file is no known one; write e.g. "GBK" or "UTF-8"'
            )
        return Encoding(codec, "the city's file")
    for cpg in (shp.with_suffix(".cpg"), shp.with_suffix(".CPG")):
        if cpg.is_file():
            label = cpg.read_text(encoding="ascii", errors="replace").strip()
            if codec := _codec(label):
                return Encoding(codec, f"its .cpg ({label})")
    for dbf in (shp.with_suffix(".dbf"), shp.with_suffix(".DBF")):
        language = _language(dbf) if dbf.is_file() else 0
        if codec := _LANGUAGES.get(language):
            return Encoding(codec, f"its .dbf (language 0x{language:02X})")
    return Encoding(None, "nobody")


def _language(dbf: Path) -> int:
    with dbf.open("rb") as file:
        return (file.read(_LANGUAGE_AT + 1) or b"\0")[-1]


def _codec(label: str) -> str | None:
    """Python's name for what a .cpg or a city's file calls an encoding; None for what is none."""
    name = label.strip().lower()
    page = re.fullmatch(r"(?:ansi|oem|windows|cp)?[ -]?(\d{3,5})", name)
    if page:
        name = "utf-8" if page[1] == "65001" else f"cp{page[1]}"
    if latin := re.fullmatch(r"(?:iso)?[ -]?8859[-_]?(\d{1,2})", label.strip().lower()):
        name = f"iso8859-{latin[1]}"
    try:
        name = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return _CHINESE.get(name, name)


def decoded(columns: Mapping[str, NDArray[np.generic]], stated: Encoding, shown: object) -> dict[str, Column]:
    """The columns with their names and texts decoded; a column that does not decode is a BadText instead.

    `columns` are as read in AS_BYTES. Who asks for a column that does not decode gets its error; others
    never hear of it.
    """
    codec = stated.codec
    if codec is None:
        texts = [text for values in columns.values() for text in _texts(values)]
        codec = "utf-8" if all(_as(text, "utf-8") is not None for text in texts) else None
    found: dict[str, Column] = {}
    for at, (name, values) in enumerate(columns.items(), 1):
        readable = _name(name, codec or "ascii")
        if readable is None:
            found[name] = _refusal(name, f"the name of column {at}", stated, shown)
        else:
            found[readable] = _column(values, readable, stated, codec or "ascii", shown)
    return found


def _name(name: str, codec: str) -> str | None:
    """A column's name; those longer than ten bytes are cut, often through a character, which is left out."""
    return next((text for cut in range(4) if (text := _as(name[: len(name) - cut], codec))), None)


def _column(values: NDArray[np.generic], name: str, stated: Encoding, codec: str, shown: object) -> Column:
    if values.dtype != object:
        return values
    cells = np.empty(len(values), dtype=object)
    for row, value in enumerate(values.tolist()):
        cells[row] = _as(value, codec) if isinstance(value, str) else value
        if isinstance(value, str) and cells[row] is None:
            return _refusal(value, f"the text of column {name!r} in feature {row + 1}", stated, shown)
    return cells


def _refusal(text: str, where: str, stated: Encoding, shown: object) -> BadText:
    """What is wrong with a text, and what it would be in the encodings that Chinese files come in."""
    reads = {label: read for label in TRIED if (read := _as(text, _codec(label) or label))}
    cut = None if stated.codec is None else _as(text[:-1], stated.codec)
    if stated.codec is None:
        why = "and nothing says in which encoding: it has no .cpg"
    elif cut:
        why = f"and ends within a character of {stated.codec.upper()}, cut off by the column's width: {cut!r}"
    else:
        why = f"which is no {stated.codec.upper()}, as {stated.said_by} says"
    shows = "".join(f"; in {label} it reads {read!r}" for label, read in reads.items())
    example = next(iter(reads), "GBK")
    return BadText(
        shown,
        f"{where} is {_bytes(text).hex(' ').upper()}, {why}{shows}. State the true encoding in the "
        f'city\'s file, e.g. encoding = "{example}", or have the file exported as GeoPackage',
    )


def _texts(values: NDArray[np.generic]) -> Iterable[str]:
    return {one for one in values.tolist() if isinstance(one, str)} if values.dtype == object else ()


def _bytes(text: str) -> bytes:
    return text.encode(AS_BYTES)


def _as(text: str, codec: str) -> str | None:
    try:
        return _bytes(text).decode(codec)
    except UnicodeDecodeError:
        return None
