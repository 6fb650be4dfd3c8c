"""Figures worked out column by column are, number for number, those that are worked out group by group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.closure import COUNTERS, Tally
from dispatch.errors import BadCounts
from dispatch.figures import DEFINITIONS, Figure, figures
from dispatch.intervals import ranked, wilson
from gridgov.statistics.shares import (
    NO_SHARES,
    ROW,
    THE_LESS,
    Counts,
    figure_dicts,
    tally_dicts,
    wilson_bounds,
)

SHARES = [definition for definition in DEFINITIONS.values() if definition.key not in NO_SHARES]
#: What a counter is at most: few, so that many are equal; as in a city; and more than there will ever be.
MOST = (1, 3, 40, 5_000, 11_000_000, 10**12)


def shown(figure: Figure, rank: int | None) -> dict[str, Any]:
    """A figure as it is shown, of the slow functions."""
    interval = None if figure.key in NO_SHARES else wilson(figure.numerator, figure.denominator)
    return {
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "rate": None if figure.rate is None else float(figure.rate),
        "percent": figure.percent(),
        "interval": None if interval is None else [interval.low, interval.high],
        "rank": rank,
    }


def plainly(tallies: list[Tally], in_ranking: list[bool]) -> list[dict[str, dict[str, Any]]]:
    """The same as `figure_dicts`, group by group."""
    ranks: dict[tuple[str, str], int | None] = {}
    for one in SHARES:
        told = [
            (str(n), getattr(tally, one.numerator), getattr(tally, one.denominator))
            for n, tally in enumerate(tallies)
            if in_ranking[n]
        ]
        for place in ranked(told, higher_is_better=one.key not in THE_LESS):
            ranks[one.key, place.key] = place.rank
    return [
        {figure.key: shown(figure, ranks.get((figure.key, str(n)))) for figure in figures(tally)}
        for n, tally in enumerate(tallies)
    ]


def columns(tallies: list[Tally]) -> Counts:
    rows = [[getattr(tally, name) for tally in tallies] for name in ROW]
    return np.array(rows, dtype=np.int64).reshape(len(ROW), len(tallies))


def any_tallies(seed: int, groups: int, most: int) -> list[Tally]:
    """Made up so that every share is one: each count is of one that it is a part of, often none or all."""
    chance = np.random.default_rng(seed)

    def part(of: Any) -> Any:
        some = np.floor(of * chance.random(groups)).astype(np.int64)
        kind = chance.integers(0, 4, groups)
        return np.select([kind == 0, kind == 1], [np.zeros_like(of), of], some)

    all_ = part(np.full(groups, most))
    counts: dict[str, Any] = {"reported": all_}
    for name, of in PART_OF.items():
        counts[name] = part(counts[of])
    counts["cancelled"] = part(counts["reported"] - counts["closed"])
    counts["due_exempt"] = part(counts["due_closed"] - counts["due_closed_on_time"])
    counts["due_suspended"] = part(all_)
    counts["due_reworks"] = part(3 * counts["due"])
    made = {name: counts[name].tolist() for name in counts}
    return [Tally(**{name: made[name][n] for name in made}) for n in range(groups)]


PART_OF = {
    "closed": "reported",
    "with_limit": "reported",
    "closed_within_limit": "with_limit",
    "to_file": "reported",
    "filed": "to_file",
    "automatic": "filed",
    "dispatched": "reported",
    "never_redirected": "dispatched",
    "called_back": "reported",
    "contacted": "called_back",
    "told_solved": "contacted",
    "solved": "told_solved",
    "told_satisfied": "contacted",
    "satisfied": "told_satisfied",
    "due": "reported",
    "due_closed": "due",
    "due_closed_on_time": "due_closed",
    "overdue_open": "due",
    "handling_due": "due",
    "handling_done": "handling_due",
    "handling_on_time": "handling_done",
    "handling_extended": "handling_due",
}


def require_same(tallies: list[Tally], in_ranking: list[bool]) -> None:
    told = figure_dicts(columns(tallies), np.array(in_ranking, dtype=bool))
    assert told == plainly(tallies, in_ranking)
    assert [[*one] for one in told] == [[*DEFINITIONS]] * len(tallies)


@given(
    st.integers(0, 1 << 32),
    st.lists(st.booleans(), min_size=0, max_size=60),
    st.sampled_from(MOST),
)
def test_every_number_is_that_of_its_group_alone(seed: int, in_ranking: list[bool], most: int) -> None:
    require_same(any_tallies(seed, len(in_ranking), most), in_ranking)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from(MOST))
def test_of_thousands_of_groups(seed: int, most: int) -> None:
    require_same(any_tallies(seed, 1_500, most), [True] * 1_499 + [False])


def test_they_are_plain_numbers_and_texts() -> None:
    (of,) = figure_dicts(columns([Tally(reported=3, closed=2)]), np.array([True]))
    told = of["closed_of_reported"]
    assert list(told) == ["numerator", "denominator", "rate", "percent", "interval", "rank"]
    assert [type(value) for value in told.values()] == [int, int, float, str, list, int]
    assert [type(bound) for bound in told["interval"]] == [float, float]


def test_without_a_denominator_there_is_nothing_to_show() -> None:
    (of,) = figure_dicts(columns([Tally()]), np.array([True]))
    empty = {"numerator": 0, "denominator": 0, "rate": None, "percent": "–", "interval": None, "rank": None}
    assert of == dict.fromkeys(DEFINITIONS, empty)


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_percentage_rounds_half_up(above: int, below: int) -> None:
    (of,) = figure_dicts(columns([Tally(due_reworks=above, due=below)]), np.array([True]))
    assert of["rework"]["percent"] == Figure("", "", "", "", above, below).percent()


@pytest.mark.parametrize(
    ("above", "below", "percent"), [(1, 20_000, "0.01"), (1, 20_001, "0.00"), (7, 2, "350.00")]
)
def test_a_percentage_at_the_edge(above: int, below: int, percent: str) -> None:
    (of,) = figure_dicts(columns([Tally(due_reworks=above, due=below)]), np.array([True]))
    assert of["rework"]["percent"] == percent


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1))
def test_bounds_are_those_of_wilson(pairs: list[tuple[int, int]]) -> None:
    above = np.array([min(pair) for pair in pairs])
    below = np.array([max(pair) for pair in pairs])
    low, high = wilson_bounds(above, below)
    for n, pair in enumerate(pairs):
        expected = wilson(min(pair), max(pair))
        if expected is not None:
            assert (low[n], high[n]) == pytest.approx((expected.low, expected.high), rel=0, abs=1e-12)
            # Where places are shared depends on the last bit.
            assert (low[n], high[n]) == (expected.low, expected.high)


@given(st.integers(1, 10**12))
def test_none_and_all_have_exact_ends(below: int) -> None:
    low, high = wilson_bounds(np.array([0, below]), np.array([below, below]))
    assert low[0] == 0.0
    assert high[1] == 1.0


@pytest.mark.parametrize(("above", "below"), [(4, 3), (-1, 3), (1, 0)])
def test_more_than_all_is_no_share(above: int, below: int) -> None:
    with pytest.raises(BadCounts, match=f"^{above} of {below} is no share$") as caught:
        figure_dicts(columns([Tally(due=9), Tally(due=below, due_closed=above)]), np.array([True, True]))
    assert caught.value.about == {"numerator": above, "denominator": below}


def test_tallies_by_the_names_of_their_counters() -> None:
    tallies = [Tally(*range(len(COUNTERS))), Tally()]
    assert [Tally(**one) for one in tally_dicts(columns(tallies))] == tallies
    assert [list(one) for one in tally_dicts(columns(tallies))] == [list(COUNTERS)] * 2
