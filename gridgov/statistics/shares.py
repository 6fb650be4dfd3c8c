"""The figures of many groups at once, column by column: number for number what `dispatch.figures` and
`dispatch.intervals` say of each group alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dispatch.closure import COUNTERS, Tally
from dispatch.errors import BadCounts
from dispatch.figures import DEFINITIONS, NO_FIGURE
from dispatch.intervals import Z95

#: Counts of groups: a row for each counter, in the order of `dispatch.closure.COUNTERS`; a column each group.
Counts = NDArray[np.int64]
#: In which row a counter is.
ROW: Final = {name: row for row, name in enumerate(COUNTERS)}
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Figures whose numerator may be larger than their denominator: they are no shares, and have no interval.
NO_SHARES: Final = frozenset({"rework"})
#: Figures of which less is better.
THE_LESS: Final = frozenset({"overdue_open", "extension"})
#: The rows of figures that are shares, and of those of which less is better.
_IS_SHARE: Final = np.array([[key not in NO_SHARES] for key in DEFINITIONS])
_THE_LESS: Final = np.array([[key in THE_LESS] for key in DEFINITIONS])

#: The percentages from 0 to 100 as they are shown, by how many hundredths they are.
_PERCENT: Final = [f"{whole}.{part:02d}" for whole in range(101) for part in range(100)][:10_001]


def tally_dicts(counts: Counts) -> list[dict[str, int]]:
    """The counters of each group by their names."""
    return [dict(zip(ROW, column, strict=True)) for column in counts.T.tolist()]


def figure_dicts(counts: Counts, ranked: Mask) -> list[dict[str, dict[str, Any]]]:
    """Of each group all figures, by their keys, as they are shown: {"numerator", "denominator", "rate",
    "percent", "interval": [low, high], "rank"}; without a denominator there is no rate, interval and rank.

    Those groups have ranks of which ``ranked`` is true: by what is certain of them, the end of the interval;
    few incidents neither lead nor trail. Raises BadCounts for a share of more than all.

    >>> counts = np.zeros((len(ROW), 2), dtype=np.int64)
    >>> counts[ROW["due"]] = 3, 1000
    >>> counts[ROW["due_closed"]] = 3, 980
    >>> few, many = figure_dicts(counts, np.array([True, True]))
    >>> few["closure"]["percent"], few["closure"]["rank"], many["closure"]["percent"], many["closure"]["rank"]
    ('100.00', 2, '98.00', 1)
    """
    above, below = _quotients(counts)
    some = np.maximum(below, 1)
    # To one digit more than is shown, cut off, and then half up; whole numbers throughout.
    hundredths = (above * 100_000 // some + 5) // 10
    low, high = wilson_bounds(np.where(_IS_SHARE, above, 0), below)
    bounds, in_ranking = np.where(_THE_LESS, high, -low), _IS_SHARE & ranked & (below > 0)
    ranks = np.array([_places(*one) for one in zip(bounds, in_ranking, strict=True)])
    columns = (above, below, above / some, hundredths, np.stack((low, high), axis=2), ranks)
    # Group by group: what lies together in memory is written down together afterwards.
    shown = _figure_dicts(*(np.swapaxes(of, 0, 1).reshape(-1, *of.shape[2:]).tolist() for of in columns))
    for row in np.flatnonzero(~_IS_SHARE):
        for figure in shown[row :: len(DEFINITIONS)]:
            figure["interval"] = None
    groups = (shown[at : at + len(DEFINITIONS)] for at in range(0, len(shown), len(DEFINITIONS)))
    return [dict(zip(DEFINITIONS, group, strict=True)) for group in groups]


def _quotients(counts: Counts) -> tuple[Counts, Counts]:
    """The numerators and denominators: a row for each figure, a column each group."""
    # A tally of columns: what it sums up is summed up for all groups at once.
    columns: Any = Tally(*counts)
    definitions = DEFINITIONS.values()
    above = np.array([getattr(columns, one.numerator) for one in definitions])
    return above, np.array([getattr(columns, one.denominator) for one in definitions])


def wilson_bounds(numerators: Counts, denominators: Counts) -> tuple[Floats, Floats]:
    """The bounds of `dispatch.intervals.wilson`, by the same steps and so to the same bit; where the
    denominator is 0 they mean nothing. Raises BadCounts.
    """
    wrong = (numerators < 0) | (numerators > denominators)
    if wrong.any():
        above, below = int(numerators[wrong][0]), int(denominators[wrong][0])
        raise BadCounts(f"{above} of {below} is no share", numerator=above, denominator=below)
    some = np.maximum(denominators, 1)
    share, spread = numerators / some, Z95 * Z95 / some
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * np.sqrt((share * (1 - share) + spread / 4) / some) / (1 + spread)
    low = np.where(numerators == 0, 0.0, np.maximum(0.0, middle - half))
    return low, np.where(numerators == denominators, 1.0, np.minimum(1.0, middle + half))


def _places(bounds: Floats, ranked: Mask) -> Counts:
    """The place of each by its bound, the least first: equal ones share it, and the next one's is as many
    further on; 0 where it has none.
    """
    return np.where(ranked, np.searchsorted(np.sort(bounds[ranked]), bounds) + 1, 0)


def _figure_dicts(
    numerators: list[int],
    denominators: list[int],
    rates: list[float],
    hundredths: list[int],
    intervals: list[list[float]],
    ranks: list[int],
) -> list[dict[str, Any]]:
    """Figures one after another; the rank 0 is none."""
    return [
        {
            "numerator": above,
            "denominator": below,
            "rate": rate,
            "percent": _PERCENT[percent] if percent <= 10_000 else _percent(percent),
            "interval": interval,
            "rank": rank or None,
        }
        if below
        else {
            "numerator": above,
            "denominator": below,
            "rate": None,
            "percent": NO_FIGURE,
            "interval": None,
            "rank": None,
        }
        for above, below, rate, percent, interval, rank in zip(
            numerators, denominators, rates, hundredths, intervals, ranks, strict=True
        )
    ]


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
