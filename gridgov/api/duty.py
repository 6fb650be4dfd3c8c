"""Duty: who is on duty where and when, who stands in, what is handed over, and where people on duty are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from geodata.datum import to_wgs84
from gridgov.accounts import Person, display_names
from gridgov.api.answers import Answer
from gridgov.api.bodies import FIRST_YEAR, LAST_YEAR, Body, Code, Id, Line, Moment, Position, Words
from gridgov.api.dependencies import GridGov, Parts, Reader, RotaWriter, SignedIn
from gridgov.api.incidents import codes
from gridgov.duty import acts, handing, keeping, table, whereabouts
from gridgov.duty.acts import Copied, Wanted
from gridgov.duty.handing import HandOver, SentHandOver
from gridgov.duty.keeping import May
from gridgov.duty.reading import Where
from gridgov.duty.rota import Asked
from gridgov.errors import BadInput
from gridgov.places import require_not_swapped

router = APIRouter(prefix="/api/duty", tags=["duty 值班"])

#: Days of a rota that one answer holds at most, and unless told.
MOST_DAYS, USUAL_DAYS = 62, 7
#: Characters of a table: the rows that one may have, of a hundred each.
LONGEST_TABLE: Final = 100 * table.MOST_ROWS

Path = Annotated[tuple[Code, ...], Field(min_length=1, max_length=20, description="codes, widest first")]


class Times(Body):
    """Which duties: of a time, in a grid and below it, of one person."""

    since: Annotated[Moment | None, Field(description="left out: now")] = None
    until: Annotated[Moment | None, Field(description="not included; left out: a week later")] = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    person: Line | None = None


class NewDuty(Body):
    """Somebody is to be on duty in a grid and all below it; ``starts_at`` left out: from now on."""

    id: Id
    person: Line
    path: Path
    starts_at: Moment | None = None
    ends_at: Moment
    stand_in_for: Annotated[Line | None, Field(description="whose place they take for that time")] = None


class Ending(Body):
    """When a duty ends; now unless told. One that has not begun is then withdrawn."""

    at: Moment | None = None


class CopyWeek(Body):
    """Write the duties of a week down for a later one; stand-ins are for once."""

    week: Annotated[
        date,
        Field(
            ge=date(FIRST_YEAR, 1, 1),
            le=date(LAST_YEAR, 1, 1),
            description="any day of the week that is copied",
        ),
    ]
    weeks: Annotated[int, Field(ge=1, le=53, description="how many weeks later")] = 1
    under: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    dry_run: bool = False


class Table(Body):
    """A rota as CSV text: person,path,from,to,stand_in_for; ``dry_run``: say what would become of it."""

    text: Annotated[str, Field(max_length=LONGEST_TABLE)]
    dry_run: bool = False


class NewHandOver(Body):
    """I go, and who comes has what I have not done. A shift leader may say it of others."""

    id: Id
    to: Line
    remark: Words = ""
    from_person: Annotated[Line | None, Field(alias="from", description="left out: I")] = None


@router.get("")
def rota(times: Annotated[Times, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """Who is on duty when, in the grids in which I look after incidents, and where I am myself."""
    since = times.since or reader.now
    until = times.until or since + timedelta(days=USUAL_DAYS)
    if not timedelta() < until - since <= timedelta(days=MOST_DAYS):
        raise BadInput(f"a rota is asked for of at most {MOST_DAYS} days, which begin before they end")
    wanted = Wanted(since, until, codes(times.under), times.person)
    return Answer(acts.rota(gridgov.service, reader.person, wanted))


@router.get("/now")
def now(
    reader: Reader,
    gridgov: GridGov,
    path: Annotated[Line | None, Query(description="a grid path; left out: everywhere")] = None,
) -> Response:
    """Who is on duty now in a grid, in those around it and in its parts, as far as I may see it."""
    return Answer(acts.on_duty_now(gridgov.service, reader.person, codes(path)))


@router.get("/mine")
def mine(reader: Reader, gridgov: GridGov) -> Response:
    """My own duty: the one that runs, those that come, and since and until when it is kept where I am."""
    service = gridgov.service
    with service.reader.connect() as connection:
        held = keeping.of_person(connection, reader.person.id, reader.now, service.stream)
        told = acts.told(connection, held, service.atlas.hierarchy)
        kept = whereabouts.last(connection, reader.person.id, reader.now, service.stream)
    runs = [one for one in told if one["starts_at"] <= reader.now]
    return Answer(
        {
            "now": runs[0] if runs else None,
            "coming": [one for one in told if one not in runs],
            "position": None if kept is None else {"at": kept.at, "kept_until": kept.until},
        }
    )


@router.get("/people")
def people(path: Annotated[Line, Query()], _: RotaWriter, gridgov: GridGov) -> Response:
    """Who can be put on duty in a grid. For shift leaders and administrators."""
    return Answer(acts.who_can(gridgov.service, codes(path)))


@router.post("", status_code=201)
def add(sent: NewDuty, by: RotaWriter, gridgov: GridGov) -> Response:
    """Write a duty down. For the shift leaders of that grid, and administrators."""
    asked = Asked(str(sent.id), sent.person, sent.path, sent.starts_at, sent.ends_at, sent.stand_in_for)
    return Answer(acts.add(gridgov.service, by, asked), 201)


@router.post("/{duty}/withdraw")
def withdraw(duty: str, sent: Ending, by: RotaWriter, gridgov: GridGov) -> Response:
    """Cut a duty short, or withdraw it before it begins. For the shift leaders of that grid, and
    administrators.
    """
    return Answer(acts.end(gridgov.service, by, duty, sent.at))


@router.post("/copy_week")
def copy_week(sent: CopyWeek, by: RotaWriter, gridgov: GridGov) -> Response:
    """Write a week's duties down for a later one, in the grids whose rota I write."""
    return Answer(
        acts.copy_week(gridgov.service, by, Copied(sent.week, sent.weeks, sent.under, sent.dry_run))
    )


@router.post("/import")
def bring_in(sent: Table, by: RotaWriter, gridgov: GridGov) -> Response:
    """Write a table down, each row by itself, in the grids whose rota I write."""
    return Answer(acts.bring_in(gridgov.service, by, sent.text, sent.dry_run))


@router.post("/hand_over", status_code=201)
def hand_over(sent: NewHandOver, by: SignedIn, gridgov: GridGov) -> Response:
    """Hand over (交接班): whoever is on duty themselves, or a shift leader of that grid for them."""
    service = gridgov.service
    goes = sent.from_person or by.id
    asked = SentHandOver(str(sent.id), goes, sent.to, sent.remark)
    done = handing.hand_over(service.writer, by, asked, _may_hand(by, goes, service.clock()), service.stream)
    return Answer(_overs(gridgov, [done])[0], 201)


@router.get("/hand_overs")
def hand_overs(reader: Reader, gridgov: GridGov, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    """The hand-overs in which I went or came, and those in grids whose rota I write; the newest first."""
    service, person = gridgov.service, reader.person
    with service.reader.connect() as connection:
        led = acts.led(person, reader.now)
        found = handing.hand_overs(connection, person.id, led, limit, service.stream)
    return Answer({"hand_overs": _overs(gridgov, found)})


@router.post("/position")
async def position(sent: Position, by: SignedIn, gridgov: GridGov) -> Response:
    """Where I am, while I am on duty: the last place alone is kept, and forgotten when duty ends."""
    in_force = gridgov.service.in_force
    require_not_swapped(in_force.atlas, sent, in_force.city.datum)
    lon, lat = to_wgs84(sent.lon, sent.lat, in_force.city.datum_of(sent.datum))
    chore = whereabouts.note(by.id, Where(lon, lat, sent.accuracy_m), gridgov.service.stream)
    kept: whereabouts.Kept = await gridgov.service.writer.act(chore)
    return Answer({"at": kept.at, "kept_until": kept.until})


def _may_hand(by: Person, goes: str, now: datetime) -> May:
    return (lambda _: None) if goes == by.id else acts.may_lead(by, now)


def _overs(gridgov: Parts, overs: list[HandOver]) -> list[dict[str, Any]]:
    hierarchy = gridgov.service.atlas.hierarchy
    with gridgov.service.reader.connect() as connection:
        people = {person for one in overs for person in (one.from_person, one.to_person)}
        names = display_names(connection, people)
    return [acts.told_over(one, names, hierarchy) for one in overs]
