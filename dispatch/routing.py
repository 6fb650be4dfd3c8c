"""Whose an incident is: the most specific rule wins, and says why; every other rule says why not.

From the most to the least specific:

1. a rule that names the category, before one that names its class, before one that names neither;
2. among those, the one with the deeper ``under`` (the longer grid path that the place must lie in);
3. the category's own department;
4. the territorial unit of the place (属地兜底);
5. the fallback: the department that takes what nobody owns.

So no incident is ever without an owner. A place outside every grid has the path (), which only rules without
``under`` match. Ties and rules that can never win are found when the rules are put together, not when an
incident arrives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from types import MappingProxyType
from typing import Final

from dispatch.categories import Categories, Category, Urgency
from dispatch.errors import BadRules, UnknownDepartment

Path = tuple[str, ...]

#: What a rule is about: a rank, and a key. The rank is part of it because a category and a class may have the
#: same code, and so the same key.
_Target = tuple[int, str]
_CATEGORY: Final = 2
_CLASS: Final = 1
_ANYTHING: Final = (0, "")

#: What stands in the place of a rule's name where no rule decided; rules may not be called so.
OWN: Final = "category"
TERRITORIAL: Final = "territorial"
FALLBACK: Final = "fallback"
_NO_RULE: Final = (OWN, TERRITORIAL, FALLBACK)


@dataclass(frozen=True, slots=True)
class Department:
    """Somebody who puts things right (部门). ``parent`` is the code of the bureau whose branch for the ground
    ``under`` a grid path it is (as a street's own office of the district's bureau).
    """

    code: str
    name_zh: str
    name_en: str = ""
    parent: str | None = None
    under: Path = ()


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """What it is for, and whose that is.

    For incidents of a category, a class or a field (by key; none of them: all), that lie under a grid path
    and in a specialised grid (``field/code``, or ``field`` for any of that field's), that came on one of
    ``channels`` with one of ``urgencies`` (empty: all), on one of the weekdays ``days`` (Monday is 0, empty:
    all) within local ``hours`` (from, up to; an end not after its begin is on the next day, a rule's day
    being that of the begin; empty: all day), in the city's working time or out of it (``working``, None:
    both).

    They go to ``department``, with ``branch`` to its branch that covers the place closest, itself where there
    is none; or, ``department`` being empty, to the territorial unit of the grid of level ``territorial`` (a
    key): a place where no unit stands at that level is not matched. ``co_handlers`` have a part in it.
    ``priority`` decides between rules that are else as specific.
    """

    name: str
    department: str
    category: str | None = None
    category_class: str | None = None
    under: Path = ()
    field: str | None = None
    specialised: str | None = None
    days: frozenset[int] = frozenset()
    hours: tuple[tuple[time, time], ...] = ()
    working: bool | None = None
    urgencies: frozenset[Urgency] = frozenset()
    channels: frozenset[str] = frozenset()
    priority: int = 0
    branch: bool = False
    territorial: str | None = None
    co_handlers: tuple[str, ...] = ()


#: The territorial units (属地) of a place: (the level's key, the unit) of each grid that names one, widest first.
Units = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that rules may ask of an incident.

    ``path``: the grid path of the place, widest first, () where it lies in no grid; ``units`` the territorial
    units of its grids; ``specialised`` the specialised grids that it lies in, as ``field/code``.
    ``department`` is the case standard's own, None where it has none.
    """

    category: Category
    path: Path = ()
    units: Units = ()
    specialised: tuple[str, ...] = ()
    urgency: Urgency = Urgency.ORDINARY
    channel: str = ""
    moment: datetime | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """The department an incident belongs to, the rule that says so, a sentence for people, and who else has a
    part in it.
    """

    department: str
    rule: str
    reason: str
    co_handlers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule that did not win, and the first of its conditions that failed."""

    rule: str
    department: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Who won, and why every other rule did not, in the order of the rules."""

    winner: Routed
    others: tuple[Failed, ...]


class Routing:
    """A city's departments and routing rules, checked and ready for :func:`route`.

    ``fallback``: the code of the department that takes what nobody owns. Raises BadRules with everything that
    is wrong: departments, categories or classes that do not exist, names given twice, ties, and rules that
    can never win because more specific ones cover all they could match.
    """

    __slots__ = ("_departments", "_depths", "_index", "categories", "fallback", "rules")

    def __init__(
        self,
        departments: Iterable[Department],
        rules: Iterable[RoutingRule],
        fallback: str,
        categories: Categories,
    ) -> None:
        listed = tuple(departments)
        self.rules = tuple(rules)
        self.fallback = fallback
        self.categories = categories
        self._departments = {d.code: d for d in listed}
        self._index: dict[tuple[_Target, Path], RoutingRule] = {}
        if problems := list(_problems(listed, self.rules, fallback, categories)):
            raise BadRules(problems)
        for rule in self.rules:
            self._index[_target(rule), rule.under] = rule
        depths: dict[_Target, set[int]] = {}
        for rule in self.rules:
            depths.setdefault(_target(rule), set()).add(len(rule.under))
        self._depths = {target: tuple(sorted(found, reverse=True)) for target, found in depths.items()}

    @property
    def departments(self) -> Mapping[str, Department]:
        """All departments by code."""
        return MappingProxyType(self._departments)

    def department(self, code: str) -> str:
        """The code, if there is such a department; raises UnknownDepartment."""
        if code not in self._departments:
            raise UnknownDepartment(code)
        return code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Routing) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self.rules)

    def __repr__(self) -> str:
        return f"<routing: {len(self._departments)} departments, {len(self.rules)} rules>"

    def _value(self) -> tuple[object, ...]:
        return self._departments, self.rules, self.fallback, self.categories

    def _winner(self, category: Category, path: Path) -> RoutingRule | None:
        for target in ((_CATEGORY, category.key), (_CLASS, category.class_key), _ANYTHING):
            for depth in self._depths.get(target, ()):
                if depth <= len(path) and (rule := self._index.get((target, path[:depth]))) is not None:
                    return rule
        return None


def _target(rule: RoutingRule) -> _Target:
    if rule.category is not None:
        return _CATEGORY, rule.category
    return _ANYTHING if rule.category_class is None else (_CLASS, rule.category_class)


def route(routing: Routing, case: Situation) -> Routed:
    """The department for a situation; the order stands at the head of this module.

    A territorial unit that is no department counts as none: that of the next wider grid answers.

    >>> from dispatch.categories import Kind
    >>> light = Category("x", Kind.COMPONENT, "0301", "路灯", "Street light")
    >>> departments = [Department("lamps", "路灯管理处"), Department("desk", "受理中心")]
    >>> north = RoutingRule("lamps north", "lamps", light.key, under=("44", "01"))
    >>> routing = Routing(departments, [north], "desk", Categories([light]))
    >>> route(routing, Situation(light, ("44", "01", "007"))).reason
    'rule lamps north: 路灯 under 44/01 goes to 路灯管理处'
    >>> route(routing, Situation(light, ("44", "02"))).reason
    'no rule, no territorial unit: goes to 受理中心'
    """
    category = case.category
    rule = routing._winner(category, case.path)
    if rule is not None:
        return Routed(rule.department, rule.name, _because(routing, rule, category), rule.co_handlers)
    usual = case.department or category.department
    if usual:
        name = _name(routing, usual)
        return Routed(usual, OWN, f"no rule: {category.name_zh} usually goes to {name}")
    for _, territorial in reversed(case.units):
        if territorial in routing.departments:
            name = _name(routing, territorial)
            return Routed(territorial, TERRITORIAL, f"no rule: goes to {name}, whose ground it is")
    unit = f"territorial unit {case.units[-1][1]} is no department" if case.units else "no territorial unit"
    return Routed(routing.fallback, FALLBACK, f"no rule, {unit}: goes to {_name(routing, routing.fallback)}")


def explain(routing: Routing, case: Situation) -> Explanation:
    """Who wins, and for every other rule the first condition that failed: category, class, place, rank."""
    winner, category, path = route(routing, case), case.category, case.path
    return Explanation(
        winner,
        tuple(
            Failed(rule.name, rule.department, _why_not(rule, category, path, winner.rule))
            for rule in routing.rules
            if rule.name != winner.rule
        ),
    )


def _name(routing: Routing, code: str) -> str:
    return routing.departments[code].name_zh


def _because(routing: Routing, rule: RoutingRule, category: Category) -> str:
    if rule.category is not None:
        what = category.name_zh
    elif rule.category_class is not None:
        what = f"class {category.class_zh or category.class_code}"
    else:
        what = "everything"
    where = f" under {'/'.join(rule.under)}" if rule.under else ""
    return f"rule {rule.name}: {what}{where} goes to {_name(routing, rule.department)}"


def _why_not(rule: RoutingRule, category: Category, path: Path, winner: str) -> str:
    if rule.category is not None and rule.category != category.key:
        return f"it is for category {rule.category}"
    if rule.category_class is not None and rule.category_class != category.class_key:
        return f"it is for class {rule.category_class}"
    if rule.under and not path:
        return f"it is for places under {'/'.join(rule.under)}, and this one lies in no grid"
    if path[: len(rule.under)] != rule.under:
        return f"it is for places under {'/'.join(rule.under)}"
    return f"it matches, but {winner} is more specific"


def _problems(
    departments: tuple[Department, ...], rules: tuple[RoutingRule, ...], fallback: str, categories: Categories
) -> Iterator[str]:
    codes = Counter(d.code for d in departments)
    yield from (f"department {code!r} is listed {n} times" for code, n in codes.items() if n > 1)
    if fallback not in codes:
        yield f"the fallback {fallback!r} is not a department: name the one that takes what nobody owns"
    for category in categories:
        if category.department is not None and category.department not in codes:
            yield f"category {category.key} names department {category.department!r}, which does not exist"
    names = Counter(rule.name for rule in rules)
    yield from (f"{n} rules are called {name!r}" for name, n in names.items() if n > 1)
    for rule in rules:
        yield from _rule_problems(rule, codes, categories)
    yield from _ties(rules)
    yield from _never(rules, categories)


def _rule_problems(rule: RoutingRule, codes: Mapping[str, int], categories: Categories) -> Iterator[str]:
    if not rule.name or rule.name in _NO_RULE:
        yield f"a rule cannot be called {rule.name!r}: that says that no rule decided"
    if rule.department not in codes:
        yield f"rule {rule.name!r} names department {rule.department!r}, which does not exist"
    if rule.category is not None and rule.category_class is not None:
        yield f"rule {rule.name!r} names a category and a class: name one of them"
    if rule.category is not None and (
        rule.category not in categories or categories.get(rule.category).key != rule.category
    ):
        yield f"rule {rule.name!r} names category {rule.category!r}, which is no category's key"
    if rule.category_class is not None and rule.category_class not in categories.classes:
        yield f"rule {rule.name!r} names class {rule.category_class!r}, which no category belongs to"


def _ties(rules: tuple[RoutingRule, ...]) -> Iterator[str]:
    same: dict[tuple[_Target, Path], list[str]] = {}
    for rule in rules:
        same.setdefault((_target(rule), rule.under), []).append(rule.name)
    for tied in same.values():
        if len(tied) > 1:
            yield f"rules {', '.join(map(repr, tied))} are for the same things in the same place: keep one"


def _never(rules: tuple[RoutingRule, ...], categories: Categories) -> Iterator[str]:
    """Rules for a class or for everything whose every category is taken by a rule that ranks higher.

    A rule for a category always wins exactly where it is: nothing ranks above it but a longer path.
    """
    places: dict[_Target, set[Path]] = {}
    for rule in rules:
        places.setdefault(_target(rule), set()).add(rule.under)

    def taken(target: _Target, under: Path) -> bool:
        found = places.get(target, ())
        return bool(found) and any(under[:depth] in found for depth in range(len(under) + 1))

    for rule in rules:
        if rule.category is not None:
            continue
        if rule.category_class is not None:
            members = categories.classes.get(rule.category_class, ())
            covered = all(taken((_CATEGORY, c.key), rule.under) for c in members)
        else:
            members = tuple(categories)
            covered = all(
                taken((_CATEGORY, c.key), rule.under) or taken((_CLASS, c.class_key), rule.under)
                for c in members
            )
        if members and covered:
            yield f"rule {rule.name!r} can never win: rules for its categories take all it could match"
