"""Questions: what I did without network, and is not any more what I meant: is it still to be done?"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from gridgov import questions
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Line
from gridgov.api.dependencies import GridGov, Reader, SignedIn
from gridgov.api.incidents import receipt_of

router = APIRouter(prefix="/api/questions", tags=["questions 待确认"])


class Confirmation(Body):
    """It is still to be done; ``seen`` is the number of the entry that I saw now, it cannot be left out. The
    act's own id makes this safe to repeat.
    """

    seen: Annotated[int, Field(strict=True, ge=1, le=1 << 31)] | None = None


class Dropping(Body):
    """It is not to be done any more, and why."""

    reason: Annotated[Line, Field(min_length=1)]


@router.get("")
def list_(reader: Reader, gridgov: GridGov) -> Response:
    """My questions, the open ones first, then the newest."""
    service = gridgov.service
    with service.reader.connect() as connection:
        found = questions.of_person(connection, reader.person, service.stream)
    return Answer({"questions": [questions.told(one) for one in found], "most_open": questions.MOST_OPEN})


@router.get("/{question}")
def question(question: str, reader: Reader, gridgov: GridGov) -> Response:
    """One of my questions, with the incident as it is now and what happened meanwhile; neither where I may
    not see that any more.
    """
    service = gridgov.service
    with service.reader.connect() as connection:
        kept = questions.mine(connection, reader.person, question, service.stream)
    return Answer(
        questions.told(kept)
        | questions.present(service.reader, reader.person, kept.sent, reader.now, service.stream)
    )


@router.post("/{question}/confirm")
async def confirm(question: str, sent: Confirmation, by: SignedIn, gridgov: GridGov) -> Response:
    """Do it, on the incident as it is now; where it has changed again, it stays open."""
    receipt = await questions.confirm(gridgov.service, by, question, sent.seen)
    return Answer(await receipt_of(gridgov, receipt))


@router.post("/{question}/drop")
async def drop(question: str, sent: Dropping, by: SignedIn, gridgov: GridGov) -> Response:
    """Leave it; it stays on record with the reason."""
    told: dict[str, Any] = questions.told(await questions.drop(gridgov.service, by, question, sent.reason))
    return Answer(told)
