r"""The mapping file: which column of another system's table is what, and which rows do not fit.

Commented examples are tests/cities/new_york.mapping.toml and boston.mapping.toml; this is the whole of it:

    source = "boston311"        # with a row's number it makes the incident's id
    encoding = "utf-8"          # of the CSV; a file that ends in .gz is unpacked on the way
    delimiter = ","
    number = "case_enquiry_id"  # the column of the source's own number
    # address = "..."           # columns of private words, if there are any
    # words = "..."

    [channel]                   # how the reports came in
    column = "source"           # or only `default`, for all rows
    values = { "Constituent Call" = "hotline" }
    default = "other"           # where the column is empty

    [category]
    standard = "boston311"      # what `values` does not name becomes standard:kind:TEXT
    kind = "event"
    column = "type"
    values = {}                 # text -> key or alias of a category of the city's file
    unknown = "refuse"          # or "keep_and_mark", under that key

    [department]
    column = "department"
    values = { PWDx = "PWD" }   # text -> code; other text is the code itself
    unknown = "refuse"          # or "keep_and_mark"

    [position]                  # leave the table out where there are none
    lon = "longitude"
    lat = "latitude"
    datum = "wgs84"             # wgs84, cgcs2000, gcj02 or bd09; left out: the city's, if its file sets one
    missing = "tray"            # rows without: to the unlocated tray, marked; or "refuse"

    [times]
    format = "%Y-%m-%d %H:%M:%S" # as Python's strptime; "iso" for ISO 8601
    zone = "America/New_York"   # of times that do not name their own
    reported = "open_dt"
    closed = "closed_dt"        # may be left out, as `due`
    due = "target_dt"
    repeated_hour = "first"     # of the two hours when clocks go back: first, second or refuse; counted
    skipped_hour = "later"      # when clocks go forward: an hour later, or refuse; counted

    [status]
    column = "case_status"
    closed = ["Closed"]         # these mean closed
    open = ["Open"]             # these mean open; any other is refused. Left out: all others mean open

    [conflicts]                 # "refuse" unless said otherwise
    closed_before_reported = "keep_and_mark"
    closed_time_but_open = "keep_and_mark"   # stays open, its time of closing is kept in the ledger
    closed_without_time = "keep_and_mark"    # closed, but never on time

    [[set_aside]]               # rows that are not imported, counted under this name
    name = "test_case"
    reason = "made by the vendor when the system was set up"
    when = { department = ["No Q"] }         # every column named has one of these texts; "" is empty
    # matches = { type = "^Test" }           # regular expressions, found anywhere in the text

    [[no_place]]                # rows whose position is none: imported without it, marked with this name
    name = "default_point"
    reason = "the city hall's coordinates stand for: not known"
    when = { latitude = "42.3594", longitude = "-71.0587" }

    [[compare]]                 # a grid the source states, against the one located; counted, changes nothing
    name = "ward"
    column = "ward"
    level = "ward"
    replace = {}                # texts exchanged first, the longest first
    pattern = '^(?:Ward )?0*(\d+)$' # rows whose text does not match state nothing
    code = '\1'                 # what of it is the code
    width = 2                   # filled with zeros on the left
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dispatch.categories import Kind
from geodata.datum import Datum
from gridgov.importing.errors import BadMapping, MissingColumns


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; expected an IANA name such as Asia/Shanghai") from None
    return name


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]
Text = Annotated[str, Field(min_length=1)]
Regex = Annotated[str, AfterValidator(_regex)]
Unknown = Literal["refuse", "keep_and_mark"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(_Part):
    """How the reports came in: a column, or one word for all."""

    column: Text | None = None
    values: dict[str, Text] = {}
    default: Text = "imported"


class Category(_Part):
    """What the reports are about."""

    standard: Name
    kind: Kind
    column: Text
    values: dict[str, Text] = {}
    unknown: Unknown = "refuse"


class Department(_Part):
    """Whose the reports are."""

    column: Text
    values: dict[str, Text] = {}
    unknown: Unknown = "refuse"


class Position(_Part):
    """Where it was, in degrees of a datum; without one, in the city's."""

    lon: Text
    lat: Text
    datum: Datum | None = None
    missing: Literal["tray", "refuse"] = "tray"


class Times(_Part):
    """When; ``zone`` is that of times that name none."""

    format: Text
    zone: Annotated[str, AfterValidator(_zone)]
    reported: Text
    closed: Text | None = None
    due: Text | None = None
    repeated_hour: Literal["first", "second", "refuse"] = "first"
    skipped_hour: Literal["later", "refuse"] = "later"


class Status(_Part):
    """Which statuses mean closed, and which open."""

    column: Text
    closed: list[str] = Field(min_length=1)
    open: list[str] | None = None

    @model_validator(mode="after")
    def _one_meaning(self) -> Status:
        if both := sorted(set(self.closed) & set(self.open or [])):
            raise ValueError(f"{', '.join(map(repr, both))} cannot mean both closed and open")
        return self


class Conflicts(_Part):
    """What becomes of rows that contradict themselves."""

    closed_before_reported: Unknown = "refuse"
    closed_time_but_open: Unknown = "refuse"
    closed_without_time: Unknown = "refuse"


class RowRule(_Part):
    """Which rows are meant, and why."""

    name: Name
    reason: Text
    when: dict[str, list[str]] = {}
    matches: dict[str, Regex] = {}

    @field_validator("when", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: [text] if isinstance(text, str) else text for key, text in value.items()}

    @model_validator(mode="after")
    def _some_condition(self) -> RowRule:
        if not self.when and not self.matches:
            raise ValueError("needs `when` or `matches`: without, it would mean every row")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        return (*self.when, *self.matches)


class Compare(_Part):
    """A grid that the source states, and how its text becomes a code of a level."""

    name: Name
    column: Text
    level: Text
    replace: dict[str, str] = {}
    pattern: Regex = "^(.+)$"
    code: Text = r"\1"
    width: int = Field(0, ge=0, le=64)

    @model_validator(mode="after")
    def _code_fits_pattern(self) -> Compare:
        groups = re.compile(self.pattern).groups
        if wrong := [int(n) for n in re.findall(r"\\(\d)", self.code) if int(n) > groups]:
            raise ValueError(f"`code` takes group {wrong[0]}, `pattern` has {groups}")
        return self

    def stated(self, text: str) -> str | None:
        r"""The code that a cell states, or None where it states none.

        >>> ward = Compare(name="ward", column="w", level="ward", pattern=r"^(?:Ward )?0*(\d+)$", width=2)
        >>> [ward.stated(text) for text in ("3", "03", "Ward 3", "Ward 12", "")]
        ['03', '03', '03', '12', None]
        """
        for old in sorted(self.replace, key=len, reverse=True):
            text = text.replace(old, self.replace[old])
        found = re.search(self.pattern, text)
        return None if found is None else found.expand(self.code).zfill(self.width)


class ImportMapping(_Part):
    """A whole mapping file; see the top of this module."""

    source: Name
    number: Text
    category: Category
    department: Department
    times: Times
    status: Status
    encoding: Text = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    address: Text | None = None
    words: Text | None = None
    channel: Channel = Channel()
    position: Position | None = None
    conflicts: Conflicts = Conflicts()
    set_aside: list[RowRule] = []
    no_place: list[RowRule] = []
    compare: list[Compare] = []

    @model_validator(mode="after")
    def _names_once(self) -> ImportMapping:
        names = [rule.name for rule in (*self.set_aside, *self.no_place)]
        names += [one.name for one in self.compare]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: each rule and comparison needs a name of its own")
        return self

    def columns(self) -> dict[str, str]:
        """Every column named -> where in the mapping."""
        named = {
            self.number: "number",
            self.category.column: "[category] column",
            self.department.column: "[department] column",
            self.status.column: "[status] column",
            self.times.reported: "[times] reported",
        }
        optional = {
            "address": self.address,
            "words": self.words,
            "[channel] column": self.channel.column,
            "[times] closed": self.times.closed,
            "[times] due": self.times.due,
            "[position] lon": self.position and self.position.lon,
            "[position] lat": self.position and self.position.lat,
        }
        named |= {column: place for place, column in optional.items() if column}
        named |= {column: f"[[set_aside]] {rule.name}" for rule in self.set_aside for column in rule.columns}
        named |= {column: f"[[no_place]] {rule.name}" for rule in self.no_place for column in rule.columns}
        return named | {one.column: f"[[compare]] {one.name}" for one in self.compare}

    def check_columns(self, header: Sequence[str], name: str) -> None:
        """Raise MissingColumns unless the table has every column that the mapping names, each once."""
        problems = []
        for column, place in self.columns().items():
            if column not in header:
                near = get_close_matches(column, header, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                problems.append(f"{place}: there is no column {column!r}{meant}")
            elif header.count(column) > 1:
                problems.append(f"{place}: there are {header.count(column)} columns {column!r}")
        if problems:
            raise MissingColumns(name, [*problems, f"the columns are: {', '.join(header)}"])


def read_mapping(text: str, name: str) -> ImportMapping:
    """The mapping that a TOML text holds; raises BadMapping with everything that is wrong with it."""
    try:
        return ImportMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(name, [f"it is not TOML: {error}"]) from error
    except ValidationError as error:
        raise BadMapping(name, [_told(dict(problem)) for problem in error.errors()]) from error


_KNOWN: Mapping[str, type[BaseModel]] = {
    "": ImportMapping,
    "channel": Channel,
    "category": Category,
    "department": Department,
    "position": Position,
    "times": Times,
    "status": Status,
    "conflicts": Conflicts,
    "set_aside": RowRule,
    "no_place": RowRule,
    "compare": Compare,
}


def _told(problem: Mapping[str, Any]) -> str:
    """One problem as a sentence with its place: `times.zone: ...`."""
    steps = problem["loc"]
    place = ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in steps)
    if problem["type"] == "extra_forbidden":
        table = _KNOWN.get(str(steps[0]) if len(steps) > 1 else "", ImportMapping)
        near = get_close_matches(str(steps[-1]), table.model_fields, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"it may have: {', '.join(table.model_fields)}"
        return f"{place}: means nothing there; {meant}"
    if problem["type"] == "missing":
        return f"{place}: is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
