"""`gridgov duty`: the rota on the command line, alone and beside a server."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gridgov.clock import utcnow
from tests.gridgov.commandline import city_file
from tests.gridgov.conftest import OPERATOR, Server
from tests.installation import Installation

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def town(tmp_path: Path) -> Installation:
    """The town with two inspectors of the north and a dispatcher."""
    made = Installation(tmp_path / "var")
    file = city_file(tmp_path)
    for command in (("init",), ("city", "apply", file), ("grids", "import", file)):
        made.done(*command)
    for name, role in (("wang", "inspector"), ("li", "inspector"), ("chen", "dispatcher")):
        made.done("people", "add", name, "--role", role, "--under", "D/N", "--generate")
    return made


def local(days: float, hour: int = 8) -> str:
    """A time so many days from now, as people write it."""
    return f"{utcnow().astimezone(SHANGHAI) + timedelta(days=days):%Y-%m-%d} {hour:02}:00"


def test_somebody_is_put_on_duty_and_taken_off(town: Installation) -> None:
    made = town.done("duty", "add", "wang", "D/N/N1", "--from", local(1), "--to", local(1, 18), "--json").json
    stand_in = ("--from", local(1, 10), "--to", local(1, 12), "--stand-in-for", "wang")
    assert "li is on duty in D/N/N1: " in town.done("duty", "add", "li", "D/N/N1", *stand_in).err
    listed = town.done("duty", "list").out
    assert f"{local(1)}  {local(1, 18)}  D/N/N1  wang  网格员" in listed
    assert "代 wang" in listed
    told = town.done("duty", "list", "--person", "li", "--under", "D/N", "--json").json
    assert [one["stand_in_for_name"] for one in told["duties"]] == ["wang"]
    ran = town.run("duty", "withdraw", made["id"])
    assert (ran.code, ran.err) == (
        1,
        "gridgov: Somebody stands in for this person at that time; withdraw that first.\n",
    )
    assert "withdrawn" in town.done("duty", "withdraw", told["duties"][0]["id"]).err
    assert "cut short" in town.done("duty", "withdraw", made["id"], "--at", local(1, 9)).err
    assert [one["ends_at"][11:16] for one in town.done("duty", "list", "--json").json["duties"]] == ["01:00"]


def test_who_is_on_duty_now(town: Installation) -> None:
    town.done("duty", "add", "wang", "D/N", "--to", local(1))
    town.done("duty", "add", "li", "D/N/N1", "--to", local(1))
    assert [one["name"] for one in town.done("duty", "now", "D/N/N1", "--json").json["here"]] == [
        "li",
        "wang",
    ]
    assert town.done("duty", "now").out.count("网格员") == 2


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("add", "chen", "D/N", "--to", "2100-01-01"), "no longer than 7 days"),
        (("add", "nobody", "D/N", "--to", local(1)), "there is nobody called 'nobody'"),
        (("add", "wang", "D/X", "--to", local(1)), "D/X"),
        (("add", "wang", "D/N", "--to", "today"), "--to is 'today'"),
        (("add", "chen", "D/N", "--to", local(1)), "neither 网格员 (inspector) nor"),
        (("withdraw", "nothing"), "There is no such duty."),
        (("copy-week", "soon"), "DAY is 'soon'"),
        (("now", "D/X"), "D/X"),
    ],
)
def test_what_is_refused(town: Installation, command: tuple[str, ...], why: str) -> None:
    ran = town.run("duty", *command)
    assert ran.code == 1
    assert why in ran.err


def test_a_table_is_brought_in_row_by_row(town: Installation, tmp_path: Path) -> None:
    file = tmp_path / "rota.csv"
    rows = [
        "人员,网格,开始,结束,代班",
        f"wang,D/N/N1,{local(1)},{local(1, 18)},",
        f"chen,D/N/N1,{local(1)},{local(1, 18)},",
        f"li,D/N/N1,{local(1, 9)},{local(1, 10)},wang",
    ]
    file.write_text("\n".join(rows), encoding="gb18030")
    assert town.run("duty", "import", file).code == 1
    assert "no such encoding" in town.run("duty", "import", file, "--encoding", "big6").err
    tried = town.run("duty", "import", file, "--encoding", "gb18030", "--dry-run")
    assert tried.code == 1
    assert "2 would be added, 0 there already, 1 would be refused" in tried.err
    assert "3     refused" in tried.out
    assert town.done("duty", "list", "--json").json["duties"] == []
    done = town.run("duty", "import", file, "--encoding", "gb18030", "--json")
    assert [one["outcome"] for one in done.json["rows"]] == ["added", "refused", "added"]
    assert len(town.done("duty", "list", "--json").json["duties"]) == 2


def test_a_week_is_copied(town: Installation) -> None:
    town.done("duty", "add", "wang", "D/N/N1", "--from", local(1), "--to", local(1, 18))
    assert "1 would be added" in town.done("duty", "copy-week", local(1), "--dry-run").err
    assert (
        "1 added, 0 there already, 0 refused"
        in town.done("duty", "copy-week", local(1), "--under", "D/N").err
    )
    assert "0 added, 1 there already" in town.done("duty", "copy-week", local(1)).err
    until = ("--to", f"{utcnow() + timedelta(days=20):%Y-%m-%d}")
    assert len(town.done("duty", "list", *until, "--json").json["duties"]) == 2


def test_beside_a_server_it_goes_through_the_server(server: Server, tmp_path: Path) -> None:
    server.service.lock.describe(url=server.url, token=OPERATOR)
    town = Installation(server.service.settings.data)
    now = server.service.clock().astimezone(SHANGHAI)
    begins, ends = ((now + timedelta(hours=h)).isoformat() for h in (1, 5))
    made = town.done("duty", "add", "inspector_n", "D/N/N1", "--from", begins, "--to", ends, "--json").json
    assert (made["name"], made["by"]) == ("Inspector n", "operator")
    day = f"{now:%Y-%m-%d}"
    assert town.done("duty", "copy-week", day, "--weeks", "2", "--json").json["added"] == 1
    file = tmp_path / "rota.csv"
    file.write_text(f"person,path,from,to\ninspector_s,D/S,{begins},{ends}\n")
    assert town.done("duty", "import", file, "--json").json["added"] == 1
    assert "withdrawn" in town.done("duty", "withdraw", made["id"]).err
    listed = town.done("duty", "list", "--from", begins, "--json").json["duties"]
    assert [one["person"] for one in listed] == ["inspector_s"]
    assert datetime.fromisoformat(listed[0]["starts_at"]) == datetime.fromisoformat(begins)
