"""The town's people at their desks on the written day: they act over HTTP, and the clock is set by the story."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from PIL import Image
from sqlalchemy import func, select
from starlette.testclient import TestClient

from dispatch.entries import from_micros
from dispatch.lifecycle import ACT_ZH, STAGE_ZH, Act, Role, Stage
from gridgov import accounts, city
from gridgov.accounts import Person
from gridgov.app import create_app
from gridgov.scope import Assignment
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from gridgov.storage.tables import IncidentRow
from gridgov.sweeping import Sweeper
from tests.gridgov import scene
from tests.gridgov.conftest import PASSWORD, QUICK, Site

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
#: The week of the story begins on 23 November 2026.
DAYS: Final = {name: 23 + n for n, name in enumerate(("周一", "周二", "周三", "周四", "周五"))}

MANHOLE: Final = "t:component:manhole"
LAMP: Final = "t:component:lamp"
RUBBISH: Final = "t:event:rubbish"
FLOOD: Final = "t:event:flood"
STALL: Final = "t:event:stall"
NOISE: Final = "t:event:noise"

NORTH, SOUTH = ("D", "N"), ("D", "S")
#: Everybody: id -> name, and what they are assigned to. They are made up.
PEOPLE: Final[dict[str, tuple[str, list[tuple[Role, tuple[str, ...], str | None]]]]] = {
    "lin": ("网格员 林晓", [(Role.INSPECTOR, (*NORTH, "N1"), None)]),
    "zhou": ("网格员 周敏", [(Role.INSPECTOR, NORTH, None)]),
    "he": ("网格员 何涛", [(Role.INSPECTOR, SOUTH, None)]),
    "chen": ("受理员 陈静", [(Role.INTAKE_CLERK, (), None)]),
    "huang": ("派遣员 黄磊", [(Role.DISPATCHER, ("D",), None)]),
    "wu": ("值班长 吴岚", [(Role.SHIFT_LEADER, (), None)]),
    "zheng": ("水务局 郑凯", [(Role.HANDLER, (), "water")]),
    "luo": ("水务局 罗成", [(Role.HANDLER, (), "water")]),
    "xie": ("环卫所 谢芳", [(Role.HANDLER, (), "cleaning")]),
    "qiu": ("城管执法队 邱燕", [(Role.HANDLER, (), "urban")]),
    # Both an inspector and a handler: nobody may be both on one incident (巡办分离).
    "tang": ("北街道办 唐宁", [(Role.HANDLER, (), "north_office"), (Role.INSPECTOR, NORTH, None)]),
    "sun": ("北街道办 孙悦", [(Role.HANDLER, (), "north_office")]),
    "tian": ("区办 田野", [(Role.HANDLER, (), "office")]),
    "fang": ("督查员 方正", [(Role.SUPERVISOR, (), None)]),
    "jiang": ("领导 江河", [(Role.MANAGER, (), None)]),
    "admin": ("管理员", [(Role.ADMINISTRATOR, (), None)]),
}


def _person(id_: str) -> Person:
    name, held = PEOPLE[id_]
    assignments = tuple(
        Assignment(f"as-{id_}-{n}", role, path, department, scene.LONG_AGO)
        for n, (role, path, department) in enumerate(held)
    )
    return Person(id_, id_, name, assignments)


class Day:
    """The town, served; what is done in it, and when."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cases: list[Case] = []
        self._photos = 0

    def at(self, when: str) -> None:
        """It is that time, such as "周一 08:30"; whatever was to happen by itself until then has happened."""
        day, _, time = when.partition(" ")
        hour, minute = map(int, time.split(":"))
        moment = datetime(2026, 11, DAYS[day], hour, minute, tzinfo=SHANGHAI)
        clock, service = self.site.clock, self.site.service
        assert moment > clock.now, f"{when} is over"
        while (look := self._next_look()) is not None and look < moment:
            clock.now = max(clock.now, look)
            assert Sweeper(service.reader, service.writer, clock).sweep(), "it has to come to an end"
        self.site.later(max(moment - clock.now, timedelta(0)))

    def _next_look(self) -> datetime | None:
        with self.site.service.reader.connect() as connection:
            found = connection.execute(select(func.min(IncidentRow.look_at))).scalar()
        return None if found is None else from_micros(found)

    def reports(self, who: str, category: str, grid: str | None, words: str, **more: Any) -> Case:
        """Somebody reports something in one of the squares (上报); ``photos`` is how many they take of it,
        ``taken`` those they have; ``east_m`` how far from its middle. None of the squares: they do not know
        where.
        """
        photos = more.pop("taken", []) + self.photos(who, more.pop("photos", 0))
        body: dict[str, Any] = {"id": str(uuid.uuid4()), "category": category, "words": words}
        if grid is not None:
            body["position"] = position(grid, more.pop("east_m", 0.0))
        if photos:
            body["photos"] = photos
        if who == "chen":
            body |= {"channel": "hotline", "reporter": {"name": "市民", "phone": "000-0000"}}
        answer = self.site.as_(who).post("/api/incidents", body | more)
        assert answer.status_code == 201, answer.text
        self.cases.append(Case(self, answer.json()["incident"]))
        return self.cases[-1]

    def photos(self, who: str, count: int = 1) -> list[str]:
        """Somebody takes so many photos and sends them; what they are called."""
        return [self._photo(who) for _ in range(count)]

    def _photo(self, who: str) -> str:
        self._photos += 1
        file = io.BytesIO()
        Image.new("RGB", (16, 16), (self._photos % 256, 80, 120)).save(file, "PNG")
        answer = self.site.as_(who).post(
            "/api/photos", content=file.getvalue(), headers={"Content-Type": "image/png"}
        )
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["digest"])

    def is_on_duty(self, who: str, path: tuple[str, ...], near: str) -> None:
        """The shift leader puts somebody on duty in a grid until Friday evening (值班); their phone says that
        they are in the middle of one of the squares.
        """
        duty = {
            "id": str(uuid.uuid4()),
            "person": who,
            "path": list(path),
            "ends_at": local("11-27", "20:00"),
        }
        answer = self.site.as_("wu").post("/api/duty", duty)
        assert answer.status_code == 201, answer.text
        answer = self.site.as_(who).post("/api/duty/position", position(near))
        assert answer.status_code == 200, answer.text

    def hands_over(self, who: str, to: str, remark: str) -> None:
        """Somebody goes, and who comes has what they have not done (交接班)."""
        sent = {"id": str(uuid.uuid4()), "to": to, "remark": remark}
        answer = self.site.as_(who).post("/api/duty/hand_over", sent)
        assert answer.status_code == 201, answer.text

    def asks(self, who: str, path: str, **params: Any) -> Any:
        """Somebody looks something up."""
        answer = self.site.as_(who).get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Case:
    """One incident of the story."""

    def __init__(self, day: Day, id_: str) -> None:
        self.day, self.id = day, id_

    def told(self, who: str = "wu") -> dict[str, Any]:
        """What somebody is told of it."""
        return dict(self.day.asks(who, f"/api/incidents/{self.id}"))

    @property
    def row(self) -> dict[str, Any]:
        """How it stands."""
        return dict(self.told()["row"])

    @property
    def last(self) -> dict[str, Any]:
        """What was written down last."""
        return dict(self.told()["history"][-1])

    def does(self, who: str, act: str, to: str | None = None, **sent: Any) -> None:
        """Somebody does something, such as "file 立案", which they are offered; it stands ``to`` then."""
        seen = self.told(who)
        name = _act(act)
        assert name in seen["acts"], f"{who} is not offered {act}, but {seen['acts']}"
        answer = self._sends(who, name, seen["row"]["number"], sent)
        assert answer.status_code == 200, f"{who} {act}: {answer.text}"
        if to is not None:
            self.stands(to)

    def takes_back_unseen(self, who: str, to: str, reason: str) -> None:
        """Somebody takes back (撤回) what they gave away with it: they do not see it any more, and have only
        the number that their receipt told.
        """
        assert self.day.site.as_(who).get(f"/api/incidents/{self.id}").status_code == 404
        answer = self._sends(who, Act.TAKE_BACK, self.row["number"], {"reason": reason})
        assert answer.status_code == 200, answer.text
        self.stands(to)

    def may_not(self, who: str, act: str, why: str, **sent: Any) -> None:
        """Somebody tries, and is refused: nothing has changed."""
        before = self.row
        answer = self._sends(who, _act(act), sent.pop("seen", before["number"]), sent)
        assert answer.status_code >= 400, f"{who} may {act}"
        assert answer.json()["type"].rpartition(":")[2] == why, answer.text
        assert self.row == before

    def _sends(self, who: str, act: Act, seen: int, sent: dict[str, Any]) -> Any:
        body = {"id": str(uuid.uuid4()), "seen": seen, **sent}
        return self.day.site.as_(who).post(f"/api/incidents/{self.id}/{act}", body)

    def stands(self, stage: str) -> None:
        """It stands there, such as "handling 处置"."""
        name, zh = stage.split()
        assert STAGE_ZH[Stage(name)] == zh, f"{name} is {STAGE_ZH[Stage(name)]}"
        assert self.row["stage"] == name

    def is_sent(self, who: str, because: str) -> None:
        """Somebody is sent to look (派单), and that is why."""
        row = self.row
        assert row["task_person"] == who, f"{row['task_person']} is sent"
        told = [one for one in self.told()["history"] if one["kind"] == "tasked"]
        assert told[-1]["body"]["because"] == because

    def is_for_nobody(self) -> None:
        """Nobody is left to send: a desk has to say who goes."""
        row = self.row
        assert (row["task_person"], row["task_state"]) == (None, "unassigned")

    def clock(self, name: str) -> dict[str, Any]:
        """How the last run of one of its clocks reads now."""
        found = self.day.asks("wu", f"/api/incidents/{self.id}/clocks")["clocks"]
        return dict([one for one in found if one["clock"] == name][-1])


def _act(act: str) -> Act:
    """The act of "file 立案"; both words are the table's own."""
    name, zh = act.split()
    assert ACT_ZH[Act(name)] == zh, f"{name} is {ACT_ZH[Act(name)]}"
    return Act(name)


def position(grid: str, east_m: float = 0.0) -> dict[str, Any]:
    """So many metres east of the middle of one of the squares, as a phone sends it."""
    point = scene.at(grid)
    return {"lon": point.lon + east_m / 102_800, "lat": point.lat, "datum": "wgs84", "accuracy_m": 5}


def local(day: str, time: str) -> str:
    """A local time as a program sends it."""
    return f"2026-{day}T{time}:00+08:00"


@contextmanager
def opened(settings: Settings) -> Iterator[Day]:
    """The town on Monday morning: its rules and grids in force, everybody there."""
    init(settings.database_url, "epoch-1")
    start = datetime(2026, 11, 23, 8, 0, tzinfo=SHANGHAI)
    text = (Path(__file__).parent / "town.toml").read_text(encoding="utf-8")
    with Service.open(settings, scene.Clock(start)) as service:
        run = service.writer.run
        run(city.apply(text, "test"))
        run(city.import_edition(scene.hierarchy(), "first", made_up=True, findings=[], by="test"))
        hashed = QUICK.hash(PASSWORD)
        for id_ in PEOPLE:
            run(accounts.add(_person(id_), hashed))
        app = create_app(service, passwords=QUICK)
        with TestClient(app, raise_server_exceptions=False) as client:
            assert isinstance(service.clock, scene.Clock)
            yield Day(Site(service, client, service.clock))
