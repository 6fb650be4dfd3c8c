"""What a plain life stands on: the book of categories and routes, the ground's units, and who is on duty when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from dispatch.categories import Categories
from dispatch.routing import Routing, Units
from dispatch.tasks import Candidate

Path = tuple[str, ...]


@dataclass(frozen=True)
class Ground:
    """``crews`` are the departments' own, by department; ``task_minutes`` of working time a task waits."""

    categories: Categories
    routing: Routing
    units: Callable[[Path], Units]
    on_duty: Callable[[Path, datetime], Sequence[Candidate]]
    task_minutes: int
    crews: Mapping[str, str] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The ground is the same for every copy of a whiteboard."""
        return self

    def answers_for(self, path: Path) -> str:
        """Whose ground it is in the end: the deepest unit that is a department, or who takes what nobody owns."""
        known = [unit for _, unit in self.units(path) if unit in self.routing.departments]
        return known[-1] if known else self.routing.fallback
