"""What endpoints are handed: the parts of the service, and whoever asks. Every route states its policy
through one of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

import anyio
from fastapi import Depends
from starlette.requests import HTTPConnection

from dispatch.lifecycle import Role
from gridgov.accounts import Passwords, Person
from gridgov.basic import RightPasswords
from gridgov.duty.acts import WRITERS
from gridgov.errors import CrossOrigin, NotAllowed, NotSignedIn
from gridgov.feed import Feed
from gridgov.scope import Assignment, Scope
from gridgov.service import Service
from gridgov.sessions import Session, Sessions, Throttle, digest

#: Methods that change nothing, so that another site's page gains nothing by sending them.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: Whoever may read the lock file beside the store acts as this person: the machine's operator.
OPERATOR: Final = "operator"
#: Figures are for those who answer for others' work.
FIGURE_ROLES: Final = (Role.MANAGER, Role.SUPERVISOR, Role.SHIFT_LEADER)
#: Rules are asked by those who work by them at a desk, and by those who answer for that or write them.
RULES_ROLES: Final = (Role.INTAKE_CLERK, Role.DISPATCHER, *FIGURE_ROLES, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one running app consists of. ``operator`` is the session of the machine's operator, if there is
    one.

    ``hashing`` lets so many passwords be checked at once; each takes a core and 64 MB for a moment.
    ``pictures`` does so for photos: strangers who sign in must not hold up those who have. ``right`` are
    passwords that programs send with every request, checked a moment ago.
    """

    service: Service
    sessions: Sessions
    passwords: Passwords
    throttle: Throttle
    right: RightPasswords
    feed: Feed
    operator: Session | None
    hashing: anyio.CapacityLimiter
    pictures: anyio.CapacityLimiter

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; browsers keep a name with this prefix to this host and to
        HTTPS.
        """
        return "__Host-gridgov" if self.service.settings.secure_cookies else "gridgov"


Question = TypeVar("Question", bound=Callable[..., Any])

#: All policies: a test fails where a route states none of them.
POLICIES: Final[set[Callable[..., Any]]] = set()


def policy(question: Question) -> Question:
    """Mark a dependency as one that decides who may use a route; its docstring is the question it asks."""
    POLICIES.add(question)
    return question


def operator_session(token: str) -> Session:
    """The operator signed in with a token that stands in the lock file: an administrator of the whole
    installation.
    """
    ever = datetime.min.replace(tzinfo=UTC)
    everything = Assignment(OPERATOR, Role.ADMINISTRATOR, (), None, ever)
    person = Person(OPERATOR, OPERATOR, "本机操作员 Operator", (everything,))
    return Session(digest(token), person, "bearer", datetime.max.replace(tzinfo=UTC))


def parts_of(connection: HTTPConnection) -> Parts:
    """The parts of the app that serves this connection."""
    ours: Parts = connection.app.state.parts
    return ours


async def parts(connection: HTTPConnection) -> Parts:
    """The same as a dependency: one that is no coroutine would cost every request a thread."""
    return parts_of(connection)


async def session_of(connection: HTTPConnection) -> Session:
    """Whose connection this is, by bearer token or by cookie; raises NotSignedIn, CrossOrigin."""
    ours = parts_of(connection)
    token, kind = _credentials(connection, ours.cookie)
    if ours.operator is not None and kind == "bearer" and compare_digest(token, ours.operator.token):
        return ours.operator
    session = ours.sessions.remembered(token)
    if session is None:
        session = await anyio.to_thread.run_sync(ours.sessions.find, token)
    if session.kind != kind:
        raise NotSignedIn("a cookie's token is no bearer token, nor the other way round: sign in again")
    return session


def require_same_origin(connection: HTTPConnection) -> None:
    """Raise CrossOrigin where a browser says that another site's page sent this.

    Browsers send Origin with websockets and with all that changes something; where it is missing over HTTP,
    the page of an old browser or a program is asking, and Sec-Fetch-Site tells on the former. This site's
    origin is https where cookies are for HTTPS alone, else what the connection (or a trusted proxy) says.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        site = connection.headers.get("sec-fetch-site", "none")
        if connection.scope["type"] == "http" and site in ("same-origin", "none"):
            return
        raise CrossOrigin()
    secure = parts_of(connection).service.settings.secure_cookies
    scheme = "https" if secure or connection.scope["scheme"] in ("https", "wss") else "http"
    if _origin(origin) != (scheme, connection.headers.get("host")):
        raise CrossOrigin(origin=origin[:200])


def _origin(origin: str) -> tuple[str, str]:
    """Scheme, and host with port, of an Origin; empty for what is none, as of a page of no site ("null")."""
    try:
        parsed = urlsplit(origin)
    except ValueError:
        return "", ""
    return parsed.scheme, parsed.netloc


def _credentials(connection: HTTPConnection, cookie: str) -> tuple[bytes, str]:
    """The digest of what was sent to sign in with, and its kind."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if token:
        if scheme.lower() != "bearer":
            raise NotSignedIn("expected `Authorization: Bearer TOKEN`")
        return digest(token.strip()), "bearer"
    value = connection.cookies.get(cookie)
    if value is None:
        raise NotSignedIn()
    if connection.scope["type"] == "websocket" or connection.scope["method"] not in SAFE:
        require_same_origin(connection)
    return digest(value), "cookie"


@dataclass(frozen=True, slots=True)
class Reading:
    """Somebody who reads incidents, at one moment, and what they may see."""

    person: Person
    scope: Scope
    now: datetime


@policy
async def anybody() -> None:
    """Is this for everybody, signed in or not?"""


@policy
async def signing_in(connection: HTTPConnection) -> None:
    """Does whoever wants to sign in do so from this site's own page, or from a program?"""
    require_same_origin(connection)


@policy
async def signed_in(connection: HTTPConnection) -> Person:
    """Has this person signed in? What they may do with an incident is decided with it."""
    return (await session_of(connection)).person


@policy
async def current_session(connection: HTTPConnection) -> Session:
    """Has this person signed in, and by which session?"""
    return await session_of(connection)


@policy
async def administrator(connection: HTTPConnection) -> Person:
    """Does this person look after people, rules and grids?"""
    return await _in_role(connection, Role.ADMINISTRATOR)


@policy
async def reads_figures(connection: HTTPConnection) -> Person:
    """Does this person answer for others' work: a manager, a supervisor or a shift leader?"""
    return await _in_role(connection, *FIGURE_ROLES)


@policy
async def reads_rules(connection: HTTPConnection) -> Person:
    """Does this person file, dispatch, answer for others' work, or look after the rules?"""
    return await _in_role(connection, *RULES_ROLES)


@policy
async def writes_rota(connection: HTTPConnection) -> Person:
    """Is this person a shift leader, who writes the rota of their grids, or an administrator?"""
    return await _in_role(connection, *WRITERS)


@policy
async def reads_incidents(connection: HTTPConnection) -> Reading:
    """Has this person signed in? They are shown what their assignments cover, and what they reported."""
    person = (await session_of(connection)).person
    now = parts_of(connection).service.clock()
    return Reading(person, person.scope(now), now)


async def _in_role(connection: HTTPConnection, *roles: Role) -> Person:
    person = (await session_of(connection)).person
    if not person.has(parts_of(connection).service.clock(), *roles):
        raise NotAllowed(f"this is for: {', '.join(roles)}", needed=[str(role) for role in roles])
    return person


GridGov = Annotated[Parts, Depends(parts)]
CurrentSession = Annotated[Session, Depends(current_session)]
SignedIn = Annotated[Person, Depends(signed_in)]
Administrator = Annotated[Person, Depends(administrator)]
FiguresReader = Annotated[Person, Depends(reads_figures)]
RulesReader = Annotated[Person, Depends(reads_rules)]
RotaWriter = Annotated[Person, Depends(writes_rota)]
Reader = Annotated[Reading, Depends(reads_incidents)]
Anybody = Depends(anybody)
SigningIn = Depends(signing_in)
