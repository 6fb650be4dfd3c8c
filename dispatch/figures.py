"""The closure figures: every one is a quotient of two counts, and never shown without its definition.

"Closure rate" means three different things, so each has its own key. The counts are those of
`dispatch.closure`, which says what is in them; the formulas those of the domain notes, "Closure figures".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from dispatch.closure import Tally


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means. ``numerator`` and ``denominator`` name counts of a tally."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    numerator: str
    denominator: str


DEFINITIONS: Final[Mapping[str, Definition]] = {
    d.key: d
    for d in (
        Definition(
            "closed_of_reported",
            "上报结案率",
            "closed of reported",
            "closed / reported in the period, without cancelled and joined",
            "closed",
            "standing",
        ),
        Definition(
            "closure",
            "结案率",
            "closure rate",
            "closed / due for closure in the period, without suspended",
            "due_closed",
            "due",
        ),
        Definition(
            "on_time_closure",
            "按期结案率",
            "on-time closure",
            "closed within the limit / due for closure in the period, without suspended",
            "due_closed_on_time",
            "due",
        ),
        Definition(
            "on_time_of_targeted",
            "有时限案卷按期结案率",
            "closed on time of those with a limit",
            "closed within the limit / reported in the period with a limit, without rejected,"
            " cancelled and joined",
            "closed_within_limit",
            "with_limit",
        ),
        Definition(
            "filing",
            "立案率",
            "filing",
            "filed / reported in the period, without cancelled, joined, self-handled and imported history",
            "filed",
            "to_file",
        ),
        Definition(
            "automatic",
            "无人工干预率",
            "without a human hand",
            "filed and dispatched by a rule, and since then not taken back, returned, reopened or"
            " dispatched by a person / filed, of those reported in the period",
            "automatic",
            "filed",
        ),
        Definition(
            "rework",
            "返工率",
            "rework",
            "rework events / due for closure in the period, without suspended",
            "due_reworks",
            "due",
        ),
        Definition(
            "dispatch_accuracy",
            "准确派遣率",
            "dispatch accuracy",
            "never dispatched to another department afterwards / dispatched, of those reported in the period",
            "never_redirected",
            "dispatched",
        ),
        Definition(
            "overdue_open",
            "超期未结",
            "overdue open",
            "open and past the limit / due for closure in the period, without suspended",
            "overdue_open",
            "due",
        ),
        Definition(
            "closure_with_suspended",
            "结案率(含挂账)",
            "closure rate with suspended",
            "closed / due for closure in the period, and suspended now and dispatched before its end",
            "due_closed",
            "due_with_suspended",
        ),
        Definition(
            "on_time_with_suspended",
            "按期结案率(含挂账)",
            "on-time closure with suspended",
            "closed within the limit / due for closure in the period, and suspended now and"
            " dispatched before its end",
            "due_closed_on_time",
            "due_with_suspended",
        ),
        Definition(
            "on_time_with_exemptions",
            "按期结案率(含申诉豁免)",
            "on-time closure with exemptions",
            "closed within the limit, or late and exempted on appeal / due for closure in the"
            " period, without suspended",
            "due_on_time_or_exempt",
            "due",
        ),
        Definition(
            "handling",
            "处置率",
            "handling",
            "handled / due for handling in the period, without suspended",
            "handling_done",
            "handling_due",
        ),
        Definition(
            "on_time_handling",
            "按期处置率",
            "on-time handling",
            "handled within the limit / due for handling in the period, without suspended",
            "handling_on_time",
            "handling_due",
        ),
        Definition(
            "extension",
            "延期率",
            "extension",
            "extended at least once / due for handling in the period, without suspended",
            "handling_extended",
            "handling_due",
        ),
        Definition(
            "response",
            "响应率",
            "response",
            "somebody was reached / called back after closing, the last call-back of each, of those"
            " reported in the period",
            "contacted",
            "called_back",
        ),
        Definition(
            "solution",
            "解决率",
            "solution",
            "said that it is solved / said whether it is, in the last call-back, of those reported"
            " in the period",
            "solved",
            "told_solved",
        ),
        Definition(
            "satisfaction",
            "满意率",
            "satisfaction",
            "said that they are satisfied / said whether they are, in the last call-back, of those"
            " reported in the period",
            "satisfied",
            "told_satisfied",
        ),
    )
}

#: What a figure with a zero denominator shows: neither 0 nor 100.
NO_FIGURE: Final = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with the definition, numerator and denominator it must never be shown without."""

    key: str
    name_zh: str
    name_en: str
    formula: str
    numerator: int
    denominator: int

    @property
    def rate(self) -> Fraction | None:
        """The exact quotient; None where the denominator is 0."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def percent(self, places: int = 2) -> str:
        """The rate in per cent with so many decimals, half rounded up; "–" where there is none.

        >>> Figure("closure", "结案率", "closure rate", "closed / due", 12692, 15893).percent()
        '79.86'
        >>> Figure("closure", "结案率", "closure rate", "closed / due", 0, 0).percent()
        '–'
        """
        if not self.denominator:
            return NO_FIGURE
        # whole numbers up to the last step, so that a half is a half
        scaled = Decimal((self.numerator * 10 ** (places + 3)) // self.denominator).scaleb(-places - 1)
        return str(scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def figures(tally: Tally) -> tuple[Figure, ...]:
    """All figures of a tally, in the order of :data:`DEFINITIONS`.

    A month worked out by hand. Of six reports of March one was filed, dispatched and closed a day early, one
    closed a day late and exempted, one is open and overdue, one was rejected, one cancelled, and one joined
    to another:

    >>> from datetime import UTC, datetime
    >>> from dispatch.closure import IncidentFacts, Period, count
    >>> from dispatch.lifecycle import Stage
    >>> def march(day: int) -> datetime:
    ...     return datetime(2026, 3, day, tzinfo=UTC)
    >>> rows = [
    ...     IncidentFacts(Stage.CLOSED, march(2), march(2), march(2), march(3), march(3), march(4), 1),
    ...     IncidentFacts(
    ...         *(Stage.CLOSED, march(2), march(2), march(2), march(5), march(5), march(4), 2, 1),
    ...         redirected=1,
    ...         appeal="granted",
    ...     ),
    ...     IncidentFacts(Stage.HANDLING, march(9), march(9), march(9), None, None, march(11), 1),
    ...     IncidentFacts(Stage.REJECTED, march(10)),
    ...     IncidentFacts(Stage.CANCELLED, march(10)),
    ...     IncidentFacts(Stage.JOINED, march(11)),
    ... ]
    >>> tally = count(rows, Period(march(1), march(31)), now=march(20))
    >>> for figure in figures(tally)[:12]:
    ...     print(f"{figure.key}: {figure.numerator}/{figure.denominator} = {figure.percent()}")
    closed_of_reported: 2/4 = 50.00
    closure: 2/3 = 66.67
    on_time_closure: 1/3 = 33.33
    on_time_of_targeted: 1/3 = 33.33
    filing: 3/4 = 75.00
    automatic: 0/3 = 0.00
    rework: 0/3 = 0.00
    dispatch_accuracy: 2/3 = 66.67
    overdue_open: 1/3 = 33.33
    closure_with_suspended: 2/3 = 66.67
    on_time_with_suspended: 1/3 = 33.33
    on_time_with_exemptions: 2/3 = 66.67
    """
    return tuple(
        Figure(
            d.key, d.name_zh, d.name_en, d.formula, getattr(tally, d.numerator), getattr(tally, d.denominator)
        )
        for d in DEFINITIONS.values()
    )
