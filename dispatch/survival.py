"""How long it takes until closure, where some are still open: the Kaplan-Meier estimate, from counts.

The average of what is closed is too short: what takes long is still open. Here what is open counts for as
long as it has been open (it is censored), and says nothing about what comes after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Final

#: The shares that quartiles are.
QUARTILES: Final = (0.25, 0.5, 0.75)
#: So much at most is rounded away with every step: half of 2**-52 by its division, as much by its
#: multiplication, and the rest leaves room for the threshold's own.
_ROUNDED: Final = 2.0**-51
#: One, in the whole numbers that decide where floating point cannot; each division loses less than 1 of it.
_ONE: Final = 1 << 192


@dataclass(frozen=True, slots=True)
class Step:
    """So many ended at so many whole minutes since the report; so many others were seen for the last time."""

    at: int
    ended: int
    censored: int = 0


def quantiles(steps: Iterable[Step], shares: Sequence[float] = QUARTILES) -> tuple[int | None, ...]:
    """By how many minutes so large a share had ended, as estimated; None where it never comes to that: more
    than that share of what began is still open, or was lost from sight. ``steps`` in any order.

    Those censored at the same minute as others end still count as open then (Kaplan and Meier 1958). A share
    is the decimal that it is written as, and what is exactly reached is reached: of 10 one by one, 0.1 with
    the first.

    >>> quantiles([Step(10, 1), Step(20, 1), Step(30, 0, 1), Step(40, 1)])
    (10, 20, 40)
    >>> quantiles([Step(10, 1), Step(30, 0, 3)])
    (10, None, None)
    """
    columns = _columns(steps)
    return quantiles_of(*columns, shares)


def quantiles_of(
    at: Sequence[int], ended: Sequence[int], censored: Sequence[int], shares: Sequence[float] = QUARTILES
) -> tuple[int | None, ...]:
    """The same of columns: minutes in rising order, each once."""
    open_ = sum(ended) + sum(censored)
    left = 1.0
    wanted = sorted(range(len(shares)), key=lambda n: shares[n])
    found: list[int | None] = [None] * len(shares)
    n = 0
    for k, (minute, out, lost) in enumerate(zip(at, ended, censored, strict=True)):
        if out:
            left *= (open_ - out) / open_
            while n < len(wanted) and _is_reached(left, shares[wanted[n]], ended, censored, k):
                found[wanted[n]] = minute
                n += 1
            if n == len(wanted):
                break
        open_ -= out + lost
    return tuple(found)


def survival(steps: Iterable[Step]) -> list[tuple[int, float]]:
    """The curve: (minutes, share still open from then on), where it falls."""
    at, ended, censored = _columns(steps)
    open_, left, curve = sum(ended) + sum(censored), 1.0, []
    for minute, out, lost in zip(at, ended, censored, strict=True):
        if out:
            left *= (open_ - out) / open_
            curve.append((minute, left))
        open_ -= out + lost
    return curve


def _columns(steps: Iterable[Step]) -> tuple[list[int], list[int], list[int]]:
    known: dict[int, tuple[int, int]] = {}
    for step in steps:
        ended, censored = known.get(step.at, (0, 0))
        known[step.at] = ended + step.ended, censored + step.censored
    at = sorted(known)
    return at, [known[minute][0] for minute in at], [known[minute][1] for minute in at]


def _is_reached(left: float, share: float, ended: Sequence[int], censored: Sequence[int], upto: int) -> bool:
    """Is at most ``1 - share`` left after the step ``upto``? Floating point says so unless it is too near."""
    threshold = 1 - share
    if abs(left - threshold) > (upto + 1) * _ROUNDED:
        return left < threshold
    return _is_at_most(_factors(ended, censored, upto), 1 - Fraction(str(share)))


def _factors(ended: Sequence[int], censored: Sequence[int], upto: int) -> list[tuple[int, int]]:
    """Quotients (left, before) whose product is what is left after a step. Where nobody is censored in
    between, one step's numerator is the next one's denominator, and they are one.
    """
    open_ = before = int(sum(ended) + sum(censored))
    found: list[tuple[int, int]] = []
    for k in range(upto + 1):
        open_ -= int(ended[k])
        if censored[k] or k == upto:
            if open_ != before:
                found.append((open_, before))
            open_ -= int(censored[k])
            before = open_
    return found


def _is_at_most(factors: Sequence[tuple[int, int]], threshold: Fraction) -> bool:
    """Is their product at most the threshold? First to 57 digits, then, as good as equal, in full."""
    if factors and factors[-1][0] == 0:
        return threshold >= 0
    least = _ONE
    for after, before in factors:
        least = least * after // before
    if least > threshold * _ONE:
        return False
    if least + len(factors) <= threshold * _ONE:
        return True
    left, began = (_product([pair[side] for pair in factors]) for side in (0, 1))
    return left * threshold.denominator <= began * threshold.numerator


def _product(numbers: list[int]) -> int:
    """The product, by multiplying numbers of like length: one after another takes the square of the time."""
    while len(numbers) > 1:
        numbers = [prod(numbers[n : n + 8]) for n in range(0, len(numbers), 8)]
    return prod(numbers)
