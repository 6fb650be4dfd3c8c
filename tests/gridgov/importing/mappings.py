"""A mapping and a table for tests of importing: the small town's, with every column a mapping can name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gridgov.commands import ImportedRow
from gridgov.importing.mapping import ImportMapping, read_mapping
from gridgov.importing.rows import Reading, TakenRow
from gridgov.importing.tables import Table
from tests.gridgov import scene

MAPPING = """
source = "old"
number = "no"
words = "text"
address = "where"

[channel]
column = "way"
values = { tel = "hotline" }
default = "unknown"

[category]
standard = "t"
kind = "component"
column = "what"
values = { rubbish = "t:event:rubbish" }

[department]
column = "who"
values = { W = "water" }

[position]
lon = "x"
lat = "y"
datum = "wgs84"

[times]
format = "%Y-%m-%d %H:%M"
zone = "Asia/Shanghai"
reported = "seen"
closed = "done"
due = "until"

[status]
column = "state"
closed = ["结案"]
open = ["处置中"]

[conflicts]
closed_time_but_open = "keep_and_mark"

[[set_aside]]
name = "trial"
reason = "typed in while the clerks were trained"
when = { way = "trial" }

[[no_place]]
name = "town_hall"
reason = "stands for: not known"
when = { x = "114.0", y = "22.5" }

[[compare]]
name = "street"
column = "street"
level = "street"
pattern = '^([NS])\\w*$'
"""
HEADER = ("no", "way", "what", "who", "x", "y", "seen", "done", "until", "state", "street", "text", "where")
#: An ordinary row, closed in time, in the grid N1.
ROW = {
    "no": "A-1",
    "way": "tel",
    "what": "manhole",
    "who": "W",
    "x": "114.005",
    "y": "22.515",
    "seen": "2025-03-01 08:00",
    "done": "2025-03-02 09:30",
    "until": "2025-03-03 08:00",
    "state": "结案",
    "street": "North",
    "text": "井盖坏了",
    "where": "北街1号",
}


def mapping(text: str = MAPPING) -> ImportMapping:
    """The mapping, read."""
    return read_mapping(text, "old.toml")


def take(read: ImportMapping | None = None, **changed: str) -> TakenRow:
    """What becomes of the ordinary row with some cells changed."""
    reading = Reading(read or mapping(), HEADER, scene.in_force())
    return reading.take(2, [(ROW | changed)[name] for name in HEADER])


def imported(read: ImportMapping | None = None, **changed: str) -> ImportedRow:
    """The row to import; fails where it was refused or set aside."""
    taken = take(read, **changed)
    assert taken.row is not None, taken.refused or taken.set_aside
    return taken.row


def refusal(read: ImportMapping | None = None, **changed: str) -> str:
    """The code of the refusal; fails where there was none."""
    taken = take(read, **changed)
    assert taken.refused is not None, "it was not refused"
    assert taken.row is None
    return taken.refused.code


def line(**changed: str) -> str:
    """The ordinary row as a line of CSV; cells hold no comma."""
    return ",".join((ROW | changed)[name] for name in HEADER)


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """A table of these lines under the header."""
    path.write_text("\n".join([",".join(HEADER), *lines, ""]), encoding=encoding)
    return path


def table(path: Path, text: str = MAPPING, in_force: Any = None) -> Table:
    """The table, ready to be read by the mapping."""
    return Table(path, mapping(text), "old.toml", in_force or scene.in_force())
