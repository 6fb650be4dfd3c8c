"""From a clock that runs out to the e-mail of whoever has to answer, through the whole service."""

from __future__ import annotations

from datetime import timedelta

from dispatch.incidents import fold
from gridgov import commands
from gridgov.storage.ledger import history
from tests.gridgov import scene
from tests.gridgov.outbox.conftest import Opened, Town, notice, until, webhook
from tests.gridgov.outbox.receiver import Box, Receiver
from tests.gridgov.outbox.test_mail import MINUTE, smtp_of

LADDER = """
[clocks]
intake = "15em"

[escalation]
clocks = ["intake"]

[[escalation.steps]]
level = "street"
roles = ["shift_leader", "manager"]
answer_within = "30em"

[[escalation.steps]]
level = "district"
roles = ["manager"]
answer_within = "1eh"

[[targets]]
name = "asked"
kind = "email"
roles = ["escalated"]
"""


def look(town: Town, incident: str) -> None:
    """What a sweeper does when the time has come."""
    with town.service.reader.connect() as connection:
        entries = history(connection, [incident])[incident]
    found = fold(entries)
    assert found.next_look is not None
    town.service.writer.run(commands.notice(incident, found.number, found.next_look))


def test_who_is_asked_is_told_and_each_threshold_has_its_name(
    opened: Opened, box: Box, hook: Receiver
) -> None:
    with opened(**smtp_of(box)) as town:
        town.email("leader", "leader@example.org")
        town.email("manager_n", "north@example.org")
        town.email("clerk", "clerk@example.org")
        events = '"warning", "overdue", "escalated"'
        town.apply(LADDER + webhook(hook.url) + notice(events) + notice('"escalated"', '"asked"', "asked"))
        town.report("a", scene.RUBBISH)
        town.clock.now += timedelta(minutes=13)
        look(town, "report-a")
        town.clock.now += timedelta(minutes=3)
        look(town, "report-a")
        until(lambda: len(hook.taken) == 3)
        assert [one.told["event"] for one in hook.taken] == ["warning", "overdue", "escalated"]
        until(lambda: len([row for row in town.rows() if row.target == "asked"]) == 2)
        town.later(MINUTE)
        until(lambda: len(box.mails) == 2)
        assert sorted(box.recipients) == ["leader@example.org", "north@example.org"]
        assert "请以下人员答复:街道" in box.texts[0]
        assert "答复期限:2026-11-23 10:46" in box.texts[0]
