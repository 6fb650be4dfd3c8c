"""One row after another by a mapping: what is to be imported of it, or why it is not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from geodata.datum import Datum
from geodata.errors import BadPoint, check_point
from gridgov.commands import ImportedRow
from gridgov.errors import BadInput
from gridgov.importing.errors import RowRefused
from gridgov.importing.mapping import ImportMapping, RowRule
from gridgov.importing.times import Moments
from gridgov.in_force import InForce
from gridgov.places import require_not_swapped
from gridgov.siting import SentPosition

#: What no line holds: control characters, and bytes that were no text.
_NO_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: What no words hold: the same but for tabs and line ends.
_NO_WORDS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: The lengths that the HTTP API takes: a row goes in either way, or neither.
LONGEST_CODE, LONGEST_LINE, LONGEST_WORDS = 200, 300, 2000


@dataclass(frozen=True, slots=True)
class TakenRow:
    """A row of the table, and what became of it: a row to import, or the reason why not.

    ``line`` is its last line in the file; ``position`` is (longitude, latitude) as the source gives it, in
    the reading's datum, None without one.
    ``set_aside`` is the name of the mapping's rule.
    """

    line: int
    cells: Sequence[str]
    row: ImportedRow | None = None
    refused: RowRefused | None = None
    set_aside: str | None = None
    position: tuple[float, float] | None = None


class Reading:
    """One row after another by a mapping, in the light of the categories and departments in force.

    ``datum`` is that of all positions, None where the table has none. Raises UnnamedDatum where neither the
    mapping nor the city names it.
    """

    def __init__(self, mapping: ImportMapping, header: Sequence[str], in_force: InForce) -> None:
        self.mapping, self._width = mapping, len(header)
        self.datum = _datum(mapping, in_force)
        self._at: Mapping[str, int] = {name: header.index(name) for name in mapping.columns()}
        self._atlas = in_force.atlas
        self._categories = in_force.rules.categories
        self._departments = in_force.rules.routing.departments
        self._moments = Moments(mapping.times)
        self._set_aside = [_Condition(rule, self._at) for rule in mapping.set_aside]
        self._no_place = [_Condition(rule, self._at) for rule in mapping.no_place]
        self._closed = frozenset(mapping.status.closed)
        self._open = None if mapping.status.open is None else frozenset(mapping.status.open)
        self._category_keys: dict[str, tuple[str, bool]] = {}

    def take(self, line: int, cells: Sequence[str]) -> TakenRow:
        """What becomes of one row; never raises for what stands in it."""
        position: tuple[float, float] | None = None
        marks: list[str] = []
        try:
            if len(cells) != self._width:
                raise RowRefused(
                    "wrong_number_of_cells", f"it has {len(cells)} cells, the header has {self._width}"
                )
            aside = next((rule.name for rule in self._set_aside if rule.means(cells)), None)
            try:
                position = self._position(cells, marks)
            except RowRefused:
                if aside is None:
                    raise
            if aside is not None:
                return TakenRow(line, cells, set_aside=aside, position=position)
            return TakenRow(line, cells, row=self._row(cells, position, marks), position=position)
        except RowRefused as refused:
            return TakenRow(line, cells, refused=refused, position=position)

    def _cell(self, cells: Sequence[str], column: str) -> str:
        """A cell without the spaces around it: a number, a code, a status; raises RowRefused."""
        return self._text(cells, column, _NO_LINE, LONGEST_CODE)

    def _private(
        self, cells: Sequence[str], column: str | None, unwanted: re.Pattern[str], longest: int
    ) -> str | None:
        """The words of a cell, None without any; raises RowRefused."""
        return None if column is None else self._text(cells, column, unwanted, longest) or None

    def _text(self, cells: Sequence[str], column: str, unwanted: re.Pattern[str], longest: int) -> str:
        text = cells[self._at[column]].strip()
        if not text.isprintable():
            text = text.replace("\r\n", "\n")
            if found := unwanted.search(text):
                raise RowRefused(
                    "not_text",
                    f"column {column!r} holds {found[0]!r}, which is no text in {self.mapping.encoding}:"
                    " correct the file, or `encoding`",
                )
        if len(text) > longest:
            raise RowRefused("too_long", f"column {column!r} has {len(text)} characters, at most {longest}")
        return text

    def _position(self, cells: Sequence[str], marks: list[str]) -> tuple[float, float] | None:
        """The position as the source gives it; raises RowRefused for one that cannot be."""
        part = self.mapping.position
        if part is None:
            return None
        default = next((rule.name for rule in self._no_place if rule.means(cells)), None)
        if default is not None:
            marks.append(default)
            return None
        lon, lat = self._cell(cells, part.lon), self._cell(cells, part.lat)
        if not lon and not lat:
            if part.missing == "refuse":
                raise RowRefused("no_position", f"columns {part.lon!r} and {part.lat!r} are empty")
            marks.append("no_position")
            return None
        try:
            sent = float(lon), float(lat)
            check_point(*sent)
            require_not_swapped(self._atlas, SentPosition(*sent, self.datum))
        except ValueError:
            raise RowRefused("bad_position", f"{lon!r}, {lat!r} are not two numbers") from None
        except (BadInput, BadPoint) as error:
            raise RowRefused("bad_position", error.message) from None
        return sent

    def _row(self, cells: Sequence[str], sent: tuple[float, float] | None, marks: list[str]) -> ImportedRow:
        mapping = self.mapping
        number = self._cell(cells, mapping.number)
        if not number:
            raise RowRefused("no_number", f"column {mapping.number!r}, the source's own number, is empty")
        reported_at, closed_at, due_at = self._times(cells, marks)
        status = self._cell(cells, mapping.status.column)
        closed = self._means_closed(status)
        self._settle_conflicts(reported_at, closed_at, closed, marks)
        return ImportedRow(
            source=mapping.source,
            number=number,
            channel=self._channel(cells),
            category=self._category(cells, marks),
            department=self._department(cells, marks),
            status=status,
            closed=closed,
            reported_at=reported_at,
            closed_at=closed_at,
            due_at=due_at,
            lon=None if sent is None else sent[0],
            lat=None if sent is None else sent[1],
            datum=self.datum,
            words=self._private(cells, mapping.words, _NO_WORDS, LONGEST_WORDS),
            address=self._private(cells, mapping.address, _NO_LINE, LONGEST_LINE),
            marks=tuple(dict.fromkeys(marks)),
        )

    def _times(
        self, cells: Sequence[str], marks: list[str]
    ) -> tuple[datetime, datetime | None, datetime | None]:
        times, moments = self.mapping.times, self._moments
        reported_at = moments.needed(self._cell(cells, times.reported), times.reported, marks)
        closed_at, due_at = (
            None if column is None else moments.read(self._cell(cells, column), column, marks)
            for column in (times.closed, times.due)
        )
        return reported_at, closed_at, due_at

    def _settle_conflicts(
        self, reported_at: datetime, closed_at: datetime | None, closed: bool, marks: list[str]
    ) -> None:
        rules, stated = self.mapping.conflicts, self.mapping.times.closed is not None
        found = {
            "closed_before_reported": closed_at is not None and closed_at < reported_at,
            "closed_time_but_open": closed_at is not None and not closed,
            "closed_without_time": closed and closed_at is None and stated,
        }
        for name, holds in found.items():
            if not holds:
                continue
            if getattr(rules, name) == "refuse":
                why = f'{_CONFLICTS[name]}; [conflicts] {name} = "keep_and_mark" would take it'
                raise RowRefused(name, why)
            marks.append(name)

    def _means_closed(self, status: str) -> bool:
        if status in self._closed:
            return True
        if self._open is not None and status not in self._open:
            raise RowRefused("unknown_status", f"the mapping does not say what the status {status!r} means")
        return False

    def _channel(self, cells: Sequence[str]) -> str:
        part = self.mapping.channel
        text = "" if part.column is None else self._cell(cells, part.column)
        return part.values.get(text, text) or part.default

    def _category(self, cells: Sequence[str], marks: list[str]) -> str:
        text = self._cell(cells, self.mapping.category.column)
        key, known = self._category_keys.get(text) or self._find_category(text)
        if not known:
            if self.mapping.category.unknown == "refuse":
                raise RowRefused("unknown_category", f"the city's file has no category {key!r}")
            marks.append("unknown_category")
        return key

    def _find_category(self, text: str) -> tuple[str, bool]:
        part = self.mapping.category
        name = part.values.get(text) or f"{part.standard}:{part.kind}:{text}"
        known = name in self._categories
        found = (self._categories.get(name).key if known else name), known
        self._category_keys[text] = found
        return found

    def _department(self, cells: Sequence[str], marks: list[str]) -> str:
        part = self.mapping.department
        text = self._cell(cells, part.column)
        code = part.values.get(text, text)
        if code not in self._departments:
            if part.unknown == "refuse":
                raise RowRefused("unknown_department", f"the city's file has no department {code!r}")
            marks.append("unknown_department")
        return code


def _datum(mapping: ImportMapping, in_force: InForce) -> Datum | None:
    return None if mapping.position is None else in_force.city.datum_of(mapping.position.datum)


_CONFLICTS: Final[Mapping[str, str]] = {
    "closed_before_reported": "it was closed before it was reported",
    "closed_time_but_open": "it has a time of closing, and a status that does not mean closed",
    "closed_without_time": "its status means closed, and it has no time of closing",
}


class _Condition:
    """Which rows a rule means; cells count without the spaces around them."""

    def __init__(self, rule: RowRule, at: Mapping[str, int]) -> None:
        self.name = rule.name
        self._when = [(at[column], frozenset(texts)) for column, texts in rule.when.items()]
        self._matches = [(at[column], re.compile(pattern)) for column, pattern in rule.matches.items()]

    def means(self, cells: Sequence[str]) -> bool:
        """Do all its conditions hold?"""
        return all(cells[at].strip() in texts for at, texts in self._when) and all(
            pattern.search(cells[at].strip()) for at, pattern in self._matches
        )
