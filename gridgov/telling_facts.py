"""What happened, in a sentence of Chinese and one of English: one for every kind of fact.

A sentence tells all that its fact holds but words that can be erased, which whoever shows it adds where they
are kept. Names are those of today; what has none any more is called by its code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from dispatch.entries import Entry, Fact, Place
from dispatch.lifecycle import ROLE_ZH, Role
from gridgov.storage.tables import path_text
from gridgov.telling_ending import ENDING
from gridgov.telling_filing import FILING
from gridgov.telling_handling import HANDLING
from gridgov.telling_names import Names, Said, both

#: Of every kind of fact, what tells it.
TELLERS: Final[Mapping[type, Callable[[Any, Names], Said]]] = {**FILING, **HANDLING, **ENDING}


def sentence(fact: Fact, names: Names) -> Said:
    """What happened, without who did it: ``派遣至 环卫所，处置时限 2工作日，至 2026-11-25 18:00``."""
    return TELLERS[type(fact)](fact, names)


def told(entry: Entry, names: Names, roles: Collection[Role] = ()) -> Said:
    """Who, in which role if that is known, and what happened: ``派遣员 王某 派遣至 环卫所，…``."""
    who, what = by_whom(entry.by, names, roles), sentence(entry.fact, names)
    return both(f"{who.zh} {what.zh}", f"{who.en} {what.en}")


def by_whom(person: str, names: Names, roles: Collection[Role] = ()) -> Said:
    """Somebody by role and name; ``roles`` are those in which they could do it, several at times."""
    name = names.person(person)
    if not roles:
        return name
    held = sorted(roles, key=list(Role).index)
    zh = "/".join(ROLE_ZH[role] for role in held)
    en = "/".join(str(role).replace("_", " ") for role in held)
    return both(f"{zh} {name.zh}", f"{en} {name.en}")


def people_in(entry: Entry) -> Iterator[str]:
    """The ids of all people that an entry names."""
    yield entry.by
    for name in _PEOPLE:
        id_ = getattr(entry.fact, name, None)
        if id_ is not None:
            yield id_


#: Fields of facts that name a person.
_PEOPLE: Final = ("person", "stand_in_for", "reported_by")


def grids_in(fact: Fact) -> Iterator[str]:
    """The paths, as text, of all grids that a fact names, and of those that they lie in."""
    for one in fields(fact):
        value = getattr(fact, one.name)
        if isinstance(value, Place):
            yield from _around(value.path)
            yield from _around(value.nearest)
            for path in value.near_border:
                yield from _around(tuple(path.split("/")))
    yield from _around(getattr(fact, "was", ()))


def _around(path: tuple[str, ...]) -> Iterator[str]:
    for depth in range(len(path)):
        yield path_text(path[: depth + 1])
