"""The tables of the outbox: how far each target has been told, and what waits for it.

Times are UTC microseconds; keys of what grows begin with the stream.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Text
from sqlmodel import Field, SQLModel


def _micros(nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class OutboxTargetRow(SQLModel, table=True):
    """A target of the city's file, since it stood there first (``made_at``) or stood there again.

    All entries up to ``position`` are looked at. ``ended_at``: it stands in the file no more. ``old_secret``
    signs beside ``secret`` until ``old_until``. ``failures`` counts those since the last success, and until
    ``retry_at`` nothing is sent.
    """

    __tablename__ = "outbox_target"
    stream: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    made_at: int = Field(sa_column=_micros())
    ended_at: int | None = Field(default=None, sa_column=_micros(True))
    position: int = Field(sa_column=_micros())
    secret: str
    secret_at: int = Field(sa_column=_micros())
    old_secret: str | None = None
    old_until: int | None = Field(default=None, sa_column=_micros(True))
    delivered: int
    delivered_at: int | None = Field(default=None, sa_column=_micros(True))
    failures: int
    failed_at: int | None = Field(default=None, sa_column=_micros(True))
    retry_at: int | None = Field(default=None, sa_column=_micros(True))
    error: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class OutboxDeliveryRow(SQLModel, table=True):
    """One thing to tell one recipient: an address, or empty for a webhook. What is told is not kept here: the
    ledger has it.

    ``state`` is waiting, delivered, dead or discarded; ``settled_at`` when it became one of the latter three,
    ``settled_by`` who threw it away, and then ``error`` is why.
    """

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        # What is due at a target, the earliest first; how many wait, and how many are dead.
        Index("outbox_next", "stream", "target", "state", "next_at"),
        # What was settled so long ago that nobody asks any more.
        Index("outbox_settled", "stream", "state", "settled_at"),
    )
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    target: str
    recipient: str
    notice: str
    event: str
    language: str
    position: int = Field(sa_column=_micros())
    incident: str
    number: int
    state: str
    attempts: int
    made_at: int = Field(sa_column=_micros())
    next_at: int = Field(sa_column=_micros())
    tried_at: int | None = Field(default=None, sa_column=_micros(True))
    settled_at: int | None = Field(default=None, sa_column=_micros(True))
    settled_by: str | None = None
    error: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
