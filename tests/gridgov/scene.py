"""A small town for tests of the store: two streets of two squares each, three departments, people for every
role.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import shapely

from dispatch.automatic import AutomaticRule, Does
from dispatch.categories import CaseStandard, Categories, Category, Kind
from dispatch.clocks import StageLimit
from dispatch.deadlines import Calendar, Limit
from dispatch.escalation import Ladder, Step
from dispatch.lifecycle import Role
from dispatch.routing import Department, Routing, RoutingRule
from dispatch.rules import Rules
from geodata.datum import Datum
from geodata.grids import Grid, Hierarchy, Level, area_m2, measured
from geodata.locate import Locator
from gridgov.in_force import Atlas, CityFacts, InForce
from gridgov.scope import Assignment
from gridgov.siting import SentPosition

#: A Monday morning at ten in Shanghai.
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

LEVELS = (
    Level("district", "区", "district"),
    Level("street", "街道", "street"),
    Level("grid", "网格", "grid"),
)
STREETS = {"N": ("N1", "N2"), "S": ("S1", "S2")}
COVER = "t:component:manhole"
RUBBISH = "t:event:rubbish"
NOISE = "t:event:noise"
#: Noise that is loud is dispatched without a human hand.
LOUD = CaseStandard("loud", Limit.parse("2eh"), condition_zh="夜间施工", automatic="loud noise")
#: What is overdue is the street's to answer for, then the district's.
LADDER = Ladder(
    tuple(
        Step(level, frozenset({Role.SHIFT_LEADER, Role.MANAGER}), StageLimit(Limit.parse("2wh")))
        for level in ("street", "district")
    )
)


def hierarchy() -> Hierarchy:
    """District D; streets N above and S below; squares of 0.01 degrees from (114.00, 22.50)."""
    squares = {
        "N1": shapely.box(114.00, 22.51, 114.01, 22.52),
        "N2": shapely.box(114.01, 22.51, 114.02, 22.52),
        "S1": shapely.box(114.00, 22.50, 114.01, 22.51),
        "S2": shapely.box(114.01, 22.50, 114.02, 22.51),
    }
    grids = []
    for street, codes in STREETS.items():
        grids += [
            Grid(code, f"网格{code}", 2, street, squares[code], area_m2(squares[code])) for code in codes
        ]
        whole = shapely.union_all([squares[code] for code in codes])
        unit = "north_office" if street == "N" else None
        grids.append(Grid(street, f"街道{street}", 1, "D", whole, area_m2(whole), unit))
    district = shapely.union_all(list(squares.values()))
    grids.append(Grid("D", "小镇", 0, None, district, area_m2(district), "office"))
    return Hierarchy.build(LEVELS, grids)


def redrawn(**more: tuple[str, tuple[float, float, float, float]]) -> Hierarchy:
    """The town drawn anew: N1 and N2 are one, N3; S1 is two, S3 and S4; S2 stays. ``more``: code -> (street,
    box) of further squares."""
    squares = {
        "N3": ("N", (114.00, 22.51, 114.02, 22.52)),
        "S2": ("S", (114.01, 22.50, 114.02, 22.51)),
        "S3": ("S", (114.00, 22.50, 114.005, 22.51)),
        "S4": ("S", (114.005, 22.50, 114.01, 22.51)),
    } | more
    drawn = [
        measured(code, f"网格{code}", 2, street, shapely.box(*box)) for code, (street, box) in squares.items()
    ]
    for street, unit in (("N", "north_office"), ("S", None)):
        whole = shapely.union_all([grid.geometry for grid in drawn if grid.parent == street])
        drawn.append(measured(street, f"街道{street}", 1, "D", whole, unit))
    district = shapely.union_all([grid.geometry for grid in drawn if grid.level == 1])
    return Hierarchy.build(LEVELS, [*drawn, measured("D", "小镇", 0, None, district, "office")])


def rules(version: int = 1) -> Rules:
    """Manhole covers go to water within 4 working hours, rubbish to cleaning in 2 working days, noise to
    nobody; loud noise without a human hand.
    """
    categories = Categories(
        [
            Category(
                "t",
                Kind.COMPONENT,
                "manhole",
                "井盖",
                "manhole",
                limit=Limit.parse("4wh"),
                department="water",
            ),
            Category("t", Kind.EVENT, "rubbish", "垃圾", "rubbish", department="cleaning"),
            Category("t", Kind.EVENT, "noise", "噪声", "noise", standards=(LOUD,)),
        ]
    )
    departments = [
        Department("water", "水务局"),
        Department("cleaning", "环卫所"),
        Department("office", "区办"),
        Department("north_office", "北街道办"),
    ]
    routing = Routing(
        departments,
        [RoutingRule("north rubbish", "north_office", category=RUBBISH, under=("D", "N"))],
        "office",
        categories,
    )
    calendar = Calendar("Asia/Shanghai", confirmed_years=frozenset({2026}))
    automatic = {"loud noise": AutomaticRule("loud noise", Does.DISPATCH)}
    return Rules(version, categories, routing, calendar, automatic=automatic, ladder=LADDER)


def in_force() -> InForce:
    """The town's rules and grids."""
    drawn = hierarchy()
    return InForce(
        CityFacts("小镇", "Small town", "D", "Asia/Shanghai", made_up=True),
        rules(),
        Atlas(1, "first", True, drawn, Locator(drawn)),
    )


class Somebody:
    """A person with one assignment, or several."""

    def __init__(self, id_: str, *assignments: Assignment) -> None:
        self.id = id_
        self.assignments = assignments


def assignment(role: Role, path: tuple[str, ...] = (), department: str | None = None) -> Assignment:
    """In force since long ago, until further notice."""
    return Assignment(f"{role}-{'/'.join(path)}-{department}", role, path, department, LONG_AGO)


INSPECTOR = Somebody("inspector", assignment(Role.INSPECTOR, ("D",)))
CLERK = Somebody("clerk", assignment(Role.INTAKE_CLERK))
DISPATCHER = Somebody("dispatcher", assignment(Role.DISPATCHER, ("D",)))
WATER = Somebody("water", assignment(Role.HANDLER, ("D",), "water"))
CLEANING = Somebody("cleaning", assignment(Role.HANDLER, ("D",), "cleaning"))
NORTH = Somebody("north", assignment(Role.HANDLER, ("D",), "north_office"))
LEADER = Somebody("leader", assignment(Role.SHIFT_LEADER))
PEOPLE = (INSPECTOR, CLERK, DISPATCHER, WATER, CLEANING, NORTH, LEADER)


def at(grid: str) -> SentPosition:
    """The middle of one of the squares."""
    x, y = {"N1": (0, 1), "N2": (1, 1), "S1": (0, 0), "S2": (1, 0)}[grid]
    return SentPosition(114.005 + x * 0.01, 22.505 + y * 0.01, Datum.wgs84, 5.0)


OUTSIDE = SentPosition(114.5, 22.5, Datum.wgs84)


class Clock:
    """A clock that is set, and moves a second with every look."""

    def __init__(self, start: datetime = MONDAY) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now
