"""What may be asked of features: each parameter once, for the description of the service and for reading what
was sent.

The standard wants 400 for a parameter that is not described and for a value that is not what was described
(17-069r4, /req/core/query-param-unknown and -invalid); all that is wrong is told at once.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.datastructures import QueryParams

from dispatch.categories import Urgency
from dispatch.lifecycle import Stage
from gridgov.api.bodies import LONGEST_CODE, LONGEST_LINE
from gridgov.api.ogc.errors import BadQuery

#: Features of a page unless told, and at most: a whole level of 4,833 micro-grids is 8 MB.
USUAL, MOST = 100, 5_000
#: A value sent to us is shown back at most this long.
SHOWN: Final = 100

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; west is never more than east."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339, 5.6
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,400}")
_OPEN: Final = ("", "..")


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when, both included; None is open."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for features asks for. ``boxes`` are joined by or, None asks for nothing; ``page`` is
    what the page before ended with.
    """

    limit: int = USUAL
    boxes: tuple[Box, ...] | None = None
    when: Interval | None = None
    page: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query: its description, and how its text is read (raises ValueError with what was
    expected).
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any]

    def described(self) -> dict[str, Any]:
        """As OpenAPI has it."""
        return {
            "name": self.name,
            "in": "query",
            "description": self.description,
            "required": False,
            "schema": dict(self.schema),
            "style": "form",
            "explode": False,
        }


def read(sent: QueryParams, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The values of the parameters sent, by name; raises BadQuery naming all that is wrong."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    findings: list[dict[str, str]] = []
    for name in dict.fromkeys(sent.keys()):
        texts = sent.getlist(name)
        try:
            if name not in known:
                raise ValueError(f"one of: {', '.join(known)}" if known else "no parameters here")
            if len(texts) > 1:
                raise ValueError("this parameter once")
            values[name] = known[name].read(texts[0])
        except ValueError as bad:
            findings.append({"at": name[:SHOWN], "expected": str(bad), "found": texts[0][:SHOWN]})
    if findings:
        told = "; ".join(f"{found['at']}: expected {found['expected']}" for found in findings[:5])
        raise BadQuery(told, findings=findings[:50])
    return values


def asked(sent: QueryParams, filters: Iterable[Parameter]) -> Asked:
    """What a request for features asks for; raises BadQuery."""
    values = read(sent, [*COMMON, *filters])
    own = {parameter.name for parameter in COMMON}
    return Asked(
        limit=values.get("limit", USUAL),
        boxes=values.get("bbox"),
        when=values.get("datetime"),
        page=values.get("page"),
        filters={name: value for name, value in values.items() if name not in own},
    )


def token(text: str) -> str:
    """What stands for a place in a list, as a parameter.

    >>> token("440306"), page("NDQwMzA2")
    ('NDQwMzA2', '440306')
    """
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def page(text: str) -> str:
    """What a token stands for; raises ValueError."""
    if _TOKEN.fullmatch(text):
        try:
            return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except ValueError:
            pass
    raise ValueError("what stands in the `next` link of the page before")


def limit(text: str) -> int:
    """How many features at most. More than the largest page is no error, but gives the largest page
    (/req/core/fc-limit-response-1 C).
    """
    if not _WHOLE.fullmatch(text) or int(text) < 1:
        raise ValueError(f"a whole number from 1 to {MOST}")
    return min(int(text), MOST)


def bbox(text: str) -> tuple[Box, ...]:
    """One box in degrees, two where it spans the antimeridian (west is more than east). Of six numbers the
    third and the sixth are heights: nothing here has one, so they exclude nothing.

    >>> bbox("160.6,-55.95,-170,-25.89")
    ((160.6, -55.95, 180.0, -25.89), (-180.0, -55.95, -170.0, -25.89))
    """
    parts = text.split(",")
    if len(parts) not in (4, 6) or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError("4 or 6 numbers: west,south,east,north or west,south,bottom,east,north,top")
    numbers = [float(part) for part in parts]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("numbers that are finite")
    west, south, east, north = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    if len(numbers) == 6 and numbers[2] > numbers[5]:
        raise ValueError("bottom not above top")
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
        raise ValueError("longitudes from -180 to 180 and latitudes from -90 to 90, longitude first")
    if south > north:
        raise ValueError("south not above north: west,south,east,north")
    if west > east:
        return (west, south, 180.0, north), (-180.0, south, east, north)
    return ((west, south, east, north),)


def when(text: str) -> Interval:
    """A moment, or an interval with an end open (`..` or nothing).

    >>> when("../2018-03-18T12:31:12Z").start is None
    True
    """
    start, slash, end = text.partition("/")
    if not slash:
        moment = _moment(start)
        return Interval(moment, moment)
    if start in _OPEN and end in _OPEN:
        raise ValueError("an interval with at least one end")
    found = Interval(*(None if one in _OPEN else _moment(one) for one in (start, end)))
    if found.start is not None and found.end is not None and found.start > found.end:
        raise ValueError("an interval that ends after it starts")
    return found


def _moment(text: str) -> datetime:
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        hint = " (in an address + is written %2B)" if re.search(r" \d\d:\d\d$", text) else ""
        raise ValueError(f"a time such as 2026-11-23T10:00:00Z or 2026-11-23T10:00:00%2B08:00{hint}")
    day, minute, second, fraction, zone = parts.groups()
    try:
        # A leap second is the moment after it: Python's minutes have sixty.
        found = datetime.fromisoformat(f"{day}T{minute}:00{zone.upper()}") + timedelta(seconds=int(second))
        if int(second) > 60:
            raise ValueError
        return found.astimezone(UTC) + timedelta(microseconds=int((fraction or ".0")[1:7].ljust(6, "0")))
    except (ValueError, OverflowError):
        raise ValueError("a day and a time that there are") from None


def _code(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_CODE:
        raise ValueError(f"1 to {LONGEST_CODE} characters")
    return text


def _line(text: str) -> str:
    if not 1 <= len(text) <= LONGEST_LINE:
        raise ValueError(f"1 to {LONGEST_LINE} characters")
    return text


def _path(text: str) -> tuple[str, ...]:
    return tuple(_line(text).strip("/").split("/"))


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _one_of(values: Iterable[str]) -> Callable[[str], str]:
    known = tuple(values)

    def one(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of: {', '.join(known)}")
        return text

    return one


_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_CODE}
_LONG_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_LINE}
_STAGES, _URGENCIES = [str(one) for one in Stage], [str(one) for one in Urgency]

#: Of every collection.
COMMON: Final = (
    Parameter(
        "limit",
        f"How many features at most; with more than {MOST} asked for, {MOST}.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        limit,
    ),
    Parameter(
        "bbox",
        "Only what meets this box: west,south,east,north in degrees of WGS 84; west is more than east where"
        " the box spans the antimeridian. With six numbers the third and the sixth are heights, which"
        " exclude nothing.",
        {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
        bbox,
    ),
    Parameter(
        "datetime",
        "Only what was at this time (RFC 3339), or within this interval, both ends included, one of which"
        " may be open: 2026-11-23T02:00:00Z/.. What has no time is there always.",
        {"type": "string"},
        when,
    ),
    Parameter(
        "page",
        "The next page: what stands in the `next` link of the page before, and nothing else.",
        {"type": "string"},
        page,
    ),
)
_UNDER: Final = Parameter(
    "under", "Only what lies in the grid with this path, its codes joined by /.", _LONG_TEXT, _path
)
#: Of the grids of a level. Those with a property's name ask for its value.
GRIDS: Final = (
    Parameter("code", "Only the grid with this code.", _TEXT, _code),
    Parameter("name", "Only grids with this name.", _LONG_TEXT, _line),
    Parameter("parent", "Only grids of the grid with this code, one level up.", _TEXT, _code),
    Parameter("responsible_unit", "Only grids that this department answers for.", _TEXT, _code),
    _UNDER,
)
#: Of incidents.
INCIDENTS: Final = (
    Parameter("open", "true: something is left to do; false: nothing is.", {"type": "boolean"}, _boolean),
    Parameter("stage", "Only those at this stage.", {"type": "string", "enum": _STAGES}, _one_of(_STAGES)),
    Parameter("category", "Only those of this category.", _TEXT, _code),
    Parameter(
        "urgency", "Only those as urgent.", {"type": "string", "enum": _URGENCIES}, _one_of(_URGENCIES)
    ),
    Parameter("department", "Only those that belong to this department.", _TEXT, _code),
    _UNDER,
)
