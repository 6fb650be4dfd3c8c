"""What a new drawing changes of an old one: each change with its codes, shares of area, place and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum

from geodata.grids import Level


class Kind(Enum):
    """What became of a grid, or of a level.

    Every grid has one fate: kept, recoded (another code, the same border), redrawn (it goes on with another
    border), split, merged, rearranged (several with several, or parts of neighbours too), retired (no ground
    any more) or added (on ground no grid had). A grid that goes on may be renamed, reparented or given to
    another responsible unit besides.
    """

    kept = "kept"
    recoded = "recoded"
    redrawn = "redrawn"
    split = "split"
    merged = "merged"
    rearranged = "rearranged"
    retired = "retired"
    added = "added"
    renamed = "renamed"
    reparented = "reparented"
    unit_changed = "unit_changed"
    level_added = "level_added"
    level_removed = "level_removed"

    @property
    def zh(self) -> str:
        """The kind in Chinese."""
        return _ZH[self]


_ZH = {
    Kind.kept: "不变",
    Kind.recoded: "换码",
    Kind.redrawn: "边界调整",
    Kind.split: "拆分",
    Kind.merged: "合并",
    Kind.rearranged: "重新划分",
    Kind.retired: "撤销",
    Kind.added: "新增",
    Kind.renamed: "改名",
    Kind.reparented: "改变隶属",
    Kind.unit_changed: "责任单位变更",
    Kind.level_added: "新增层级",
    Kind.level_removed: "取消层级",
}
NAMED = 6
"""So many codes or shares a text names one by one; a change holds them all."""


@dataclass(frozen=True, slots=True)
class Share:
    """The ground that an old grid and a new one share: in m², of the old one and of the new one (0..1)."""

    old: str
    new: str
    m2: float
    of_old: float
    of_new: float


@dataclass(frozen=True, slots=True)
class Change:
    """One change: old and new codes of a level (its key), the ground they share, a (longitude, latitude) to
    look at, and what happened in Chinese and English. A change of a level has no grids.

    `shares` are those of all its grids, the largest first, whoever has the other part; so they may name
    codes that are not the change's own.
    """

    kind: Kind
    level: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    shares: tuple[Share, ...]
    place: tuple[float, float] | None
    zh: str
    en: str

    def to_dict(self) -> dict[str, object]:
        """The change as plain values, for JSON; shares to a millionth."""
        shares = [
            asdict(one)
            | {"m2": round(one.m2, 1), "of_old": round(one.of_old, 6), "of_new": round(one.of_new, 6)}
            for one in self.shares
        ]
        return {
            **{name: getattr(self, name) for name in ("level", "zh", "en")},
            "kind": self.kind.value,
            "old": list(self.old),
            "new": list(self.new),
            "shares": shares,
            "place": None if self.place is None else list(self.place),
        }


def percent(share: float) -> str:
    """A share in per cent, never rounded to none or to all.

    >>> percent(0.851), percent(0.00001), percent(0.99999), percent(1.0)
    ('85.1 %', '< 0.1 %', '> 99.9 %', '100 %')
    """
    if share >= 1 - 1e-9:
        return "100 %"
    if share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if share >= 0.9995 else f"{share:.1%}".replace("%", " %")


def codes_zh(codes: Sequence[str]) -> str:
    """Codes as a list in Chinese."""
    return "、".join(codes[:NAMED]) + (f"等 {len(codes)} 个" if len(codes) > NAMED else "")


def codes_en(codes: Sequence[str]) -> str:
    """Codes as a list in English."""
    return ", ".join(codes[:NAMED]) + (f" and {len(codes) - NAMED} more" if len(codes) > NAMED else "")


def ground_texts(
    kind: Kind, level: Level, old: Sequence[str], new: Sequence[str], shares: Sequence[Share], m2: float
) -> tuple[str, str]:
    """What became of the ground of these grids, in Chinese and English; `m2`: the area of all of them."""
    zh, en = level.name_zh, level.name_en
    parts = [_named_share(share, kind) for share in shares]
    more = f" +{len(parts) - NAMED}" if len(parts) > NAMED else ""
    listed_zh, listed_en = "；".join(parts[:NAMED]) + more, "; ".join(parts[:NAMED]) + more
    a_zh, b_zh, a_en, b_en = codes_zh(old), codes_zh(new), codes_en(old), codes_en(new)
    if kind is Kind.redrawn:
        return _redrawn(level, old[0], new[0], shares)
    texts: dict[Kind, Callable[[], tuple[str, str]]] = {
        Kind.recoded: lambda: (
            f"{zh} {a_zh} 换码为 {b_zh}，边界不变",
            f"{en} {a_en} has the new code {b_en} on the same ground",
        ),
        Kind.split: lambda: (
            f"{zh} {a_zh} 拆分为 {b_zh}（占原面积：{listed_zh}）",
            f"{en} {a_en} was split into {b_en} (of the old one: {listed_en})",
        ),
        Kind.merged: lambda: (
            f"{zh} {a_zh} 合并为 {b_zh}（占新面积：{listed_zh}）",
            f"{en} {a_en} were merged into {b_en} (of the new one: {listed_en})",
        ),
        Kind.rearranged: lambda: (
            f"{zh} {a_zh} 重新划分为 {b_zh}（占原面积：{listed_zh}）",
            f"{en} {a_en} were rearranged into {b_en} (of the old ones: {listed_en})",
        ),
        Kind.retired: lambda: (
            f"{zh} {a_zh} 撤销，原有 {m2:,.0f} 平方米不再属于任何{zh}",
            f"{en} {a_en} was retired: its {m2:,.0f} m² are in no {en} any more",
        ),
        Kind.added: lambda: (
            f"新增{zh} {b_zh}，{m2:,.0f} 平方米，此前不属于任何{zh}",
            f"{en} {b_en} was added: {m2:,.0f} m² that were in no {en} before",
        ),
    }
    return texts[kind]()


def _named_share(share: Share, kind: Kind) -> str:
    if kind is Kind.split:
        return f"{share.new} {percent(share.of_old)}"
    if kind is Kind.merged:
        return f"{share.old} {percent(share.of_new)}"
    return f"{share.old} → {share.new} {percent(share.of_old)}"


def _redrawn(level: Level, old: str, new: str, shares: Sequence[Share]) -> tuple[str, str]:
    kept = next((one for one in shares if (one.old, one.new) == (old, new)), None)
    of_old, of_new = (0.0, 0.0) if kept is None else (kept.of_old, kept.of_new)
    zh, en = f"{level.name_zh} {old} 边界调整", f"{level.name_en} {old} has another border"
    if old != new:
        zh, en = f"{zh}，换码为 {new}", f"{en} and the new code {new}"
    return (
        f"{zh}：原面积保留 {percent(of_old)}，占新面积 {percent(of_new)}",
        f"{en}: {percent(of_old)} of it stays, which is {percent(of_new)} of it now",
    )


def detail_texts(
    kind: Kind, level: Level, code: str, before: str | None, after: str | None
) -> tuple[str, str]:
    """What else changed about a grid that goes on, in Chinese and English; `before` and `after`: names, codes
    of parents, or units."""
    zh, en = f"{level.name_zh} {code}", f"{level.name_en} {code}"
    none_zh, none_en = (
        ("无" if one is None else one for one in (before, after)),
        ("none" if one is None else one for one in (before, after)),
    )
    a_zh, b_zh = none_zh
    a_en, b_en = none_en
    if kind is Kind.renamed:
        return f"{zh} 由“{a_zh}”改名为“{b_zh}”", f"{en} was called {a_en!r}, is called {b_en!r}"
    if kind is Kind.reparented:
        return f"{zh} 由 {a_zh} 改属 {b_zh}", f"{en} lay in {a_en}, lies in {b_en}"
    return f"{zh} 责任单位由 {a_zh} 改为 {b_zh}", f"{en} was answered for by {a_en}, is by {b_en}"


def level_texts(kind: Kind, level: Level, grids: int) -> tuple[str, str]:
    """A level that came or went, in Chinese and English."""
    if kind is Kind.level_added:
        return (
            f"新增层级“{level.name_zh}”，{grids} 个网格",
            f"the level {level.key!r} is new, with {grids} grids",
        )
    return (
        f"取消层级“{level.name_zh}”，原有 {grids} 个网格",
        f"the level {level.key!r} is gone, with its {grids} grids",
    )
