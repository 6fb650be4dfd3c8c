"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import anyio
import structlog
from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.requests import HTTPConnection

from dispatch.lifecycle import ROLE_ZH
from gridgov.accounts import LONGEST_PASSWORD, Person, Proof
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Line
from gridgov.api.dependencies import CurrentSession, GridGov, Parts, SigningIn
from gridgov.errors import SignInBusy, WrongPassword
from gridgov.rows import iso
from gridgov.sessions import Session

router = APIRouter(prefix="/api", tags=["sessions 登录"])
log = structlog.get_logger(__name__)

#: So many sign-ins may wait to be checked: about 1.5 s of two cores. Anybody can send them.
MOST_WAITING: Final = 16


class SignIn(Body):
    """Name and password; ``cookie`` for pages, ``bearer`` for programs, which are told their token once."""

    name: Annotated[Line, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]
    kind: Literal["cookie", "bearer"] = "cookie"


@router.post("/sessions", status_code=201, dependencies=[SigningIn])
async def sign_in(sent: SignIn, request: Request, gridgov: GridGov) -> Response:
    """Sign in: sets a cookie, or tells a bearer token."""
    person, proof = await checked(gridgov, sent.name, sent.password, address_of(request))
    token, session = await gridgov.sessions.begin(person, sent.kind, proof)
    answer = _me(session)
    if sent.kind == "bearer":
        return Answer(answer | {"token": token}, 201)
    return _with_cookie(gridgov, Answer(answer, 201), token)


@router.delete("/sessions/current", status_code=204)
async def sign_out(session: CurrentSession, gridgov: GridGov) -> Response:
    """Sign out: the cookie or token is good for nothing from now on."""
    await gridgov.sessions.end(session)
    answer = Response(status_code=204)
    answer.delete_cookie(gridgov.cookie, secure=gridgov.service.settings.secure_cookies, httponly=True)
    return answer


@router.get("/me")
async def me(session: CurrentSession, gridgov: GridGov) -> Response:
    """Who I am, what I am assigned to, until when I am signed in, and the city's time zone."""
    return Answer(_me(session) | {"zone": gridgov.service.zone})


def address_of(connection: HTTPConnection) -> str:
    """Where a connection comes from; empty where that is not known."""
    return connection.client.host if connection.client else ""


async def checked(gridgov: Parts, name: str, password: str, address: str) -> tuple[Person, Proof]:
    """Whose name and password these are. Raises WrongPassword, TooManyTries, SignInBusy."""
    clock, throttle = gridgov.service.clock, gridgov.throttle
    throttle.require(name, address, clock())
    if gridgov.hashing.statistics().tasks_waiting >= MOST_WAITING:
        raise SignInBusy()
    async with gridgov.hashing:
        # Again: what turned out wrong while this one waited counts, however many were sent at once.
        throttle.require(name, address, clock())
        try:
            found = await anyio.to_thread.run_sync(
                gridgov.passwords.check, gridgov.service.reader, name, password
            )
        except WrongPassword:
            throttle.failed(name, address, clock())
            log.warning("wrong password", address=address)
            raise
    throttle.succeeded(name, address)
    return found


def _with_cookie(gridgov: Parts, answer: Response, token: str) -> Response:
    settings = gridgov.service.settings
    answer.set_cookie(
        gridgov.cookie,
        token,
        max_age=int(settings.session_hours * 3600),
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )
    return answer


def _me(session: Session) -> dict[str, Any]:
    return {
        "person": person_answer(session.person),
        "kind": session.kind,
        "expires_at": iso(session.expires_at),
    }


def person_answer(person: Person) -> dict[str, Any]:
    """A person as the outside is shown them."""
    return {
        "id": person.id,
        "name": person.name,
        "display_name": person.display_name,
        "active": person.active,
        "email": person.email,
        "assignments": [
            {
                "id": a.id,
                "role": str(a.role),
                "role_zh": ROLE_ZH[a.role],
                "path": list(a.path),
                "department": a.department,
                "starts_at": iso(a.starts_at),
                "ends_at": None if a.ends_at is None else iso(a.ends_at),
            }
            for a in person.assignments
        ],
    }
