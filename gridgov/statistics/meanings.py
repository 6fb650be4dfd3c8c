"""What is told of each group beside its closure figures, and what it means: no number without its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a number means."""

    key: str
    name_zh: str
    name_en: str
    formula: str


#: By the words of `gridgov.statistics.question.MORE`.
MEANINGS: Final[Mapping[str, tuple[Meaning, ...]]] = {
    "times": (
        Meaning(
            "times",
            "结案用时分位数",
            "time to closure",
            "seconds from report to closing within which a quarter (p25), half (p50), three quarters (p75)"
            " and nine tenths (p90) of those closed were closed; of what was reported in the period and is"
            " closed, without self-handled; what is still open is in none of them, and makes them look short",
        ),
    ),
    "survival": (
        Meaning(
            "survival",
            "结案用时分位数(含未结, Kaplan-Meier)",
            "time to closure, with what is open",
            "seconds from report within which a quarter, half and three quarters of all are closed, as"
            " estimated (Kaplan and Meier 1958) with what is open counted as taking longer than so far; of"
            " what was reported in the period, without rejected, cancelled, joined and self-handled; none"
            " where more than that share may take longer than anything has",
        ),
    ),
    "ageing": (
        Meaning(
            "ageing",
            "未结案件账龄",
            "ageing of what is open",
            "all that is open, whenever it was reported, by the days since its report; of these past their"
            " limit; and the age of the oldest in seconds",
        ),
    ),
}

#: What an interval and a place among others mean.
CERTAINTY: Final = (
    Meaning(
        "interval",
        "95%置信区间",
        "interval",
        "where the rate lies with 95 % confidence (Wilson 1927), as shares",
    ),
    Meaning(
        "rank",
        "排名",
        "rank",
        "place by the end of the interval that is worse for the group, so that few incidents do not win",
    ),
    Meaning(
        "difference",
        "差异(百分点)",
        "difference",
        "the first rate less the second, as a share, and where that lies with 95 % confidence (Newcombe"
        " 1998, method 10), as of different incidents; certain where 0 is not in it",
    ),
)
