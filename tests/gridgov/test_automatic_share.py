"""The share that needed no human hand until it was handled, and the share dispatched right: the API, its table for
spreadsheets and the command line.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.gridgov import scene
from tests.gridgov.conftest import TOWN, Site
from tests.installation import Installation

#: Loud noise is filed and dispatched by a rule; noise at night only filed.
RULES = """
[[categories.standards]]
category = "t:event:noise"
code = "loud"
condition_zh = "夜间施工"
limit = "2eh"
automatic = "at once"

[[categories.standards]]
category = "t:event:noise"
code = "night"
limit = "2eh"
automatic = "only filed"

[[automatic]]
name = "at once"
does = "dispatch"

[[automatic]]
name = "only filed"
does = "file"
"""


def loud(site: Site, standard: str | None = "loud", grid: str | None = "N1") -> str:
    """Somebody reports noise; its id."""
    more = {} if standard is None else {"standard": standard}
    return str(site.as_("inspector").report(scene.NOISE, grid, **more)["incident"])


def done(answer: Any) -> None:
    assert answer.status_code == 200, answer.text


@pytest.fixture
def town(site: Site) -> Site:
    """Of eight reports a rule files six and dispatches five of them; one is taken back and filed by hand, one is
    returned and dispatched to another, one is returned and dispatched to the same department.
    """
    done(site.as_("administrator").put("/api/city", {"text": TOWN + RULES}))
    loud(site), loud(site)
    taken_back, to_another, to_the_same, only_filed = loud(site), loud(site), loud(site), loud(site, "night")
    loud(site, None)
    loud(site, "loud", None)
    leader = site.as_("leader")
    done(leader.act("undo", taken_back, 3, reason="是生日会"))
    done(site.as_("clerk").act("file", taken_back, 4))
    done(leader.act("dispatch", only_filed, 2))
    for returned, department in ((to_another, "cleaning"), (to_the_same, "north_office")):
        done(site.as_("north_office").act("return", returned, 3, reason="不是我们的"))
        done(leader.act("dispatch", returned, 4, department=department))
    return site


def test_the_figures_are_those_counted_by_hand(town: Site) -> None:
    """Filed: six by a rule, of which one was taken back and filed again. Untouched since: two. Dispatched: the five
    that a rule or a person has dispatched and nobody took back; one of them went elsewhere later.
    """
    told = town.as_("manager").get("/api/closure").json()["total"]
    assert told["tally"]["reported"] == 8
    pairs = {key: (one["numerator"], one["denominator"]) for key, one in told["figures"].items()}
    assert pairs["automatic"] == (2, 6)
    assert pairs["dispatch_accuracy"] == (4, 5)
    assert pairs["filing"] == (6, 8)


def test_the_definition_comes_with_it(town: Site) -> None:
    definitions = {d["key"]: d for d in town.as_("manager").get("/api/closure").json()["definitions"]}
    automatic = definitions["automatic"]
    assert (automatic["name_zh"], automatic["numerator"], automatic["denominator"]) == (
        *("无人工干预率", "automatic"),
        "filed",
    )
    assert "taken back" in automatic["formula"]
    assert "another department" in definitions["dispatch_accuracy"]["formula"]


def test_it_is_in_the_table_for_spreadsheets_and_on_the_command_line(town: Site) -> None:
    table = town.as_("manager").get("/api/closure.csv?by=street").text.removeprefix("\ufeff")
    total = list(csv.DictReader(io.StringIO(table)))[-1]
    assert (total["automatic_numerator"], total["automatic_denominator"]) == ("2", "6")
    assert (total["automatic_percent"], total["dispatch_accuracy_percent"]) == ("33.33", "80.00")
    line = Installation(town.service.settings.data)
    shown = line.done("closure")
    assert "无人工干预率" in shown.out
    assert "2 / 6" in shown.out
    assert "33.33" in shown.out
    assert line.done("closure", "--csv").out.splitlines()[0].count("automatic_percent") == 1
    assert line.done("rebuild", "--check", "--json").json == {"differences": []}


def test_an_explanation_says_that_a_rule_takes_it(town: Site) -> None:
    query = f"category={scene.NOISE}&standard=loud&path=D/N/N1"
    told = town.as_("clerk").get(f"/api/routing/explain?{query}").json()
    assert (told["automatic"]["rule"], told["automatic"]["takes"], told["limit"]) == ("at once", True, "2eh")


def test_trying_rules_without_it_says_what_would_come_back_to_people(town: Site) -> None:
    sent = {"text": TOWN + RULES.replace('does = "dispatch"', 'does = "file"'), "days": 7}
    told = town.as_("administrator").post("/api/city/plan", sent).json()["rerouted"]["automatic"]
    assert told["filed"] == {"before": 6, "after": 6}
    assert told["dispatched"] == {"before": 5, "after": 0}
    assert (told["no_longer"]["incidents"], told["newly"]["incidents"]) == (5, 0)
