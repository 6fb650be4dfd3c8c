"""A city's rules: routing and explaining among 5,000, time limits, loading, an incident's file.

The rules are made up, for the shipped categories in a district of ten streets: by category, class, field or
for anything, under streets and communities, in police grids, at night, at weekends, outside working time, for
what is urgent or comes by the hotline. They come from a city's file, and pass its checks.

Routing is measured against reading all rules (tests/dispatch/plain_routing.py), whose answers have to be the
same; a time limit in working days against numpy.busday_offset, which knows no hours; loading a file against
tomllib alone; adding up an incident's 20 entries and deciding the next against going through 20 entries.
Seconds are those of one processor, whatever else the machine is doing; a figure is the median of its turns.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from statistics import median
from typing import Any

import numpy as np

from dispatch import decisions
from dispatch.deadlines import Limit, due
from dispatch.incidents import Incident, fold
from dispatch.routing import Routing, Situation, explain, route
from dispatch.rules import Rules
from gridgov import city, shipped
from scripts.locating import Figures, figure, timed
from tests.dispatch import plain_routing, scene, strategies

RULES = {"full": 5_000, "small": 300}
LINES = {"full": 5_000, "small": 1_000}
CASES = {"full": 2_000, "small": 200}
TURNS = 7
SCANNED = 40
"""So many situations are read plainly: each asks every rule."""
ENTRIES = 20
DISTRICT = "440306"
STREETS = [f"{DISTRICT}{number:03d}" for number in range(1, 11)]
PLACES = [
    "",
    *(f"{DISTRICT}/{street}" for street in STREETS),
    *(f"{DISTRICT}/{street}/{street}{number:03d}" for street in STREETS for number in range(1, 13)),
]
POLICE_GRIDS = 40
DEPARTMENTS = 60
#: What rules ask beyond subject and place, and which of these are as specific as each other: one a place.
ASKED = (
    ("", ""),
    ("time", 'hours = ["18:00-08:00"]'),
    ("time", 'days = ["sat", "sun"]'),
    ("time", "working = false"),
    ("urgency", 'urgency = ["urgent", "critical"]'),
    ("channel", 'channels = ["hotline"]'),
)
FEW = 10
"""Classes of fewer categories are left out: rules for each of them would leave nothing to the class's."""
HEAD = """[city]
name_zh = "量规则的区"
name_en = "Measured district"
zone = "Asia/Shanghai"
case_prefix = "LG"
made_up = true
fallback_department = "d0"

[calendar]
country = "CN"
hours = ["08:00-12:00", "14:00-18:00"]

[categories]
include = ["cn2026"]
"""


class DifferentAnswers(Exception):
    """Two ways of routing disagree: a measurement of them would mean nothing."""


def run(scale: str = "full") -> dict[str, Any]:
    """Measure; `small` has 300 rules."""
    rng = np.random.default_rng(20261122)
    figures, ratios = _loading(rng, LINES[scale])
    text = _file(rng, rules=RULES[scale])
    loading, told = timed(lambda: city.parse(text, 1))
    rules = told.rules
    building = [timed(lambda: _again(rules.routing))[0] for _ in range(TURNS)]
    figures["rules"] = figure(len(rules.routing.rules), "rules")
    figures["rules_loaded"] = figure(loading, "s")
    figures["rules_checked"] = figure(median(building), "s")
    for more, more_ratios in (
        _routing(rules.routing, _situations(rng, rules, CASES[scale])),
        _due(rng, rules, CASES[scale]),
        _incident(),
    ):
        figures |= more
        ratios |= more_ratios
    baseline = {
        "route and explain": "every rule asked, the matching ones sorted",
        "due": f"numpy.busday_offset {np.__version__}",
        "file": "tomllib.loads of the same text",
        "incident": "functools.reduce over as many entries, which does nothing",
    }
    return {"work": "rules", "figures": figures, "baseline": baseline, "ratios": ratios}


def _file(rng: np.random.Generator, *, rules: int = 0, lines: int = 0) -> str:
    """A city's file with so many rules, or with so many lines at least."""
    departments = [f'\n[[departments]]\ncode = "d{n}"\nname_zh = "部门{n}"\n' for n in range(DEPARTMENTS)]
    categories = [one.category for one in shipped.categories() if one.category.standard == "cn2026"]
    members: dict[str, int] = {}
    for category in categories:
        members[category.class_key] = members.get(category.class_key, 0) + 1
    classes = [key for key, number in members.items() if key and number >= FEW]
    # of all of them, or class rules would by chance be for all of its classes
    field = f'\n[[fields]]\nkey = "order"\nname_zh = "秩序"\nclasses = {json.dumps(classes)}\n'
    parts = [HEAD, *departments, field]
    seen: set[tuple[str, ...]] = set()
    length = sum(part.count("\n") for part in parts)
    while len(seen) < rules or length < lines:
        subject = _subject(rng, [category.key for category in categories], classes)
        # no category's rule is for the whole city: together they would leave nothing to some class's
        place = PLACES[rng.integers(subject.startswith("category"), len(PLACES))]
        kind = ASKED[rng.integers(len(ASKED))]
        grid = f"police/{rng.integers(1, POLICE_GRIDS + 1)}" if rng.random() < 0.15 else ""
        if (subject, place, grid, kind[0]) in seen:
            continue
        seen.add((subject, place, grid, kind[0]))
        asked = [f'under = "{place}"' if place else "", f'specialised = "{grid}"' if grid else "", kind[1]]
        told = [f'name = "rule {len(seen)}"', f'department = "d{rng.integers(DEPARTMENTS)}"', subject, *asked]
        parts.append("\n[[routing]]\n" + "".join(f"{line}\n" for line in told if line))
        length += parts[-1].count("\n")
    return "".join(parts)


def _subject(rng: np.random.Generator, categories: list[str], classes: list[str]) -> str:
    drawn = rng.random()
    if drawn < 0.7:
        return f'category = "{categories[rng.integers(len(categories))]}"'
    if drawn < 0.9:
        return f'class = "{classes[rng.integers(len(classes))]}"'
    return 'field = "order"' if drawn < 0.95 else ""


def _loading(rng: np.random.Generator, lines: int) -> tuple[Figures, dict[str, float]]:
    """A file read, its rules checked, against reading it as TOML; a version of its own each time."""
    text = _file(rng, lines=lines)
    city.parse(text, 0)
    ours, theirs = [], []
    for turn in range(1, TURNS + 1):
        seconds, told = timed(lambda version=turn: city.parse(text, version))
        ours.append(seconds)
        theirs.append(timed(lambda: tomllib.loads(text))[0])
    figures = {
        "file_lines": figure(text.count("\n"), "lines"),
        "file_rules": figure(len(told.rules.routing.rules), "rules"),
        "file_loaded": figure(median(ours), "s"),
    }
    return figures, {"file_vs_tomllib": _ratio(ours, theirs)}


def _again(routing: Routing) -> Routing:
    """The same rules put together and checked once more."""
    return Routing(
        routing.departments.values(),
        routing.rules,
        routing.fallback,
        routing.categories,
        fields=routing.fields,
        calendar=routing.calendar,
    )


def _situations(rng: np.random.Generator, rules: Rules, number: int) -> list[Situation]:
    """Incidents of all categories in micro-grids of communities, over a fortnight, some by the hotline."""
    categories, urgencies = list(rules.categories), list(strategies.Urgency)
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    found = []
    for _ in range(number):
        path = tuple(PLACES[rng.integers(len(STREETS) + 1, len(PLACES))].split("/"))
        found.append(
            Situation(
                categories[rng.integers(len(categories))],
                (*path, f"{path[-1]}01"),
                (("street", path[1]),),
                (f"police/{rng.integers(1, POLICE_GRIDS + 1)}", f"fire/{rng.integers(9)}"),
                urgencies[rng.integers(len(urgencies))],
                ("phone", "hotline")[rng.integers(2)],
                begin + timedelta(minutes=int(rng.integers(14 * 1440))),
            )
        )
    return found


def _routing(routing: Routing, cases: list[Situation]) -> tuple[Figures, dict[str, float]]:
    assert routing.calendar is not None
    reading = plain_routing.Reading(
        tuple(routing.departments.values()),
        routing.rules,
        routing.fallback,
        dict(routing.fields),
        routing.calendar,
    )
    scanned = cases[:SCANNED]
    for case in scanned:
        found = route(routing, case)
        if (found.department, found.rule) != plain_routing.owner(reading, case):
            raise DifferentAnswers(
                f"{case} goes to {found.department} by {found.rule}, read plainly it does not"
            )
    routed = _each(lambda case: route(routing, case), cases)
    explained = _each(lambda case: tuple(explain(routing, case).others), cases)
    everything = _each(lambda case: tuple(explain(routing, case, everything=True).others), scanned)
    plain = _each(lambda case: plain_routing.owner(reading, case), scanned, turns=1)
    by_rule = sum(route(routing, case).rule.startswith("rule ") for case in cases)
    candidates = sum(len(explain(routing, case).others) for case in cases)
    figures = {
        "route": figure(median(routed) * 1e6, "µs"),
        "decided_by_a_rule": figure(100 * by_rule / len(cases), "%"),
        "explain_and_read": figure(median(explained) * 1e6, "µs"),
        "explained_candidates": figure(candidates / len(cases), "rules"),
        "explain_and_read_everything": figure(median(everything) * 1e3, "ms"),
        "plain_reading": figure(median(plain) * 1e6, "µs"),
    }
    return figures, {
        "route_vs_plain_reading": round(median(plain) / median(routed), 1),
        "explain_vs_plain_reading": round(median(plain) / median(explained), 1),
    }


def _due(rng: np.random.Generator, rules: Rules, number: int) -> tuple[Figures, dict[str, float]]:
    """Working days from moments of one year, and the other units of limits."""
    calendar, begin = rules.calendar, datetime(2026, 1, 1, tzinfo=UTC)
    starts = [begin + timedelta(minutes=int(rng.integers(300 * 1440))) for _ in range(number)]
    units = ("2wd", "4wh", "3ed", "2eh", "15wm")
    limits = {unit: Limit.parse(unit) for unit in units}
    took = {unit: _each(partial(due, calendar, limits[unit]), starts) for unit in units}
    off = [day.isoformat() for day in sorted(calendar.days_off)]
    busy = np.busdaycalendar(holidays=off)
    days = [np.datetime64(start.date(), "D") for start in starts]
    theirs = _each(lambda day: np.busday_offset(day, 2, roll="forward", busdaycal=busy), days)
    slowest = max(units, key=lambda unit: median(took[unit]))
    figures = {f"due_{unit}": figure(median(took[unit]) * 1e6, "µs") for unit in units}
    figures["due_slowest"] = figure(median(took[slowest]) * 1e6, "µs")
    return figures, {"due_2wd_vs_busday_offset": _ratio(took["2wd"], theirs)}


def _incident() -> tuple[Figures, dict[str, float]]:
    """A report that was given back and dispatched again until it has 20 entries: added up, and decided on."""
    file, rules = scene.dispatched(), strategies.rules()
    while len(file.entries) < ENTRIES - 1:
        scene.return_(file, "2026-03-05 09:30")
        scene.dispatch(file, "2026-03-05 09:40")
    scene.return_(file, "2026-03-05 09:50")
    assert len(file.entries) == ENTRIES
    entries, now = tuple(file.entries), strategies.at("2026-03-05 10:00")
    incident = fold(entries)

    def decide(known: Incident) -> object:
        return decisions.dispatch(rules, known, scene.DISPATCHER, now)

    both = _each(lambda _: decide(fold(entries)), range(500))
    alone = _each(lambda _: fold(entries), range(500))
    nothing = _each(lambda _: reduce(lambda known, _entry: known, entries, incident), range(500))
    figures = {
        "fold_and_decide": figure(median(both) * 1e6, "µs"),
        "fold": figure(median(alone) * 1e6, "µs"),
        "noop_fold": figure(median(nothing) * 1e6, "µs"),
    }
    return figures, {"fold_and_decide_vs_noop_fold": _ratio(both, nothing)}


def _each(act: Callable[[Any], object], over: Iterable[Any], turns: int = TURNS) -> list[float]:
    """The seconds that each of these takes, of several turns."""
    all_of_them = list(over)

    def turn() -> None:
        for one in all_of_them:
            act(one)

    return [timed(turn)[0] / len(all_of_them) for _ in range(turns)]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many of theirs one of ours takes, the median of the turns."""
    return round(median(us / them for us, them in zip(ours, theirs, strict=True)), 2)
