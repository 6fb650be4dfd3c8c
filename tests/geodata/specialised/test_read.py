"""The `[[specialised]]` of a city's file, and the tables and polygon files it names."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from geodata.errors import BadGridsTable, MissingColumn, UnreadableFile
from geodata.specialised.layers import Form
from geodata.specialised.read import LayerSource, read_layer, sources
from tests.geodata.specialised import town

POLICE: dict[str, Any] = {"key": "police", "file": "precincts.geojson", "as": "sets", "code": "precinct"}
FIRE: dict[str, Any] = {"key": "fire", "file": "fire.csv", "micro_grid": "grid", "code": "station"}
CSV = "grid,station,name,squad\nA1,1,North, Squad A \nA2,1,North,Squad A\n\nB1,,,\n"


def one(entry: dict[str, Any], folder: Path = Path(".")) -> LayerSource:
    (found,) = sources([entry], folder)
    return found


def precincts(folder: Path) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"precinct": number, "where": name, "squad": squad},
            "geometry": shapely.geometry.mapping(town.tile(column, 0, 2, 2)),
        }
        for number, name, squad, column in ((1, "West", "S1", 0), (2, None, None, 2))
    ]
    file = folder / "precincts.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def test_polygons_are_read_with_their_codes_names_and_teams(tmp_path: Path) -> None:
    precincts(tmp_path)
    named = POLICE | {
        "zh": "警务",
        "name": "where",
        "team": "squad",
        "classes": ["x:event:80"],
        "categories": ["x:event:1"],
    }
    source = one(named, tmp_path)
    drawing = read_layer(source)
    assert [(d.code, d.name, d.team) for d in drawing.drawn] == [("1", "West", "S1"), ("2", "2", None)]
    assert (drawing.form, drawing.members, drawing.name_zh, drawing.name_en) == (
        Form.sets,
        None,
        "警务",
        "police",
    )
    assert (source.classes, source.categories) == (("x:event:80",), ("x:event:1",))
    assert drawing.drawn[0].source == "precincts.geojson, feature 1"


def test_a_rule_makes_codes_out_of_parts_of_columns(tmp_path: Path) -> None:
    precincts(tmp_path)
    drawing = read_layer(one(POLICE | {"code": {"from": "where", "take": 1}}, tmp_path))
    assert [d.code for d in drawing.drawn] == ["W", ""]


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("fire.csv", CSV.encode(), {}),
        ("fire.csv", b"\xef\xbb\xbf" + CSV.encode(), {}),
        ("fire.csv.gz", gzip.compress(CSV.encode(), mtime=0), {}),
        ("fire.txt", CSV.replace(",", ";").encode(), {"delimiter": ";"}),
        ("fire.csv", CSV.replace("North", "北").encode("gbk"), {"encoding": "gbk"}),
    ],
)
def test_a_table_of_text_is_read_row_by_row(
    tmp_path: Path, name: str, content: bytes, more: dict[str, str]
) -> None:
    (tmp_path / name).write_bytes(content)
    entry = FIRE | {"file": name, "name": "name", "team": "squad"} | more
    members = read_layer(one(entry, tmp_path)).members
    assert members is not None
    name_ = "北" if "encoding" in more else "North"
    assert [(m.micro_grid, m.code, m.name, m.team) for m in members] == [
        ("A1", "1", name_, "Squad A"),
        ("A2", "1", name_, "Squad A"),
        ("B1", "", None, None),
    ]
    assert members[2].source == f"{name}, line 5"


def test_the_attributes_of_a_polygon_file_are_a_table_too(tmp_path: Path) -> None:
    precincts(tmp_path)
    members = read_layer(
        one(FIRE | {"file": "precincts.geojson", "micro_grid": "where", "code": "precinct"}, tmp_path)
    ).members
    assert members is not None
    assert [(m.micro_grid, m.code, m.source) for m in members] == [
        ("West", "1", "precincts.geojson, feature 1"),
        ("", "2", "precincts.geojson, feature 2"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b"grid,station\nA1\n", "line 2 has not 2 cells"),
        (b"grid,station\n\xff,1\n", "utf-8"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "fire.csv").write_bytes(content)
    with pytest.raises(UnreadableFile, match=said):
        read_layer(one(FIRE, tmp_path))


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"fire\.csv"):
        read_layer(one(FIRE, tmp_path))
    (tmp_path / "fire.csv").write_text("grid,statoin\n")
    with pytest.raises(MissingColumn, match="'station'; it has: grid, statoin"):
        read_layer(one(FIRE, tmp_path))
    precincts(tmp_path)
    with pytest.raises(MissingColumn, match="'teem'"):
        read_layer(one(POLICE | {"team": "teem"}, tmp_path))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"key": "police"}, r"write \[\[specialised\]\]"),
        (["police"], "expected a table"),
        ([POLICE | {"classses": ["x"]}], "'classses', which means nothing there; it may have: key"),
        ([POLICE | {"as": "set"}], 'needs as = "sets" or as = "polygons", not \'set\''),
        ([{key: value for key, value in POLICE.items() if key != "as"}], "not None"),
        ([{key: value for key, value in POLICE.items() if key != "code"}], "needs `code`"),
        ([{key: value for key, value in POLICE.items() if key != "file"}], "needs a text for `file`"),
        ([FIRE | {"as": "polygons"}], "table of micro-grids, which makes sets"),
        ([POLICE | {"delimiter": ";"}], "only beside `micro_grid`"),
        ([FIRE | {"delimiter": ";;"}], "one character"),
        ([POLICE, FIRE | {"key": "police"}], "two .* have the key 'police'"),
        ([POLICE | {"classes": "x"}], "list of texts for `classes`"),
        ([POLICE | {"accept": {}}], r"write \[\[specialised\.accept\]\]"),
        ([POLICE | {"accept": [{"finding": "BAD_CODE", "reason": "x"}]}], "nothing that can be accepted"),
        ([POLICE | {"accept": [{"finding": "HOLE"}]}], "needs a text for `reason`"),
        ([POLICE | {"accept": [{"finding": "HOLE", "reason": "x", "upto_m2": 1}]}], "'upto_m2'"),
    ],
)
def test_every_mistake_in_the_table_is_named(section: object, said: str) -> None:
    with pytest.raises(BadGridsTable, match=said):
        sources(section, Path("."))


def test_findings_are_accepted_by_name_reason_and_size() -> None:
    entry = POLICE | {
        "accept": [{"finding": "OVERLAP", "reason": "harbour", "up_to_m2": 10, "grids": ["1", "2"]}]
    }
    (rule,) = one(entry).accepted
    assert (rule.finding, rule.reason, rule.up_to_m2, rule.grids) == (
        "OVERLAP",
        "harbour",
        10.0,
        frozenset("12"),
    )
