"""The table of questions: acts made without network whose meaning had changed when they arrived.

Times are UTC microseconds; keys begin with the stream.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel


class QuestionRow(SQLModel, table=True):
    """An act that is kept until its author says whether it is still to be done.

    ``id`` is the act's own, ``digest`` stands for its content without words. ``body`` (JSON) is what was
    sent, ``words`` what of it can be erased: gone once it is answered. ``then`` and ``now`` (JSON) are what
    it meant and what it means, ``changes`` (JSON) what differs; ``number`` is the incident's when it was
    asked, None where its author may not know it. ``answer`` is confirmed or dropped, ``reason`` why it was
    dropped.
    """

    __tablename__ = "question"
    __table_args__ = (
        # What of mine waits for me, in the order in which it was asked.
        Index("question_mine", "stream", "person", "answered_at", "asked_at"),
    )
    stream: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person: str
    incident: str
    act: str
    seen: int
    number: int | None = None
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    words: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    then: str = Field(sa_column=Column(Text, nullable=False))
    now: str = Field(sa_column=Column(Text, nullable=False))
    changes: str = Field(sa_column=Column(Text, nullable=False))
    asked_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    answered_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    answer: str | None = None
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
