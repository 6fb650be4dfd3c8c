"""Local times of another system: what they mean, and the two hours a year in which they do not say."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridgov.importing.errors import RowRefused
from gridgov.importing.mapping import Times
from gridgov.importing.times import Moments

NEW_YORK = ZoneInfo("America/New_York")


def moments(**more: str) -> Moments:
    return Moments(
        Times.model_validate({"format": "iso", "zone": "America/New_York", "reported": "at"} | more)
    )


@pytest.mark.parametrize(
    ("text", "utc", "marks"),
    [
        ("2011-07-01 12:00:00", "2011-07-01 16:00:00", []),
        ("2011-12-01 12:00:00", "2011-12-01 17:00:00", []),
        ("2011-03-13 01:59:59", "2011-03-13 06:59:59", []),
        ("2011-03-13 02:30:00", "2011-03-13 07:30:00", ["skipped_hour"]),
        ("2011-03-13 03:00:00", "2011-03-13 07:00:00", []),
        ("2011-11-06 00:59:59", "2011-11-06 04:59:59", []),
        ("2011-11-06 01:30:00", "2011-11-06 05:30:00", ["repeated_hour"]),
        ("2011-11-06 02:00:00", "2011-11-06 07:00:00", []),
        ("2011-11-06T01:30:00-05:00", "2011-11-06 06:30:00", []),
        ("2011-11-06T06:30:00Z", "2011-11-06 06:30:00", []),
    ],
)
def test_local_times_in_utc(text: str, utc: str, marks: list[str]) -> None:
    found: list[str] = []
    assert str(moments().needed(text, "at", found)) == f"{utc}+00:00"
    assert found == marks


def test_a_mapping_may_take_the_second_of_the_two_hours() -> None:
    assert (
        str(moments(repeated_hour="second").needed("2011-11-06 01:30", "at", []))
        == "2011-11-06 06:30:00+00:00"
    )


@pytest.mark.parametrize(
    ("rule", "text", "said"),
    [
        ("repeated_hour", "2011-11-06 01:30:00", "comes twice in America/New_York"),
        ("skipped_hour", "2011-03-13 02:30:00", "does not exist in America/New_York"),
    ],
)
def test_a_mapping_may_refuse_them(rule: str, text: str, said: str) -> None:
    with pytest.raises(RowRefused, match=said) as refused:
        moments(**{rule: "refuse"}).needed(text, "at", [])
    assert refused.value.code == rule


def test_other_formats_are_read_as_python_does() -> None:
    read = moments(format="%m/%d/%Y %I:%M:%S %p")
    assert str(read.needed("07/01/2011 12:30:00 AM", "at", [])) == "2011-07-01 04:30:00+00:00"
    with pytest.raises(RowRefused, match="expected a time written as %m/%d/%Y"):
        read.needed("2011-07-01 12:30", "at", [])


@given(
    st.datetimes(*(datetime.fromisoformat(f"{year}-01-01") for year in (1990, 2037))),
    st.sampled_from(
        ["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Dublin", "Africa/Casablanca"]
    ),
)
def test_a_moment_read_is_the_one_that_was_written(local: datetime, zone: str) -> None:
    """Outside the doubtful hours, local text and moment are the same thing; in them there is a mark."""
    marks: list[str] = []
    moment = moments(zone=zone).needed(local.isoformat(sep=" "), "at", marks)
    back = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if marks == ["skipped_hour"]:
        assert timedelta(0) < back - local <= timedelta(hours=1)
    else:
        assert back == local
    if not marks:
        offsets = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1)}
        assert len(offsets) == 1
