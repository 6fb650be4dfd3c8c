"""What `dispatch` finds wrong with rules, told at the place in the city's file that it is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from gridgov.city_text import Reader, Where
from gridgov.city_values import near

_QUOTED: Final = re.compile(r"""'[^']*'|"[^"]*\"""")
#: "rule 'x' names class 'y', which no category belongs to"
_NAMED: Final = re.compile(r"\bnames ([a-z-]+) (?:'([^']*)'|\"([^\"]*)\"), which")
#: Looking for names like a wrong one takes its time: for so many of them it is done.
_MOST_HINTS: Final = 100


def blame(
    reader: Reader,
    problems: Iterable[str],
    named: Iterable[tuple[str, Where]],
    otherwise: Where,
    known: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> None:
    """Note what `dispatch` found, each at the table whose name it quotes first, the last of that name.

    ``known``: the names there are, by what a problem calls them, to tell what was perhaps meant.
    """
    where = {repr(name): place for name, place in named}
    hints: dict[tuple[str, str], str] = {}
    for problem in problems:
        quoted = (where[name] for name in _QUOTED.findall(problem) if name in where)
        reader.wrong(next(quoted, otherwise), problem + _hint(problem, known, hints))


def _hint(problem: str, known: Mapping[str, Collection[str]], hints: dict[tuple[str, str], str]) -> str:
    found = _NAMED.search(problem)
    if found is None or found[1] not in known:
        return ""
    about = found[1], found[2] if found[2] is not None else found[3]
    if about not in hints and len(hints) < _MOST_HINTS:
        hints[about] = near(about[1], known[about[0]])
    return hints.get(about, "")


def names(tables: Iterable[tuple[Where, Any]], key: str) -> list[tuple[str, Where]]:
    """What tables are called, and where each stands."""
    return [(str(table.get(key)), where) for where, table in tables if isinstance(table, dict)]
