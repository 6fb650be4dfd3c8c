"""Who is told what, by the city's file: `[[targets]]`, where it goes, and `[[notices]]`, what goes there.

```toml
[[targets]]
name = "bureau"
kind = "webhook"
url = "https://bureau.example/hooks/gridgov"

[[targets]]
name = "leaders"
kind = "email"
addresses = ["duty@example.org"]
roles = ["shift_leader", "department", "escalated"]

[[notices]]
name = "late"
on = ["overdue", "escalated"]
urgencies = ["urgent", "critical"]
to = ["bureau", "leaders"]
language = "zh"
```

A webhook's secret is never in the file: the server makes it (`gridgov.outbox.signing`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field

from dispatch.bodies import KINDS
from dispatch.categories import Categories, Category, Urgency
from dispatch.lifecycle import Role, Stage
from gridgov.city_text import Code, Line, Reader, Where
from gridgov.outbox.addresses import why_no_address

#: The handlers of the lead department, and of those that have a part in it.
DEPARTMENT: Final = "department"
#: Whoever the ladder asks: the roles of the step that was asked last, at its level or for a wider grid.
ESCALATED: Final = "escalated"
#: An administrator sees no incidents, and a handler is told through their department.
ROLE_WORDS: Final = (
    *(str(role) for role in Role if role not in (Role.ADMINISTRATOR, Role.HANDLER)),
    DEPARTMENT,
    ESCALATED,
)
#: What a clock's notice is called: its threshold. Imported history is silent.
_THRESHOLDS: Final = ("warning", "overdue")
#: Kinds of entry that read better otherwise.
RENAMED: Final = {"passedon": "passed_on"}
#: What can be told of, by the names that notices use.
EVENTS: Final = (
    *(RENAMED.get(kind, kind) for kind in KINDS if kind not in ("noticed", "imported")),
    *_THRESHOLDS,
)
#: Each target is served by itself, so that none waits for another.
MOST_TARGETS: Final = 50
_LONGEST_URL: Final = 2000
#: Nothing that ends a line, or that readers of addresses take in different ways.
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


class Kind(StrEnum):
    """How a target is reached."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class Language(StrEnum):
    """What an e-mail is written in."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to be told: a webhook at ``url``; or e-mail to ``addresses``, and to the people of ``roles``
    who answer for the place.
    """

    name: str
    kind: Kind
    url: str = ""
    addresses: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Where it goes, for lists and logs: a webhook without its query, which may hold a key.

        >>> Target("bureau", Kind.WEBHOOK, "https://bureau.example/hook?key=1").shown
        'https://bureau.example/hook'
        """
        if self.kind is Kind.WEBHOOK:
            return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))
        return ", ".join((*self.addresses, *self.roles))


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told to whom: entries of ``on`` about incidents that pass every filter; an empty one lets all
    pass. ``categories`` are the keys, and aliases, of the categories and classes that the file names; of the
    unlocated tray nothing lies under any grid.
    """

    name: str
    on: frozenset[str]
    to: tuple[str, ...]
    language: Language = Language.ZH
    categories: frozenset[str] = frozenset()
    under: tuple[tuple[str, ...], ...] = ()
    departments: frozenset[str] = frozenset()
    urgencies: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Telling:
    """All targets and notices of a city, in the file's order."""

    targets: tuple[Target, ...] = ()
    notices: tuple[Notice, ...] = ()

    def target(self, name: str) -> Target | None:
        """The target of this name, if the city has it."""
        return next((one for one in self.targets if one.name == name), None)

    @property
    def wanted(self) -> frozenset[str]:
        """The events that anybody is told of."""
        return frozenset(event for notice in self.notices for event in notice.on)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Listed = Annotated[list[Line], Field(max_length=1000)]


class TargetTable(_Table):
    """One of `[[targets]]`."""

    name: Code
    kind: str
    url: Annotated[str, Field(max_length=_LONGEST_URL)] | None = None
    addresses: Listed = []
    roles: Listed = []


class NoticeTable(_Table):
    """One of `[[notices]]`."""

    name: Line
    on: Annotated[Listed, Field(min_length=1)]
    to: Annotated[Listed, Field(min_length=1)]
    language: str = "zh"
    categories: Listed = []
    classes: Listed = []
    under: Listed = []
    departments: Listed = []
    urgencies: Listed = []
    stages: Listed = []
    channels: Listed = []


def parse(reader: Reader, categories: Categories | None, departments: Collection[str]) -> Telling:
    """`[[targets]]` and `[[notices]]` of a file being read; what is wrong is noted in the reader.

    ``categories`` None: they could not be read, so that nothing is said of what names them.
    """
    tables = reader.several(("targets",), reader.data.get("targets", []))
    targets = [one for where, raw in tables if (one := _target(reader, where, raw)) is not None]
    if len(tables) > MOST_TARGETS:
        reader.wrong(("targets",), f"a city has {MOST_TARGETS} targets at most, found {len(tables)}")
    _no_two(reader, tables, "targets")
    # One that cannot be read is there all the same for what names it.
    names = {raw["name"] for _, raw in tables if isinstance(raw, dict) and isinstance(raw.get("name"), str)}
    told = reader.several(("notices",), reader.data.get("notices", []))
    _no_two(reader, told, "notices")
    notices = [_notice(reader, where, raw, names, categories, departments) for where, raw in told]
    return Telling(tuple(targets), tuple(one for one in notices if one is not None))


def _no_two(reader: Reader, tables: Sequence[tuple[Where, Any]], what: str) -> None:
    seen: set[str] = set()
    for where, raw in tables:
        name = raw.get("name") if isinstance(raw, dict) else None
        if isinstance(name, str):
            if name in seen:
                reader.wrong((*where, "name"), f"two {what} are called {name!r}")
            seen.add(name)


def _target(reader: Reader, where: Where, raw: object) -> Target | None:
    told = reader.table(where, raw, TargetTable)
    if told is None:
        return None
    if told.kind not in tuple(Kind):
        reader.wrong((*where, "kind"), f"{told.kind!r} is not known: write {' or '.join(Kind)}")
        return None
    kind = Kind(told.kind)
    problems = _of_webhook(told) if kind is Kind.WEBHOOK else _of_email(told)
    for at, message in problems:
        reader.wrong((*where, *at), message)
    if problems:
        return None
    addresses = tuple(dict.fromkeys(told.addresses))
    return Target(told.name, kind, told.url or "", addresses, tuple(dict.fromkeys(told.roles)))


def _of_webhook(told: TargetTable) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    if told.url is None:
        problems.append((("url",), "a webhook needs an address: write url"))
    elif wrong := why_no_url(told.url):
        problems.append((("url",), wrong))
    extra = [name for name in ("addresses", "roles") if getattr(told, name)]
    return problems + [((name,), f"a webhook has no {name}: it has a url") for name in extra]


def _of_email(told: TargetTable) -> list[tuple[Where, str]]:
    problems: list[tuple[Where, str]] = []
    if told.url is not None:
        problems.append((("url",), "e-mail goes to addresses or roles, not to a url"))
    if not told.addresses and not told.roles:
        problems.append(((), "e-mail to whom? Write addresses, or roles, or both"))
    for number, address in enumerate(told.addresses):
        if wrong := why_no_address(address):
            problems.append((("addresses", number), wrong))
    for number, role in enumerate(told.roles):
        if role not in ROLE_WORDS:
            problems.append((("roles", number), _unknown(role, "role to be told", ROLE_WORDS)))
    return problems


def why_no_url(url: str) -> str | None:
    """Why nothing is sent to this address; None where it can be. The address itself is not repeated, because
    a key may stand in it.

    >>> why_no_url("https://bureau.example/hook")
    >>> why_no_url("ftp://bureau.example/hook")
    'expected an address such as https://example.org/hook'
    """
    if _CONTROL.search(url) or not url.isascii():
        return "an address is written in ASCII letters, without blanks: encode what is not"
    try:
        parts: SplitResult = urlsplit(url)
        parts.port  # noqa: B018 -- asking for it is what checks it
    except ValueError:
        return "this is no address of a web server"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "expected an address such as https://example.org/hook"
    if "@" in parts.netloc:
        return (
            "an address with a name or password in it is not taken: what is sent is signed, "
            "see `gridgov outbox secret`"
        )
    if parts.fragment or url.endswith("#"):
        return "what stands behind # never reaches a server: leave it out"
    return None


def _notice(
    reader: Reader,
    where: Where,
    raw: object,
    targets: Collection[str],
    categories: Categories | None,
    departments: Collection[str],
) -> Notice | None:
    told = reader.table(where, raw, NoticeTable)
    if told is None:
        return None
    _among(reader, (*where, "on"), told.on, EVENTS, "entry that can be told of")
    _among(reader, (*where, "to"), told.to, targets, "target")
    _among(reader, (*where, "departments"), told.departments, departments, "department")
    _among(reader, (*where, "urgencies"), told.urgencies, tuple(Urgency), "urgency")
    _among(reader, (*where, "stages"), told.stages, tuple(Stage), "stage")
    if told.language not in tuple(Language):
        reader.wrong((*where, "language"), f"{told.language!r} is not known: write {' or '.join(Language)}")
        return None
    return Notice(
        told.name,
        frozenset(told.on),
        tuple(dict.fromkeys(told.to)),
        Language(told.language),
        _named(reader, where, told, categories),
        tuple(_path(reader, (*where, "under", n), text) for n, text in enumerate(told.under)),
        frozenset(told.departments),
        frozenset(told.urgencies),
        frozenset(told.stages),
        frozenset(told.channels),
    )


def _named(reader: Reader, where: Where, told: NoticeTable, categories: Categories | None) -> frozenset[str]:
    """The keys and aliases of all categories that a notice is for; empty for all."""
    if categories is None:
        return frozenset()
    found: list[Category] = []
    for number, name in enumerate(told.categories):
        if name in categories:
            found.append(categories.get(name))
        else:
            keys = [category.key for category in categories]
            reader.wrong((*where, "categories", number), _unknown(name, "category", keys))
    for number, name in enumerate(told.classes):
        if name in categories.classes:
            found += categories.classes[name]
        else:
            reader.wrong((*where, "classes", number), _unknown(name, "class", categories.classes))
    return frozenset(name for category in found for name in (category.key, *category.aliases))


def _path(reader: Reader, where: Where, text: str) -> tuple[str, ...]:
    path = tuple(text.split("/"))
    if not all(path):
        reader.wrong(where, f"{text!r} is no grid path: write codes, widest first, with slashes")
    return path


def _among(reader: Reader, where: Where, told: Sequence[str], known: Iterable[str], what: str) -> None:
    there = list(known)
    for number, name in enumerate(told):
        if name not in there:
            reader.wrong((*where, number), _unknown(name, what, there))


def _unknown(name: str, what: str, known: Iterable[str]) -> str:
    there = sorted(known)
    near = get_close_matches(name[:80], there, n=2)
    if near:
        return f"there is no {what} {name!r}; did you mean {' or '.join(map(repr, near))}?"
    return f"there is no {what} {name!r}" + (f": there are {', '.join(there)}" if len(there) <= 40 else "")
