"""Times of another system's table: text in its zone becomes moments; two hours a year need a decision."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gridgov.importing.errors import RowRefused
from gridgov.importing.mapping import Times

#: Formats that `fromisoformat` reads too, ten times as fast as `strptime`.
_ISO: Final = frozenset({"iso", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"})
#: Before the first nobody reported, after the last a program was broken; the HTTP API takes the same.
FIRST_YEAR, LAST_YEAR = 1900, 2200


class Moments:
    """Reads times as a mapping says.

    >>> moments = Moments(Times(format="iso", zone="America/New_York", reported="opened"))
    >>> marks = []
    >>> print(moments.needed("2011-11-06 01:30:00", "opened", marks), marks)
    2011-11-06 05:30:00+00:00 ['repeated_hour']
    """

    def __init__(self, times: Times) -> None:
        self._times, self._zone, self._iso = times, ZoneInfo(times.zone), times.format in _ISO
        self._plain_days: dict[date, timedelta | None] = {}

    def needed(self, text: str, column: str, marks: list[str]) -> datetime:
        """The moment, in UTC; raises RowRefused where there is none or it cannot be read."""
        moment = self.read(text, column, marks)
        if moment is None:
            raise RowRefused("no_time", f"column {column!r} is empty: when it was reported must be known")
        return moment

    def read(self, text: str, column: str, marks: list[str]) -> datetime | None:
        """The moment, in UTC, None for an empty text; adds a mark where the text alone does not decide."""
        if not text:
            return None
        try:
            stated = self._parse(text)
            if stated.tzinfo is None:
                offset = self._offset(stated.date())
                if offset is not None:
                    return self._meant((stated - offset).replace(tzinfo=UTC), column)
                stated = self._local(stated, column, marks)
            return self._meant(stated.astimezone(UTC), column)
        except (ValueError, OverflowError):
            message = f"column {column!r} holds {text!r}, expected a time written as {self._times.format}"
            raise RowRefused("bad_time", message) from None

    def _parse(self, text: str) -> datetime:
        if self._iso:
            return datetime.fromisoformat(text)
        return datetime.strptime(text, self._times.format)  # noqa: DTZ007 -- the zone is added by the caller

    def _meant(self, moment: datetime, column: str) -> datetime:
        if FIRST_YEAR <= moment.year <= LAST_YEAR:
            return moment
        raise RowRefused("bad_time", f"column {column!r} holds {moment}, a year that cannot be meant")

    def _offset(self, day: date) -> timedelta | None:
        """How far local time is ahead of UTC on a day; None where that changes in its course."""
        if day not in self._plain_days:
            midnight = datetime.combine(day, time(), self._zone)
            hours = (midnight + timedelta(hours=n) for n in range(-1, 26))
            offsets = {hour.replace(fold=fold).utcoffset() for hour in hours for fold in (0, 1)}
            self._plain_days[day] = offsets.pop() if len(offsets) == 1 else None
        return self._plain_days[day]

    def _local(self, stated: datetime, column: str, marks: list[str]) -> datetime:
        early, late = stated.replace(tzinfo=self._zone), stated.replace(tzinfo=self._zone, fold=1)
        before, after = early.utcoffset(), late.utcoffset()
        if before == after or before is None or after is None:
            return early
        # PEP 495: where clocks go back, the earlier reading has the larger offset; where they go forward, the
        # earlier reading lands as much after the gap as the text is in it.
        name = "repeated_hour" if before > after else "skipped_hour"
        rule = self._times.repeated_hour if before > after else self._times.skipped_hour
        if rule == "refuse":
            twice = "comes twice" if before > after else "does not exist"
            raise RowRefused(name, f"column {column!r} holds {stated}, which {twice} in {self._zone.key}")
        marks.append(name)
        return late if rule == "second" else early
