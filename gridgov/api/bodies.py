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
    model_validator,
)

from dispatch.categories import Urgency
from geodata.datum import Datum
from geodata.errors import BadPoint, check_point
from gridgov.sent import SentReport, SentSelfHandled
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


class OnTheSpot(Body):
    """It was put right already (自行处置): what was done, and photos of after; the report's are of before."""

    result: Annotated[Words, Field(min_length=1)]
    photos: Annotated[Photos, Field(min_length=1)]


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
    self_handled: OnTheSpot | None = None
    happened_at: Moment | None = None

    def sent(self) -> SentReport:
        """As commands take it."""
        who, done = self.reporter, self.self_handled
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
            self_handled=None if done is None else SentSelfHandled(done.result, done.photos),
        )
