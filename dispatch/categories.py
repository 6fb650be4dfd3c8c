"""What kinds of thing an incident can be, how soon each has to be put right, and whose it usually is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dispatch.deadlines import Limit
from dispatch.errors import BadRules, UnknownCategory, UnknownStandard


class Kind(StrEnum):
    """A part of the city (部件) or something that happens in it (事件)."""

    COMPONENT = "component"
    EVENT = "event"


KIND_ZH: Final = {Kind.COMPONENT: "部件", Kind.EVENT: "事件"}


class Urgency(StrEnum):
    """How soon (紧急程度)."""

    ORDINARY = "ordinary"
    URGENT = "urgent"
    CRITICAL = "critical"


URGENCY_ZH: Final = {Urgency.ORDINARY: "一般", Urgency.URGENT: "紧急", Urgency.CRITICAL: "重大"}

#: The median of the limits that a published list states is two working days (domain notes, "Categories").
#: Where a list states none, this stands in for it and is the city's to set.
DEFAULT_LIMIT: Final = Limit.parse("2wd")


@dataclass(frozen=True, slots=True)
class CaseStandard:
    """One of the ways in which a category's incidents are filed and closed (立案标准).

    ``code`` is unique within its category. ``condition`` says when it applies, ``closing`` what has to be so
    at the end; both are empty where the list does not tell them, and then the city's to set, as the limit
    is where ``limit_is_default``. ``urgency`` and ``department`` None are the category's. ``calendar`` is
    the key of the calendar that the limit runs by, empty for the city's. ``photos`` are the least numbers of
    photos demanded by act (``report``, ``handle``, ``check``). ``automatic`` names the rule by which it is
    filed, and perhaps dispatched, without a human hand.
    """

    code: str
    limit: Limit = DEFAULT_LIMIT
    limit_is_default: bool = False
    condition_zh: str = ""
    condition_en: str = ""
    closing_zh: str = ""
    closing_en: str = ""
    urgency: Urgency | None = None
    department: str | None = None
    calendar: str = ""
    photos: tuple[tuple[str, int], ...] = ()
    automatic: str | None = None
    origin: str = ""

    @property
    def condition_is_missing(self) -> bool:
        """Is it the city's to say when it applies (待本市设定)? A list that gives several limits and not what
        each is for leaves that open.
        """
        return not (self.condition_zh or self.condition_en)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of governance (专业领域), such as fire or work safety: classes and categories by their keys."""

    key: str
    name_zh: str
    name_en: str = ""
    classes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of thing (类别). The codes of the two kinds overlap, so its key is (standard, kind, code).

    ``limit_is_default``: nobody stated the limit, the city is to set it. ``department``: who usually puts it
    right, where no routing rule says otherwise. ``aliases``: other names it goes by, such as the codes of an
    older list. ``origin``: where it comes from. ``standards``: its case standards; what is filed under none
    of them has the category's own limit, urgency, department, ``calendar`` and ``automatic`` rule, which
    mean what they do there.

    >>> rubbish = Category("cn2026", Kind.EVENT, "01049", "暴露垃圾", "Exposed rubbish", class_code="01")
    >>> rubbish.key, rubbish.class_key, str(rubbish.limit)
    ('cn2026:event:01049', 'cn2026:event:01', '2wd')
    """

    standard: str
    kind: Kind
    code: str
    name_zh: str
    name_en: str
    class_code: str = ""
    class_zh: str = ""
    class_en: str = ""
    urgency: Urgency = Urgency.ORDINARY
    limit: Limit = DEFAULT_LIMIT
    limit_is_default: bool = False
    department: str | None = None
    aliases: tuple[str, ...] = ()
    origin: str = ""
    standards: tuple[CaseStandard, ...] = ()
    calendar: str = ""
    automatic: str | None = None

    def standard_of(self, code: str | None) -> CaseStandard:
        """The case standard of this code; for None what is filed under none of them: the category's own.

        Raises UnknownStandard.
        """
        if code is None:
            return CaseStandard(
                "",
                self.limit,
                self.limit_is_default,
                urgency=self.urgency,
                department=self.department,
                calendar=self.calendar,
                automatic=self.automatic,
                origin=self.origin,
            )
        for standard in self.standards:
            if standard.code == code:
                return standard
        raise UnknownStandard(self.key, code, [standard.code for standard in self.standards])

    @property
    def key(self) -> str:
        """What entries and rules call it: ``standard:kind:code``."""
        return f"{self.standard}:{self.kind}:{self.code}"

    @property
    def class_key(self) -> str:
        """The class it belongs to: ``standard:kind:class_code``; empty where it belongs to none."""
        return f"{self.standard}:{self.kind}:{self.class_code}" if self.class_code else ""


class Categories:
    """All categories of a city, found by key or alias, in the order given.

    Raises BadRules with everything that is wrong: a key or alias that two categories claim, an empty code, a
    colon in a standard's name, two case standards of one code in a category.
    """

    __slots__ = ("_all", "_by_name", "_classes")

    def __init__(self, categories: Iterable[Category]) -> None:
        self._all = tuple(categories)
        if problems := _problems(self._all):
            raise BadRules(problems)
        self._by_name = {name: c for c in self._all for name in (c.key, *c.aliases)}
        classes: dict[str, list[Category]] = {}
        for category in self._all:
            if category.class_key:
                classes.setdefault(category.class_key, []).append(category)
        self._classes = {key: tuple(members) for key, members in classes.items()}

    @property
    def classes(self) -> Mapping[str, tuple[Category, ...]]:
        """The categories of each class, by the class's key."""
        return MappingProxyType(self._classes)

    def get(self, key_or_alias: str) -> Category:
        """The category of this key or alias; raises UnknownCategory, which says what was perhaps meant.

        >>> light = Category("x", Kind.COMPONENT, "0301", "路灯", "Street light", aliases=("lamp",))
        >>> Categories([light]).get("lamp").key
        'x:component:0301'
        >>> Categories([light]).get("lam")
        Traceback (most recent call last):
        ...
        dispatch.errors.UnknownCategory: the rules in force have no category 'lam'; did you mean ...?
        """
        found = self._by_name.get(key_or_alias)
        if found is None:
            raise UnknownCategory(_short(key_or_alias), self._near(key_or_alias))
        return found

    def __contains__(self, key_or_alias: object) -> bool:
        return key_or_alias in self._by_name

    def __iter__(self) -> Iterator[Category]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Categories) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return f"<{len(self)} categories>"

    def _near(self, wrong: str) -> list[str]:
        """Up to three keys whose key, alias or name looks like it."""
        names = {name: c.key for c in self._all for name in (c.name_zh, c.name_en) if name}
        names |= {name: c.key for name, c in self._by_name.items()}
        # matching takes time with the square of the length, so a letter is not matched
        close = get_close_matches(wrong[:_SHOWN], names, n=3)
        return list(dict.fromkeys(names[name] for name in close))


#: More of a wrong key than this helps nobody.
_SHOWN: Final = 80


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _problems(categories: tuple[Category, ...]) -> list[str]:
    problems = [
        f"category {c.key!r} needs a standard without a colon, and a code"
        for c in categories
        if not c.standard or ":" in c.standard or not c.code
    ]
    for c in categories:
        codes = Counter(standard.code for standard in c.standards)
        problems += [
            f"category {c.key!r} has {n} case standards {code!r}" for code, n in codes.items() if n > 1
        ]
        if "" in codes:
            problems.append(f"category {c.key!r} has a case standard without a code")
    claims = Counter(name for c in categories for name in (c.key, *c.aliases))
    for name, times in claims.items():
        if times > 1:
            claimants = list(dict.fromkeys(c.key for c in categories if name in (c.key, *c.aliases)))
            problems.append(f"the key or alias {name!r} stands {times} times, for {', '.join(claimants)}")
    return problems
