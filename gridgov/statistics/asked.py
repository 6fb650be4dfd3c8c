"""What figures are asked of, settled before they are worked out: a misspelt word is refused, not counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import Connection, select

from dispatch.errors import UnknownCategory, UnknownDepartment
from dispatch.rules import Rules
from gridgov.scope import Scope
from gridgov.storage.incidents import Wanted, in_claims
from gridgov.storage.tables import IncidentRow

_c = IncidentRow.__table__.c  # type: ignore[attr-defined]
#: At most so many spellings are suggested.
_MOST: Final = 3


def settled(connection: Connection, rules: Rules, scope: Scope, wanted: Wanted, stream: str) -> Wanted:
    """The same with a category's alias as its key. Raises UnknownDepartment or UnknownCategory, with those
    nearest in spelling, for what neither the rules in force nor any incident that ``scope``'s assignments
    cover knows: history may stand in categories and with departments of its own.
    """
    department, category = wanted.department, wanted.category
    if department is not None and department not in rules.routing.departments:
        told = _told(connection, scope, stream, _c.department)
        if department not in told:
            raise UnknownDepartment(department, nearest(department, {*told, *rules.routing.departments}))
    if category is None:
        return wanted
    if category in rules.categories:
        return replace(wanted, category=rules.categories.get(category).key)
    told = _told(connection, scope, stream, _c.category)
    if category not in told:
        raise UnknownCategory(category, nearest(category, {*told, *(one.key for one in rules.categories)}))
    return wanted


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Those of the known words that are spelt most like this one, capitals or not.

    >>> nearest("Watr", ["water", "fire"])
    ['water']
    """
    plain = {one.casefold(): one for one in sorted(known)}
    return [plain[near] for near in get_close_matches(word.casefold(), plain, _MOST)]


def _told(connection: Connection, scope: Scope, stream: str, column: Any) -> set[str]:
    """Every value that stands in a column of the incidents covered; looks at each of them."""
    query = select(column).where(_c.stream == stream, in_claims(scope, stream)).distinct()
    return set(connection.execute(query).scalars())
