"""Whoever acts, as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.lifecycle import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person's id, the roles that their assignments give them **on this incident**, and the
    departments for which they are one of its handlers: the lead's, a co-handler's, both or neither.
    ``anywhere`` are the roles that they hold on any incident: they count for what people may do with what
    they reported themselves, wherever it lies.
    """

    person: str
    roles: frozenset[Role]
    departments: frozenset[str] = frozenset()
    anywhere: frozenset[Role] = frozenset()
