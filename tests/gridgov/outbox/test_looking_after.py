"""Looking after the outbox: by API and command line, with a server and without."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import structlog

from dispatch.lifecycle import Role
from gridgov import city, logs
from gridgov.api import outbox as api
from gridgov.outbox import acts, signing
from gridgov.outbox.trying import dry_run, position_at
from tests.gridgov import scene
from tests.gridgov.conftest import OPERATOR, TOWN, Server, Site
from tests.gridgov.outbox.conftest import Opened, Town, notice, until, webhook
from tests.gridgov.outbox.receiver import Box, Receiver
from tests.gridgov.outbox.test_mail import LEADERS, PEOPLE, smtp_of
from tests.installation import Installation

SECOND = timedelta(seconds=1)


def dying(town: Town, hook: Receiver, *names: str) -> None:
    """These reports are dead at the webhook."""
    hook.mode = "400"
    town.apply(webhook(hook.url + "/in?key=k") + notice())
    for name in names:
        town.report(name)
    until(lambda: len(town.rows("dead")) == len(names))
    hook.mode = "take"


class TestDeadLetters:
    """What was tried too often can be looked at, sent again, and thrown away."""

    @pytest.fixture
    def town(self, opened: Opened) -> Any:
        with opened(outbox_attempts=1) as made:
            yield made

    def test_one_is_sent_again_with_its_id(self, town: Town, hook: Receiver) -> None:
        dying(town, hook, "a", "b")
        one = town.rows("dead")[1]
        assert acts.resend(town.service, "bureau", one.id) == {"target": "bureau", "deliveries": 1}
        until(lambda: hook.taken)
        assert hook.ids == [one.id]
        assert [row.incident for row in town.rows("dead")] == ["report-a"]

    def test_all_are_sent_again_in_their_order(self, town: Town, hook: Receiver) -> None:
        dying(town, hook, "a", "b", "c")
        acts.resend(town.service, "bureau", None)
        until(lambda: len(hook.taken) == 3)
        assert [one.told["incident"] for one in hook.taken] == ["report-a", "report-b", "report-c"]

    def test_what_is_thrown_away_says_why_and_by_whom(self, town: Town, hook: Receiver) -> None:
        dying(town, hook, "a", "b")
        one = town.rows("dead")[0]
        assert acts.discard(town.service, "bureau", one.id, "no use", "admin")["deliveries"] == 1
        [gone] = town.rows("discarded")
        assert (gone.id, gone.error, gone.settled_by) == (one.id, "no use", "admin")
        assert acts.discard(town.service, "bureau", None, "nor these", "admin")["deliveries"] == 1
        assert not town.rows("dead")

    def test_what_is_not_there_is_said_so(self, town: Town, hook: Receiver) -> None:
        dying(town, hook, "a")
        with pytest.raises(acts.UnknownDelivery):
            acts.resend(town.service, "bureau", "no-such")
        with pytest.raises(acts.UnknownTarget):
            acts.resend(town.service, "nobody", None)
        with pytest.raises(acts.UnknownTarget):
            acts.discard(town.service, "nobody", None, "why", "x")
        with pytest.raises(Exception, match="say why"):
            acts.discard(town.service, "bureau", None, "  ", "x")
        assert len(town.rows("dead")) == 1

    def test_what_was_delivered_is_forgotten_after_a_while_and_what_is_dead_is_not(
        self, opened: Opened, hook: Receiver
    ) -> None:
        with opened(outbox_attempts=1) as town:
            dying(town, hook, "a")
            town.report("b")
            until(lambda: town.rows("delivered"))
            town.later(timedelta(days=8))
            until(lambda: not town.rows("delivered"))
            assert len(town.rows("dead")) == 1


def test_while_a_secret_is_changed_both_sign(opened: Opened, hook: Receiver) -> None:
    with opened() as town:
        town.apply(webhook(hook.url) + notice())
        first = acts.rotate(town.service, "bureau")["secret"]
        second = acts.rotate(town.service, "bureau")
        assert second["both_until"] == "2026-11-24T02:00:00.000000Z"
        town.report("a")
        until(lambda: hook.taken)
        for secret in (first, second["secret"]):
            _verify(secret, hook, town)
        town.clock.now += timedelta(hours=24)
        town.report("b")
        until(lambda: len(hook.taken) == 2)
        _verify(second["secret"], hook, town)
        with pytest.raises(signing.BadSignature):
            _verify(first, hook, town)


def _verify(secret: str, hook: Receiver, town: Town) -> None:
    last = hook.taken[-1]
    signing.verify([secret], last.headers["gridgov-signature"], last.body, town.clock.now)


class TestDryRun:
    """What would have been told, without telling it."""

    def tried(self, town: Town, more: str, days: int = 7) -> Any:
        telling = city.parse(TOWN + more, 0).telling
        with town.service.reader.connect() as connection:
            return dry_run(connection, telling, days, town.clock.now)

    def test_it_counts_what_each_notice_would_have_told_each_target(
        self, opened: Opened, hook: Receiver
    ) -> None:
        with opened(start=False) as town:
            town.email("leader", "leader@example.org")
            for name in ("a", "b", "c"):
                town.report(name)
            town.act("clerk", "file", "report-a", 1)
            more = webhook(hook.url) + PEOPLE + notice('"reported", "filed"', '"bureau", "people"')
            found = self.tried(town, more + notice('"closed"', name="end"))
            assert (found["entries"], found["deliveries"]) == (4, 8)
            assert [(one["notice"], one["target"], one["deliveries"], one["recipients"]) for one in found["told"]] == [
                ("news", "bureau", 4, 1),
                ("news", "people", 4, 1),
                ("end", "bureau", 0, 0),
            ]  # fmt: skip
            assert [one["event"] for one in found["told"][0]["examples"]] == ["reported"] * 3
            assert found["told"][1]["examples"][0]["recipient"] == "leader@example.org"
            assert not hook.asked
            assert not town.rows()

    def test_what_was_before_those_days_does_not_count(self, opened: Opened, hook: Receiver) -> None:
        with opened(start=False) as town:
            town.report("a")
            town.clock.now += timedelta(days=8)
            town.report("b")
            found = self.tried(town, webhook(hook.url) + notice())
            assert (found["entries"], found["deliveries"]) == (1, 1)

    def test_of_very_many_only_the_newest_are_tried(self, opened: Opened, hook: Receiver) -> None:
        with opened(start=False) as town:
            town.reports(5)
            telling = city.parse(TOWN + webhook(hook.url) + notice(), 0).telling
            with town.service.reader.connect() as connection:
                found = dry_run(connection, telling, 7, town.clock.now, most=2)
            assert (found["entries"], found["left_out"], found["deliveries"]) == (2, 3, 2)

    @pytest.mark.parametrize("many", [0, 1, 2, 7])
    def test_the_first_position_of_a_day_is_found_by_halving(self, opened: Opened, many: int) -> None:
        with opened(start=False) as town:
            begin = town.clock.now
            for n in range(many):
                town.report(str(n))
                town.clock.now += SECOND
            with town.service.reader.connect() as connection:
                for n in range(many + 1):
                    assert position_at(connection, begin + n * SECOND, many) == n


class TestApi:
    """Administrators alone."""

    @pytest.mark.parametrize("path", ["/api/outbox", "/api/outbox/dead"])
    def test_nobody_else_may_read_it(self, site: Site, path: str) -> None:
        assert site.as_("administrator").get(path).status_code == 200
        for name in ("manager", "leader", "clerk"):
            assert site.as_(name).get(path).status_code == 403
        assert site.client.get(path).status_code == 401

    @pytest.mark.parametrize("act", ["resend", "discard", "secret", "test", "try"])
    def test_nobody_else_may_do_anything(self, site: Site, act: str) -> None:
        body = {} if act == "try" else {"target": "x", "reason": "y"} if act == "discard" else {"target": "x"}
        assert site.as_("manager").post(f"/api/outbox/{act}", body).status_code == 403
        answer = site.as_("administrator").post(f"/api/outbox/{act}", body)
        assert answer.status_code == (200 if act == "try" else 404), answer.text

    def test_how_it_stands_shows_no_key_and_no_secret(self, site: Site, hook: Receiver) -> None:
        hook.mode = "503"
        site.service.writer.run(city.apply(TOWN + webhook(hook.url + "/in?key=k") + notice(), "test"))
        site.as_("inspector").report()
        admin = site.as_("administrator")
        until(lambda: admin.get("/api/outbox").json()["targets"][0]["failures"] == 1)
        answer = admin.get("/api/outbox")
        [one] = answer.json()["targets"]
        assert (one["name"], one["kind"], one["to"]) == ("bureau", "webhook", hook.url + "/in")
        assert (one["waiting"], one["dead"], one["delivered"]) == (1, 0, 0)
        assert one["oldest_waiting_s"] >= 0
        assert one["error"] == "status 503: come back later"
        assert one["retry_at"] is not None
        with site.service.reader.connect() as connection:
            secret = acts.keeping.standings(connection, site.clock.now)["bureau"].secrets[0]
        assert secret not in answer.text
        assert "key=k" not in answer.text

    def test_a_secret_is_told_once_and_never_logged(
        self, site: Site, hook: Receiver, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.service.writer.run(city.apply(TOWN + webhook(hook.url + "/in?key=k") + notice(), "test"))
        admin = site.as_("administrator")
        secret = admin.post("/api/outbox/secret", {"target": "bureau"}).json()["secret"]
        assert len(secret) >= 40
        came = admin.post("/api/outbox/test", {"target": "bureau"}).json()
        assert came == {"target": "bureau", "to": [hook.url + "/in"], "arrived": True, "error": None}
        [one] = hook.taken
        assert one.told["event"] == "test"
        signing.verify([secret], one.headers["gridgov-signature"], one.body, site.clock.now)
        hook.mode = "503"
        assert admin.post("/api/outbox/test", {"target": "bureau"}).json()["arrived"] is False
        site.as_("inspector").report()
        until(lambda: hook.asked.count("503") == 2)
        said = capsys.readouterr()
        assert secret not in said.out + said.err
        assert "key=k" not in said.out + said.err

    @pytest.mark.parametrize("level", ["debug", "info"])
    def test_nor_does_the_library_that_sends_it_log_its_address(
        self, opened: Opened, hook: Receiver, capsys: pytest.CaptureFixture[str], level: str
    ) -> None:
        root = logging.getLogger()
        handlers, before = root.handlers[:], root.level
        logs.configure("json", level)
        try:
            with opened() as town:
                town.apply(webhook(hook.url + "/in?key=k") + notice())
                town.report("a")
                until(lambda: town.target("bureau").delivered == 1)
                secret = town.target("bureau").secret
        finally:
            root.handlers[:] = handlers
            root.setLevel(before)
            for name in ("httpx2", "httpcore2", "uvicorn.error"):
                logging.getLogger(name).setLevel(logging.NOTSET)
            structlog.reset_defaults()
        said = capsys.readouterr()
        assert hook.taken[0].path == "/in?key=k"
        assert "key=k" not in said.out + said.err
        assert "v1=" not in said.out + said.err
        assert secret not in said.out + said.err

    def test_a_dry_run_of_a_file_that_is_wrong_says_so(self, site: Site) -> None:
        answer = site.as_("administrator").post("/api/outbox/try", {"text": TOWN + notice()})
        assert answer.status_code == 422
        assert "there is no target 'bureau'" in answer.json()["detail"]

    def test_one_dry_run_at_a_time(self, site: Site) -> None:
        with api._ONE:
            assert site.as_("administrator").post("/api/outbox/try", {}).status_code == 503
        assert site.as_("administrator").post("/api/outbox/try", {}).status_code == 200

    def test_e_mail_has_no_secret(self, site: Site) -> None:
        site.service.writer.run(city.apply(TOWN + LEADERS, "test"))
        answer = site.as_("administrator").post("/api/outbox/secret", {"target": "leaders"})
        assert answer.status_code == 422

    def test_a_test_of_e_mail_without_a_mail_server_says_what_to_set(self, site: Site) -> None:
        site.service.writer.run(city.apply(TOWN + LEADERS + PEOPLE, "test"))
        admin = site.as_("administrator")
        answer = admin.post("/api/outbox/test", {"target": "leaders"})
        assert (answer.status_code, "GRIDGOV_SMTP_HOST" in answer.text) == (409, True)
        assert admin.post("/api/outbox/test", {"target": "people"}).status_code == 422


class TestAddressesOfPeople:
    """Set by administrators, seen by them and by oneself."""

    def test_an_administrator_sets_it_and_its_owner_sees_it(self, site: Site) -> None:
        admin = site.as_("administrator")
        answer = admin.put("/api/people/clerk/email", {"email": "clerk@example.org"})
        assert answer.json()["email"] == "clerk@example.org"
        assert site.as_("clerk").get("/api/me").json()["person"]["email"] == "clerk@example.org"
        assert admin.put("/api/people/clerk/email", {"email": None}).json()["email"] is None

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "clerk",
            "a@b@c",
            "a b@example.org",
            "a@example.org\nBcc: x@y.org",
            "<a@example.org>",
            "甲@example.org",
        ],
    )
    def test_what_is_no_address_is_refused(self, site: Site, wrong: str) -> None:
        admin = site.as_("administrator")
        assert admin.put("/api/people/clerk/email", {"email": wrong}).status_code == 422
        new = {"name": "new", "display_name": "New", "password": "long enough password", "email": wrong}
        assert admin.post("/api/people", new).status_code == 422

    def test_nobody_else_sets_or_sees_it(self, site: Site) -> None:
        assert site.as_("clerk").put("/api/people/clerk/email", {"email": "a@b.org"}).status_code == 403
        assert site.as_("clerk").get("/api/people/manager").status_code == 403
        assert site.as_("administrator").put("/api/people/no/email", {"email": None}).status_code == 404


class TestCommandLine:
    """The same with and without a server."""

    def test_beside_a_server_its_work_goes_through_it(
        self, server: Server, hook: Receiver, tmp_path: Any
    ) -> None:
        server.service.lock.describe(url=server.url, token=OPERATOR)
        town = Installation(server.service.settings.data)
        file = tmp_path / "town.toml"
        file.write_text(TOWN + webhook(hook.url + "/in?key=k") + notice(), encoding="utf-8")
        town.done("city", "apply", file)
        made = town.done("outbox", "secret", "bureau", "--rotate")
        assert "taken by" in town.done("outbox", "test", "bureau").err
        signing.verify(
            [made.out.strip()],
            hook.taken[0].headers["gridgov-signature"],
            hook.taken[0].body,
            server.service.clock(),
        )
        assert "its secret was made at" in town.done("outbox", "secret", "bureau").err
        told = town.done("outbox", "status")
        assert "bureau" in told.out
        assert "key=k" not in told.out + told.err
        assert town.done("outbox", "status", "--json").json["targets"][0]["waiting"] == 0
        hook.mode = "503"
        failed = town.run("outbox", "test", "bureau")
        assert (failed.code, "status 503" in failed.err) == (1, True)

    def test_without_a_server(self, opened: Opened, hook: Receiver, tmp_path: Any) -> None:
        with opened(outbox_attempts=1) as there:
            dying(there, hook, "a", "b")
            folder = there.service.settings.data
        town = Installation(folder)
        assert [one["incident"] for one in town.done("outbox", "dead", "bureau", "--json").json] == [
            "report-a",
            "report-b",
        ]
        assert "400" in town.done("outbox", "dead").out
        one = town.done("outbox", "dead", "--json").json[0]["id"]
        assert (
            "1 of bureau thrown away"
            in town.done("outbox", "discard", "bureau", "--id", one, "--reason", "old").err
        )
        assert "1 wait again" in town.done("outbox", "resend", "bureau").err
        assert "no target 'x'" in town.run("outbox", "resend", "x").err
        assert town.run("outbox", "secret", "x").code == 1

    def test_a_dry_run_of_a_file(self, opened: Opened, hook: Receiver, tmp_path: Any) -> None:
        with opened(start=False) as there:
            folder = there.service.settings.data
        file = tmp_path / "town.toml"
        file.write_text(TOWN + webhook(hook.url) + notice(), encoding="utf-8")
        town = Installation(folder)
        assert town.done("outbox", "try", file, "--json").json["told"][0]["deliveries"] == 0
        assert "bureau" in town.done("outbox", "try", file, "--days", "3").out
        assert town.done("outbox", "try", "--json").json["told"] == []

    def test_addresses_of_people(self, opened: Opened) -> None:
        with opened(start=False) as there:
            folder = there.service.settings.data
        town = Installation(folder)
        town.done("people", "email", "clerk", "clerk@example.org")
        listed = {one["name"]: one["email"] for one in town.done("people", "list", "--json").json}
        assert (listed["clerk"], listed["manager"]) == ("clerk@example.org", None)
        town.done(
            "people", "add", "new", "--role", str(Role.MANAGER), "--email", "n@example.org", "--generate"
        )
        assert "n@example.org" in town.done("people", "list").out
        town.done("people", "email", "clerk")
        assert town.run("people", "email", "clerk", "no address").code == 1
        assert town.run("people", "email", "nobody", "a@example.org").code == 1


def test_a_trial_e_mail_arrives(opened: Opened, box: Box) -> None:
    with opened(start=False, **smtp_of(box)) as town:
        town.service.writer.run(city.apply(TOWN + LEADERS, "test"))
        came = acts.trial(town.service, "leaders")
        assert came == {"target": "leaders", "to": ["duty@example.org"], "arrived": True, "error": None}
        assert box.mails[0]["Subject"] == "[小镇] 测试邮件 Test message"
        assert json.dumps(came)
        assert town.clock.now == scene.MONDAY
