"""A locator's index in a file, so that start-up need not build it again; read back whole or not at all.

The file: the line MAGIC, a line of JSON (FORMAT, the digest of the polygons it was built for, where its cells
lie, how long its arrays are), the arrays as they lie in memory (little endian), the SHA-256 of all that. It
is read into memory rather than mapped: a mapped file that is cut while in use ends the process, and one that
is changed gives other answers. Whoever can write a file with a right sum can forge an index: keep it by the
store.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.borders import Spheres
from geodata.errors import UnusableIndex
from geodata.raster import MOST_ON_A_SIDE, OUTSIDE, Raster
from geodata.wedges import ALONE, LINE, Wedges

MAGIC: Final = b"gridgov locating index\n"
FORMAT: Final = 2
"""Count it up whenever what geodata.raster builds, or what is written here, comes to mean something else."""
_SUM: Final = hashlib.sha256().digest_size
_LONGEST_HEADER: Final = 4096
_ROUND: Final = 64
#: What the arrays hold; doubles first, so that every array lies as its kind has to.
_KINDS: Final = ("<f8", "<f8", "<f8", "<i4", "<i4", "<i4", "<i4")


@dataclass(frozen=True, slots=True)
class Index:
    """What takes time to build for a set of polygons: the raster over them, and spheres around borders."""

    raster: Raster
    spheres: Spheres


def digest(polygons: NDArray[np.object_], codes: Iterable[str]) -> str:
    """What tells one set of polygons from every other: SHA-256 over codes and coordinates, in their order."""
    total = hashlib.sha256("/".join(codes).encode())
    for wkb in shapely.to_wkb(polygons, byte_order=1).tolist():
        total.update(wkb)
    return total.hexdigest()


def write(file: Path, index: Index, polygons_digest: str) -> None:
    """Write an index, all of it or nothing: a reader finds the old file or the new one. Makes the folder.

    Raises OSError where the folder cannot be written.
    """
    arrays = _arrays(index)
    raster = index.raster
    header = {
        "format": FORMAT,
        "digest": polygons_digest,
        "frame": [raster.west, raster.south, raster.per_degree_x, raster.per_degree_y],
        "columns": raster.columns,
        "rows": raster.rows,
        "lengths": [array.size for array in arrays],
    }
    parts = [MAGIC, _padded(json.dumps(header).encode()), *(array.tobytes() for array in arrays)]
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.writelines([*parts, total.digest()])
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(file: Path, polygons: NDArray[np.object_], polygons_digest: str) -> Index:
    """The index that :func:`write` wrote for these polygons.

    Raises UnusableIndex where the file is not there, not whole, of another format, or of other polygons.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UnusableIndex(file, error.strerror or str(error)) from error
    try:
        header, start = _header(content)
        if header["format"] != FORMAT:
            raise UnusableIndex(file, f"it is of format {header['format']!r}, not {FORMAT}")
        body = memoryview(content)[:-_SUM]
        if hashlib.sha256(body).digest() != content[-_SUM:]:
            raise UnusableIndex(file, "it is damaged or cut short: its check sum is not right")
        if header["digest"] != polygons_digest:
            raise UnusableIndex(file, "it was built for other grids")
        index = _index(header, body[start:], len(polygons))
        _require_sound(index, shapely.total_bounds(polygons))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UnusableIndex(file, f"it is no index that this program wrote: {error}") from error
    return index


def _arrays(index: Index) -> list[NDArray[Any]]:
    raster, spheres = index.raster, index.spheres
    parts = (
        *(spheres.centres, spheres.radii, raster.wedges.lines),
        *(raster.first, raster.starts, raster.candidates, raster.wedges.sides),
    )
    return [np.ascontiguousarray(part, kind) for part, kind in zip(parts, _KINDS, strict=True)]


def _padded(header: bytes) -> bytes:
    """The header as a line, with spaces before its end so that what comes behind begins at a round place."""
    short = -(len(MAGIC) + len(header) + 1) % _ROUND
    return header + b" " * short + b"\n"


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    if not content.startswith(MAGIC):
        raise ValueError("it does not begin as one")
    end = content.find(b"\n", len(MAGIC), len(MAGIC) + _LONGEST_HEADER)
    if end < 0:
        raise ValueError("it ends within its header")
    header = json.loads(content[len(MAGIC) : end])
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    return header, end + 1


def _index(header: dict[str, Any], body: memoryview, grids: int) -> Index:
    """Cut the body into the arrays that the header tells of; raises ValueError where they do not fit."""
    columns, rows, lengths = header["columns"], header["rows"], header["lengths"]
    counts = [columns, rows, *lengths]
    if not all(type(count) is int and 0 < count < 2**40 for count in counts) or len(lengths) != len(_KINDS):
        raise ValueError("its sizes are none")
    lines, starts = lengths[2], lengths[4]
    expected = [3 * grids, grids, lines, columns * rows, starts, lengths[5], 2 * (starts - 1)]
    if max(columns, rows) > MOST_ON_A_SIDE or lengths != expected or lines % 4:
        raise ValueError(f"its arrays have the lengths {lengths}, expected {expected}")
    west, south, per_x, per_y = (float(number) for number in header["frame"])
    sizes = [length * np.dtype(kind).itemsize for length, kind in zip(lengths, _KINDS, strict=True)]
    if sum(sizes) != len(body):
        raise ValueError(f"its arrays take {len(body)} bytes, expected {sum(sizes)}")
    cuts = [sum(sizes[:at]) for at in range(len(sizes))]
    centres, radii, ends, first, at, candidates, sides = (
        np.require(np.frombuffer(body[cut : cut + size], kind), requirements="A")
        for cut, size, kind in zip(cuts, sizes, _KINDS, strict=True)
    )
    wedges = Wedges(sides.reshape(-1, 2), ends.reshape(-1, 4))
    raster = Raster(west, south, per_x, per_y, columns, rows, first, at, candidates, wedges)
    return Index(raster, Spheres(centres.reshape(-1, 3), radii))


def _require_sound(index: Index, bounds: NDArray[np.float64]) -> None:
    """Raise ValueError unless every number that is used as an index lies where it may."""
    raster, grids = index.raster, len(index.spheres.radii)
    _require_cover(raster, bounds)
    mixed = len(raster.starts) - 1
    if raster.first.min() < OUTSIDE - mixed or raster.first.max() >= grids:
        raise ValueError("a cell names a grid or a list that is not there")
    if raster.starts[0] != 0 or raster.starts[-1] != len(raster.candidates):
        raise ValueError("its lists do not add up")
    if np.any(raster.starts[1:] <= raster.starts[:-1]):
        raise ValueError("a list of it ends before it begins")
    if raster.candidates.min() < -grids or raster.candidates.max() >= grids:
        raise ValueError("a list names a grid that is not there")
    _require_wedges(raster)
    doubles = (index.spheres.centres, index.spheres.radii, raster.wedges.lines)
    if not (all(np.isfinite(part).all() for part in doubles) and np.all(index.spheres.radii >= 0)):
        raise ValueError("a border lies nowhere")


def _require_wedges(raster: Raster) -> None:
    """Raise ValueError unless every wedge lies between lines that are there, and has its candidates."""
    sides = raster.wedges.sides
    used = np.flatnonzero(sides[:, 0] >= 0)
    if sides.max() >= LINE * len(raster.wedges.lines) or (len(used) and sides[used].min() < 0):
        raise ValueError("a wedge names a line that is not there")
    at, alone = raster.starts[used], (sides[used, 0] & ALONE) > 0
    many = raster.starts[used + 1] - at
    if np.any(many != np.where(alone, 1, 2)) or np.any(raster.candidates[at] < 0):
        raise ValueError("a wedge has other candidates than it should")
    if np.any(raster.candidates[at[~alone] + 1] >= 0):
        raise ValueError("a wedge has nobody beside it")


def _require_cover(raster: Raster, bounds: NDArray[np.float64]) -> None:
    frame = (raster.west, raster.south, raster.per_degree_x, raster.per_degree_y)
    if not (all(map(math.isfinite, frame)) and raster.per_degree_x > 0 and raster.per_degree_y > 0):
        raise ValueError("its cells lie nowhere")
    east = raster.west + raster.columns / raster.per_degree_x
    north = raster.south + raster.rows / raster.per_degree_y
    if not (
        raster.west <= bounds[0] and raster.south <= bounds[1] and bounds[2] <= east and bounds[3] <= north
    ):
        raise ValueError("its cells do not cover the grids")
