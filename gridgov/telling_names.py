"""What the values in a fact are called in Chinese and in English: people, departments, grids, times, limits,
places and clocks. Sentences are put together of these in `gridgov.telling_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dispatch.categories import URGENCY_ZH
from dispatch.clocks import CLOCK_ZH
from dispatch.deadlines import UNIT_ZH, Limit, Unit
from dispatch.entries import AUTO, SYSTEM, Place, Route, Started
from dispatch.rules import Rules
from gridgov.due_times import hours
from gridgov.storage.tables import path_text

UNIT_EN: Final[Mapping[Unit, str]] = {
    Unit.EM: "minutes",
    Unit.EH: "hours",
    Unit.ED: "calendar days",
    Unit.WM: "working minutes",
    Unit.WH: "working hours",
    Unit.WD: "working days",
}
#: What stands in the place of a rule's name where none decided.
_NO_RULE_ZH: Final = {
    "category": "类别默认部门",
    "territorial": "属地兜底",
    "fallback": "兜底部门",
    "imported": "历史导入",
}
#: So much of a digest tells two photos of one incident apart; the whole stands in the list of photos.
_SHORT: Final = 10


@dataclass(frozen=True, slots=True)
class Said:
    """The same in Chinese and in English."""

    zh: str
    en: str


def both(zh: str, en: str | None = None) -> Said:
    """Words in both languages; the same in both where only one is given."""
    return Said(zh, zh if en is None else en)


def joined(*parts: Said | None) -> Said:
    """Parts of a sentence in a row, those that are None left out.

    >>> joined(both("派遣", "dispatched"), None, both("至 18:00", "until 18:00"))
    Said(zh='派遣，至 18:00', en='dispatched, until 18:00')
    """
    there = [part for part in parts if part is not None]
    return Said("，".join(part.zh for part in there), ", ".join(part.en for part in there))


def quoted(zh: str, en: str, text: str) -> Said | None:
    """What somebody wrote, in quotation marks, after what it is; None where they wrote nothing.

    >>> quoted("理由", "reason", "不属本部门")
    Said(zh='理由：“不属本部门”', en='reason: “不属本部门”')
    """
    return both(f"{zh}：“{text}”", f"{en}: “{text}”") if text else None


@dataclass(frozen=True, slots=True)
class Names:
    """What there is to call things by: the rules in force, ``people`` by id, ``grids`` by the text of their
    path, the city's time ``zone``. What has no name any more is called by its code or key.
    """

    rules: Rules
    people: Mapping[str, str] = field(default_factory=dict)
    grids: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"

    def person(self, id_: str) -> Said:
        """A person, nobody (the system), or a rule that did something by itself."""
        if id_ == SYSTEM:
            return both("系统", "the system")
        if id_.startswith(AUTO):
            rule = id_.removeprefix(AUTO)
            return both(f"自动规则 {rule}", f"the automatic rule {rule}")
        return both(self.people.get(id_, id_))

    def department(self, code: str) -> Said:
        """A department; an empty code is nobody's."""
        known = self.rules.routing.departments.get(code)
        if known is None:
            return both(code) if code else both("（无）", "(none)")
        return both(known.name_zh, _english(known.name_zh, known.name_en))

    def departments(self, codes: Sequence[str]) -> Said:
        """Several of them; none where there are none."""
        found = [self.department(code) for code in codes] or [both("（无）", "(none)")]
        return Said("、".join(one.zh for one in found), ", ".join(one.en for one in found))

    def crew(self, department: str, code: str) -> Said:
        """A crew of a department."""
        known = self.rules.routing.departments.get(department)
        for crew in () if known is None else known.crews:
            if crew.code == code:
                return both(crew.name_zh, _english(crew.name_zh, crew.name_en))
        return both(code)

    def category(self, key: str) -> Said:
        """A category with its key."""
        if key not in self.rules.categories:
            return both(key)
        known = self.rules.categories.get(key)
        return both(f"{known.name_zh}（{key}）", f"{_english(known.name_zh, known.name_en)} ({key})")

    def standard(self, category: str, code: str | None) -> Said | None:
        """The case standard that something is filed under; None for none of them."""
        if code is None:
            return None
        zh, en = "", ""
        if category in self.rules.categories:
            for one in self.rules.categories.get(category).standards:
                if one.code == code:
                    zh, en = one.condition_zh or one.condition_en, one.condition_en or one.condition_zh
        told = both(f"立案标准 {code}", f"case standard {code}")
        return both(f"{told.zh}（{zh}）", f"{told.en} ({en})") if zh else told

    def grid(self, path: Sequence[str]) -> Said:
        """A grid by the names of all that it lies in, widest first; the unlocated tray."""
        if not path:
            return both("未定位", "the unlocated tray")
        parts = [tuple(path[: depth + 1]) for depth in range(len(path))]
        return both(" > ".join(self.grids.get(path_text(part), part[-1]) for part in parts))

    def moment(self, at: datetime) -> str:
        """A moment in the city's time, with seconds where it has any."""
        local = at.astimezone(ZoneInfo(self.zone))
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"

    def rule(self, name: str) -> Said:
        """The rule that decided whose it is, or what stands in its place."""
        return both(_NO_RULE_ZH.get(name, name), name)


def _english(zh: str, en: str) -> str:
    return f"{en} {zh}" if en else zh


def urgency(code: str) -> Said:
    """How soon.

    >>> urgency("urgent").zh
    '紧急'
    """
    known = {str(one): zh for one, zh in URGENCY_ZH.items()}
    return both(known.get(code, code), code)


def clock(name: str) -> Said:
    """A clock: what has to be done by when."""
    known = {str(one): zh for one, zh in CLOCK_ZH.items()}
    return both(f"{known.get(name, name)}时限", f"limit of {name}")


def limit(text: str) -> Said:
    """A time limit in words.

    >>> limit("2wd")
    Said(zh='2工作日', en='2 working days')
    """
    found = Limit.parse(text)
    return both(f"{found.amount}{UNIT_ZH[found.unit]}", f"{found.amount} {UNIT_EN[found.unit]}")


def started(told: Started | None, names: Names) -> Said | None:
    """A clock that runs from here: its limit, its warning, its end, and by which calendar."""
    if told is None:
        return None
    name, length = clock(told.clock), limit(told.limit)
    again = f"{told.run}"
    parts = [
        both(
            f"{name.zh}（第{again}条起算）{length.zh}",
            f"the {name.en} (run of entry {again}) is {length.en}",
        ),
        both(f"预警 {names.moment(told.warn_at)}", f"warning {names.moment(told.warn_at)}"),
        both(f"至 {names.moment(told.due_at)}", f"until {names.moment(told.due_at)}"),
        calendar(told.calendar),
        unconfirmed(told.unconfirmed_year),
    ]
    return joined(*parts)


def calendar(key: str) -> Said | None:
    """By which calendar, where that is not the city's own."""
    return both(f"日历 {key}", f"calendar {key}") if key else None


def unconfirmed(yes: bool) -> Said | None:
    """That an end may move yet."""
    return both("该年放假安排尚未公布", "the days off of that year are not published yet") if yes else None


def left(seconds: float | None) -> Said | None:
    """How much of a limit was left when its clock paused, in hours and minutes of its own kind of time."""
    if seconds is None:
        return None
    text = hours(timedelta(seconds=seconds))
    return both(f"处置时限剩余 {text}", f"{text} h left of the limit of handling")


def route(told: Route | None, names: Names) -> Said | None:
    """Whose it is, who has a part in it, and the rule that says so; the rule's reason is told in English."""
    if told is None:
        return None
    whose, rule = names.department(told.department), names.rule(told.rule)
    why = f" ({told.reason})" if told.reason else ""
    return joined(
        both(f"归属 {whose.zh}（规则：{rule.zh}）", f"it belongs to {whose.en} by the rule {rule.en}{why}"),
        co_handlers(told.co_handlers, names),
    )


def co_handlers(codes: Sequence[str], names: Names) -> Said | None:
    """Who has a part in it, where anybody has."""
    if not codes:
        return None
    others = names.departments(codes)
    return both(f"协办 {others.zh}", f"co-handlers {others.en}")


def photos(digests: Sequence[str], zh: str = "照片", en: str = "photos") -> Said | None:
    """How many photos, and which, by the beginning of their digests."""
    if not digests:
        return None
    short = [digest[:_SHORT] for digest in digests]
    return both(f"{zh} {len(short)} 张（{'、'.join(short)}）", f"{en}: {len(short)} ({', '.join(short)})")


def specialised(grids: Sequence[str]) -> Said | None:
    """The specialised grids that matter for it."""
    return both(f"专业网格 {'、'.join(grids)}", f"specialised grids {', '.join(grids)}") if grids else None


def by_rules(version: int) -> Said:
    """The version of the city's rules that something was decided with."""
    return both(f"规则第 {version} 版", f"rules version {version}")


def place(told: Place, names: Names) -> Said:
    """Where it is: the grid, the edition, the point as it is and as it was sent, how near to a border."""
    grid = names.grid(told.path)
    edition = None if told.edition is None else both(f"网格版次 {told.edition}", f"edition {told.edition}")
    return joined(both(f"地点 {grid.zh}", f"at {grid.en}"), edition, *_point(told), *_around(told, names))


def _point(told: Place) -> list[Said | None]:
    if told.raw_lon is None or told.raw_lat is None:
        return []
    here = None
    if told.lon is not None and told.lat is not None:
        here = both(
            f"坐标 {told.lon:.6f}, {told.lat:.6f}（WGS-84）", f"point {told.lon:.6f}, {told.lat:.6f} (WGS-84)"
        )
    raw = f"{told.raw_lon}, {told.raw_lat}"
    accuracy = None
    if told.accuracy_m is not None:
        accuracy = both(f"精度 {told.accuracy_m:g} 米", f"accuracy {told.accuracy_m:g} m")
    return [here, both(f"原始坐标 {raw}（{told.datum}）", f"as sent {raw} ({told.datum})"), accuracy]


def _around(told: Place, names: Names) -> list[Said | None]:
    parts: list[Said | None] = []
    if told.border_m is not None:
        parts.append(both(f"距网格边界 {told.border_m:.1f} 米", f"{told.border_m:.1f} m from the border"))
    if told.near_border:
        near = [names.grid(path.split("/")).zh for path in told.near_border]
        parts.append(both(f"邻近 {'、'.join(near)}", f"near {', '.join(near)}"))
    if told.nearest:
        grid = names.grid(told.nearest)
        parts.append(both(f"最近的网格 {grid.zh}", f"the nearest grid {grid.en}"))
    if told.outside_m is not None:
        parts.append(both(f"在网格外 {told.outside_m:.1f} 米", f"{told.outside_m:.1f} m outside"))
    return parts


def until(at: datetime | None, names: Names) -> Said | None:
    """Until when, where that is told."""
    return None if at is None else both(f"至 {names.moment(at)}", f"until {names.moment(at)}")


def reason(text: str) -> Said | None:
    """The reason that somebody gave."""
    return quoted("理由", "reason", text)
