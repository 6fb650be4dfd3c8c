"""Times and ids as requests carry them."""

from __future__ import annotations

import uuid

import pytest
from pydantic import TypeAdapter, ValidationError

from gridgov.api.bodies import Id, Moment
from gridgov.commands import IMPORTED
from tests.gridgov.conftest import Site, report_body

MOMENT: TypeAdapter[Moment] = TypeAdapter(Moment)
ID: TypeAdapter[Id] = TypeAdapter(Id)


@pytest.mark.parametrize(
    "text",
    ["2026", "1764000000", "-1", "1764000000.5", "2026-11-23", "10:00:00", "20261123T100000Z", " 2026", ""],
)
def test_a_time_that_is_no_date_with_time_and_zone(text: str) -> None:
    with pytest.raises(ValidationError, match="date, time and zone"):
        MOMENT.validate_python(text)


@pytest.mark.parametrize("text", ["2026-11-23T10:00:00+08:00", "2026-11-23t02:00:00z", "2026-11-23 02:00Z"])
def test_a_time(text: str) -> None:
    assert MOMENT.validate_python(text).isoformat() in (
        "2026-11-23T10:00:00+08:00",
        "2026-11-23T02:00:00+00:00",
    )


def test_a_year_is_no_moment_of_1970(site: Site) -> None:
    answer = site.as_("leader").get("/api/incidents?reported_from=2026")
    assert answer.status_code == 422
    assert site.as_("leader").get("/api/incidents?reported_from=2026-01-01T00:00Z").status_code == 200


@pytest.mark.parametrize(
    "id_",
    [
        uuid.UUID(int=0),
        uuid.UUID(int=(1 << 128) - 1),
        uuid.uuid5(IMPORTED, "old\n7"),
        uuid.UUID("2c1d43b8-e6d7-11ee-9a6a-0242ac120002"),
    ],
)
def test_an_id_that_is_not_random(id_: uuid.UUID) -> None:
    with pytest.raises(ValidationError, match=r"a random UUID \(version 4 or 7\)"):
        ID.validate_python(str(id_))


def test_random_ids() -> None:
    for text in ("6f1c2f0e-55b4-4f4b-9c0e-1d2f3a4b5c6d", "019abcde-f012-7345-8678-9abcdef01234"):
        assert str(ID.validate_python(text)) == text


def test_nobody_takes_the_id_of_a_row_that_is_to_be_imported(site: Site) -> None:
    taken = report_body(id=str(uuid.uuid5(IMPORTED, "old\n7")))
    answer = site.as_("inspector").post("/api/incidents", taken)
    assert (answer.status_code, answer.json()["findings"][0]["at"]) == (422, "body.id")
