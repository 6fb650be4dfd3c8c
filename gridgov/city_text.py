"""A city's file as text: which tables there are, and on which line each thing in them stands.

One TOML file describes a city. `gridgov/data/demo_city.toml` is a commented example; what each table may hold
stands in `gridgov.city_tables`. The tables:

* `[city]` its names, zone, the prefix of its case numbers, the department that takes what nobody owns, the
  datum of points that name none (`geodata.datum`);
* `[calendar]` when it works, and `[[calendars]]`, when others do, such as a hotline
  (`gridgov.calendars`);
* `[clocks]` how long a stage may take, and `[escalation]` who answers for what is late;
* `[grids]` where its polygons come from (`geodata.read`), kept here and not looked into;
* `[[specialised]]` the specialised grids of each field (`geodata.specialised.read`), likewise;
* `[[departments]]` who puts things right;
* `[[fields]]` the fields of governance, as classes and categories;
* `[categories]` the shipped lists it takes, what it sets differently, `[[categories.own]]`, its own, and
  `[[categories.standards]]`, the case standards, which replace those that the lists have for a category;
* `[duplicates]` how near and how soon after each other two reports may be of the same thing;
* `[[automatic]]` what is done without a human hand, where categories and standards name it;
* `[[routing]]` whose what is (`dispatch.routing`);
* `[[targets]]` and `[[notices]]` who is told of it (`gridgov.outbox.rules`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from gridgov.errors import ServiceError

#: So many problems stand in the message itself; all of them in its `problems`.
_SHOWN: Final = 20
#: What some editors put before a text.
_MARK: Final = "\ufeff"

#: Tables within tables: the deepest that the program reads are four.
_DEEPEST: Final = 30

Model = TypeVar("Model", bound=BaseModel)

#: A place in the file: names of tables and keys, numbers within arrays.
Where = tuple[str | int, ...]

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Code = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f-\x9f/]+( [^\x00-\x20\x7f-\x9f/]+)*$"
    ),
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a city's file: the table and key, the line where it can be told, and what to do."""

    where: str
    line: int | None
    message: str

    def __str__(self) -> str:
        at = f"line {self.line}, " if self.line else ""
        return f"{at}{self.where}: {self.message}" if self.where else f"{at}{self.message}"


class BadCityFile(ServiceError):
    """The city's file cannot be used; every problem in it is listed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        many = f"{len(problems)} problems" if len(problems) > 1 else "one problem"
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        super().__init__(
            f"the city's file has {many}: " + "; ".join(map(str, problems[:_SHOWN])) + more,
            problems=[{"where": p.where, "line": p.line, "message": p.message} for p in problems],
        )


#: What may stand at the top of the file.
TABLES: Final = (
    "city",
    "calendar",
    "calendars",
    "clocks",
    "grids",
    "specialised",
    "departments",
    "fields",
    "categories",
    "duplicates",
    "automatic",
    "routing",
    "escalation",
    "targets",
    "notices",
)


class Reader:
    """A city's file being read: gives each table out as its model, and collects what is wrong."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.data: dict[str, Any] = _loaded(text)
        self._misspelt: dict[str | int, str] = {}
        for name in [name for name in self.data if name not in TABLES]:
            self.wrong((name,), "there is no such table" + _meant(name, TABLES))
            if (near := _near(name, TABLES)) and near not in self.data:
                # Read as what it was meant for, so that it is not missed as well.
                self._misspelt[near] = name
                self.data[near] = self.data[name]

    @cached_property
    def _lines(self) -> Mapping[Where, int]:
        return dict(_places(self.text))

    def wrong(self, where: Where, message: str) -> None:
        """Note a problem at a place."""
        written = (self._misspelt.get(where[0], where[0]), *where[1:])
        told = (self._lines.get(written[:n]) for n in range(len(written), 0, -1))
        line = next((number for number in told if number), None)
        self.problems.append(Problem(_shown(where), line, message))

    def table(self, where: Where, raw: object, model: type[Model]) -> Model | None:
        """A table as its model; None, and every problem noted, where it is not as it should be."""
        if not isinstance(raw, dict):
            self.wrong(where, "expected a table")
            return None
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            keys = [field.alias or name for name, field in model.model_fields.items()]
            misspelt = {
                _near(str(p["loc"][-1]), keys) for p in error.errors() if p["type"] == "extra_forbidden"
            }
            for problem in error.errors():
                if problem["type"] != "missing" or problem["loc"][-1] not in misspelt:
                    self.wrong((*where, *problem["loc"]), _explained(problem, keys))
            return None

    def section(self, name: str) -> Mapping[str, Any]:
        """A table at the top of the file, as it stands; empty where it is missing or none."""
        raw = self.data.get(name, {})
        if not isinstance(raw, dict):
            self.wrong((name,), f"expected one table: write [{name}]")
            return {}
        return raw

    def several(self, where: Where, raw: object) -> list[tuple[Where, Any]]:
        """The tables of an array, each with its place."""
        if not isinstance(raw, list):
            self.wrong(where, f"expected tables: write [[{_shown(where)}]]")
            return []
        return [((*where, number), one) for number, one in enumerate(raw)]


def read_file(path: Path) -> str:
    """The text of a city's file as it stands, line ends and all; raises BadCityFile where it is not UTF-8."""
    raw = path.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem("", line, f"byte {raw[error.start]:#04x} is not UTF-8: save {path.name} as UTF-8")
        raise BadCityFile([problem]) from error


def _loaded(text: str) -> dict[str, Any]:
    try:
        text.encode()
        loaded = tomllib.loads(text.removeprefix(_MARK))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        message = f"this is not TOML: {str(error)[: found.start()].strip() if found else error}"
        raise BadCityFile([Problem("", int(found[1]) if found else None, message)]) from error
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise BadCityFile([Problem("", line, "this is no text: half of a character stands here")]) from error
    except ValueError as error:
        raise BadCityFile([Problem("", None, f"this is not TOML that anybody wrote: {error}")]) from error
    except RecursionError as error:
        raise BadCityFile(
            [Problem("", None, "this is not TOML that anybody wrote: it nests too deep")]
        ) from error
    if not _shallow(loaded):
        raise BadCityFile([Problem("", None, "this is not TOML that anybody wrote: it nests too deep")])
    return loaded


def _shallow(value: object) -> bool:
    """Does nothing nest deeper than people write? Names joined by dots nest as deep as they like without
    anything that reads them noticing; what compares them later falls over it.
    """
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            one
            for outer in level
            if isinstance(outer, dict | list)
            for one in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return not level


def _near(word: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(word, known, n=1)), None)


def _meant(word: str, known: Sequence[str]) -> str:
    near = _near(word, known)
    return f": did you mean {near!r}?" if near else f": there are {', '.join(known)}"


def _explained(problem: Any, keys: Sequence[str]) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such key" + _meant(str(problem["loc"][-1]), keys)
    if problem["type"] == "missing":
        return "is missing"
    said = str(problem["msg"])
    if problem["type"] == "string_pattern_mismatch" and "A-Z" in said:
        said = "expected letters and digits only"
    elif problem["type"] == "string_pattern_mismatch":
        said = "control characters have no place in a name, slashes none in a code"
    return f"{said[0].lower()}{said[1:]}, found {str(problem['input'])[:60]!r}"


def _shown(where: Where) -> str:
    """A place for people: arrays counted from one.

    >>> _shown(("routing", 2, "under"))
    'routing 3, under'
    >>> _shown(("categories", "own", 0))
    'categories.own 1'
    """
    text = ""
    for step in where:
        if isinstance(step, int):
            text += f" {step + 1}"
        elif text:
            text += f", {step}" if text[-1].isdigit() else f".{step}"
        else:
            text = str(step)
    return text


_KEY: Final = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+|[ \t]*\.[ \t]*)+)[ \t]*=""")
_HEADER: Final = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?$")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


def _places(text: str) -> Iterator[tuple[Where, int]]:
    """Where each table and key of a well-formed file begins: (place, line from 1)."""
    counts: dict[Where, int] = {}
    table: Where = ()
    depth = 0
    # What stands inside strings and comments is no structure; line ends in it still count.
    blanked = _STRING.sub(lambda found: re.sub(r"[^\n]", "x", found[0]) if found[0][0] != "#" else "", text)
    for number, (plain, bare) in enumerate(
        zip(text.removeprefix(_MARK).split("\n"), blanked.split("\n"), strict=True), 1
    ):
        if depth == 0 and (header := _HEADER.match(plain)) and bare.lstrip().startswith("["):
            table = _header(_steps(header[2]), header[1] == "[[", counts)
            if table[-1] == 0:
                yield table[:-1], number
            yield table, number
            continue
        if depth == 0 and "=" in bare and (key := _KEY.match(plain)):
            yield (*table, *_steps(key[1])), number
        depth += sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")


def _header(steps: Sequence[str], array: bool, counts: dict[Where, int]) -> Where:
    """The place that a header opens: a name that is an array means its last element."""
    where: Where = ()
    for number, step in enumerate(steps, 1):
        where = (*where, step)
        if array and number == len(steps):
            counts[where] = counts.get(where, -1) + 1
        if where in counts:
            where = (*where, counts[where])
    return where


def _steps(dotted: str) -> list[str]:
    """The names in a dotted key.

    >>> _steps('categories."cn2026:event:01"')
    ['categories', 'cn2026:event:01']
    """
    steps: list[str] = []
    inner: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(inner, dict):
        [(step, inner)] = inner.items()
        steps.append(step)
    return steps
