"""Acts made without network, through the writer: decided on what is there, in the order in which they came."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from dispatch.errors import NotInThisStage
from dispatch.lifecycle import Act
from gridgov import commands, questions
from gridgov.errors import QuestionAnswered, UnknownQuestion
from gridgov.sent import SentAct
from gridgov.storage.errors import ChangedMeanwhile, IdReused, Stale
from gridgov.storage.question_tables import QuestionRow
from gridgov.storage.rebuild import differences
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

_questions = QuestionRow.__table__  # type: ignore[attr-defined]


def made_offline(act: Act, incident: str, seen: int, **more: Any) -> SentAct:
    """An act as a phone sends it once there is a network again."""
    return SentAct(str(uuid.uuid4()), incident, act, seen, scene.MONDAY, offline=True, **more)


def installation(town: Town) -> Any:
    return SimpleNamespace(writer=town.writer, reader=town.reader, stream="main", clock=town.clock)


def act(town: Town, by: Any, sent: SentAct) -> Any:
    return asyncio.run(questions.act(installation(town), by, sent))


def handling(town: Town) -> str:
    """A manhole cover that water has to put right; its number is 3."""
    id_ = str(town.report(scene.COVER, scene.at("N1")).incident)
    town.act(scene.CLERK, Act.FILE, id_, 1)
    town.act(scene.DISPATCHER, Act.DISPATCH, id_, 2)
    return id_


def handled_twice(town: Town) -> tuple[str, SentAct]:
    """An incident at number 6 whose second handling waits for its check, and a check of the first."""
    id_ = handling(town)
    town.act(scene.WATER, Act.HANDLE, id_, 3, reason="换了新井盖")
    check = made_offline(Act.CHECK, id_, 4, passed=True)
    town.act(scene.LEADER, Act.CHECK, id_, 4, passed=False, reason="松动")
    town.act(scene.WATER, Act.HANDLE, id_, 5, reason="重新固定")
    return id_, check


def kept(town: Town) -> int:
    with town.reader.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(_questions)).scalar_one())


def test_in_one_batch_the_act_made_offline_is_decided_after_what_came_before_it(town: Town) -> None:
    """Two who were in the same basement: what the first did is what the second is asked about."""
    id_ = handling(town)
    first = made_offline(Act.HANDLE, id_, 3, reason="一")
    second = made_offline(Act.HANDLE, id_, 3, reason="二")
    futures = [town.writer.submit(commands.act(scene.WATER, sent)) for sent in (first, second)]
    assert futures[0].result().number == 4
    with pytest.raises(ChangedMeanwhile) as refused:
        futures[1].result()
    about = refused.value.about
    assert (about["seen"], about["number"]) == (3, 4)
    assert [change["what"] for change in about["changes"]] == ["stage"]
    assert about["now"]["why"] == "NotInThisStage"


def test_the_same_act_online_is_stale_where_offline_it_is_decided_again(town: Town) -> None:
    id_ = handling(town)
    town.act(scene.WATER, Act.ACCEPT, id_, 3)
    sent = made_offline(Act.HANDLE, id_, 3, reason="换了新井盖")
    with pytest.raises(Stale):
        town.act(scene.WATER, Act.HANDLE, id_, 3, reason="换了新井盖")
    receipt = act(town, scene.WATER, sent)
    assert (receipt.number, receipt.fact.act) == (5, Act.HANDLE)
    happened = town.committed[-1].entry.happened_at
    assert happened == scene.MONDAY < town.committed[-1].entry.recorded_at
    assert act(town, scene.WATER, sent).repeated


@pytest.mark.parametrize("days", [-3650, 3650])
def test_a_phone_whose_clock_runs_wrong_by_years_does_not_lose_what_it_sent(town: Town, days: int) -> None:
    """Nobody had a role ten years ago, nor will the limit still run in ten years."""
    id_ = handling(town)
    town.act(scene.WATER, Act.ACCEPT, id_, 3)
    sent = made_offline(Act.APPLY, id_, 3, wish="extension", reason="等件")
    receipt = act(town, scene.WATER, replace(sent, happened_at=scene.MONDAY + timedelta(days=days)))
    assert receipt.fact.act is Act.APPLY
    town.act(scene.DISPATCHER, Act.REFUSE, id_, 5, reason="够了")
    late = made_offline(Act.APPLY, id_, 5, wish="extension", reason="等件")
    with pytest.raises(ChangedMeanwhile):
        act(town, scene.WATER, replace(late, happened_at=scene.MONDAY + timedelta(days=days)))


def test_what_was_refused_then_is_refused_and_no_question(town: Town) -> None:
    id_ = handling(town)
    with pytest.raises(NotInThisStage):
        act(town, scene.INSPECTOR, made_offline(Act.CHECK, id_, 3, passed=True))
    town.act(scene.WATER, Act.HANDLE, id_, 3, reason="换了新井盖")
    # It would be possible now, and was no answer to anything then: a question, not done unasked.
    with pytest.raises(ChangedMeanwhile) as asked:
        act(town, scene.INSPECTOR, made_offline(Act.CHECK, id_, 3, passed=True))
    assert asked.value.about["then"]["why"] == "NotInThisStage"
    assert asked.value.about["now"] == {"stage": "checking", "leads_to": "closing"}


def test_a_question_changes_nothing_of_the_ledger(town: Town) -> None:
    id_, check = handled_twice(town)
    before = len(town.committed)
    with pytest.raises(ChangedMeanwhile) as asked:
        act(town, scene.INSPECTOR, check)
    assert asked.value.about["question"] == check.id
    assert (len(town.committed), kept(town)) == (before, 1)
    confirmed = asyncio.run(questions.confirm(installation(town), scene.INSPECTOR, check.id, 6))
    assert (confirmed.id, confirmed.incident, confirmed.number) == (check.id, id_, 7)
    assert act(town, scene.INSPECTOR, check).number == 7
    assert (len(town.committed), kept(town)) == (before + 1, 1)
    with town.reader.connect() as connection:
        assert list(differences(connection)) == []


def test_what_was_sent_comes_back_as_it_was_sent(town: Town) -> None:
    """Whatever an act can carry: the question has it all, and the words beside it."""
    sent = SentAct(
        *(str(uuid.uuid4()), "i", Act.APPLY, 3, scene.MONDAY),
        reason="等件",
        photos=("a" * 64, "b" * 64),
        position=scene.at("N2"),
        words="某人",
        co_handlers=("water",),
        wish="suspension",
        until=scene.MONDAY + timedelta(days=9),
        satisfied=False,
        offline=True,
    )
    nothing: dict[str, Any] = {"number": 3, "then": {}, "now": {}, "changes": []}
    changed = ChangedMeanwhile(act="apply", seen=3, **nothing)
    town.writer.run(questions.ask(scene.WATER, sent, b"digest", changed))
    with town.reader.connect() as connection:
        assert questions.mine(connection, scene.WATER, sent.id).sent == sent
        with pytest.raises(UnknownQuestion):
            questions.mine(connection, scene.CLEANING, sent.id)
    with pytest.raises(IdReused):
        town.writer.run(questions.ask(scene.WATER, sent, b"another", changed))
    town.writer.run(questions.answer(scene.WATER, sent.id, questions.DROPPED, "不必了"))
    with town.reader.connect() as connection:
        assert questions.mine(connection, scene.WATER, sent.id).sent.words is None
    with pytest.raises(QuestionAnswered):
        asyncio.run(questions.confirm(installation(town), scene.WATER, sent.id, 3))
