"""E-mail end to end, to a real mail server: what it says, to whom, and what becomes of it when that is unwell."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from dispatch.entries import Escalated
from gridgov.outbox import smtp
from gridgov.outbox.following import facts_of
from gridgov.outbox.lanes import mail_id
from gridgov.outbox.mail import MOST, Envelope, Facts, Item, compose
from gridgov.outbox.rules import Language
from gridgov.outbox.smtp import Line, MailServer, NoMailServer
from gridgov.outbox.telling import Delivery
from gridgov.settings import Settings
from tests.gridgov import scene
from tests.gridgov.outbox.conftest import Opened, Town, notice, until, webhook
from tests.gridgov.outbox.receiver import Box, Receiver, mail_server
from tests.gridgov.outbox.test_telling import LATE, REPORTED, committed, incident

LEADERS = '\n[[targets]]\nname = "leaders"\nkind = "email"\naddresses = ["duty@example.org"]\n'
PEOPLE = '\n[[targets]]\nname = "people"\nkind = "email"\nroles = ["shift_leader", "department"]\n'
MINUTE = timedelta(seconds=61)


def smtp_of(box: Box, **more: Any) -> dict[str, Any]:
    """Settings by which this mail server is used."""
    return {
        "smtp_host": box.host,
        "smtp_port": box.port,
        "smtp_security": "none",
        "smtp_from": "gridgov@example.org",
        "outbox_timeout_s": 1,
        "base_url": "https://city.example/",
        **more,
    }


def waits(town: Town, many: int) -> None:
    until(lambda: len(town.rows()) == many)


def test_one_notice_in_chinese(opened: Opened, box: Box) -> None:
    with opened(**smtp_of(box)) as town:
        town.apply(LEADERS + notice('"filed"', '"leaders"'))
        town.report("a", scene.COVER, words="我是张三", reporter_name="张三", address="张三家门口")
        town.act("clerk", "file", "report-a", 1)
        waits(town, 1)
        town.later(MINUTE)
        until(lambda: box.mails)
        number = "D-20261123-00001"
        [mail], [text] = box.mails, box.texts
        assert box.recipients == ["duty@example.org"]
        assert mail["Subject"] == f"[小镇] 立案 {number} 井盖"
        assert mail["From"] == "gridgov@example.org"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail.get_content_type() == "text/plain"
        assert text.splitlines() == [
            f"立案:案卷 {number}",
            "类别:井盖(一般)",
            "位置:小镇 / 街道N / 网格N1",
            "环节:派遣",
            "部门:水务局",
            *[line for line in text.splitlines() if line.startswith("时限:")],
            f"https://city.example/api/incidents/{number}",
        ]
        assert "张三" not in str(mail) + text
        until(lambda: town.target("leaders").delivered == 1)


def test_the_same_in_english(opened: Opened, box: Box) -> None:
    with opened(**smtp_of(box)) as town:
        town.apply(LEADERS + notice('"reported"', '"leaders"', more='language = "en"'))
        town.report("a", scene.COVER)
        waits(town, 1)
        town.later(MINUTE)
        until(lambda: box.mails)
        assert box.mails[0]["Subject"].startswith("[Small town] Reported D-20261123-")
        assert "Place: 小镇 / 街道N / 网格N1" in box.texts[0]


def test_people_are_told_where_their_role_reaches(opened: Opened, box: Box) -> None:
    with opened(**smtp_of(box)) as town:
        town.email("leader", "leader@example.org")
        town.email("water", "water@example.org")
        town.email("cleaning", "cleaning@example.org")
        town.apply(PEOPLE + notice('"dispatched"', '"people"'))
        town.report("a", scene.COVER)
        town.act("clerk", "file", "report-a", 1)
        town.act("dispatcher", "dispatch", "report-a", 2)
        waits(town, 2)
        town.later(MINUTE)
        until(lambda: len(box.mails) == 2)
        assert sorted(box.recipients) == ["leader@example.org", "water@example.org"]


def test_five_hundred_notices_in_a_minute_are_one_mail(opened: Opened, box: Box) -> None:
    with opened(**smtp_of(box)) as town:
        both = LEADERS + LEADERS.replace("leaders", "others")
        town.apply(both + notice('"reported"', '"leaders", "others"'))
        town.reports(500)
        waits(town, 1000)
        assert not box.mails
        town.later(MINUTE)
        until(lambda: box.mails)
        until(lambda: not town.rows("waiting"))
        [mail], [text] = box.mails, box.texts
        # Two targets tell the same person of the same: it is said once.
        assert mail["Subject"] == "[小镇] 500 条提醒:上报 500"
        assert text.count("案卷") == MOST
        assert "另有 450 条未列出。" in text


def test_a_mail_may_come_twice_with_the_same_message_id() -> None:
    assert mail_id(["a", "b"]) == mail_id(["b", "a"]) != mail_id(["a"])
    assert _mail(_item())["Message-ID"] == "<id-1@example.org>"


def test_who_is_asked_and_until_when() -> None:
    asked = Escalated(1, "street", ("shift_leader",), "handling", 3, "overdue", LATE)
    item = _item(asked, "escalated")
    text = _mail(item).get_content()
    assert "请以下人员答复:街道 值班长" in text
    # Ten o'clock in Shanghai, and four hours.
    assert "答复期限:2026-11-23 14:00" in text
    english = _item(asked, "escalated", Language.EN)
    text = _mail(english).get_content()
    assert "Asked: shift leader of the street" in text


@pytest.mark.parametrize("nasty", ["D-1\r\nBcc: all@example.org", "D-1\nX: y", "D-1\u2028z", "D-1\x00"])
def test_nothing_breaks_out_of_a_header(nasty: str) -> None:
    item = _item(case_number=nasty)
    mail = _mail(item)
    head = mail.as_bytes().partition(b"\n\n")[0].decode()
    assert "\nBcc" not in head
    assert "\nX:" not in head
    assert mail.get_all("Bcc") is None


def test_a_recipient_whom_nobody_knows_holds_up_nobody_else(opened: Opened, box: Box) -> None:
    box.refuses.add("gone@example.org")
    two = LEADERS.replace('"duty@example.org"', '"gone@example.org", "duty@example.org"')
    with opened(**smtp_of(box)) as town:
        town.apply(two + notice(to='"leaders"'))
        town.report("a")
        waits(town, 2)
        town.later(MINUTE)
        until(lambda: box.mails)
        assert box.recipients == ["duty@example.org"]
        until(lambda: town.target("leaders").delivered == 1)
        [left] = town.rows("waiting")
        assert left.recipient == "gone@example.org"
        assert left.error == "the mail server refused the recipient: 550 5.1.1 nobody of this name"
        assert town.target("leaders").retry_at is None


def test_a_mail_server_that_is_down_holds_up_no_webhook_and_is_tried_again(
    opened: Opened, box: Box, hook: Receiver
) -> None:
    with opened(**smtp_of(box, smtp_port=1, smtp_gather_s=0)) as town:
        town.apply(LEADERS + webhook(hook.url) + notice(to='"leaders", "bureau"'))
        town.report("a")
        until(lambda: hook.taken)
        until(lambda: town.target("leaders").failures == 1)
        assert "ConnectionRefusedError" in town.target("leaders").error
        assert [row.target for row in town.rows("waiting")] == ["leaders"]
    with opened(**smtp_of(box)) as town:
        town.later(timedelta(minutes=2))
        until(lambda: box.mails)


def test_a_mail_server_that_says_nothing_is_hung_up_on(opened: Opened, hook: Receiver) -> None:
    """The web server waits for a request, and so does the mail's side."""
    port = int(hook.url.rpartition(":")[2])
    with opened(**smtp_of(Box(port=port), smtp_gather_s=0, outbox_timeout_s=0.3)) as town:
        town.apply(LEADERS + notice(to='"leaders"'))
        town.report("a")
        until(lambda: town.target("leaders").failures == 1)
        assert "imed out" in town.target("leaders").error
        began = time.monotonic()
    assert time.monotonic() - began < 3


def test_without_a_mail_server_e_mail_waits(opened: Opened) -> None:
    with opened() as town:
        town.apply(LEADERS + notice(to='"leaders"'))
        town.report("a")
        waits(town, 1)
        assert town.rows()[0].attempts == 0


def test_a_password_is_sent_where_it_is_asked_for_and_never_shown(tmp_path: Path) -> None:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=right, handled=False)

    file = tmp_path / "password"
    file.write_text("right\n")
    with mail_server(authenticator=check, auth_require_tls=False) as box:
        settings = Settings(**smtp_of(box, smtp_user="me", smtp_password_file=file))
        mail = _mail(_item())
        assert [one.error for one in MailServer.of(settings).send([mail], Line())] == [None]
        file.write_text("wrong-secret")
        [tried] = MailServer.of(settings).send([mail], Line())
        assert tried.error == "the mail server refused the name or password (code 535)"
        assert tried.whole
        for no_text in ("密码".encode(), b"\xff\xfe\x00"):
            file.write_bytes(no_text)
            [tried] = MailServer.of(settings).send([mail], Line())
            assert tried.whole
            assert tried.error is not None
            assert "have to be ASCII" in tried.error


def test_no_letter_goes_out_unprotected_where_protection_is_asked_for(box: Box) -> None:
    server = MailServer.of(Settings(**smtp_of(box, smtp_security="starttls")))
    mail = _mail(_item())
    [tried] = server.send([mail], Line())
    assert tried.whole
    assert tried.error is not None
    assert "STARTTLS" in tried.error
    assert not box.mails


def test_who_writes_has_to_be_said() -> None:
    with pytest.raises(NoMailServer):
        MailServer.of(Settings(smtp_host="mail.example.org"))
    with pytest.raises(NoMailServer, match="GRIDGOV_SMTP_FROM"):
        MailServer.of(Settings(smtp_host="mail.example.org", smtp_from="City <a@example.org>"))


def test_what_a_server_says_is_one_line() -> None:
    error = smtp.smtplib.SMTPDataError(554, b"no\r\nX-Evil: \x1b[31m" + b"x" * 1000)
    assert smtp._said(error).startswith("the mail server said: 554 no X-Evil: [31mxxx")
    assert len(smtp._said(error)) <= 200


def _mail(item: Item) -> Any:
    return compose([item], [], Envelope("a@example.org", "b@example.org", "id-1", scene.MONDAY), _facts())


def _facts() -> Facts:
    in_force = scene.in_force()
    return Facts(
        "小镇",
        "Small town",
        ZoneInfo("Asia/Shanghai"),
        in_force.rules.categories,
        in_force.rules.routing,
        in_force.atlas.hierarchy,
        None,
    )


def _item(
    fact: Any = None, event: str = "reported", language: Language = Language.ZH, **more: object
) -> Item:
    told = committed(fact or REPORTED, incident(**more))
    return Item(Delivery("d", "t", "a@example.org", "n", event, language, 7, "i", 1), told)


def test_names_come_from_the_rules_and_grids_in_force(opened: Opened) -> None:
    with opened(start=False) as town, town.service.reader.connect() as connection:
        facts = facts_of(connection, None)
        assert facts is not None
        assert (facts.city_zh, facts.zone.key) == ("小镇", "Asia/Shanghai")
