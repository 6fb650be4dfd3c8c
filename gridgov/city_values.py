"""What single values of a city's file mean: limits, hours, weekdays, channels, and names of other tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import time
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from dispatch.deadlines import Limit
from dispatch.errors import BadLimit
from gridgov.city_text import Reader, Where

#: The weekdays as the file names them; Monday is 0.
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: What a part that cannot be read is replaced by, so that the parts that name it are looked at all the same.
UNREAD: Final = "?"
_RANGE: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
#: As reports name the way they came.
_CHANNEL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
#: So many names are shown where a wrong one is like none of them.
_FEW: Final = 12

Value = TypeVar("Value")
Hours = tuple[tuple[time, time], ...]


def limit(reader: Reader, where: Where, text: str | None) -> Limit | None:
    """A time limit such as 4wh; None where there is none, or it is wrong."""
    try:
        return None if text is None else Limit.parse(text)
    except BadLimit as error:
        reader.wrong(where, error.message)
        return None


def one_of(reader: Reader, where: Where, text: str | None, choice: type[Value]) -> Value | None:
    """A member of an enumeration by its value; None where there is none, or it is wrong."""
    members = {str(one): one for one in choice}  # type: ignore[attr-defined]
    if text is None or text in members:
        return members.get(text or "")
    reader.wrong(where, f"{text!r} is not known: write {' or '.join(members)}")
    return None


def several_of(reader: Reader, where: Where, texts: Sequence[str], choice: type[Value]) -> frozenset[Value]:
    """Members of an enumeration by their values; those that are wrong are left out."""
    found = (one_of(reader, (*where, number), text, choice) for number, text in enumerate(texts))
    return frozenset(one for one in found if one is not None)


def hours(reader: Reader, where: Where, texts: Sequence[str]) -> Hours:
    """Ranges of a day such as 08:00-12:00; those that are wrong are left out."""
    found = (_range(reader, (*where, number), text) for number, text in enumerate(texts))
    return tuple(one for one in found if one is not None)


def _range(reader: Reader, where: Where, text: str) -> tuple[time, time] | None:
    found = _RANGE.fullmatch(text)
    if found is None:
        reader.wrong(
            where, f"{text!r} is no range of hours: write it like 08:00-12:00, midnight at its end as 24:00"
        )
        return None
    end = time(int(found[3]), int(found[4])) if found[3] else time(0)
    return time(int(found[1]), int(found[2])), end


def days(reader: Reader, where: Where, texts: Sequence[str]) -> frozenset[int]:
    """Weekdays such as mon, Monday is 0; those that are wrong are left out."""
    for number, day in enumerate(texts):
        if day not in WEEK:
            reader.wrong((*where, number), f"{day!r} is no weekday: write {', '.join(WEEK)}")
    return frozenset(WEEK.index(day) for day in texts if day in WEEK)


def channels(reader: Reader, where: Where, texts: Sequence[str]) -> frozenset[str]:
    """Channels by which reports come, such as hotline."""
    for number, text in enumerate(texts):
        if not _CHANNEL.fullmatch(text):
            message = "is no channel: write it as reports name it, in small letters, digits, - and _"
            reader.wrong((*where, number), f"{text[:40]!r} {message}")
    return frozenset(texts)


def path(reader: Reader, where: Where, text: str) -> tuple[str, ...]:
    """A grid path such as 440306/440306017; () for an empty text."""
    found = tuple(text.split("/")) if text else ()
    if not all(found):
        reader.wrong(where, f"{text!r} is no grid path: write codes, widest first, with slashes")
    return found


def there(reader: Reader, where: Where, name: str | None, known: Collection[str], what: str) -> str | None:
    """The name, where there is something of that name; None where there is none, or none is asked for."""
    if name is None or name in known:
        return name
    said = near(name, known)
    if not said and len(known) <= _FEW:
        said = f": there {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known)) or 'none'}"
    reader.wrong(where, f"there is no {what} {name[:80]!r}{said}")
    return None


def near(word: str, known: Iterable[str]) -> str:
    """What was perhaps meant, as the end of a sentence."""
    found = get_close_matches(word[:80], sorted(map(str, known)), n=2)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


def no_two(reader: Reader, tables: Iterable[tuple[Where, Any]], key: str, what: str) -> frozenset[str]:
    """What the tables of an array are called; two of one name are told. One that cannot be read is there all
    the same for what names it.
    """
    seen: set[str] = set()
    for where, table in tables:
        name = table.get(key) if isinstance(table, dict) else None
        if isinstance(name, str):
            if name in seen:
                reader.wrong((*where, key), f"two {what} are called {name[:80]!r}")
            seen.add(name)
    return frozenset(seen)
