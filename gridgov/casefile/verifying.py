"""Verifying a package without the store: sums, hashes and order of entries, photos, page and values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from dispatch.entries import Entry
from dispatch.errors import UnknownEntry
from gridgov.casefile.markup import text
from gridgov.casefile.opening import Member, Unreadable, opened
from gridgov.casefile.packing import ENTRIES, PAGE, SUMS, VALUES
from gridgov.casefile.values import WHOLE, photos_in
from gridgov.rows import public_entry
from gridgov.storage.ledger import HASHED, entry_hash, to_entry
from gridgov.storage.words import Words

_NUMBERS: Final = frozenset({"position", "number", "version", "happened_at", "recorded_at"})
#: So much missing says that the page is another one.
_ENOUGH: Final = 20
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Packed:
    """One entry of a package: its fields as stored, what is said of its hash, and where it stands."""

    where: str
    row: Mapping[str, Any]
    hash: str
    next_position: int | None
    next_previous: str | None

    @property
    def number(self) -> int:
        """Which of the incident's entries it is."""
        return int(self.row["number"])


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of verifying a package: no faults, or all of them. ``head_position`` is where the ledger
    ended when it was written, ``head_hash`` the hash of its last entry; None where it does not say.
    """

    case_number: str | None
    incident: str | None
    entries: tuple[Packed, ...]
    photos: int
    head_position: int | None
    head_hash: str | None
    faults: tuple[Fault, ...]


def verify(path: Path) -> Verified:
    """Verify a package. Raises BadPackage for what is none."""
    faults: list[Fault] = []
    with opened(path) as members:
        sums = _sums(members, faults)
        entries = _entries(members[ENTRIES], faults)
        values = _values(members[VALUES], faults)
        faults += _chain(entries)
        faults += _alike(entries, values)
        faults += _shown(members[PAGE], entries, values)
        faults += _photos(sums, entries, values)
    chain = values.get("chain")
    head = chain if isinstance(chain, dict) else {}
    row = values.get("row")
    number = row.get("case_number") if isinstance(row, dict) else None
    return Verified(
        case_number=number if isinstance(number, str) else None,
        incident=entries[0].row["incident"] if entries else None,
        entries=tuple(entries),
        photos=sum(name.startswith("photos/") for name in members),
        head_position=_whole_number(head.get("head_position")),
        head_hash=head["head_hash"] if isinstance(head.get("head_hash"), str) else None,
        faults=tuple(dict.fromkeys(faults)),
    )


# -- files -----------------------------------------------------------------------------------------


def _sums(members: Mapping[str, Member], faults: list[Fault]) -> dict[str, str]:
    """The SHA-256 of every file, compared with the list of them."""
    stated = _stated(members[SUMS], faults)
    found = {}
    for name, member in members.items():
        if name == SUMS:
            continue
        summed = hashlib.sha256()
        try:
            for part in member.parts():
                summed.update(part)
        except Unreadable as error:
            faults.append(Fault(name, f"cannot be read: {error}"))
            continue
        found[name] = summed.hexdigest()
        if name not in stated:
            faults.append(Fault(name, f"is not in {SUMS}"))
        elif stated[name] != found[name]:
            faults.append(Fault(name, f"is not what {SUMS} says: its SHA-256 is {found[name]}"))
    faults += [Fault(name, f"is in {SUMS} but not in the package") for name in stated if name not in members]
    return found


def _stated(member: Member, faults: list[Fault]) -> dict[str, str]:
    stated: dict[str, str] = {}
    for at, line in enumerate(_text(SUMS, member, faults).splitlines(), 1):
        found = _SUM.fullmatch(line)
        if found is None or found[2] in stated:
            faults.append(Fault(f"{SUMS} line {at}", "is not one sum and one name, each name once"))
        else:
            stated[found[2]] = found[1]
    return stated


def _text(name: str, member: Member, faults: list[Fault]) -> str:
    """A file as text; empty, and a fault, where it is none."""
    try:
        return member.content().decode()
    except (Unreadable, UnicodeDecodeError) as error:
        faults.append(Fault(name, f"cannot be read: {error}"))
        return ""


def _values(member: Member, faults: list[Fault]) -> dict[str, Any]:
    text = _text(VALUES, member, faults)
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        faults.append(Fault(VALUES, f"is no JSON: {error}"))
        return {}
    if not isinstance(values, dict):
        faults.append(Fault(VALUES, "is not what we write: expected an object"))
        return {}
    return values


# -- entries ---------------------------------------------------------------------------------------


def _entries(member: Member, faults: list[Fault]) -> list[Packed]:
    found = []
    # Not splitlines: stored text may hold other characters that end a line.
    for at, line in enumerate(_text(ENTRIES, member, faults).removesuffix("\n").split("\n"), 1):
        where = f"{ENTRIES} line {at}"
        try:
            found.append(_entry(where, orjson.loads(line)))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            faults.append(Fault(where, f"is no entry as we write it: {error}"))
    return found


def _entry(where: str, told: dict[str, Any]) -> Packed:
    for name in HASHED:
        if type(told[name]) is not (int if name in _NUMBERS else str):
            raise TypeError(f"{name} is {told[name]!r}")
    for name in ("hash", "previous", "next_previous"):
        held = told[name]
        if not (held is None and name == "next_previous") and not _HEX.fullmatch(held):
            raise ValueError(f"{name} is no SHA-256 in hex")
    if told["next_position"] is not None and type(told["next_position"]) is not int:
        raise TypeError("next_position is no number")
    row = {name: told[name] for name in HASHED} | {"previous": bytes.fromhex(told["previous"])}
    where = f"entry {row['number']} (position {row['position']})"
    return Packed(where, row, told["hash"], told["next_position"], told["next_previous"])


def _chain(entries: Sequence[Packed]) -> Iterator[Fault]:
    """Each entry's hash is the one told, and the one the next entry of the ledger holds; none is missing."""
    if not entries:
        yield Fault(ENTRIES, "holds no entry")
        return
    first = entries[0].row
    by_position = {one.row["position"]: one for one in entries}
    for at, one in enumerate(entries, 1):
        computed = entry_hash(one.row).hex()
        if computed != one.hash:
            yield Fault(one.where, f"its bytes were changed: their hash is {computed}, stated is {one.hash}")
        if one.next_previous is None:
            yield Fault(one.where, "nothing in the ledger held its hash when the package was written")
        elif computed != one.next_previous:
            yield Fault(
                one.where,
                f"the ledger held another hash of it: {one.next_previous},"
                f" at {one.next_position or 'its head'}",
            )
        after = by_position.get(one.row["position"] + 1)
        if after is not None and after.row["previous"].hex() != computed:
            yield Fault(one.where, f"{after.where} comes next and does not hold its hash")
        yield from _in_order(at, one, entries[at - 2] if at > 1 else None, first)


def _in_order(at: int, one: Packed, before: Packed | None, first: Mapping[str, Any]) -> Iterator[Fault]:
    expected = 1 if before is None else before.number + 1
    if one.number != expected:
        missing = (
            f"entries {expected} to {one.number - 1} are"
            if one.number > expected + 1
            else f"entry {expected} is"
        )
        told = (
            f"{missing} missing before it"
            if one.number > expected
            else f"stands out of order, as number {at}"
        )
        yield Fault(one.where, told)
    if (one.row["stream"], one.row["incident"]) != (first["stream"], first["incident"]):
        yield Fault(one.where, "belongs to another incident")
    if before is not None and one.row["position"] <= before.row["position"]:
        yield Fault(one.where, f"stands before {before.where} in the ledger")


# -- what the page and the values say of them ------------------------------------------------------


def _alike(entries: Sequence[Packed], values: Mapping[str, Any]) -> Iterator[Fault]:
    """`file.json` tells the same entries, and as many as there were."""
    history = values.get("history")
    row = values.get("row")
    if not isinstance(history, list) or not isinstance(row, dict):
        yield Fault(VALUES, "has no `history` or no `row`")
        return
    told = {
        one["number"]: one for one in history if isinstance(one, dict) and isinstance(one.get("number"), int)
    }
    if row.get("number") != len(entries):
        yield Fault(
            VALUES, f"says that there were {row.get('number')} entries, the package has {len(entries)}"
        )
    for one in entries:
        stated = told.pop(one.number, None)
        if stated is None:
            yield Fault(one.where, f"is not in {VALUES}")
        elif {name: stated.get(name) for name in _same(one)} != _same(one):
            yield Fault(one.where, f"is told otherwise in {VALUES}")
        elif not _are_its_words(one, stated.get("words"), values):
            yield Fault(one.where, f"other words stand with it in {VALUES} than those whose hash it holds")
    for number in told:
        yield Fault(f"entry {number}", f"is in {VALUES} but not in {ENTRIES}")


def _same(one: Packed) -> dict[str, Any]:
    """What `file.json` has to say of an entry."""
    stated = {"position": one.row["position"], "hash": one.hash, "previous": one.row["previous"].hex()}
    entry = _read(one)
    return stated if entry is None else stated | orjson.loads(orjson.dumps(public_entry(entry)))


def _read(one: Packed) -> Entry | None:
    """The entry that the stored fields hold; None where they hold none, which its hash tells too."""
    try:
        return to_entry(one.row)
    except (UnknownEntry, AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _are_its_words(one: Packed, told: Any, values: Mapping[str, Any]) -> bool:
    """Are these the words whose salted hash an entry holds? Nothing can be said without the salt."""
    if not isinstance(told, dict) or not isinstance(told.get("salt"), str):
        return True
    reporters = values.get("reporters")
    named = reporters[0] if one.number == 1 and isinstance(reporters, list) and reporters else {}
    try:
        kept = Words(
            bytes.fromhex(told["salt"]),
            told["words"],
            told["address"],
            named.get("name"),
            named.get("phone"),
        )
        return bool(kept.reference() == orjson.loads(one.row["body"]).get("words"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _shown(member: Member, entries: Sequence[Packed], values: Mapping[str, Any]) -> Iterator[Fault]:
    """The page shows the hash of every entry, and its sentence and words as the values tell them."""
    faults: list[Fault] = []
    page = _text(PAGE, member, faults)
    yield from faults
    hashes = [([one.hash], Fault(PAGE, f"does not show {one.where} with its hash")) for one in entries]
    yield from _missing(page, hashes)
    history = values.get("history")
    told = [one for one in history if isinstance(one, dict)] if isinstance(history, list) else []
    yield from _missing(
        page,
        [
            (
                [text(written).source for written in _written(one)],
                Fault(PAGE, f"does not show what {VALUES} tells of entry {one.get('number')}"),
            )
            for one in told
        ],
    )


def _missing(page: str, wanted: Sequence[tuple[Sequence[str], Fault]]) -> Iterator[Fault]:
    """The faults of what a page does not show in its order: each is looked for from where the one before it
    stands, and not on and on where much is missing, so that a hostile page takes no longer than a long one.
    """
    begin = missed = 0
    for texts, fault in wanted:
        found = [page.find(one, begin) for one in texts]
        if -1 not in found:
            begin = min(found, default=begin)
            continue
        yield fault
        missed += 1
        if missed == _ENOUGH:
            yield Fault(PAGE, "does not show more of it either: the rest was not looked for")
            return


def _written(told: Any) -> Iterator[str]:
    """What people read of an entry."""
    if not isinstance(told, dict):
        return
    words = told.get("words")
    kept = (words.get("words"), words.get("address")) if isinstance(words, dict) else ()
    yield from (one for one in (told.get("sentence_zh"), *kept) if isinstance(one, str))


# -- photos ----------------------------------------------------------------------------------------


def _photos(sums: Mapping[str, str], entries: Sequence[Packed], values: Mapping[str, Any]) -> Iterator[Fault]:
    """Every photo is what its name says, and those that the entries name are there."""
    there = {}
    for name, found in sums.items():
        if name.startswith("photos/"):
            digest = name.removeprefix("photos/").partition(".")[0]
            there[digest] = name
            if digest != found:
                yield Fault(name, f"is another photo than its name says: its SHA-256 is {found}")
    gone = _said_to_be_gone(values)
    named = dict.fromkeys(digest for one in entries for digest in _named(one))
    for digest in named:
        if digest not in there and digest not in gone:
            yield Fault(f"photos/{digest}", "is named by an entry but not in the package")
    for digest, name in there.items():
        if digest not in named:
            yield Fault(name, "is named by no entry")


def _named(one: Packed) -> tuple[str, ...]:
    """The photos that an entry names; none where its bytes are no entry."""
    entry = _read(one)
    try:
        return () if entry is None else tuple(map(str, photos_in(entry.fact)))
    except TypeError:
        # Not even texts stand there: its hash tells that it was changed.
        return ()


def _said_to_be_gone(values: Mapping[str, Any]) -> set[str]:
    """The photos that were missing or damaged already when the package was written."""
    listed = values.get("photos")
    return {
        str(one.get("digest"))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and one.get("state") != WHOLE
    }


def _whole_number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None
