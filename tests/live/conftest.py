"""The small town, served once for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gridgov.service import Service
from gridgov.settings import Settings
from gridgov.storage.setup import init
from tests.gridgov.conftest import fill
from tests.live.server import RunningServer, running
from tests.live.town import WHO, As, Person


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The small town, served."""
    folder = tmp_path_factory.mktemp("town")
    settings = Settings(data=folder)
    init(settings.database_url, "e")
    with Service.open(settings) as service:
        fill(service)
    with running(folder) as made:
        yield made
        assert not made.faults()


@pytest.fixture(scope="module")
def as_(town: RunningServer) -> Iterator[As]:
    """Everybody, signed in: the first time changes their password's hash to one of today's cost."""
    people = {name: Person(town.url, name) for name in WHO}
    yield people.__getitem__
    for person in people.values():
        person.client.close()
