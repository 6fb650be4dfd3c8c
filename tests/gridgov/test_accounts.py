"""People in the store, their passwords, and sessions that are remembered for a moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from dispatch.errors import UnknownDepartment
from dispatch.lifecycle import Role
from geodata.errors import UnknownGrid
from gridgov import accounts, sessions
from gridgov.accounts import Passwords, Person, Proof
from gridgov.errors import (
    NameTaken,
    NotSignedIn,
    TooManyTries,
    UnknownAssignment,
    UnknownPerson,
    WeakPassword,
    WrongPassword,
)
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.sessions import Sessions, Throttle, digest
from gridgov.storage.tables import PersonRow, SessionRow
from gridgov.storage.writer import Chore
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, QUICK, person

_person = PersonRow.__table__  # type: ignore[attr-defined]

HOUR = timedelta(hours=1)


def found(service: Service, id_: str) -> Person:
    with service.reader.connect() as connection:
        return accounts.find_person(connection, id_)


class TestPeople:
    """People are kept as they were added."""

    def test_somebody_comes_back_as_added(self, service: Service) -> None:
        ends = scene.MONDAY + HOUR
        held = (
            Assignment("1", Role.INSPECTOR, ("D", "N"), None, scene.LONG_AGO, ends),
            Assignment("2", Role.HANDLER, (), "water", scene.MONDAY),
        )
        added = Person("w", "wang", "王工", held)
        service.writer.run(accounts.add(added, QUICK.hash(PASSWORD)))
        assert found(service, "w") == added
        assert found(service, "w").roles(scene.MONDAY) == {Role.INSPECTOR, Role.HANDLER}
        assert found(service, "w").roles(ends) == {Role.HANDLER}
        assert found(service, "w").has(ends, Role.HANDLER, Role.MANAGER)
        assert not found(service, "w").has(ends, Role.INSPECTOR)

    def test_a_name_is_one_persons(self, service: Service) -> None:
        with pytest.raises(NameTaken, match="clerk"):
            service.writer.run(accounts.add(replace(person("clerk"), id="other"), "x"))
        with service.reader.connect() as connection:
            assert [one.id for one in accounts.everybody(connection) if one.name == "clerk"] == ["clerk"]

    def test_nobody_and_nothing_are_told_apart(self, service: Service) -> None:
        with pytest.raises(UnknownPerson):
            found(service, "nobody")
        with pytest.raises(UnknownAssignment):
            service.writer.run(accounts.end_assignment("clerk", "as-leader"))

    def test_an_assignment_names_what_exists(self, service: Service) -> None:
        one = person("inspector_n").assignments[0]
        accounts.require_known(one, service.in_force)
        with pytest.raises(UnknownGrid):
            accounts.require_known(replace(one, path=("D", "S", "N1")), service.in_force)
        with pytest.raises(UnknownDepartment):
            accounts.require_known(replace(one, department="navy"), service.in_force)


class TestPasswords:
    """Passwords are argon2id hashes, whoever asks takes the same time."""

    def test_what_is_kept_is_argon2id(self) -> None:
        assert Passwords().hash(PASSWORD).startswith("$argon2id$")

    @pytest.mark.parametrize("password", ["", "x" * 9, "x" * 201])
    def test_too_short_and_too_long(self, password: str) -> None:
        with pytest.raises(WeakPassword):
            QUICK.hash(password)

    @pytest.mark.parametrize(
        ("name", "password"), [("clerk", "wrong"), ("nobody", PASSWORD), ("CLERK", PASSWORD)]
    )
    def test_wrong_ones(self, service: Service, name: str, password: str) -> None:
        with pytest.raises(WrongPassword):
            QUICK.check(service.reader, name, password)

    def test_a_hash_of_an_older_kind_is_made_anew(self, service: Service) -> None:
        stronger = Passwords()
        signed_in = Sessions(service.reader, service.writer, service.clock, HOUR)
        clerk, proof = stronger.check(service.reader, "clerk", PASSWORD)
        assert proof.newer is not None
        asyncio.run(signed_in.begin(clerk, "cookie", proof))
        assert stronger.check(service.reader, "clerk", PASSWORD) == (
            person("clerk"),
            Proof(proof.newer, None),
        )

    def test_a_name_that_nobody_has_is_checked_all_the_same(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else the time taken would tell which names there are."""
        checked = []
        plain = QUICK._hasher.verify_and_update

        def counting(password: Any, stored: Any) -> Any:
            checked.append(stored)
            return plain(password, stored)

        monkeypatch.setattr(QUICK._hasher, "verify_and_update", counting)
        for name in ("clerk", "nobody"):
            with pytest.raises(WrongPassword):
                QUICK.check(service.reader, name, "wrong")
        assert len(checked) == 2
        assert checked[0].split("$")[:4] == checked[1].split("$")[:4]


class TestThrottle:
    """Wrong passwords are counted for a while, in bounded memory."""

    @given(st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=30))
    def test_it_says_wait_exactly_when_the_last_tries_were_too_many(
        self, steps: list[tuple[int, bool]]
    ) -> None:
        """Against a plain list of all failures since the last success."""
        throttle, now = Throttle(3, timedelta(minutes=5)), scene.MONDAY
        failures: list[datetime] = []
        for seconds, wrong in steps:
            now += timedelta(seconds=seconds)
            blocked = sum(now - at < timedelta(minutes=5) for at in failures) >= 3
            try:
                throttle.require("n", "a", now)
            except TooManyTries as refused:
                assert blocked
                wait = timedelta(seconds=refused.about["retry_after"])
                throttle.require("n", "a", now + wait)
                continue
            assert not blocked
            if wrong:
                throttle.failed("n", "a", now)
                failures.append(now)
            else:
                throttle.succeeded("n", "a")
                failures.clear()

    def test_memory_is_bounded(self) -> None:
        throttle = Throttle(keys=10)
        for n in range(100):
            throttle.failed(f"n{n}", "a", scene.MONDAY)
        assert (len(throttle._of_name), len(throttle._of_address)) == (10, 1)

    def test_one_address_does_not_block_another(self) -> None:
        throttle = Throttle(tries=1)
        throttle.failed("n", "a", scene.MONDAY)
        throttle.require("n", "b", scene.MONDAY)
        with pytest.raises(TooManyTries):
            throttle.require("n", "a", scene.MONDAY)

    def test_made_up_names_are_counted_with_their_address(self) -> None:
        throttle = Throttle(address_tries=3)
        for n in range(3):
            throttle.require(f"n{n}", "a", scene.MONDAY)
            throttle.failed(f"n{n}", "a", scene.MONDAY)
            throttle.succeeded("n0", "a")
        throttle.require("n", "b", scene.MONDAY)
        with pytest.raises(TooManyTries, match="in 301 seconds"):
            throttle.require("n", "a", scene.MONDAY)
        throttle.require("n", "a", scene.MONDAY + timedelta(minutes=5))


class TestSessions:
    """What is remembered is never older than what this process changed."""

    @pytest.fixture
    def signed_in(self, service: Service) -> Sessions:
        return Sessions(service.reader, service.writer, service.clock, HOUR)

    def begin(self, signed_in: Sessions, name: str = "clerk") -> bytes:
        proof = QUICK.check(signed_in._reader, name, PASSWORD)[1]
        token, session = asyncio.run(signed_in.begin(person(name), "bearer", proof))
        assert session.token == digest(token)
        return session.token

    def test_it_is_remembered_after_the_first_look_and_for_a_moment(
        self, signed_in: Sessions, service: Service
    ) -> None:
        token = self.begin(signed_in)
        assert signed_in.remembered(token) is None
        session = signed_in.find(token)
        assert signed_in.remembered(token) is session
        assert isinstance(service.clock, scene.Clock)
        service.clock.now += sessions.FRESH
        assert signed_in.remembered(token) is None
        assert signed_in.find(token) == session

    def test_the_token_itself_is_nowhere_in_the_store(self, signed_in: Sessions, service: Service) -> None:
        proof = QUICK.check(service.reader, "clerk", PASSWORD)[1]
        token, _ = asyncio.run(signed_in.begin(person("clerk"), "cookie", proof))
        with service.reader.connect() as connection:
            kept = connection.execute(select(SessionRow.__table__)).all()  # type: ignore[attr-defined]
        assert kept
        assert token not in str(kept)

    @pytest.mark.parametrize(
        ("meanwhile", "newer"),
        [
            (accounts.set_password("clerk", "another hash"), None),
            (accounts.set_password("clerk", "another hash"), "the old one hashed anew"),
            (accounts.deactivate("clerk"), None),
        ],
    )
    def test_a_password_that_was_changed_while_it_was_checked_opens_nothing(
        self, signed_in: Sessions, service: Service, meanwhile: Chore, newer: str | None
    ) -> None:
        """Else who knows the old password keeps a session for hours, or even puts the old password back."""
        clerk, proof = QUICK.check(service.reader, "clerk", PASSWORD)
        service.writer.run(meanwhile)
        with pytest.raises(WrongPassword):
            asyncio.run(signed_in.begin(clerk, "cookie", replace(proof, newer=newer)))
        with service.reader.connect() as connection:
            assert connection.execute(select(func.count()).select_from(SessionRow)).scalar_one() == 0
            query = select(_person.c.password_hash).where(_person.c.id == "clerk")
            assert connection.execute(query).scalar_one() in ("another hash", proof.stored)

    def test_what_was_read_before_a_change_is_not_remembered_after_it(
        self, signed_in: Sessions, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A look that began before the assignment ended finishes after it: it must not bring the old one back."""
        token = self.begin(signed_in)
        plain = accounts.find_person

        def slow(connection: Any, id_: str) -> Person:
            read = plain(connection, id_)
            signed_in.changed("clerk")
            return read

        monkeypatch.setattr(sessions, "find_person", slow)
        signed_in.find(token)
        assert signed_in.remembered(token) is None

    def test_who_wants_to_know_of_changes_is_told(self, signed_in: Sessions) -> None:
        told: list[str] = []
        signed_in.on_change.append(told.append)
        session = signed_in.find(self.begin(signed_in))
        asyncio.run(signed_in.end(session))
        assert told == ["clerk"]
        with pytest.raises(NotSignedIn):
            signed_in.find(session.token)

    def test_only_so_many_are_remembered(self, signed_in: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "REMEMBERED", 3)
        tokens = [self.begin(signed_in) for _ in range(5)]
        for token in tokens:
            signed_in.find(token)
        assert [signed_in.remembered(token) is not None for token in tokens] == [
            False,
            False,
            True,
            True,
            True,
        ]

    def test_sessions_that_ran_out_are_swept_away(self, signed_in: Sessions, service: Service) -> None:
        old = self.begin(signed_in)
        assert isinstance(service.clock, scene.Clock)
        service.clock.now += HOUR
        with pytest.raises(NotSignedIn):
            signed_in.find(old)
        self.begin(signed_in, "leader")
        with service.reader.connect() as connection:
            assert connection.execute(select(func.count()).select_from(SessionRow)).scalar_one() == 1
