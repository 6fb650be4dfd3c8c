"""Incidents as point features, as far as the asker's scope reaches. Those without a point, most of the
unlocated tray, are not in the collection: no map shows them, and every box would have to find them.

Nothing here is a citizen's: neither words, names and phones, nor the address they gave.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping

from dispatch.categories import URGENCY_ZH, Categories, Urgency
from dispatch.lifecycle import ENDED, STAGE_ZH, Stage
from gridgov.api.ogc.errors import BadQuery, NoSuchFeature
from gridgov.api.ogc.parameters import Asked
from gridgov.rows import public_row
from gridgov.scope import Scope
from gridgov.storage import incidents
from gridgov.storage.errors import UnknownIncident
from gridgov.storage.incidents import Wanted
from gridgov.storage.ledger import MAIN, read_head

#: The collection's id.
KEY: Final = "incidents"
#: Positions of the ledger that one request looks through at most: 3 million incidents a second are, and one
#: has some five entries. Most pages are full long before.
EXAMINED: Final = 10_000_000
#: What a feature shows of an incident's public row as it is.
COLUMNS: Final = (
    *("case_number", "source_number", "channel", "category", "urgency", "stage", "department", "lead"),
    *("edition", "accuracy_m", "border_m", "outside_m", "reported_at", "filed_at", "dispatched_at"),
    *("handled_at", "closed_at", "due_at", "updated_at", "dispatches", "returns", "reworks", "reopenings"),
    "imported",
)

_POSITION = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the incidents selected, newest report first; ``last`` is the position that the next page begins
    below, None where there is none.
    """

    features: list[dict[str, Any]]
    last: int | None


def page(
    connection: Connection, scope: Scope, asked: Asked, categories: Categories, stream: str = MAIN
) -> Page:
    """The incidents asked for. Fewer than ``asked.limit`` of them may come although more follow: a request
    looks only so far. Raises BadQuery.
    """
    before = _before(asked.page)
    if before is None:
        before = read_head(connection, stream).position + 1
    down_to = before - EXAMINED
    rows = incidents.page(
        connection,
        scope,
        _wanted(asked),
        before=before,
        down_to=down_to,
        limit=asked.limit + 1,
        stream=stream,
    )
    shown = rows[: asked.limit]
    last = int(shown[-1]["first"]) if len(rows) > len(shown) else None
    if last is None and down_to > 0:
        last = down_to
    return Page([feature(row, categories) for row in shown], last)


def one(
    connection: Connection, scope: Scope, id_: str, categories: Categories, stream: str = MAIN
) -> dict[str, Any]:
    """The incident with this id; raises NoSuchFeature, also where the scope does not reach."""
    try:
        row = incidents.one(connection, id_, scope, stream)
    except UnknownIncident:
        row = None
    if row is None or row["id"] != id_ or row["lon"] is None:
        raise NoSuchFeature(collection=KEY, feature=id_)
    return feature(row, categories)


def feature(row: RowMapping | Mapping[str, Any], categories: Categories) -> dict[str, Any]:
    """One row of the projection as a GeoJSON feature: a point in WGS-84 degrees."""
    public = public_row(row)
    known = public["category"] in categories
    properties = {name: public[name] for name in COLUMNS} | {
        "open": public["stage"] not in ENDED,
        "stage_zh": STAGE_ZH[Stage(public["stage"])],
        "urgency_zh": URGENCY_ZH[Urgency(public["urgency"])],
        "category_zh": categories.get(public["category"]).name_zh if known else None,
        "path": "/".join(public["path"]),
        "near_border": bool(public["near_border"]),
        "specialised": ", ".join(public["specialised"]),
    }
    return {
        "type": "Feature",
        "id": public["id"],
        "properties": properties,
        "geometry": {"type": "Point", "coordinates": [public["lon"], public["lat"]]},
    }


def _wanted(asked: Asked) -> Wanted:
    filters, when = asked.filters, asked.when
    end = None if when is None or when.end is None else when.end + timedelta(microseconds=1)
    return Wanted(
        stage=Stage(filters["stage"]) if "stage" in filters else None,
        under=filters.get("under", ()),
        department=filters.get("department"),
        category=filters.get("category"),
        urgency=filters.get("urgency"),
        is_open=filters.get("open"),
        reported_from=None if when is None else when.start,
        reported_to=end,
        boxes=asked.boxes or (),
        on_map=True,
    )


def _before(page_: str | None) -> int | None:
    if page_ is not None and not _POSITION.fullmatch(page_):
        raise BadQuery("page: expected what stands in the `next` link of the page before")
    return None if page_ is None else int(page_)
