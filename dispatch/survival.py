"""How long it takes until closure, where some are still open: the Kaplan-Meier estimate, from counts.

The average of what is closed is too short: what takes long is still open. Here what is open counts for as
long as it has been open (it is censored), and says nothing about what comes after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

#: The shares that quartiles are.
QUARTILES: Final = (0.25, 0.5, 0.75)
#: Nearer to a threshold than this, the estimate is worked out in whole numbers: rounding adds up to far less.
_NEAR: Final = 1e-9
#: With more factors than this, whole numbers would take seconds; the difference is below a billionth then.
_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Step:
    """So many ended at so many whole minutes since the report; so many others were seen for the last time."""

    at: int
    ended: int
    censored: int = 0


def quantiles(steps: Iterable[Step], shares: Sequence[float] = QUARTILES) -> tuple[int | None, ...]:
    """By how many minutes so large a share had ended, as estimated; None where it never comes to that: more
    than that share of what began is still open, or was lost from sight. ``steps`` in any order.

    Those censored at the same minute as others end still count as open then (Kaplan and Meier 1958).

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
    """Is at most ``1 - share`` left after the step ``upto``?"""
    threshold = 1 - share
    if abs(left - threshold) > _NEAR:
        return left < threshold
    exact = _exactly(ended, censored, upto)
    return left <= threshold if exact is None else exact <= 1 - Fraction(str(share))


def _exactly(ended: Sequence[int], censored: Sequence[int], upto: int) -> Fraction | None:
    """What is left after a step, exactly; None where it would take too long. Where nobody is censored in
    between, one factor's numerator is the next one's denominator.
    """
    open_ = began = sum(ended) + sum(censored)
    factors: list[tuple[int, int]] = []
    for k in range(upto + 1):
        open_ -= ended[k]
        if censored[k] or k == upto:
            if open_ != began:
                factors.append((open_, began))
            open_ -= censored[k]
            began = open_
    if len(factors) > _MOST:
        return None
    exact = Fraction(1)
    for after, before in factors:
        exact *= Fraction(after, before)
    return exact
