"""What is asked of features: what is taken, and that everything else is 400 with what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.api.ogc import parameters
from tests.gridgov.conftest import Site

GRIDS, INCIDENTS = "/ogc/collections/grid/items", "/ogc/collections/incidents/items"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "path",
    [
        *("/ogc/", "/ogc/conformance", "/ogc/api", "/ogc/collections", "/ogc/collections/grid", GRIDS),
        *(f"{GRIDS}/N1", "/ogc/collections/incidents", INCIDENTS, f"{INCIDENTS}/x"),
    ],
)
def test_an_unknown_parameter_is_refused_everywhere(site: Site, path: str) -> None:
    """/req/core/query-param-unknown"""
    answer = site.as_("leader").get(f"{path}?unknown=1")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["findings"][0]["at"] == "unknown"


#: For every collection.
WRONG = (
    *("limit=0", "limit=-1", "limit=1.5", "limit=x", "limit=", "limit=1e2", "limit=%EF%BC%91"),
    *("bbox=", "bbox=1,2,3", "bbox=1,2,3,4,5", "bbox=1,2,3,4,5,6,7", "bbox=a,b,c,d", "bbox=1;2;3;4"),
    *("bbox=0,10,1,9", "bbox=0,0,1,160.0", "bbox=-181,0,0,1", "bbox=0,0,180.1,1", "bbox=0,0,9,1,1,1"),
    *("bbox=nan,0,1,1", "bbox=0,0,inf,1", "bbox=0,0,1e999,1", "bbox=0,0,1_0,1", "bbox=0,%200,1,1"),
    *("datetime=", "datetime=2026", "datetime=2026-11-23", "datetime=2026-11-23T10:00:00"),
    *("datetime=2026-13-01T00:00:00Z", "datetime=2026-11-23T25:00:00Z", "datetime=now", "datetime=.."),
    *("datetime=../..", "datetime=/", "datetime=2026-11-23T10:00:00Z/2026-11-23T09:00:00Z"),
    *("datetime=2026-11-23T10:00:00Z/x", "datetime=a/b/c", "datetime=2026-11-23T10:00:00Z/../.."),
    *("datetime=2026-11-23T10:00:61Z", "datetime=0001-01-01T00:00:00%2B23:00"),
    *("page=", "page=!", "page=%2B%2B%2B", "page=_w", "page=" + "A" * 401, "limit=1&limit=2", "under="),
    *("bbox-crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84", "crs=x", "filter=a=1", "offset=5", "f=json"),
)


@pytest.mark.parametrize("path", [GRIDS, INCIDENTS])
def test_what_is_not_as_described_is_refused(site: Site, path: str) -> None:
    """/req/core/query-param-invalid"""
    for query in WRONG:
        answer = site.as_("leader").get(f"{path}?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), (
            query
        )
        assert answer.json()["type"] == "urn:gridgov:problem:bad-query"
        assert "expected" in answer.json()["detail"]


FILTERS = (
    (INCIDENTS, "stage=x"),
    (INCIDENTS, "urgency=x"),
    (INCIDENTS, "open=yes"),
    (INCIDENTS, "open="),
    (INCIDENTS, "category="),
    (INCIDENTS, "department=" + "x" * 201),
    (INCIDENTS, "page=MTIzNA"[:-1]),
    (INCIDENTS, "page=LTE"),  # "-1"
    (INCIDENTS, "parent=N"),
    (GRIDS, "stage=filed"),
    (GRIDS, "code="),
    (GRIDS, "under=D/X"),
)


def test_filters_have_their_values(site: Site) -> None:
    for path, query in FILTERS:
        assert site.as_("leader").get(f"{path}?{query}").status_code == 400, query


def test_all_that_is_wrong_is_told_at_once(site: Site) -> None:
    told = site.as_("leader").get(f"{GRIDS}?limit=x&bbox=1&limti=5&<script>=1").json()
    assert [one["at"] for one in told["findings"]] == ["limit", "bbox", "limti", "<script>"]
    assert "limit, bbox, datetime, page" in told["findings"][2]["expected"]


def test_a_plus_that_became_a_blank_is_explained(site: Site) -> None:
    told = site.as_("leader").get(f"{GRIDS}?datetime=2026-11-23T10:00:00+08:00").json()
    assert "%2B" in told["detail"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-23T12:00:00Z", NOON, NOON),
        ("2026-11-23t12:00:00z", NOON, NOON),
        ("2026-11-23T20:00:00+08:00", NOON, NOON),
        ("2026-11-23T11:59:60Z", NOON, NOON),  # a leap second
        (
            "2026-11-23T12:00:00.123456789Z",
            NOON.replace(microsecond=123456),
            NOON.replace(microsecond=123456),
        ),
        ("2026-11-23T12:00:00.5Z/..", NOON.replace(microsecond=500000), None),
        ("2026-11-23T12:00:00Z/", NOON, None),
        ("../2026-11-23T12:00:00Z", None, NOON),
        ("/2026-11-23T12:00:00Z", None, NOON),
        ("2026-11-23T12:00:00Z/2026-11-23T12:00:00Z", NOON, NOON),
    ],
)
def test_moments_and_intervals(text: str, start: Any, end: Any) -> None:
    assert parameters.when(text) == parameters.Interval(start, end)


def refusal(parameter: parameters.Parameter, text: str) -> str | None:
    """What was expected instead of this text; None where it is taken."""
    try:
        parameter.read(text)
    except ValueError as refused:
        return f"{type(refused).__name__} {refused}"
    return None


@given(st.text(max_size=60))
def test_whatever_stands_in_an_address_is_taken_or_refused(text: str) -> None:
    """No text makes reading fail in another way than by saying what was expected."""
    for parameter in (*parameters.COMMON, *parameters.GRIDS, *parameters.INCIDENTS):
        told = refusal(parameter, text)
        assert told is None or told.startswith("ValueError ")


@given(st.text(min_size=1, max_size=64))
def test_a_token_stands_for_its_place(text: str) -> None:
    """page(token(x)) == x"""
    if any(0xD800 <= ord(one) < 0xE000 for one in text):
        return
    assert parameters.page(parameters.token(text)) == text


@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90))
def test_a_box_is_one_or_two_of_which_none_crosses_the_antimeridian(
    west: float, a: float, east: float, b: float
) -> None:
    """Every box has west <= east, and together they hold both corners."""
    south, north = min(a, b), max(a, b)
    boxes = parameters.bbox(f"{west!r},{south!r},{east!r},{north!r}")
    assert len(boxes) == (2 if west > east else 1)
    for box in boxes:
        assert box[0] <= box[2]
        assert (box[1], box[3]) == (south, north)
    assert (boxes[0][0], boxes[-1][2]) == (west, east)
