"""What requests carry, checked at the door: text, times, ids, positions. A body with an unknown field is
refused.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from dispatch.categories import Urgency
from dispatch.lifecycle import Act
from geodata.datum import Datum
from geodata.errors import BadPoint, check_point
from gridgov.commands import SentAct, SentReport
from gridgov.siting import SentPosition

#: Longest texts taken. The words of a report are read out on the phone; 2,000 characters are two full pages.
LONGEST_WORDS, LONGEST_LINE, LONGEST_CODE = 2000, 300, 200
MOST_PHOTOS: Final = 20
#: Years in which something may have happened: before it nobody reported to us, after it a program is broken.
FIRST_YEAR, LAST_YEAR = 1900, 2200

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_WORDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}")
#: Random ones (RFC 9562). Those of imported rows are of version 5, made from source and number: whoever could
#: send one would keep the row out.
_RANDOM: Final = (4, 7)


def _line(text: str) -> str:
    return _without(_CONTROL, text)


def _words(text: str) -> str:
    return _without(_CONTROL_IN_WORDS, text.replace("\r\n", "\n"))


def _without(unwanted: re.Pattern[str], text: str) -> str:
    found = unwanted.search(text)
    if found is not None:
        code = f"U+{ord(found.group()):04X}"
        raise ValueError(f"text without control characters; character {found.start() + 1} is {code}")
    return text


def _text_only(value: Any) -> Any:
    # Digits alone would be taken as seconds since 1970: the year 2026 as half an hour after it.
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_AND_TIME.match(value)):
        return value
    raise ValueError("a datetime as text: date, time and zone, such as 2026-11-23T10:00:00+08:00")


def _plausible(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"a time between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def _random(id_: UUID) -> UUID:
    if id_.version not in _RANDOM:
        raise ValueError("a random UUID (version 4 or 7)")
    return id_


def _number_only(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number")
    if isinstance(value, int) and abs(value) > 1 << 53:
        raise ValueError("a number of everyday size")
    if not math.isfinite(value):
        raise ValueError("a finite number")
    return value


Words = Annotated[str, Field(max_length=LONGEST_WORDS), AfterValidator(_words)]
Line = Annotated[str, Field(max_length=LONGEST_LINE), AfterValidator(_line)]
Code = Annotated[str, Field(min_length=1, max_length=LONGEST_CODE), AfterValidator(_line)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of an uploaded photo, in hex")]
Photos = Annotated[tuple[Digest, ...], Field(max_length=MOST_PHOTOS)]
Moment = Annotated[AwareDatetime, AfterValidator(_plausible), BeforeValidator(_text_only)]
Number = Annotated[float, BeforeValidator(_number_only)]
Channel = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="how the report came")]
Id = Annotated[
    UUID,
    AfterValidator(_random),
    Field(description="version 4 or 7, made by the client: sending it again changes nothing"),
]


NamedDatum = Annotated[
    Datum | None,
    Field(default=None, description="cannot be left out unless the city's file sets one: [city] datum"),
]


class Body(BaseModel):
    """A request's body: no field but those named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Position(Body):
    """A point, in degrees of a datum: phones and map services in China send four."""

    lon: Number
    lat: Number
    datum: NamedDatum
    accuracy_m: Annotated[Number, Field(ge=0, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _on_earth(self) -> Position:
        try:
            check_point(self.lon, self.lat)
        except BadPoint as refused:
            raise ValueError(refused.message) from refused
        return self

    def sent(self) -> SentPosition:
        """As commands take it."""
        return SentPosition(self.lon, self.lat, self.datum, self.accuracy_m)


class Reporter(Body):
    """The citizen who reports, if they say who they are."""

    name: Annotated[str, Field(max_length=100), AfterValidator(_line)] | None = None
    phone: Annotated[str, Field(max_length=40), AfterValidator(_line)] | None = None


class NewReport(Body):
    """A report (上报). Its id becomes the incident's."""

    id: Id
    category: Code
    position: Position | None = None
    address: Line | None = None
    words: Words | None = None
    reporter: Reporter | None = None
    standard: Annotated[Code | None, Field(description="code of a case standard of the category")] = None
    urgency: Urgency | None = None
    channel: Channel = "inspector"
    photos: Photos = ()
    happened_at: Moment | None = None

    def sent(self) -> SentReport:
        """As commands take it."""
        who = self.reporter
        return SentReport(
            id=str(self.id),
            category=self.category,
            channel=self.channel,
            happened_at=self.happened_at,
            position=None if self.position is None else self.position.sent(),
            address=self.address,
            words=self.words,
            reporter_name=None if who is None else who.name,
            reporter_phone=None if who is None else who.phone,
            urgency=None if self.urgency is None else str(self.urgency),
            photos=self.photos,
            standard=self.standard,
        )


class ActBody(Body):
    """An act on an incident. ``seen`` is the number of the entry its author last saw; it cannot be left
    out.
    """

    id: Id
    seen: Annotated[int, Field(strict=True, ge=1, le=1 << 31)] | None = None
    happened_at: Moment | None = None

    def sent(self, incident: str, act: Act) -> SentAct:
        """As commands take it."""
        more = {name: getattr(self, name) for name in type(self).model_fields if name not in _COMMON}
        if more.get("position") is not None:
            more["position"] = self.position.sent()  # type: ignore[attr-defined]
        if more.get("urgency") is not None:
            more["urgency"] = str(more["urgency"])
        return SentAct(str(self.id), incident, act, self.seen, self.happened_at, **more)


_COMMON = frozenset(ActBody.model_fields)


class Reasoned(ActBody):
    """With a reason in words, for others to read."""

    reason: Words = ""


class PlaceBody(ActBody):
    """Where it is (定位)."""

    position: Position


class FileBody(ActBody):
    """Accept it as ours (立案), with category, case standard or urgency put right where they were wrong."""

    category: Code | None = None
    standard: Code | None = None
    urgency: Urgency | None = None


class DispatchBody(ActBody):
    """Give it to its department (派遣), or to the one named. Co-handlers left out are those it was routed
    to.
    """

    department: Code | None = None
    co_handlers: Annotated[tuple[Code, ...], Field(max_length=20)] | None = None


class VerifyBody(Reasoned):
    """Is it there (核实)? Where it is not, the reason says what was seen instead."""

    found: StrictBool
    photos: Photos = ()


class HandleBody(Reasoned):
    """It is put right (处置): what was done, as the reason, and photos of it."""

    photos: Photos = ()


class CheckBody(Reasoned):
    """Has it been put right (核查)? Where it has not, the reason says why."""

    passed: StrictBool
    photos: Photos = ()


class NoteBody(ActBody):
    """A remark (备注)."""

    words: Annotated[Words, Field(min_length=1)]


class AttachBody(ActBody):
    """Photos beside it (附件)."""

    photos: Annotated[Photos, Field(min_length=1)]


#: What each act's body is; reporting and importing are not acts on an incident.
BODIES: Final[dict[Act, type[ActBody]]] = {
    Act.PLACE: PlaceBody,
    Act.FILE: FileBody,
    Act.ASK: Reasoned,
    Act.VERIFY: VerifyBody,
    Act.REJECT: Reasoned,
    Act.DISPATCH: DispatchBody,
    Act.UNDO: Reasoned,
    Act.RETURN: Reasoned,
    Act.HANDLE: HandleBody,
    Act.CHECK: CheckBody,
    Act.CLOSE: ActBody,
    Act.REOPEN: Reasoned,
    Act.CANCEL: Reasoned,
    Act.ADOPT: ActBody,
    Act.ACKNOWLEDGE: Reasoned,
    Act.PASS_ON: Reasoned,
    Act.NOTE: NoteBody,
    Act.ATTACH: AttachBody,
}
