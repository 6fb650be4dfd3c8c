"""Bad input against a running server: an answer that names the thing, and nothing changed. One test for each way."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import shapely

from geodata.grids import Grid, Hierarchy, area_m2
from gridgov.api.editions import as_body
from tests.gridgov import scene
from tests.gridgov.conftest import position, report_body
from tests.live.server import RunningServer, gridgov
from tests.live.town import JSON, As

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def filed(as_: As) -> str:
    """An incident that is filed and waits for its dispatcher; its number is 2."""
    incident = as_("inspector").report().json()["incident"]
    assert as_("clerk").act("file", incident, 1).status_code == 200
    return str(incident)


def stored(data: Path) -> dict[str, list[Any]]:
    """All that is kept in the store, sign-ins aside; positions, counts and everything else."""
    with sqlite3.connect(f"file:{data / 'gridgov.db'}?mode=ro", uri=True) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
            for (name,) in tables
            if name != "session"
        }


@pytest.fixture
def nothing_changes(town: RunningServer, filed: str, as_: As) -> Iterator[None]:
    """The store is the same before and after."""
    before = stored(town.data)
    yield
    assert stored(town.data) == before
    assert town.log.exists()


def refused(answer: httpx2.Response, status: int, kind: str, *names: str) -> dict[str, Any]:
    """The problem document, which has to be of this kind and to say all of these."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["type"], problem["status"]) == (f"urn:gridgov:problem:{kind}", status)
    for name in names:
        assert name in json.dumps(problem, ensure_ascii=False), problem
    return problem


def at(lon: Any, lat: Any) -> dict[str, Any]:
    return {"lon": lon, "lat": lat, "datum": "wgs84"}


@pytest.mark.usefixtures("nothing_changes")
class TestRefused:
    """Each leaves the store as it was, byte for byte."""

    @pytest.mark.parametrize(
        "number", ["NaN", "Infinity", "-Infinity", "1e400", '"NaN"', "null", "true", "[1]"]
    )
    def test_a_coordinate_that_is_no_number(self, as_: As, number: str) -> None:
        body = json.dumps(report_body(position=at(114.005, "THIS"))).replace('"THIS"', number).encode()
        refused(as_("inspector").post("/api/incidents", body), 422, "bad-request", "position.lat", "number")

    def test_swapped_coordinates(self, as_: As) -> None:
        answer = as_("inspector").report(position=at(22.515, 114.005))
        refused(answer, 422, "bad-request", "position", "swapped", "114.005")

    @pytest.mark.parametrize(
        ("lon", "lat"), [(181, 22.5), (-180.001, 22.5), (114, 90.5), (114, -91), (1e9, 1e9)]
    )
    def test_impossible_coordinates(self, as_: As, lon: float, lat: float) -> None:
        refused(
            as_("inspector").report(position=at(lon, lat)),
            422,
            "bad-request",
            "position",
            "no point on earth",
        )

    def test_an_unknown_category(self, as_: As) -> None:
        answer = as_("inspector").report(category="t:component:manhloe")
        problem = refused(answer, 422, "unknown-category", "t:component:manhloe")
        assert problem["near"] == [scene.COVER]

    def test_an_act_not_open_in_this_stage(self, as_: As, filed: str) -> None:
        answer = as_("leader").act("close", filed, 2)
        problem = refused(answer, 409, "not-in-this-stage", "close", "dispatch")
        assert (problem["act"], problem["stage"]) == ("close", "dispatch")
        assert "dispatch" in problem["open"]

    def test_an_act_of_another_role(self, as_: As, filed: str) -> None:
        problem = refused(as_("inspector").act("dispatch", filed, 2), 403, "not-for-this-role", "dispatcher")
        assert (problem["act"], problem["held"]) == ("dispatch", ["inspector"])

    def test_an_act_outside_ones_scope_is_told_nothing(self, as_: As, filed: str) -> None:
        for seen in (1, 2, 7):
            answer = as_("inspector_s").act("note", filed, seen, words="?")
            refused(answer, 404, "unknown-incident")
            assert "meanwhile" not in answer.text

    def test_an_act_without_the_number_seen(self, as_: As, filed: str) -> None:
        body = {"id": str(uuid.uuid4())}
        refused(
            as_("dispatcher").post(f"/api/incidents/{filed}/dispatch", body), 428, "missing-number", "seen"
        )

    @pytest.mark.parametrize("code", [0x00, 0x07, 0x1B, 0x7F, 0x9D])
    def test_control_characters(self, as_: As, code: int) -> None:
        answer = as_("inspector").report(words=f"井{chr(code)}盖")
        refused(answer, 422, "bad-request", "words", f"U+{code:04X}", "character 2")

    def test_half_a_character(self, as_: As) -> None:
        body = json.dumps(report_body(words="THIS")).replace("THIS", r"\ud83d").encode()
        refused(as_("inspector").post("/api/incidents", body), 422, "bad-request", "words")

    def test_ten_megabytes_of_text(self, as_: As) -> None:
        refused(
            as_("inspector").report(words="长" * 3_400_000),
            413,
            "content-too-large",
            "1,000,000 bytes",
        )

    def test_ten_megabytes_that_never_say_how_long_they_are(self, as_: As) -> None:
        """Refused while they come in, not once they are all there."""
        sent = 0

        def pieces() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(1000):
                sent += 10_000
                yield b'{"words": "' + b"x" * 9_989

        answer = as_("inspector").client.post("/api/incidents", content=pieces(), headers=JSON)
        refused(answer, 413, "content-too-large")

    def test_a_time_without_a_zone(self, as_: As) -> None:
        refused(
            as_("inspector").report(happened_at="2026-11-23T10:00:00"),
            422,
            "bad-request",
            "happened_at",
            "timezone",
        )

    def test_a_time_without_a_zone_in_a_list(self, as_: As) -> None:
        answer = as_("leader").client.get("/api/incidents", params={"reported_from": "2026-11-23T10:00:00"})
        refused(answer, 422, "bad-request", "reported_from", "timezone")

    def test_grids_that_overlap_in_a_file(self, town: RunningServer, tmp_path: Path) -> None:
        features = [
            {"type": "Feature", "properties": {"code": code}, "geometry": shapely.geometry.mapping(square)}
            for code, square in (
                ("a", shapely.box(114, 22.5, 114.02, 22.51)),
                ("b", shapely.box(114.01, 22.5, 114.03, 22.51)),
            )
        ]
        (tmp_path / "grids.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": features})
        )
        (tmp_path / "city.toml").write_text(
            '[grids]\nfile = "grids.geojson"\n[[grids.levels]]\nkey = "grid"\nzh = "网格"\nen = "grid"\ncode = "code"\n'
        )
        said = command_refused(town, "grids", "import", str(tmp_path / "city.toml"))
        for name in ("OVERLAP", "a and b of level grid", "m²", "accept"):
            assert name in said

    def test_grids_that_overlap_sent_to_the_server(self, town: RunningServer) -> None:
        """Whoever writes a client of their own cannot go round the check."""
        drawn = scene.hierarchy()
        wide = shapely.box(114.00, 22.51, 114.015, 22.52)
        grids = [
            Grid(g.code, g.name, g.level, g.parent, wide, area_m2(wide)) if g.code == "N1" else g
            for g in drawn.grids
        ]
        body = as_body(Hierarchy.build(drawn.levels, grids), "overlapping", made_up=True, findings=[])
        with operator(town) as client:
            answer = client.post("/api/editions", json=body)
        refused(answer, 422, "unaccepted-findings", "OVERLAP", "N1", "N2")

    def test_a_mapping_that_names_a_column_the_table_has_not(
        self, town: RunningServer, tmp_path: Path
    ) -> None:
        (tmp_path / "old.csv").write_text("number,opened,state\n1,2026-11-23,Closed\n")
        (tmp_path / "old.toml").write_text(
            'source = "old"\nnumber = "case_no"\n'
            '[channel]\ndefault = "phone"\n'
            '[category]\nstandard = "t"\nkind = "event"\ncolumn = "number"\nunknown = "keep_and_mark"\n'
            '[department]\ncolumn = "number"\nunknown = "keep_and_mark"\n'
            '[times]\nformat = "%Y-%m-%d"\nzone = "Asia/Shanghai"\nreported = "opened"\n'
            '[status]\ncolumn = "state"\nclosed = ["Closed"]\n'
        )
        said = command_refused(
            town, "incidents", "import", str(tmp_path / "old.csv"), "--mapping", str(tmp_path / "old.toml")
        )
        for name in ("case_no", "number, opened, state"):
            assert name in said


def operator(town: RunningServer) -> httpx2.Client:
    """The machine's own command line, which may do what an administrator may."""
    told = json.loads((town.data / "gridgov.db.lock").read_text())
    headers = {"Authorization": f"Bearer {told['token']}"}
    return httpx2.Client(base_url=told["url"], headers=headers, timeout=60, trust_env=False)


def command_refused(town: RunningServer, *arguments: str) -> str:
    """What a command that has to be refused says; in one piece, without a traceback."""
    done = subprocess.run(
        gridgov(*arguments), env=town.environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_the_same_id_with_other_content(town: RunningServer, as_: As) -> None:
    body = report_body()
    first = as_("inspector").post("/api/incidents", body)
    assert first.status_code == 201
    before = stored(town.data)
    answer = as_("inspector").post("/api/incidents", body | {"words": "something else"})
    assert refused(answer, 409, "id-reused", body["id"])["id"] == body["id"]
    refused(as_("inspector_n").post("/api/incidents", body), 409, "id-reused")
    again = as_("inspector").post("/api/incidents", body)
    assert (again.status_code, again.json()) == (200, first.json() | {"repeated": True})
    assert stored(town.data) == before


def test_the_second_dispatcher_is_told_what_the_first_just_did(town: RunningServer, as_: As) -> None:
    incident = as_("inspector").report().json()["incident"]
    as_("clerk").act("file", incident, 1)
    first = as_("dispatcher").act("dispatch", incident, 2)
    assert first.status_code == 200
    before = stored(town.data)
    problem = refused(
        as_("dispatcher_n").act("dispatch", incident, 2, department="office"), 409, "stale", "meanwhile"
    )
    assert (problem["incident"], problem["seen"], problem["number"]) == (incident, 2, 3)
    (meanwhile,) = problem["meanwhile"]
    assert (meanwhile["number"], meanwhile["kind"], meanwhile["by"]) == (3, "dispatched", "dispatcher")
    assert meanwhile["body"]["department"] == "water"
    assert stored(town.data) == before


def test_a_report_outside_every_grid_is_kept_in_the_tray_with_its_distance(as_: As) -> None:
    """0.01 degrees east of the town's edge: N cos(22.505°) · π/18,000 with N = 6,381,267 m there, 1,028.9 m."""
    answer = as_("inspector").report(position=at(114.03, 22.505))
    receipt = answer.json()
    assert (answer.status_code, receipt["path"], receipt["nearest"]) == (201, [], ["D", "S", "S2"])
    assert receipt["outside_m"] == pytest.approx(1028.9, abs=0.1)
    tray = as_("clerk").client.get("/api/incidents", params={"unlocated": True}).json()["rows"]
    (row,) = [row for row in tray if row["id"] == receipt["incident"]]
    assert row["outside_m"] == receipt["outside_m"]
    placed = as_("clerk").act("place", receipt["incident"], 1, position=position("S2"))
    assert placed.json()["path"] == ["D", "S", "S2"]


def test_a_report_without_a_place_is_kept_in_the_tray(as_: As) -> None:
    receipt = as_("inspector").report(position=None).json()
    assert (receipt["path"], receipt["outside_m"], receipt["department"]) == ([], None, "water")


def test_a_clock_that_runs_ahead_is_marked_not_refused(as_: As) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=3)
    receipt = as_("inspector").report(happened_at=ahead.isoformat()).json()
    assert 10_790 < receipt["clock_ahead_s"] <= 10_800
    told = as_("leader").client.get(f"/api/incidents/{receipt['incident']}").json()
    assert told["row"]["clock_ahead_s"] == receipt["clock_ahead_s"]
    entry = told["history"][0]
    assert entry["happened_at"] == entry["recorded_at"] < ahead.isoformat()
