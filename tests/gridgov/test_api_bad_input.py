"""Bad input at the door: an error that names the thing, and nothing changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gridgov import scene
from tests.gridgov.conftest import Site, report_body

ID = "6f1c2f0e-55b4-4f4b-9c0e-1d2f3a4b5c6d"


@pytest.fixture(autouse=True)
def _nothing_is_kept(site: Site) -> Iterator[None]:
    yield
    with site.service.reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM entry").scalar_one() == 0


def at(**changes: Any) -> dict[str, Any]:
    where = {"lon": 114.005, "lat": 22.515, "datum": "wgs84"} | changes
    return {"position": {key: value for key, value in where.items() if value != "missing"}}


@pytest.mark.parametrize(
    ("changes", "at_field", "says"),
    [
        ({"id": "seven"}, "id", "UUID"),
        ({"id": 7}, "id", "UUID"),
        ({"id": None}, "id", "UUID"),
        ({"category": ""}, "category", "at least 1 character"),
        ({"category": "x" * 201}, "category", "at most 200"),
        ({"category": 7}, "category", "string"),
        (at(lon=None), "lon", "number"),
        (at(lon="114"), "lon", "number"),
        (at(lon=True), "lon", "number"),
        (at(lon=10**400), "lon", "number of everyday size"),
        (at(lon=200), "position", "no point on earth"),
        (at(lon=22.515, lat=114.005), "position", "swapped"),
        (at(lat=91), "position", "no point on earth"),
        (at(datum="wgs85"), "datum", "'wgs84', 'gcj02', 'bd09' or 'cgcs2000'"),
        (at(accuracy_m=-1), "accuracy_m", "greater than or equal to 0"),
        (at(height=3), "height", "not permitted"),
        ({"position": [114, 22]}, "position", "object"),
        ({"address": "北街\n12"}, "address", "U+000A"),
        ({"address": "x" * 301}, "address", "at most 300"),
        ({"words": "井\x07盖"}, "words", "character 2 is U+0007"),
        ({"words": "a\x85b"}, "words", "U+0085"),
        ({"words": "长" * 2001}, "words", "at most 2000"),
        ({"reporter": {"name": "\x00"}}, "name", "U+0000"),
        ({"reporter": {"age": 7}}, "age", "not permitted"),
        ({"urgency": "very"}, "urgency", "ordinary"),
        ({"channel": "Pigeon Post"}, "channel", "pattern"),
        ({"photos": ["../../etc/passwd"]}, "photos.0", "pattern"),
        ({"photos": ["a" * 64] * 21}, "photos", "at most 20"),
        ({"happened_at": "2026-11-23T10:00:00"}, "happened_at", "timezone"),
        ({"happened_at": 1764000000}, "happened_at", "time as text"),
        ({"happened_at": "yesterday"}, "happened_at", "datetime"),
        ({"happened_at": "0001-01-01T00:00:00Z"}, "happened_at", "between the years"),
        ({"department": "water"}, "department", "not permitted"),
    ],
)
def test_a_report_with_one_thing_wrong(site: Site, changes: dict[str, Any], at_field: str, says: str) -> None:
    body = {"id": ID, "category": scene.COVER} | changes
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    answer = site.as_("inspector").post("/api/incidents", content=content, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "urn:gridgov:problem:bad-request")
    assert problem["findings"][0]["at"].endswith(at_field)
    assert says in problem["findings"][0]["expected"]


def test_everything_wrong_is_told_at_once(site: Site) -> None:
    answer = site.as_("inspector").post("/api/incidents", {"id": "x", "category": "", "words": "\x01"})
    assert [finding["at"] for finding in answer.json()["findings"]] == [
        "body.id",
        "body.category",
        "body.words",
    ]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(site: Site, number: str) -> None:
    content = f'{{"id":"{ID}","category":"x","position":{{"lon":{number},"lat":1,"datum":"wgs84"}}}}'
    answer = site.as_("inspector").post(
        "/api/incidents", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert "finite" in answer.json()["detail"]


def test_swapped_coordinates_are_named_where_one_is_located_too(site: Site) -> None:
    answer = site.as_("inspector").get("/api/locate?lon=22.515&lat=114.005&datum=wgs84")
    assert answer.status_code == 422
    assert "swapped" in answer.json()["detail"]


@pytest.mark.parametrize("text", [r"\ud800", r"a\udc00b"])
def test_halves_of_characters(site: Site, text: str) -> None:
    content = f'{{"id":"{ID}","category":"{scene.COVER}","words":"{text}"}}'
    answer = site.as_("inspector").post(
        "/api/incidents", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["findings"][0]["at"] == "body.words"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"id":"x"}', "text/plain", 422),
        (b"id=x", "application/x-www-form-urlencoded", 422),
    ],
)
def test_bodies_that_are_no_report(site: Site, content: bytes, kind: str, status: int) -> None:
    answer = site.as_("inspector").post("/api/incidents", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_long_name_of_a_field_is_shown_cut(site: Site) -> None:
    answer = site.as_("inspector").post("/api/incidents", report_body() | {"x" * 500_000: 1})
    assert (answer.status_code, len(answer.json()["findings"][0]["at"])) == (422, 200)
    assert len(answer.content) < 2_000


class TestLargeBodies:
    """What is too large is refused while it is read, not after."""

    def test_said_beforehand(self, site: Site) -> None:
        body = report_body(words="长" * 10_000_000)
        answer = site.as_("inspector").post("/api/incidents", body)
        assert (answer.status_code, answer.json()["title"]) == (413, "Content Too Large")
        assert "1,000,000" in answer.json()["detail"]

    def test_not_said_beforehand(self, site: Site) -> None:
        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            for _ in range(10_000):
                taken += 10_000
                yield b" " * 10_000

        headers = {"Content-Type": "application/json"}
        answer = site.as_("inspector").post("/api/incidents", content=endless(), headers=headers)
        assert answer.status_code == 413

    def test_photos_may_be_larger(self, site: Site) -> None:
        inspector = site.as_("inspector")
        assert inspector.post("/api/photos", content=b"x" * 2_000_000).status_code == 415
        assert inspector.post("/api/photos", content=b"x" * 15_000_001).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/incidents/../../etc/passwd", 404),
        ("DELETE", "/api/incidents", 405),
        ("POST", f"/api/incidents/{ID}/explode", 404),
        ("GET", f"/api/incidents/{uuid.UUID(int=0)}", 404),
        ("GET", "/api/incidents/%00", 404),
        ("GET", "/api/incidents/%ED%A0%80", 404),
        ("GET", "/api/grids/nowhere.geojson", 404),
    ],
)
def test_paths_that_lead_nowhere(site: Site, method: str, path: str, status: int) -> None:
    answer = site.as_("leader").client.request(method, path, headers=site.as_("leader").headers)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= problem.keys()
