"""What each table of a city's file may hold; `gridgov.city_text` tells which tables there are."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gridgov.city_text import Code, Line

#: A condition in words.
Said = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
ListName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CityTable(_Table):
    """`[city]`."""

    name_zh: Line
    name_en: Line
    zone: Line
    case_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,12}$")]
    made_up: bool = False
    datum: str | None = None
    fallback_department: Line


class CalendarTable(_Table):
    """`[calendar]`: the country and part of it for the list of holidays, and what the city says itself."""

    country: Line | None = None
    subdivision: Line | None = None
    hours: list[str] = Field(default_factory=lambda: ["08:00-12:00", "14:00-18:00"])
    week: list[str] = Field(default_factory=lambda: ["mon", "tue", "wed", "thu", "fri"])
    days_off: list[date] = []
    workdays: list[date] = []
    confirmed_years: list[Annotated[int, Field(ge=1900, le=2200)]] = []


class OtherCalendarTable(CalendarTable):
    """One of `[[calendars]]`; without a country it has no holidays."""

    key: Code


class ClocksTable(_Table):
    """`[clocks]`: the limits of stages; ``calendars`` from a stage to the key of the calendar it runs by."""

    intake: str | None = None
    verify: str | None = None
    dispatch: str | None = None
    check: str | None = None
    closing: str | None = None
    supervision: str | None = None
    task: str | None = None
    warn_percent: Annotated[int, Field(ge=1, le=99)] = 80
    calendars: dict[str, str] = {}


class CrewTable(_Table):
    """One of a department's ``crews``, who go out together."""

    code: Code
    name_zh: Line
    name_en: Line | None = None


class DepartmentTable(_Table):
    """One of `[[departments]]`; with ``parent`` the branch of that one ``under`` a grid path."""

    code: Code
    name_zh: Line
    name_en: Line | None = None
    parent: Line | None = None
    under: str = ""
    crews: list[CrewTable] = []


class FieldTable(_Table):
    """One of `[[fields]]`: the keys of classes and categories that are its own."""

    key: Code
    name_zh: Line
    name_en: Line | None = None
    classes: list[Line] = []
    categories: list[Line] = []


class CategoriesTable(_Table):
    """`[categories]` without its own ones and its standards.

    ``include``: shipped lists to take. ``departments``: from a list's kind of department to the city's own.
    ``limits``, ``urgency``, ``calendars``, ``automatic``: by a category's or a class's key. ``standard``:
    that of the city's own ones.
    """

    include: list[str] = []
    standard: ListName | None = None
    departments: dict[str, str] = {}
    limits: dict[str, str] = {}
    urgency: dict[str, str] = {}
    calendars: dict[str, str] = {}
    automatic: dict[str, str] = {}


class OwnTable(_Table):
    """One of `[[categories.own]]`."""

    standard: ListName | None = None
    kind: str = "event"
    code: Line
    name_zh: Line
    name_en: Line | None = None
    class_code: Line | None = None
    class_zh: Line | None = None
    class_en: Line | None = None
    urgency: str | None = None
    limit: str | None = None
    department: str | None = None
    aliases: list[Line] = []


class StandardTable(_Table):
    """One of `[[categories.standards]]`.

    Limit, urgency, department and calendar are the category's where it leaves them out; ``automatic`` is not.
    """

    category: Line
    code: Code
    condition_zh: Said | None = None
    condition_en: Said | None = None
    closing_zh: Said | None = None
    closing_en: Said | None = None
    limit: str | None = None
    urgency: str | None = None
    department: str | None = None
    calendar: str | None = None
    photos: dict[str, Annotated[int, Field(ge=1, le=20)]] = {}
    automatic: str | None = None


class AutomaticTable(_Table):
    """One of `[[automatic]]`."""

    name: Line
    does: str
    channels: list[str] = []
    photos: Annotated[int, Field(ge=0, le=20)] = 0
    near_border: bool = False


class RoutingTable(_Table):
    """One of `[[routing]]`: for a category's, a class's or a field's key, or all; under a grid path, a/b."""

    name: Line
    department: Line | None = None
    territorial: Line | None = None
    branch: bool = False
    category: Line | None = None
    class_: Line | None = Field(None, alias="class")
    field: Line | None = None
    under: str = ""
    specialised: Line | None = None
    days: list[str] = []
    hours: list[str] = []
    working: bool | None = None
    urgency: list[str] = []
    channels: list[str] = []
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    co_handlers: list[Line] = []


class DuplicatesTable(_Table):
    """`[duplicates]`: within how many metres and how long what is reported twice is looked for.

    ``class``: of the whole class, not of the category alone.
    """

    within_m: Annotated[float | int, Field(gt=0, le=1000)] = 50
    within: str | None = None
    class_: bool = Field(False, alias="class")


class EscalationTable(_Table):
    """`[escalation]` without its steps; ``clocks`` left out: for all."""

    clocks: Annotated[list[str], Field(min_length=1)] | None = None


class StepTable(_Table):
    """One of `[[escalation.steps]]`."""

    level: Line
    roles: Annotated[list[str], Field(min_length=1)]
    answer_within: str
    calendar: str | None = None
