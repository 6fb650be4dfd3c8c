"""People: who they are, what they are assigned to, and the passwords that they sign in with.

Passwords are kept as argon2id hashes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from pwdlib import PasswordHash
from sqlalchemy import Connection, Engine, Select, delete, insert, select, update

from dispatch.entries import from_micros, to_micros
from dispatch.lifecycle import Role
from gridgov.clock import new_token
from gridgov.errors import (
    AssignmentEnded,
    BadInput,
    NameTaken,
    UnknownAssignment,
    UnknownPerson,
    WeakPassword,
    WrongPassword,
)
from gridgov.in_force import InForce
from gridgov.outbox.addresses import why_no_address
from gridgov.scope import Assignment, Scope, roles_anywhere, scope_of
from gridgov.storage.tables import AssignmentRow, PersonRow, SessionRow, path_text, text_path
from gridgov.storage.writer import Chore

_person = PersonRow.__table__  # type: ignore[attr-defined]
_assignment = AssignmentRow.__table__  # type: ignore[attr-defined]
_session = SessionRow.__table__  # type: ignore[attr-defined]

#: A shorter password is guessed, a longer one only makes hashing slow (NIST SP 800-63B asks for 8 and for
#: room to 64).
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200

#: Categories of characters (Unicode, chapter 4.5) that control writing and are not seen themselves.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in. ``id`` is what the ledger calls them, ``name`` what they type, ``email`` where
    they are told of what they do not watch.
    """

    id: str
    name: str
    display_name: str
    assignments: tuple[Assignment, ...] = ()
    active: bool = True
    email: str | None = None

    def roles(self, now: datetime) -> frozenset[Role]:
        """The roles they hold anywhere at this moment."""
        return roles_anywhere(self.assignments, now)

    def has(self, now: datetime, *roles: Role) -> bool:
        """Do they hold one of these roles anywhere at this moment?"""
        return not self.roles(now).isdisjoint(roles)

    def scope(self, now: datetime) -> Scope:
        """What they may see at this moment."""
        return scope_of(self.id, self.assignments, now)


# -- people in the store ---------------------------------------------------------------------------


def everybody(connection: Connection) -> list[Person]:
    """All people with all their assignments, ended ones too, by name."""
    return _people(connection, select(_person).order_by(_person.c.name))


def reachable(connection: Connection) -> list[Person]:
    """Those who may sign in and have an e-mail address, by name."""
    chosen = select(_person).where(_person.c.active, _person.c.email.is_not(None))
    return _people(connection, chosen.order_by(_person.c.name))


def find_person(connection: Connection, id_: str) -> Person:
    """One person with all their assignments; raises UnknownPerson."""
    found = _people(connection, select(_person).where(_person.c.id == id_))
    if not found:
        raise UnknownPerson(person=id_)
    return found[0]


def display_names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What people are called on screens, by id; an id of nobody is left out."""
    query = select(_person.c.id, _person.c.display_name).where(_person.c.id.in_(set(ids)))
    return {row.id: row.display_name for row in connection.execute(query)}


def _people(connection: Connection, query: Select[Any]) -> list[Person]:
    rows = connection.execute(query).mappings().all()
    held: dict[str, list[Assignment]] = {row["id"]: [] for row in rows}
    chosen = select(_assignment).order_by(_assignment.c.starts_at, _assignment.c.id)
    if len(rows) == 1:
        chosen = chosen.where(_assignment.c.person == rows[0]["id"])
    for row in connection.execute(chosen).mappings() if rows else ():
        if row["person"] in held:
            held[row["person"]].append(_to_assignment(row))
    return [
        Person(
            row["id"],
            row["name"],
            row["display_name"],
            tuple(held[row["id"]]),
            bool(row["active"]),
            row["email"],
        )
        for row in rows
    ]


def _to_assignment(row: Any) -> Assignment:
    ends = row["ends_at"]
    return Assignment(
        row["id"],
        Role(row["role"]),
        text_path(row["path"]),
        row["department"],
        from_micros(row["starts_at"]),
        None if ends is None else from_micros(ends),
    )


def clear_name(name: str) -> str:
    """A name without blanks around it; raises BadInput where it is empty or holds what is not seen, such as
    characters of no width or that turn the direction of writing: it would look like another's.

    >>> clear_name(" 王工 ")
    '王工'
    """
    clear = name.strip()
    if not clear:
        raise BadInput("a name has at least one character that is seen")
    hidden = next((one for one in clear if unicodedata.category(one) in _HIDDEN), None)
    if hidden is not None:
        raise BadInput(f"a name without characters that are not seen; U+{ord(hidden):04X} is one", name=clear)
    return clear


def _alike(name: str) -> str:
    """Names of which this is the same are taken for each other: in capitals, or in full width."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def add(person: Person, password_hash: str) -> Chore:
    """Add somebody with their assignments; raises BadInput, and NameTaken where somebody's name is the same
    but for capitals or width.
    """
    require_address(person.email)
    person = replace(person, name=clear_name(person.name), display_name=clear_name(person.display_name))
    wanted = _alike(person.name)

    def run(connection: Connection, now: datetime) -> Person:
        for name in connection.execute(select(_person.c.name)).scalars():
            if _alike(name) == wanted:
                raise NameTaken(f"somebody called {name!r} is there already", name=name)
        connection.execute(
            insert(_person).values(
                id=person.id,
                name=person.name,
                display_name=person.display_name,
                password_hash=password_hash,
                active=person.active,
                created_at=to_micros(now),
                email=person.email,
            )
        )
        for assignment in person.assignments:
            _insert(connection, person.id, assignment)
        return person

    return Chore(run)


def assign(person: str, assignment: Assignment) -> Chore:
    """Give somebody a further assignment; raises UnknownPerson."""

    def run(connection: Connection, _: datetime) -> Assignment:
        find_person(connection, person)
        _insert(connection, person, assignment)
        return assignment

    return Chore(run)


def end_assignment(person: str, assignment: str, at: datetime | None = None) -> Chore:
    """End an assignment at a moment, by default now; one that has not begun then never counts. It stays on
    record, and what it was until now stays as it was.

    Raises UnknownAssignment, AssignmentEnded, and BadInput for a moment that is past, before its start, or
    after the end it has.
    """

    def run(connection: Connection, now: datetime) -> Assignment:
        held = {a.id: a for a in find_person(connection, person).assignments}
        if assignment not in held:
            raise UnknownAssignment(person=person, assignment=assignment)
        ends = _end_of(held[assignment], at, now)
        connection.execute(
            update(_assignment).where(_assignment.c.id == assignment).values(ends_at=to_micros(ends))
        )
        return replace(held[assignment], ends_at=ends)

    return Chore(run)


def _end_of(held: Assignment, at: datetime | None, now: datetime) -> datetime:
    """When it is to end; raises AssignmentEnded, BadInput."""
    if held.ends_at is not None and held.ends_at <= max(now, held.starts_at):
        raise AssignmentEnded(ended_at=held.ends_at)
    earliest = max(now, held.starts_at)
    if at is None:
        return earliest
    if at < earliest:
        raise BadInput("an assignment ends now (leave the moment out) or later, and after it starts", at=at)
    if held.ends_at is not None and at > held.ends_at:
        raise BadInput(
            "this assignment ends before that: give a new one instead", at=at, ends_at=held.ends_at
        )
    return at


def set_password(person: str, password_hash: str) -> Chore:
    """Replace somebody's password, and end their sessions; raises UnknownPerson."""

    def run(connection: Connection, _: datetime) -> None:
        find_person(connection, person)
        connection.execute(update(_person).where(_person.c.id == person).values(password_hash=password_hash))
        connection.execute(delete(_session).where(_session.c.person == person))

    return Chore(run)


def set_email(person: str, email: str | None) -> Chore:
    """Say where somebody is told of what they do not watch; None: nowhere. Raises UnknownPerson, BadInput."""
    require_address(email)

    def run(connection: Connection, _: datetime) -> None:
        find_person(connection, person)
        connection.execute(update(_person).where(_person.c.id == person).values(email=email))

    return Chore(run)


def require_address(email: str | None) -> None:
    """Raise BadInput where this is no e-mail address."""
    if email is not None and (wrong := why_no_address(email)):
        raise BadInput(wrong)


def deactivate(person: str) -> Chore:
    """Let somebody sign in no more, and end their sessions; what they did stays theirs. Raises
    UnknownPerson.
    """

    def run(connection: Connection, _: datetime) -> None:
        find_person(connection, person)
        connection.execute(update(_person).where(_person.c.id == person).values(active=False))
        connection.execute(delete(_session).where(_session.c.person == person))

    return Chore(run)


def require_known(assignment: Assignment, in_force: InForce) -> None:
    """Raise UnknownGrid or UnknownDepartment where the rules and grids in force do not have what it names."""
    if assignment.path:
        in_force.atlas.hierarchy.grid(assignment.path)
    if assignment.department is not None:
        in_force.rules.routing.department(assignment.department)


def _insert(connection: Connection, person: str, a: Assignment) -> None:
    connection.execute(
        insert(_assignment).values(
            id=a.id,
            person=person,
            role=str(a.role),
            path=path_text(a.path),
            department=a.department,
            starts_at=to_micros(a.starts_at),
            ends_at=None if a.ends_at is None else to_micros(a.ends_at),
        )
    )


# -- passwords -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """A password was right: for the hash that was ``stored``. ``newer`` is to take its place where the
    stored one is of an older kind.
    """

    stored: str
    newer: str | None


def require_still_right(connection: Connection, person: str, proof: Proof) -> None:
    """Raise WrongPassword where the password was changed, or its owner deactivated, since it was checked;
    else put the newer hash in place. For the transaction that opens a session.
    """
    unchanged = (_person.c.id == person) & (_person.c.password_hash == proof.stored) & _person.c.active
    if connection.execute(select(_person.c.id).where(unchanged)).first() is None:
        raise WrongPassword()
    if proof.newer is not None:
        connection.execute(update(_person).where(unchanged).values(password_hash=proof.newer))


def still_right(connection: Connection, person: str, stored: str) -> Person | None:
    """The person, while they are active and the hash of their password is this one; else None."""
    row = connection.execute(select(_person.c.password_hash).where(_person.c.id == person)).first()
    found = None if row is None or row.password_hash != stored else find_person(connection, person)
    return found if found is not None and found.active else None


class Passwords:
    """Hashes and checks passwords; about 0.15 s of one core each, so callers keep it off the event loop."""

    def __init__(self, hasher: PasswordHash | None = None) -> None:
        self._hasher = hasher or PasswordHash.recommended()

    def hash(self, password: str) -> str:
        """The argon2id hash of a new password; raises WeakPassword."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise WeakPassword(
                f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
                characters=len(password),
            )
        return self._hasher.hash(password)

    def check(self, reader: Engine, name: str, password: str) -> tuple[Person, Proof]:
        """Whose name and password these are, and what was proven at this moment: checking takes so long
        that the password may be another one by the time a session is opened.

        Raises WrongPassword. A name that nobody has takes as long as a wrong password.
        """
        query = select(_person.c.id, _person.c.password_hash, _person.c.active).where(_person.c.name == name)
        with reader.connect() as connection:
            row = connection.execute(query).first()
        stored = self._nobody if row is None else row.password_hash
        right, newer = self._hasher.verify_and_update(password, stored)
        if row is None or not right or not row.active:
            raise WrongPassword()
        with reader.connect() as connection:
            return find_person(connection, row.id), Proof(stored, newer)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(new_token())
