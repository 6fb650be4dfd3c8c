"""Intervals of rates, and places that small numbers do not win."""

from __future__ import annotations

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import BadCounts
from dispatch.intervals import Z95, difference, is_small, ranked, wilson


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    denominator = draw(st.integers(1, 10_000))
    return draw(st.integers(0, denominator)), denominator


def test_the_deviation_is_that_of_95_per_cent() -> None:
    assert pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-12) == Z95


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    # Published example (Newcombe 1998, Statistics in Medicine 17, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_it_is_the_score_interval(numerator: int, denominator: int, low: float, high: float) -> None:
    found = wilson(numerator, denominator)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(shares())
def test_the_rate_is_in_its_interval_and_so_are_its_ends_where_the_score_says(share: tuple[int, int]) -> None:
    numerator, denominator = share
    found = wilson(numerator, denominator)
    assert found is not None
    rate = numerator / denominator
    assert 0 <= found.low <= rate <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            # The defining equation: so far is the rate from an end, in deviations of that end.
            assert abs(rate - end) / (end * (1 - end) / denominator) ** 0.5 == pytest.approx(Z95, rel=1e-6)


@given(shares())
def test_more_of_the_same_is_surer(share: tuple[int, int]) -> None:
    few, many = wilson(*share), wilson(share[0] * 10, share[1] * 10)
    assert few is not None
    assert many is not None
    assert few.low <= many.low + 1e-12
    assert many.high <= few.high + 1e-12


def test_of_nothing_there_is_none() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("numerator", "denominator"), [(2, 1), (-1, 1), (1, 0), (0, -1)])
def test_what_is_no_share_has_none(numerator: int, denominator: int) -> None:
    with pytest.raises(BadCounts):
        wilson(numerator, denominator)


def test_few_are_not_ahead_of_many() -> None:
    found = ranked([("few", 3, 3), ("many", 980, 1000), ("nothing", 0, 0), ("bad", 100, 1000)])
    assert [(one.key, one.rank) for one in found] == [("many", 1), ("few", 2), ("bad", 3), ("nothing", None)]


def test_where_less_is_better_few_are_not_ahead_either() -> None:
    found = ranked([("few", 0, 3), ("many", 20, 1000)], higher_is_better=False)
    assert [(one.key, one.rank) for one in found] == [("many", 1), ("few", 2)]


def test_equals_share_a_place() -> None:
    found = ranked([("b", 5, 10), ("a", 5, 10), ("c", 4, 10), ("d", 9, 10)])
    assert [(one.key, one.rank) for one in found] == [("d", 1), ("a", 2), ("b", 2), ("c", 4)]


def test_small() -> None:
    assert is_small(29)
    assert not is_small(30)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    # Published examples (Newcombe 1998, Statistics in Medicine 17: 873-890, table II, method 10).
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_difference_of_two_rates(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = difference(one, other)
    assert found is not None
    assert (round(found.interval.low, 4), round(found.interval.high, 4)) == (low, high)
    assert found.is_certain == (low > 0)


@given(shares(), shares())
def test_a_difference_is_the_other_way_round_the_other_way_round(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    there, back = difference(one, other), difference(other, one)
    assert there is not None
    assert back is not None
    assert there.rate == pytest.approx(-back.rate)
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.interval.low <= there.rate + 1e-12
    assert there.rate <= there.interval.high + 1e-12
    assert there.interval.low >= -1 - 1e-12
    assert there.interval.high <= 1 + 1e-12


def test_what_has_no_rate_has_no_difference() -> None:
    assert difference((0, 0), (1, 2)) is None
    assert difference((1, 2), (0, 0)) is None
