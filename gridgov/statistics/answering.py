"""A question answered from the copy: figures with everything needed to understand them, ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb
import numpy as np

from dispatch.figures import DEFINITIONS
from gridgov.in_force import InForce
from gridgov.statistics import counting, times, trends
from gridgov.statistics.drawings import Drawings
from gridgov.statistics.grouping import TREND, grouped
from gridgov.statistics.naming import Named, names
from gridgov.statistics.question import AS_RECORDED, Question
from gridgov.statistics.rows import WHOLE, Asked
from gridgov.statistics.settling import Settled, bounds_of, laid_out, settle
from gridgov.statistics.shares import ROW, Counts, figure_dicts, tally_dicts
from gridgov.statistics.uncollected import uncollected

_DEFINITIONS: Final = tuple(asdict(definition) for definition in DEFINITIONS.values())


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
    with uncollected():
        called = names(question.by, found.keys, rules, settled.drawn, drawings) | found.names
        shown, total = _shown(found, called, question.by)
    for word in sorted(question.more):
        _tell_more(db, word, found, shown, total, question.by)
    edition, as_of = settled.drawn.edition, settled.as_of
    return {
        "by": question.by,
        "period": {"from": question.start, "to": question.end},
        "groups": list(shown.values()),
        "total": total,
        "definitions": [dict(definition) for definition in _DEFINITIONS],
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
    """The groups in their order, with a column of counts each and one more for the total; what groups are
    called already, and the rows grouped: those of a trend by the numbers of its parts.
    """

    keys: list[str | None]
    counts: Counts
    again: int
    names: dict[str | None, Named]
    rows: Asked


def _counted(db: duckdb.DuckDBPyConnection, settled: Settled, in_force: InForce) -> _Found:
    by, rows = settled.question.by, settled.rows
    if by in TREND:
        return _trend(db, settled, in_force.city.zone)
    rows = grouped(db, rows, by, settled.drawn, settled.column)
    found = counting.counted(db, rows)
    order = sorted(range(len(found.keys)), key=lambda at: _order(found.keys[at]))
    counts = np.column_stack((found.counts[:, order], found.counts.sum(axis=1)))
    return _Found([found.keys[at] for at in order], counts, found.again, {}, rows)


def _trend(db: duckdb.DuckDBPyConnection, settled: Settled, zone: str) -> _Found:
    """The parts of a trend; the total is of the whole period, as nobody asked for parts of it."""
    whole = counting.counted(db, settled.rows)
    rows, laid = laid_out(db, settled, zone)
    bounds = bounds_of(laid)
    parts = [[getattr(tally, name) for name in ROW] for tally in trends.tallies(db, rows, bounds)]
    counts = np.column_stack((np.array(parts).T, whole.counts.sum(axis=1)))
    called: dict[str | None, Named] = {one.name: Named(one.name, one.name) for one in laid}
    number, join = trends.bucket_of("reported_at", bounds)
    return _Found(list(called), counts, whole.again, called, rows.by(number, join))


# -- as it is shown


def _order(key: str | None) -> tuple[bool, str]:
    """By key; what has none comes last."""
    return key is None, key or ""


def _shown(
    found: _Found, called: Mapping[str | None, Named], by: str
) -> tuple[dict[str | None, dict[str, Any]], dict[str, Any]]:
    """The groups by their keys, and the total. What has no such key is in no ranking, and neither are parts
    of a trend.
    """
    in_ranking = by != "none" and by not in TREND
    ranked = np.array([*(in_ranking and key is not None for key in found.keys), False])
    tallies, figures = tally_dicts(found.counts), figure_dicts(found.counts, ranked)
    total = _group("total", Named("合计", "total"), tallies.pop(), figures.pop())
    groups = zip(found.keys, tallies, figures, strict=True)
    return {key: _group(key, called.get(key), tally, of) for key, tally, of in groups}, total


def _group(
    key: str | None, named: Named | None, tally: dict[str, int], figures: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    named = named or Named(key or "–", key or "–")
    return {
        "key": key,
        "path": None if named.path is None else list(named.path),
        "name_zh": named.name_zh,
        "name_en": named.name_en,
        "tally": tally,
        "figures": figures,
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
    found: _Found,
    shown: Mapping[str | None, dict[str, Any]],
    total: dict[str, Any],
    by: str,
) -> None:
    """Put times, survival or ageing to each group and the total.

    Ages are of what is open now, whenever it was reported: they belong to no part of a trend.
    """
    tell, nothing = _MORE[word]
    rows, whole = found.rows, found.rows.by(WHOLE)
    total[word] = tell(db, whole).get("all", nothing())
    if by == "none":
        told: times.Groups = {"all": total[word]}
    elif by in TREND:
        # The rows know the numbers of the parts, not their names.
        numbered: Mapping[Any, Any] = tell(db, rows) if word != "ageing" else {}
        told = {key: numbered[n] for n, key in enumerate(shown) if n in numbered}
    else:
        told = tell(db, rows)
    for key, group in shown.items():
        group[word] = None if by in TREND and word == "ageing" else told.get(key, nothing())
