"""What a city accepts has to be there: a level that is none is refused, an acceptance of nothing is told."""

from __future__ import annotations

import pytest

from geodata.check import Acceptance, Severity, acceptances, judge
from geodata.errors import BadGridsTable
from tests.geodata.drawings import a_city, tile

OVERLAPPING = a_city(("1", tile(0, 0, 2)), ("2", tile(1, 0, 2)), ("3", tile(2, 0, 2)))
SECTION = {"file": "x", "levels": [{"key": "city", "code": "c"}, {"key": "ward", "code": "w"}]}


def test_a_level_that_is_none_is_refused_by_name() -> None:
    section = SECTION | {"accept": [{"finding": "OVERLAP", "level": "wards", "reason": "x"}]}
    with pytest.raises(BadGridsTable) as caught:
        acceptances(section)
    assert "number 1 names the level 'wards'; the levels are city, ward. Did you mean 'ward'?" in str(
        caught.value
    )


def test_a_finding_nearly_so_called_is_asked_for() -> None:
    with pytest.raises(BadGridsTable, match=r"'OVERLAPS' is no finding; .* Did you mean 'OVERLAP'\?"):
        acceptances(SECTION | {"accept": [{"finding": "OVERLAPS", "reason": "x"}]})


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Acceptance("SLIVER", "x"), "(SLIVER) accepts nothing: nothing of the kind was found"),
        (Acceptance("OVERLAP", "x", level="city"), "none of the 2 found is at level city"),
        (Acceptance("OVERLAP", "x", up_to_m2=5), "each of the 2 found is larger than 5 m²"),
        (Acceptance("OVERLAP", "x", grids=frozenset({"1", "9"})), "no level has a grid 9"),
        (
            Acceptance("OVERLAP", "x", grids=frozenset({"1", "3"})),
            "none of the 2 found is between those grids",
        ),
    ],
)
def test_an_acceptance_of_nothing_is_a_warning_that_says_why(rule: Acceptance, why: str) -> None:
    findings = judge(OVERLAPPING, [Acceptance("LEVEL_AREA", "known"), rule])
    (idle,) = [one for one in findings if one.code == "UNUSED_ACCEPTANCE"]
    assert idle.severity is Severity.warning
    assert "[[grids.accept]] number 2" in idle.message
    assert why in idle.message
    assert idle.message.endswith("mend it, or take it out")


def test_acceptances_that_are_used_are_not_spoken_of() -> None:
    findings = judge(
        OVERLAPPING, [Acceptance("OVERLAP", "known"), Acceptance("LEVEL_AREA", "follows from it")]
    )
    assert [(one.code, one.accepted) for one in findings] == [
        ("LEVEL_AREA", "follows from it"),
        ("OVERLAP", "known"),
        ("OVERLAP", "known"),
    ]


def test_what_is_found_between_editions_alone_is_not_missed_in_a_drawing() -> None:
    clean = a_city(("1", tile(0, 0)), ("2", tile(1, 0)))
    assert judge(clean, [Acceptance("CODE_REUSED", "the old quarter 7 was pulled down")]) == ()
