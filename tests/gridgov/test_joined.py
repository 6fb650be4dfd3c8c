"""Joining (并案) over HTTP: by a person, for good, every reporter kept, the outcome its leader's."""

from __future__ import annotations

from tests.gridgov import scene
from tests.gridgov.conftest import Site


def joined(site: Site) -> tuple[str, str]:
    """Two reports of the same hole, the second made to follow the first: (leader, follower)."""
    leader = site.as_("inspector").report()["incident"]
    follower = site.as_("clerk").report(position={"lon": 114.00505, "lat": 22.515, "datum": "wgs84"})[
        "incident"
    ]
    answer = site.as_("clerk").act("join", follower, 1, leader=leader, reason="同一处")
    assert answer.status_code == 200, answer.text
    assert answer.json()["stage"] == "joined"
    return leader, follower


def test_the_leader_knows_who_else_reported_it(site: Site) -> None:
    leader, follower = joined(site)
    told = site.as_("leader").get(f"/api/incidents/{leader}").json()
    assert (told["row"]["followers"], told["followers"]["count"]) == ([follower], 1)
    (shown,) = told["followers"]["shown"]
    assert (shown["incident"], shown["reported_by"], shown["reported_by_name"]) == (
        follower,
        "clerk",
        "Clerk",
    )
    assert [entry["kind"] for entry in told["history"]] == ["reported", "followed"]
    assert told["outcome"] is None


def test_its_reporters_are_told_to_whoever_sees_the_leader_and_their_words_are_not(site: Site) -> None:
    leader = site.as_("inspector").report(grid="N1")["incident"]
    south = site.as_("inspector_s").report(grid="S1", words="机密")["incident"]
    assert site.as_("clerk").act("join", south, 1, leader=leader).status_code == 200
    assert site.as_("manager_n").get(f"/api/incidents/{south}").status_code == 404
    told = site.as_("manager_n").get(f"/api/incidents/{leader}")
    assert told.json()["followers"]["shown"][0]["reported_by_name"] == "Inspector s"
    assert "机密" not in told.text


def test_a_followers_outcome_is_its_leaders_also_through_another(site: Site) -> None:
    leader, follower = joined(site)
    top = site.as_("inspector").report()
    assert site.as_("clerk").act("join", leader, 2, leader=top["case_number"]).status_code == 200
    told = site.as_("clerk").get(f"/api/incidents/{follower}").json()
    assert (told["row"]["stage"], told["row"]["leader"]) == ("joined", leader)
    assert told["outcome"]["case_number"] == top["case_number"]
    assert (told["outcome"]["stage"], told["outcome"]["closed_at"]) == ("intake", None)
    site.as_("clerk").act("reject", top["incident"], 2, reason="不归我们")
    assert site.as_("clerk").get(f"/api/incidents/{follower}").json()["outcome"]["stage"] == "rejected"


def test_who_saw_the_leader_before_it_was_followed_goes_on(site: Site) -> None:
    leader, _ = joined(site)
    assert site.as_("clerk").act("file", leader, 1).status_code == 200


def test_nobody_joins_to_what_they_may_not_see_or_learns_that_it_exists(site: Site) -> None:
    leader = site.as_("leader").report(scene.COVER, None)[
        "incident"
    ]  # in the tray, where a dispatcher sees nothing
    mine = site.as_("inspector").report()["incident"]
    assert site.as_("clerk").act("file", mine, 1).status_code == 200
    hidden = site.as_("dispatcher").act("join", mine, 2, leader=leader)
    nothing = site.as_("dispatcher").act("join", mine, 2, leader="D-20261123-99999")
    assert (hidden.status_code, nothing.status_code) == (404, 404)
    assert hidden.json()["type"] == nothing.json()["type"]
    assert site.as_("leader").get(f"/api/incidents/{mine}").json()["row"]["stage"] == "dispatch"


def test_it_is_joined_for_good(site: Site) -> None:
    leader, follower = joined(site)
    for act, more in (("reopen", {"reason": "x"}), ("take_back", {}), ("cancel", {"reason": "x"})):
        assert site.as_("leader").act(act, follower, 2, **more).status_code == 409
    assert site.as_("clerk").act("join", leader, 2, leader=follower).json()["type"].endswith("cannot-join")


def test_both_are_written_or_neither_and_sending_it_again_changes_nothing(site: Site) -> None:
    leader, follower = joined(site)
    first, second = (site.as_("inspector").report()["incident"] for _ in range(2))
    body = {"id": "6f0c0f6e-3a52-4a53-9d1c-0f2f1a6f7a99", "seen": 1, "leader": first}
    once, again = (site.as_("clerk").post(f"/api/incidents/{second}/join", body).json() for _ in range(2))
    assert (once["number"], again["number"], again["repeated"]) == (2, 2, True)
    refused = site.as_("clerk").act("join", first, 2, leader=follower)
    assert refused.status_code == 409
    assert site.as_("leader").get(f"/api/incidents/{first}").json()["row"]["number"] == 2
    assert site.as_("leader").get(f"/api/incidents/{leader}").json()["row"]["number"] == 2
