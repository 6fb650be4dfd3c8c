"""The simulation: every branch of the table, every odd report, through the API alone, the same for the same seed."""

from __future__ import annotations

import ast
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
import numpy as np
import pytest

from dispatch.bodies import KINDS
from dispatch.lifecycle import ENDED, TRANSITIONS, Act, Stage, Transition
from gridgov import made_up, played, players, rota_played, simulation, terrain
from gridgov.made_up import CALLED_BACK, FILED, Choices
from gridgov.players import Account, Player, ServerGone
from gridgov.simulation import REPORTS, TRAY, Simulation, play
from tests.gridgov.made_up import demo_in
from tests.live.server import RunningServer

#: So few reports are enough to take every branch; the branches not taken yet go first.
ENOUGH = 250
#: So few reach every stage.
FEW = 40
#: All that a simulated person may know of the program: the API's address, and the words it is spoken in.
ALLOWED = {
    "dispatch.lifecycle",
    "geodata.datum",
    "gridgov.clock",
    "gridgov.errors",
    "gridgov.made_up",
    "gridgov.played",
    "gridgov.players",
    "gridgov.rota_played",
    "gridgov.scope",
    "gridgov.terrain",
}
#: What comes in through a file, happens by itself, or is answered when nobody did anything in time.
NOT_PLAYED = (
    *(Act.IMPORT, Act.ADOPT, Act.RELOCATE),
    # Limits are of hours: in a run of minutes nothing is late.
    *(Act.APPEAL, Act.DECIDE),
    *(Act.NOTICE, Act.ESCALATE, Act.ACKNOWLEDGE, Act.PASS_ON, Act.EXPIRE_TASK, Act.FOLLOW),
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Player]]:
    """The people of a fresh demo, at a server process of their own."""
    folder = tmp_path_factory.mktemp("simulation") / "demo"
    cast = demo_in(folder)
    server = RunningServer(folder, log_level="warning")
    server.start()
    with httpx2.Client(base_url=server.url, trust_env=False) as client:
        yield [Player(client, one.account) for one in cast]
    assert server.stop() == 0


def everything_seen_by(player: Player) -> list[dict[str, Any]]:
    """All incidents somebody sees, each with its history."""
    found, page = [], None
    while True:
        more = {} if page is None else {"page": page}
        answer = player.get("/api/incidents", limit=200, **more)
        found += [player.get(f"/api/incidents/{row['id']}") for row in answer["rows"]]
        page = answer["next"]
        if page is None:
            return found


def rows_taken(incident: dict[str, Any]) -> Iterator[tuple[Transition, bool]]:
    """The rows of the lifecycle's table that the entries of one incident stand for, found by walking it; did
    somebody do it, or did it follow by itself?
    """
    stage: Stage | None = None
    for entry in incident["history"]:
        act, body = KINDS[entry["kind"]].act, entry["body"]
        (row,) = (
            t for t in TRANSITIONS if (t.stage, t.act, t.outcome) == (stage, act, outcome_of(act, body))
        )
        by_itself = entry["by"] == "system" or entry["by"].startswith("auto:")
        yield row, not by_itself and act is not Act.FOLLOW
        stage = row.to
    assert incident["row"]["stage"] == stage


def outcome_of(act: Act, body: dict[str, Any]) -> str:
    """Which of the act's outcomes an entry is, by what stands in it."""
    told = {
        Act.CHECK: lambda: "passed" if body["passed"] else "failed",
        Act.VERIFY: lambda: "found" if body["found"] else "not_found",
        Act.DECIDE: lambda: "granted" if body["granted"] else "refused",
        Act.CORRECT: lambda: "elsewhere" if body.get("elsewhere") else "here",
        Act.APPLY: lambda: body["wish"],
        Act.GRANT: lambda: body["wish"],
        Act.TAKE_BACK: lambda: body["stage"],
    }
    return str(told[act]()) if act in told else ""


def some_days(
    people: list[Player], reports: int
) -> tuple[Simulation, list[dict[str, Any]], list[tuple[Transition, bool]]]:
    """So many reports played to their ends, and what the ledger says came of them."""
    played = Simulation(people, np.random.default_rng(1))
    said: list[str] = []
    (leader,) = (one for one in played.people if one.name == "leader")
    before = {one["row"]["id"] for one in everything_seen_by(leader)}
    tally = play(played, per_minute=None, reports=reports, stop=Event(), say=said.append)
    told = [one for one in everything_seen_by(leader) if one["row"]["id"] not in before]
    # What the ledger says, not what the simulation says of itself.
    walked = [step for incident in told for step in rows_taken(incident)]
    assert tally.reports == reports == len(told)
    assert not tally.refused, said
    assert all(Stage(incident["row"]["stage"]) in ENDED for incident in told)
    assert Counter(row for row, by_somebody in walked if by_somebody) == tally.done
    return played, told, walked


@pytest.mark.slow
def test_a_short_run_goes_through_a_real_server(people: list[Player]) -> None:
    _, _, walked = some_days(people, FEW)
    assert {row.to for row, _ in walked} == set(Stage) - {Stage.IMPORTED}


@pytest.mark.long
def test_a_longer_run_takes_every_row_of_the_table(people: list[Player]) -> None:
    played, told, walked = some_days(people, ENOUGH)
    wanted = {
        t for t in TRANSITIONS if t.act not in NOT_PLAYED and Stage.IMPORTED not in (t.stage, t.outcome)
    } - {t for t in TRANSITIONS if (t.stage, t.act, t.to) == (Stage.CLOSED, Act.TAKE_BACK, Stage.CLOSED)}
    assert wanted - {row for row, _ in walked} == set()
    for kind, options in (("report", REPORTS), ("file", FILED), ("tray", TRAY), ("call back", CALLED_BACK)):
        assert all(played.choices.taken[f"{kind}: {option}"] for option in options)
    oddities(told)


def oddities(told: list[dict[str, Any]]) -> None:
    """What can be odd about a report or its way is found in what the server tells."""
    rows = [incident["row"] for incident in told]
    first = [incident["history"][0]["body"] for incident in told]
    assert any(row["clock_ahead_s"] for row in rows)
    assert any(row["photos"] for row in rows)
    assert any(body["place"].get("outside_m") for body in first)
    assert any(body["place"].get("datum") is None for body in first)
    assert {body["place"].get("datum") for body in first} >= {"wgs84"}
    assert {body["place"].get("datum") for body in first} & {"gcj02", "bd09", "cgcs2000"}
    assert {row["channel"] for row in rows} == {"inspector", "hotline"}
    assert any(incident["reporter"] for incident in told)
    placed = [i for i in told if not i["history"][0]["body"]["place"].get("path") and i["row"]["path"]]
    assert placed, "nothing was put on the map from the tray"
    assert any(row["self_handled"] for row in rows)
    assert any(row["leader"] for row in rows)
    assert any(row["followers"] for row in rows)
    assert any(entry["body"].get("because") == "on_duty" for one in told for entry in one["history"])
    lots = [[e["body"] for e in i["history"] if e["kind"] == "dispatched"] for i in told]
    assert any(body["resumed"] for some in lots for body in some if "resumed" in body)
    assert any(len({body["department"] for body in some}) > 1 for some in lots)


@pytest.mark.slow
def test_the_same_seed_plays_the_same_day(people: list[Player]) -> None:
    def day(seed: int) -> list[str]:
        played = Simulation(people, np.random.default_rng(seed))
        lines = []
        for _ in range(3):
            incident = played.report()
            lines.append(played.tally.last.partition(" ")[2])  # without its case number
            while played.advance(incident):
                lines.append(played.tally.last.partition(" ")[2])
        return lines

    assert day(5) == day(5)
    assert day(5) != day(6)


@pytest.mark.slow
def test_a_refusal_is_said_and_counted(people: list[Player]) -> None:
    played = Simulation(people, np.random.default_rng(2))
    played.city.categories = ["no:such:category"]
    played.by_rule = [{"category": "no:such:category"}]
    said: list[str] = []
    tally = play(played, per_minute=None, reports=3, stop=Event(), say=said.append)
    assert (tally.reports, tally.refused) == (0, Counter(report=3))
    assert sum("no:such:category" in line for line in said) == 3


@pytest.mark.slow
def test_it_keeps_the_pace_and_stops_when_told(people: list[Player]) -> None:
    stop = Event()
    threading.Timer(1.5, stop.set).start()
    played = Simulation(people, np.random.default_rng(3))
    tally = play(played, per_minute=0.001, reports=None, stop=stop, say=print)
    assert tally.reports == 1, "the second report was a thousand minutes away"


def test_options_never_picked_go_first_and_then_weights_count() -> None:
    choices = Choices(np.random.default_rng(1))
    options = {"often": 97.0, "seldom": 2.0, "rarely": 1.0}
    assert {choices.pick("x", options) for _ in options} == set(options)
    for _ in range(1000):
        choices.pick("x", options)
    assert choices.taken["x: often"] > 900
    assert choices.pick("y", {"only": 0.5}) == "only"


def test_it_knows_nothing_but_the_api() -> None:
    for module in (simulation, made_up, played, rota_played, players, terrain):
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
                "gridgov",
                "dispatch",
                "geodata",
            ):
                assert node.module in ALLOWED, f"{module.__name__} imports {node.module}"


def test_a_server_that_is_gone_is_said_to_be_gone() -> None:
    waited: list[float] = []
    with httpx2.Client(base_url="http://127.0.0.1:9", trust_env=False) as nowhere:
        player = Player(nowhere, Account("leader", "secret", ()), waited.append)
        with pytest.raises(ServerGone, match=r"127\.0\.0\.1:9"):
            player.get("/api/me")
    assert waited == list(players.PAUSES_S)


def test_signs_in_again_when_a_session_has_run_out() -> None:
    tokens = iter(["first", "second"])
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/sessions":
            person = {"id": "p", "assignments": []}
            return httpx2.Response(201, json={"token": next(tokens), "person": person})
        asked.append(request.headers["Authorization"])
        return httpx2.Response(200 if "second" in asked[-1] else 401, json={"fine": True})

    with httpx2.Client(base_url="http://x", transport=httpx2.MockTransport(answer)) as client:
        assert Player(client, Account("a", "b", ())).get("/api/me") == {"fine": True}
    assert asked == ["Bearer first", "Bearer second"]
