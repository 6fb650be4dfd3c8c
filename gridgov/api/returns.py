"""Returns per pair of departments."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from dispatch.closure import Period
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Line, Moment
from gridgov.api.closure import answers_for
from gridgov.api.dependencies import FiguresReader, GridGov
from gridgov.api.incidents import grid_path
from gridgov.returns import returns

router = APIRouter(prefix="/api/returns", tags=["closure 结案率"])


class Asked(Body):
    """Returned when and where."""

    start: Annotated[Moment | None, Field(alias="from", description="returned at or after")] = None
    end: Annotated[Moment | None, Field(alias="to", description="returned before")] = None
    under: Annotated[Line | None, Field(description="a grid path, its codes joined by /")] = None


@router.get("")
def returned(asked: Annotated[Asked, Query()], by: FiguresReader, gridgov: GridGov) -> Response:
    """Returns for each pair of departments (退回, 推诿) of what I answer for, each figure with its meaning.
    For managers, supervisors and shift leaders.
    """
    service = gridgov.service
    period, path = Period(asked.start, asked.end), grid_path(gridgov, asked.under)
    scope, now = answers_for(by, gridgov), service.clock()
    return Answer(returns(service.reader, service.in_force, scope, period, path, now, service.stream))
