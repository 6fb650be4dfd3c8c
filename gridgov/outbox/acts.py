"""What an administrator does to the outbox: send again what is dead or throw it away, change a secret, see
whether a message arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine

from gridgov import city
from gridgov.clock import new_id, new_token
from gridgov.errors import BadInput, ServiceError
from gridgov.outbox import keeping, mail, payload, webhook
from gridgov.outbox.following import facts_of
from gridgov.outbox.keeping import Standing
from gridgov.outbox.rules import Kind, Target
from gridgov.outbox.sending import Outbox
from gridgov.outbox.smtp import Line, MailServer
from gridgov.outbox.webhook import Tried
from gridgov.rows import iso
from gridgov.settings import Settings
from gridgov.storage.writer import Writer

log = structlog.get_logger(__name__)

#: Why something was thrown away is said in so many characters at most.
LONGEST_REASON: Final = 500


class UnknownTarget(ServiceError):
    """The city's file has no target of this name."""


class UnknownDelivery(ServiceError):
    """No such delivery of this target is dead."""


class Installation(Protocol):
    """What is needed of an open service."""

    settings: Settings
    reader: Engine
    writer: Writer
    outbox: Outbox
    stream: str

    def clock(self) -> Any:
        """This moment."""
        ...


def resend(service: Installation, target: str, id_: str | None) -> dict[str, Any]:
    """Let what is dead at a target wait again, one delivery or all; raises UnknownTarget, UnknownDelivery."""
    _require_in_force(service, target)
    many = service.writer.run(keeping.resend(target, id_, service.stream))
    _require_some(many, target, id_)
    service.outbox.wake()
    return {"target": target, "deliveries": many}


def discard(service: Installation, target: str, id_: str | None, reason: str, by: str) -> dict[str, Any]:
    """Throw away what is dead at a target: one delivery, or all; who did and why stays on record for a while.

    Raises BadInput without a reason, UnknownTarget, UnknownDelivery.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise BadInput(f"say why it is thrown away, in {LONGEST_REASON} characters at most")
    with service.reader.connect() as connection:
        known = {row["name"] for row in keeping.every_target(connection, service.stream)}
    if target not in known:
        raise UnknownTarget(target=target)
    many = service.writer.run(keeping.discard(target, id_, by, reason.strip(), service.stream))
    _require_some(many, target, id_)
    log.info("deliveries were thrown away", target=target, deliveries=many, by=by)
    return {"target": target, "deliveries": many}


def rotate(service: Installation, target: str) -> dict[str, Any]:
    """Give a webhook another secret: it is in this answer and nowhere else, and the one before signs as well
    until ``both_until``. Raises UnknownTarget, and BadInput for e-mail.
    """
    if _require_in_force(service, target).kind is not Kind.WEBHOOK:
        raise BadInput(f"{target!r} is told by e-mail, which is not signed: it has no secret")
    secret = new_token()
    both_for = timedelta(hours=service.settings.outbox_rotation_hours)
    until = service.writer.run(keeping.rotate(target, secret, both_for, service.stream))
    if until is None:
        raise UnknownTarget(target=target)
    log.info("a webhook has a new secret", target=target)
    return {"target": target, "secret": secret, "both_until": iso(until)}


def trial(service: Installation, target: str) -> dict[str, Any]:
    """Send a message that says it is a test; says to whom, and what came of it. A target that is told through
    roles alone has nobody to send it to. Raises UnknownTarget, NoMailServer, BadInput.
    """
    found = _require_in_force(service, target)
    now = service.clock()
    with service.reader.connect() as connection:
        standing = keeping.standings(connection, now, service.stream)[target]
        facts = facts_of(connection, service.settings.base_url)
    if found.kind is Kind.WEBHOOK:
        tried, to = asyncio.run(_posted(service, found, standing)), [found.shown]
    elif not found.addresses or facts is None:
        raise BadInput(f"{target!r} names roles and no addresses: whom it reaches depends on the incident")
    else:
        server, to = MailServer.of(service.settings), list(found.addresses)
        letters = [mail.Envelope(address, server.sender, new_id(), now) for address in found.addresses]
        made = [mail.trial(letter, facts) for letter in letters]
        several = server.send(made, Line())
        tried = next((one for one in several if one.error is not None), Tried())
    return {"target": target, "to": to, "arrived": tried.error is None, "error": tried.error}


async def _posted(service: Installation, target: Target, standing: Standing) -> Tried:
    timeout_s, now, id_ = service.settings.outbox_timeout_s, service.clock(), new_id()
    async with webhook.client(timeout_s) as sender:
        about = (id_, "test")
        body = payload.trial(id_, now)
        return await webhook.post(sender, target.url, body, about, standing.secrets, now, timeout_s)


def done(service: Installation, act: str, asked: Mapping[str, Any], by: str) -> dict[str, Any]:
    """One of the acts by its name (resend, discard, secret, test), with what was asked: ``target``, ``id``,
    ``reason``.
    """
    target, id_ = str(asked["target"]), asked.get("id")
    if act == "resend":
        return resend(service, target, id_)
    if act == "discard":
        return discard(service, target, id_, str(asked.get("reason", "")), by)
    return rotate(service, target) if act == "secret" else trial(service, target)


def _require_in_force(service: Installation, name: str) -> Target:
    with service.reader.connect() as connection:
        found = city.current(connection)
    target = None if found is None else found.telling.target(name)
    if target is None:
        raise UnknownTarget(f"the city's file has no target {name!r}", target=name)
    return target


def _require_some(many: int, target: str, id_: str | None) -> None:
    if not many and id_ is not None:
        raise UnknownDelivery(target=target, delivery=id_)
