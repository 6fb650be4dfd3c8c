"""The mapping file: everything wrong with it is told at once, each thing with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gridgov.importing import mapping as module
from gridgov.importing.errors import BadMapping, MissingColumns
from gridgov.importing.mapping import read_mapping
from tests.gridgov.importing.mappings import HEADER, MAPPING, mapping, table, write

CITIES = Path(__file__).parents[2] / "cities"


@pytest.mark.parametrize("name", ["new_york", "boston"])
def test_the_examples_can_be_read(name: str) -> None:
    file = CITIES / f"{name}.mapping.toml"
    assert read_mapping(file.read_text(encoding="utf-8"), file.name).source


def test_the_whole_of_it_in_the_docstring_can_be_read() -> None:
    """What the module shows is what it takes."""
    assert module.__doc__ is not None
    shown = re.sub(r"^    ", "", module.__doc__[module.__doc__.index("    source =") :], flags=re.MULTILINE)
    read = read_mapping(shown, "docstring")
    assert read.compare[0].stated("Ward 3") == "03"
    assert set(module.ImportMapping.model_fields) <= set(re.findall(r"\w+", shown))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('source = "old"', "", "source: is missing"),
        ('source = "old"', "source = 5", "source: Input should be a valid string"),
        (
            'number = "no"',
            'number = "no"\nnumbers = "no"',
            "numbers: means nothing there; did you mean 'number'?",
        ),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Shenzhen"', "times.zone: 'Asia/Shenzhen' is no time zone"),
        ('datum = "wgs84"', 'datum = "wgs72"', "position.datum: Input should be 'wgs84'"),
        ('kind = "component"', 'kind = "things"', "category.kind: Input should be 'component' or 'event'"),
        ('open = ["处置中"]', 'open = ["结案"]', "status: '结案' cannot mean both closed and open"),
        ('closed = ["结案"]', "closed = []", "status.closed: List should have at least 1 item"),
        ('when = { way = "trial" }', "", "set_aside.1: needs `when` or `matches`"),
        ("pattern = '^([NS])", "pattern = '^([NS'#", "compare.1.pattern: '^([NS' is no regular expression"),
        (
            'level = "street"',
            "level = \"street\"\ncode = '\\2'",
            "compare.1: `code` takes group 2, `pattern` has 1",
        ),
        ('name = "town_hall"', 'name = "trial"', "trial: each rule and comparison needs a name of its own"),
        (
            'closed_time_but_open = "keep_and_mark"',
            'closed_time_but_open = "keep"',
            "conflicts.closed_time_but_open",
        ),
        ('source = "old"', "source = old", "it is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(before: str, after: str, said: str) -> None:
    assert before in MAPPING
    with pytest.raises(BadMapping) as refused:
        mapping(MAPPING.replace(before, after, 1))
    assert any(problem.startswith(said) for problem in refused.value.problems), refused.value.problems
    assert "old.toml" in str(refused.value)


def test_everything_wrong_is_said_at_once() -> None:
    text = MAPPING.replace('zone = "Asia/Shanghai"', 'zone = "Nowhere"').replace('lon = "x"', "")
    with pytest.raises(BadMapping) as refused:
        mapping(text)
    assert len(refused.value.problems) == 2


def test_missing_columns_are_all_named_with_where_and_what_there_is(tmp_path: Path) -> None:
    text = MAPPING.replace('"seen"', '"sen"').replace('column = "street"', 'column = "lane"')
    with pytest.raises(MissingColumns) as refused:
        table(write(tmp_path / "t.csv"), text)
    assert refused.value.problems == (
        "[times] reported: there is no column 'sen'; did you mean 'seen'?",
        "[[compare]] street: there is no column 'lane'",
        f"the columns are: {', '.join(HEADER)}",
    )


def test_positions_in_no_datum_are_refused_with_both_remedies(tmp_path: Path) -> None:
    path, text = write(tmp_path / "t.csv"), MAPPING.replace('datum = "wgs84"', "")
    with pytest.raises(BadMapping, match=r"\[position\] names no datum") as refused:
        table(path, text)
    for said in ("write `datum` here (wgs84, gcj02, bd09, cgcs2000)", "the city's file, under [city]"):
        assert said in str(refused.value)
    start, end = text.index("[position]"), text.index("[times]")
    table(path, text[:start] + text[end:])


def test_a_column_named_twice_in_the_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join([*HEADER, "no"]) + "\n")
    with pytest.raises(MissingColumns, match="number: there are 2 columns 'no'"):
        table(path)


def test_a_comparison_with_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMapping, match="there is no level 'ward'; the levels are district, street, grid"):
        table(write(tmp_path / "t.csv"), MAPPING.replace('level = "street"', 'level = "ward"'))
