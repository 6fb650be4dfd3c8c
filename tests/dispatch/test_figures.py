"""Figures: how a quotient is shown, and that each says what it is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.closure import Tally
from dispatch.figures import DEFINITIONS, Figure, figures


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "shown"),
    [
        (12_692, 15_893, 2, "79.86"),
        (54_570, 58_251, 2, "93.68"),
        (911, 972, 2, "93.72"),
        (0, 7, 2, "0.00"),
        (7, 7, 2, "100.00"),
        (1, 3, 0, "33"),
        (2, 3, 0, "67"),
        (1, 8, 0, "13"),
        (3, 8, 0, "38"),
        (1, 800, 2, "0.13"),
        (1_249_999_999, 10**12, 2, "0.12"),
        (5, 2, 1, "250.0"),
        (0, 0, 2, "–"),
        (1, 10**30, 2, "0.00"),
    ],
)
def test_a_rate_in_per_cent(numerator: int, denominator: int, places: int, shown: str) -> None:
    assert Figure("k", "名", "name", "a / b", numerator, denominator).percent(places) == shown


def test_nothing_to_divide_by_is_no_rate() -> None:
    for figure in figures(Tally()):
        assert figure.rate is None
        assert figure.percent() == "–"


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 6))
def test_a_half_is_rounded_up(numerator: int, denominator: int, places: int) -> None:
    """What is shown is the one value of so many decimals within (rate - 1/2, rate + 1/2] units of the last."""
    shown = Fraction(Figure("k", "名", "name", "a / b", numerator, denominator).percent(places))
    off = (shown - Fraction(numerator * 100, denominator)) * 10**places
    assert Fraction(-1, 2) < off <= Fraction(1, 2)


def test_every_figure_says_what_it_is() -> None:
    assert [one.key for one in figures(Tally())] == list(DEFINITIONS)
    for key, definition in DEFINITIONS.items():
        assert key == definition.key
        for name in (definition.numerator, definition.denominator):
            assert isinstance(getattr(Tally(), name), int)
        assert " / " in definition.formula
    assert len({d.name_zh for d in DEFINITIONS.values()}) == len(DEFINITIONS)
