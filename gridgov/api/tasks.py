"""Tasks: what I am sent to look at, what nobody was sent to, in the order in which to go."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from dispatch.lifecycle import Role
from geodata.datum import Datum, to_wgs84
from geodata.errors import check_point
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body
from gridgov.api.dependencies import GridGov, Reader, Reading
from gridgov.duty import tasks
from gridgov.duty.reading import Where
from gridgov.duty.tasks import Whose
from gridgov.errors import BadInput, NotAllowed
from gridgov.in_force import InForce

router = APIRouter(prefix="/api/tasks", tags=["tasks 任务"])

#: Who sees what everybody is sent to, within their scope.
DESK_ROLES: Final = (
    Role.INTAKE_CLERK,
    Role.DISPATCHER,
    Role.SHIFT_LEADER,
    Role.SUPERVISOR,
    Role.MANAGER,
)


class Asked(Body):
    """Which tasks, and seen from where: the point given, or where I was last while on duty."""

    whose: Annotated[Whose, Field(description="mine; unassigned: nobody was sent; all: for a desk")] = (
        Whose.MINE
    )
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.get("")
def list_(asked: Annotated[Asked, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """What is to be looked at, the most urgent first, then the nearest: mine; within my scope what nobody was
    sent to; for those at a desk all.
    """
    in_force, here = gridgov.service.in_force, None
    if asked.whose is Whose.ALL:
        _require_desk(reader)
    if asked.lon is not None or asked.lat is not None:
        here = _point(asked, in_force)
    wanted = tasks.Asked(asked.whose, here, asked.limit)
    service = gridgov.service
    return Answer(tasks.tasks(service.reader, in_force, reader.scope, wanted, reader.now, service.stream))


def _require_desk(reader: Reading) -> None:
    if not reader.person.has(reader.now, *DESK_ROLES):
        raise NotAllowed(
            f"all tasks are for: {', '.join(DESK_ROLES)}", needed=[str(role) for role in DESK_ROLES]
        )


def _point(asked: Asked, in_force: InForce) -> Where:
    if asked.lon is None or asked.lat is None:
        raise BadInput("a point has both lon and lat")
    check_point(asked.lon, asked.lat)
    return Where(*to_wgs84(asked.lon, asked.lat, in_force.city.datum_of(asked.datum)))
