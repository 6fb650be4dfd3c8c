"""The tables of duty: the rota, where people on duty were last, and what was handed over.

Times are UTC microseconds; keys begin with the stream; paths are codes, each ended by a slash.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel


def _micros(nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class DutyRow(SQLModel, table=True):
    """Somebody is on duty in a grid and all below it, from ``starts_at`` until before ``ends_at``.

    ``role`` is what they are on duty as, ``stand_in_for`` whose place they take for that time. ``by`` wrote
    it down, ``ended_by`` cut it short or withdrew it; one that was withdrawn counts for nothing.
    """

    __tablename__ = "duty"
    __table_args__ = (
        # Who is on duty now: no duty is longer than a week, so it is a range of those that began in the last.
        Index("duty_begins", "stream", "starts_at", "ends_at"),
        # Whether somebody is on duty already; what is theirs.
        Index("duty_person", "stream", "person", "starts_at"),
    )
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person: str
    path: str
    role: str
    starts_at: int = Field(sa_column=_micros())
    ends_at: int = Field(sa_column=_micros())
    stand_in_for: str | None = None
    by: str
    made_at: int = Field(sa_column=_micros())
    ended_by: str | None = None
    withdrawn_at: int | None = Field(default=None, sa_column=_micros(True))


class WhereaboutsRow(SQLModel, table=True):
    """Where somebody on duty was last, in WGS-84 degrees: the newest alone, and forgotten at ``until``, when
    their duty ends.
    """

    __tablename__ = "whereabouts"
    __table_args__ = (Index("whereabouts_until", "stream", "until"),)
    stream: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    lon: float
    lat: float
    accuracy_m: float | None = None
    at: int = Field(sa_column=_micros())
    until: int = Field(sa_column=_micros())


class HandOverRow(SQLModel, table=True):
    """Somebody went and another came (交接班). ``duty`` is that of the one who went, ``moved`` (JSON) the
    incidents whose tasks moved, ``left`` (JSON) those that did not, and why.
    """

    __tablename__ = "hand_over"
    __table_args__ = (Index("hand_over_newest", "stream", "at"),)
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    from_person: str
    to_person: str
    path: str
    duty: str
    at: int = Field(sa_column=_micros())
    by: str
    remark: str = Field(sa_column=Column(Text, nullable=False))
    moved: str = Field(sa_column=Column(Text, nullable=False))
    left: str = Field(sa_column=Column(Text, nullable=False))
