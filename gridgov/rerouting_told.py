"""A trial of other rules as programs and people are shown it: see `gridgov.rerouting`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from dispatch.routing import Routing
from gridgov.rerouting import Change, Pair, Rerouted
from gridgov.rows import iso


def to_dict(found: Rerouted, old: Routing, new: Routing) -> dict[str, Any]:
    """What was found as the outside is shown it, the largest changes first; times in UTC, ``text`` for
    people.
    """
    moves = [
        {**_department("before", old, pair[0]), **_department("after", new, pair[1]), **_change(change)}
        for pair, change in _largest(found.moved)
    ]
    told = {
        "since": iso(found.since),
        "until": iso(found.until),
        "reported": found.reported,
        "decided": found.decided,
        "cut": found.cut,
        "imported": found.imported,
        "compared": found.compared,
        "unknown": found.unknown,
        "missing": [{"category": key, "incidents": many} for key, many in found.missing.most_common()],
        "elsewhere": sum(change.incidents for change in found.moved.values()),
        "moves": moves,
        "co_handlers": _change(found.co_handlers),
        "sooner": _limits(found.sooner),
        "later": _limits(found.later),
        "automatic": {
            "filed": {"before": found.filed["before"], "after": found.filed["after"]},
            "dispatched": {"before": found.dispatched["before"], "after": found.dispatched["after"]},
            "newly": _change(found.newly),
            "no_longer": _change(found.no_longer),
        },
    }
    return told | {"text": list(_lines(told))}


def _largest(counts: Mapping[Pair, Change]) -> list[tuple[Pair, Change]]:
    return sorted(counts.items(), key=lambda item: (-item[1].incidents, item[0]))


def _limits(counts: Mapping[Pair, Change]) -> dict[str, Any]:
    return {
        "incidents": sum(change.incidents for change in counts.values()),
        "limits": [
            {"before": before, "after": after, **_change(change)}
            for (before, after), change in _largest(counts)
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {"incidents": change.incidents, "examples": [asdict(one) for one in change.examples]}


def _department(when: str, routing: Routing, code: str) -> dict[str, str]:
    known = routing.departments.get(code)
    return {when: code, f"{when}_zh": known.name_zh if known else code}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    many = f"{told['decided']:,}"
    if told["cut"]:
        many = f"the newest {many} of {told['reported']:,} (the others were not looked at)"
    since, elsewhere = told["since"][:16], told["elsewhere"]
    yield f"of {many} incidents reported since {since}Z, {elsewhere:,} would go elsewhere"
    for one in told["missing"]:
        yield f"{one['incidents']:,} are in category {one['category']}, which these rules do not have"
    counted = (
        (told["unknown"], "are in categories that the rules in force do not have: not compared"),
        (told["co_handlers"]["incidents"], "would have other co-handlers"),
        (told["sooner"]["incidents"], "would be due sooner"),
        (told["later"]["incidents"], "would be due later"),
    )
    yield from (f"{incidents:,} {words}" for incidents, words in counted if incidents)
    yield from _automatic(told["automatic"])


def _automatic(told: Mapping[str, Any]) -> Iterator[str]:
    for key in ("filed", "dispatched"):
        before, after = told[key]["before"], told[key]["after"]
        if before or after:
            yield f"{key} without a human hand: {before:,} by the rules in force, {after:,} by these"
    for key, words in (("newly", "more"), ("no_longer", "less")):
        if told[key]["incidents"]:
            yield f"{told[key]['incidents']:,} would have {words} done by a rule"
