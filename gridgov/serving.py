"""The server process: the service behind its HTTP face, from the open socket to the last answer."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import uvicorn

from gridgov import logs
from gridgov.app import create_app
from gridgov.clock import new_token
from gridgov.connections import BoundedHeads
from gridgov.errors import ServiceError
from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.statistics.keeping import Keeper
from gridgov.statistics.making import file_of
from gridgov.statistics.remote import Remote
from gridgov.storage.engine import database_file

#: Seconds that requests under way may still take when the server is told to stop.
GRACE_S: Final = 5
#: Bytes of a websocket's message taken: the feed takes none, and says so to whoever sends one.
LARGEST_MESSAGE: Final = 4096
#: Addresses that mean every interface; the machine itself is reached by its own.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- nothing is bound by this table


class PortTaken(ServiceError):
    """The server cannot listen there: something else does, or the address is not this machine's."""


def serve(settings: Settings, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve one installation until told to stop; ``ready`` is told the URL once it answers.

    With port 0 the system chooses one. The URL and a fresh operator token stand in the lock file, for the
    command line of whoever may read the store anyway. Raises PortTaken, StoreHeld, StoreNotReady.
    """
    logs.configure(settings.log_format, settings.log_level)
    token = new_token()
    with _listening(settings.host, settings.port) as listener, _stopped_in_order():
        url = url_of(listener)
        with Service.open(settings, url=url, token=token) as service, _figures_beside(service):
            server = _Server(_config(service, token), lambda: ready(url))
            server.run(sockets=[listener])


@contextmanager
def _figures_beside(service: Service) -> Iterator[None]:
    """The process that works out figures, where the settings want one: it runs as long as the server."""
    settings = service.settings
    if settings.statistics == "inside":
        yield
        return
    file = file_of(settings.statistics_folder, service.stream)
    keeper = Keeper(
        settings.database_url,
        database_file(settings.database_url),
        file,
        service.stream,
        settings.log_format,
        settings.log_level,
    )
    service.statistics = Remote(file)
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()


def url_of(listener: socket.socket) -> str:
    """Where the machine itself reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _config(service: Service, token: str) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(service, operator=token),
        http=BoundedHeads,
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_S,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=service.settings.trusted_proxies is not None,
        forwarded_allow_ips=service.settings.trusted_proxies or "",
    )


class _Server(uvicorn.Server):
    """Tells when it answers; what was made until then stays, so the collector need not look at it again."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; the polygons and rules loaded by now are most of the heap, and never garbage."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        if not self.should_exit:
            self._ready()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PortTaken(f"cannot listen on {host}: {error}", host=host, port=port) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            why = f"cannot listen on {host} port {port}: {error.strerror}; choose another GRIDGOV_PORT"
            raise PortTaken(why, host=host, port=port) from error
        yield listener


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """Being told to terminate ends the ``with`` blocks like being interrupted does: the store is closed."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
