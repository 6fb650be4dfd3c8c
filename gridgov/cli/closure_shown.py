"""Closure figures as people read them in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from dispatch.figures import DEFINITIONS, NO_FIGURE
from dispatch.intervals import SMALL, is_small
from gridgov.cli.output import print_table, say
from gridgov.due_times import hours
from gridgov.exporting import write_csv
from gridgov.statistics.question import AS_RECORDED
from gridgov.statistics.tables import percent
from gridgov.statistics.times import BANDS, NAMES, QUARTERS

#: The figures shown to people; the others are in --json and --csv.
SHOWN: Final = ("closed_of_reported", "closure", "on_time_closure", "on_time_of_targeted", "automatic")
#: The counts shown before them.
_COUNTS: Final = ("reported", "closed", "open", "rejected", "cancelled", "joined", "self_handled")
_SHARES_ZH: Final = {"p25": "25%", "p50": "中位数 median", "p75": "75%", "p90": "90%"}
_BANDS_ZH: Final = ("<1天", "1-3天", "3-7天", "7-30天", "30-90天", "90-365天", ">1年")
#: Beside a rate of few, and beside a difference that is more than chance.
_FEW, _CERTAIN = "°", "*"
Group = Mapping[str, Any]


def show(found: Mapping[str, Any]) -> None:
    """An answer of `gridgov.statistics.telling.told`."""
    head = ["", "", *(name.replace("_", "-") for name in _COUNTS)]
    for key in SHOWN:
        head += [DEFINITIONS[key].name_zh, "%"]
    groups = [*found["groups"], found["total"]]
    print_table("", head, [_line(group) for group in groups], numbers=len(head) - 2)
    if "times" in found["total"]:
        _show_times("times", NAMES, groups)
    if "survival" in found["total"]:
        _show_times("survival", QUARTERS, groups)
    if "ageing" in found["total"]:
        _show_ageing(groups)
    _explain(found)
    tally = found["total"]["tally"]
    say(f"without a limit, in no on-time figure: {tally['without_limit']:,}")
    say(f"suspended now, and so not due: {tally['suspended']:,}")
    say(f"{_period(found)}{_narrowed(found)}, {_drawn(found)}, rules {found['rules']}")
    _say_as_of(found)


def _line(group: Group) -> list[Any]:
    tally = group["tally"]
    line: list[Any] = [group["key"] or "", group["name_zh"], *(f"{tally[name]:,}" for name in _COUNTS)]
    for key in SHOWN:
        figure = group["figures"][key]
        line += [f"{figure['numerator']:,} / {figure['denominator']:,}", _rate(figure)]
    return line


def _rate(figure: Mapping[str, Any]) -> str:
    few = figure["rate"] is not None and is_small(figure["denominator"])
    return f"{figure['percent']}{_FEW if few else ''}"


def _show_times(word: str, names: Sequence[str], groups: Sequence[Group]) -> None:
    """Hours and minutes."""
    counts = ("closed",) if word == "times" else ("closed", "open")
    head = ["", "", *counts, *(f"{_SHARES_ZH[name]} h:m" for name in names)]
    rows = []
    for group in groups:
        told = group[word]
        if told is not None:
            spans = [NO_FIGURE if told[n] is None else hours(timedelta(seconds=told[n])) for n in names]
            rows.append([group["key"] or "", group["name_zh"], *(f"{told[n]:,}" for n in counts), *spans])
    print_table(word, head, rows, numbers=len(head) - 2)


def _show_ageing(groups: Sequence[Group]) -> None:
    head = ["", "", "open", "past limit", *_BANDS_ZH]
    rows = [
        [
            *(group["key"] or "", group["name_zh"]),
            *(f"{group['ageing'][name]:,}" for name in ("open", "past_limit")),
            *(f"{band['open']:,}" for band in group["ageing"]["bands"]),
        ]
        for group in groups
        if group["ageing"] is not None
    ]
    assert len(_BANDS_ZH) == len(BANDS)
    print_table("ageing", head, rows, numbers=len(head) - 2)


def show_compared(found: Mapping[str, Any]) -> None:
    """An answer of `gridgov.statistics.comparing.compared`."""
    head = ["", "", "reported", ""]
    for key in SHOWN:
        head += [f"{DEFINITIONS[key].name_zh} %", "", "±"]
    groups = [*found["groups"], found["total"]]
    print_table("", head, [_pair(pair) for pair in groups], numbers=len(head) - 2)
    _explain(found)
    for side in ("first", "second"):
        one = found[side]
        say(f"{side}: {_period(one)}{_narrowed(one)}, {_drawn(one)}")
    say(f"± percentage points, first less second; {_CERTAIN} more than chance, with 95 % confidence")
    _say_as_of(found)


def _pair(pair: Mapping[str, Any]) -> list[Any]:
    sides = [pair["first"], pair["second"]]
    line: list[Any] = [pair["key"] or "", pair["name_zh"]]
    line += [NO_FIGURE if side is None else f"{side['tally']['reported']:,}" for side in sides]
    for key in SHOWN:
        line += [NO_FIGURE if side is None else _rate(side["figures"][key]) for side in sides]
        line.append(_points(None if pair["differences"] is None else pair["differences"][key]))
    return line


def _points(told: Mapping[str, Any] | None) -> str:
    if told is None or told["rate"] is None:
        return NO_FIGURE
    return f"{told['rate'] * 100:+.2f}" + (_CERTAIN if told["certain"] else "")


def show_incidents(found: Mapping[str, Any], *, as_csv: bool) -> None:
    """One page of the incidents behind a figure."""
    if as_csv:
        write_csv(iter(found["rows"]), sys.stdout)
    else:
        head = ("案件编号", "reported at", "stage", "category", "department", "path", "weight")
        rows = [
            (
                *(row["case_number"] or row["id"], row["reported_at"][:16], row["stage"]),
                *(row["category"], row["department"], "/".join(row["path"]), row["weight"]),
            )
            for row in found["rows"]
        ]
        print_table("", head, rows, numbers=1)
    say(f"{found['count']:,} in all, as of position {found['position']:,}")
    if found["next"] is not None:
        say(f"more: --after {found['next']}")


def _explain(found: Mapping[str, Any]) -> None:
    for key in SHOWN:
        one = DEFINITIONS[key]
        say(f"{one.name_zh} {one.name_en}: {one.formula}")
    for meaning in found["meanings"]:
        if meaning["key"] in found.get("total", {}):
            say(f"{meaning['name_zh']} {meaning['name_en']}: {meaning['formula']}")
    low_high = (found["total"].get("figures") or {}).get("closure")
    if low_high and low_high["interval"]:
        low, high = map(percent, low_high["interval"])
        say(f"结案率 closure rate of all lies from {low} to {high} % with 95 % confidence")
    say(f"{_FEW} of fewer than {SMALL}: one incident moves it by more than three points")


def _period(told: Mapping[str, Any]) -> str:
    name = told["period"]["name"]
    return "all time" if name == ".." else f"period {name}"


def _narrowed(told: Mapping[str, Any]) -> str:
    return "".join(f", {name} {value}" for name, value in told["only"].items())


def _say_as_of(found: Mapping[str, Any]) -> None:
    as_of = found["as_of"]
    say(f"the same again: --position {as_of['position']} --as-of {as_of['time']}")


def _drawn(found: Mapping[str, Any]) -> str:
    """Whose grids these are, and what had to be carried over."""
    if found["edition"] == AS_RECORDED:
        return "each incident in the edition it was recorded in"
    again = found["located_again"]
    told = f" (recorded in another and located again: {again:,})" if again else ""
    return f"edition {found['edition']} {found['edition_name']}{told}"
