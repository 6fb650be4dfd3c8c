"""The app: the one place where the service and its faces are wired together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import anyio
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from gridgov.accounts import Passwords
from gridgov.api import (
    bench,
    casefile,
    city,
    clocks,
    closure,
    duplicates,
    duty,
    editions,
    feed,
    grids,
    health,
    imports,
    incidents,
    outbox,
    overdue,
    pages,
    people,
    photos,
    problems,
    questions,
    returns,
    routing,
    rules,
    sessions,
    specialised,
    tasks,
    tiles,
)
from gridgov.api.dependencies import Parts, administrator, operator_session, session_of, writes_rota
from gridgov.api.door import Door, Limit, Limits
from gridgov.api.figures_queue import FiguresQueue
from gridgov.api.ogc import routes as ogc
from gridgov.api.ogc.layers import Layers
from gridgov.basic import RightPasswords
from gridgov.clock import new_id, utcnow
from gridgov.feed import Feed, Hub
from gridgov.service import Service
from gridgov.sessions import Sessions, Throttle
from gridgov.settings import Settings
from gridgov.succession import carried_people

#: A name and a password; anybody may send them.
SIGN_IN_BYTES: Final = 8192
#: A rota of as many rows as one may have.
ROTA_BYTES: Final = 2 * duty.LONGEST_TABLE
#: In the order in which the API's description shows them.
NOUNS = (
    sessions,
    incidents,
    questions,
    duplicates,
    casefile,
    tasks,
    duty,
    clocks,
    overdue,
    photos,
    grids,
    tiles,
    ogc,
    rules,
    routing,
    closure,
    returns,
    people,
    city,
    editions,
    specialised,
    imports,
    outbox,
    health,
    pages,
    feed,
)


def create_app(
    service: Service, *, operator: str | None = None, passwords: Passwords | None = None
) -> FastAPI:
    """The app over an open service, which stays its caller's to close.

    ``operator`` is the token with which the machine's own command line signs in; ``passwords`` hashes them.
    """
    settings = service.settings
    app = FastAPI(
        title="gridgov", version="0.1.0", docs_url=None, redoc_url=None, lifespan=_lifespan, telemetry=_QUIET
    )
    app.state.parts = _parts(service, operator, passwords or Passwords())
    app.state.drawings = grids.Drawings()
    app.state.tiles = tiles.Drawn()
    app.state.comparisons = editions.Maps()
    app.state.sheets = specialised.Sheets()
    app.state.layers = Layers()
    app.state.figures = FiguresQueue()
    for noun in NOUNS:
        app.include_router(noun.router)
    if settings.bench:
        app.include_router(bench.router)
    problems.install(app)
    app.add_middleware(Door, limits=_limits(settings), new_id=new_id, clock=utcnow)
    return app


#: No telemetry leaves the process unless somebody wires it up.
_QUIET: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}


def _parts(service: Service, operator: str | None, passwords: Passwords) -> Parts:
    settings = service.settings
    hub = Hub(settings.feed_queue, settings.feed_coalesce_ms / 1000, settings.feed_heartbeat_s)
    signed_in = Sessions(
        service.reader, service.writer, service.clock, timedelta(hours=settings.session_hours)
    )
    service.on_commit.append(hub.publish)
    right = RightPasswords(service.clock)
    signed_in.on_change += [hub.scope_changed, right.forget]
    service.on_switch.append(partial(_tell_of_carried, service, signed_in))
    return Parts(
        service=service,
        sessions=signed_in,
        passwords=passwords,
        throttle=Throttle(),
        right=right,
        feed=Feed(service.reader, service.stream, hub, settings.feed_replay_max),
        operator=None if operator is None else operator_session(operator),
        hashing=anyio.CapacityLimiter(2),
        pictures=anyio.CapacityLimiter(2),
    )


def _tell_of_carried(service: Service, signed_in: Sessions) -> None:
    """Whoever was carried over to other grids sees them at once."""
    with service.reader.connect() as connection:
        for person in carried_people(connection, service.in_force.atlas.edition):
            signed_in.changed(person)


def _limits(settings: Settings) -> Limits:
    imported = Limit(settings.import_max_bytes, administrator)
    return Limits(
        Limit(settings.body_max_bytes),
        (
            ("/api/sessions", Limit(SIGN_IN_BYTES)),
            ("/api/photos", Limit(settings.photo_max_bytes, session_of)),
            ("/api/editions", imported),
            ("/api/specialised", imported),
            ("/api/imports", imported),
            ("/api/duty/import", Limit(ROTA_BYTES, writes_rota)),
        ),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    # One thread for each connection that reads: more would only wait for one.
    anyio.to_thread.current_default_thread_limiter().total_tokens = parts.service.settings.read_connections
    parts.feed.start()
    parts.service.relocator.start()
    parts.service.sweeper.start()
    parts.service.forgetter.start()
    parts.service.outbox.start()
    yield
    parts.feed.stop()
