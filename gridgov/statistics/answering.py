"""A question answered from the copy: figures with everything needed to understand them, ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb

from dispatch.closure import Tally
from dispatch.figures import DEFINITIONS, Figure, figures
from dispatch.intervals import ranked, wilson
from gridgov.in_force import InForce
from gridgov.statistics import counting, times, trends
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.grouping import TREND, grouped
from gridgov.statistics.naming import Named, names
from gridgov.statistics.question import AS_RECORDED, Question
from gridgov.statistics.rows import Asked
from gridgov.statistics.settling import Settled, bounds_of, laid_out, settle

#: Figures whose numerator may be larger than their denominator: they are no shares, and have no interval.
NO_SHARES: Final = frozenset({"rework"})
#: Figures of which less is better.
THE_LESS: Final = frozenset({"overdue_open", "extension"})


def answer(
    db: duckdb.DuckDBPyConnection, in_force: InForce, drawings: Drawings, question: Question
) -> dict[str, Any]:
    """The figures of a question: for what, by what, when, and as of where; each with its definition,
    numerator, denominator and Wilson interval, and its place among the groups.

    The rows of a grouping add up to the total; what has no such key is a row of its own, whose key is None.
    Those of a trend do for what was reported only: an incident is due in every bucket in which it is not yet
    closed, and once in the period as a whole, which the total is of. Raises what :func:`settle` raises.
    """
    settled = settle(db, in_force, drawings, question)
    found = _counted(db, settled, in_force)
    rules = in_force.rules
    called = names(question.by, list(found.groups), rules, settled.drawn, drawings) | found.names
    order = list(found.groups) if question.by in TREND else sorted(found.groups, key=_order)
    shown = {key: _shown(key, called.get(key), found.groups[key]) for key in order}
    _rank(shown, question.by)
    total = _shown("total", Named("合计", "total"), found.total)
    for word in sorted(question.more):
        _tell_more(db, word, found.rows, shown, total, question.by)
    edition, as_of = settled.drawn.edition, settled.as_of
    return {
        "by": question.by,
        "period": {"from": question.start, "to": question.end},
        "groups": list(shown.values()),
        "total": total,
        "definitions": [asdict(definition) for definition in DEFINITIONS.values()],
        "edition": AS_RECORDED if edition is None else edition,
        "edition_name": settled.drawn.name,
        "located_again": found.again,
        "rules": rules.version,
        "position": as_of.position,
        "as_of": {"position": as_of.position, "time": as_of.time},
        "generated_at": question.now,
    }


@dataclass(frozen=True, slots=True)
class _Found:
    """The tallies by group, that of all together, what groups are called already, and the rows grouped."""

    groups: Mapping[str | None, Tally]
    total: Tally
    again: int
    names: dict[str | None, Named]
    rows: Asked


def _counted(db: duckdb.DuckDBPyConnection, settled: Settled, in_force: InForce) -> _Found:
    by, rows = settled.question.by, settled.rows
    if by in TREND:
        return _trend(db, settled, in_force.city.zone)
    rows = grouped(db, rows, by, settled.drawn, settled.column)
    counted = counting.tallies(db, rows)
    total = sum(counted.tallies.values(), start=Tally())
    return _Found(counted.tallies, total, counted.again, {}, rows)


def _trend(db: duckdb.DuckDBPyConnection, settled: Settled, zone: str) -> _Found:
    """The parts of a trend; the total is of the whole period, as nobody asked for parts of it."""
    whole = counting.tallies(db, settled.rows)
    total = sum(whole.tallies.values(), start=Tally())
    rows, laid = laid_out(db, settled, zone)
    keys = [one.name for one in laid]
    bounds = bounds_of(laid)
    counted = trends.tallies(db, rows, bounds)
    groups: dict[str | None, Tally] = dict(zip(keys, counted, strict=True))
    called: dict[str | None, Named] = {key: Named(key, key) for key in keys}
    number, join = trends.bucket_of("reported_at", bounds)
    return _Found(groups, total, whole.again, called, rows.by(f"CAST({number} AS VARCHAR)", join))


# -- as it is shown


def _order(key: str | None) -> tuple[bool, str]:
    """By key; what has none comes last."""
    return key is None, key or ""


def _shown(key: str | None, named: Named | None, tally: Tally) -> dict[str, Any]:
    named = named or Named(key or "–", key or "–")
    return {
        "key": key,
        "path": None if named.path is None else list(named.path),
        "name_zh": named.name_zh,
        "name_en": named.name_en,
        "tally": asdict(tally),
        "figures": {figure.key: _figure(figure) for figure in figures(tally)},
    }


def _figure(figure: Figure) -> dict[str, Any]:
    interval = None if figure.key in NO_SHARES else wilson(figure.numerator, figure.denominator)
    return {
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "rate": None if figure.rate is None else float(figure.rate),
        "percent": figure.percent(),
        "interval": None if interval is None else [interval.low, interval.high],
        "rank": None,
    }


_Told = Callable[[duckdb.DuckDBPyConnection, Asked], times.Groups]
#: What can be told besides: how, and what is told of a group of which there is nothing to tell.
_MORE: Final[Mapping[str, tuple[_Told, Callable[[], Mapping[str, Any]]]]] = {
    "times": (times.times, lambda: times.NO_TIMES),
    "survival": (times.survival, lambda: times.NO_SURVIVAL),
    "ageing": (times.ageing, times.no_ageing),
}


def _tell_more(
    db: duckdb.DuckDBPyConnection,
    word: str,
    rows: Asked,
    shown: Mapping[str | None, dict[str, Any]],
    total: dict[str, Any],
    by: str,
) -> None:
    """Put times, survival or ageing to each group and the total.

    Ages are of what is open now, whenever it was reported: they belong to no part of a trend.
    """
    tell, nothing = _MORE[word]
    whole = rows.by("'all'")
    total[word] = tell(db, whole).get("all", nothing())
    if by == "none":
        told: times.Groups = {"all": total[word]}
    elif by in TREND:
        # The rows know the numbers of the parts, not their names.
        parts = tell(db, rows) if word != "ageing" else {}
        told = {key: parts[str(n)] for n, key in enumerate(shown) if str(n) in parts}
    else:
        told = tell(db, rows)
    for key, group in shown.items():
        group[word] = None if by in TREND and word == "ageing" else told.get(key, nothing())


def _rank(shown: Mapping[str | None, dict[str, Any]], by: str) -> None:
    """Each group's place for each figure, by what is certain of it: the end of the interval; few incidents
    neither lead nor trail. What has no such key is in no ranking, and neither are parts of a trend.
    """
    if by == "none" or by in TREND:
        return
    groups = {key: group["figures"] for key, group in shown.items() if key is not None}
    for name in DEFINITIONS.keys() - NO_SHARES:
        told = [(key, of[name]["numerator"], of[name]["denominator"]) for key, of in groups.items()]
        for one in ranked(told, higher_is_better=name not in THE_LESS):
            groups[one.key][name]["rank"] = one.rank
