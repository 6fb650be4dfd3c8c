"""`gridgov`: all commands in one place; an error is one line that names the thing, no traceback."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DatabaseError
from typer.core import TyperGroup

from dispatch.errors import DispatchError
from geodata.errors import GeodataError
from gridgov import logs
from gridgov.cli import (
    categories,
    city,
    clocks,
    closure,
    duty,
    editions,
    grids,
    headings,
    incidents,
    locating,
    made_up,
    outbox,
    overdue,
    people,
    publishing,
    repairing,
    returns,
    rules,
    server,
    specialised,
    statistics,
    upkeep,
    watch,
)
from gridgov.cli.output import say
from gridgov.errors import ServiceError
from gridgov.settings import Settings
from gridgov.storage.errors import StorageError

MANUAL: Final = """\
Runs a city's grid-based governance 网格化管理: where something was reported, whose it is, until when, and
what came of it.

\b
A first installation:
    gridgov init                               make the store
    gridgov city apply city.toml               bring in the rules
    gridgov grids import city.toml             bring in the grids
    gridgov people add wang --role inspector   let somebody sign in
    gridgov serve                              start the server

Settings come from the environment, each GRIDGOV_ and its name; the commonest are options as well. While a
server runs, commands that write send their work through it.

Exit codes: 0 done; 1 refused, or something was found wrong; 2 the command was not understood.
"""


class Manual(TyperGroup):
    """Lists the commands under the headings they were registered with."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section a heading."""
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in headings.ORDER}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                heading = str(getattr(command, "rich_help_panel", None) or "Commands")
                sections.setdefault(heading, []).append((name, command.get_short_help_str(limit=200)))
        for heading, lines in sections.items():
            if lines:
                with formatter.section(heading):
                    formatter.write_dl(lines)


app = typer.Typer(
    name="gridgov",
    cls=Manual,
    help=MANUAL,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@app.callback()
def gridgov(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="GRIDGOV_DATA",
            help="Folder of the store, the photos and the lock file.",
            show_default="var",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(envvar="GRIDGOV_DATABASE", help="The store.", show_default="sqlite:///DATA/gridgov.db"),
    ] = None,
) -> None:
    """Read the settings that every command needs."""
    given: dict[str, Any] = {"data": data, "database": database}
    # What goes on behind a command is told only where something is wrong, and never on standard output.
    logs.configure("console", "warning")
    context.obj = Settings(**{name: value for name, value in given.items() if value is not None})


for module in (
    server,
    city,
    categories,
    rules,
    grids,
    editions,
    specialised,
    publishing,
    repairing,
    locating,
    made_up,
    incidents,
    clocks,
    overdue,
    closure,
    returns,
    watch,
    people,
    duty,
    outbox,
    statistics,
    upkeep,
):
    module.register(app)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        app(args=arguments, prog_name="gridgov")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except ValidationError as error:
        return _fail(_settings_problem(error), 2)
    except (DispatchError, GeodataError, ServiceError, StorageError) as error:
        return _fail(getattr(error, "message", None) or str(error))
    except DatabaseError as error:
        return _fail(f"the store cannot be used: {error.orig}; is its file whole, and its folder writable?")
    except UnicodeDecodeError as error:
        return _fail(f"a text file is not {error.encoding}: {error.reason}")
    except BrokenPipeError:
        # Whoever read our output has seen enough; there is nothing left to say, and nobody to say it to.
        sys.stderr.close()
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(message: str, code: int = 1) -> int:
    say(f"gridgov: {message}")
    return code


def _settings_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    name = f"GRIDGOV_{'_'.join(map(str, first['loc'])).upper()}"
    return f"the setting {name} is {first['input']!r}: {first['msg'].lower()}"
