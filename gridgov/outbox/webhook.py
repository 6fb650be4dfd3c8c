"""One webhook sent: a signed POST that waits for nobody longer than it may, follows no redirect, and reads no
more of an answer than says what is wrong.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2

from gridgov.outbox import signing
from gridgov.outbox.rules import MOST_TARGETS

#: Of an answer so much is read, in bytes, and so much is shown, in characters.
_READ: Final = 2000
_SHOWN: Final = 200
#: What may be the matter with this one delivery alone; all else is the matter with the target.
_OF_THE_DELIVERY: Final = frozenset({400, 409, 413, 415, 422})
#: A target may ask for a longer wait than ours, but not for ever.
_LONGEST_WISH_S: Final = 3600.0
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]+")


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an attempt: ``error`` None where it arrived. ``whole``: the target itself is unwell, so
    that nothing else is sent there for a while, ``wish_s`` seconds where it said how long.
    """

    error: str | None = None
    whole: bool = False
    wish_s: float = 0.0


def client(timeout_s: float) -> httpx2.AsyncClient:
    """What sends all webhooks: a connection for each target, no proxy or password from the environment. Whom
    the machine trusts is trusted, so that a city's own authority is put there once.
    """
    return httpx2.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=timeout_s,
        limits=httpx2.Limits(max_connections=2 * MOST_TARGETS, max_keepalive_connections=MOST_TARGETS),
        headers={"User-Agent": "gridgov", "Accept": "*/*", "Accept-Encoding": "identity"},
    )


async def post(
    sender: httpx2.AsyncClient,
    url: str,
    body: bytes,
    delivery: tuple[str, str],
    secrets: Sequence[str],
    now: datetime,
    timeout_s: float,
) -> Tried:
    """Send a body, signed; ``delivery`` is its id and event. Takes ``timeout_s`` seconds at most, however
    slowly the other side answers.
    """
    headers = {
        "Content-Type": "application/json",
        "Gridgov-Delivery": delivery[0],
        "Gridgov-Event": delivery[1],
        signing.HEADER: signing.sign(secrets, body, now),
    }
    try:
        async with asyncio.timeout(timeout_s):
            async with sender.stream("POST", url, content=body, headers=headers) as answer:
                return await _judged(answer)
    except TimeoutError:
        return Tried(f"no answer within {timeout_s:g} s", True)
    except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
        return Tried(cleaned(f"{type(error).__name__}: {error}"), True)


async def _judged(answer: httpx2.Response) -> Tried:
    status = answer.status_code
    if 200 <= status < 300:
        return Tried()
    if 300 <= status < 400:
        return Tried(f"status {status}, a redirect{_to(answer)}: name the last address in the file", True)
    said = await _excerpt(answer)
    wish = answer.headers.get("Retry-After", "")
    wish_s = min(float(wish), _LONGEST_WISH_S) if wish.isascii() and wish.isdigit() else 0.0
    return Tried(f"status {status}" + (f": {said}" if said else ""), status not in _OF_THE_DELIVERY, wish_s)


def _to(answer: httpx2.Response) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        there = urlsplit(answer.headers.get("Location", ""))
        host = there.netloc.rpartition("@")[2]
        return f" to {cleaned(f'{there.scheme}://{host}{there.path}')}" if host else ""
    except ValueError:
        return ""


async def _excerpt(answer: httpx2.Response) -> str:
    """The beginning of what the other side says, as one line of text."""
    found = b""
    async for piece in answer.aiter_raw():
        found += piece
        if len(found) >= _READ:
            break
    return cleaned(found[:_READ].decode("utf-8", "replace"))


def cleaned(text: str) -> str:
    """One line without what is not seen, not too long.

    >>> cleaned("no\\r\\n  such\\x1b hook")
    'no such hook'
    """
    return _UNSEEN.sub(" ", text).strip()[:_SHOWN]
