"""The small town on a command line: files that a user would have, and an installation made of them."""

from __future__ import annotations

import json
from pathlib import Path

from geodata.publish import feature_collection
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN
from tests.gridgov.importing.mappings import MAPPING, line, write

#: The table of the town's file that says how its grids lie in one file of squares.
GRIDS = """
[grids]
file = "squares.geojson"

[[grids.levels]]
key = "district"
zh = "区"
code = { from = "path", take = 1 }

[[grids.levels]]
key = "street"
zh = "街道"
code = "parent"

[[grids.levels]]
key = "grid"
zh = "网格"
code = "code"
name = "name"
"""


def city_file(folder: Path, text: str = TOWN + GRIDS) -> Path:
    """The town's file with its squares beside it."""
    squares = json.loads(feature_collection(scene.hierarchy(), "grid"))
    for feature in squares["features"]:
        feature["properties"]["path"] = "/".join(feature["properties"]["path"])
    (folder / "squares.geojson").write_text(json.dumps(squares))
    file = folder / "town.toml"
    file.write_text(text, encoding="utf-8")
    return file


def history(folder: Path, *lines: str) -> tuple[Path, Path]:
    """A table of another system and its mapping."""
    table = write(folder / "old.csv", *(lines or (line(), line(no="A-2", state="处置中"))))
    mapping = folder / "old.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    return table, mapping
