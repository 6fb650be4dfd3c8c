"""People and their assignments, for administrators."""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from dispatch.lifecycle import Role
from gridgov import accounts
from gridgov.accounts import Person
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment
from gridgov.api.dependencies import Administrator, GridGov, Parts
from gridgov.api.sessions import person_answer
from gridgov.clock import new_id, new_token
from gridgov.scope import Assignment, why_not

router = APIRouter(prefix="/api/people", tags=["people 人员"])

Email = Annotated[Line, Field(max_length=254, description="an address alone, such as name@example.org")]
Password = Annotated[str, Field(max_length=1000, description="10 to 200 characters")]


class NewAssignment(Body):
    """A role, for a grid and all below it (none: the whole installation), for a department where the
    role has one.
    """

    role: Role
    path: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    department: Code | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> NewAssignment:
        wrong = why_not(self.role, self.path, self.department)
        if wrong is not None:
            raise ValueError(wrong)
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            raise ValueError("an assignment ends after it starts")
        return self


class NewPerson(Body):
    """Somebody who is to sign in. Without a password one is made, and told once."""

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    display_name: Annotated[Line, Field(min_length=1, max_length=100)]
    password: Password | None = None
    email: Email | None = None
    assignments: Annotated[tuple[NewAssignment, ...], Field(max_length=50)] = ()


class NewPassword(Body):
    """A new password; without one it is made, and told once."""

    password: Password | None = None


class NewEmail(Body):
    """Where somebody is told of what they do not watch; None: nowhere."""

    email: Email | None


class Ending(Body):
    """When an assignment ends; now unless told."""

    at: Moment | None = None


@router.get("")
def people(_: Administrator, gridgov: GridGov) -> Response:
    """Everybody, with all assignments, ended ones too."""
    with gridgov.service.reader.connect() as connection:
        found = accounts.everybody(connection)
    return Answer({"people": [person_answer(person) for person in found]})


@router.get("/{person}")
def person(person: str, _: Administrator, gridgov: GridGov) -> Response:
    """One person."""
    with gridgov.service.reader.connect() as connection:
        return Answer(person_answer(accounts.find_person(connection, person)))


@router.post("", status_code=201)
async def add(sent: NewPerson, _: Administrator, gridgov: GridGov) -> Response:
    """Add somebody with their assignments."""
    held = tuple(_checked(gridgov, assignment) for assignment in sent.assignments)
    name, shown = accounts.clear_name(sent.name), accounts.clear_name(sent.display_name)
    accounts.require_address(sent.email)
    somebody = Person(new_id(), name, shown, held, email=sent.email)
    told, hashed = await _hashed(gridgov, sent.password)
    await gridgov.service.writer.act(accounts.add(somebody, hashed))
    return Answer(person_answer(somebody) | told, 201)


@router.post("/{person}/assignments", status_code=201)
async def assign(person: str, sent: NewAssignment, _: Administrator, gridgov: GridGov) -> Response:
    """Give somebody a further assignment."""
    await gridgov.service.writer.act(accounts.assign(person, _checked(gridgov, sent)))
    return await _changed(gridgov, person, 201)


@router.post("/{person}/assignments/{assignment}/end")
async def end(person: str, assignment: str, sent: Ending, _: Administrator, gridgov: GridGov) -> Response:
    """End an assignment; it stays on record, and takes effect at once."""
    await gridgov.service.writer.act(accounts.end_assignment(person, assignment, sent.at))
    return await _changed(gridgov, person)


@router.put("/{person}/password")
async def set_password(person: str, sent: NewPassword, _: Administrator, gridgov: GridGov) -> Response:
    """Give somebody a new password; they are signed out everywhere."""
    told, hashed = await _hashed(gridgov, sent.password)
    await gridgov.service.writer.act(accounts.set_password(person, hashed))
    gridgov.sessions.changed(person)
    return Answer(told)


@router.put("/{person}/email")
async def set_email(person: str, sent: NewEmail, _: Administrator, gridgov: GridGov) -> Response:
    """Say where somebody is told of what they do not watch."""
    await gridgov.service.writer.act(accounts.set_email(person, sent.email))
    return await _changed(gridgov, person)


@router.post("/{person}/deactivate")
async def deactivate(person: str, _: Administrator, gridgov: GridGov) -> Response:
    """Let somebody sign in no more; they are signed out everywhere, and what they did stays theirs."""
    await gridgov.service.writer.act(accounts.deactivate(person))
    return await _changed(gridgov, person)


async def _changed(gridgov: Parts, person: str, status: int = 200) -> Response:
    gridgov.sessions.changed(person)
    return Answer(person_answer(await anyio.to_thread.run_sync(_read, gridgov, person)), status)


def _read(gridgov: Parts, person: str) -> Person:
    with gridgov.service.reader.connect() as connection:
        return accounts.find_person(connection, person)


async def _hashed(gridgov: Parts, password: str | None) -> tuple[dict[str, str], str]:
    """What to tell of a password (itself, if it was made here), and its hash; raises WeakPassword."""
    made = new_token() if password is None else None
    hashed = await anyio.to_thread.run_sync(
        gridgov.passwords.hash, made or password or "", limiter=gridgov.hashing
    )
    return ({} if made is None else {"password": made}), hashed


def _checked(gridgov: Parts, sent: NewAssignment) -> Assignment:
    """The assignment, where its grid and department exist; raises UnknownGrid, UnknownDepartment,
    NoRulesYet.
    """
    starts = sent.starts_at or gridgov.service.clock()
    made = Assignment(new_id(), sent.role, sent.path, sent.department, starts, sent.ends_at)
    if made.path or made.department:
        accounts.require_known(made, gridgov.service.in_force)
    return made
