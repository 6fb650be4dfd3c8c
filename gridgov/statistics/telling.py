"""Figures as they are handed out: the answer with what was asked, what it means, and how to ask it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gridgov.statistics.meanings import CERTAINTY, MEANINGS
from gridgov.statistics.periods import name_of
from gridgov.statistics.question import Question, Statistics


def told(statistics: Statistics, question: Question, zone: str) -> dict[str, Any]:
    """The answer to a question: see `gridgov.statistics.answering.answer`, with the name of its period,
    ``only`` (what it was narrowed down to), and ``meanings`` of what is not among the definitions.

    ``as_of`` has the position and the moment with which the same question gives the same figures again.
    Raises what `Statistics.ask` raises.
    """
    found = dict(statistics.ask(question))
    found["period"] = {**found["period"], "name": name_of(question.period, zone)}
    found["only"] = only(question)
    found["meanings"] = meanings(question)
    return found


def only(question: Question) -> dict[str, Any]:
    """What a question is narrowed down to, by the names in which it is asked."""
    narrowed = question.only.model_dump(by_alias=True, exclude_none=True)
    for name in ("under", "specialised"):
        if narrowed.get(name):
            narrowed[name] = "/".join(narrowed[name])
    return {name: value for name, value in narrowed.items() if value}


def meanings(question: Question) -> list[Mapping[str, str]]:
    """What the numbers of an answer mean that are no closure figures."""
    more = [meaning for word in sorted(question.more) for meaning in MEANINGS[word]]
    return [asdict(one) for one in (*CERTAINTY[:2], *more)]
