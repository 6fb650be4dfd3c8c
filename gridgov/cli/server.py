"""`gridgov init` and `gridgov serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from gridgov.cli import demo
from gridgov.cli.headings import RUNNING
from gridgov.cli.output import say
from gridgov.cli.reading import settings_of
from gridgov.clock import new_id
from gridgov.serving import serve as serve_settings
from gridgov.storage.engine import WriterLock, database_file
from gridgov.storage.setup import init as init_store


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=RUNNING)(init)
    app.command(rich_help_panel=RUNNING)(serve)
    demo.register(app)


def init(context: typer.Context) -> None:
    """Make the store, or bring one of an older version along. 建库

    Doing it again changes nothing.
    """
    url = settings_of(context).database_url
    database = database_file(url)
    with WriterLock(database):
        new = init_store(url, new_id())
    say(f"{'made' if new else 'up to date:'} the store {database}")


def serve(
    context: typer.Context,
    host: Annotated[
        str | None,
        typer.Option(envvar="GRIDGOV_HOST", help="Address to listen on.", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            envvar="GRIDGOV_PORT", min=0, max=65535, help="Port; 0 takes a free one.", show_default="8020"
        ),
    ] = None,
) -> None:
    """Start the server; it stops on Ctrl-C or SIGTERM, after answering what is under way. 启动服务"""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings_of(context).model_copy(update=given)
    serve_settings(settings, ready=lambda url: say(f"gridgov listens on {url}"))
