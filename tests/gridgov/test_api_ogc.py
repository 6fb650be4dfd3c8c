"""OGC API - Features: what leads to the features, and the grids as features.

The requirements are those of 17-069r4, named as it names them.
"""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely
from starlette.testclient import TestClient

from geodata.grids import Grid, Hierarchy, Level, area_m2
from gridgov import city
from gridgov.api.ogc import definition, documents, parameters
from gridgov.app import create_app
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, QUICK, Site

ROOT = "http://testserver/ogc"


def links(document: dict[str, Any]) -> dict[str, str]:
    """Links by their relation; each has all that a link must have (/req/core/fc-rel-type)."""
    assert all({"href", "rel", "type"} <= link.keys() for link in document["links"])
    return {link["rel"]: link["href"] for link in document["links"]}


def codes(page: dict[str, Any]) -> list[str]:
    return [feature["id"] for feature in page["features"]]


class TestDocuments:
    """Landing page, conformance, API definition, collections."""

    @pytest.mark.parametrize("path", ["/ogc", "/ogc/"])
    def test_the_landing_page_leads_everywhere(self, site: Site, path: str) -> None:
        answer = site.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        found = links(answer.json())
        assert found["self"] == f"http://testserver{path}"
        leader = site.as_("leader")
        for rel in ("service-desc", "service-doc", "conformance", "data"):
            (type_,) = (link["type"] for link in answer.json()["links"] if link["rel"] == rel)
            # /req/core/api-definition-success: asked for by the link's type, that is what comes
            told = leader.get(found[rel], headers={"Accept": type_})
            assert (told.status_code, told.headers["content-type"].split("; ")[0]) == (200, type_)

    def test_nothing_is_declared_but_what_was_read_and_is_met(self, site: Site) -> None:
        told = site.client.get("/ogc/conformance").json()["conformsTo"]
        assert [one.rpartition("/conf/")[2] for one in told] == ["core", "geojson"]
        assert all(one.startswith("http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/") for one in told)

    def test_a_collection_for_each_level_and_one_of_incidents(self, site: Site) -> None:
        told = site.as_("inspector").get("/ogc/collections")
        assert told.headers["content-type"] == "application/json"
        assert links(told.json())["self"] == f"{ROOT}/collections"
        found = {one["id"]: one for one in told.json()["collections"]}
        assert list(found) == ["district", "street", "grid", "incidents"]
        assert (found["street"]["title"], found["street"]["itemType"]) == ("街道 street", "feature")
        assert found["street"]["extent"]["spatial"] == {
            "bbox": [[114.0, 22.5, 114.02, 22.52]], "crs": documents.CRS84,
        }  # fmt: skip
        for id_, one in found.items():
            assert one["crs"][0] == documents.CRS84
            assert links(one)["items"] == f"{ROOT}/collections/{id_}/items"
            # /req/core/sfc-md-success
            assert site.as_("inspector").get(links(one)["self"]).json() == one

    def test_what_is_not_there(self, site: Site) -> None:
        for path in ("x", "x/items", "x/items/y", "grid/items/x", "incidents/items/x"):
            answer = site.as_("inspector").get(f"/ogc/collections/{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")

    def test_addresses_are_https_where_cookies_are_for_https_alone(
        self, service: Service, settings: Settings
    ) -> None:
        service.settings = settings.model_copy(update={"secure_cookies": True})
        with TestClient(create_app(service, passwords=QUICK)) as client:
            told = client.get("/ogc/", headers={"Host": "map.example"}).json()
            assert links(told)["data"] == "https://map.example/ogc/collections"
            page = client.get("/ogc/collections/grid/items?limit=1", auth=("leader", PASSWORD)).json()
            assert links(page)["next"].startswith(
                "https://testserver/ogc/collections/grid/items?limit=1&page="
            )

    def test_before_rules_and_grids_are_in_force(self, settings: Settings) -> None:
        init(settings.database_url, "e")
        with Service.open(settings) as service, TestClient(create_app(service, passwords=QUICK)) as client:
            assert client.get("/ogc/").status_code == 503

    @pytest.mark.parametrize("path", ["/ogc/", "/ogc/conformance", "/ogc/api", "/ogc/collections/grid/items"])
    def test_heads_are_those_of_the_bodies(self, site: Site, path: str) -> None:
        leader = site.as_("leader")
        got = leader.get(path)
        head = site.client.head(path, headers=leader.headers)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]

    def test_a_level_called_incidents_is_still_to_be_had(self) -> None:
        assert documents.grids_id(Level("incidents", "案", "x")) == "incidents_level"


class TestDefinition:
    """The description in OpenAPI 3.0, and that it tells the truth."""

    def test_every_reference_leads_somewhere(self, site: Site) -> None:
        answer = site.client.get("/ogc/api")
        assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
        told = answer.json()
        assert told["openapi"].startswith("3.0.")
        references = set(re.findall(r'"\$ref":"#/([^"]*)"', answer.text))
        assert len(references) > 10
        for reference in references:
            found = told
            for step in reference.split("/"):
                found = found[step]

    def test_its_paths_are_those_there_are(self, site: Site) -> None:
        told = site.client.get("/ogc/api").json()
        (server,) = told["servers"]
        assert server["url"] == ROOT
        leader = site.as_("leader")
        incident = leader.report()["incident"]
        ids = {"district": "D", "street": "N", "grid": "N1", "incidents": incident}
        assert len(told["paths"]) == 3 + 3 * len(ids)
        for path, operations in told["paths"].items():
            collection = path.split("/")[2] if path.count("/") > 1 else ""
            url = f"{ROOT}{path.replace('{featureId}', ids.get(collection, ''))}"
            answer = leader.get(url)
            assert answer.status_code == 200, path
            content = operations["get"]["responses"]["200"]["content"]
            assert list(content) == [answer.headers["content-type"]]
            assert site.client.get(url).status_code == (
                200 if operations["get"].get("security") == [] else 401
            )
            assert {"400", "500", "503"} <= operations["get"]["responses"].keys()

    def test_both_descriptions_have_the_parameters_that_are_taken(self, site: Site) -> None:
        told, ours = site.client.get("/ogc/api").json(), site.client.get("/openapi.json").json()["paths"]
        shared = told["components"]["parameters"]
        for collection, path, filters in (
            ("grid", "/ogc/collections/{collectionId}/items", parameters.GRIDS),
            ("incidents", "/ogc/collections/incidents/items", parameters.INCIDENTS),
        ):
            taken = [one.described() for one in (*parameters.COMMON, *filters)]
            given = told["paths"][f"/collections/{collection}/items"]["get"]["parameters"]
            assert [shared[one["$ref"].split("/")[-1]] if "$ref" in one else one for one in given] == taken
            assert [one for one in ours[path]["get"]["parameters"] if one["in"] == "query"] == taken

    def test_schemas_hold_what_answers_say(self, site: Site) -> None:
        """Answers have what their schemas require, and say nothing that those leave out."""
        leader = site.as_("leader")
        leader.report()
        for path, schema in (
            ("", "landingPage"),
            ("/conformance", "confClasses"),
            ("/collections", "collections"),
            ("/collections/grid", "collection"),
            ("/collections/incidents", "collection"),
            ("/collections/grid/items", "featureCollection"),
            ("/collections/incidents/items", "featureCollection"),
            ("/collections/grid/items/N1", "feature"),
        ):
            check(leader.get(f"/ogc{path}").json(), definition.SCHEMAS[schema])
        check(leader.get("/ogc/collections/x").json(), definition.SCHEMAS["problem"])

    def test_a_limit_is_described_where_gdal_and_qgis_look(self, site: Site) -> None:
        schema = site.client.get("/ogc/api").json()["components"]["parameters"]["limit"]["schema"]
        assert (schema["default"], schema["maximum"]) == (parameters.USUAL, parameters.MOST)


def check(value: Any, schema: dict[str, Any]) -> None:
    """As much of OpenAPI 3.0's schemas as ours use."""
    if "$ref" in schema:
        check(value, definition.SCHEMAS[schema["$ref"].split("/")[-1]])
    elif "oneOf" in schema:
        kinds = [definition.SCHEMAS[one["$ref"].split("/")[-1]] for one in schema["oneOf"]]
        (kind,) = (one for one in kinds if value["type"] in one["properties"]["type"]["enum"])
        check(value, kind)
    elif schema["type"] == "object":
        known = schema.get("properties", {})
        assert set(schema.get("required", ())) <= value.keys()
        if known and "detail" not in known:
            assert value.keys() <= known.keys()
        for name in known.keys() & value.keys():
            check(value[name], known[name])
    elif schema["type"] == "array":
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**6)
        for one in value:
            check(one, schema["items"])
    else:
        types = {"string": str, "integer": int, "number": int | float}
        assert isinstance(value, types[schema["type"]])
        assert value in schema.get("enum", [value])


#: What may be asked of the town's squares, and those found.
ASKED: tuple[tuple[str, list[str]], ...] = (
    ("bbox=114.001,22.501,114.002,22.502", ["S1"]),
    ("bbox=114.001,22.501,-5,114.002,22.502,800", ["S1"]),
    ("bbox=114.005,22.505,114.015,22.505", ["S1", "S2"]),  # a line
    ("bbox=114.01,22.51,114.01,22.51", ["N1", "N2", "S1", "S2"]),  # the corner of all four
    ("bbox=114.02,22.52,115,23", ["N2"]),  # a corner is met
    ("bbox=114.0200001,22.52,115,23", []),
    ("bbox=114.015,-90,-170,90", ["N2", "S2"]),  # over the antimeridian, the long way
    ("bbox=-180,-90,180,90", ["N1", "N2", "S1", "S2"]),
    ("bbox=1.14e2,2.2e1,114.005,%2B22.505", ["S1"]),
    ("datetime=1901-01-01T00:00:00Z", ["N1", "N2", "S1", "S2"]),  # a grid has no time of its own
    ("code=S2", ["S2"]),
    ("name=%E7%BD%91%E6%A0%BCS2", ["S2"]),
    ("parent=N", ["N1", "N2"]),
    ("parent=N&bbox=114.011,22.50,114.012,22.52", ["N2"]),
    ("under=D/S", ["S1", "S2"]),
    ("under=D/S/S1/", ["S1"]),
    ("under=D&code=N1&parent=S", []),
    ("responsible_unit=x", []),
)


class TestGrids:
    """The grids of a level, page by page, by box and by their properties."""

    def test_a_feature_is_a_grid(self, site: Site) -> None:
        answer = site.as_("inspector").get("/ogc/collections/grid/items")
        assert answer.headers["content-type"] == "application/geo+json"
        told = answer.json()
        assert (told["type"], told["numberMatched"], told["numberReturned"]) == ("FeatureCollection", 4, 4)
        now = datetime.fromisoformat(told["timeStamp"])
        assert 0 <= (site.clock.now - now).total_seconds() < 10
        first = told["features"][0]
        assert first["id"] == "N1"
        assert first["properties"] == {
            "code": "N1", "name": "网格N1", "level": "grid", "parent": "N", "path": "D/N/N1",
            "area_m2": round(area_m2(shapely.box(114.00, 22.51, 114.01, 22.52)), 3), "responsible_unit": None,
        }  # fmt: skip
        assert shapely.equals(
            shapely.geometry.shape(first["geometry"]), shapely.box(114.00, 22.51, 114.01, 22.52)
        )

    def test_one_feature_leads_to_its_collection(self, site: Site) -> None:
        told = site.as_("inspector").get("/ogc/collections/street/items/N").json()
        assert links(told) == {
            "self": f"{ROOT}/collections/street/items/N", "collection": f"{ROOT}/collections/street",
        }  # fmt: skip
        listed = site.as_("inspector").get("/ogc/collections/street/items").json()["features"][0]
        assert {name: told[name] for name in listed} == listed

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 99_999_999])
    def test_pages_follow_each_other_to_the_end(self, site: Site, limit: int) -> None:
        inspector, found = site.as_("inspector"), []
        url = f"/ogc/collections/grid/items?limit={limit}"
        while url:
            page = inspector.get(url).json()
            assert 0 < page["numberReturned"] == len(page["features"]) <= limit
            assert page["numberMatched"] == 4
            found += codes(page)
            url = links(page).get("next", "")
        assert found == ["N1", "N2", "S1", "S2"]

    def test_a_next_page_asks_for_the_same(self, site: Site) -> None:
        page = site.as_("inspector").get(
            "/ogc/collections/grid/items?limit=1&parent=S&bbox=113,22,115,23&datetime=2020-01-01T00:00:00Z/.."
        )
        following = site.as_("inspector").get(links(page.json())["next"]).json()
        assert (codes(page.json()), codes(following)) == (["S1"], ["S2"])
        assert "next" not in links(following)

    def test_what_is_asked_for(self, site: Site) -> None:
        for query, found in ASKED:
            told = site.as_("inspector").get(f"/ogc/collections/grid/items?{query}").json()
            assert (codes(told), told["numberMatched"]) == (found, len(found)), query

    def test_wider_grids_by_a_narrower_ones_path_are_none(self, site: Site) -> None:
        assert codes(site.as_("inspector").get("/ogc/collections/district/items?under=D/N").json()) == []
        wrong = site.as_("inspector").get("/ogc/collections/district/items?under=D/X")
        assert (wrong.status_code, "'X'" in wrong.json()["detail"]) == (400, True)

    def test_what_is_known_is_not_sent_again(self, site: Site) -> None:
        inspector = site.as_("inspector")
        for path in ("/ogc/collections/grid/items?limit=2", "/ogc/collections/grid/items/N1"):
            tag = inspector.get(path).headers["etag"]
            assert tag.startswith('W/"')
            for sent in (tag, f'"x", {tag}', tag.removeprefix("W/")):
                again = inspector.get(path, headers={"If-None-Match": sent})
                assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            other = inspector.get("/ogc/collections/grid/items?limit=3", headers={"If-None-Match": tag})
            assert other.status_code == 200

    def test_packed_or_not_it_is_the_same(self, site: Site) -> None:
        inspector = site.as_("inspector")
        with site.client.stream("GET", "/ogc/api", headers=inspector.headers) as packed:
            assert packed.headers["content-encoding"] == "gzip"
            raw = b"".join(packed.iter_raw())
        plain = inspector.get("/ogc/api", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert gzip.decompress(raw) == plain.content


def test_a_new_edition_is_served_at_once(site: Site) -> None:
    """The live hierarchy: what is in force, and not what was when the server started."""
    inspector = site.as_("inspector")
    before = inspector.get("/ogc/collections/grid/items?limit=1").headers["etag"]
    drawn = scene.hierarchy()
    grids = [
        Grid(g.code, f"新{g.name}", g.level, g.parent, g.geometry, g.area_m2, g.responsible_unit)
        for g in drawn.grids
    ]
    renamed = Hierarchy.build(drawn.levels, grids)
    site.service.writer.run(city.import_edition(renamed, "second", made_up=True, findings=[], by="test"))
    after = inspector.get("/ogc/collections/grid/items?limit=1", headers={"If-None-Match": before})
    assert after.json()["features"][0]["properties"]["name"] == "新网格N1"
    assert datetime.fromisoformat(after.json()["timeStamp"]).tzinfo == UTC
