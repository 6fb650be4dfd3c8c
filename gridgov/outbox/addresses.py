"""What an e-mail address may be here: enough for people, nothing that could break out of a header."""

from __future__ import annotations

import re
from typing import Final

#: A part of what RFC 5321 allows; 4.5.3.1: 64 characters before the @, 254 in all (errata 1690).
_LONGEST, _LONGEST_LOCAL = 254, 64
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def why_no_address(text: str) -> str | None:
    """Why nothing is sent to this address; None where it can be.

    >>> why_no_address("duty@example.org")
    >>> why_no_address("Duty <duty@example.org>")
    "'Duty <duty@example.org>' is no e-mail address: write it like name@example.org, the address alone"
    """
    if len(text) > _LONGEST or len(text.partition("@")[0]) > _LONGEST_LOCAL:
        return f"an e-mail address has {_LONGEST} characters at most, {_LONGEST_LOCAL} before its @"
    if not _ADDRESS.fullmatch(text):
        return f"{text!r} is no e-mail address: write it like name@example.org, the address alone"
    return None
