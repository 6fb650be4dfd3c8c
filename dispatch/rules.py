"""The city's rules in force at one moment, as one value that every decision is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.automatic import AutomaticRule
from dispatch.categories import Categories, Field
from dispatch.clocks import Clocks
from dispatch.deadlines import Calendar
from dispatch.duplicates import Likeness
from dispatch.escalation import Ladder
from dispatch.routing import Routing


@dataclass(frozen=True, slots=True)
class Rules:
    """``version`` is the number under which the store keeps them; entries record it.

    ``calendar`` is the city's; ``calendars`` are others by key, such as that of a hotline which never closes.
    ``automatic`` are by name, ``fields`` by key. ``likeness`` says what is suggested as the same.
    """

    version: int
    categories: Categories
    routing: Routing
    calendar: Calendar
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)
    automatic: Mapping[str, AutomaticRule] = field(default_factory=dict)
    ladder: Ladder = field(default_factory=Ladder)
    fields: Mapping[str, Field] = field(default_factory=dict)
    likeness: Likeness = field(default_factory=Likeness)

    def calendar_of(self, key: str) -> Calendar:
        """The calendar of this key; the city's where it is empty, or where there is no such calendar now:
        what was started by one that the rules do not have any more goes on all the same.
        """
        return self.calendars.get(key, self.calendar)
