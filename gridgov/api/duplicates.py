"""What may be the same as an incident, or as a report before it is sent."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Moment, Position
from gridgov.api.dependencies import GridGov, Reader
from gridgov.duplicates import Before, before_sending, of_incident
from gridgov.places import require_not_swapped

router = APIRouter(prefix="/api", tags=["incidents 案卷"])


class NotYetSent(Body):
    """A report before it is sent: what, where, and when it happened."""

    category: Code
    position: Position
    happened_at: Annotated[Moment | None, Field(description="left out: now")] = None


@router.get("/incidents/{reference}/duplicates")
def duplicates(reference: str, reader: Reader, gridgov: GridGov) -> Response:
    """What may be the same as an incident (并案建议): of its category, within 50 m and 24 h unless the city
    says otherwise, nearest first, of what I see. For everybody who sees the incident; nothing is joined by
    asking.
    """
    service = gridgov.service
    return Answer(of_incident(service.reader, service.in_force, reader.scope, reference, service.stream))


@router.post("/duplicates")
def not_yet_sent(sent: NotYetSent, reader: Reader, gridgov: GridGov) -> Response:
    """The same of a report that is about to be sent. For everybody who is signed in, of what they see;
    nothing is kept.
    """
    service = gridgov.service
    in_force = service.in_force
    require_not_swapped(in_force.atlas, sent.position, in_force.city.datum)
    asked = Before(sent.category, sent.position.sent(), sent.happened_at)
    return Answer(before_sending(service.reader, in_force, reader.scope, asked, reader.now, service.stream))
