"""The small city as random lives are played in it: with crews, co-handlers, and a case standard that demands photos."""

from dataclasses import replace
from functools import cache

from dispatch.categories import CaseStandard, Categories, Category, Kind, Urgency
from dispatch.clocks import Clocks, StageLimit
from dispatch.deadlines import Limit
from dispatch.routing import Routing, RoutingRule
from dispatch.routing_rules import Crew
from dispatch.rules import Rules
from dispatch.tasks import Candidate
from tests.dispatch.plain_ground import Ground
from tests.dispatch.strategies import COVER, DEPARTMENTS, LAMP, NOISE, ROUTES, RUBBISH, china, units

#: Whoever handles and whoever checks shows one photo of it, where it is dug up at night.
DIGGING = Category(
    *("city", Kind.EVENT, "03001", "夜间施工", "digging"),
    limit=Limit.parse("1wd"),
    standards=(
        CaseStandard(
            "night", Limit.parse("6eh"), urgency=Urgency.URGENT, photos=(("handle", 1), ("check", 1))
        ),
    ),
)
CITY_CATEGORIES = Categories([COVER, LAMP, RUBBISH, NOISE, DIGGING])
#: Category and case standard, as people name them.
KINDS_OF_THINGS = (
    (COVER.key, None),
    (LAMP.key, None),
    (RUBBISH.key, None),
    (NOISE.key, None),
    (DIGGING.key, "night"),
    (DIGGING.key, None),
)
HANDLING = ("water", "lamps", "clean", "north", "south")
CREWS = {"lamps": "ladder", "clean": "broom"}
_DEPARTMENTS = tuple(
    replace(one, crews=(Crew(CREWS[one.code], "班组"),)) if one.code in CREWS else one for one in DEPARTMENTS
)
_ROUTES = (
    *ROUTES,
    RoutingRule("digging concerns many", "water", category=DIGGING.key, co_handlers=("lamps", "north")),
)


@cache
def city() -> Rules:
    """Its rules. Fifteen minutes to answer when sent to look, so that everything happens on the step."""
    routing = Routing(_DEPARTMENTS, _ROUTES, "desk", CITY_CATEGORIES)
    return Rules(1, CITY_CATEGORIES, routing, china(), clocks=Clocks(task=StageLimit(Limit.parse("15wm"))))


#: Who is on duty where, by the street (nobody in the south, and nobody where it is not known).
ON_DUTY = {
    "01": (Candidate("ann", 2, 500.0), Candidate("bo", 2, None), Candidate("dee", 0, 20.0, "ed")),
    "003": (Candidate("ann", 2, 500.0), Candidate("cy", 3, 90.0), Candidate("ann", 3, 90.0)),
}


def on_duty(path: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Who could be sent to a place."""
    return ON_DUTY.get(path[-1], ()) if path else ()


GROUND = Ground(CITY_CATEGORIES, city().routing, units, lambda path, _: on_duty(path), 15, CREWS)
