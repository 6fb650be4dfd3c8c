"""Packages of incidents in the hands of tests: opened, changed, and put together again."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import orjson

from gridgov.casefile.packing import ENTRIES, SUMS
from gridgov.casefile.verifying import verify
from tests.gridgov.casefile.told import Told

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
