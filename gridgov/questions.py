"""Questions: acts made without network whose meaning had changed when they arrived, kept until their author
says whether they are still to be done.

An act is done at most once: confirmed, it is a command under its own id, so that whoever confirms again, or
sends it again, gets the receipt. It never gets lost: it stays open until its author confirms or drops it, and
what was dropped stays on record with the reason. Only its words go once it is answered: done, they are kept
with the incident; dropped, nobody needs them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

import anyio
import orjson
from pydantic import TypeAdapter
from sqlalchemy import Connection, Engine, RowMapping, Table, func, insert, select, update

from dispatch.entries import from_micros, to_micros
from dispatch.lifecycle import ACT_ZH, Act
from dispatch.meaning import ASPECT_ZH, Aspect
from gridgov import commands
from gridgov.commands import Somebody
from gridgov.errors import BadInput, QuestionAnswered, TooManyQuestions, UnknownQuestion
from gridgov.rows import public_entry, public_row
from gridgov.scope import scope_of
from gridgov.sent import SentAct
from gridgov.storage import incidents, ledger
from gridgov.storage.batch import Command, Receipt
from gridgov.storage.engine import snapshot
from gridgov.storage.errors import ChangedMeanwhile, IdReused, UnknownIncident
from gridgov.storage.ledger import MAIN
from gridgov.storage.question_tables import QuestionRow
from gridgov.storage.tables import CommandRow
from gridgov.storage.writer import Chore, Writer

_table: Table = QuestionRow.__table__  # type: ignore[attr-defined]
_command: Table = CommandRow.__table__  # type: ignore[attr-defined]

CONFIRMED, DROPPED = "confirmed", "dropped"
#: So many may wait for one person: a week in the field without network, and no flood.
MOST_OPEN: Final = 100
#: What a list shows at most, the open ones first.
MOST_SHOWN: Final = 200
_SENT: Final = TypeAdapter(SentAct)
#: What stands in columns of its own, and not in the body.
_APART: Final = {"id", "incident", "act", "seen", "words", "offline"}


class Installation(Protocol):
    """What is needed of an open service."""

    writer: Writer
    reader: Engine
    stream: str

    def clock(self) -> datetime:
        """This moment."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """An act that waits for its author, or that they have answered; ``sent`` is as it was sent."""

    sent: SentAct
    person: str
    digest: bytes
    number: int | None
    then: dict[str, Any]
    now: dict[str, Any]
    changes: list[dict[str, Any]]
    asked_at: datetime
    answered_at: datetime | None = None
    answer: str | None = None
    reason: str | None = None

    @property
    def id(self) -> str:
        """The act's own."""
        return self.sent.id

    @property
    def is_open(self) -> bool:
        """Does it still wait for an answer?"""
        return self.answer is None


# -- what people do --------------------------------------------------------------------------------


async def act(installation: Installation, by: Somebody, sent: SentAct) -> Receipt:
    """Do something with an incident. Where it was done without network and its meaning has changed since, it
    is kept, and ChangedMeanwhile is raised with the question; again the same one when it is sent again, until
    it is answered: then its receipt, or QuestionAnswered where it was dropped.

    Raises TooManyQuestions where it cannot be kept, and all that `commands.act` and the decision raise.
    """
    command, stream = commands.act(by, sent), installation.stream
    if not sent.offline:
        return await _write(installation, command)
    asked = await anyio.to_thread.run_sync(_asked_before, installation, by, sent, command)
    if asked is not None:
        return await _answer_again(installation, by, asked)
    try:
        return await _write(installation, command)
    except ChangedMeanwhile as changed:
        kept: Question = await installation.writer.act(ask(by, sent, command.digest, changed, stream))
        raise _raised(kept, changed.about["meanwhile"]) from changed


async def confirm(installation: Installation, by: Somebody, id_: str, seen: int | None) -> Receipt:
    """Do what was asked about, on the state with the number ``seen``; the same receipt when confirmed again.

    Raises UnknownQuestion, QuestionAnswered where it was dropped, MissingNumber, Stale and all else that
    refuses the act: then it stays open.
    """
    kept = await anyio.to_thread.run_sync(_read, installation, by, id_)
    done = await _answered(installation, kept)
    if done is None:
        if kept.answer == DROPPED:
            raise _dropped(kept)
        done = await _write(installation, commands.act(by, replace(kept.sent, seen=seen, offline=False)))
    if kept.answer != CONFIRMED:
        await installation.writer.act(answer(by, id_, CONFIRMED, None, installation.stream))
    return done


async def drop(installation: Installation, by: Somebody, id_: str, reason: str) -> Question:
    """Say that it is not to be done any more; raises UnknownQuestion, QuestionAnswered where it was
    confirmed, BadInput without a reason.
    """
    if not reason.strip():
        raise BadInput("say why it is not to be done any more: reason", question=id_)
    marked: Question = await installation.writer.act(
        answer(by, id_, DROPPED, reason.strip(), installation.stream)
    )
    if marked.answer == CONFIRMED:
        raise QuestionAnswered("it was confirmed, and is done", question=id_, answer=CONFIRMED)
    return marked


async def _write(installation: Installation, command: Command) -> Receipt:
    done: Receipt = await installation.writer.act(command)
    return done


async def _answer_again(installation: Installation, by: Somebody, kept: Question) -> Receipt:
    done = await _answered(installation, kept)
    if done is not None:
        return done
    if not kept.is_open:
        raise _dropped(kept)
    now, stream = installation.clock(), installation.stream
    told = await anyio.to_thread.run_sync(present, installation.reader, by, kept.sent, now, stream)
    raise _raised(kept, told["meanwhile"])


async def _answered(installation: Installation, kept: Question) -> Receipt | None:
    """Its receipt, where it was done since."""
    return await anyio.to_thread.run_sync(_receipt, installation, kept)


def _asked_before(
    installation: Installation, by: Somebody, sent: SentAct, command: Command
) -> Question | None:
    """The question that this act came to be before; raises IdReused where its id stands for another act."""
    with installation.reader.connect() as connection:
        kept = find(connection, sent.id, installation.stream)
    if kept is not None:
        _require_same(kept, by, sent, command.digest)
    return kept


def _read(installation: Installation, by: Somebody, id_: str) -> Question:
    with installation.reader.connect() as connection:
        return mine(connection, by, id_, installation.stream)


def _receipt(installation: Installation, kept: Question) -> Receipt | None:
    with installation.reader.connect() as connection:
        return receipt(connection, kept, installation.stream)


def _raised(kept: Question, meanwhile: list[dict[str, Any]]) -> ChangedMeanwhile:
    about: dict[str, Any] = {"incident": kept.sent.incident, "act": str(kept.sent.act)}
    about |= {"seen": kept.sent.seen, "number": kept.number, "then": kept.then, "now": kept.now}
    about |= {"changes": kept.changes, "question": kept.id, "asked_at": kept.asked_at}
    return ChangedMeanwhile(**about, meanwhile=meanwhile)


def _dropped(kept: Question) -> QuestionAnswered:
    return QuestionAnswered(
        f"you dropped this act: {kept.reason}", question=kept.id, answer=DROPPED, reason=kept.reason
    )


# -- writing ---------------------------------------------------------------------------------------


def ask(by: Somebody, sent: SentAct, digest: bytes, changed: ChangedMeanwhile, stream: str = MAIN) -> Chore:
    """Keep an act as a question; the same again gives the one that is kept.

    Raises IdReused where its id stands for another act, TooManyQuestions.
    """

    def run(connection: Connection, now: datetime) -> Question:
        kept = find(connection, sent.id, stream)
        if kept is not None:
            _require_same(kept, by, sent, digest)
            return kept
        _require_room(connection, by, stream)
        about = changed.about
        asked = Question(
            sent, by.id, digest, about["number"], about["then"], about["now"], about["changes"], now
        )
        connection.execute(insert(_table), _row(asked, stream))
        return asked

    return Chore(run)


def answer(by: Somebody, id_: str, answered: str, reason: str | None, stream: str = MAIN) -> Chore:
    """Mark a question of theirs as confirmed or dropped, and forget its words; one that is answered already
    stays as it is. Raises UnknownQuestion, QuestionAnswered where what is to be dropped was done.
    """

    def run(connection: Connection, now: datetime) -> Question:
        kept = mine(connection, by, id_, stream)
        is_done = receipt(connection, kept, stream) is not None
        if is_done and answered == DROPPED:
            raise QuestionAnswered("it was confirmed, and is done", question=id_, answer=CONFIRMED)
        # Who drops it on one device while another confirms it: what was done counts.
        if not kept.is_open and not (is_done and kept.answer == DROPPED):
            return kept
        change = {"answer": answered, "answered_at": to_micros(now), "reason": reason, "words": None}
        is_it = (_table.c.stream == stream) & (_table.c.id == id_)
        connection.execute(update(_table).where(is_it).values(change))
        return mine(connection, by, id_, stream)

    return Chore(run)


def _require_room(connection: Connection, by: Somebody, stream: str) -> None:
    waiting = connection.execute(
        select(func.count()).where(
            _table.c.stream == stream, _table.c.person == by.id, _table.c.answered_at.is_(None)
        )
    ).scalar_one()
    if waiting >= MOST_OPEN:
        raise TooManyQuestions(waiting=waiting, most=MOST_OPEN)


def _require_same(kept: Question, by: Somebody, sent: SentAct, digest: bytes) -> None:
    # Words that are gone cannot tell any more: they pass for the same, since the rest is.
    words = not kept.is_open or (kept.sent.words or "") == (sent.words or "")
    if kept.person != by.id or kept.digest != digest or not words:
        raise IdReused(f"the id {sent.id} was used before for something else", id=sent.id)


# -- reading ---------------------------------------------------------------------------------------


def find(connection: Connection, id_: str, stream: str = MAIN) -> Question | None:
    """The question of this id, whoever's it is."""
    query = select(_table).where(_table.c.stream == stream, _table.c.id == id_)
    row = connection.execute(query).mappings().first()
    return None if row is None else _question(row)


def mine(connection: Connection, by: Somebody, id_: str, stream: str = MAIN) -> Question:
    """The question of this id; raises UnknownQuestion where there is none, or it is another person's."""
    kept = find(connection, id_, stream)
    if kept is None or kept.person != by.id:
        raise UnknownQuestion(question=id_)
    return kept


def receipt(connection: Connection, kept: Question, stream: str = MAIN) -> Receipt | None:
    """What it led to, where it was done."""
    query = select(_command).where(
        _command.c.stream == stream, _command.c.id == kept.id, _command.c.incident == kept.sent.incident
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return Receipt(row["id"], row["incident"], row["case_number"], row["number"], row["position"], True)


def of_person(connection: Connection, by: Somebody, stream: str = MAIN) -> list[Question]:
    """Somebody's questions, the open ones first, then the newest; at most `MOST_SHOWN`."""
    query = (
        select(_table)
        .where(_table.c.stream == stream, _table.c.person == by.id)
        .order_by(_table.c.answered_at.is_not(None), _table.c.asked_at.desc(), _table.c.id)
        .limit(MOST_SHOWN)
    )
    return [_question(row) for row in connection.execute(query).mappings()]


def told(kept: Question) -> dict[str, Any]:
    """A question as its author is told it."""
    body: dict[str, Any] = orjson.loads(_body(kept.sent))
    return {
        "id": kept.id,
        "incident": kept.sent.incident,
        "act": str(kept.sent.act),
        "act_zh": ACT_ZH[kept.sent.act],
        "seen": kept.sent.seen,
        "number": kept.number,
        "happened_at": kept.sent.happened_at,
        "asked_at": kept.asked_at,
        "body": {name: value for name, value in body.items() if value is not None and name != "happened_at"},
        "words": kept.sent.words,
        "then": kept.then,
        "now": kept.now,
        "changes": [one | {"what_zh": ASPECT_ZH[Aspect(one["what"])]} for one in kept.changes],
        "answer": kept.answer,
        "answered_at": kept.answered_at,
        "reason": kept.reason,
    }


def present(engine: Engine, by: Somebody, sent: SentAct, now: datetime, stream: str = MAIN) -> dict[str, Any]:
    """The incident as it is now and what happened since its author looked; neither where they may not see it
    any more.
    """
    scope = scope_of(by.id, by.assignments, now)
    with snapshot(engine) as connection:
        try:
            row = incidents.one(connection, sent.incident, scope, stream)
        except UnknownIncident:
            return {"row": None, "meanwhile": []}
        entries = ledger.history(connection, [sent.incident], stream)[sent.incident]
    return {"row": public_row(row), "meanwhile": [public_entry(entry) for entry in entries[sent.seen :]]}


def _body(sent: SentAct) -> bytes:
    return _SENT.dump_json(sent, exclude=_APART)


def _row(kept: Question, stream: str) -> dict[str, Any]:
    sent = kept.sent
    return {
        "stream": stream,
        "id": sent.id,
        "person": kept.person,
        "incident": sent.incident,
        "act": str(sent.act),
        "seen": sent.seen,
        "number": kept.number,
        "digest": kept.digest,
        "body": _body(sent).decode(),
        "words": sent.words,
        "then": _json(kept.then),
        "now": _json(kept.now),
        "changes": _json(kept.changes),
        "asked_at": to_micros(kept.asked_at),
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _question(row: RowMapping) -> Question:
    apart = {name: row[name] for name in ("id", "incident", "act", "seen", "words")}
    sent = _SENT.validate_python(
        orjson.loads(row["body"]) | apart | {"act": Act(row["act"]), "offline": True}
    )
    return Question(
        sent,
        row["person"],
        row["digest"],
        row["number"],
        orjson.loads(row["then"]),
        orjson.loads(row["now"]),
        orjson.loads(row["changes"]),
        from_micros(row["asked_at"]),
        None if row["answered_at"] is None else from_micros(row["answered_at"]),
        row["answer"],
        row["reason"],
    )
