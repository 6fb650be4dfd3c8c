"""Layers of specialised grids in the store: in force, of several versions, carried over to another edition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import shapely
from sqlalchemy import select

from geodata.grids import Hierarchy, measured
from gridgov import city, specialised
from gridgov.errors import BadInput, LayerOfAnotherEdition, UnknownField, UnknownLayerVersion
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.errors import NoRulesYet
from gridgov.storage.setup import init
from gridgov.storage.tables import IncidentRow
from tests.gridgov import scene
from tests.gridgov.conftest import TOWN, N, Site, position, report_body
from tests.gridgov.precincts import BETWEEN, FIRE, POLICE, precincts, sent, stations

_incident = IncidentRow.__table__  # type: ignore[attr-defined]


def put(service: Service, *layers: specialised.Sent) -> list[specialised.Put]:
    return [service.writer.run(specialised.put(one, "test")) for one in layers]


def in_force(service: Service) -> list[tuple[str, int]]:
    fields = service.in_force.fields
    return [(field.layer.key, field.version) for field in (fields.fields if fields else ())]


def versions(service: Service) -> list[dict[str, Any]]:
    with service.reader.connect() as connection:
        return specialised.versions(connection)


def redrawn(service: Service) -> None:
    """Another edition: N1 and N2 become one square, which keeps the code N1; S1 and S2 stay."""
    old = scene.hierarchy()
    north = shapely.box(114.00, 22.51, 114.02, 22.52)
    grids = [grid for grid in old.grids if grid.code not in ("N1", "N2")]
    hierarchy = Hierarchy.build(old.levels, [*grids, measured("N9", "北", 2, "N", north)])
    service.writer.run(city.import_edition(hierarchy, "second", made_up=True, findings=[], by="test"))


class TestPuttingInForce:
    """A layer takes the place of the one its field had, from the next decision on."""

    def test_each_field_has_one_and_the_same_again_changes_nothing(self, service: Service) -> None:
        assert service.in_force.fields is None
        assert put(service, FIRE, POLICE, FIRE) == [
            specialised.Put(1, new=True),
            specialised.Put(2, new=True),
            specialised.Put(1, new=False),
        ]
        assert in_force(service) == [("fire", 1), ("police", 2)]
        assert service.in_force.fields is not None
        kept = service.in_force.fields.field("police")
        assert kept is not None
        assert (kept.layer, kept.edition) == (precincts(), None)

    @pytest.mark.parametrize(
        "other",
        [
            sent(stations({"F1": "N1 N2 S1", "F2": "S2"}), scene.RUBBISH),
            sent(stations(), scene.NOISE),
            sent(stations()),
        ],
    )
    def test_what_differs_is_a_new_version_and_the_old_one_stays_on_record(
        self, service: Service, other: specialised.Sent
    ) -> None:
        assert put(service, FIRE, other)[1] == specialised.Put(2, new=True)
        assert in_force(service) == [("fire", 2)]
        assert [(row["version"], row["state"]) for row in versions(service)] == [(2, "in_force"), (1, "past")]

    def test_a_layer_taken_off_leaves_its_field_without_one(self, service: Service) -> None:
        put(service, FIRE, POLICE)
        service.writer.run(specialised.remove("fire", "test"))
        assert in_force(service) == [("police", 2)]
        assert versions(service)[0]["state"] == "removed"
        with pytest.raises(UnknownField, match="'fire'"):
            service.writer.run(specialised.remove("fire", "test"))
        put(service, FIRE)
        assert in_force(service) == [("fire", 4), ("police", 2)]

    def test_another_edition_has_come_meanwhile(self, service: Service) -> None:
        with pytest.raises(LayerOfAnotherEdition, match="checked with edition 2, 1 is in force"):
            put(service, sent(stations(), edition=2))

    def test_categories_that_the_rules_do_not_have_are_all_named(self, service: Service) -> None:
        wrong = specialised.Sent(stations(), 1, ("t:event:80",), (scene.RUBBISH, "t:event:rubish"))
        with pytest.raises(BadInput) as refused:
            put(service, wrong)
        assert "class 't:event:80'" in refused.value.message
        assert "category 't:event:rubish' (did you mean 't:event:rubbish'?)" in refused.value.message
        assert in_force(service) == []

    def test_rules_that_lose_what_a_field_matters_for_say_so(self, service: Service) -> None:
        put(service, sent(stations(), scene.NOISE), POLICE)
        start = TOWN.index('[[categories.own]]\nkind = "event"\ncode = "noise"')
        applied = service.writer.run(city.apply(TOWN[:start] + TOWN[TOWN.index("[[routing]]") :], "test"))
        (note,) = (note for note in applied.notes if "field" in note)
        assert "field fire matters for what these rules do not have: category 't:event:noise'" in note

    def test_before_the_first_edition_there_is_nothing_to_make_sets_of(self, settings: Settings) -> None:
        init(settings.database_url, "e")
        with Service.open(settings, scene.Clock()) as empty, pytest.raises(NoRulesYet):
            put(empty, FIRE)

    def test_a_restarted_service_has_the_same_in_force(self, service: Service) -> None:
        put(service, FIRE, POLICE)
        settings = service.settings
        service.close()
        with Service.open(settings, scene.Clock()) as again:
            assert in_force(again) == [("fire", 1), ("police", 2)]

    def test_findings_of_a_version(self, service: Service) -> None:
        told = {"code": "AREA_LOST", "message": "as sets 3.00% ..."}
        put(service, sent(stations(), findings=(told,)))
        with service.reader.connect() as connection:
            assert specialised.findings_of(connection, 1) == {"findings": [told], "moved": []}
            with pytest.raises(UnknownLayerVersion):
                specialised.findings_of(connection, 2)
        assert versions(service)[0]["lost"] == [told["message"]]


class TestIncidents:
    """What matters for an incident's category is recorded with every fact that decides on place or category."""

    def recorded(self, site: Site, id_: str) -> Sequence[str]:
        rows = site.as_("leader").get("/api/incidents", params={"limit": 500}).json()["rows"]
        return next(list(row["specialised"]) for row in rows if row["id"] == id_)

    def test_a_report(self, site: Site) -> None:
        put(site.service, FIRE, POLICE)
        inspector = site.as_("inspector")
        rubbish = inspector.report(scene.RUBBISH, "N2")["incident"]
        cover = inspector.report(scene.COVER, position=BETWEEN)["incident"]
        assert self.recorded(site, rubbish) == ["fire/F1", "police/2"]
        assert self.recorded(site, cover) == ["police/1"]

    def test_without_layers_there_is_nothing_to_record(self, site: Site) -> None:
        id_ = site.as_("inspector").report(scene.RUBBISH)["incident"]
        assert self.recorded(site, id_) == []

    def test_a_new_layer_counts_from_the_next_report_on(self, site: Site) -> None:
        inspector = site.as_("inspector")
        before = inspector.report(scene.RUBBISH)["incident"]
        put(site.service, POLICE)
        after = inspector.report(scene.RUBBISH)["incident"]
        assert (self.recorded(site, before), self.recorded(site, after)) == ([], ["police/1"])

    def test_filed_in_another_category(self, site: Site) -> None:
        """Filed as it was reported it keeps what was recorded, filed as something else it is looked up again."""
        put(site.service, FIRE)
        inspector, clerk = site.as_("inspector"), site.as_("clerk")
        same, other = (inspector.report(scene.RUBBISH)["incident"] for _ in range(2))
        to_rubbish = inspector.report(scene.NOISE)["incident"]
        put(site.service, sent(stations({"F7": "N1 N2 S1 S2"}), scene.RUBBISH))
        for id_, more in (
            (same, {}),
            (other, {"category": scene.NOISE}),
            (to_rubbish, {"category": scene.RUBBISH}),
        ):
            assert clerk.act("file", id_, 1, **more).status_code == 200
        assert [self.recorded(site, id_) for id_ in (same, other, to_rubbish)] == [
            ["fire/F1"],
            [],
            ["fire/F7"],
        ]

    def test_placed_by_intake(self, site: Site) -> None:
        put(site.service, FIRE, POLICE)
        id_ = site.as_("clerk").post("/api/incidents", report_body(scene.RUBBISH, None)).json()["incident"]
        assert self.recorded(site, id_) == []
        answer = site.as_("clerk").act("place", id_, 1, position=position("S2"))
        assert answer.status_code == 200, answer.text
        assert self.recorded(site, id_) == ["fire/F2", "police/2"]

    def test_imported_history(self, site: Site) -> None:
        put(site.service, FIRE, POLICE)
        row = {
            "source": "old",
            "number": "7",
            "channel": "phone",
            "category": "odd",
            "department": "police",
            "status": "Closed",
            "closed": True,
            "reported_at": "2020-01-01T00:00:00Z",
            "closed_at": "2020-01-03T00:00:00Z",
            "lon": 114.005,
            "lat": 22.515,
            "datum": "wgs84",
        }
        rows = [row, row | {"number": "8", "category": scene.RUBBISH}]
        assert site.as_("administrator").post("/api/imports", {"rows": rows}).status_code == 200
        with site.service.reader.connect() as connection:
            query = select(_incident.c.source_number, _incident.c.specialised)
            kept = {row.source_number: row.specialised for row in connection.execute(query)}
        assert kept == {"7": '["police/1"]', "8": '["fire/F1","police/1"]'}


class TestAnotherEdition:
    """Sets are carried over to the micro-grids of an edition as it comes into force."""

    def test_sets_go_with_their_ground_and_say_what_is_lost(self, service: Service, site: Site) -> None:
        inspector = site.as_("inspector")
        for grid in ("N1", "N2", "N2", "S1"):
            inspector.report(scene.RUBBISH, grid)
        inspector.report(scene.NOISE, "N2")
        put(service, sent(stations({"F1": "N1 S1", "F2": "N2 S2"}), scene.RUBBISH), POLICE)
        redrawn(service)
        assert in_force(service) == [("fire", 3), ("police", 2)]
        assert service.in_force.fields is not None
        field = service.in_force.fields.field("fire")
        assert field is not None
        assert [one.micro_grids for one in field.layer.grids] == [("N9", "S1"), ("S2",)]
        row = versions(service)[0]
        assert (row["edition"], row["carried_from"], row["by"], row["categories"]) == (
            2,
            1,
            "system",
            [scene.RUBBISH],
        )
        with service.reader.connect() as connection:
            told = specialised.findings_of(connection, 3)
        assert told["moved"] == [
            {"micro_grid": "N1", "before": "F1", "after": None},
            {"micro_grid": "N2", "before": "F2", "after": None},
            {"micro_grid": "N9", "before": None, "after": "F1"},
        ]
        lost = {one["code"]: (round(one["measure"]), one["message"]) for one in told["findings"]}
        # Two reports of rubbish of four lay in N2; the noise there is nothing to the fire stations.
        assert lost["INCIDENTS_LOST"][0] == 2
        assert "50.00% of past incidents (2 of 4) would fall to another team" in lost["INCIDENTS_LOST"][1]
        assert "25.0" in lost["AREA_LOST"][1]

    def test_open_incidents_are_located_again_in_the_layers_too(self, service: Service, site: Site) -> None:
        put(service, sent(stations({"F1": "N1 S1", "F2": "N2 S2"})))
        id_ = site.as_("inspector").report(scene.RUBBISH, "N2")["incident"]
        redrawn(service)
        service.relocator.sweep()
        with service.reader.connect() as connection:
            row = connection.execute(select(_incident).where(_incident.c.id == id_)).mappings().one()
        assert (row["path"], row["specialised"]) == ("D/N/N9/", '["fire/F1"]')

    def test_polygons_stay_as_they_are(self, service: Service) -> None:
        put(service, POLICE)
        redrawn(service)
        assert in_force(service) == [("police", 1)]

    def test_a_layer_taken_off_is_not_carried_over(self, service: Service) -> None:
        put(service, FIRE)
        service.writer.run(specialised.remove("fire", "test"))
        redrawn(service)
        assert in_force(service) == []


def test_past_points_are_those_of_the_categories_that_matter(site: Site) -> None:
    inspector = site.as_("inspector")
    for category in (scene.RUBBISH, scene.RUBBISH, scene.NOISE):
        inspector.report(category, "N1")
    site.as_("clerk").post("/api/incidents", report_body(scene.NOISE, None))
    known = site.service.in_force.rules.categories
    with site.service.reader.connect() as connection:
        found = [
            specialised.past_points(connection, (), categories, known)
            for categories in ((), (scene.RUBBISH,), (scene.COVER,))
        ]
    assert [None if one is None else len(one.lons) for one in found] == [3, 2, None]  # type: ignore[arg-type]


def test_who_sees_a_grid_sees_its_specialised_grids(site: Site) -> None:
    put(site.service, FIRE)
    site.as_("inspector").report(scene.RUBBISH, "N1")
    rows = site.as_("manager_n").get("/api/incidents").json()["rows"]
    assert [(tuple(row["path"][:2]), row["specialised"]) for row in rows] == [(N, ["fire/F1"])]
