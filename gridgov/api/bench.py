"""What benchmarks compare with: the same sign-in and the same checks as a report, and nothing kept.
Never in service.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from gridgov.api.answers import Answer
from gridgov.api.bodies import NewReport
from gridgov.api.dependencies import GridGov, SignedIn
from gridgov.places import require_not_swapped

router = APIRouter(prefix="/api/bench", include_in_schema=False)


@router.post("/noop", status_code=201)
async def noop(sent: NewReport, by: SignedIn, gridgov: GridGov) -> Response:
    """A report that is checked and dropped."""
    in_force = gridgov.service.in_force
    require_not_swapped(in_force.atlas, sent.position, in_force.city.datum)
    return Answer({"id": str(sent.id), "by": by.id}, 201)
