"""Editions of the grids: what is in force, a new one put in its place, what that changes, and the assignments
that were carried over to it. For administrators.

The drawing is read and checked where its files are, on the machine of whoever imports it; what comes here
is the hierarchy that was settled, with the findings that were accepted. It is checked again, so that no
other program brings in what nobody accepted.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Final

import anyio
import shapely
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Engine

from geodata.errors import BadHierarchy
from geodata.findings import Finding
from geodata.grids import GridRow, Hierarchy, Level
from geodata.recheck import recheck
from gridgov import city, redrawing
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment, Number
from gridgov.api.dependencies import Administrator, GridGov, Parts
from gridgov.api.shelf import Print, Shelf, answer, printed
from gridgov.api.wkb import is_area
from gridgov.storage.writer import Chore
from gridgov.succession import carried, decide_carried

router = APIRouter(prefix="/api/editions", tags=["editions 网格版次"])

#: Larger numbers than the store holds are nobody's.
EditionId = Annotated[int, Path(ge=1, le=1 << 31)]
OpenOnly = Annotated[bool, Query(alias="open", description="only those nobody has decided on")]
GEOJSON: Final = "application/geo+json"
#: Bytes of comparisons drawn and packed that are kept.
KEPT_BYTES: Final = 16 << 20


class SentLevel(Body):
    """A level, widest first."""

    key: Annotated[Code, Field(pattern=r"^[^/]+$")]
    name_zh: Line
    name_en: Line


class SentGrid(Body):
    """A grid; its geometry is WKB in WGS-84 degrees, in base64."""

    level: Annotated[int, Field(ge=0, le=20)]
    code: Code
    name: Line
    parent: Code | None
    area_m2: Annotated[Number, Field(ge=0)]
    responsible_unit: Code | None = None
    geometry: str


class Edition(Body):
    """A whole hierarchy, with the findings of its check."""

    name: Annotated[Line, Field(min_length=1)]
    made_up: bool = False
    levels: Annotated[tuple[SentLevel, ...], Field(min_length=1, max_length=20)]
    grids: Annotated[tuple[SentGrid, ...], Field(min_length=1)]
    findings: tuple[dict[str, Any], ...] = ()
    effective_at: Annotated[Moment | None, Field(description="now unless told")] = None


class Maps:
    """Comparisons drawn already. One takes seconds of a core and two hierarchies of memory: asked for side
    by side, they would hold up whoever reports.
    """

    def __init__(self) -> None:
        self._prints = Shelf[Print](KEPT_BYTES, lambda one: one.size, at_once=1, waiting=8)

    async def comparison(self, reader: Engine, edition: int) -> Print:
        """What an edition changed; raises UnknownEdition, BadInput, MapsBusy."""
        return await self._prints.take(edition, partial(_map, reader, edition))


@router.get("")
def editions(_: Administrator, gridgov: GridGov) -> Response:
    """All editions there have been, newest first: in force, scheduled, past or withdrawn."""
    with gridgov.service.reader.connect() as connection:
        return Answer({"editions": city.editions(connection)})


@router.get("/{edition}/findings")
def findings(edition: EditionId, _: Administrator, gridgov: GridGov) -> Response:
    """What the check of an edition found when it came in, accepted findings with their reasons."""
    with gridgov.service.reader.connect() as connection:
        return Answer({"findings": city.findings_of(connection, edition)})


@router.get("/{edition}/comparison")
def comparison(edition: EditionId, _: Administrator, gridgov: GridGov) -> Response:
    """What an edition changed of the one before; of one that is to come, also which open incidents and
    assignments it will touch.
    """
    with gridgov.service.reader.connect() as connection:
        return Answer(redrawing.comparison_of(connection, edition, gridgov.service.clock()))


@router.get("/{edition}/comparison.geojson")
async def comparison_map(
    edition: EditionId, request: Request, _: Administrator, gridgov: GridGov
) -> Response:
    """The same as a map: each change with the ground concerned. Some seconds, the first time."""
    maps: Maps = request.app.state.comparisons
    return await answer(request, await maps.comparison(gridgov.service.reader, edition), GEOJSON)


@router.post("/{edition}/withdraw")
async def withdraw(edition: EditionId, by: Administrator, gridgov: GridGov) -> Response:
    """Call off an edition before it takes effect; it stays on record."""
    await gridgov.service.writer.act(city.withdraw(edition, by.id))
    return Answer({"edition": edition, "state": "withdrawn"})


@router.get("/carried")
def carried_over(_: Administrator, gridgov: GridGov, open_only: OpenOnly = False) -> Response:
    """Assignments to grids that are no more, carried over to their successors."""
    with gridgov.service.reader.connect() as connection:
        return Answer({"carried": carried(connection, open_only=open_only)})


@router.post("/carried/{carried_id}/confirm")
async def confirm(carried_id: str, by: Administrator, gridgov: GridGov) -> Response:
    """Confirm that an assignment goes on in the grid it was carried over to."""
    return await _decide(gridgov, carried_id, by.id, confirmed=True)


@router.post("/carried/{carried_id}/decline")
async def decline(carried_id: str, by: Administrator, gridgov: GridGov) -> Response:
    """Decline it; where it was in force already, it ends now."""
    return await _decide(gridgov, carried_id, by.id, confirmed=False)


@router.post("", status_code=201)
async def put_in_force(sent: Edition, by: Administrator, gridgov: GridGov) -> Response:
    """Put a hierarchy in force as a new edition, now or from a moment on; 200 where it was in force already.

    Open incidents are located in it in the background.
    """
    chore = await anyio.to_thread.run_sync(_chore, gridgov, sent, by.id)
    done = await gridgov.service.writer.act(chore)
    return Answer(asdict(done), 201 if done.new else 200)


def as_body(
    hierarchy: Hierarchy, name: str, *, made_up: bool, findings: list[dict[str, Any]]
) -> dict[str, Any]:
    """A hierarchy as the body of ``POST /api/editions``, for programs that send one."""
    return {
        "name": name,
        "made_up": made_up,
        "levels": [asdict(level) for level in hierarchy.levels],
        "grids": [row | {"geometry": b64encode(row["geometry"]).decode()} for row in hierarchy.to_rows()],
        "findings": findings,
    }


def _chore(gridgov: Parts, sent: Edition, by: str) -> Chore:
    rows = [GridRow(**grid.model_dump() | {"geometry": _wkb(grid)}) for grid in sent.grids]  # type: ignore[typeddict-item]
    hierarchy = Hierarchy.from_rows([Level(**level.model_dump()) for level in sent.levels], rows)
    findings = [found.to_dict() for found in recheck(hierarchy, sent.findings)]
    with gridgov.service.reader.connect() as connection:
        compared = city.compare_in_store(connection, hierarchy)
    findings += _accepted(compared.reused, sent.findings)
    return city.import_edition(
        hierarchy,
        sent.name,
        made_up=sent.made_up,
        findings=findings,
        by=by,
        effective_at=sent.effective_at,
        compared=compared,
    )


def _map(reader: Engine, edition: int) -> Print:
    with reader.connect() as connection:
        return printed(redrawing.comparison_map(connection, edition))


def _accepted(found: Iterable[Finding], sent: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The codes taken up again that were accepted where the drawing was compared, with the reasons given."""
    reasons = {
        (str(one.get("code")), str(one.get("level")), tuple(map(str, grids))): one.get("accepted")
        for one in sent
        if isinstance(grids := one.get("grids"), list)
    }
    told = [(one, reasons.get((one.code, one.level, one.grids))) for one in found]
    return [
        one.to_dict() | {"accepted": reason}
        for one, reason in told
        if isinstance(reason, str) and reason.strip()
    ]


async def _decide(gridgov: Parts, carried_id: str, by: str, *, confirmed: bool) -> Response:
    person = await gridgov.service.writer.act(decide_carried(carried_id, by, confirmed=confirmed))
    gridgov.sessions.changed(person)
    return Answer({"id": carried_id, "state": "confirmed" if confirmed else "declined"})


def _wkb(grid: SentGrid) -> bytes:
    """The geometry's bytes; raises BadHierarchy where they are none, or no polygon's."""
    try:
        geometry = b64decode(grid.geometry, validate=True)
        if not is_area(geometry):
            raise ValueError("neither a polygon nor a multipolygon")
        bounds = shapely.from_wkb(geometry).bounds
    except (ValueError, shapely.errors.ShapelyError) as bad:
        expected = "a polygon or multipolygon in two dimensions, as WKB in base64"
        raise BadHierarchy(
            [f"the geometry of grid {grid.code!r} is not what was expected: {expected}"]
        ) from bad
    if any(abs(reach) > most for reach, most in zip(bounds, (180, 90, 180, 90), strict=True)):
        raise BadHierarchy([f"the geometry of grid {grid.code!r} is not in degrees: it reaches {bounds}"])
    return geometry
