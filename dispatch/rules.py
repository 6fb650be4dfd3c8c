"""The city's rules in force at one moment, as one value that every decision is given."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.categories import Categories
from dispatch.deadlines import Calendar
from dispatch.routing import Routing


@dataclass(frozen=True, slots=True)
class Rules:
    """``version`` is the number under which the store keeps them; entries record it."""

    version: int
    categories: Categories
    routing: Routing
    calendar: Calendar
