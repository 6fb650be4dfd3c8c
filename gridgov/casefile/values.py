"""What a file of an incident is made of: values that were read at one moment, told alike as a page, as JSON
and in a package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatch.entries import Entry, Fact
from dispatch.incidents import Incident
from dispatch.readings import Reading
from gridgov.telling_names import Names, Said

#: Whether a photo's file is there and has the digest it is named by.
WHOLE: Final = "whole"
MISSING: Final = "missing"
DAMAGED: Final = "damaged"


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as the ledger stores it: ``row`` with every column, ``hash`` over its bytes as they are.

    ``next_position`` and ``next_previous`` are those of the next entry of the ledger, of whichever incident,
    which holds this one's hash; where this is the last entry of all the ledger's head holds it, and
    ``next_position`` is None. ``next_previous`` None: the entry that should come next is not there.
    """

    row: Mapping[str, Any]
    hash: bytes
    next_position: int | None
    next_previous: bytes | None

    @property
    def is_whole(self) -> bool:
        """Are its bytes those whose hash was written down when the next entry came?"""
        return self.hash == self.next_previous


@dataclass(frozen=True, slots=True)
class Kept:
    """Words kept beside an entry so that they can be erased. ``matches``: they are those whose hash the
    ledger holds; None where they were erased, or are not there at all, and nothing can be said.

    With the ``salt`` anybody can tell that too. It is None where a name or a phone is withheld: whoever has
    the rest and the salt could try all phones there are.
    """

    words: str | None
    address: str | None
    erased_at: datetime | None
    matches: bool | None
    salt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: as stored, as read, by whom in which roles, what happened in a sentence, and its words."""

    stored: Stored
    entry: Entry
    roles: tuple[str, ...]
    by: Said
    said: Said
    kept: Kept | None
    photos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reported this incident, or one that was joined to it.

    ``by`` is who sent it in. ``name`` and ``phone`` of a citizen are None where there are none, where they
    were erased, and where they are ``withheld`` from whoever reads the file.
    """

    incident: str
    case_number: str
    by: Said
    channel: str
    reported_at: datetime
    name: str | None
    phone: str | None
    withheld: bool
    erased: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo of the incident, by its digest, and the numbers of the entries that name it.

    ``state`` is whole, missing or damaged. What was never noted down of it is None.
    """

    digest: str
    media_type: str | None
    size: int | None
    width: int | None
    height: int | None
    state: str
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Leader:
    """What it was joined to, and how that stands, where whoever reads the file may see that."""

    case_number: str
    stage: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as it stood when the file was read: its last position and the hash of its last entry."""

    stream: str
    epoch: str
    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All there is on one incident at one moment, as somebody may read it."""

    read_at: datetime
    read_by: Said
    city: Said
    made_up: bool
    names: Names
    row: Mapping[str, Any]
    incident: Incident
    lines: tuple[Line, ...]
    reporters: tuple[Reporter, ...]
    clocks: tuple[Reading, ...]
    pictures: tuple[Picture, ...]
    leader: Leader | None
    ledger: Ledger

    @property
    def is_whole(self) -> bool:
        """Did every entry's bytes agree with the hash that the ledger holds of it?"""
        return all(line.stored.is_whole for line in self.lines)


def photos_in(fact: Fact) -> tuple[str, ...]:
    """The digests of the photos that a fact names, each once."""
    found = [digest for name in _PHOTOS for digest in getattr(fact, name, ())]
    return tuple(dict.fromkeys(found))


#: Fields of facts that hold digests of photos.
_PHOTOS: Final = ("photos", "before", "after")
