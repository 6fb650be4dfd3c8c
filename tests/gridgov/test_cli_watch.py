"""`gridgov watch`: a desk in the terminal."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from rich.console import Console

from gridgov.cli.watch import Desk, line_of
from gridgov.frames import Change
from gridgov.watching import Picture
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, Server, Site, report_body
from tests.installation import Installation

#: Seconds a process may take to start, sign in and read its list on a busy machine.
PATIENCE_S = 60
SHANGHAI = ZoneInfo("Asia/Shanghai")


def drawn(desk: Desk, height: int = 24) -> str:
    """What a terminal of that height shows."""
    out = Console(file=io.StringIO(), width=140, height=height, color_system=None)
    out.print(desk.drawn(height, scene.MONDAY + timedelta(days=1)))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def rows_seen_by(site: Site, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.as_(name).get("/api/incidents").json()["rows"]
    return found


def test_a_desk_shows_what_is_open_newest_first(site: Site) -> None:
    done = site.closed()
    older = site.as_("inspector").report(scene.COVER, "N1")
    newer = site.as_("inspector").report(scene.RUBBISH, None)
    text = drawn(Desk("派遣台", SHANGHAI, Picture.of(rows_seen_by(site, "leader"))))
    assert "派遣台  未结 2 open" in text
    assert "超期 2 overdue  预警 0 warning" in text
    assert text.index(newer["case_number"]) < text.index(older["case_number"])
    assert rows_seen_by(site, "leader")[-1]["id"] == done
    assert "未定位" in text
    assert "N/N1" in text


def test_a_desk_tells_what_is_late_in_words_and_colours(site: Site) -> None:
    site.as_("inspector").report(scene.COVER, "N1")
    (row,) = rows_seen_by(site, "leader")
    desk = Desk("台", SHANGHAI, Picture.of([row]))
    minute = timedelta(minutes=1)
    shown = []
    for late in (11, 13, 16):
        out = Console(file=io.StringIO(), width=140, color_system="standard", force_terminal=True)
        out.print(desk.drawn(24, scene.MONDAY + late * minute))
        assert isinstance(out.file, io.StringIO)
        shown.append(out.file.getvalue())
    due = f"{datetime.fromisoformat(row['clock_due_at']).astimezone(SHANGHAI):%m-%d %H:%M}"
    assert "超期 0 overdue  预警 0 warning" in re.sub(r"\x1b\[[0-9;]*m", "", shown[0])
    assert due in shown[0]
    assert f"\x1b[33m预警 {due}" in shown[1]
    assert f"\x1b[1;31m超期 {due}" in shown[2]
    desk.picture.rows[row["id"]] = row | {"escalation_level": "street"}
    assert f"超期 {due} 升级 street" in drawn(desk)
    desk.picture.rows[row["id"]] = row | {"escalation_level": "street", "answered_by": "leader"}
    assert f"超期 {due} 已确认" in drawn(desk)


def test_a_desk_tells_what_stands_still_and_what_is_supervised(site: Site) -> None:
    site.as_("inspector").report(scene.COVER, "N1")
    (row,) = rows_seen_by(site, "leader")
    stopped = {"clock_due_at": None, "clock_warn_at": None, "suspended_until": "2026-12-01T01:00:00.000000Z"}
    desk = Desk("台", SHANGHAI, Picture.of([row | stopped]))
    assert "挂账至 12-01 09:00" in drawn(desk)
    assert "督办" not in drawn(desk)
    desk.picture.rows[row["id"]] = row | {"supervised": True}
    assert "督办" in drawn(desk)


def test_a_desk_says_since_when_the_line_is_down() -> None:
    desk = Desk("台", SHANGHAI)
    desk.line_is(True, scene.MONDAY)
    assert "中断" not in drawn(desk)
    for minutes in (0, 1):
        desk.line_is(False, scene.MONDAY + timedelta(minutes=minutes))
        assert "连接中断 line down since 10:00:00" in drawn(desk)
    desk.line_is(True, scene.MONDAY)
    assert "中断" not in drawn(desk)


def test_a_desk_fits_its_terminal(site: Site) -> None:
    for _ in range(12):
        site.as_("inspector").report()
    lines = drawn(Desk("台", SHANGHAI, Picture.of(rows_seen_by(site, "leader"))), height=14).splitlines()
    assert len(lines) <= 14


def test_a_desk_follows_the_frames(site: Site) -> None:
    site.as_("inspector").report()
    (row,) = rows_seen_by(site, "leader")
    entry = {"kind": "reported", "recorded_at": row["reported_at"]}
    entered = {"type": "entry", "change": Change.ENTERED, "position": row["position"], "incident": row["id"]}
    desk = Desk("台", SHANGHAI)
    desk.take(entered | {"entry": entry, "row": row})
    assert row["case_number"] in drawn(desk)
    assert desk.last == [line_of(entered | {"entry": entry, "row": row}, SHANGHAI)]
    local = datetime.fromisoformat(row["reported_at"]).astimezone(SHANGHAI)
    assert f"  {local:%H:%M:%S}  " in desk.last[0]
    desk.take({"type": "heartbeat", "cursor": "x"})
    left = entered | {"change": Change.LEFT, "position": row["position"] + 1, "row": None, "entry": None}
    desk.take(left)
    assert "未结 0 open" in drawn(desk)
    assert desk.last[0] == f"{row['position'] + 1}  left 移出  {row['id']}"


@contextmanager
def watching(server: Server, name: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`gridgov watch` in a process of its own, its output a pipe."""
    program = "from gridgov.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, "watch", "--url", server.url, *options]
    environment = os.environ | {"GRIDGOV_TOKEN": server.token(name), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def await_line(stream: Any, part: str) -> str:
    """The next line that holds ``part``."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        line = stream.readline()
        assert line, f"the process ended before it wrote {part!r}"
        if part in line:
            return str(line)
    raise AssertionError(f"no line with {part!r}")


def report(server: Server, token: str, grid: str) -> str:
    """Report something as an inspector; the case number."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx2.post(
        f"{server.url}/api/incidents", json=report_body(grid=grid), headers=headers, trust_env=False
    )
    assert answer.status_code == 201
    return str(answer.json()["case_number"])


@pytest.mark.slow
def test_a_report_appears_on_the_right_desk_and_nowhere_else(server: Server) -> None:
    inspector = server.token("inspector")
    with watching(server, "dispatcher_n") as north, watching(server, "leader", "--json") as whole:
        await_line(north.stderr, "watching as")
        hello = json.loads(await_line(whole.stdout, "hello"))
        assert hello["type"] == "hello"
        in_south = report(server, inspector, "S1")
        in_north = report(server, inspector, "N1")
        shown = await_line(north.stdout, "reported")
        assert in_north in shown
        assert "D/N/N1" in shown
        seen = [json.loads(await_line(whole.stdout, "entry"))["row"]["case_number"] for _ in range(2)]
        assert seen == [in_south, in_north]


@pytest.mark.slow
def test_json_frames_go_on_after_a_cursor(server: Server) -> None:
    inspector = server.token("inspector")
    with watching(server, "leader", "--json") as first:
        cursor = json.loads(await_line(first.stdout, "hello"))["cursor"]
    missed = report(server, inspector, "S1")
    with watching(server, "leader", "--json", "--cursor", cursor) as second:
        assert json.loads(await_line(second.stdout, '"entry"'))["row"]["case_number"] == missed


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["--url", "http://127.0.0.1:9", "--name", "x"], PASSWORD, "does not answer"),
        (["--url", "no url at all", "--name", "x"], PASSWORD, "does not answer"),
        (["--name", "leader"], "wrong password", "the server refused: "),
    ],
)
def test_who_cannot_watch_is_told_why(
    server: Server, monkeypatch: pytest.MonkeyPatch, arguments: list[str], stdin: str, said: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{stdin}\n".encode())))
    given = arguments if "--url" in arguments else ["--url", server.url, *arguments]
    ran = Installation(server.service.settings.data).run("watch", *given, "--password-stdin")
    assert ran.code == 1
    assert said in ran.err


def test_a_token_that_is_no_longer_good_ends_the_watch(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDGOV_TOKEN", "expired")
    ran = Installation(server.service.settings.data).run("watch", "--url", server.url, "--json")
    assert ran.code == 1
    assert "sign in" in ran.err.lower()
