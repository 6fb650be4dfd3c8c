"""What commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from gridgov.rows import iso

#: Told how many steps are done, and of how many (None: nobody knows yet).
Told = Callable[[int, int | None], None]

#: What moves a terminal's cursor or turns the order of letters round: drawings come from elsewhere, and
#: their codes and names are shown before anybody has looked at them.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(value: Any) -> None:
    """One JSON document on standard output, readable by people too; times in UTC."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATETIME
    sys.stdout.write(orjson.dumps(value, default=iso, option=options).decode() + "\n")


def print_json_line(value: Any) -> None:
    """One JSON document on one line, at once."""
    sys.stdout.write(orjson.dumps(value, default=iso, option=orjson.OPT_PASSTHROUGH_DATETIME).decode() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for people on standard error: it never gets between a result and the program that reads it."""
    print(visible(text), file=sys.stderr)


def tell(text: str) -> None:
    """Text for people on standard output."""
    print(visible(text))


def visible(text: str) -> str:
    r"""Text with what a terminal would obey instead of showing it written out.

    >>> visible("a\x1b[31m\tb")
    'a\\x1b[31m\tb'
    """
    return _UNSEEN.sub(lambda found: ascii(found.group())[1:-1], text)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 0) -> None:
    """A table on standard output; the last ``numbers`` columns are aligned as numbers."""
    table = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for at, name in enumerate(head):
        table.add_column(name, justify="right" if at >= len(head) - numbers else "left")
    for row in rows:
        table.add_row(*("" if cell is None else visible(str(cell)) for cell in row))
    console().print(table)


def console() -> Console:
    """Standard output as it is now; not a terminal, it is as wide as what is printed needs."""
    out = Console(highlight=False, markup=False, emoji=False)
    return out if out.is_terminal else Console(highlight=False, markup=False, emoji=False, width=10_000)


@contextmanager
def progress(what: str) -> Iterator[Told]:
    """A bar on standard error while something long is done; nothing where that is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    shown = Console(stderr=True)
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
