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


@given(steps, st.sampled_from([10**9, 10**15, 7 * 10**14 + 1]))
def test_many_times_the_same_takes_as_long(several: list[Step], times: int) -> None:
    """All counts times the same number: the same shares by the same minutes, whatever is rounded."""
    more = [Step(one.at, one.ended * times, one.censored * times) for one in several]
    shares = (0.1, 0.2, 0.25, 0.5, 0.75, 0.9)
    assert quantiles(more, shares) == quantiles(several, shares)


@given(steps.filter(lambda several: any(one.ended for one in several)), st.data())
def test_to_lose_sight_of_one_never_makes_it_sooner(several: list[Step], data: st.DataObject) -> None:
    """One that ended is lost from sight at that minute instead: no share is reached earlier."""
    n = data.draw(st.sampled_from([n for n, one in enumerate(several) if one.ended]))
    lost = Step(several[n].at, several[n].ended - 1, several[n].censored + 1)
    before, after = quantiles(several), quantiles([*several[:n], lost, *several[n + 1 :]])
    assert all(
        late is None or (early is not None and early <= late)
        for early, late in zip(before, after, strict=True)
    )


def exactly_half(m: int, times: int = 1) -> tuple[list[int], list[int], list[int]]:
    """Columns of which exactly half is left after minute ``m``, with some censored at every minute till then:
    what is left is (2m - 1)/2m * (2m - 2)/(2m - 1) * ... * m/(m + 1), each from fewer than the one before.
    """
    ended = [(m + 2 - k) * times for k in range(1, m + 1)]
    censored = [(2 * m - k) * times for k in range(1, m + 1)]
    return list(range(1, m + 2)), [*ended, m * times], [*censored, 0]


@pytest.mark.parametrize("m", [5, 33, 500, 2001, 3000, 5000])
def test_exactly_half_is_half_however_it_comes_about(m: int) -> None:
    at, ended, censored = exactly_half(m)
    assert quantiles_of(at, ended, censored, (0.5,)) == (m,)


@pytest.mark.parametrize("m", [5, 33, 500, 3000])
def test_one_of_a_million_billion_more_or_less_than_half_counts(m: int) -> None:
    at, ended, censored = exactly_half(m, times=10**15)
    ended[0], censored[0] = ended[0] - 1, censored[0] + 1
    assert quantiles_of(at, ended, censored, (0.5,)) == (m + 1,)
    ended[0], censored[0] = ended[0] + 2, censored[0] - 2
    assert quantiles_of(at, ended, censored, (0.5,)) == (m,)


@pytest.mark.parametrize("times", [10**30, 10**90])
def test_nearer_to_half_than_any_digits_kept(times: int) -> None:
    at, ended, censored = exactly_half(7, times)
    ended[0], censored[0] = ended[0] - 1, censored[0] + 1
    assert quantiles_of(at, ended, censored, (0.5,)) == (8,)


def test_a_share_is_the_decimal_that_is_written() -> None:
    # 1 - 0.9 and 9/10 * 8/9 * ... are a hair off a tenth in floating point, each in its own way.
    tens = tuple(k / 10 for k in range(1, 11))
    assert quantiles([Step(k, 1) for k in range(1, 11)], tens) == tuple(range(1, 11))


def test_where_most_are_open_there_is_no_median() -> None:
    assert quantiles([Step(10, 1), Step(30, 0, 3)]) == (10, None, None)
    assert quantiles([Step(10, 0, 3)]) == (None, None, None)
    assert survival([Step(10, 0, 3)]) == []


def test_who_is_lost_at_the_minute_at_which_others_end_was_open_then() -> None:
    assert survival([Step(5, 1, 1), Step(6, 1)]) == [(5, pytest.approx(2 / 3)), (6, 0.0)]


def test_shares_in_any_order() -> None:
    at, ended, censored = list(range(100)), [1] * 100, [0] * 100
    assert quantiles_of(at, ended, censored, (0.9, 0.1, 0.5)) == (89, 9, 49)
