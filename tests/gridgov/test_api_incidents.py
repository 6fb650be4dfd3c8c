"""Reporting, listing, reading and acting over HTTP."""

from __future__ import annotations

from tests.gridgov import scene
from tests.gridgov.conftest import Site


def test_a_report_is_answered_with_where_it_went(site: Site) -> None:
    receipt = site.as_("inspector").report(scene.COVER, "N2", words="井盖破损", address="北街 12 号")
    assert receipt["path"] == ["D", "N", "N2"]
    assert (receipt["department"], receipt["stage"], receipt["number"]) == ("water", "intake", 1)
    assert receipt["case_number"] == "D-20261123-00001"
    assert receipt["repeated"] is False
    assert "水务局" in receipt["reason"]


def test_the_main_line_over_http(site: Site) -> None:
    id_ = site.closed()
    told = site.as_("leader").get(f"/api/incidents/{id_}").json()
    assert told["row"]["stage"] == "closed"
    assert [entry["kind"] for entry in told["history"]] == [
        "reported", "filed", "dispatched", "handled", "checked", "closed",
    ]  # fmt: skip
    assert "reopen" in told["acts"]
