"""Codes that follow the published list's rules, checked only where the city's file says that its codes do.

Six digits for a district, three more a level (a drawing may begin below the district); a child's code begins
with its parent's; at most 999 grids in a parent, for three digits number them. Other cities' codes are free
text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from geodata.drawing import Drawing, Drawn
from geodata.findings import Finding, Severity, place_in

DISTRICT_DIGITS = 6
DIGITS_A_LEVEL = 3
MOST_CHILDREN = 999


def published_codes(drawing: Drawing) -> Iterator[Finding]:
    """What does not follow the rules, from the level `drawing.published_codes_from` down."""
    first = drawing.published_codes_from
    if first is None:
        return
    widest = _digits_of(drawing.at(first))
    for number in range(first, len(drawing.levels)):
        digits = widest + DIGITS_A_LEVEL * (number - first)
        why = f"{widest} at level {drawing.levels[first].key}, {DIGITS_A_LEVEL} more a level"
        for one in drawing.at(number):
            yield from _code(one, drawing.levels[number].key, digits, why, is_first=number == first)
        if number > first:
            yield from _crowds(drawing, number)


def _digits_of(drawn: Sequence[Drawn]) -> int:
    """How many digits most codes of the first level have: six a district, nine a street and so on."""
    lengths = Counter(len(one.code) for one in drawn)
    most = min(lengths, key=lambda length: (-lengths[length], length), default=DISTRICT_DIGITS)
    whole = most >= DISTRICT_DIGITS and (most - DISTRICT_DIGITS) % DIGITS_A_LEVEL == 0
    return most if whole else DISTRICT_DIGITS


def _code(one: Drawn, level: str, digits: int, why: str, *, is_first: bool) -> Iterator[Finding]:
    named = f"{one.code} of level {level}"
    if not re.fullmatch(rf"[0-9]{{{digits}}}", one.code):
        yield _finding(
            "CODE_DIGITS",
            level,
            one,
            len(one.code),
            f"{named} ({one.source}) is not of {digits} digits, as the published list's codes are there "
            f"({why}): correct it, or leave out published_codes_from",
        )
    elif not is_first and one.parent is not None and not one.code.startswith(one.parent):
        yield _finding(
            "CODE_PREFIX",
            level,
            one,
            1,
            f"{named} ({one.source}) does not begin with its parent's code {one.parent}: correct the code, "
            "or the column of its parent",
        )


def _crowds(drawing: Drawing, number: int) -> Iterator[Finding]:
    """Parents with more children than three digits number."""
    children = Counter(one.parent for one in drawing.at(number))
    above = drawing.levels[number - 1].key
    for parent in drawing.at(number - 1):
        if children[parent.code] > MOST_CHILDREN:
            yield _finding(
                "TOO_MANY_GRIDS",
                above,
                parent,
                children[parent.code],
                f"{parent.code} of level {above} has {children[parent.code]:,} grids of level "
                f"{drawing.levels[number].key} in it; three digits number at most {MOST_CHILDREN}: divide it",
            )


def _finding(code: str, level: str, one: Drawn, count: int, message: str) -> Finding:
    place = place_in(one.geometry)
    return Finding(
        code, Severity.error, level, (one.code,), float(count), "count", place, message, geometry=one.geometry
    )
