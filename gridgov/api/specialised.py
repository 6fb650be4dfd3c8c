"""Specialised grids (专业网格): the layers of fields in force, for everybody; for administrators their
versions, what their checks found, and a new one put in force.

A layer is read and checked where its files are, on the machine of whoever imports it; what comes here is what
was settled. It is checked again, so that no other program brings in what nobody accepted.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Final

import anyio
import numpy as np
import shapely
from fastapi import APIRouter, Path, Request, Response
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from geodata.errors import BadFieldLayer
from geodata.grids import Hierarchy
from geodata.specialised.check import recheck
from geodata.specialised.layers import FieldLayer, Form, SpecialisedGrid
from gridgov import specialised
from gridgov.api.answers import Answer
from gridgov.api.bodies import Body, Code, Line
from gridgov.api.dependencies import Administrator, GridGov, Parts, SignedIn
from gridgov.api.shelf import Print, Shelf, answer, printed
from gridgov.api.wkb import is_area
from gridgov.errors import LayerOfAnotherEdition, UnknownField
from gridgov.fields import Field as InForceField
from gridgov.in_force import InForce
from gridgov.specialised import Sent
from gridgov.storage.writer import Chore

router = APIRouter(prefix="/api/specialised", tags=["specialised grids 专业网格"])

MEDIA_TYPE: Final = "application/geo+json"
#: Bytes of layers drawn and packed that are kept; one of 77 polygons of 99,000 vertices takes 1 MB.
KEPT_BYTES: Final = 16 << 20
#: Larger numbers than the store holds are nobody's.
Version = Annotated[int, Path(ge=1, le=1 << 31)]


class SentGrid(Body):
    """A specialised grid: micro-grids by code, or a geometry (WKB in WGS-84 degrees, in base64)."""

    code: Code
    name: Line
    team: Line | None = None
    micro_grids: tuple[Code, ...] = ()
    geometry: str | None = None


class SentLayer(Body):
    """A field's layer, checked with the edition named, with the findings of its check."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    key: Annotated[Code, Field(pattern=r"^[^/]+$")]
    name_zh: Line
    name_en: Line
    form: Annotated[Form, Field(alias="as")]
    edition: Annotated[int, Field(ge=1, le=1 << 31)]
    classes: tuple[Code, ...] = ()
    categories: tuple[Code, ...] = ()
    grids: Annotated[tuple[SentGrid, ...], Field(min_length=1)]
    findings: tuple[dict[str, Any], ...] = ()


class Sheets:
    """Layers drawn already, each once."""

    def __init__(self) -> None:
        self._prints = Shelf[Print](KEPT_BYTES, lambda one: one.size)

    async def layer(self, field: InForceField, in_force: InForce) -> Print:
        """The specialised grids of a field as GeoJSON; raises MapsBusy."""
        key = field.version, in_force.atlas.edition
        return await self._prints.take(key, partial(_drawn, field.layer, in_force.atlas.hierarchy))


@router.get("")
def layers(_: SignedIn, gridgov: GridGov) -> Response:
    """The layers in force, each with its specialised grids and teams, and what it matters for."""
    fields = gridgov.service.in_force.fields
    return Answer({"layers": [_shown(field) for field in (fields.fields if fields else ())]})


@router.get("/versions")
def versions(_: Administrator, gridgov: GridGov) -> Response:
    """All versions of all layers there have been, newest first, and what each loses as sets."""
    with gridgov.service.reader.connect() as connection:
        return Answer({"versions": specialised.versions(connection)})


@router.get("/versions/{version}/findings")
def findings(version: Version, _: Administrator, gridgov: GridGov) -> Response:
    """What the check of a version found, and which micro-grids changed hands as it came with an edition."""
    with gridgov.service.reader.connect() as connection:
        return Answer(specialised.findings_of(connection, version))


@router.get("/{key}.geojson")
async def layer_geojson(key: str, request: Request, _: SignedIn, gridgov: GridGov) -> Response:
    """The specialised grids of a field as GeoJSON; the tag stays the same until they change."""
    in_force = gridgov.service.in_force
    sheets: Sheets = request.app.state.sheets
    return await answer(request, await sheets.layer(_field(in_force, key), in_force), MEDIA_TYPE)


@router.post("", status_code=201)
async def put_in_force(sent: SentLayer, by: Administrator, gridgov: GridGov) -> Response:
    """Put a field's layer in force in place of the one it had; 200 where it was in force already."""
    chore = await anyio.to_thread.run_sync(_chore, gridgov, sent, by.id)
    done = await gridgov.service.writer.act(chore)
    return Answer(asdict(done), 201 if done.new else 200)


@router.delete("/{key}")
async def remove(key: str, by: Administrator, gridgov: GridGov) -> Response:
    """Take a field's layer off: from now on no incident is located in it."""
    await gridgov.service.writer.act(specialised.remove(key, by.id))
    return Answer({"removed": key})


def layer_body(sent: Sent) -> dict[str, Any]:
    """A layer as the body of ``POST /api/specialised``, for programs that send one."""
    layer = sent.layer
    return {
        "key": layer.key,
        "name_zh": layer.name_zh,
        "name_en": layer.name_en,
        "as": str(layer.form),
        "edition": sent.edition,
        "classes": list(sent.classes),
        "categories": list(sent.categories),
        "grids": [
            {
                "code": one.code,
                "name": one.name,
                "team": one.team,
                "micro_grids": list(one.micro_grids),
                "geometry": None
                if one.geometry is None
                else b64encode(shapely.to_wkb(one.geometry)).decode(),
            }
            for one in layer.grids
        ],
        "findings": [dict(found) for found in sent.findings],
    }


def in_fields(in_force: InForce, lon: float, lat: float) -> list[dict[str, Any]]:
    """The specialised grids that a point (WGS-84 degrees) lies in, field by field, with names and teams."""
    if in_force.fields is None:
        return []
    found = in_force.fields.layers.locate(lon, lat)
    return [
        {**_about(field), "code": grid.code, "name": grid.name, "team": grid.team}
        for field in in_force.fields.fields
        if (grid := found.get(field.layer.key)) is not None
    ]


def many_in_fields(
    in_force: InForce,
    lons: NDArray[np.float64],
    lats: NDArray[np.float64],
    micro: NDArray[np.int32],
) -> dict[str, list[str | None]]:
    """By field the codes of the specialised grids that points (WGS-84 degrees) lie in, None for none;
    ``micro`` are the numbers of their micro-grids.
    """
    if in_force.fields is None:
        return {}
    layers = in_force.fields.layers
    found = layers.locate_many(lons, lats, micro)
    codes = {layer.key: [*(one.code for one in layer.grids), None] for layer in layers.layers}
    return {key: [codes[key][number] for number in numbers.tolist()] for key, numbers in found.items()}


def _chore(gridgov: Parts, sent: SentLayer, by: str) -> Chore:
    atlas = gridgov.service.in_force.atlas
    if sent.edition != atlas.edition:
        raise LayerOfAnotherEdition(edition=atlas.edition)
    grids = [
        SpecialisedGrid(one.code, one.name, one.team, one.micro_grids, _geometry(sent.key, one))
        for one in sent.grids
    ]
    layer = FieldLayer.build(sent.key, sent.name_zh, sent.name_en, sent.form, grids)
    found = tuple(one.to_dict() for one in recheck(layer, atlas.hierarchy, sent.findings))
    return specialised.put(Sent(layer, sent.edition, sent.classes, sent.categories, found), by)


def _geometry(key: str, one: SentGrid) -> Any:
    """The polygon that was sent, None where none was; raises BadFieldLayer where it is none."""
    if one.geometry is None:
        return None
    expected = "a polygon or multipolygon in degrees, in two dimensions, as WKB in base64"
    try:
        content = b64decode(one.geometry, validate=True)
        if not is_area(content):
            raise ValueError("neither a polygon nor a multipolygon")
        geometry = shapely.from_wkb(content)
        bounds = geometry.bounds
    except (ValueError, shapely.errors.ShapelyError) as bad:
        raise BadFieldLayer(key, [f"the geometry of {one.code!r} is not {expected}"]) from bad
    # Written so that NaN counts as bad: every comparison with NaN is false.
    if not all(abs(at) <= most for at, most in zip(bounds, (180, 90) * 2, strict=True)):
        raise BadFieldLayer(key, [f"the geometry of {one.code!r} is not {expected}: it reaches {bounds}"])
    return geometry


def _field(in_force: InForce, key: str) -> InForceField:
    field = in_force.fields.field(key) if in_force.fields else None
    if field is None:
        raise UnknownField(f"no field {key!r} has a layer of specialised grids in force", field=key)
    return field


def _drawn(layer: FieldLayer, hierarchy: Hierarchy) -> Print:
    return printed(layer.geojson(hierarchy), layer.key)


def _about(field: InForceField) -> Mapping[str, Any]:
    return {"field": field.layer.key, "name_zh": field.layer.name_zh, "name_en": field.layer.name_en}


def _shown(field: InForceField) -> dict[str, Any]:
    return {
        **_about(field),
        "version": field.version,
        "as": field.layer.form,
        "edition": field.edition,
        "classes": sorted(field.classes),
        "categories": sorted(field.categories),
        "grids": [
            {"code": one.code, "name": one.name, "team": one.team, "micro_grids": len(one.micro_grids)}
            for one in field.layer.grids
        ],
    }
