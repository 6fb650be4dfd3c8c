"""The description of this service in OpenAPI 3.0, with every collection named: desktop maps read it to learn
the largest page and what can be filtered by, and QGIS opens no service that has none.

The app's own description is OpenAPI 3.1 and has the same operations, their parameters taken from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gridgov.api.ogc.documents import GEOJSON, JSON
from gridgov.api.ogc.parameters import COMMON, Parameter
from gridgov.api.ogc.points import KEY
from gridgov.api.problems import MEDIA_TYPE

Json = dict[str, Any]

#: What can go wrong, for all operations and for those that ask to sign in.
_ERRORS: Final[Mapping[int, str]] = {
    400: "A parameter is unknown, or its value is not what was expected.",
    405: "These documents can only be read: GET or HEAD.",
    500: "Something went wrong here, not with the request.",
    503: "Busy, or no rules and grids are in force yet; try again later.",
}
_SIGNED_IN: Final[Mapping[int, str]] = {
    401: "Sign in first, or the name or password is wrong.",
    429: "Too many wrong passwords for this name from this address; wait.",
}
_NOT_FOUND: Final = {404: "There is no such collection or feature, or it is not for you to see."}
_UNCHANGED: Final = {304: "What was sent with this tag (If-None-Match) is the same still."}

_POINT: Final[Json] = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3}
_RINGS: Final[Json] = {"type": "array", "items": {"type": "array", "items": _POINT}}
_LINKS: Final[Json] = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_TEXT: Final[Json] = {"type": "string"}
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}


def definition(root: str, title: str, collections: Iterable[tuple[str, str, Iterable[Parameter]]]) -> Json:
    """The whole description; ``collections`` are id, title and the filters of each."""
    paths: Json = {
        "/": _get("landing", "The landing page", "landingPage", {}, open_=True),
        "/conformance": _get("conformance", "What is conformed to", "confClasses", {}, open_=True),
        "/collections": _get("collections", "The collections", "collections", {}),
    }
    parameters = {parameter.name: parameter.described() for parameter in COMMON}
    for id_, name, filters in collections:
        paths |= _paths(id_, name, list(filters))
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1.0.0", "description": _ABOUT},
        "servers": [{"url": root}],
        "security": [{"basic": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "parameters": parameters | {"featureId": FEATURE_ID},
            "schemas": SCHEMAS,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "Name and password."},
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "POST /api/sessions tells one.",
                },
            },
        },
    }


_ABOUT: Final = "Grids in force and incidents, as GeoJSON features in WGS 84 longitude and latitude."

FEATURE_ID: Final[Json] = {
    "name": "featureId",
    "in": "path",
    "required": True,
    "description": "A feature's id: of a grid its code, of an incident its id.",
    "schema": _TEXT,
}


def _paths(id_: str, title: str, filters: list[Parameter]) -> Json:
    """The three paths of a collection."""
    more = {} if id_ == KEY else _UNCHANGED
    names = [{"$ref": f"#/components/parameters/{one.name}"} for one in COMMON]
    parameters = [*names, *(one.described() for one in filters)]
    items = _get(f"{id_}.items", title, "featureCollection", more, parameters, GEOJSON)
    feature = {"$ref": "#/components/parameters/featureId"}
    return {
        f"/collections/{id_}": _get(id_, title, "collection", _NOT_FOUND),
        f"/collections/{id_}/items": items,
        f"/collections/{id_}/items/{{featureId}}": _get(
            f"{id_}.item", title, "feature", {**_NOT_FOUND, **more}, [feature], GEOJSON
        ),
    }


def _get(
    id_: str,
    summary: str,
    schema: str,
    more: Mapping[int, str],
    parameters: Iterable[Json] = (),
    media_type: str = JSON,
    open_: bool = False,
) -> Json:
    operation: Json = {
        "operationId": id_,
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses(schema, more, media_type, open_),
    }
    if open_:
        operation["security"] = []
    return {"get": operation}


def responses(
    schema: str, more: Mapping[int, str], media_type: str = JSON, open_: bool = False
) -> dict[str, Json]:
    """What an operation answers with, by status."""
    found: dict[str, Json] = {
        "200": {
            "description": "As asked.",
            "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        }
    }
    for status, told in sorted({**_ERRORS, **more, **({} if open_ else _SIGNED_IN)}.items()):
        found[str(status)] = {"description": told}
        if status >= 400:
            problem = {"schema": {"$ref": "#/components/schemas/problem"}}
            found[str(status)]["content"] = {MEDIA_TYPE: problem}
    return found


def described(
    filters: Iterable[Parameter] | None = None, *, media_type: str = JSON, open_: bool = False
) -> Json:
    """What FastAPI's description of a route needs besides what it knows: parameters that are read here and
    not by FastAPI, for routes that list features, and the statuses.
    """
    known = {**_ERRORS, **_NOT_FOUND, **({} if open_ else _SIGNED_IN)}
    told: Json = {"responses": {str(status): {"description": text} for status, text in known.items()}}
    told["responses"]["200"] = {"description": "As asked.", "content": {media_type: {}}}
    if filters is not None:
        told["parameters"] = [one.described() for one in (*COMMON, *filters)]
    return told


def _object(required: str, **properties: Json) -> Json:
    return {"type": "object", "required": required.split(), "properties": properties}


def _kind(name: str) -> Json:
    return {"type": "string", "enum": [name]}


SCHEMAS: Final[Json] = {
    "link": _object("href rel type", href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT),
    "landingPage": _object("links", title=_TEXT, description=_TEXT, links=_LINKS),
    "confClasses": _object("conformsTo", conformsTo={"type": "array", "items": _TEXT}),
    "collections": _object(
        "links collections",
        links=_LINKS,
        collections={"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
    ),
    "collection": _object(
        "id links",
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        itemType=_kind("feature"),
        crs={"type": "array", "items": _TEXT},
        links=_LINKS,
        extent=_object(
            "spatial",
            spatial=_object(
                "bbox",
                crs=_TEXT,
                bbox={
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
                },
            ),
        ),
    ),
    "feature": _object(
        "type id geometry properties",
        type=_kind("Feature"),
        id=_TEXT,
        geometry={"oneOf": [{"$ref": f"#/components/schemas/{one}"} for one in ("point", "area", "areas")]},
        properties={"type": "object"},
        links=_LINKS,
    ),
    "featureCollection": _object(
        "type features links timeStamp numberReturned",
        type=_kind("FeatureCollection"),
        features={"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
        links=_LINKS,
        timeStamp={"type": "string", "format": "date-time"},
        numberReturned=_WHOLE,
        numberMatched=_WHOLE,
    ),
    "point": _object("type coordinates", type=_kind("Point"), coordinates=_POINT),
    "area": _object("type coordinates", type=_kind("Polygon"), coordinates=_RINGS),
    "areas": _object(
        "type coordinates", type=_kind("MultiPolygon"), coordinates={"type": "array", "items": _RINGS}
    ),
    "problem": _object(
        "type title status detail", type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT
    ),
}
