"""What goes out, target by target: each webhook has a lane of its own, all e-mail shares one, as it shares a
mail server. What one lane waits for, no other does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import httpx2
import structlog
from sqlalchemy import Engine

from gridgov.outbox import backoff, keeping, mail, payload, webhook
from gridgov.outbox.keeping import Settled, Standing, Waiting
from gridgov.outbox.mail import Facts, Item
from gridgov.outbox.rules import Kind, Target, Telling
from gridgov.outbox.smtp import Line, MailServer, NoMailServer
from gridgov.outbox.webhook import Tried
from gridgov.settings import Settings
from gridgov.storage.writer import Writer

#: Deliveries sent before their outcome is written down, and the seconds after which it is in any case: what
#: a process that is killed sends again is not more than that.
BATCH: Final = 25
BATCH_S: Final = 2.0
#: E-mails handed in by one connection, and what they may tell together.
MAILS: Final = 20
TOLD: Final = 2000
#: Outcomes in one transaction: some milliseconds.
WRITTEN: Final = 100
#: Seconds after which a lane looks again, whatever else happens.
IDLE_S: Final = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hands:
    """What lanes work with. ``threads`` are for reading the store and for the mail server."""

    engine: Engine
    writer: Writer
    settings: Settings
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    threads: ThreadPoolExecutor
    stream: str

    async def in_thread(self, do: Callable[..., Any], *about: Any) -> Any:
        """Do something that waits for the store, or for a mail server."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, do, *about)

    async def write_down(
        self, settled: Sequence[Settled], unwell: Sequence[str] = (), retry_at: datetime | None = None
    ) -> None:
        """Write down what became of deliveries, in parts small enough that reports need not wait."""
        for start in range(0, len(settled), WRITTEN):
            part, last = settled[start : start + WRITTEN], start + WRITTEN >= len(settled)
            chore = keeping.settle(part, unwell if last else (), retry_at, self.stream)
            await self.writer.act(chore)

    def settled(self, waiting: Waiting, tried: Tried, now: datetime) -> Settled:
        """What becomes of a delivery after this attempt."""
        if tried.error is None:
            return Settled(waiting.delivery)
        attempts = waiting.attempts + 1
        wait = max(backoff.wait(attempts, self.chance()), timedelta(seconds=tried.wish_s))
        oldest = now - timedelta(hours=self.settings.outbox_age_hours)
        if attempts >= self.settings.outbox_attempts or waiting.made_at <= oldest:
            return Settled(waiting.delivery, tried.error)
        return Settled(waiting.delivery, tried.error, now + wait)

    def until(self, moment: datetime | None, now: datetime) -> float:
        """Seconds to wait for a moment, at most until the next look in any case."""
        return IDLE_S if moment is None else min(max((moment - now).total_seconds(), 0.0), IDLE_S)


class WebhookLane:
    """Sends what one webhook is told, one after another, in the order in which it is due."""

    def __init__(self, hands: Hands, sender: httpx2.AsyncClient, name: str) -> None:
        self._hands, self._sender, self._name = hands, sender, name

    async def serve(self, telling: Telling) -> float:
        """Send what is due now; returns the seconds until something is due next."""
        hands, now = self._hands, self._hands.clock()
        target = telling.target(self._name)
        standing, due, next_ = await hands.in_thread(self._look, now)
        if target is None or standing is None:
            return IDLE_S
        if backoff.held(standing.retry_at, now):
            return hands.until(standing.retry_at, now)
        if not due:
            return hands.until(next_, now)
        settled, sick = await self._send(target, standing, due)
        if sick is None:
            await hands.write_down(settled)
            return 0.0
        wait = max(backoff.wait(standing.failures + 1, hands.chance()), timedelta(seconds=sick.wish_s))
        retry_at = hands.clock() + wait
        log.info("a webhook is not taken", target=self._name, at=target.shown, why=sick.error)
        await hands.write_down(settled, [self._name], retry_at)
        return hands.until(retry_at, hands.clock())

    async def _send(
        self, target: Target, standing: Standing, due: Sequence[Waiting]
    ) -> tuple[list[Settled], Tried | None]:
        """What became of some deliveries, until the target as a whole fails."""
        hands, clock = self._hands, asyncio.get_running_loop().time
        settled: list[Settled] = []
        began = clock()
        for waiting in due:
            told = waiting.delivery
            body = await hands.in_thread(self._body, waiting)
            if isinstance(body, Tried):
                settled.append(hands.settled(waiting, body, hands.clock()))
                continue
            tried = await webhook.post(
                self._sender,
                target.url,
                body,
                (told.id, told.event),
                standing.secrets,
                hands.clock(),
                hands.settings.outbox_timeout_s,
            )
            settled.append(hands.settled(waiting, tried, hands.clock()))
            if tried.whole:
                return settled, tried
            if clock() - began > BATCH_S:
                break
        return settled, None

    def _look(self, now: datetime) -> tuple[Standing | None, list[Waiting], datetime | None]:
        hands, names = self._hands, [self._name]
        with hands.engine.connect() as connection:
            standing = keeping.standings(connection, now, hands.stream).get(self._name)
            due = keeping.due(connection, names, now, BATCH, hands.stream)
            return standing, due, None if due else keeping.next_due(connection, names, hands.stream)

    def _body(self, waiting: Waiting) -> bytes | Tried:
        """What is sent; what went wrong where it cannot be put together, so that others need not wait."""
        hands, told = self._hands, waiting.delivery
        if told.recipient:
            return Tried("it was to be an e-mail, and the target is a webhook now")
        try:
            with hands.engine.connect() as connection:
                committed = payload.committed_of(connection, told, hands.stream)
            return payload.body(told, committed, hands.clock())
        except Exception as error:
            log.exception("what is to be told cannot be put together", delivery=told.id)
            return Tried(f"it cannot be put together: {type(error).__name__}")


class MailLane:
    """Hands in what people are told by e-mail: what waits for one person as one e-mail."""

    def __init__(self, hands: Hands, facts: Callable[[], Facts | None]) -> None:
        self._hands, self._facts = hands, facts

    async def serve(self, telling: Telling) -> float:
        """Hand in what is due now; returns the seconds until something is due next."""
        hands, now = self._hands, self._hands.clock()
        names = {target.name for target in telling.targets if target.kind is Kind.EMAIL}
        try:
            server = MailServer.of(hands.settings)
        except NoMailServer:
            return IDLE_S
        if not names:
            return IDLE_S
        held, by_recipient, next_ = await hands.in_thread(self._look, names, now)
        there = [one for one in held.values() if one.name in names]
        again = min((one.retry_at or now for one in there), default=now)
        if backoff.held(again, now):
            return hands.until(again, now)
        if not by_recipient:
            return hands.until(next_, now)
        messages, spoilt = await hands.in_thread(self._composed, server.sender, by_recipient)
        tried = await self._handed_in(server, list(messages.values()))
        outcomes = dict(zip(messages, tried, strict=True)) | spoilt
        settled = [
            hands.settled(waiting, outcomes[recipient], hands.clock())
            for recipient, many in by_recipient.items()
            for waiting in many
        ]
        sick = next((one for one in tried if one.whole), None)
        if sick is None:
            await hands.write_down(settled)
            return 0.0
        failures = max(one.failures for one in there)
        retry_at = hands.clock() + backoff.wait(failures + 1, hands.chance())
        log.warning("e-mail is not taken", server=server.host, why=sick.error)
        await hands.write_down(settled, sorted(names), retry_at)
        return hands.until(retry_at, hands.clock())

    async def _handed_in(self, server: MailServer, messages: Sequence[EmailMessage]) -> list[Tried]:
        """Hand them in, and cut the connection where that takes longer than it may."""
        hands, line = self._hands, Line()
        if not messages:
            return []
        sent = asyncio.ensure_future(hands.in_thread(server.send, messages, line))
        try:
            await asyncio.wait({sent}, timeout=hands.settings.outbox_timeout_s * (1 + len(messages)))
        finally:
            if not sent.done():
                line.cut()
        tried: list[Tried] = await sent
        return tried

    def _look(
        self, names: set[str], now: datetime
    ) -> tuple[Mapping[str, Standing], dict[str, list[Waiting]], datetime | None]:
        """How the targets stand, and what some people may be told now, person by person."""
        hands = self._hands
        with hands.engine.connect() as connection:
            held = keeping.standings(connection, now, hands.stream)
            due = keeping.due(connection, names, now, TOLD, hands.stream)
            chosen = list(dict.fromkeys(one.delivery.recipient for one in due))[:MAILS]
            ready = keeping.due_to(connection, names, chosen, now, TOLD, hands.stream) if chosen else []
            next_ = None if due else keeping.next_due(connection, names, hands.stream)
        found: dict[str, list[Waiting]] = {}
        for one in ready:
            found.setdefault(one.delivery.recipient, []).append(one)
        return held, found, next_

    def _composed(
        self, sender: str, by_recipient: Mapping[str, Sequence[Waiting]]
    ) -> tuple[dict[str, EmailMessage], dict[str, Tried]]:
        """An e-mail for each person; what went wrong where it cannot be put together."""
        hands, facts = self._hands, self._facts()
        messages: dict[str, EmailMessage] = {}
        spoilt: dict[str, Tried] = {}
        for recipient, many in by_recipient.items():
            try:
                if facts is None:
                    spoilt[recipient] = Tried("there are no rules and grids in force", True)
                    continue
                if not recipient:
                    spoilt[recipient] = Tried("it was to be a webhook, and the target is e-mail now")
                    continue
                told = mail.once([one.delivery for one in many])
                with hands.engine.connect() as connection:
                    items = [
                        Item(one, payload.committed_of(connection, one, hands.stream))
                        for one in told[: mail.MOST]
                    ]
                id_ = mail_id([one.delivery.id for one in many])
                envelope = mail.Envelope(recipient, sender, id_, hands.clock())
                messages[recipient] = mail.compose(items, told[mail.MOST :], envelope, facts)
            except Exception as error:
                log.exception("an e-mail cannot be put together", deliveries=len(many))
                spoilt[recipient] = Tried(f"it cannot be put together: {type(error).__name__}")
        return messages, spoilt


def mail_id(deliveries: Sequence[str]) -> str:
    """The same for the same deliveries: what begins a Message-ID."""
    return str(uuid5(NAMESPACE_URL, "gridgov:" + ",".join(sorted(deliveries))))
