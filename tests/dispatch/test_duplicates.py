"""What may be the same: the ends of 50 metres and 24 hours exactly, and laws of being alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import degrees, inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.deadlines import Limit
from dispatch.duplicates import Likeness, Sight, alike, distance_m, may_lead, off_m
from dispatch.entries import Place
from dispatch.lifecycle import ENDED, Stage

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HERE = Place(lon=0.0, lat=0.0)


def away(metres: float) -> Place:
    """A place just so many metres from HERE, to the last bit of what `distance_m` says."""
    lon = degrees(metres * 0.98 / 6_378_137)
    low, high = 0.0, degrees(metres / 6_378_137)
    for _ in range(200):
        there = Place(lon=lon, lat=(low + high) / 2)
        apart, lat = distance_m(HERE, there), there.lat
        assert apart is not None
        assert lat is not None
        if apart == metres:
            return there
        low, high = (lat, high) if apart < metres else (low, lat)
    raise AssertionError(f"no place is {metres} m away")


@pytest.mark.parametrize(
    ("metres", "later", "same"),
    [
        (0.0, timedelta(), True),
        (50.0, timedelta(), True),
        (nextafter(50.0, inf), timedelta(), False),
        (50.0, timedelta(hours=24), True),
        (50.0, -timedelta(hours=24), True),
        (50.0, timedelta(hours=24) + MICROSECOND, False),
        (50.0, -timedelta(hours=24) - MICROSECOND, False),
        (49.9, timedelta(hours=23, minutes=59), True),
        (51.0, timedelta(hours=1), False),
    ],
)
def test_the_ends_are_included(metres: float, later: timedelta, same: bool) -> None:
    assert alike(Sight("hole", HERE, EIGHT), Sight("hole", away(metres), EIGHT + later)) is same


@pytest.mark.parametrize(
    ("category", "place", "same"),
    [("hole", HERE, True), ("lamp", HERE, False), ("hole", Place(), False)],
)
def test_another_category_and_no_point_are_never_alike(category: str, place: Place, same: bool) -> None:
    one, other = Sight("hole", HERE, EIGHT), Sight(category, place, EIGHT)
    assert alike(one, other) is alike(other, one) is same


def test_without_a_point_it_is_not_even_like_itself() -> None:
    nowhere = Sight("hole", Place(), EIGHT)
    assert not alike(nowhere, nowhere)


SIGHTS = st.builds(
    Sight,
    st.sampled_from(["hole", "lamp"]),
    st.builds(Place, lon=st.floats(114, 114.001), lat=st.floats(22.5, 22.501)),
    st.timedeltas(timedelta(), timedelta(days=2)).map(lambda passed: EIGHT + passed),
    st.sampled_from(["", "road"]),
)
LIKE = st.builds(
    Likeness, st.floats(1, 200), st.sampled_from([Limit.parse("90em"), Limit.parse("24eh")]), st.booleans()
)


@given(SIGHTS, SIGHTS, st.just(Likeness()) | LIKE)
def test_alike_goes_both_ways_and_is_what_the_notes_say(one: Sight, other: Sight, like: Likeness) -> None:
    """Two are alike just where category or class, distance and time all agree, whichever is asked about."""
    apart = distance_m(one.place, other.place)
    assert apart is not None
    same = one.category == other.category
    if like.whole_class:
        same = same or one.category_class == other.category_class == "road"
    said = same and apart <= like.within_m and abs(one.at - other.at) <= like.span
    assert alike(one, other, like) == alike(other, one, like) == said


@pytest.mark.parametrize(
    ("one", "other", "off"), [(5.0, 12.5, 17.5), (0.0, 0.0, 0.0), (None, 5.0, None), (5.0, None, None)]
)
def test_a_distance_is_off_by_both_accuracies(
    one: float | None, other: float | None, off: float | None
) -> None:
    assert off_m(Place(accuracy_m=one), Place(accuracy_m=other)) == off


def test_what_leads_is_open_and_ours() -> None:
    assert {stage for stage in Stage if not may_lead(stage)} == {*ENDED, Stage.IMPORTED}
