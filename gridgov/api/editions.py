"""Editions of the grids: what is in force, and a new one put in its place. For administrators.

The drawing is read and checked where its files are, on the machine of whoever imports it; what comes here
is the hierarchy that was settled, with the findings that were accepted. It is checked again, so that no
other program brings in what nobody accepted.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Annotated, Any

import anyio
import shapely
from fastapi import APIRouter, Path, Response
from pydantic import Field

from geodata.errors import BadHierarchy
from geodata.grids import GridRow, Hierarchy, Level
from geodata.recheck import recheck
from gridgov import city
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line, Moment, Number
from gridgov.api.dependencies import Administrator, GridGov, Parts
from gridgov.api.wkb import is_area
from gridgov.storage.writer import Chore

router = APIRouter(prefix="/api/editions", tags=["editions 网格版次"])

#: Larger numbers than the store holds are nobody's.
EditionId = Annotated[int, Path(ge=1, le=1 << 31)]


class SentLevel(Body):
    """A level, widest first."""

    key: Code
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
    return city.import_edition(
        hierarchy,
        sent.name,
        made_up=sent.made_up,
        findings=findings,
        by=by,
        effective_at=sent.effective_at,
        compared=compared,
    )


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
