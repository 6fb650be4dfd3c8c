"""What is yellow or red now."""

import re
from base64 import b64decode, urlsafe_b64encode
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from dispatch.clocks import Clock
from gridgov import overdue
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line
from gridgov.api.dependencies import GridGov, Reader
from gridgov.api.incidents import grid_path
from gridgov.errors import BadInput
from gridgov.overdue import After, Pressing

router = APIRouter(prefix="/api/overdue", tags=["clocks 时限"])


#: What a page's token says: microseconds that the store can hold, and an incident.
_PAGE: Final = re.compile(r"([0-9]{1,18}) ([0-9a-f-]{36})")


class Asked(Body):
    """Which of it, and how much."""

    red: Annotated[bool, Field(description="only what is past its end")] = False
    clock: Annotated[Clock | None, Field(description="only clocks of this stage")] = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None
    department: Annotated[Code | None, Field(description="the department it belongs to")] = None
    limit: Annotated[int, Field(ge=1, le=overdue.MOST)] = overdue.USUAL
    page: Annotated[str | None, Field(max_length=120, description="`next` of the page before")] = None


@router.get("")
def pressing(asked: Annotated[Asked, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """What is yellow or red now within my scope (预警与超期), the longest overdue first: by how much, whose
    it is, and who was asked to answer. `totals` count all that was asked for.
    """
    service = gridgov.service
    wanted = Pressing(asked.red, asked.clock, grid_path(gridgov, asked.under), asked.department)
    told = overdue.overdue(
        service.reader,
        service.in_force,
        reader.scope,
        wanted,
        reader.now,
        after=_after(asked.page),
        limit=asked.limit,
        stream=service.stream,
    )
    return Answer(told | {"next": _token(told["next"])})


def _token(after: After | None) -> str | None:
    """Where a page ends, as text that says nothing: a client hands it back as it came."""
    return None if after is None else urlsafe_b64encode(f"{after[0]} {after[1]}".encode()).decode()


def _after(token: str | None) -> After | None:
    if token is None:
        return None
    try:
        said = b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:
        said = ""
    found = _PAGE.fullmatch(said)
    if found is None:
        raise BadInput("`page` is the `next` of the page before, as it came", page=token)
    return int(found[1]), found[2]
