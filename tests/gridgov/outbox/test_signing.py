"""How a receiver tells our requests from others' and from copies."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from gridgov.outbox.signing import BadSignature, sign, verify
from tests.gridgov.scene import MONDAY

BODY = '{"event":"reported","类":1}'.encode()


def test_the_format_is_what_the_documentation_says() -> None:
    header = sign(["s1", "s2"], BODY, MONDAY)
    seconds = str(int(MONDAY.timestamp()))
    macs = [
        hmac.new(s.encode(), seconds.encode() + b"." + BODY, hashlib.sha256).hexdigest() for s in ("s1", "s2")
    ]
    assert header == f"t={seconds},v1={macs[0]},v1={macs[1]}"


@pytest.mark.parametrize("ours", [["new"], ["old"], ["other", "new"]])
def test_while_a_secret_is_changed_either_is_enough(ours: list[str]) -> None:
    verify(ours, sign(["new", "old"], BODY, MONDAY), BODY, MONDAY)


@pytest.mark.parametrize(
    ("header", "body", "secrets"),
    [
        ("{good}", BODY + b" ", ["s"]),
        ("{good}", BODY, ["other"]),
        ("{good}", BODY, []),
        ("t={later},{signature}", BODY, ["s"]),
        ("t={now},v1=" + "0" * 64, BODY, ["s"]),
        ("t={now}", BODY, ["s"]),
        ("{signature}", BODY, ["s"]),
        ("", BODY, ["s"]),
        ("t=x,{signature}", BODY, ["s"]),
        ("t=１７６７２２５６００,{signature}", BODY, ["s"]),
        ("t={now},v0={mac}", BODY, ["s"]),
        ("t={now},v1=" + "é" * 64, BODY, ["s"]),
        ("x" * 100_000, BODY, ["s"]),
    ],
)
def test_all_else_is_refused(header: str, body: bytes, secrets: list[str]) -> None:
    good = sign(["s"], BODY, MONDAY)
    now, _, signature = good.partition(",")
    parts = {
        "good": good,
        "now": now[2:],
        "later": int(now[2:]) + 1,
        "signature": signature,
        "mac": signature[3:],
    }
    with pytest.raises(BadSignature):
        verify(secrets, header.format(**parts), body, MONDAY)


@pytest.mark.parametrize(("minutes", "good"), [(0, True), (5, True), (-5, True), (5.1, False), (-5.1, False)])
def test_what_was_signed_too_long_ago_is_refused(minutes: float, good: bool) -> None:
    header, now = sign(["s"], BODY, MONDAY), MONDAY + timedelta(minutes=minutes)
    if good:
        verify(["s"], header, BODY, now)
    else:
        with pytest.raises(BadSignature, match="may be a copy"):
            verify(["s"], header, BODY, now)
