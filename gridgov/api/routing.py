"""Why something goes where it goes: the routing rules, what they say of a place and a moment, and what was
said of an incident. Reads only.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from dispatch.categories import Urgency
from geodata.datum import Datum
from geodata.errors import check_point
from gridgov import explaining
from gridgov.api.answers import Answer
from gridgov.api.bodies import MOST_PHOTOS, Body, Channel, Code, Line, Moment
from gridgov.api.dependencies import GridGov, Parts, Reader, RulesReader
from gridgov.api.incidents import codes
from gridgov.errors import BadInput
from gridgov.explaining import Question
from gridgov.places import require_not_swapped
from gridgov.siting import SentPosition

router = APIRouter(prefix="/api", tags=["routing 派遣规则"])


class Asked(Body):
    """What is asked about. Where it is: a point (``lon``, ``lat`` and, unless the city has one, ``datum``),
    or the ``path`` of a grid; with neither it is somewhere in no grid.
    """

    category: Annotated[Code, Field(description="key or alias")]
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    accuracy_m: Annotated[float | None, Field(ge=0, le=1_000_000)] = None
    path: Annotated[Line | None, Field(description="a grid path in force, its codes joined by /")] = None
    standard: Annotated[Code | None, Field(description="code of a case standard of the category")] = None
    urgency: Annotated[Urgency | None, Field(description="left out: the standard's or category's own")] = None
    channel: Annotated[Channel | None, Field(description="how it came; left out: nobody says")] = None
    photos: Annotated[int, Field(ge=0, le=MOST_PHOTOS, description="how many come with it")] = 0
    when: Annotated[Moment | None, Field(description="left out: now")] = None


@router.get("/routing")
def rules(
    _: RulesReader,
    gridgov: GridGov,
    category: Annotated[str | None, Query(max_length=200, description="only what is for this one")] = None,
) -> Response:
    """The routing rules in force, the most specific first. For whoever files, dispatches or answers for
    it.
    """
    found = gridgov.service.in_force
    return Answer({"rules": found.rules.version, "routing": explaining.listed(found, category)})


@router.get("/routing/explain")
def explain(asked: Annotated[Asked, Query()], _: RulesReader, gridgov: GridGov) -> Response:
    """Whose something would be at a place and a moment, and why nobody else's: the winning rule, and of every
    other the first condition that failed. For whoever files, dispatches or answers for it.
    """
    in_force = gridgov.service.in_force
    return Answer(explaining.to_dict(in_force, explaining.ask(in_force, _question(asked, gridgov))))


@router.get("/incidents/{reference}/routing")
def incident(
    reference: str,
    reader: Reader,
    gridgov: GridGov,
    when: Annotated[Moment | None, Query(description="left out: when it was last routed")] = None,
) -> Response:
    """Why an incident of my scope went where it went: what was recorded each time, and what the rules in
    force would say of it now.
    """
    service = gridgov.service
    return Answer(explaining.of_incident(service.reader, service.in_force, reader.scope, reference, when))


def _question(asked: Asked, gridgov: Parts) -> Question:
    in_force = gridgov.service.in_force
    position = _position(asked)
    require_not_swapped(in_force.atlas, position, in_force.city.datum)
    return Question(
        category=asked.category,
        moment=asked.when or gridgov.service.clock(),
        position=position,
        path=codes(asked.path or None),
        standard=asked.standard,
        urgency=None if asked.urgency is None else str(asked.urgency),
        channel=asked.channel or "",
        photos=asked.photos,
    )


def _position(asked: Asked) -> SentPosition | None:
    if asked.lon is None and asked.lat is None:
        return None
    if asked.lon is None or asked.lat is None:
        raise BadInput("a point has a longitude and a latitude: send `lon` and `lat`, or neither")
    check_point(asked.lon, asked.lat)
    return SentPosition(asked.lon, asked.lat, asked.datum, asked.accuracy_m)
