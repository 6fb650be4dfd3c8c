"""What is wrong with routing rules and departments, said before any incident arrives: everything at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import time
from typing import Final

from dispatch.categories import Categories, Field
from dispatch.deadlines import Calendar
from dispatch.routing_conflicts import conflicts
from dispatch.routing_rules import NO_RULE, Department, RoutingRule
from dispatch.weeks import DAY

_WEEKDAYS: Final = frozenset(range(7))


def problems(
    departments: tuple[Department, ...],
    rules: tuple[RoutingRule, ...],
    fallback: str,
    categories: Categories,
    fields: Mapping[str, Field],
    calendar: Calendar | None,
) -> list[str]:
    """Everything that is wrong, a sentence each.

    Rules are asked for ties, and for those that can never win, once everything that they name exists: a name
    that is misspelt would make a dozen of them.
    """
    found = [
        *_departments(departments, fallback),
        *_owners(categories, {d.code for d in departments}),
        *_fields(fields, categories),
    ]
    names = Counter(rule.name for rule in rules)
    found += [f"{n} rules are called {name!r}" for name, n in names.items() if n > 1]
    bureaus = {d.parent for d in departments}
    codes = {d.code for d in departments}
    sound = []
    for rule in rules:
        wrong = [
            *_subject(rule, categories, fields),
            *_goes_to(rule, codes, bureaus),
            *_co_handlers(rule, codes),
            *_conditions(rule, calendar),
        ]
        found += [f"rule {rule.name!r} {said}" for said in wrong]
        if not wrong:
            sound.append(rule)
    return found + conflicts(sound, categories, fields, calendar)


def _departments(departments: tuple[Department, ...], fallback: str) -> Iterator[str]:
    codes = Counter(d.code for d in departments)
    yield from (f"department {code!r} is listed {n} times" for code, n in codes.items() if n > 1)
    if fallback not in codes:
        yield f"the fallback {fallback!r} is not a department: name the one that takes what nobody owns"
    yield from _branches({d.code: d for d in departments})


def _branches(departments: Mapping[str, Department]) -> Iterator[str]:
    """A bureau has branches, a branch has none: a street's office of a district's bureau is the deepest."""
    grounds: dict[tuple[str, tuple[str, ...]], str] = {}
    for code, one in departments.items():
        if one.parent is None:
            if one.under:
                yield f"department {code!r} has a ground and no parent: say whose branch it is"
            continue
        if one.parent not in departments:
            yield f"department {code!r} names parent {one.parent!r}, which does not exist"
        elif one.parent == code:
            yield f"department {code!r} is its own parent"
        elif departments[one.parent].parent is not None:
            yield f"department {code!r} is a branch of the branch {one.parent!r}: name the bureau itself"
        if not one.under:
            yield f"department {code!r} is a branch without a ground: say under which grid it is"
            continue
        first = grounds.setdefault((one.parent, one.under), code)
        if first != code:
            ground = "/".join(one.under)
            yield f"department {code!r} is the branch of {one.parent!r} for {ground}, and so is {first!r}"


def _owners(categories: Categories, codes: set[str]) -> Iterator[str]:
    for category in categories:
        if category.department is not None and category.department not in codes:
            yield f"category {category.key} names department {category.department!r}, which does not exist"
        for standard in category.standards:
            if standard.department is not None and standard.department not in codes:
                yield (
                    f"case standard {standard.code!r} of {category.key} names department "
                    f"{standard.department!r}, which does not exist"
                )


def _fields(fields: Mapping[str, Field], categories: Categories) -> Iterator[str]:
    for key, field in fields.items():
        for named in sorted(field.classes - categories.classes.keys()):
            yield f"field {key!r} names class {named!r}, which no category belongs to"
        for named in sorted(field.categories):
            if not _is_key(named, categories):
                yield f"field {key!r} names category {named!r}, which is no category's key"


def _is_key(name: str, categories: Categories) -> bool:
    return name in categories and categories.get(name).key == name


def _subject(rule: RoutingRule, categories: Categories, fields: Mapping[str, Field]) -> Iterator[str]:
    if not rule.name or rule.name in NO_RULE:
        yield "cannot be called so: that says that no rule decided"
    named = {"a category": rule.category, "a class": rule.category_class, "a field": rule.field}
    several = [what for what, key in named.items() if key is not None]
    if len(several) > 1:
        yield f"names {' and '.join(several)}: name one of them"
    if rule.category is not None and not _is_key(rule.category, categories):
        yield f"names category {rule.category!r}, which is no category's key"
    if rule.category_class is not None and rule.category_class not in categories.classes:
        yield f"names class {rule.category_class!r}, which no category belongs to"
    if rule.field is not None:
        field = fields.get(rule.field)
        if field is None:
            yield f"names field {rule.field!r}, which does not exist"
        elif not field.classes and not field.categories:
            yield f"can never match: field {rule.field!r} has no classes and no categories"


def _goes_to(rule: RoutingRule, codes: set[str], bureaus: set[str | None]) -> Iterator[str]:
    """Does it lead to somebody? Else it is a dead end."""
    if rule.territorial is not None:
        if not rule.territorial:
            yield "names no level: write the key of the grids whose unit is meant"
        if rule.department or rule.branch:
            yield "names a department and a territorial level: name one of them"
    elif not rule.department:
        yield "is a dead end: it names neither a department nor a territorial level"
    elif rule.department not in codes:
        yield f"names department {rule.department!r}, which does not exist"
    elif rule.branch and rule.department not in bureaus:
        yield f"asks for a branch of {rule.department!r}, which has none"


def _co_handlers(rule: RoutingRule, codes: set[str]) -> Iterator[str]:
    for code, times in Counter(rule.co_handlers).items():
        if code not in codes:
            yield f"names co-handler {code!r}, which does not exist"
        if times > 1:
            yield f"names co-handler {code!r} {times} times"
        if code == rule.department:
            yield f"names {code!r} as the department and as a co-handler: keep one"


def _conditions(rule: RoutingRule, calendar: Calendar | None) -> Iterator[str]:
    if not all(rule.under):
        yield f"names the grid path {'/'.join(rule.under)!r}: a code in it is empty"
    if rule.specialised is not None and not all(rule.specialised.split("/", 1)):
        yield f"names specialised grid {rule.specialised!r}: write field/code, or the field"
    if wrong := sorted(rule.days - _WEEKDAYS):
        yield f"names weekdays {wrong}: they are 0 (Monday) to 6 (Sunday)"
    for begin, end in rule.hours:
        if _whole_minutes(begin) != begin or _whole_minutes(end) != end:
            yield f"names the hours {begin}-{end}: they are in whole minutes"
    if rule.timed and calendar is None:
        yield "asks for the time, and there is no calendar to tell the zone"


def _whole_minutes(one: time) -> time:
    minutes = (one.hour * 60 + one.minute) % DAY
    return time(minutes // 60, minutes % 60)
