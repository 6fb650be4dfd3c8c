"""Whether the service is well."""

from __future__ import annotations

import anyio
from fastapi import APIRouter, Response
from sqlalchemy.exc import DBAPIError

from gridgov.api.answers import Answer
from gridgov.api.dependencies import Anybody, GridGov, Parts
from gridgov.storage.errors import StorageError
from gridgov.storage.ledger import read_head

router = APIRouter(tags=["health 运行状况"])

#: Threads of its own: whoever asks whether the server is alive does not queue behind hundreds of long lists.
_AT_ONCE = anyio.CapacityLimiter(2)


@router.get("/healthz", dependencies=[Anybody])
async def healthz(gridgov: GridGov) -> Response:
    """200 where reports can be taken: the writer is at work, the store can be read, rules and grids are
    in force.
    """
    checks = await anyio.to_thread.run_sync(_checks, gridgov, limiter=_AT_ONCE)
    well = all(checks.values())
    return Answer({"live": True, "ready": well, "checks": checks}, 200 if well else 503)


def _checks(gridgov: Parts) -> dict[str, bool]:
    return {
        "writer": gridgov.service.writer.alive,
        "store": _readable(gridgov),
        "rules": _ruled(gridgov),
    }


def _readable(gridgov: Parts) -> bool:
    try:
        with gridgov.service.reader.connect() as connection:
            read_head(connection, gridgov.service.stream)
    except (DBAPIError, StorageError):
        return False
    return True


def _ruled(gridgov: Parts) -> bool:
    try:
        return gridgov.service.in_force is not None
    except StorageError:
        return False
