"""The only module that asks the time, mints an id, or leaves something to chance."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime


def utcnow() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh random identifier (UUID version 4, in its text form)."""
    return str(uuid.uuid4())


def new_token() -> str:
    """A fresh secret of 256 bits, safe in headers and cookies."""
    return secrets.token_urlsafe(32)


def new_salt() -> bytes:
    """Sixteen random bytes."""
    return secrets.token_bytes(16)


def chance() -> float:
    """A number from 0 to 1 by chance, for what should not happen at the same moment everywhere."""
    return secrets.SystemRandom().random()
