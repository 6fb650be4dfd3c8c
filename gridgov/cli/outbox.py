"""`gridgov outbox`: who is told what, how that stands, and what is done where it does not arrive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gridgov import city
from gridgov.cli.headings import UPKEEP
from gridgov.cli.output import AsJson, print_json, print_table, say, tell
from gridgov.cli.reading import reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput, ServiceError
from gridgov.operating import operator
from gridgov.outbox import status as standing
from gridgov.outbox import trying
from gridgov.outbox.acts import UnknownTarget
from gridgov.outbox.rules import Telling
from gridgov.storage.engine import snapshot

outbox = typer.Typer(
    no_args_is_help=True,
    help="Telling people who are not watching: status, dead, resend, discard, secret, try, test. 通知",
)

Name = Annotated[str, typer.Argument(metavar="TARGET", help="The target's name in the city's file.")]
Id = Annotated[str | None, typer.Option("--id", help="One delivery.", show_default="all that is dead there")]
#: Dead deliveries that a list shows unless told.
SHOWN: Final = 100


class NotArrived(ServiceError):
    """The message did not arrive."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(outbox, name="outbox", rich_help_panel=UPKEEP)


@outbox.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """How each target stands: how far behind, what waits and since when, what is dead. 通知状态"""
    settings = settings_of(context)
    with reader_of(settings) as engine, snapshot(engine) as connection:
        found = standing.status(connection, settings, utcnow())
    if as_json:
        print_json(found)
        return
    head = ("target", "to", "last error", "behind", "waiting", "oldest", "dead", "delivered")
    rows = [
        (
            one["name"],
            one["to"] if one["in_force"] else "not in the file any more",
            one["error"] if one["failures"] or one["dead"] else "",
            one["behind"],
            one["waiting"],
            _age(one["oldest_waiting_s"]),
            one["dead"],
            one["delivered"],
        )
        for one in found["targets"]
    ]
    print_table("", head, rows, numbers=5)
    if not found["mail_server"] and any(one["kind"] == "email" for one in found["targets"]):
        say("no e-mail is sent: set GRIDGOV_SMTP_HOST and GRIDGOV_SMTP_FROM")


def _age(seconds: float | None) -> str:
    """How long something waits, as people say it.

    >>> _age(7380.0)
    '2 h 3 min'
    """
    if seconds is None:
        return ""
    minutes, hours = int(seconds // 60) % 60, int(seconds // 3600)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{int(seconds)} s"


@outbox.command()
def dead(
    context: typer.Context,
    target: Annotated[str | None, typer.Argument(metavar="TARGET", show_default="all targets")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many at most.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """What could not be delivered, the newest first. 未送达"""
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        found = standing.dead(connection, target, limit)
    if as_json:
        print_json(found)
        return
    names = ("target", "recipient", "event", "incident", "settled_at", "error", "id")
    head = ("target", "recipient", "event", "incident", "since", "error", "delivery", "tries")
    rows = [(*(one[name] for name in names), one["attempts"]) for one in found]
    print_table("", head, rows, numbers=1)


@outbox.command()
def resend(context: typer.Context, target: Name, delivery: Id = None) -> None:
    """Send again what is dead at a target: one delivery, or all. 重新发送"""
    with operator(settings_of(context)) as hand:
        done = hand.look_after_outbox("resend", {"target": target, "id": delivery})
    say(f"{done['deliveries']} wait again to be sent to {target}")


@outbox.command()
def discard(
    context: typer.Context,
    target: Name,
    reason: Annotated[str, typer.Option(help="Why; it is kept on record for a while.")],
    delivery: Id = None,
) -> None:
    """Throw away what is dead at a target: one delivery, or all. 丢弃"""
    asked = {"target": target, "id": delivery, "reason": reason}
    with operator(settings_of(context)) as hand:
        done = hand.look_after_outbox("discard", asked)
    say(f"{done['deliveries']} of {target} thrown away")


@outbox.command()
def secret(
    context: typer.Context,
    target: Name,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make another, and print it once.")] = False,
) -> None:
    """When the secret of a webhook was made; with --rotate another one, printed once. 签名密钥

    The one before signs as well for GRIDGOV_OUTBOX_ROTATION_HOURS, so that receivers can be told meanwhile.
    """
    settings = settings_of(context)
    if rotate:
        with operator(settings) as hand:
            made = hand.look_after_outbox("secret", {"target": target})
        say(f"{target} has a new secret; the one before signs as well until {made['both_until']}")
        tell(made["secret"])
        return
    with reader_of(settings) as engine, snapshot(engine) as connection:
        found = standing.status(connection, settings, utcnow())
    one = next((one for one in found["targets"] if one["name"] == target and one["in_force"]), None)
    if one is None:
        raise UnknownTarget(f"the city's file has no target {target!r}", target=target)
    if one["kind"] != "webhook":
        raise BadInput(f"{target!r} is told by e-mail, which is not signed: it has no secret")
    say(f"{target}: its secret was made at {one['secret_at']}; make another with --rotate")


@outbox.command("try")
def try_(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CITY.toml]", exists=True, dir_okay=False, readable=True, show_default="in force"
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=trying.MOST_DAYS, help="Over so many days.")] = 7,
    most: Annotated[
        int, typer.Option(min=1, help="Of more entries than this, only the newest are tried.")
    ] = trying.MOST,
    as_json: AsJson = False,
) -> None:
    """What would have been told to whom over the last days, by the rules in force or a file's. Sends nothing.
    试运行
    """
    given = None if file is None else city.parse(city.read_file(file), 0)
    with reader_of(settings_of(context)) as engine, snapshot(engine) as connection:
        found = given or city.current(connection)
        telling = Telling() if found is None else found.telling
        tried = trying.dry_run(connection, telling, days, utcnow(), most)
    if as_json:
        print_json(tried)
        return
    rows = [
        (one["notice"], one["target"], _examples(one["examples"]), one["recipients"], one["deliveries"])
        for one in tried["told"]
    ]
    head = ("notice", "target", "such as", "recipients", "deliveries")
    print_table(f"of {tried['entries']} entries in {days} days", head, rows, numbers=2)
    if tried["left_out"]:
        say(f"{tried['left_out']} older entries were left out: see --most")


def _examples(examples: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['event']} {one['case_number']} {one['recipient']}".strip() for one in examples)


@outbox.command()
def test(context: typer.Context, target: Name) -> None:
    """Send a message that says it is a test, and say whether it was taken. 测试"""
    with operator(settings_of(context)) as hand:
        came = hand.look_after_outbox("test", {"target": target})
    to = ", ".join(came["to"])
    if not came["arrived"]:
        raise NotArrived(f"{to} did not take it: {came['error']}")
    say(f"taken by {to}")
