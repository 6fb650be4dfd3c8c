"""OGC API - Features over HTTP: landing page, conformance, collections, features.

Written to 17-069r4 (part 1, core). Features come as GeoJSON and in no other form; parameters are read here
and not by FastAPI, because the standard's answer to a wrong one is 400.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Request, Response

from geodata.grids import Level
from gridgov.api.basic import IncidentMapReader, MapReader
from gridgov.api.dependencies import Anybody, GridGov, Parts
from gridgov.api.ogc import answers, definition, documents, parameters, points
from gridgov.api.ogc.documents import GEOJSON, JSON, OPENAPI, PREFIX, link
from gridgov.api.ogc.errors import NoSuchCollection
from gridgov.api.ogc.layers import Layer, Layers
from gridgov.rows import iso

router = APIRouter(prefix=PREFIX, tags=["ogc 桌面地图"])

_INCIDENTS: Final = f"/collections/{points.KEY}"
_LEVEL: Final = "/collections/{collectionId}"
_ITEM: Final = "/{featureId}"

CollectionId = Annotated[str, Path(alias="collectionId", description="a collection's id")]
FeatureId = Annotated[str, Path(alias="featureId", description="a feature's id")]


@router.head("", include_in_schema=False, dependencies=[Anybody])
@router.head("/", include_in_schema=False, dependencies=[Anybody])
@router.get("", include_in_schema=False, dependencies=[Anybody])
@router.get("/", openapi_extra=definition.described(open_=True), dependencies=[Anybody])
def landing(request: Request, gridgov: GridGov) -> Response:
    """The landing page of OGC API - Features: the address to give to QGIS and other programs."""
    parameters.read(request.query_params, ())
    root, here = documents.root_of(request), documents.self_of(request)
    return answers.document(request, documents.landing(root, here, *gridgov.service.names))


@router.head("/conformance", include_in_schema=False, dependencies=[Anybody])
@router.get("/conformance", openapi_extra=definition.described(open_=True), dependencies=[Anybody])
def conformance(request: Request) -> Response:
    """The classes of the standard that this service conforms to."""
    parameters.read(request.query_params, ())
    return answers.document(request, {"conformsTo": documents.CONFORMS_TO})


@router.head("/api", include_in_schema=False, dependencies=[Anybody])
@router.get(
    "/api", openapi_extra=definition.described(open_=True, media_type=OPENAPI), dependencies=[Anybody]
)
def api(request: Request, gridgov: GridGov) -> Response:
    """This service described in OpenAPI 3.0, as programs that show maps read it."""
    parameters.read(request.query_params, ())
    grids = [
        (documents.grids_id(level), f"{level.name_zh} {level.name_en}", parameters.GRIDS)
        for level in gridgov.service.atlas.hierarchy.levels
    ]
    all_ = [*grids, (points.KEY, "案卷 incidents", parameters.INCIDENTS)]
    told = definition.definition(documents.root_of(request), f"{gridgov.service.names[0]} 网格", all_)
    return answers.document(request, told, OPENAPI)


@router.head("/collections", include_in_schema=False)
@router.get("/collections", openapi_extra=definition.described())
def collections(request: Request, _: MapReader, gridgov: GridGov) -> Response:
    """All collections: one for each level of the grids in force, and the incidents."""
    parameters.read(request.query_params, ())
    levels = gridgov.service.atlas.hierarchy.levels
    found = [_described(request, gridgov, level) for level in levels]
    found.append(documents.incidents_collection(documents.root_of(request)))
    self_ = link(documents.self_of(request), "self", JSON, "This document")
    return answers.document(request, {"links": [self_], "collections": found})


@router.head(_INCIDENTS, include_in_schema=False)
@router.get(_INCIDENTS, openapi_extra=definition.described())
def incidents(request: Request, _: MapReader) -> Response:
    """The collection of incidents."""
    parameters.read(request.query_params, ())
    return answers.document(request, documents.incidents_collection(documents.root_of(request)))


@router.head(f"{_INCIDENTS}/items", include_in_schema=False)
@router.get(
    f"{_INCIDENTS}/items", openapi_extra=definition.described(parameters.INCIDENTS, media_type=GEOJSON)
)
def incident_items(request: Request, reader: IncidentMapReader, gridgov: GridGov) -> Response:
    """Incidents that have a point (案卷), newest report first, as far as the asker's scope reaches."""
    asked = parameters.asked(request.query_params, parameters.INCIDENTS)
    service = gridgov.service
    with service.reader.connect() as connection:
        found = points.page(
            connection, reader.scope, asked, service.in_force.rules.categories, service.stream
        )
    shown = [orjson.dumps(feature) for feature in found.features]
    last = None if found.last is None else str(found.last)
    return answers.answer(request, answers.page(request, shown, last, iso(reader.now)))


@router.head(f"{_INCIDENTS}/items{_ITEM}", include_in_schema=False)
@router.get(f"{_INCIDENTS}/items{_ITEM}", openapi_extra=definition.described(media_type=GEOJSON))
def incident_item(
    feature_id: FeatureId, request: Request, reader: IncidentMapReader, gridgov: GridGov
) -> Response:
    """One incident."""
    parameters.read(request.query_params, ())
    service = gridgov.service
    with service.reader.connect() as connection:
        found = points.one(
            connection, reader.scope, feature_id, service.in_force.rules.categories, service.stream
        )
    links = documents.feature_links(documents.root_of(request), points.KEY, feature_id)
    return answers.document(request, found | {"links": links}, GEOJSON)


@router.head(_LEVEL, include_in_schema=False)
@router.get(_LEVEL, openapi_extra=definition.described())
def collection(collection_id: CollectionId, request: Request, _: MapReader, gridgov: GridGov) -> Response:
    """The collection of one level of the grids in force."""
    parameters.read(request.query_params, ())
    return answers.document(request, _described(request, gridgov, _level(gridgov, collection_id)))


@router.head(f"{_LEVEL}/items", include_in_schema=False)
@router.get(f"{_LEVEL}/items", openapi_extra=definition.described(parameters.GRIDS, media_type=GEOJSON))
def items(collection_id: CollectionId, request: Request, _: MapReader, gridgov: GridGov) -> Response:
    """The grids of a level (网格), in order of their codes."""
    asked = parameters.asked(request.query_params, parameters.GRIDS)
    layer = _layer(request, gridgov, _level(gridgov, collection_id))
    tag = answers.tag_of(request, layer.tag)
    known = answers.unchanged(request, tag)
    if known is not None:
        return known
    found, now = layer.page(asked), iso(gridgov.service.clock())
    body = answers.page(request, found.features, found.last, now, found.matched)
    return answers.answer(request, body, tag=tag)


@router.head(f"{_LEVEL}/items{_ITEM}", include_in_schema=False)
@router.get(f"{_LEVEL}/items{_ITEM}", openapi_extra=definition.described(media_type=GEOJSON))
def item(
    collection_id: CollectionId, feature_id: FeatureId, request: Request, _: MapReader, gridgov: GridGov
) -> Response:
    """One grid."""
    parameters.read(request.query_params, ())
    layer = _layer(request, gridgov, _level(gridgov, collection_id))
    found = layer.one(feature_id)
    links = documents.feature_links(documents.root_of(request), collection_id, feature_id)
    tag = answers.tag_of(request, layer.tag)
    known = answers.unchanged(request, tag)
    return known or answers.document(request, found | {"links": links}, GEOJSON, tag)


def _level(gridgov: Parts, collection_id: str) -> Level:
    """The level whose collection has this id; raises NoSuchCollection."""
    levels = gridgov.service.atlas.hierarchy.levels
    found = next((level for level in levels if documents.grids_id(level) == collection_id), None)
    if found is None:
        raise NoSuchCollection(collection=collection_id)
    return found


def _layer(request: Request, gridgov: Parts, level: Level) -> Layer:
    layers: Layers = request.app.state.layers
    return layers.layer(gridgov.service.atlas, level.key)


def _described(request: Request, gridgov: Parts, level: Level) -> dict[str, Any]:
    layer, edition = _layer(request, gridgov, level), gridgov.service.atlas.name
    return documents.grids_collection(documents.root_of(request), level, layer, edition)
