"""`gridgov demo`: a made-up district with its people, served; with --simulate they get to work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Annotated

import httpx2
import numpy as np
import typer

from dispatch.lifecycle import ROLE_ZH
from gridgov import logs
from gridgov.cli.output import print_table, progress, say
from gridgov.cli.reading import settings_of
from gridgov.clock import new_id
from gridgov.demo import FOLDER, Cast, people_file, prepare, start_over
from gridgov.made_up import NobodyThere
from gridgov.players import Account, Player, Refused, ServerGone
from gridgov.serving import serve
from gridgov.settings import Settings
from gridgov.simulation import Simulation, play


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Running 运行")(demo)


def demo(
    context: typer.Context,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Its people report and act, through the API.")
    ] = False,
    pace: Annotated[
        float, typer.Option(min=0, help="Reports a minute; 0: as fast as the server answers.")
    ] = 20,
    reports: Annotated[
        int | None, typer.Option(min=1, help="End the simulation after so many.", show_default="go on")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Who does what, and where: another seed, another day.")
    ] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, envvar="GRIDGOV_PORT", help="Port; 0 takes a free one.", show_default="8020"
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over: delete the demo made before.")] = False,
) -> None:
    """Serve a made-up district of Bao'an's size, with people for every role. 演示

    All of it is made up but the names and codes of the ten streets. It lives in var/demo, or where
    GRIDGOV_DATA says, and is taken up again at every start. The people's passwords are printed, and kept
    there in people.tsv.
    """
    settings = demo_settings(settings_of(context), port)
    logs.configure(settings.log_format, settings.log_level)
    if fresh:
        start_over(settings)
    say(f"preparing the demo in {settings.data}: some ten seconds the first time 正在准备演示数据")
    with progress("preparing the demo 准备演示数据") as told:
        cast = prepare(settings, lambda _, done, total: told(done, total))
    _introduce(cast, settings)
    accounts = tuple(one.account for one in cast)

    def ready(url: str) -> None:
        print(_try_this(url, cast), flush=True)
        if simulate:
            _start(url, accounts, pace or None, reports, seed)

    serve(settings, ready)


def demo_settings(given: Settings, port: int | None) -> Settings:
    """The settings of the demo: a folder of its own and logs for people, unless something else is set.

    >>> demo_settings(Settings(log_level="info"), 8021).port
    8021
    """
    its_own = {"data": FOLDER, "log_format": "console"}
    changed = {name: value for name, value in its_own.items() if name not in given.model_fields_set}
    return given.model_copy(update=changed | ({} if port is None else {"port": port}))


def _introduce(cast: Sequence[Cast], settings: Settings) -> None:
    print("演示:区划边界、部门、人员、案卷均为虚构。")
    print("Demo: borders, departments, people and incidents are made up.\n")
    head = ("角色 role", "name", "password", "管辖范围 scope", "部门 department")
    rows = [
        (
            f"{ROLE_ZH[one.role]} {one.role}",
            one.name,
            one.password,
            "/".join(one.path) or "*",
            one.department or "",
        )
        for one in cast
    ]
    print_table(f"人员与密码 people and passwords (also in {people_file(settings.data)})", head, rows)


#: What a newcomer types first; README.md goes on from there.
_TRY = """
{url} 已启动,按 Ctrl-C 停止 is up; Ctrl-C stops it. In other terminals 另开终端试试:

the live desk of Fuhai Street 福海街道实时案卷
  echo {desk_password} | {program} watch --url {url} --name {desk} --password-stdin

a report from its inspector 网格员上报
  TOKEN=$(curl -s {url}/api/sessions -H 'Content-Type: application/json' \\
    -d '{{"name": "{inspector}", "password": "{password}", "kind": "bearer"}}' |
    sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -s {url}/api/incidents -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"id": "{id}", "category": "cn2026:event:06010", "words": "路边垃圾桶满溢",
         "position": {{"lon": 113.8823, "lat": 22.6503, "datum": "wgs84"}}}}'
"""


def _try_this(url: str, cast: Sequence[Cast]) -> str:
    named = {one.name: one.password for one in cast}
    desk, inspector = "dispatcher.fuhai", "inspector.fuhai"
    return _TRY.format(
        url=url,
        program=_program(),
        desk=desk,
        desk_password=named[desk],
        inspector=inspector,
        password=named[inspector],
        id=new_id(),
    )


def _program() -> str:
    """How this program is called from the folder we are in."""
    called = Path(sys.argv[0])
    return os.path.relpath(called) if called.name == "gridgov" and called.exists() else "gridgov"


def _start(
    url: str, accounts: Sequence[Account], per_minute: float | None, reports: int | None, seed: int
) -> None:
    """Let the people work in a process of their own, whose time is not the server's; it ends with ours."""
    work = (url, tuple(accounts), per_minute, reports, seed)
    multiprocessing.get_context("spawn").Process(target=simulate_at, args=work, daemon=True).start()


def simulate_at(
    url: str, accounts: Sequence[Account], per_minute: float | None, reports: int | None, seed: int
) -> None:
    """Play at a running server, saying on standard output what was done."""
    # Ctrl-C reaches every process of a terminal: the server stops in order, and this one with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with httpx2.Client(base_url=url, trust_env=False) as client:
        try:
            people = [Player(client, account) for account in accounts]
            _say(f"{len(people)} people, seed {seed}; everything they do is made up")
            simulation = Simulation(people, np.random.default_rng(seed))
            tally = play(simulation, per_minute=per_minute, reports=reports, stop=Event(), say=_say)
            _say(f"ended: {tally}")
        except (Refused, ServerGone, NobodyThere) as over:
            _say(f"given up: {over.message}")


def _say(text: str) -> None:
    print(f"模拟 simulation: {text}", flush=True)
