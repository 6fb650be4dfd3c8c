"""`gridgov watch`: a live desk in the terminal, or the feed line by line."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import httpx2
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dispatch.categories import URGENCY_ZH, Urgency
from dispatch.lifecycle import ENDED, STAGE_ZH, Stage
from dispatch.readings import Colour, colour
from gridgov import logs
from gridgov.cli.headings import INCIDENTS
from gridgov.cli.output import print_json_line, say
from gridgov.clock import utcnow
from gridgov.errors import ServiceError
from gridgov.watching import Picture
from gridgov.watching import watch as follow

#: Rows of one page asked for; the server's most.
PAGE: Final = 500
#: Lines of a desk that fit a usual terminal, when nothing tells its height.
LINES: Final = 20
_PATIENCE_S: Final = 30.0
STYLE: Final = {Colour.GREEN: "", Colour.YELLOW: "yellow", Colour.RED: "bold red"}
WORD: Final = {Colour.GREEN: "", Colour.YELLOW: "预警 ", Colour.RED: "超期 "}


class CannotWatch(ServiceError):
    """The server does not let you in, or does not answer."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=INCIDENTS)(watch)


def watch(
    url: Annotated[str, typer.Option(envvar="GRIDGOV_URL", help="The server.")] = "http://127.0.0.1:8020",
    name: Annotated[
        str | None, typer.Option(envvar="GRIDGOV_NAME", help="Who you sign in as; the password is asked for.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    cursor: Annotated[
        str | None, typer.Option(help="Go on after this cursor; without it, from now on. With --json only.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One frame of the feed a line, for programs.")
    ] = False,
) -> None:
    """Watch what your assignments let you see, as it happens. 实时工作台

    A lost connection is taken up again where it broke off: nothing is lost and nothing comes twice. A bearer
    token in the environment, GRIDGOV_TOKEN, stands for name and password.
    """
    with httpx2.Client(base_url=url, timeout=_PATIENCE_S, trust_env=False) as client:
        signed_in = os.environ.get("GRIDGOV_TOKEN") or _sign_in(client, name, password_stdin)
        client.headers["Authorization"] = f"Bearer {signed_in}"
        try:
            if as_json:
                asyncio.run(_print_frames(url, signed_in, cursor))
            else:
                asyncio.run(_show_desk(client, url, signed_in))
        except KeyboardInterrupt:
            say("stopped watching")


async def _print_frames(url: str, token: str, cursor: str | None) -> None:
    async with aclosing(follow(url, token, cursor)) as frames:
        async for frame in frames:
            print_json_line(frame)


async def _show_desk(client: httpx2.Client, url: str, token: str) -> None:
    me = _ask(client, "GET", "/api/me")
    desk = Desk(me["person"]["display_name"], ZoneInfo(me["zone"]))
    console = Console()
    if not console.is_terminal:
        # Without a screen of its own, a lost connection is told as a log line.
        logs.configure("console", "info")
    live = Live(console=console, auto_refresh=False, screen=True) if console.is_terminal else None

    def show() -> None:
        if live is not None:
            live.update(desk.drawn(console.height, utcnow()), refresh=True)

    def line_is(up: bool) -> None:
        desk.line_is(up, utcnow())
        show()

    with live or nullcontext():
        while True:
            page = await asyncio.to_thread(_open_ones, client)
            desk.picture = Picture.of(page["rows"])
            if live is None:
                say(f"watching as {desk.name}: {len(desk.picture.rows)} open incidents")
            show()
            async with aclosing(follow(url, token, page["cursor"], on_line=line_is)) as frames:
                async for frame in frames:
                    desk.take(frame)
                    show()
                    if live is None and frame["type"] == "entry":
                        print(line_of(frame, desk.zone), flush=True)


@dataclass(slots=True)
class Desk:
    """A list kept up to date, and what happened last; times are shown in the city's zone."""

    name: str
    zone: ZoneInfo
    picture: Picture = field(default_factory=Picture)
    last: list[str] = field(default_factory=list)
    down_since: datetime | None = None

    def line_is(self, up: bool, now: datetime) -> None:
        """The line is up, or down: since when, stays told until it is up again."""
        self.down_since = None if up else self.down_since or now

    def take(self, frame: dict[str, Any]) -> None:
        """Bring the desk up to a frame."""
        self.picture.apply(frame)
        if frame["type"] == "entry":
            self.last = [line_of(frame, self.zone), *self.last[:4]]

    def drawn(self, height: int, now: datetime) -> Group:
        """The desk as it fits a terminal: open incidents, newest first, then the last entries."""
        ended = {str(stage) for stage in ENDED}
        rows = sorted(self.picture.rows.values(), key=lambda row: -int(row["first"]))
        open_ones = [row for row in rows if row["stage"] not in ended]
        table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
        for head in ("案卷号", "环节", "类别", "紧急", "网格", "部门"):
            table.add_column(head, no_wrap=True, overflow="ellipsis")
        # What is late is never cut off.
        table.add_column("时限", no_wrap=True, min_width=16)
        for row in open_ones[: max(3, (height or LINES) - 9)]:
            table.add_row(*_cells(row, now, self.zone))
        latest = (Text("最近 latest", style="bold"), *(Text(line) for line in self.last))
        return Group(self._title(open_ones, now), table, *latest)

    def _title(self, open_ones: list[dict[str, Any]], now: datetime) -> Text:
        """Whose desk it is, how much there is to do, and that what is shown is old where the line is down."""
        shown = [_colour(row, now) for row in open_ones]
        red, yellow = shown.count(Colour.RED), shown.count(Colour.YELLOW)
        title = Text(f"{self.name}  未结 {len(open_ones)} open", style="bold")
        title.append(f"  超期 {red} overdue", style=STYLE[Colour.RED] if red else "")
        title.append(f"  预警 {yellow} warning", style=STYLE[Colour.YELLOW] if yellow else "")
        if self.down_since is not None:
            since = f"{self.down_since.astimezone(self.zone):%H:%M:%S}"
            title.append(f"  连接中断 line down since {since}, 正在重连", style="bold white on red")
        return title


def line_of(frame: dict[str, Any], zone: ZoneInfo) -> str:
    """An entry in one line, with the time of day in ``zone``."""
    entry, row = frame.get("entry"), frame.get("row")
    if entry is None or row is None:
        return f"{frame['position']}  left 移出  {frame['incident']}"
    parts = (
        str(frame["position"]),
        f"{datetime.fromisoformat(entry['recorded_at']).astimezone(zone):%H:%M:%S}",
        row["case_number"],
        f"{entry['kind']} {STAGE_ZH[Stage(row['stage'])]}",
        row["category"],
        "/".join(row["path"]) or "未定位 unlocated",
        row["department"],
    )
    return "  ".join(parts)


def _cells(row: dict[str, Any], now: datetime, zone: ZoneInfo) -> list[Text]:
    return [
        Text(row["case_number"]),
        Text(STAGE_ZH[Stage(row["stage"])]),
        Text(row["category"]),
        Text(URGENCY_ZH[Urgency(row["urgency"])], style="" if row["urgency"] == Urgency.ORDINARY else "red"),
        Text("/".join(row["path"][-2:]) or "未定位"),
        Text(row["lead"] or row["department"]),
        _late(row, now, zone),
    ]


def _colour(row: dict[str, Any], now: datetime) -> Colour:
    """That of the clock which runs; green where none does."""
    if row["clock_due_at"] is None:
        return Colour.GREEN
    return colour(now, *(datetime.fromisoformat(row[name]) for name in ("clock_warn_at", "clock_due_at")))


def _late(row: dict[str, Any], now: datetime, zone: ZoneInfo) -> Text:
    """Until when what is under way has to be done, or stands still; in words too whether it is late, not by
    colour alone, and that somebody above waits for an answer.
    """
    text = Text("")
    if row["suspended_until"] is not None:
        text.append(f"挂账至 {_when(row['suspended_until'], zone)}")
    if row["clock_due_at"] is not None:
        shown = _colour(row, now)
        text.append(f"{WORD[shown]}{_when(row['clock_due_at'], zone)}", style=STYLE[shown])
    if row["supervised"]:
        text.append(" 督办")
    if row["answered_by"] is not None:
        text.append(" 已确认")
    elif row["escalation_level"] is not None:
        text.append(f" 升级 {row['escalation_level']}")
    return text


def _open_ones(client: httpx2.Client) -> dict[str, Any]:
    """All rows that are open, page by page, with the cursor of the first page: frames bring later pages up
    to date, and whole rows of what is opened again.
    """
    asked = {"limit": PAGE, "open": True}
    first = page = _ask(client, "GET", "/api/incidents", params=asked)
    rows = list(first["rows"])
    while page["next"] is not None:
        page = _ask(client, "GET", "/api/incidents", params=asked | {"page": page["next"]})
        rows += page["rows"]
    return {"rows": rows, "cursor": first["cursor"]}


def _sign_in(client: httpx2.Client, name: str | None, password_stdin: bool) -> str:
    who = name or typer.prompt("name", err=True)
    if password_stdin:
        password = typer.get_text_stream("stdin").readline().rstrip("\r\n")
    else:
        password = typer.prompt("password", hide_input=True, err=True)
    body = {"name": who, "password": password, "kind": "bearer"}
    return str(_ask(client, "POST", "/api/sessions", json=body)["token"])


def _ask(client: httpx2.Client, method: str, path: str, **more: Any) -> Any:
    try:
        answer = client.request(method, path, **more)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CannotWatch(f"the server at {client.base_url} does not answer: {error}") from error
    if answer.status_code >= 400:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        raise CannotWatch(f"the server refused: {problem.get('detail') or answer.status_code}")
    return answer.json()


def _when(told: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(told).astimezone(zone):%m-%d %H:%M}"
