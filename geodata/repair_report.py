"""What a repair did, told: as plain values for programs, as lines for people, as GeoJSON for a map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final

import orjson
import shapely

from geodata.findings import Finding, place_in, size
from geodata.repair import Change, Place, Repair

SHOWN: Final = 20
"""Places that stay, and grids, told one by one to people; all of them stand in the JSON."""


def summary(done: Repair) -> dict[str, Any]:
    """Everything, as plain values for JSON; m² and metres. The ground itself is in `feature_collection`."""
    return {
        "tolerance_m": done.tolerance_m,
        "moved": [_place(one) for one in done.moved],
        "stays": [_place(one) for one in done.stays],
        "changes": [asdict(one) for one in done.changes],
        "findings": {
            "before": [_finding(one) for one in done.before],
            "after": [_finding(one) for one in done.after],
        },
    }


def _place(one: Place) -> dict[str, Any]:
    told = {
        "kind": one.kind,
        "level": one.level,
        "before": list(one.before),
        "after": list(one.after),
        "m2": one.m2,
        "place": place_in(one.ground),
    }
    if one.why is None:
        return {**told, "moved_m": one.moved_m}
    return {**told, "width_m": one.moved_m, "why": one.why}


def _finding(one: Finding) -> dict[str, object]:
    return one.to_dict()


def readable(done: Repair) -> str:
    """Lines for people: how much moved, what stays and why, the grids most moved, findings."""
    return "\n".join([*_moved(done), *_stays(done), *_changes(done), *_findings(done)]) + "\n"


def _moved(done: Repair) -> Iterator[str]:
    tolerance = f"under a tolerance of {done.tolerance_m:g} m"
    if not done.moved:
        yield f"nothing to repair {tolerance}"
        return
    farthest = max(one.moved_m for one in done.moved)
    count = f"{len(done.moved)} place{'' if len(done.moved) == 1 else 's'}"
    together = size(sum(one.m2 for one in done.moved))
    yield f"{count} changed hands {tolerance}, {together} together:"
    for kind, number in sorted(Counter(one.kind for one in done.moved).items()):
        m2 = sum(one.m2 for one in done.moved if one.kind == kind)
        yield f"  {number} x {kind}, {size(m2)}"
    yield f"no border moved by more than {farthest:.3g} m"


def _stays(done: Repair) -> Iterator[str]:
    if not done.stays:
        return
    yield f"{len(done.stays)} left as drawn:"
    for one in sorted(done.stays, key=lambda place: -place.m2)[:SHOWN]:
        whose = f" of {', '.join(one.before)}" if one.before else ""
        at = place_in(one.ground)
        where = "" if at is None else f" at {at[0]:.6f},{at[1]:.6f}"
        yield f"  {one.kind}{whose} of level {one.level}, {size(one.m2)}{where}: {one.why}"
    yield from _more(done.stays)


def _changes(done: Repair) -> Iterator[str]:
    if not done.changes:
        return
    moved = [one for one in done.changes if one.moved_m or one.m2_won or one.m2_lost]
    yield f"{len(moved)} grids are others now, {len(done.changes) - len(moved)} only got corners more:"
    for one in sorted(moved, key=_how_much, reverse=True)[:SHOWN]:
        yield (
            f"  {one.level} {one.code}: {one.m2_before:,.1f} m² before, {one.m2_after:,.1f} after; "
            f"won {size(one.m2_won)}, lost {size(one.m2_lost)}, moved by up to {one.moved_m:.3g} m"
        )
    yield from _more(moved)


def _how_much(change: Change) -> tuple[float, str, str]:
    return (change.m2_won + change.m2_lost, change.level, change.code)


def _more(told: list[Change] | tuple[Place, ...]) -> Iterator[str]:
    if len(told) > SHOWN:
        yield f"  and {len(told) - SHOWN} more"


def _findings(done: Repair) -> Iterator[str]:
    yield f"findings before: {_counted(done.before)}"
    yield f"findings after: {_counted(done.after)}"


def _counted(findings: Iterable[Finding]) -> str:
    counts = Counter((one.code, "accepted" if one.accepted else str(one.severity)) for one in findings)
    told = (f"{count} {code} ({state})" for (code, state), count in sorted(counts.items()))
    return ", ".join(told) or "none"


def feature_collection(done: Repair) -> bytes:
    """The ground that moved and that stays as GeoJSON (RFC 7946), to be laid over a map; nothing rounded."""
    features = []
    for one in (*done.moved, *done.stays):
        properties = {"moved": one.why is None} | _place(one)
        shape = orjson.Fragment(shapely.to_geojson(one.ground))
        features.append({"type": "Feature", "properties": properties, "geometry": shape})
    return orjson.dumps({"type": "FeatureCollection", "name": "repair", "features": features})
