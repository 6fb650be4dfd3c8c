"""How a webhook is signed, and how whoever gets it tells that it is ours and not an old one sent again.

Each request carries one header::

    Gridgov-Signature: t=1767225600,v1=5f0c...e1[,v1=93ab...07]

``t`` is when it was sent, in seconds since 1970; each ``v1`` is the HMAC-SHA256, in lower-case hex, with one
secret of the target (UTF-8) as its key, over the digits of ``t``, a full stop, and the body's bytes as they
were sent. While a secret is being changed there are two, one for the old and one for the new; one that is
right is enough. A receiver that is not written in Python does what :func:`verify` does:

1. take the body as it came, before anything parses it;
2. compute the HMAC over ``t + "." + body`` and compare it with every ``v1`` in constant time;
3. refuse what was sent more than five minutes ago, or will be;
4. do nothing for a ``Gridgov-Delivery`` that was taken before: a delivery may come twice, with the same id.

>>> from datetime import UTC, datetime
>>> sent = datetime(2026, 1, 1, tzinfo=UTC)
>>> header = sign(["secret"], b"{}", sent)
>>> verify(["secret"], header, b"{}", sent)
>>> verify(["other"], header, b"{}", sent)
Traceback (most recent call last):
...
gridgov.outbox.signing.BadSignature: none of the signatures is made with a secret of ours
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from gridgov.errors import ServiceError

HEADER: Final = "Gridgov-Signature"
#: A request that took longer on its way is refused: whoever caught it could send it again.
WINDOW: Final = timedelta(minutes=5)
#: A header longer than this is nobody's of ours: two signatures take 160.
_LONGEST: Final = 1000
_PART: Final = re.compile(r"v1=([0-9a-f]{64})")
_MOMENT: Final = re.compile(r"t=([0-9]{1,12})")


class BadSignature(ServiceError):
    """This request is not signed as ours are."""


def sign(secrets: Sequence[str], body: bytes, now: datetime) -> str:
    """The value of the header for a body sent now, signed with each secret."""
    seconds = int(now.timestamp())
    return ",".join([f"t={seconds}", *(f"v1={_mac(secret, seconds, body)}" for secret in secrets)])


def verify(
    secrets: Sequence[str], header: str, body: bytes, now: datetime, window: timedelta = WINDOW
) -> None:
    """Raise BadSignature unless one of the secrets signed this body, not longer than ``window`` ago.

    Takes the same time whichever secret and signature do not match.
    """
    moment, *parts = header[:_LONGEST].split(",")
    stated = _MOMENT.fullmatch(moment.strip())
    signatures = [found[1] for part in parts if (found := _PART.fullmatch(part.strip()))]
    if stated is None or not signatures:
        raise BadSignature(f"expected a header {HEADER}: t=SECONDS,v1=SIGNATURE")
    seconds = int(stated[1])
    right = False
    for secret in secrets:
        made = _mac(secret, seconds, body)
        for signature in signatures:
            right |= hmac.compare_digest(made, signature)
    if not right:
        raise BadSignature("none of the signatures is made with a secret of ours")
    if abs(now.timestamp() - seconds) > window.total_seconds():
        raise BadSignature("this was signed too long ago, or by a clock that is ahead: it may be a copy")


def _mac(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
