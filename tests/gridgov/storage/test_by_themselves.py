"""What rules and clocks do by themselves, in the store: in one transaction, once, and open to be taken back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from dispatch.errors import NotAsked, NothingToUndo, NotRunning, UnknownDepartment, UnknownStandard
from dispatch.lifecycle import Act, Role
from gridgov import commands
from gridgov.commands import SentReport
from gridgov.storage.errors import IdReused, Stale
from gridgov.storage.rebuild import differences
from gridgov.storage.tables import IncidentRow
from tests.gridgov import scene
from tests.gridgov.storage.conftest import Town

NOISE_N1 = {"category": scene.NOISE, "position": scene.at("N1")}


def row(town: Town, id_: str) -> dict[str, Any]:
    with town.reader.connect() as connection:
        table = IncidentRow.__table__  # type: ignore[attr-defined]
        return dict(connection.execute(select(table).where(table.c.id == id_)).mappings().one())


def test_report_filing_and_dispatch_are_one_transaction_and_one_answer(town: Town) -> None:
    receipt = town.report(**NOISE_N1, standard="loud")
    assert (receipt.number, receipt.position) == (3, 3)
    assert [told.entry.by for told in town.committed] == ["inspector", "auto:loud noise", "auto:loud noise"]
    assert len({told.entry.recorded_at for told in town.committed}) == 1
    found = row(town, receipt.incident)
    assert (found["stage"], found["lead"], found["automatic"], found["auto_dispatched"]) == (
        "handling",
        "north_office",
        "loud noise",
        True,
    )
    assert (found["standard"], found["clock"], found["clock_run"], found["limit"]) == (
        "loud",
        "handling",
        3,
        "2eh",
    )


def test_sent_again_it_is_done_once(town: Town) -> None:
    id_ = str(uuid.uuid4())
    first = town.report(**NOISE_N1, standard="loud", id=id_)
    again = town.report(**NOISE_N1, standard="loud", id=id_)
    assert (again.repeated, again.number, again.position) == (True, first.number, first.position)
    assert len(town.committed) == 3
    with pytest.raises(IdReused):
        town.report(**NOISE_N1, id=id_)


def test_a_report_queued_before_there_were_standards_is_still_the_same_one(town: Town) -> None:
    """The digest of what an older program was sent has no word of what came into use later."""
    sent = SentReport(str(uuid.uuid4()), scene.NOISE, "inspector")
    first = commands.report(scene.INSPECTOR, sent)
    assert first.digest == commands.report(scene.INSPECTOR, sent).digest
    old = {
        name: getattr(sent, name)
        for name in (
            *("id", "category", "channel", "happened_at", "position", "address", "words"),
            *("reporter_name", "reporter_phone", "urgency", "photos"),
        )
    }
    assert first.digest == commands.hashlib.sha256(orjson.dumps(["inspector", old, True])).digest()


def test_what_a_rule_did_is_taken_back_by_a_person(town: Town) -> None:
    receipt = town.report(**NOISE_N1, standard="loud")
    town.act(scene.DISPATCHER, Act.UNDO, receipt.incident, 3, reason="a birthday party")
    found = row(town, receipt.incident)
    assert (found["stage"], found["lead"], found["filed_at"], found["dispatches"]) == (
        "intake",
        None,
        None,
        0,
    )
    assert (found["automatic"], found["auto_dispatched"], found["clock"]) == (None, False, "intake")
    town.act(scene.CLERK, Act.FILE, receipt.incident, 4)
    town.act(scene.DISPATCHER, Act.DISPATCH, receipt.incident, 5)
    with pytest.raises(NothingToUndo):
        town.act(scene.DISPATCHER, Act.UNDO, receipt.incident, 6, reason="too late")


def test_a_standard_is_named_with_the_report_or_the_filing(town: Town) -> None:
    with pytest.raises(UnknownStandard, match="it has loud"):
        town.report(**NOISE_N1, standard="quiet")
    plain = town.report(**NOISE_N1)
    assert row(town, plain.incident)["stage"] == "intake"
    town.act(scene.CLERK, Act.FILE, plain.incident, 1, standard="loud")
    town.act(scene.DISPATCHER, Act.DISPATCH, plain.incident, 2)
    found = row(town, plain.incident)
    assert (found["standard"], found["limit"], found["automatic"]) == ("loud", "2eh", None)


def test_co_handlers_are_named_at_dispatch_and_have_to_exist(town: Town) -> None:
    receipt = town.report(scene.COVER, scene.at("N1"))
    town.act(scene.CLERK, Act.FILE, receipt.incident, 1)
    with pytest.raises(UnknownDepartment):
        town.act(scene.DISPATCHER, Act.DISPATCH, receipt.incident, 2, co_handlers=("nobody",))
    town.act(scene.DISPATCHER, Act.DISPATCH, receipt.incident, 2, co_handlers=("cleaning", "water"))
    assert orjson.loads(row(town, receipt.incident)["co_handlers"]) == ["cleaning"]


def look(town: Town, id_: str, seen: int) -> Any:
    """What a sweeper sends that saw this entry last."""
    now = next(told.after for told in reversed(town.committed) if told.entry.incident == id_)
    assert now.next_look is not None
    town.clock.now = max(town.clock.now, now.next_look)
    return commands.notice(id_, seen, now.next_look)


def test_two_sweepers_say_it_once(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    first = look(town, id_, 1)
    assert [town.writer.run(first).repeated, town.writer.run(first).repeated] == [False, True]
    # One that saw what the other has not seen yet: nothing is left to say.
    town.act(scene.CLERK, Act.NOTE, id_, 1, words="somebody was there")
    with pytest.raises((NotRunning, Stale)):
        town.writer.run(commands.notice(id_, 1, scene.MONDAY))
    assert [told.entry.by for told in town.committed] == ["inspector", "system", "clerk"]


def test_a_number_seen_before_a_warning_is_still_good(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    town.writer.run(look(town, id_, 1))
    assert town.act(scene.CLERK, Act.FILE, id_, 1).number == 3


def test_overdue_asks_the_street_and_then_the_district(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    town.writer.run(look(town, id_, 1))
    town.writer.run(look(town, id_, 2))
    found = row(town, id_)
    assert (found["escalation_step"], found["escalation_level"]) == (1, "street")
    assert found["look_at"] == found["escalation_by"]
    elsewhere = scene.Somebody("south", scene.assignment(Role.SHIFT_LEADER, ("D", "N", "N1")))
    with pytest.raises(NotAsked):
        town.act(elsewhere, Act.ACKNOWLEDGE, id_, 4)
    north = scene.Somebody("north leader", scene.assignment(Role.SHIFT_LEADER, ("D", "N")))
    town.act(north, Act.PASS_ON, id_, 4, reason="not in our power")
    assert row(town, id_)["escalation_level"] == "district"
    with pytest.raises(NotAsked):
        town.act(north, Act.ACKNOWLEDGE, id_, 6)
    town.act(scene.LEADER, Act.ACKNOWLEDGE, id_, 6, reason="we see to it")
    found = row(town, id_)
    assert (found["answered_by"], found["look_at"]) == ("leader", None)


def test_asking_and_verifying(town: Town) -> None:
    id_ = town.report(scene.COVER, scene.at("N1")).incident
    town.act(scene.CLERK, Act.ASK, id_, 1, reason="the photo shows nothing")
    assert (row(town, id_)["stage"], row(town, id_)["clock"]) == ("verifying", "verify")
    town.act(scene.INSPECTOR, Act.VERIFY, id_, 2, found=False, reason="all is well")
    assert (row(town, id_)["stage"], row(town, id_)["clock"]) == ("intake", "intake")


def test_the_projections_are_what_the_ledger_says_after_all_of_it(town: Town) -> None:
    for standard in ("loud", None):
        id_ = town.report(**NOISE_N1, standard=standard).incident
        for _ in range(3):
            last = next(told.after for told in reversed(town.committed) if told.entry.incident == id_)
            if last.next_look is not None:
                town.writer.run(look(town, id_, last.number))
        town.clock.now += timedelta(hours=1)
    with town.reader.connect() as connection:
        assert list(differences(connection)) == []
