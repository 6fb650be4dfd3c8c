"""Time to closure where some are still open, beside scipy's estimate and one in whole numbers.

lifelines, the usual oracle, asks for pandas below 3 and cannot be installed beside it; `scipy.stats.ecdf` of
right-censored data is the same estimate.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dispatch.survival import QUARTILES, Step, quantiles, quantiles_of, survival

steps = st.lists(
    st.builds(Step, st.integers(0, 40), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30
).filter(lambda several: any(one.ended + one.censored for one in several))


def in_whole_numbers(several: list[Step]) -> list[tuple[int, Fraction]]:
    """The estimate as its definition says, from every minute anew."""
    left, curve = Fraction(1), []
    for minute in sorted({one.at for one in several}):
        open_then = sum(one.ended + one.censored for one in several if one.at >= minute)
        ended = sum(one.ended for one in several if one.at == minute)
        if ended:
            left *= Fraction(open_then - ended, open_then)
            curve.append((minute, left))
    return curve


@given(steps)
def test_quartiles_are_those_of_the_definition(several: list[Step]) -> None:
    curve = in_whole_numbers(several)
    expected = tuple(
        next((minute for minute, left in curve if left <= 1 - Fraction(str(share))), None)
        for share in QUARTILES
    )
    assert quantiles(several) == expected


@given(steps.filter(lambda several: any(one.ended for one in several)))
def test_the_curve_is_scipys(several: list[Step]) -> None:
    ended = np.repeat([one.at for one in several], [one.ended for one in several]).astype(float)
    open_ = np.repeat([one.at for one in several], [one.censored for one in several]).astype(float)
    theirs = stats.ecdf(stats.CensoredData(uncensored=ended, right=open_)).sf
    expected = {
        at: left for at, left in zip(theirs.quantiles, theirs.probabilities, strict=True) if at in ended
    }
    assert survival(several) == [(at, pytest.approx(left, abs=1e-12)) for at, left in expected.items()]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_where_all_are_closed_the_median_is_that_of_the_times(times: list[int]) -> None:
    """The smallest time by which at least half were closed."""
    (median,) = quantiles([Step(one, 1) for one in times], (0.5,))
    assert median == sorted(times)[(len(times) + 1) // 2 - 1]


def test_exactly_half_is_half() -> None:
    # 0.9 * (8/9) * (7/8) * (6/7) * (5/6) is a half; in floating point it may be a hair more.
    assert quantiles([Step(k, 1) for k in range(10)], (0.5,)) == (4,)
    several = [Step(k, 1, 3) for k in range(1, 40)]
    curve = dict(in_whole_numbers(several))
    exact = next(share for share in curve.values() if share < Fraction(9, 10))
    minute = next(at for at, share in curve.items() if share == exact)
    assert quantiles(several, (1 - float(exact),)) in {(minute,), (minute + 1,)}


def test_where_most_are_open_there_is_no_median() -> None:
    assert quantiles([Step(10, 1), Step(30, 0, 3)]) == (10, None, None)
    assert quantiles([Step(10, 0, 3)]) == (None, None, None)
    assert survival([Step(10, 0, 3)]) == []


def test_who_is_lost_at_the_minute_at_which_others_end_was_open_then() -> None:
    assert survival([Step(5, 1, 1), Step(6, 1)]) == [(5, pytest.approx(2 / 3)), (6, 0.0)]


def test_shares_in_any_order() -> None:
    at, ended, censored = list(range(100)), [1] * 100, [0] * 100
    assert quantiles_of(at, ended, censored, (0.9, 0.1, 0.5)) == (89, 9, 49)
