"""Which specialised grids matter for an incident, by its category and its place."""

from __future__ import annotations

import pytest

from dispatch.categories import Categories, Category, Kind
from dispatch.entries import Place
from gridgov.fields import Field, Fields, matters
from tests.gridgov import scene
from tests.gridgov.precincts import precincts, stations

KNOWN = Categories(
    [
        Category("x", Kind.EVENT, "8001", "纵火", "arson", class_code="80", aliases=("old:fire",)),
        Category("x", Kind.EVENT, "9001", "噪声", "noise", class_code="90"),
    ]
)


@pytest.mark.parametrize(
    ("category", "classes", "categories", "expected"),
    [
        ("x:event:8001", (), (), True),
        ("x:event:8001", ("x:event:80",), (), True),
        ("x:event:9001", ("x:event:80",), (), False),
        ("x:event:9001", ("x:event:80",), ("x:event:9001",), True),
        ("old:fire", ("x:event:80",), (), True),
        ("x:event:8001", (), ("old:fire",), True),
        ("old:fire", (), ("x:event:8001",), True),
        ("odd", (), (), True),
        ("odd", ("x:event:80",), (), False),
        ("odd", (), ("odd",), True),
    ],
)
def test_what_a_field_matters_for(
    category: str, classes: tuple[str, ...], categories: tuple[str, ...], expected: bool
) -> None:
    assert matters(category, classes, categories, KNOWN) is expected


ATLAS = scene.in_force().atlas
RULES = scene.rules().categories
FIELDS = Fields.over(
    ATLAS.locator,
    1,
    [Field(2, precincts()), Field(1, stations(), categories=frozenset({scene.RUBBISH}), edition=1)],
)
MIDDLE_OF_N2 = {"lon": 114.015, "lat": 22.515}


@pytest.mark.parametrize(
    ("place", "category", "expected"),
    [
        (Place(path=("D", "N", "N2"), edition=1, **MIDDLE_OF_N2), scene.RUBBISH, ("fire/F1", "police/2")),
        (Place(path=("D", "N", "N2"), edition=1, **MIDDLE_OF_N2), scene.COVER, ("police/2",)),
        # The precinct's border runs through the square: the point decides.
        (Place(path=("D", "N", "N2"), edition=1, lon=114.011, lat=22.515), scene.COVER, ("police/1",)),
        # Located in another edition, whose codes mean nothing here: by the point.
        (Place(path=("X", "Y"), edition=7, **MIDDLE_OF_N2), scene.RUBBISH, ("fire/F1", "police/2")),
        (Place(path=("X", "Y"), edition=7, lon=115.0, lat=22.5), scene.RUBBISH, ()),
        # Without a point there is no precinct, in no square no fire station.
        (Place(path=("D", "N", "N2"), edition=1), scene.RUBBISH, ("fire/F1",)),
        (Place(), scene.RUBBISH, ()),
        (Place(edition=1, lon=115.0, lat=22.5), scene.RUBBISH, ()),
    ],
)
def test_what_matters_for_an_incident(place: Place, category: str, expected: tuple[str, ...]) -> None:
    assert FIELDS.of(place, category, RULES) == expected


def test_fields_are_found_by_key_in_the_order_of_their_keys() -> None:
    assert [field.layer.key for field in FIELDS.fields] == ["fire", "police"]
    found = FIELDS.field("police")
    assert found is not None
    assert found.version == 2
    assert FIELDS.field("water") is None
