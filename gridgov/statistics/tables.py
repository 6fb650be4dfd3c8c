"""Figures as rows of text for spreadsheets: headings first, the total last, and on every line what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dispatch.figures import DEFINITIONS
from gridgov.exporting import cell
from gridgov.rows import iso
from gridgov.statistics.shares import NO_SHARES
from gridgov.statistics.times import BANDS, NAMES, QUARTERS

#: The counts that a table shows before its figures, and those that came later: columns keep their places.
_BEFORE: Final = ("reported", "open", "closed", "rejected", "cancelled")
_AFTER: Final = ("joined", "self_handled", "suspended", "due_exempt")
_SHARES: Final = tuple(key for key in DEFINITIONS if key not in NO_SHARES)
#: Of what the whole table is, on every line.
_OF: Final = ("period", "from", "to", "edition", "position", "as_of")
#: The columns of what can be told besides.
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "times": ("closed", *NAMES),
    "survival": ("closed", "open", *QUARTERS),
    "ageing": ("open", "past_limit", "oldest_s", *(f"{key}_open" for key, _ in BANDS)),
}
Row = list[str]


def to_table(found: Mapping[str, Any]) -> list[Row]:
    """An answer of `gridgov.statistics.telling.told` as a table. A cell is empty where there is no number;
    a percentage without a denominator is "–".
    """
    more = [word for word in _MORE if word in found["total"]]
    head = ["key", "name_zh", "name_en", *_BEFORE]
    for key in DEFINITIONS:
        head += [f"{key}_numerator", f"{key}_denominator", f"{key}_percent"]
    head += _AFTER
    for key in _SHARES:
        head += [f"{key}_low_percent", f"{key}_high_percent", f"{key}_rank"]
    head += [f"{word}_{column}" for word in more for column in _MORE[word]]
    of = _of(found, found)
    lines = [_line(group, more) + of for group in (*found["groups"], found["total"])]
    return [[*head, *_OF], *lines]


def _of(side: Mapping[str, Any], whole: Mapping[str, Any]) -> Row:
    period, as_of = side["period"], whole["as_of"]
    said = (period["name"], period["from"], period["to"], side["edition"], as_of["position"], as_of["time"])
    return [_text(value) for value in said]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return iso(value) if isinstance(value, datetime) else str(value)


def _line(group: Mapping[str, Any], more: Sequence[str]) -> Row:
    tally, figures = group["tally"], group["figures"]
    line = [*_called(group, group["key"]), *(str(tally[name]) for name in _BEFORE)]
    for key in DEFINITIONS:
        figure = figures[key]
        line += [str(figure["numerator"]), str(figure["denominator"]), figure["percent"]]
    line += [str(tally[name]) for name in _AFTER]
    for key in _SHARES:
        line += [*_interval(figures[key]["interval"]), _text(figures[key]["rank"])]
    for word in more:
        line += _besides(word, group[word])
    return line


def _called(group: Mapping[str, Any], key: str | None) -> Row:
    """What comes from outside: never a formula. All else is ours, and a number below nought stays one."""
    return [str(cell(text)) for text in (key, group["name_zh"], group["name_en"])]


def _interval(interval: Sequence[float] | None) -> Row:
    return ["", ""] if interval is None else [percent(one) for one in interval]


def percent(share: float) -> str:
    """A share in per cent with two decimals.

    >>> percent(0.12345)
    '12.35'
    """
    return f"{share * 100:.2f}"


def _besides(word: str, told: Mapping[str, Any] | None) -> Row:
    if told is None:
        return [""] * len(_MORE[word])
    bands = {f"{band['key']}_open": band["open"] for band in told.get("bands", ())}
    return [_text(told[name] if name in told else bands[name]) for name in _MORE[word]]


def compared_table(found: Mapping[str, Any]) -> list[Row]:
    """Two questions side by side, as `gridgov.statistics.comparing.compared` answers, as a table: of each
    figure the two rates with what they are made of, their difference in percentage points, and whether that
    is more than chance.
    """
    head = ["key", "name_zh", "name_en", "second_key", "first_reported", "second_reported"]
    for key in DEFINITIONS:
        for side in ("first", "second"):
            head += [f"{key}_{side}_numerator", f"{key}_{side}_denominator", f"{key}_{side}_percent"]
        head += [f"{key}_points", f"{key}_points_low", f"{key}_points_high", f"{key}_certain"]
    head += [f"{side}_{name}" for side in ("first", "second") for name in _OF]
    of = _of(found["first"], found) + _of(found["second"], found)
    return [head, *(_pair(pair) + of for pair in (*found["groups"], found["total"]))]


def _pair(pair: Mapping[str, Any]) -> Row:
    sides = (pair["first"], pair["second"])
    line = _called(pair, pair["key"])
    line.append("" if pair["second"] is None else str(cell(pair["second"]["key"])))
    line += ["" if side is None else str(side["tally"]["reported"]) for side in sides]
    for key in DEFINITIONS:
        for side in sides:
            line += _side(None if side is None else side["figures"][key])
        line += _points(None if pair["differences"] is None else pair["differences"][key])
    return line


def _side(figure: Mapping[str, Any] | None) -> Row:
    if figure is None:
        return ["", "", ""]
    return [str(figure["numerator"]), str(figure["denominator"]), figure["percent"]]


def _points(told: Mapping[str, Any] | None) -> Row:
    if told is None or told["rate"] is None:
        return ["", "", "", ""]
    certain = {True: "yes", False: "no", None: ""}[told["certain"]]
    return [percent(told["rate"]), *_interval(told["interval"]), certain]
