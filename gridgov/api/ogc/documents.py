"""What leads to the features: the landing page, what is conformed to, the collections; and the links in all
of them.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request

from geodata.grids import Level
from gridgov.api.dependencies import parts_of
from gridgov.api.ogc.layers import Layer
from gridgov.api.ogc.points import KEY

PREFIX: Final = "/ogc"
JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
#: Programs look for exactly this; QGIS opens no service without it.
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

#: The classes whose every requirement was read and is met. Not "oas30": it also asks for the definition as
#: HTML. Not "html": there are no pages of these documents.
CONFORMS_TO: Final = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)


def root_of(request: Request) -> str:
    """Where these documents are reached from outside, without a slash at the end."""
    return f"{outside(request, str(request.base_url)).rstrip('/')}{PREFIX}"


def self_of(request: Request) -> str:
    """The address that was asked for."""
    return outside(request, str(request.url))


def outside(request: Request, url: str) -> str:
    """Cookies for HTTPS alone mean that a proxy in front speaks it, whether or not it says so."""
    secure = parts_of(request).service.settings.secure_cookies
    return f"https:{url.partition(':')[2]}" if secure else url


def link(href: str, rel: str, type_: str, title: str) -> dict[str, str]:
    """A link; each says what it is to the document and of which type (/req/core/fc-rel-type)."""
    return {"href": href, "rel": rel, "type": type_, "title": title}


def landing(root: str, here: str, name_zh: str, name_en: str, made_up: bool) -> dict[str, Any]:
    """The landing page."""
    return {
        "title": f"{name_zh} 网格 {name_en} grids",
        "description": "网格和案卷 (按权限) · Grids in force, and incidents as far as you may see them."
        + (" 演示数据 · Made up." if made_up else ""),
        "links": [
            link(here, "self", JSON, "This document"),
            link(f"{root}/api", "service-desc", OPENAPI, "What may be asked: OpenAPI 3.0"),
            link(f"{root.removesuffix(PREFIX)}/docs", "service-doc", "text/html", "All of the API, to read"),
            link(f"{root}/conformance", "conformance", JSON, "What is conformed to"),
            link(f"{root}/collections", "data", JSON, "The collections"),
        ],
    }


def grids_id(level: Level) -> str:
    """The id of a level's collection: its key, unless that is the id of the incidents."""
    return level.key if level.key != KEY else f"{KEY}_level"


def grids_collection(root: str, level: Level, layer: Layer, edition: str) -> dict[str, Any]:
    """A level of the grids in force."""
    return _collection(
        root,
        grids_id(level),
        f"{level.name_zh} {level.name_en}",
        f"现行版次的网格：{level.name_zh} · All {level.name_en} grids of the edition in force ({edition}).",
    ) | {"extent": {"spatial": {"bbox": [list(layer.extent)], "crs": CRS84}}}


def incidents_collection(root: str) -> dict[str, Any]:
    """Incidents. They have no extent: the farthest is not known without looking at all."""
    return _collection(
        root,
        KEY,
        "案卷 incidents",
        "在您管辖范围内或由您上报、有坐标的案卷 · Incidents with a point that your assignments cover,"
        " or that you reported; newest first.",
    )


def _collection(root: str, id_: str, title: str, description: str) -> dict[str, Any]:
    here = collection_url(root, id_)
    return {
        "id": id_,
        "title": title,
        "description": description,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link(here, "self", JSON, "This collection"),
            link(f"{here}/items", "items", GEOJSON, title),
        ],
    }


def collection_url(root: str, id_: str) -> str:
    """Where a collection is."""
    return f"{root}/collections/{quote(id_, safe='')}"


def feature_links(root: str, collection: str, id_: str) -> list[dict[str, str]]:
    """The links of a single feature (/req/core/f-links)."""
    above = collection_url(root, collection)
    return [
        link(f"{above}/items/{quote(id_, safe='')}", "self", GEOJSON, "This feature"),
        link(above, "collection", JSON, "Its collection"),
    ]
