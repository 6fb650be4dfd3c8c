"""Figures asked of the copy are what a slow, obvious reading of the ledger comes to: whatever happened, by
whatever they are grouped, for any period, narrowed down to anything, as of any position.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dispatch.closure import Period, Tally
from gridgov.errors import BadInput
from gridgov.statistics import trends
from gridgov.statistics.counting import COUNTS
from gridgov.statistics.grouping import TREND
from gridgov.statistics.question import AS_RECORDED, Narrowed, Opening, Question, Reach, whole_second
from tests.gridgov import scene
from tests.gridgov.statistics import plain_times
from tests.gridgov.statistics.copied_town import (
    KEYS,
    LEVELS,
    CopiedTown,
    Plainly,
    added,
    draw,
    tallies_of,
)

BY = (*KEYS, *LEVELS, "fire", "police")
#: Questions asked of a history, each of all that happened and of fewer incidents.
QUESTIONS = 4
REACHES = (
    (Reach(),),
    (Reach(tray=False),),
    (Reach(path=("D", "N"), tray=False),),
    (Reach(path=("D", "S", "S1"), tray=True), Reach(department="water", tray=False)),
    (Reach(department="cleaning", path=("D",)),),
    (),
)
ONLY: tuple[dict[str, Any], ...] = (
    {"under": ("D", "N")},
    {"under": ("D", "S", "S2")},
    {"department": "water"},
    {"department": "office"},
    {"category": scene.COVER},
    {"category": scene.RUBBISH, "under": ("D",)},
    {"class_": "t:event:01"},
    {"field": "city"},
    {"field": "waste", "urgency": "ordinary"},
    {"specialised": ("police", "1")},
    {"specialised": ("fire", "F2")},
    {"urgency": "critical"},
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which nothing has happened yet."""
    folder = tmp_path_factory.mktemp("drawn")
    draw(folder)
    return folder


@contextmanager
def history(drawn: Path, folder: Path, seed: int, count: int = 40) -> Iterator[CopiedTown]:
    town = CopiedTown(shutil.copytree(drawn, folder / str(seed)), seed, count)
    try:
        yield town
    finally:
        town.close()


class Asking:
    """Questions by chance about one history."""

    def __init__(self, town: CopiedTown, seed: int) -> None:
        self.town, self.chance = town, Random(seed)
        self.moments = [moment for at in town.moments() for moment in _around(at)]

    def moment(self) -> datetime:
        """One at which something happened, or a second before or after, or any."""
        if self.chance.random() < 0.7:
            return self.chance.choice(self.moments)
        return scene.MONDAY + timedelta(seconds=self.chance.randrange(-50 * 86_400, 30 * 86_400))

    def period(self) -> Period:
        while True:
            start, end = (None if self.chance.random() < 0.25 else self.moment() for _ in range(2))
            if start is None or end is None or start < end:
                return Period(start, end)

    def question(self, by: str, **more: Any) -> Question:
        period = self.period()
        asked: dict[str, Any] = {
            "by": by,
            "start": period.start,
            "end": period.end,
            "now": self.moment() if self.chance.random() < 0.5 else whole_second(self.town.town.clock.now),
            "edition": self.chance.choice([None, 1, 2, AS_RECORDED]),
            "reach": (Reach(),) if self.chance.random() < 0.5 else self.chance.choice(REACHES),
        }
        if self.chance.random() < 0.5:
            asked["position"] = self.chance.randint(0, self.town.end)
        elif self.chance.random() < 0.3:
            part = timedelta(microseconds=self.chance.randrange(10**6))
            asked["at"] = min(asked["now"], self.moment() + part)
        return Question(**asked | more)

    def narrowed(self, question: Question) -> Question:
        """The same of fewer incidents."""
        return question.model_copy(update={"only": Narrowed(**self.chance.choice(ONLY))})


def _around(at: datetime) -> list[datetime]:
    second = whole_second(at)
    return [second + timedelta(seconds=more) for more in (-1, 0, 1)]


def require_equal(town: CopiedTown, question: Question) -> None:
    """The tallies, the total and what is told of them are those of the slow reading."""
    told, plain = town.ask(question), Plainly(town, question)
    expected = plain.tallies()
    assert tallies_of(told) == expected, question
    assert Tally(**told["total"]["tally"]) == added(expected.values())
    assert told["located_again"] == plain.located_again(), question
    assert (told["position"], told["as_of"]["time"]) == (plain.position, plain.now)


def require_parts(town: CopiedTown, question: Question) -> None:
    """Each part of a trend is what a question for it alone is answered with."""
    plain = Plainly(town, question)
    try:
        parts = plain.parts()
    except BadInput:
        with pytest.raises(BadInput, match="parts by"):
            town.ask(question)
        return
    told = town.ask(question)
    assert [group["key"] for group in told["groups"]] == [part.name for part in parts]
    for group, part in zip(told["groups"], parts, strict=True):
        assert Tally(**group["tally"]) == plain.tally(part.period), (part.name, question)
    assert Tally(**told["total"]["tally"]) == plain.tally(question.period)


def require_behind(town: CopiedTown, question: Question, name: str, chance: Random) -> None:
    """A count's incidents, page by page, are those that the slow reading counts, and as many as the figure
    says.
    """
    told = town.ask(question)
    group = chance.choice([*told["groups"], told["total"]])
    total = group is told["total"]
    firsts, weights, after = [], [], 0
    while True:
        opening = Opening(
            question=question,
            count=name,
            key=None if total else group["key"],
            total=total,
            after=after,
            limit=3,
        )
        page = town.open(opening)
        firsts += page["firsts"]
        weights += page["weights"]
        if page["next"] is None:
            break
        after = page["next"]
    assert sum(weights) == page["count"] == getattr(Tally(**group["tally"]), name), (name, question)
    plain = Plainly(town, question)
    meant = {
        town.first[one.id]: getattr(count_one, name)
        for one in plain.incidents()
        if (total or plain.key(one) == group["key"]) and getattr(count_one := plain.one(one), name)
    }
    assert dict(zip(firsts, weights, strict=True)) == meant
    assert firsts == sorted(firsts)


def prove(town: CopiedTown, seed: int, questions: int = QUESTIONS) -> None:
    asking, chance = Asking(town, seed), Random(seed)
    for _ in range(questions):
        question = asking.question(chance.choice(BY))
        require_equal(town, question)
        require_equal(town, asking.narrowed(question))
    trend = asking.question(chance.choice(TREND))
    if chance.random() < 0.5:
        trend = asking.narrowed(trend)
    for few in (0, trends.FEW):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trends, "FEW", few)
            require_parts(town, trend)
    for name in chance.sample(sorted(COUNTS), 4):
        require_behind(town, asking.question(chance.choice(BY)), name, chance)
    plain_times.require_equal(town, asking.question(chance.choice(BY)))
    plain_times.require_returns(town, asking.question("none"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_they_are_what_folding_every_incident_comes_to(drawn: Path, tmp_path: Path, seed: int) -> None:
    with history(drawn, tmp_path, seed) as town:
        prove(town, seed)


@pytest.mark.long
@pytest.mark.parametrize("start", range(1000, 3000, 100))
def test_they_are_over_thousands_of_histories(drawn: Path, tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 100):
        with history(drawn, tmp_path, seed, count=20 + seed % 120) as town:
            prove(town, seed, questions=12)
