"""Findings that a city knows of and lives with: `[[grids.accept]]` of its file, by name and reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from geodata.drawing import Drawing
from geodata.errors import BadGridsTable, did_you_mean
from geodata.findings import Finding, Severity
from geodata.table import Table

NOT_ACCEPTABLE = frozenset(
    {
        *("BAD_CODE", "DUPLICATE_CODE", "EMPTY_GEOMETRY", "EMPTY_LEVEL", "INVALID_GEOMETRY", "NOT_POLYGON"),
        *("ORPHAN", "PARENT_CONFLICT"),
        *("BAD_GRIDS_TABLE", "MISLABELLED_CRS", "MISSING_COLUMN", "SWAPPED_AXES", "UNREADABLE_SOURCE"),
        *("UNREADABLE_TEXT", "UNUSED_ACCEPTANCE"),
    }
)
"""Without these there is no hierarchy to be had, whatever the reason: they have to be mended."""
ACCEPTABLE = (
    *("CHILDLESS", "CODE_DIGITS", "CODE_PREFIX", "CODE_REUSED", "GAP", "LEVEL_AREA", "OUTSIDE_PARENT"),
    *("OVERLAP", "SLIVER", "STRADDLES", "TOO_MANY_GRIDS", "UNCOVERED", "VAGUE_DATUM"),
)
NOT_IN_A_DRAWING = frozenset({"CODE_REUSED"})
"""Found only where a drawing is compared with earlier editions (geodata.reuse)."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The city knows of a finding and lives with it: which (code, level, grids), up to what size, and why."""

    finding: str
    reason: str
    up_to_m2: float | None = None
    level: str | None = None
    grids: frozenset[str] | None = None

    def covers(self, found: Finding) -> bool:
        """Whether this is the finding meant; with `grids`, all grids of the finding have to be among them."""
        small_enough = self.up_to_m2 is None or (found.unit == "m2" and found.measure <= self.up_to_m2)
        here = self.level in (None, found.level) and (
            self.grids is None or self.grids.issuperset(found.grids)
        )
        return self.finding == found.code and small_enough and here


def acceptances(section: Mapping[str, object]) -> tuple[Acceptance, ...]:
    """The `[[grids.accept]]` of a city's table `[grids]` (see geodata.read); raises BadGridsTable."""
    grids = Table(section, "[grids]")
    keys = [level.get("key") for level in grids.tables("levels") if isinstance(level, Mapping)]
    return tuple(
        _acceptance(Table(entry, f"[[grids.accept]] number {at}"), [str(key) for key in keys])
        for at, entry in enumerate(grids.tables("accept"), 1)
    )


def _acceptance(table: Table, levels: Sequence[str]) -> Acceptance:
    table.only("finding", "reason", "up_to_m2", "level", "grids")
    finding, level = table.text("finding"), table.text("level", default=None)
    if finding not in ACCEPTABLE:
        why = "cannot be accepted, only mended" if finding in NOT_ACCEPTABLE else "is no finding"
        raise BadGridsTable(
            f"{table.name}: {finding!r} {why}; acceptable are {', '.join(ACCEPTABLE)}."
            f"{did_you_mean(finding, ACCEPTABLE)}"
        )
    if level is not None and levels and level not in levels:
        raise BadGridsTable(
            f"{table.name} names the level {level!r}; the levels are {', '.join(levels)}."
            f"{did_you_mean(level, levels)}"
        )
    grids = table.list_of_texts("grids")
    return Acceptance(
        finding,
        table.text("reason"),
        table.number("up_to_m2"),
        level,
        None if grids is None else frozenset(grids),
    )


def accept(findings: Iterable[Finding], rules: Sequence[Acceptance]) -> tuple[Finding, ...]:
    """The findings, those that a rule covers marked with its reason; NOT_ACCEPTABLE ones never are."""
    marked = []
    for found in findings:
        reason = next((rule.reason for rule in rules if rule.covers(found)), None)
        takes = reason is not None and found.code not in NOT_ACCEPTABLE
        marked.append(replace(found, accepted=reason) if takes else found)
    return tuple(marked)


def unused(drawing: Drawing, findings: Iterable[Finding], rules: Sequence[Acceptance]) -> tuple[Finding, ...]:
    """A warning for each rule that covers nothing found: the fault is mended, or the rule misses it."""
    found = tuple(findings)
    known = {one.code for one in drawing.drawn}
    return tuple(
        _unused(number, rule, found, known)
        for number, rule in enumerate(rules, 1)
        if rule.finding not in NOT_IN_A_DRAWING and not any(rule.covers(one) for one in found)
    )


def _unused(number: int, rule: Acceptance, findings: Sequence[Finding], known: set[str]) -> Finding:
    of_kind = [one for one in findings if one.code == rule.finding]
    strangers = sorted((rule.grids or frozenset()) - known)
    if strangers:
        why = f"no level has a grid {', '.join(strangers)}"
    elif not of_kind:
        why = "nothing of the kind was found"
    elif rule.up_to_m2 is not None and not any(one.measure <= rule.up_to_m2 for one in of_kind):
        why = f"each of the {len(of_kind)} found is larger than {rule.up_to_m2:g} m²"
    else:
        where = f"at level {rule.level}" if rule.grids is None else "between those grids alone"
        why = f"none of the {len(of_kind)} found is {where}"
    return Finding(
        "UNUSED_ACCEPTANCE",
        Severity.warning,
        rule.level or "",
        tuple(sorted(rule.grids or ())),
        0.0,
        "count",
        None,
        f"[[grids.accept]] number {number} ({rule.finding}) accepts nothing: {why}; mend it, or take it out",
    )
