"""Text out of the columns of a source: a column as it stands, or part of it by a rule of the city's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from geodata.errors import BadGridsTable
from geodata.features import Features
from geodata.table import Table

SHOWN = 10
"""Values listed in a message; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How text comes out of a column: skip some characters, take some, look the rest up in `values`."""

    column: str
    skip: int = 0
    take: int | None = None
    values: Mapping[str, str] | None = None

    def apply(self, text: str | None) -> str | None:
        """The text for one cell; raises BadGridsTable for text that `values` does not have.

        >>> Rule("cdta2020", take=2, values={"BX": "Bronx"}).apply("BX01")
        'Bronx'
        """
        part = self.part(text)
        if part is None or self.values is None:
            return part
        if part not in self.values:
            raise self.unknown([part])
        return self.values[part]

    def part(self, text: str | None) -> str | None:
        """What is left of a cell's text once some is skipped and some taken; None for nothing."""
        if text is None:
            return None
        return text[self.skip : None if self.take is None else self.skip + self.take] or None

    def unknown(self, parts: list[str]) -> BadGridsTable:
        """The error for text that `values` does not have."""
        listed = ", ".join(map(repr, parts[:SHOWN]))
        more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
        return BadGridsTable(
            f"column {self.column!r} has {listed}{more}, which `values` does not have; it has: "
            + ", ".join(self.values or {}),
            column=self.column,
            value=parts[0],
        )


def texts_of(features: Features, wanted: str | Rule | None) -> list[str | None]:
    """The text of a column, or by a rule, for each feature; all None where nothing is wanted.

    Raises MissingColumn, BadText, and BadGridsTable naming all the text that a rule's `values` does not have.
    """
    if wanted is None:
        return [None] * len(features.geometries)
    rule = wanted if isinstance(wanted, Rule) else Rule(wanted)
    parts = [rule.part(text) for text in features.column(rule.column)]
    if rule.values is not None:
        strange = sorted({part for part in parts if part is not None} - set(rule.values))
        if strange:
            raise rule.unknown(strange)
        return [None if part is None else rule.values[part] for part in parts]
    return parts


def needed_rule(table: Table, key: str) -> Rule:
    """The rule that stands in a table under `key`; raises BadGridsTable where there is none."""
    rule = rule_in(table, key)
    if rule is None:
        raise BadGridsTable(
            f"{table.name} needs `{key}`: a column, or a rule such as {{ from = ..., take = 2 }}"
        )
    return rule


def rule_in(table: Table, key: str) -> Rule | None:
    """The rule that stands in a table under `key`: a column's name, or a table `{ from = ..., take = 2 }`."""
    given = table.get(key)
    if given is None or isinstance(given, str):
        return None if given is None else Rule(table.text(key))
    rule = Table(given, f"`{key}` of {table.name}")
    rule.only("from", "skip", "take", "values")
    values = rule.texts("values") if rule.get("values") is not None else None
    return Rule(
        rule.text("from"), rule.whole("skip", default=0) or 0, rule.whole("take", default=None), values
    )
