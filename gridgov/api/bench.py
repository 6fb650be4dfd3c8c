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
    require_not_swapped(gridgov.service.in_force.atlas, sent.position)
    return Answer({"id": str(sent.id), "by": by.id}, 201)
