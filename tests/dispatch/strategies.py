"""A small city to try the rules on, and Hypothesis strategies for the values of `dispatch`."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import holidays
from hypothesis import strategies as st

from dispatch.bodies import KINDS
from dispatch.categories import Categories, Category, Kind, Urgency
from dispatch.deadlines import Calendar, Limit, Unit
from dispatch.ending_facts import (
    Appealed,
    CalledBack,
    Decided,
    Followed,
    Joined,
    SelfHandled,
    TakenBack,
)
from dispatch.entries import (
    Acknowledged,
    Adopted,
    Asked,
    Attached,
    Cancelled,
    Checked,
    Closed,
    Dispatched,
    Escalated,
    Fact,
    Filed,
    Handled,
    Imported,
    Noted,
    Noticed,
    PassedOn,
    Place,
    Placed,
    Rejected,
    Relocated,
    Reopened,
    Reported,
    Returned,
    Route,
    Started,
    Undone,
    Verified,
)
from dispatch.handling_facts import (
    Accepted,
    Answered,
    Applied,
    Assigned,
    Corrected,
    Declined,
    Enforced,
    Granted,
    Involved,
    PartDone,
    Refused,
    Resumed,
    Supervised,
    Wish,
)
from dispatch.lifecycle import TRANSITIONS, Act
from dispatch.routing import Department, Routing, RoutingRule, Units
from dispatch.rules import Rules
from dispatch.task_facts import TaskAccepted, TaskDeclined, Tasked, TaskExpired

YEARS = (2024, 2025, 2026)

DEPARTMENTS = (
    Department("desk", "受理中心", "intake desk"),
    Department("water", "水务局", "water"),
    Department("lamps", "路灯管理处", "street lights"),
    Department("clean", "环卫所", "cleaning"),
    Department("north", "北街道", "north street office"),
    Department("south", "南街道", "south street office"),
)

COVER = Category(
    *(
        "city",
        Kind.COMPONENT,
        "01001",
        "井盖缺失",
        "missing manhole cover",
        "01",
        "市政公用设施",
        "utilities",
    ),
    urgency=Urgency.CRITICAL,
    limit=Limit.parse("2eh"),
    department="water",
    aliases=("manhole",),
)
LAMP = Category(
    *("city", Kind.COMPONENT, "01050", "路灯不亮", "street light out", "01", "市政公用设施", "utilities"),
    limit=Limit.parse("4wh"),
)
RUBBISH = Category(
    *("city", Kind.EVENT, "01049", "暴露垃圾", "exposed rubbish", "01", "市容环境", "appearance"),
    limit_is_default=True,
)
NOISE = Category("city", Kind.EVENT, "02001", "噪声扰民", "noise", limit=Limit.parse("3ed"))
CATEGORIES = Categories([COVER, LAMP, RUBBISH, NOISE])

#: District 44; streets 01 (north) and 02 (south); communities below. Rubbish is the cleaners', in the market
#: (44/01/003) the north office's own; lamps and covers are one class; noise is nobody's.
ROUTES = (
    RoutingRule("rubbish to the cleaners", "clean", category=RUBBISH.key),
    RoutingRule("rubbish in the market", "north", category=RUBBISH.key, under=("44", "01", "003")),
    RoutingRule("utilities in the south", "lamps", category_class=LAMP.class_key, under=("44", "02")),
)
#: Grid paths of the city: the tray, the district, streets, communities.
PATHS = ((), ("44",), ("44", "01"), ("44", "02"), ("44", "01", "003"), ("44", "02", "007"))
TERRITORIAL = {"01": "north", "02": "south"}


@cache
def china() -> Calendar:
    """Shanghai's time, 2024-2026 with the official days off and make-up workdays, from the holidays library."""
    official = holidays.country_holidays("CN", years=YEARS)
    return Calendar(
        "Asia/Shanghai",
        days_off=frozenset(official),
        workdays=frozenset(official.weekend_workdays),
        confirmed_years=frozenset(YEARS),
    )


@cache
def new_york() -> Calendar:
    """A zone with daylight saving; no holidays."""
    return Calendar("America/New_York", confirmed_years=frozenset(YEARS))


@cache
def rules(version: int = 1) -> Rules:
    """The rules of the small city."""
    return Rules(version, CATEGORIES, Routing(DEPARTMENTS, ROUTES, "desk", CATEGORIES), china())


def territorial(path: tuple[str, ...]) -> str | None:
    """The street office that answers for a place."""
    return TERRITORIAL.get(path[1]) if len(path) > 1 else None


def units(path: tuple[str, ...]) -> Units:
    """The territorial units of a place: that of its street."""
    office = territorial(path)
    return () if office is None else (("street", office),)


def at(text: str, zone: Calendar | None = None) -> datetime:
    """A local time of a calendar's zone (Shanghai's unless told), as a moment in UTC: ``at("2026-03-06 17:55")``."""
    return datetime.fromisoformat(text).replace(tzinfo=(zone or china()).tz).astimezone(UTC)


def local(moment: datetime, zone: Calendar | None = None) -> str:
    """What the clock on the wall shows: the other way round."""
    return moment.astimezone((zone or china()).tz).replace(tzinfo=None).isoformat(" ", "minutes")


_FIRST, _LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), _LAST - _FIRST).map(lambda since: _FIRST + since)
limits = st.builds(Limit, st.integers(1, 40), st.sampled_from(Unit))
durations = st.timedeltas(timedelta(0), timedelta(hours=200))
words = st.text(max_size=12)
codes = st.text("abc019", min_size=1, max_size=4)
paths = st.sampled_from(PATHS)


def _maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


_floats = st.floats(allow_nan=False, allow_infinity=False)
_tuples = st.lists(codes, max_size=3).map(tuple)
_routes = st.builds(Route, codes, words, words, _tuples)
_versions = st.integers(1, 99)
_started = st.builds(
    Started, codes, _versions, limits.map(str), moments, moments, st.just("") | codes, st.booleans()
)
places = st.builds(
    Place,
    raw_lon=_maybe(_floats),
    raw_lat=_maybe(_floats),
    datum=_maybe(st.sampled_from(["wgs84", "gcj02"])),
    accuracy_m=_maybe(_floats),
    lon=_maybe(_floats),
    lat=_maybe(_floats),
    path=_tuples,
    edition=_maybe(_versions),
    border_m=_maybe(_floats),
    nearest=_tuples,
    outside_m=_maybe(_floats),
)
_wishes = st.sampled_from([str(wish) for wish in Wish])
_urgencies = st.sampled_from([str(urgency) for urgency in Urgency])

#: One strategy for each kind of fact.
FACTS: dict[type[Fact], st.SearchStrategy[Fact]] = {
    Reported: st.builds(
        Reported,
        *(words, codes, codes, _urgencies, places, _routes, _versions),
        standard=_maybe(codes),
        starts=_maybe(_started),
        words=_maybe(words),
        photos=_tuples,
        clock_ahead_s=_maybe(_floats),
    ),
    Placed: st.builds(Placed, places, _routes, _versions),
    Relocated: st.builds(
        Relocated,
        places,
        _versions,
        st.lists(codes, max_size=4).map(tuple),
        st.none() | _versions,
        st.none() | _routes,
    ),
    Filed: st.builds(
        Filed,
        *(codes, _urgencies, _routes, _versions, _tuples),
        standard=_maybe(codes),
        automatic=_maybe(codes),
        starts=_maybe(_started),
    ),
    Asked: st.builds(Asked, words, _maybe(_started)),
    Verified: st.builds(Verified, st.booleans(), words, _tuples, _maybe(_started)),
    Undone: st.builds(Undone, words, words, _maybe(_started)),
    Noticed: st.builds(Noticed, codes, _versions, st.sampled_from(["warning", "overdue"]), moments),
    Escalated: st.builds(Escalated, _versions, codes, _tuples, codes, _versions, codes, _maybe(moments)),
    Acknowledged: st.builds(Acknowledged, _versions, words),
    PassedOn: st.builds(PassedOn, _versions, words),
    Rejected: st.builds(Rejected, words),
    Dispatched: st.builds(
        Dispatched,
        *(codes, words, words, limits.map(str), moments, st.booleans(), _versions, st.booleans()),
        co_handlers=_tuples,
        automatic=_maybe(codes),
        warn_at=_maybe(moments),
        run=_maybe(_versions),
        calendar=st.just("") | codes,
    ),
    Returned: st.builds(Returned, codes, words, _floats, _maybe(_started)),
    Handled: st.builds(Handled, codes, words, _tuples, _maybe(_started)),
    Checked: st.builds(Checked, st.booleans(), words, _tuples, _maybe(_started)),
    Closed: st.builds(Closed),
    Reopened: st.builds(Reopened, words, _maybe(_started)),
    Cancelled: st.builds(Cancelled, words),
    Corrected: st.builds(
        Corrected,
        *(codes, _urgencies, places, _routes, _versions, words),
        specialised=_tuples,
        standard=_maybe(codes),
        elsewhere=st.booleans(),
        remaining_s=_maybe(_floats),
        starts=_maybe(_started),
    ),
    SelfHandled: st.builds(SelfHandled, words, _tuples, _tuples),
    Joined: st.builds(Joined, codes, codes, _floats, _maybe(_floats), words),
    Followed: st.builds(Followed, codes, codes, codes),
    Accepted: st.builds(Accepted, codes),
    Declined: st.builds(Declined, codes, words),
    Assigned: st.builds(Assigned, codes, _maybe(codes), _maybe(codes), words),
    Involved: st.builds(Involved, _tuples, words),
    PartDone: st.builds(PartDone, codes, words, _tuples),
    Applied: st.builds(Applied, _wishes, words, _maybe(moments)),
    Granted: st.builds(Granted, _wishes, words, _maybe(moments), _maybe(_floats), _maybe(_started)),
    Refused: st.builds(Refused, _wishes, words),
    Resumed: st.builds(Resumed, _started, words),
    Supervised: st.builds(Supervised, words, _maybe(_started)),
    Answered: st.builds(Answered, words),
    Enforced: st.builds(Enforced, words, words, words, words),
    Appealed: st.builds(Appealed, codes, words),
    Decided: st.builds(Decided, st.booleans(), words),
    CalledBack: st.builds(
        CalledBack, st.booleans(), _maybe(st.booleans()), _maybe(st.booleans()), _maybe(words)
    ),
    TakenBack: st.builds(
        TakenBack,
        *(_versions, codes),
        st.sampled_from([t.outcome for t in TRANSITIONS if t.act is Act.TAKE_BACK]),
        words,
    ),
    Tasked: st.builds(
        Tasked,
        *(st.sampled_from(["verify", "check"]), codes, _maybe(codes), _maybe(_floats), _maybe(codes)),
        answer_by=_maybe(moments),
    ),
    TaskAccepted: st.builds(TaskAccepted),
    TaskDeclined: st.builds(TaskDeclined, words),
    TaskExpired: st.builds(TaskExpired, codes),
    Adopted: st.builds(Adopted, _routes, _versions, _maybe(_started)),
    Noted: st.builds(Noted, words),
    Attached: st.builds(Attached, _tuples),
    Imported: st.builds(
        Imported,
        *(words, codes, codes, codes, codes, codes, places, words, st.booleans(), moments),
        closed_at=_maybe(moments),
        due_at=_maybe(moments),
        words=_maybe(words),
        marks=_tuples,
    ),
}
facts = st.sampled_from(list(KINDS.values())).flatmap(FACTS.__getitem__)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Calendars of any kind: several zones, day and night shifts, days off and make-up days in 2024-2026."""
    zone = draw(
        st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"])
    )
    cuts = draw(
        st.lists(st.integers(0, 95), min_size=2, max_size=6, unique=True).filter(lambda c: not len(c) % 2)
    )
    times = [time(cut // 4, cut % 4 * 15) for cut in sorted(cuts)]
    hours = tuple(zip(times[::2], times[1::2], strict=True))
    days = st.frozensets(st.dates(date(2024, 1, 1), date(2026, 12, 31)), max_size=30)
    off = draw(days)
    return Calendar(
        zone,
        hours=draw(st.just(hours) | st.sampled_from([china().hours])),
        week=draw(st.sampled_from([frozenset(range(5)), frozenset(range(7)), frozenset({0, 2, 6})])),
        days_off=off,
        workdays=draw(days) - off,
    )
