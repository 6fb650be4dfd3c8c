"""`gridgov people`: who may sign in, and what they are assigned to."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from dispatch.lifecycle import ROLE_ZH, Role
from gridgov import accounts
from gridgov.cli.headings import PEOPLE
from gridgov.cli.output import AsJson, print_json, print_table, say
from gridgov.cli.reading import reader_of, settings_of
from gridgov.clock import utcnow
from gridgov.errors import BadInput, UnknownPerson
from gridgov.operating import NewPerson, operator
from gridgov.scope import why_not

people = typer.Typer(no_args_is_help=True, help="People: add, list, email. 人员与任职")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(people, name="people", rich_help_panel=PEOPLE)


@people.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What they sign in with.")],
    role: Annotated[Role, typer.Option(help="What they are.")],
    display_name: Annotated[
        str | None, typer.Option(help="What screens call them.", show_default="NAME")
    ] = None,
    under: Annotated[
        str | None,
        typer.Option(help="The grid they are assigned to: its path, codes joined by /.", show_default="all"),
    ] = None,
    department: Annotated[str | None, typer.Option(help="The department of a handler.")] = None,
    email: Annotated[
        str | None,
        typer.Option(help="Where they are told of what they do not watch.", show_default="nowhere"),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    generate: Annotated[
        bool, typer.Option("--generate", help="Make a password, and print it once on standard output.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add somebody with one assignment, in force from now on. 添加人员

    The password is asked for, unless it comes on standard input or is made; it never stands in the command,
    where other users of the machine could read it.
    """
    accounts.require_address(email)
    path = tuple(under.split("/")) if under else ()
    wrong = why_not(role, path, department)
    if wrong is not None:
        raise BadInput(f"{wrong}: {'leave out --under' if path else 'see --department'}")
    person = NewPerson(
        name=accounts.clear_name(name),
        display_name=accounts.clear_name(display_name or name),
        role=role,
        path=path,
        department=department,
        password=None if generate else _password(password_stdin),
        email=email,
    )
    with operator(settings_of(context)) as hand:
        added = hand.add_person(person)
    if as_json:
        print_json(added)
        return
    say(f"added {added['name']} ({ROLE_ZH[role]})")
    if "password" in added:
        print(added["password"])


@people.command("email")
def email_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What they sign in with.")],
    address: Annotated[
        str | None, typer.Argument(help="Their e-mail address.", show_default="tell them nothing")
    ] = None,
) -> None:
    """Say where somebody is told of what they do not watch. 设置邮箱"""
    accounts.require_address(address)
    settings = settings_of(context)
    with reader_of(settings) as engine, engine.connect() as connection:
        found = next((one for one in accounts.everybody(connection) if one.name == name), None)
    if found is None:
        raise UnknownPerson(f"there is nobody called {name!r}", name=name)
    with operator(settings) as hand:
        hand.set_email(found.id, address)
    say(f"{name} is told at {address}" if address else f"{name} is told nothing by e-mail")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


@people.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Everybody who may sign in, with their assignments. 人员名单"""
    now = utcnow()
    with reader_of(settings_of(context)) as engine, engine.connect() as connection:
        everybody = accounts.everybody(connection)
    if as_json:
        print_json([_plain(person) for person in everybody])
        return
    rows = [
        (one.name, one.display_name, "" if one.active else "inactive", _held(one, now), one.email or "")
        for one in everybody
    ]
    print_table("", ("name", "called", "", "assignments", "e-mail"), rows)


def _held(person: accounts.Person, now: datetime) -> str:
    held = [
        " ".join(filter(None, (ROLE_ZH[a.role], "/".join(a.path) or "全部 all", a.department)))
        for a in person.assignments
        if a.runs(now)
    ]
    return "; ".join(held)


def _plain(person: accounts.Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "display_name": person.display_name,
        "active": person.active,
        "email": person.email,
        "assignments": [
            {
                "id": a.id,
                "role": str(a.role),
                "path": list(a.path),
                "department": a.department,
                "starts_at": a.starts_at,
                "ends_at": a.ends_at,
            }
            for a in person.assignments
        ],
    }
