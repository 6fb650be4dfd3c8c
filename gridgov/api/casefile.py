"""The file of an incident (案卷档案): to read and print, for programs, and as a package to keep."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.responses import HTMLResponse, StreamingResponse

from gridgov.api.bodies import Body
from gridgov.api.dependencies import GridGov, Parts, Reader, Reading
from gridgov.casefile.packing import json_of, package
from gridgov.casefile.page import POLICY, render
from gridgov.casefile.pictures import small
from gridgov.casefile.reading import read
from gridgov.casefile.values import CaseFile

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/incidents", tags=["case files 案卷档案"])

_KEPT_BY_NOBODY: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]")


class Shown(Body):
    """What of the photos is in the page."""

    photos: Annotated[bool, Field(description="small pictures in the page itself; else only listed")] = False


@router.get("/{reference}/file", response_class=HTMLResponse)
def page(reference: str, shown: Annotated[Shown, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """All there is on an incident, as one page to print, with the hashes (案卷档案)."""
    file = _read(gridgov, reader, reference, "html")
    source = render(file, _small(gridgov, file, shown))
    policy = f"{POLICY}; frame-ancestors 'none'"
    return HTMLResponse(source, headers=_KEPT_BY_NOBODY | {"Content-Security-Policy": policy})


@router.get("/{reference}/file.json")
def values(reference: str, reader: Reader, gridgov: GridGov) -> Response:
    """The same as plain values, for programs."""
    file = _read(gridgov, reader, reference, "json")
    return Response(json_of(file), media_type="application/json", headers=_KEPT_BY_NOBODY)


@router.get("/{reference}/file.zip", response_class=StreamingResponse)
def zipped(reference: str, shown: Annotated[Shown, Query()], reader: Reader, gridgov: GridGov) -> Response:
    """Page, values, entries as stored, photos, their sums, and how to verify it all, in a ZIP."""
    file = _read(gridgov, reader, reference, "zip")
    parts = package(file, gridgov.service.photos, _small(gridgov, file, shown))
    named = {"Content-Disposition": _attached(file.incident.case_number)}
    return StreamingResponse(parts, media_type="application/zip", headers=_KEPT_BY_NOBODY | named)


def _read(gridgov: Parts, reader: Reading, reference: str, form: str) -> CaseFile:
    """The file, and a line in the log that it was read: by whom (an id), which one, in what form."""
    service = gridgov.service
    file = read(service.reader, service.in_force, service.photos, reader.person, reference, reader.now)
    log.info(
        "case file read",
        incident=file.incident.id,
        number=file.incident.number,
        by=reader.person.id,
        form=form,
        whole=file.is_whole,
    )
    return file


def _small(gridgov: Parts, file: CaseFile, shown: Shown) -> dict[str, Any]:
    return small(file, gridgov.service.photos) if shown.photos else {}


def _attached(case_number: str) -> str:
    """As what a browser keeps the package; case numbers of imported history may hold anything."""
    plain = _PLAIN.sub("_", case_number)[:100]
    return f"attachment; filename=\"{plain}.zip\"; filename*=UTF-8''{quote(case_number[:100], safe='')}.zip"
