"""What well-known binary says it is, read off its headers before a library decodes it.

Decoders follow collections within collections by recursion: some thousand of them, in some kilobytes, end the
process. So what is decoded here is a polygon or polygons side by side, and nothing else.
"""

from __future__ import annotations

import struct
from typing import Final

#: Types of geometry (OGC 06-103r4, table 5). Heights, measures and reference systems make other numbers.
_POLYGON: Final = 3
_POLYGONS: Final = 6
_POINT_BYTES: Final = 16


def is_area(content: bytes) -> bool:
    """Are these bytes, to their end, a polygon or a multipolygon in two dimensions?

    >>> is_area(struct.pack("<BII", 1, 3, 0)), is_area(struct.pack("<BII", 1, 7, 0))
    (True, False)
    """
    try:
        kind, count, at, order = _header(content, 0)
        if kind == _POLYGON:
            return _after_rings(content, at, count, order) == len(content)
        if kind != _POLYGONS:
            return False
        for _ in range(count):
            kind, rings, at, order = _header(content, at)
            if kind != _POLYGON:
                return False
            at = _after_rings(content, at, rings, order)
    except struct.error:
        return False
    return at == len(content)


def _header(content: bytes, at: int) -> tuple[int, int, int, str]:
    """Type, how many parts follow, where they begin, and in which byte order; raises struct.error."""
    order = {0: ">", 1: "<"}.get(content[at] if at < len(content) else -1)
    if order is None:
        raise struct.error("no byte order")
    kind, count = struct.unpack_from(f"{order}II", content, at + 1)
    return kind, count, at + 9, order


def _after_rings(content: bytes, at: int, rings: int, order: str) -> int:
    """Where the points of so many rings end; raises struct.error where a ring begins behind the end."""
    count = struct.Struct(f"{order}I")
    for _ in range(rings):
        at += count.size + _POINT_BYTES * count.unpack_from(content, at)[0]
    return at
