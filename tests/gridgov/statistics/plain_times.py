"""How long things took, how old the open are and what was returned, read off one incident after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from dispatch.incidents import Incident
from dispatch.lifecycle import Stage
from dispatch.survival import Step, quantiles
from gridgov.returns import Returned, counted
from gridgov.statistics.question import Question
from tests.gridgov.statistics.copied_town import CopiedTown, Plainly

OVER = (Stage.CLOSED, Stage.REJECTED, Stage.CANCELLED, Stage.JOINED)
SINCE_DAYS = (0, 1, 3, 7, 30, 90, 365)


def require_equal(town: CopiedTown, question: Question) -> None:
    """What is told of each group beside its counts."""
    question = question.model_copy(update={"more": frozenset({"times", "survival", "ageing"})})
    told, plain = town.ask(question), Plainly(town, question)
    groups: dict[str | None, list[Incident]] = defaultdict(list)
    for one in plain.incidents():
        groups[plain.key(one)].append(one)
    everything = {"total": plain.incidents(), **groups}
    for group in (*told["groups"], told["total"]):
        several = everything.get(group["key"], [])
        cohort = [one for one in several if one.reported_at in question.period]
        assert group["times"] == times(cohort), (group["key"], question)
        assert group["survival"] == survival(cohort, plain.now), (group["key"], question)
        assert group["ageing"] == ageing(several, plain.now), (group["key"], question)


def took(one: Incident) -> int | None:
    """Whole seconds from its report until it was closed."""
    if one.stage is not Stage.CLOSED or one.self_handled or one.closed_at is None:
        return None
    passed = one.closed_at - one.reported_at
    return int(passed.total_seconds()) if passed.total_seconds() >= 0 else None


def times(cohort: Sequence[Incident]) -> dict[str, Any]:
    found = sorted(seconds for one in cohort if (seconds := took(one)) is not None)
    shares = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}
    return {"closed": len(found)} | {name: percentile(found, share) for name, share in shares.items()}


def percentile(found: Sequence[int], share: float) -> Any:
    """Between the two nearest in a straight line."""
    if not found:
        return None
    at = share * (len(found) - 1)
    low = found[int(at)]
    high = found[min(int(at) + 1, len(found) - 1)]
    # Compared as floating point is: DuckDB and Python may round the last bit differently.
    return Near(low + (high - low) * (at - int(at)))


class Near(float):
    """A number that equals all that are as good as the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(self - other) <= 1e-9 * max(1.0, abs(self))

    __hash__ = float.__hash__


def survival(cohort: Sequence[Incident], now: datetime) -> dict[str, Any]:
    steps = []
    for one in cohort:
        seconds = took(one)
        if seconds is not None:
            steps.append(Step(seconds // 60, 1))
        elif one.stage not in OVER:
            age = whole(now) - whole(one.reported_at)
            steps.append(Step(max(0, age) // 60, 0, 1))
    minutes = quantiles(steps, (0.25, 0.5, 0.75))
    named = zip(("p25", "p50", "p75"), minutes, strict=True)
    counts = {"closed": sum(step.ended for step in steps), "open": sum(step.censored for step in steps)}
    return counts | {name: None if at is None else at * 60 for name, at in named}


def ageing(several: Sequence[Incident], now: datetime) -> dict[str, Any]:
    still = [one for one in several if one.stage not in OVER]
    ages = {one.id: max(0, whole(now) - whole(one.reported_at)) for one in still}
    late = {one.id for one in still if one.due_at is not None and one.due_at < now}
    late -= {one.id for one in still if one.stage is Stage.SUSPENDED}
    keys = ("under_1_day", "1_to_3_days", "3_to_7_days", "7_to_30_days", "30_to_90_days")
    bands = []
    ends = [*(days * 86_400 for days in SINCE_DAYS[1:]), 1 << 60]
    for key, days, end in zip((*keys, "90_to_365_days", "over_1_year"), SINCE_DAYS, ends, strict=True):
        mine = {id_ for id_, age in ages.items() if days * 86_400 <= age < end}
        bands.append({"key": key, "from_s": days * 86_400, "open": len(mine), "past_limit": len(mine & late)})
    oldest = max(ages.values(), default=None)
    return {"open": len(still), "past_limit": len(late), "oldest_s": oldest, "bands": bands}


def whole(moment: datetime) -> int:
    return int(moment.timestamp() // 1)


def require_returns(town: CopiedTown, question: Question) -> int:
    """The matrix of returns is that of `gridgov.returns`, but for how long departments had held them; how many
    there were.
    """
    told, plain = town.returns(question), Plainly(town, question)
    found = [
        Returned(one.from_department, one.to_department, one.returned_at, one.taken_at)
        for incident in plain.incidents()
        for one in incident.handovers
        if one.returned_at in question.period
    ]
    pairs: dict[tuple[str, str | None], list[Returned]] = defaultdict(list)
    by_from: dict[str, list[Returned]] = defaultdict(list)
    for one in found:
        pairs[one.from_department, one.to_department].append(one)
        by_from[one.from_department].append(one)
    assert {(one["from"], one["to"]): counts(one) for one in told["pairs"]} == counted_of(pairs)
    assert {one["from"]: counts(one) for one in told["departments"]} == counted_of(by_from)
    assert told["total"] == counted_of({"": found})[""]
    return len(found)


def counts(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("count", "median_s", "untaken", "back")}


def counted_of(several: Mapping[Any, Sequence[Returned]]) -> dict[Any, dict[str, Any]]:
    found = {key: asdict(counted(of)) for key, of in several.items()}
    for one in found.values():
        del one["held_s"]
        one["median_s"] = None if one["median_s"] is None else Near(one["median_s"])
    return found
