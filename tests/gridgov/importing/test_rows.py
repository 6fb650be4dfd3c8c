"""One row after another: what is imported of it, or why it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.datum import Datum
from gridgov.api import bodies
from gridgov.commands import ImportedRow
from gridgov.importing import rows, times
from gridgov.importing.rows import Reading
from tests.gridgov import scene
from tests.gridgov.importing.mappings import HEADER, MAPPING, ROW, imported, mapping, refusal, take


def test_an_ordinary_row() -> None:
    assert imported() == ImportedRow(
        source="old",
        number="A-1",
        channel="hotline",
        category="t:component:manhole",
        department="water",
        status="结案",
        closed=True,
        reported_at=datetime(2025, 3, 1, 0, 0, tzinfo=UTC),
        closed_at=datetime(2025, 3, 2, 1, 30, tzinfo=UTC),
        due_at=datetime(2025, 3, 3, 0, 0, tzinfo=UTC),
        lon=114.005,
        lat=22.515,
        datum=Datum.wgs84,
        words="井盖坏了",
        address="北街1号",
        marks=(),
    )


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"way": ""}, "channel", "unknown"),
        ({"way": "letter"}, "channel", "letter"),
        ({"what": "rubbish"}, "category", "t:event:rubbish"),
        ({"who": "cleaning"}, "department", "cleaning"),
        ({"until": ""}, "due_at", None),
        ({"text": "", "where": " "}, "words", None),
        ({"text": "one\r\ntwo"}, "words", "one\ntwo"),
        ({"no": "  A-1  "}, "number", "A-1"),
        ({"x": "", "y": ""}, "lon", None),
        ({"x": "", "y": ""}, "marks", ("no_position",)),
        ({"x": "114.0", "y": "22.5"}, "lat", None),
        ({"x": "114.0", "y": "22.5"}, "marks", ("town_hall",)),
        ({"state": "处置中"}, "closed", False),
        ({"state": "处置中"}, "marks", ("closed_time_but_open",)),
        ({"state": "处置中", "done": ""}, "marks", ()),
    ],
)
def test_what_a_row_becomes(changed: dict[str, str], field: str, value: object) -> None:
    assert getattr(imported(**changed), field) == value


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"no": ""}, "no_number"),
        ({"no": "x" * 201}, "too_long"),
        ({"no": "A\x00"}, "not_text"),
        ({"no": "A\nB"}, "not_text"),
        ({"text": "\udcff"}, "not_text"),
        ({"text": "x" * 2001}, "too_long"),
        ({"where": "x" * 301}, "too_long"),
        ({"what": "nothing"}, "unknown_category"),
        ({"who": "nobody"}, "unknown_department"),
        ({"state": "maybe"}, "unknown_status"),
        ({"seen": ""}, "no_time"),
        ({"seen": "01.03.2025"}, "bad_time"),
        ({"seen": "2025-02-30 08:00"}, "bad_time"),
        ({"seen": "0001-01-01 00:00"}, "bad_time"),
        ({"until": "9999-12-31 23:59"}, "bad_time"),
        ({"x": "NaN"}, "bad_position"),
        ({"x": "inf"}, "bad_position"),
        ({"x": "22.515", "y": "114.005"}, "bad_position"),
        ({"x": "east"}, "bad_position"),
        ({"x": ""}, "bad_position"),
        ({"done": "2025-02-01 08:00"}, "closed_before_reported"),
        ({"done": ""}, "closed_without_time"),
    ],
)
def test_what_is_refused(changed: dict[str, str], code: str) -> None:
    assert refusal(**changed) == code


@pytest.mark.parametrize(
    ("before", "after", "changed", "mark"),
    [
        (
            'column = "what"',
            'column = "what"\nunknown = "keep_and_mark"',
            {"what": "odd"},
            "unknown_category",
        ),
        ('column = "who"', 'column = "who"\nunknown = "keep_and_mark"', {"who": "odd"}, "unknown_department"),
        (
            "[conflicts]",
            '[conflicts]\nclosed_before_reported = "keep_and_mark"',
            {"done": "2025-02-01 08:00"},
            "closed_before_reported",
        ),
        (
            "[conflicts]",
            '[conflicts]\nclosed_without_time = "keep_and_mark"',
            {"done": ""},
            "closed_without_time",
        ),
    ],
)
def test_what_the_mapping_keeps_is_marked(
    before: str, after: str, changed: dict[str, str], mark: str
) -> None:
    assert refusal(**changed) == mark
    assert imported(mapping(MAPPING.replace(before, after, 1)), **changed).marks == (mark,)


def test_an_unknown_category_is_kept_under_the_key_it_would_have() -> None:
    read = mapping(MAPPING.replace('column = "what"', 'column = "what"\nunknown = "keep_and_mark"', 1))
    assert imported(read, what="Noise: bars").category == "t:component:Noise: bars"


def test_a_mapping_may_refuse_what_has_no_position() -> None:
    read = mapping(MAPPING.replace('datum = "wgs84"', 'datum = "wgs84"\nmissing = "refuse"'))
    assert refusal(read, x="", y="") == "no_position"


def test_any_status_that_does_not_mean_closed_is_open_where_no_list_says_which_are() -> None:
    read = mapping(MAPPING.replace('open = ["处置中"]', ""))
    assert not imported(read, state="maybe", done="").closed


def test_without_a_table_of_positions_nothing_has_one() -> None:
    start, end = MAPPING.index("[position]"), MAPPING.index("[times]")
    row = imported(mapping(MAPPING[:start] + MAPPING[end:]))
    assert (row.lon, row.lat, row.datum, row.marks) == (None, None, None, ())


def test_a_position_in_another_datum_is_kept_raw() -> None:
    taken = take(mapping(MAPPING.replace('datum = "wgs84"', 'datum = "gcj02"')), x="114.01", y="22.51")
    assert taken.row is not None
    assert (taken.row.lon, taken.row.lat, taken.row.datum) == (114.01, 22.51, Datum.gcj02)
    assert taken.position == (114.01, 22.51)


def test_without_a_datum_the_citys_is_taken() -> None:
    town = scene.in_force()
    of_city = replace(town, city=replace(town.city, datum=Datum.bd09))
    reading = Reading(mapping(MAPPING.replace('datum = "wgs84"', "")), HEADER, of_city)
    taken = reading.take(2, [ROW[name] for name in HEADER])
    assert taken.row is not None
    assert taken.row.datum is Datum.bd09
    assert Reading(mapping(), HEADER, of_city).datum is Datum.wgs84


def test_a_row_set_aside_keeps_its_position_for_the_comparison_and_is_not_judged() -> None:
    taken = take(way="trial", what="nothing", seen="")
    assert (taken.set_aside, taken.row, taken.refused) == ("trial", None, None)
    assert taken.position == (114.005, 22.515)
    assert take(way="trial", x="east").set_aside == "trial"


def test_rows_are_set_aside_by_regular_expression_too() -> None:
    read = mapping(MAPPING.replace('when = { way = "trial" }', 'matches = { text = "^测试" }'))
    assert take(read, text="测试一下").set_aside == "trial"
    assert take(read, text="不是测试").set_aside is None


@pytest.mark.parametrize("cells", [[], ["A-1"], ["x"] * (len(HEADER) + 1)])
def test_a_row_of_another_width_is_refused(cells: list[str]) -> None:
    taken = Reading(mapping(), HEADER, scene.in_force()).take(7, cells)
    assert taken.refused is not None
    assert taken.refused.code == "wrong_number_of_cells"
    assert str(taken.refused) == f"it has {len(cells)} cells, the header has {len(HEADER)}"


@given(st.lists(st.text() | st.sampled_from(list("019-: .")), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_stands_in_a_row_becomes_exactly_one_of_three_things(cells: list[str]) -> None:
    """A row is imported, set aside or refused; never two of them, and never an exception."""
    taken = Reading(mapping(), HEADER, scene.in_force()).take(2, cells)
    assert [taken.row, taken.refused, taken.set_aside].count(None) == 2


def test_the_limits_are_those_of_the_http_api() -> None:
    """A row goes in through the server or not at all, and past it the same."""
    ours = (rows.LONGEST_CODE, rows.LONGEST_LINE, rows.LONGEST_WORDS, times.FIRST_YEAR, times.LAST_YEAR)
    theirs = (
        bodies.LONGEST_CODE,
        bodies.LONGEST_LINE,
        bodies.LONGEST_WORDS,
        bodies.FIRST_YEAR,
        bodies.LAST_YEAR,
    )
    assert ours == theirs


def test_swapped_columns_are_told_by_where_the_city_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both ways are possible coordinates, as in New York, only the drawing tells them apart."""
    monkeypatch.setattr("gridgov.places._bounds", lambda _: (-74.3, 40.4, -73.7, 40.9))
    assert refusal(x="40.7", y="-73.9") == "bad_position"
    assert imported(x="-73.9", y="40.7").lon == -73.9
    assert imported(x="10", y="10").lon == 10
