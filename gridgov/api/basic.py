"""Signing in with every request (HTTP Basic, RFC 7617), as desktop maps do. For routes that show maps and
change nothing; no other route takes it.
"""

from __future__ import annotations

import unicodedata
from base64 import b64decode
from typing import Annotated, ClassVar

import anyio
from fastapi import Depends
from starlette.requests import HTTPConnection

from gridgov.accounts import LONGEST_PASSWORD, Person
from gridgov.api.bodies import LONGEST_LINE
from gridgov.api.dependencies import SAFE, Reading, parts_of, policy, session_of
from gridgov.api.sessions import address_of, checked
from gridgov.errors import NotSignedIn, WrongPassword


class MapSignIn(NotSignedIn):
    """Sign in first: send name and password with the request (HTTP Basic), a session's cookie, or a token as
    `Authorization: Bearer ...`.
    """

    challenges: ClassVar = ('Basic realm="gridgov", charset="UTF-8"', "Bearer")


@policy
async def reads_maps(connection: HTTPConnection) -> Person:
    """Has this person signed in, by a session or, as desktop maps do, by HTTP Basic?"""
    return await _person(connection)


@policy
async def reads_maps_of_incidents(connection: HTTPConnection) -> Reading:
    """Has this person signed in, by a session or by HTTP Basic? They are shown what their assignments cover,
    and what they reported.
    """
    person = await _person(connection)
    now = parts_of(connection).service.clock()
    return Reading(person, person.scope(now), now)


async def _person(connection: HTTPConnection) -> Person:
    scheme, _, sent = connection.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "basic":
            return await _by_password(connection, sent.strip())
        return (await session_of(connection)).person
    except (NotSignedIn, WrongPassword) as refused:
        if _from_a_page(connection):
            raise
        tried = "authorization" in connection.headers or bool(connection.cookies)
        raise MapSignIn(refused.message if tried else None) from refused


async def _by_password(connection: HTTPConnection, sent: str) -> Person:
    """Whose name and password were sent. Raises NotSignedIn, WrongPassword, TooManyTries, SignInBusy."""
    if connection.scope["type"] != "http" or connection.scope["method"] not in SAFE:
        raise NotSignedIn("HTTP Basic is for reading alone")
    name, password = _name_and_password(sent)
    gridgov, address = parts_of(connection), address_of(connection)
    right = gridgov.right
    digest = right.digest(name, password)
    async with right.turn(digest):
        # Before looking at what was right: else what is remembered could be guessed at without a brake.
        gridgov.throttle.require(name, address, gridgov.service.clock())
        known = right.owner(digest)
        if known is None:
            known = await anyio.to_thread.run_sync(right.look, digest, gridgov.service.reader)
        if known is not None:
            return known
        changes = right.changes
        person, proof = await checked(gridgov, name, password, address)
        right.remember(digest, person, proof.stored, changes)
        return person


def _name_and_password(sent: str) -> tuple[str, str]:
    """What stands in the header, in UTF-8; raises NotSignedIn where that is none.

    >>> _name_and_password("546L5belOmE6Yg==")
    ('王工', 'a:b')
    """
    try:
        name, colon, password = b64decode(sent, validate=True).decode().partition(":")
    except ValueError:
        raise NotSignedIn("expected `Authorization: Basic` and NAME:PASSWORD in UTF-8 and base64") from None
    hidden = any(unicodedata.category(one) == "Cc" for one in name)
    if not (name and colon and password) or hidden or len(name) > LONGEST_LINE:
        raise NotSignedIn("expected a name and a password")
    if len(password) > LONGEST_PASSWORD:
        raise NotSignedIn(f"a password has at most {LONGEST_PASSWORD} characters")
    return name, password


def _from_a_page(connection: HTTPConnection) -> bool:
    """Does a page ask, and not somebody who typed the address? Told to sign in by HTTP Basic, the browser
    would put its own window in front of the page.
    """
    return connection.headers.get("sec-fetch-mode", "navigate") != "navigate"


MapReader = Annotated[Person, Depends(reads_maps)]
IncidentMapReader = Annotated[Reading, Depends(reads_maps_of_incidents)]
