"""Log lines: one JSON object each on standard error, and never a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gridgov import logs


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_lines_are_objects_whoever_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    with structlog.contextvars.bound_contextvars(request="r1"):
        structlog.get_logger("ours").warning("井盖", number=3)
    logging.getLogger("theirs").error("it %s", "broke")
    structlog.get_logger("ours").debug("too fine")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["number"], ours["level"], ours["request"]) == ("井盖", 3, "warning", "r1")
    assert (theirs["event"], theirs["logger"]) == ("it broke", "theirs")
    assert ours["timestamp"].endswith("Z")


def test_a_traceback_is_part_of_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    try:
        raise ValueError("why")
    except ValueError:
        structlog.get_logger("ours").exception("fault")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"][0]["exc_value"] == "why"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_tells_no_values(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Among the values of local variables are headers with tokens, and the bodies of reports."""
    logs.configure(form, "info")
    headers = f"Bearer {'abc' * 2}"
    try:
        raise ValueError(len(headers))
    except ValueError:
        structlog.get_logger("ours").exception("fault")
    assert "abcabc" not in capsys.readouterr().err


def test_what_is_called_like_a_secret_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    structlog.get_logger("ours").info("signed in", token="abc", password="def", cookie="ghi")
    line = capsys.readouterr().err
    assert not any(secret in line for secret in ("abc", "def", "ghi"))


def test_a_websocket_is_told_of_without_its_query(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    told = logging.getLogger("uvicorn.error")
    told.info('%s - "WebSocket %s" [accepted]', ("127.0.0.1", 5), "/api/feed?cursor=abc")
    told.info('%s - "WebSocket %s" %d', "127.0.0.1:5", "/api/feed?cursor=abc", 403)
    lines = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 2
    assert all("/api/feed" in line and "cursor" not in line for line in lines)


def test_headers_of_websockets_are_never_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """websockets logs them through the server's logger wherever that one is at debug."""
    logs.configure("json", "debug")
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.DEBUG)
    logging.getLogger("uvicorn.error").debug("< Cookie: gridgov=abc")
    assert capsys.readouterr().err == ""


def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", "warning")
    structlog.get_logger("ours").warning("careful")
    structlog.get_logger("ours").info("not this")
    assert "careful" in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_stranger_asks_for_moves_no_cursor_and_begins_no_line(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(form, "info")
    structlog.get_logger("ours").info("refused", path="/\x1b]0;title\x07\u009b31m\nforged")
    (line,) = capsys.readouterr().err.splitlines()
    assert not {"\x07", "\u009b"} & set(line)
    assert "\x1b]" not in line
    assert "forged" in line
