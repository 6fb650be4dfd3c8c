"""Photos: taken in, kept by the hash of their content, shown with the incident they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import anyio
from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from starlette.responses import FileResponse

from dispatch.entries import to_micros
from gridgov.accounts import Person
from gridgov.api.answers import Answer
from gridgov.api.dependencies import GridGov, Parts, SignedIn
from gridgov.errors import NoSuchPhoto, UnknownPhoto
from gridgov.storage.photos import FORMATS, Photo
from gridgov.storage.tables import PhotoRow
from gridgov.storage.writer import Chore

router = APIRouter(prefix="/api/photos", tags=["photos 照片"])

_photo = PhotoRow.__table__  # type: ignore[attr-defined]

_BODY = {"requestBody": {"required": True, "content": {media_type: {} for media_type in FORMATS.values()}}}


@router.post("", status_code=201, openapi_extra=_BODY)
async def keep(request: Request, by: SignedIn, gridgov: GridGov) -> Response:
    """Keep a photo: the body is the file itself. Its digest is what reports and acts name it by."""
    content = await request.body()
    photo = await anyio.to_thread.run_sync(gridgov.service.photos.keep, content, limiter=gridgov.pictures)
    await gridgov.service.writer.act(_note(photo, by))
    return Answer(
        {name: getattr(photo, name) for name in ("digest", "media_type", "size", "width", "height")}, 201
    )


def _note(photo: Photo, by: Person) -> Chore:
    """Write down that it is kept; once is enough."""

    def run(connection: Connection, now: datetime) -> None:
        connection.execute(
            insert(_photo)
            .values(
                digest=photo.digest,
                media_type=photo.media_type,
                size=photo.size,
                width=photo.width,
                height=photo.height,
                uploaded_at=to_micros(now),
                by=by.id,
            )
            .on_conflict_do_nothing()
        )

    return Chore(run)


async def require_photos(gridgov: Parts, digests: Sequence[str]) -> None:
    """Raise UnknownPhoto unless all of these have been uploaded."""
    if not digests:
        return
    missing = set(digests) - await anyio.to_thread.run_sync(_known, gridgov, digests)
    if missing:
        raise UnknownPhoto(missing=sorted(missing))


def _known(gridgov: Parts, digests: Sequence[str]) -> set[str]:
    with gridgov.service.reader.connect() as connection:
        return set(connection.execute(select(_photo.c.digest).where(_photo.c.digest.in_(digests))).scalars())


def photo_file(gridgov: Parts, digest: str, shown: Sequence[str]) -> Response:
    """The file of a photo that is among those shown; raises NoSuchPhoto. What its content is was settled
    on arrival.
    """
    if digest not in shown:
        raise NoSuchPhoto(digest=digest[:64])
    with gridgov.service.reader.connect() as connection:
        media_type = connection.execute(
            select(_photo.c.media_type).where(_photo.c.digest == digest)
        ).scalar_one()
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return FileResponse(gridgov.service.photos.path(digest), media_type=media_type, headers=headers)
