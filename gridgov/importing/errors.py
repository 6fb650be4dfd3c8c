"""What can be wrong with a mapping, with the table it is for, or with one of its rows."""

from __future__ import annotations

from collections.abc import Sequence

from gridgov.errors import ServiceError


class BadMapping(ServiceError):
    """The mapping file is not as gridgov/importing/mapping.py describes it."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"the mapping {name} cannot be used:{lines}", mapping=name, problems=list(problems))
        self.problems = tuple(problems)


class MissingColumns(BadMapping):
    """The mapping names columns that the table does not have."""


class UnreadableTable(ServiceError):
    """The file cannot be read as a table."""


class RowRefused(ServiceError):
    """This row cannot be imported. ``code`` names the kind of refusal, for counting."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.code = code
