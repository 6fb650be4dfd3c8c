"""The file of an incident as plain values that JSON can hold: all that the page shows, for programs."""

from __future__ import annotations

from typing import Any, Final

from dispatch.lifecycle import ACT_ZH, STAGE_ZH, Stage
from gridgov.casefile.values import CaseFile, Line, Picture, Reporter, Stored
from gridgov.due_times import reading_dict
from gridgov.rows import public_entry
from gridgov.storage.ledger import HASHED
from gridgov.telling_names import Said

#: The form of the file; another number where a program that reads it has to know.
FORM: Final = 1


def plain(file: CaseFile) -> dict[str, Any]:
    """The file as plain values: times are moments, lengths of time seconds, hashes hex."""
    return {
        "form": FORM,
        "read_at": file.read_at,
        "read_by": file.read_by.zh,
        "zone": file.names.zone,
        "city": file.city.zh,
        "city_en": file.city.en,
        "made_up": file.made_up,
        "row": dict(file.row),
        "stage_zh": STAGE_ZH[file.incident.stage],
        "place": _both(file.names.grid(file.incident.place.path)),
        "category": _both(file.names.category(file.incident.category)),
        "standard": _both(file.names.standard(file.incident.category, file.incident.standard)),
        "reporters": [_reporter(one) for one in file.reporters],
        "leader": None if file.leader is None else _leader(file),
        "clocks": [reading_dict(one) for one in file.clocks],
        "history": [_line(line) for line in file.lines],
        "photos": [_picture(one) for one in file.pictures],
        "chain": _chain(file),
    }


def _both(said: Said | None) -> dict[str, str] | None:
    return None if said is None else {"zh": said.zh, "en": said.en}


def _leader(file: CaseFile) -> dict[str, Any]:
    assert file.leader is not None
    return {
        "case_number": file.leader.case_number,
        "stage": file.leader.stage,
        "stage_zh": STAGE_ZH[Stage(file.leader.stage)],
    }


def _reporter(one: Reporter) -> dict[str, Any]:
    return {
        "incident": one.incident,
        "case_number": one.case_number,
        "by_name": one.by.zh,
        "channel": one.channel,
        "reported_at": one.reported_at,
        "name": one.name,
        "phone": one.phone,
        "withheld": one.withheld,
        "erased": one.erased,
    }


def _line(line: Line) -> dict[str, Any]:
    kept = line.kept
    words = None
    if kept is not None:
        words = {
            "words": kept.words,
            "address": kept.address,
            "erased_at": kept.erased_at,
            "matches": kept.matches,
            "salt": None if kept.salt is None else kept.salt.hex(),
        }
    return public_entry(line.entry) | {
        "position": line.stored.row["position"],
        "act_zh": ACT_ZH[line.entry.fact.act],
        "by_name": line.by.zh,
        "roles": list(line.roles),
        "sentence_zh": line.said.zh,
        "sentence_en": line.said.en,
        "words": words,
        "photos": list(line.photos),
        **hashes(line.stored),
    }


def hashes(one: Stored) -> dict[str, Any]:
    """An entry's own hash, that of the one before it, and where its own was written down, in hex."""
    return {
        "hash": one.hash.hex(),
        "previous": one.row["previous"].hex(),
        "next_position": one.next_position,
        "next_previous": None if one.next_previous is None else one.next_previous.hex(),
    }


def _picture(one: Picture) -> dict[str, Any]:
    return {
        "digest": one.digest,
        "media_type": one.media_type,
        "size": one.size,
        "width": one.width,
        "height": one.height,
        "state": one.state,
        "entries": list(one.entries),
    }


def _chain(file: CaseFile) -> dict[str, Any]:
    return {
        "stream": file.ledger.stream,
        "epoch": file.ledger.epoch,
        "head_position": file.ledger.position,
        "head_hash": file.ledger.hash.hex(),
        "positions": [line.stored.row["position"] for line in file.lines],
        "whole": file.is_whole,
        "broken": [line.entry.number for line in file.lines if not line.stored.is_whole],
        "hashed": list(HASHED),
    }
