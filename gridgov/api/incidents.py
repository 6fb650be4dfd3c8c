"""Incidents: report one, list them, read one with its history and photos, and act on it."""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import anyio
from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.responses import FileResponse

from dispatch.categories import Urgency
from dispatch.entries import Dispatched, Fact
from dispatch.incidents import Incident
from dispatch.lifecycle import ACT_ZH, Act, Stage
from gridgov import commands, questions, reading
from gridgov.api.act_bodies import BODIES, ActBody
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment, NewReport
from gridgov.api.dependencies import GridGov, Parts, Reader, Reading, SignedIn
from gridgov.api.photos import photo_file, require_photos
from gridgov.errors import BadInput
from gridgov.places import require_not_swapped
from gridgov.sent import SentAct
from gridgov.storage.batch import Receipt
from gridgov.storage.grids import require_ever
from gridgov.storage.incidents import Wanted, id_of

router = APIRouter(prefix="/api/incidents", tags=["incidents 案卷"])

#: Rows of a page at most; a desk shows a few dozen at a time.
MOST_ROWS: Final = 500


class Asked(Body):
    """Which incidents, and how many."""

    stage: Stage | None = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    department: Code | None = None
    category: Code | None = None
    urgency: Urgency | None = None
    open: Annotated[bool | None, Field(description="true: something is left to do; false: nothing is")] = None
    unlocated: Annotated[bool, Field(description="only the unlocated tray")] = False
    mine: Annotated[bool, Field(description="only what I reported")] = False
    reported_from: Moment | None = None
    reported_to: Annotated[Moment | None, Field(description="not included")] = None
    q: Annotated[Line | None, Field(description="case number or its end, words, address")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 50
    page: Annotated[str | None, Field(max_length=40, description="`next` of the page before")] = None


@router.post("", status_code=201)
async def report(sent: NewReport, by: SignedIn, gridgov: GridGov) -> Response:
    """Report something (上报). 201 with a receipt, 200 where this id had come before."""
    in_force = gridgov.service.in_force
    require_not_swapped(in_force.atlas, sent.position, in_force.city.datum)
    done = () if sent.self_handled is None else sent.self_handled.photos
    await require_photos(gridgov, (*sent.photos, *done))
    receipt = await gridgov.service.writer.act(commands.report(by, sent.sent()))
    return Answer(await receipt_of(gridgov, receipt), 200 if receipt.repeated else 201)


@router.get("")
def incidents(asked: Annotated[Asked, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """Incidents within my scope, newest report first, and the cursor from which the feed goes on."""
    wanted, before = _wanted(asked, reader, gridgov), _before(asked.page)
    found = reading.page(gridgov.service.reader, reader.scope, wanted, before=before, limit=asked.limit)
    return Answer(found | {"next": _token(found["next"])})


@router.get("/{reference}")
def incident(reference: str, reader: Reader, gridgov: GridGov) -> Response:
    """One incident by id or case number: its row, history, words, and the acts open to me now."""
    return Answer(reading.one(gridgov.service.reader, reader.person, reference, reader.now))


@router.get("/{reference}/photos/{digest}", response_class=FileResponse)
def photo(reference: str, digest: str, reader: Reader, gridgov: GridGov) -> Response:
    """A photo of an incident."""
    return photo_file(gridgov, digest, reading.photos_of(gridgov.service.reader, reader.scope, reference))


def _act(act: Act, body: type[ActBody]) -> Callable[..., Awaitable[Response]]:
    """The endpoint of one act: its path says which act, its body what that act needs."""

    async def endpoint(incident: str, sent: body, by: SignedIn, gridgov: GridGov) -> Response:  # type: ignore[valid-type]
        await _require_sound(gridgov, sent)
        asked: SentAct = sent.sent(await _id_of(gridgov, incident), act)  # type: ignore[attr-defined]
        if asked.leader is not None:
            asked = replace(asked, leader=await _id_of(gridgov, asked.leader))
        return Answer(await receipt_of(gridgov, await questions.act(gridgov.service, by, asked)))

    return endpoint


for _one, _body in BODIES.items():
    router.add_api_route(
        f"/{{incident}}/{_one}",
        _act(_one, _body),
        methods=["POST"],
        name=str(_one),
        summary=f"{_one.capitalize()} {ACT_ZH[_one]}",
        description=_body.__doc__,
    )


async def _id_of(gridgov: Parts, reference: str) -> str:
    """The id of an incident by its id or case number; whether its author may know of it is found out when the
    act is decided, and looks the same as if there were none.
    """
    if _ID.fullmatch(reference):
        return reference.lower()
    return await anyio.to_thread.run_sync(_read_id, gridgov, reference)


_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _read_id(gridgov: Parts, reference: str) -> str:
    with gridgov.service.reader.connect() as connection:
        return id_of(connection, reference) or reference


async def receipt_of(gridgov: Parts, receipt: Receipt) -> dict[str, Any]:
    """What a command led to, the same on a repetition as the first time but for ``repeated``."""
    if receipt.after is not None and receipt.fact is not None:
        return _receipt(receipt, receipt.after, receipt.fact)
    return await anyio.to_thread.run_sync(_read_receipt, gridgov, receipt)


def _read_receipt(gridgov: Parts, receipt: Receipt) -> dict[str, Any]:
    with gridgov.service.reader.connect() as connection:
        after, entry = reading.as_it_was(connection, receipt.incident, receipt.number)
    return _receipt(receipt, after, entry.fact)


def _receipt(receipt: Receipt, after: Incident, fact: Fact) -> dict[str, Any]:
    route, clock = getattr(fact, "route", None), after.clock
    reason = fact.reason if isinstance(fact, Dispatched) else None if route is None else route.reason
    return {
        "id": receipt.id,
        "incident": receipt.incident,
        "case_number": receipt.case_number,
        "number": receipt.number,
        "position": receipt.position,
        "repeated": receipt.repeated,
        "stage": str(after.stage),
        "category": after.category,
        "urgency": after.urgency,
        "path": list(after.place.path),
        "nearest": list(after.place.nearest),
        "outside_m": after.place.outside_m,
        "border_m": after.place.border_m,
        "department": after.department,
        "lead": after.lead,
        "rule": after.rule,
        "reason": reason,
        "co_handlers": list(after.co_handlers),
        "standard": after.standard,
        "automatic": after.automatic,
        "due_at": after.due_at,
        "clock": None if clock is None else clock.clock,
        "clock_due_at": None if clock is None else clock.due_at,
        "clock_unconfirmed": clock is not None and clock.unconfirmed_year,
        "clock_ahead_s": after.clock_ahead_s,
    }


async def _require_sound(gridgov: Parts, sent: ActBody) -> None:
    in_force = gridgov.service.in_force
    require_not_swapped(in_force.atlas, getattr(sent, "position", None), in_force.city.datum)
    await require_photos(gridgov, (*getattr(sent, "photos", ()), *getattr(sent, "before", ())))


def _wanted(asked: Asked, reader: Reading, gridgov: Parts) -> Wanted:
    return Wanted(
        stage=asked.stage,
        under=grid_path(gridgov, asked.under),
        department=asked.department,
        category=asked.category,
        urgency=asked.urgency,
        is_open=asked.open,
        unlocated=asked.unlocated,
        reported_from=asked.reported_from,
        reported_to=asked.reported_to,
        reported_by=reader.person.id if asked.mine else None,
        q=asked.q.strip() if asked.q and asked.q.strip() else None,
    )


def grid_path(gridgov: Parts, text: str | None) -> tuple[str, ...]:
    """The grid path written with slashes, () for None; raises UnknownGrid where no edition has such a grid:
    incidents keep the paths of retired ones.
    """
    path = codes(text)
    if path:
        with gridgov.service.reader.connect() as connection:
            require_ever(connection, path, gridgov.service.in_force.atlas.hierarchy)
    return path


def codes(text: str | None) -> tuple[str, ...]:
    """The codes of a path written with slashes, () for None; whether there is such a grid is not asked."""
    return () if text is None else tuple(text.strip("/").split("/"))


#: A page's token is the position it begins before: eight bytes hold any, and the store's numbers are signed.
_TOKEN_BYTES: Final = 8


def _token(first: int | None) -> str | None:
    return None if first is None else urlsafe_b64encode(first.to_bytes(_TOKEN_BYTES)).decode().rstrip("=")


def _before(token: str | None) -> int | None:
    if token is None:
        return None
    try:
        first = b64decode(f"{token}=", altchars=b"-_", validate=True)
    except ValueError:
        first = b""
    if len(first) != _TOKEN_BYTES or first >= b"\x80":
        raise BadInput("`page` is the `next` of the page before, as it came", page=token)
    return int.from_bytes(first)
