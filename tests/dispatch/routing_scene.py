"""The small city with branches, fields and a calendar, and an urgent lamp in its market at night."""

from datetime import time

from dispatch.categories import Field, Urgency
from dispatch.routing import Department, Routing, RoutingRule, Situation
from tests.dispatch.strategies import CATEGORIES, DEPARTMENTS, LAMP, NOISE, at, china

NORTH, SOUTH = ("44", "01"), ("44", "02")
MARKET = ("44", "01", "003")
FIELDS = {
    "fire": Field("fire", "消防", "fire", categories=frozenset({LAMP.key, NOISE.key})),
    "roads": Field("roads", "道路", "roads", classes=frozenset({LAMP.class_key})),
}
BRANCHES = (
    *DEPARTMENTS,
    Department("water-44", "水务局区所", parent="water", under=("44",)),
    Department("water-01", "水务局北所", parent="water", under=NORTH),
)


def city(*given_rules: RoutingRule) -> Routing:
    return Routing(BRANCHES, given_rules, "desk", CATEGORIES, fields=FIELDS, calendar=china())


def night(begin: int, end: int) -> tuple[tuple[time, time], ...]:
    return ((time(begin), time(end)),)


AT_NIGHT = Situation(
    LAMP,
    (*MARKET, "001"),
    (("street", "north"),),
    ("fire/3", "police/72"),
    Urgency.URGENT,
    "hotline",
    at("2026-03-06 23:00"),
)
