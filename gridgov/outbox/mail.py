"""What an e-mail says: plain text for one person, about one incident or several, in Chinese or English.

It names no citizen and repeats none of their words: who needs them follows the link and signs in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final
from zoneinfo import ZoneInfo

from dispatch.bodies import KINDS
from dispatch.categories import URGENCY_ZH, Categories, Urgency
from dispatch.entries import Escalated
from dispatch.lifecycle import ACT_ZH, ROLE_ZH, STAGE_ZH, Role
from dispatch.routing import Routing
from geodata.grids import Hierarchy
from gridgov.in_force import grid_name
from gridgov.outbox.rules import RENAMED, Language
from gridgov.outbox.telling import Delivery
from gridgov.storage.ledger import Committed

#: An e-mail about more incidents than this is read by nobody: the rest are counted.
MOST: Final = 50
#: Characters of a subject that most programs show.
_SUBJECT: Final = 120

EVENT_ZH: Final[Mapping[str, str]] = {
    **{RENAMED.get(kind, kind): ACT_ZH[fact.act] for kind, fact in KINDS.items()},
    "warning": "即将超期",
    "overdue": "已超期",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is needed to call things by their names. ``base_url`` is where this installation is reached."""

    city_zh: str
    city_en: str
    zone: ZoneInfo
    categories: Categories
    routing: Routing
    hierarchy: Hierarchy
    base_url: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be told in an e-mail."""

    delivery: Delivery
    told: Committed


@dataclass(frozen=True, slots=True)
class Envelope:
    """To whom, from whom and when. ``id`` is the same whenever the same is told again, so that mail programs
    can tell.
    """

    recipient: str
    sender: str
    id: str
    now: datetime


def once(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """What is to be said: of what two targets tell one person of an entry, the first."""
    return list({one.position: one for one in reversed(deliveries)}.values())[::-1]


def compose(
    items: Sequence[Item], others: Sequence[Delivery], envelope: Envelope, facts: Facts
) -> EmailMessage:
    """One e-mail that tells of all ``items``, and how many ``others`` there are.

    Nothing that stands in it can break out of a header: a subject is one line.
    """
    language = items[0].delivery.language
    tell = _zh if language is Language.ZH else _en
    parts = ["\n".join(tell(item, facts)) for item in items]
    if others:
        more = len(others)
        parts.append(f"另有 {more} 条未列出。" if language is Language.ZH else f"And {more} more.")
    subject = _subject(items, others, facts, language)
    return _letter(envelope, subject, "\n\n".join(parts) + "\n")


def trial(envelope: Envelope, facts: Facts) -> EmailMessage:
    """An e-mail that is only to show that it arrives."""
    text = "这是一封测试邮件,无需处理。\nThis is a test; nothing is to be done.\n"
    return _letter(envelope, f"[{facts.city_zh}] 测试邮件 Test message", text)


def _letter(envelope: Envelope, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address(addr_spec=envelope.sender)
    message["To"] = Address(addr_spec=envelope.recipient)
    message["Subject"] = _one_line(subject)
    message["Date"] = format_datetime(envelope.now)
    message["Message-ID"] = f"<{envelope.id}@{envelope.sender.rpartition('@')[2]}>"
    # Holiday answers to a program help nobody (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, charset="utf-8")
    return message


def _one_line(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= _SUBJECT else clean[: _SUBJECT - 1] + "…"


def _subject(items: Sequence[Item], others: Sequence[Delivery], facts: Facts, language: Language) -> str:
    told, call = [item.delivery for item in items] + [*others], _event_zh
    city, counted = facts.city_zh, f"{len(told)} 条提醒:"
    if language is Language.EN:
        call, city, counted = _event_en, facts.city_en, f"{len(told)} notices: "
    if len(told) > 1:
        many = Counter(call(one) for one in told).most_common()
        return f"[{city}] {counted}" + ", ".join(f"{name} {n}" for name, n in many)
    incident = items[0].told.after
    what = _category(facts, incident.category, language)
    return f"[{city}] {call(told[0])} {incident.case_number} {what}"


def _event_zh(delivery: Delivery) -> str:
    return EVENT_ZH.get(delivery.event, delivery.event)


def _event_en(delivery: Delivery) -> str:
    return delivery.event.replace("_", " ").capitalize()


def _zh(item: Item, facts: Facts) -> list[str]:
    incident = item.told.after
    lines = [
        f"{_event_zh(item.delivery)}:案卷 {incident.case_number}",
        f"类别:{_category(facts, incident.category, Language.ZH)}({_urgency(incident.urgency)})",
        f"位置:{_place(facts, incident.place.path) or '未定位'}",
        f"环节:{STAGE_ZH[incident.stage]}",
        f"部门:{_department(facts, incident.lead or incident.department, Language.ZH)}",
    ]
    if (ends := _due(item)) is not None:
        lines.append(f"时限:{_local(ends, facts)}")
    if isinstance(fact := item.told.entry.fact, Escalated):
        lines.append(f"请以下人员答复:{_level(facts, fact.level, Language.ZH)} {_roles(fact, Language.ZH)}")
        if fact.answer_by is not None:
            lines.append(f"答复期限:{_local(fact.answer_by, facts)}")
    return lines + _link(item, facts)


def _en(item: Item, facts: Facts) -> list[str]:
    incident = item.told.after
    lines = [
        f"{_event_en(item.delivery)}: case {incident.case_number}",
        f"Category: {_category(facts, incident.category, Language.EN)} ({incident.urgency})",
        f"Place: {_place(facts, incident.place.path) or 'not located'}",
        f"Stage: {incident.stage}",
        f"Department: {_department(facts, incident.lead or incident.department, Language.EN)}",
    ]
    if (ends := _due(item)) is not None:
        lines.append(f"Due: {_local(ends, facts)}")
    if isinstance(fact := item.told.entry.fact, Escalated):
        lines.append(f"Asked: {_roles(fact, Language.EN)} of the {_level(facts, fact.level, Language.EN)}")
        if fact.answer_by is not None:
            lines.append(f"Answer by: {_local(fact.answer_by, facts)}")
    return lines + _link(item, facts)


def _due(item: Item) -> datetime | None:
    """When the clock ends that runs, or else that of handling."""
    incident = item.told.after
    return incident.due_at if incident.clock is None else incident.clock.due_at


def _local(moment: datetime, facts: Facts) -> str:
    return moment.astimezone(facts.zone).strftime("%Y-%m-%d %H:%M")


def _category(facts: Facts, key: str, language: Language) -> str:
    """The name of a category; its key where the rules do not have it any more."""
    if key not in facts.categories:
        return key
    found = facts.categories.get(key)
    return found.name_zh if language is Language.ZH else found.name_en or found.name_zh


def _urgency(urgency: str) -> str:
    return URGENCY_ZH[Urgency(urgency)] if urgency in tuple(Urgency) else urgency


def _place(facts: Facts, path: Sequence[str]) -> str:
    """The names of the grids it lies in; their codes where the boundaries in force do not have them."""
    return " / ".join(grid_name(facts.hierarchy, path[: depth + 1]) for depth in range(len(path)))


def _department(facts: Facts, code: str, language: Language) -> str:
    found = facts.routing.departments.get(code)
    if found is None:
        return code
    return found.name_zh if language is Language.ZH else found.name_en or found.name_zh


def _level(facts: Facts, key: str, language: Language) -> str:
    found = next((level for level in facts.hierarchy.levels if level.key == key), None)
    if found is None:
        return key
    return found.name_zh if language is Language.ZH else found.name_en or found.key


def _roles(fact: Escalated, language: Language) -> str:
    if language is Language.EN:
        return ", ".join(role.replace("_", " ") for role in fact.roles)
    return "、".join(ROLE_ZH[Role(role)] if role in tuple(Role) else role for role in fact.roles)


def _link(item: Item, facts: Facts) -> list[str]:
    if facts.base_url is None:
        return []
    return [f"{facts.base_url.rstrip('/')}/api/incidents/{item.told.after.case_number}"]
