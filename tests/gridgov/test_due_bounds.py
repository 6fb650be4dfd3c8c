"""A question when something is due costs no more than a day of answers: nobody can keep a server busy with it."""

from __future__ import annotations

import pytest

from tests.gridgov.conftest import Site


@pytest.mark.parametrize("limit", ["9999ed", "2197ed"])
def test_a_limit_of_many_years_is_not_told_day_by_day(site: Site, limit: str) -> None:
    answer = site.as_("inspector").get("/api/due", params={"limit": limit})
    assert answer.status_code == 422
    assert "days that are told one by one" in answer.text


def test_the_longest_that_is_told(site: Site) -> None:
    answer = site.as_("inspector").get("/api/due", params={"limit": "2190ed"})
    assert answer.status_code == 200
    assert len(answer.json()["days"]) == 2191
